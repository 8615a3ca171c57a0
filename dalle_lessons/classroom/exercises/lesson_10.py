"""Checks of lesson 10: the first loss, the learning rate's schedule, three broken trainings and their causes.

The three faults are put in by `spoil`. Do not read on before you have answered: the answers stand below.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...model.dalle import DALLE
from . import CheckFailed, as_number, as_tensor, call, describe, diagnose, exercise

CAUSES = {"A": "d", "B": "a", "C": "c"}  # of each broken training, as the lesson lists them


def _with_the_answer(module: nn.Module, arguments: tuple, x: Tensor) -> Tensor:
    """(B, S, C) -> (B, S, C): each slot's vector plus that of the slot after it."""
    return x + F.pad(x[:, 1:], (0, 0, 0, 1))


def spoil(name: str, model: DALLE, lr: float, known: int) -> tuple[float, int]:
    """Put fault "A", "B" or "C" into a training that was in order; changes the model in place if that is where it is.

    known: how many training pairs there are. Returns the learning rate and the number of pairs to train with.
    """
    if name == "A":  # every slot is fed the next one's token too, which is its answer
        model.embedding.register_forward_hook(_with_the_answer)
    elif name == "B":
        lr = 10 * lr
    elif name == "C":
        known = 64
    else:
        raise ValueError(f"There is no fault {name!r}: choose A, B or C.")
    return lr, known


@exercise("10.first_loss")
def first_loss(answer) -> None:
    """answer(words, codes): nats of the total loss while all text tokens and all codes seem equally likely."""
    for words, codes in ((352, 256), (16384, 8192)):
        value = as_number(call(answer, words, codes, shown=f"{words}, {codes}"), "The first loss")
        text, image = math.log(words), math.log(codes)
        truth = text / 8 + 7 * image / 8
        mistakes = {
            "That is in bits: this course counts nats, so take the natural logarithm.": truth / math.log(2),
            "That is the logarithm to base 10: nats need the natural one, math.log.": truth / math.log(10),
            "The weights are exchanged: 1/8 is the text's, 7/8 the image's.": 7 * text / 8 + image / 8,
            "That is the image's part alone: the total has 1/8 of the text's loss too.": image,
            "That is the text's part alone: the total is 1/8 of it and 7/8 of the image's.": text,
            "The weights are missing: 1/8 for the text, 7/8 for the image.": text + image,
            "The two parts do not count alike: 1/8 for the text, 7/8 for the image.": (text + image) / 2,
            "The two vocabularies stay apart: each slot chooses in its own, so there are two logarithms.": math.log(
                words + codes
            ),
            "Weigh the two logarithms, not the two sizes.": math.log(words / 8 + 7 * codes / 8),
            "That is a chance; the loss is minus its logarithm.": 1 / words / 8 + 7 / codes / 8,
            "The sign: a chance below 1 has a negative logarithm, and the loss is minus that.": -truth,
        }
        diagnose(value, truth, mistakes, f"For {words} text tokens and {codes} codes it is {truth:.3f} nats.")


