"""Check of lesson 10, on four broken trainings.

The four faults are put in by `spoil`. Do not read on before you have answered: the answers stand below.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from ...model.dalle import DALLE
from . import CheckFailed, describe, exercise

CAUSES = {"A": "e", "B": "c", "C": "d", "D": "a"}  # of each broken training, as the lesson lists them
FEW = 128  # pictures, of the training that learns them by heart


def _with_the_answer(module: nn.Module, arguments: tuple, x: Tensor) -> Tensor:
    """(B, S, C) -> (B, S, C): each slot's vector plus that of the slot after it."""
    return x + F.pad(x[:, 1:], (0, 0, 0, 1))


def spoil(name: str, model: DALLE, lr: float, known: int) -> tuple[float, int, bool]:
    """Put fault "A", "B", "C" or "D" into a training that was in order; changes the model in place if that is where
    it is.

    known: how many training pairs there are. Returns the learning rate, the number of pairs to train with, and whether
    each picture gets another one's caption.
    """
    shuffled = name == "A"
    if name == "B":
        known = FEW
    elif name == "C":  # every slot is fed the next one's token too, which is its answer
        model.embedding.register_forward_hook(_with_the_answer)
    elif name == "D":
        lr = 10 * lr
    elif name != "A":
        raise ValueError(f"There is no fault {name!r}: choose A, B, C or D.")
    return lr, known, shuffled


@exercise("10.causes")
def causes(answer) -> None:
    """answer: four letters, the causes of the broken trainings A, B, C, D."""
    if isinstance(answer, dict):
        keys = {str(key).strip().upper(): value for key, value in answer.items()}
        if set(keys) != set(CAUSES):
            raise CheckFailed("Name the cause of each of the four: A, B, C and D.")
        answer = [keys[name] for name in CAUSES]
    if isinstance(answer, str):
        answer = answer.replace(",", " ").replace(" ", "")
    if not isinstance(answer, (str, list, tuple)) or not all(isinstance(letter, str) for letter in answer):
        raise CheckFailed(f"Give four letters, for A, B, C and D, such as 'abcd', not {describe(answer)}.")
    letters = [letter.strip().lower() for letter in answer]
    if len(letters) != 4 or not all(letter in ("a", "b", "c", "d", "e") for letter in letters):
        raise CheckFailed("Give four letters from a to e, the causes of A, B, C and D in this order.")
    reasons = {
        "A": {
            "a": "A's curve falls smoothly, as in the healthy training, and then stops: too long steps jump.",
            "b": "A comes down as quickly as the healthy training at first: with a low rate it would be slow.",
            "c": "In A training and held-out pictures stop together: learning by heart would draw the two apart.",
            "d": "A stops above the healthy training: whoever sees the answers comes near 0.",
        },
        "B": {
            "a": "B learns its training pictures well, so the rate is not too high: look at the held-out line.",
            "b": "B's training loss falls fast, so the rate is not too low: look at the held-out line.",
            "d": "With the answers in sight B's held-out loss would be near 0 as well.",
            "e": "With captions of other pictures both lines would stop together; B's two lines part.",
        },
        "C": {
            "a": "C's loss falls faster than in the healthy training: too high a rate does not help that much.",
            "b": "C's loss falls faster than in the healthy training: too low a rate would be slow.",
            "c": "In C the held-out pictures are predicted as well as those of training: nothing was learned by heart.",
            "e": "C knows more than any caption can say: with captions of other pictures it would know less.",
        },
        "D": {
            "b": "D jumps about, far above the healthy training: with a low rate it would fall slowly and smoothly.",
            "c": "In D training and held-out stay together: learning by heart would draw them apart.",
            "d": "D stays far above the healthy training: whoever sees the answers comes near 0.",
            "e": "D loses more than its captions: it hardly learns that most of a picture is white.",
        },
    }
    for (name, right), letter in zip(CAUSES.items(), letters, strict=True):
        if letter != right:
            raise CheckFailed(reasons[name][letter])
