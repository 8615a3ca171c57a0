"""Checks of lesson 16: the parameters of a DALL·E by formula, the FLOPs of a training, a trip through 16 bits."""

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
            "The heads' biases are missing: one number for each word and each code.": truth - tables,
            "The last norm, after all blocks, is missing: a scale and a shift.": truth - 2 * w,
            "The separator is missing: one vector.": truth - w,
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


@exercise("16.training_flops")
def training_flops(answer) -> None:
    """answer(parameters, steps, batch, length): 6 · N · D."""
    n, steps, batch, length = 1_000_003, 70, 11, 130
    value = as_number(call(answer, n, steps, batch, length, shown="parameters, steps, batch, length"), "The FLOPs")
    tokens = steps * batch * length
    mistakes = {
        "That is the forward pass alone: the backward pass costs twice as much again.": 2 * n * tokens,
        "That is the backward pass alone: the forward pass comes on top.": 4 * n * tokens,
        "A multiplication and an addition are two operations: 6 a parameter and token, not 3.": 3 * n * tokens,
        "One operation a parameter and token is too few: 2 forward, 4 backward.": n * tokens,
        "That is one step: the training has `steps` of them.": 6 * n * batch * length,
        "You count sequences, not tokens: each has `length` tokens.": 6 * n * steps * batch,
        "The batch is missing: each step takes `batch` sequences.": 6 * n * steps * length,
        "A token costs 6 N, whichever its place: the length counts once, not squared.": 6 * n * tokens * length,
        "That is the number of tokens, D: multiply by 6 N.": tokens,
    }
    diagnose(value, 6 * n * tokens, mistakes, "6 · N · D, and D, the tokens seen, is steps · batch · length.", 1e-6)


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