@exercise("10.lr_multiplier")
def lr_multiplier(answer) -> None:
    """answer(step, steps, warmup, final): the learning rate as a share of its peak."""
    for steps, warmup, min_lr_ratio in ((40, 8, 0.1), (25, 5, 0.0)):
        given = [call(answer, step, steps, warmup, min_lr_ratio, shown=f"{step}, …") for step in range(steps)]
        value = torch.tensor([as_number(share, "The share") for share in given], dtype=torch.float64)
        step = torch.arange(steps, dtype=torch.float64)
        warm, done = step < warmup, (step - warmup) / (steps - warmup)
        rise = (step + 1) / warmup

        def after(fall, start=rise, warm=warm):
            return torch.where(warm, start, fall)

        wave = 0.5 * (1 + (math.pi * done).cos())
        whole = 0.5 * (1 + (math.pi * step / steps).cos())
        truth = after(min_lr_ratio + (1 - min_lr_ratio) * wave)
        mistakes = {
            "Step 0 has rate 0, so it does nothing: begin with 1 / warmup.": after(
                min_lr_ratio + (1 - min_lr_ratio) * wave, step / warmup
            ),
            "The cosine begins after the warm-up: count its steps from there.": after(
                min_lr_ratio + (1 - min_lr_ratio) * whole
            ),
            "There is no warm-up: the first steps grow up to the peak.": min_lr_ratio + (1 - min_lr_ratio) * whole,
            "In the warm-up the rate grows: (step + 1) / warmup.": after(
                min_lr_ratio + (1 - min_lr_ratio) * wave, torch.ones_like(step)
            ),
            "It falls along a straight line: the cosine is slow at first and at the end.": after(
                min_lr_ratio + (1 - min_lr_ratio) * (1 - done)
            ),
            "It falls to 0: it should end at `min_lr_ratio`.": after(wave),
            "At its start the fall is not at 1: the part that falls is 1 - min_lr_ratio.": after(min_lr_ratio + wave),
            "It falls below 0: half of (1 + cosine) goes from 1 to 0.": after(
                min_lr_ratio + (1 - min_lr_ratio) * (math.pi * done).cos()
            ),
            "math.cos takes radians: half a wave is math.pi.": after(
                min_lr_ratio + (1 - min_lr_ratio) * 0.5 * (1 + done.cos())
            ),
            "It stays at the peak after the warm-up: the cosine is missing.": after(torch.ones_like(step)),
            "It grows after the warm-up: the fall begins at 1 and ends at `min_lr_ratio`.": after(
                min_lr_ratio + (1 - min_lr_ratio) * (1 - wave)
            ),
            "A whole wave comes back up: half a wave ends low.": after(
                min_lr_ratio + (1 - min_lr_ratio) * 0.5 * (1 + (2 * math.pi * done).cos())
            ),
        }
        text = f"With {steps} steps, {warmup} of them warm-up, the share rises to 1 and falls to about {min_lr_ratio}."
        diagnose(as_tensor(value, (steps,)), truth, mistakes, text)


@exercise("10.causes")
def causes(answer) -> None:
    """answer: three letters, the causes of the broken trainings A, B, C."""
    if isinstance(answer, dict):
        keys = {str(key).strip().upper(): value for key, value in answer.items()}
        if set(keys) != set(CAUSES):
            raise CheckFailed("Name the cause of each of the three: A, B and C.")
        answer = [keys[name] for name in CAUSES]
    if isinstance(answer, str):
        answer = answer.replace(",", " ").replace(" ", "")
    if not isinstance(answer, (str, list, tuple)) or not all(isinstance(letter, str) for letter in answer):
        raise CheckFailed(f"Give three letters, for A, B and C, such as 'abc', not {describe(answer)}.")
    letters = [letter.strip().lower() for letter in answer]
    if len(letters) != 3 or not all(letter in ("a", "b", "c", "d", "e") for letter in letters):
        raise CheckFailed("Give three letters from a to e, the causes of A, B and C in this order.")
    reasons = {
        "A": {
            "a": "A's loss falls faster than in the training in order: too high a rate does not help that much.",
            "b": "A's loss falls faster than in the training in order: too low a rate would be slow.",
            "c": "In A the held-out pictures are foreseen as well as those of training: nothing was learned by heart.",
            "e": "A knows more than any caption can say: with wrong captions it would know less.",
        },
        "B": {
            "b": "B jumps about, far above the training in order: with a low rate it would fall slowly and smoothly.",
            "c": "In B training and held-out stay together: learning by heart would draw them apart.",
            "d": "B stays far above the training in order: whoever sees the answers comes near 0.",
            "e": "B loses more than its captions: it hardly learns that most of a picture is white.",
        },
        "C": {
            "a": "C learns its training pictures well, so the rate is not too high: look at the held-out line.",
            "b": "C's training loss falls fast, so the rate is not too low: look at the held-out line.",
            "d": "With the answers in sight C's held-out loss would be near 0 as well.",
            "e": "With wrong captions train and held-out would stop together; C's two lines part.",
        },
    }
    for (name, right), letter in zip(CAUSES.items(), letters, strict=True):
        if letter != right:
            raise CheckFailed(reasons[name][letter])
