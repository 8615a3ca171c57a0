"""Checks of lesson 16: parameters by formula, FLOPs of a drawing, energy, a trip through 16 bits, a step's order."""

from __future__ import annotations

import torch

from ...model.dalle import DALLE, DALLEConfig
from . import CheckFailed, as_number, as_tensor, call, diagnose, exercise


@exercise("16.dalle_parameters")
def dalle_parameters(answer) -> None:
    """answer(c): how many numbers the model of the configuration c holds."""
    for c in (DALLEConfig(50, 6, 3, 4, 20, 8, 2, 2), DALLEConfig(vocab_size=90, codes=30, width=16, layers=5, heads=1)):
        with torch.device("meta"):
            truth = sum(p.numel() for p in DALLE(c).parameters())
        value = as_number(call(answer, c, shown="c"), "The number of parameters")
        w, tables, heads = c.width, c.vocab_size + c.codes, (c.width + 1) * (c.vocab_size + c.codes)
        blocks, places = c.layers * (12 * w * w + 13 * w), (2 * c.text_length + c.rows + c.cols) * w
        mistakes = {
            "Those are the blocks alone: the embeddings and the two heads are parameters too.": blocks,
            "The embeddings are missing: words, positions, pads, codes, rows, columns, [SEP].": blocks + 2 * w + heads,
            "The heads are missing: they are tables of their own, not the embeddings once more.": truth - heads,
            "The heads' matrices are missing: each holds width numbers for each word or code, beside the bias.": truth
            - w * tables,
            "The heads' biases are missing: one number for each word and each code.": truth - tables,
            "The last norm, after all blocks, is missing: a scale and a shift.": truth - 2 * w,
            "One vector is missing: the separator, or half of the last norm (a scale and a shift).": truth - w,
            "The separator is one vector, of width numbers, and not one number.": truth - w + 1,
            "The last norm and the separator are missing: three vectors.": truth - 3 * w,
            "The pads are missing: one vector for each text position, beside the positions' own.": truth
            - c.text_length * w,
            "The positions are missing: text positions, pads, rows and columns.": truth - places,
            "Each slot of the picture has no position of its own: a row and a column are added, rows + cols.": truth
            + (c.rows * c.cols - c.rows - c.cols) * w,
            "A block has biases and norms beside its matrices: 12 C² + 13 C.": truth - c.layers * 13 * w,
            "You count one block: there are c.layers of them.": truth - (c.layers - 1) * (12 * w * w + 13 * w),
            "The image side is missing: an embedding and a head for the codes too.": truth - c.codes * (2 * w + 1),
            "The text side is missing: an embedding and a head for the words too.": truth - c.vocab_size * (2 * w + 1),
        }
        diagnose(
            value,
            truth,
            mistakes,
            f"For width {w}, {c.layers} layers, {c.vocab_size} words and {c.codes} codes it is {truth:,}, not "
            f"{value:,.0f}: blocks, last norm, tables, separator, heads.",
            1e-12,
        )


@exercise("16.drawing_flops")
def drawing_flops(answer) -> None:
    """answer(parameters, text, image, cached): 2 FLOPs a parameter and token fed."""
    n, text, image = 1_000_003, 7, 13
    shown = "parameters, text, image, cached"
    fed = text + image - 1  # each token once; the last one drawn is fed to nobody
    again = sum(text + k for k in range(image))
    value = as_number(call(answer, n, text, image, True, shown=shown), "The FLOPs with a cache")
    mistakes = {
        "Nothing is learned here: drawing is the forward pass, 2 FLOPs a parameter and token, not 6.": 6 * n * fed,
        "A multiplication and an addition are two operations: 2 FLOPs a parameter and token.": n * fed,
        "The last image token is drawn, but fed to nobody: one token less.": 2 * n * (text + image),
        "The caption's tokens pass through the model too, once.": 2 * n * image,
        "The caption must be read first, and each image token but the last is fed as well.": 2 * n * (image - 1),
        "You count only the caption: each image token but the last is fed as well.": 2 * n * text,
        "That is without a cache: with one, each token is fed once.": 2 * n * again,
        "That is a training step on such a sequence: drawing is the forward pass alone.": 6 * n * (text + image),
    }
    words = f"With a cache each token is fed once, but for the last one drawn: {fed} tokens for 7 of text, 13 of image."
    diagnose(value, 2 * n * fed, mistakes, words, 1e-6)
    value = as_number(call(answer, n, text, image, False, shown=shown), "The FLOPs without a cache")
    mistakes = {
        "Without a cache it costs more: for each new token, all before it are fed again.": 2 * n * fed,
        "The first image token needs the caption alone: start there, and end before the last.": 2
        * n
        * sum(text + k for k in range(1, image + 1)),
        "The sum ends before the last image token, which is fed to nobody.": 2
        * n
        * sum(text + k for k in range(image + 1)),
        "The caption is fed again for each new token too.": 2 * n * (text + sum(range(image))),
        "You leave the caption out: it is fed again for each new token.": 2 * n * sum(range(image)),
        "Each new token needs those drawn so far, not all that will ever be there.": 2 * n * image * (text + image),
        "Each new token needs those drawn so far, and not always all of them.": 2 * n * image * fed,
        "Nothing is learned here: 2 FLOPs a parameter and token, not 6.": 6 * n * again,
    }
    words = f"Image token k (from 0) needs the caption and k tokens fed: in all {again} for 7 of text, 13 of image."
    diagnose(value, 2 * n * again, mistakes, words, 1e-6)


@exercise("16.kilowatt_hours")
def kilowatt_hours(answer) -> None:
    """answer(flops, peak, used, watts, overhead): energy in kWh."""
    given = flops, peak, used, watts, overhead = 7e15, 2e12, 0.4, 250.0, 1.5
    value = as_number(call(answer, *given, shown="flops, peak, used, watts, overhead"), "The energy")
    seconds = flops / (peak * used)
    truth = seconds * watts * overhead / 3.6e6
    mistakes = {
        "That is in watt-seconds (joules): a kilowatt-hour is 1,000 watts for 3,600 seconds.": truth * 3.6e6,
        "That is in watt-hours: divide by 1,000 once more.": truth * 1e3,
        "That is in kilowatt-seconds: divide by 3,600 once more.": truth * 3600,
        "An hour has 3,600 seconds, not 60.": truth * 60,
        "The overhead is missing: the building takes `overhead` watts for each watt of the GPU.": truth / overhead,
        "The overhead makes it more, not less: multiply by it.": truth / overhead**2,
        "You take the peak: the GPU reaches only the share `used` of it, so it takes longer.": truth * used,
        "A smaller share used means more seconds: divide by peak · used.": truth * used**2,
        "That is the time alone, in hours: multiply by kilowatts.": seconds / 3600,
        "That is the time alone, in seconds: multiply by watts.": seconds,
    }
    diagnose(value, truth, mistakes, f"It takes {seconds:,.0f} seconds at {watts:.0f} · {overhead} watts.", 1e-9)


@exercise("16.through_half")
def through_half(answer) -> None:
    """answer(gradient, scale): scaled, through float16, and back to what it was, in float32."""
    gradient = torch.tensor([3.1e-9, -4.7e-8, 2.3e-6, -1.9e-4, 0.0, 5.3e-5, 8.8e-8])
    for scale in (2.0**10, 2.0**16, 1.0):
        value = as_tensor(call(answer, gradient, scale, shown="gradient, scale"), (7,), "The gradient")
        carried = (gradient * scale).half()
        truth = carried.float() / scale
        if not value.is_floating_point() or value.dtype == torch.float16:
            raise CheckFailed("Give the gradient back in 32 bits: float() before the division, and no half() after it.")
        mistakes = {
            "Nothing was lost: the numbers must really pass through float16, with half().": gradient,
            "The small numbers pass through 16 bits unscaled: multiply before half(), and float() before you divide.": (
                gradient.half().float()
            ),
            "It is still scaled: divide by the scale afterwards, or each step would be that much too long.": (
                carried.float()
            ),
            "You divide first and multiply afterwards: that makes small numbers smaller still.": (
                (gradient / scale).half().float() * scale
            ),
            "That is bfloat16, which has more room for exponents: V100s had float16 alone.": (
                (gradient * scale).bfloat16().float() / scale
            ),
        }
        for sentence, wrong in mistakes.items():
            if torch.equal(value.float(), wrong) and not torch.equal(wrong, truth):
                raise CheckFailed(sentence)
        if not torch.allclose(value.float(), truth, rtol=1e-6, atol=1e-14):
            raise CheckFailed(
                "Multiply by the scale, go to float16 and back to float32, divide by the scale: in this order."
            )


STEPS = {
    "a": "the optimizer's step",
    "b": "multiply the loss by the scale",
    "c": "clip",
    "d": "divide the gradients by the scale",
    "e": "the backward pass",
    "f": "is a gradient not finite? then leave the step out",
}
BEFORE = (  # (first, second, what goes wrong the other way round)
    ("b", "e", "The loss is scaled after the backward pass: the gradients have been through 16 bits already."),
    ("e", "d", "The gradients are divided before the backward pass has made them."),
    ("e", "c", "You clip before the backward pass has made the gradients."),
    ("e", "a", "The optimizer steps before the backward pass: there are no gradients yet."),
    ("e", "f", "You look for numbers that are not finite before the backward pass has made any."),
    ("d", "a", "The optimizer steps with gradients that are still scaled: divide first."),
    ("d", "c", "You clip while they are still scaled: how much is cut then depends on the scale, not on the gradient."),
    ("c", "a", "You clip after the step: it was taken with the long gradient."),
    ("f", "a", "You look after the step: the weights are infinite or not a number already."),
)


@exercise("16.order")
def order(answer) -> None:
    """answer: the letters of STEPS in an order that works."""
    if not isinstance(answer, str):
        raise CheckFailed('Write the order as text, each letter once: order = "abcdef", but in the right order.')
    letters = "".join(answer.lower().replace(",", " ").split())
    if sorted(letters) != sorted(STEPS):
        missing = [letter for letter in STEPS if letter not in letters]
        raise CheckFailed(
            f"The letter {missing[0]} is missing: {STEPS[missing[0]]}."
            if missing
            else "Write each of the six letters a to f once, and nothing else."
        )
    for first, second, sentence in BEFORE:
        if letters.index(first) > letters.index(second):
            raise CheckFailed(sentence)
