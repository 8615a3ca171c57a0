"""Checks of lesson 12: the contrastive loss, the temperature, why the diagonal."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from . import Mistake, as_number, call, diagnose, exercise, same


@exercise("12.contrastive_loss")
def contrastive_loss(answer) -> None:
    """answer(images, texts, scale): (B, D), (B, D) of length 1 -> the symmetric loss, mean of both directions."""
    generator = torch.Generator().manual_seed(0)
    a, b = (F.normalize(torch.randn(5, 4, generator=generator), dim=1) for _ in range(2))
    value = as_number(call(answer, a, b, 3.0, shown="images, texts, 3.0"), "The loss")
    logits = 3.0 * a @ b.T
    truth = torch.arange(5)
    rows, columns = F.cross_entropy(logits, truth), F.cross_entropy(logits.T, truth)
    mistakes = {
        "Only one direction: pictures must find captions, and captions must find pictures.": rows,
        "Only one direction: captions find pictures; pictures must find captions, too.": columns,
        "Both directions are added: take their mean.": rows + columns,
        "The scale is not used.": (F.cross_entropy(a @ b.T, truth) + F.cross_entropy(b @ a.T, truth)) / 2,
        "You divide by the scale: it is 1 / temperature already, so multiply.": (
            F.cross_entropy(a @ b.T / 3, truth) + F.cross_entropy(b @ a.T / 3, truth)
        )
        / 2,
        "That is the mean similarity of the pairs: they must also win against all others, hence the cross-entropy.": (
            -logits.diag().mean()
        ),
        "You sum over the batch: take the mean.": 5 * (rows + columns) / 2,
    }
    diagnose(
        value, (rows + columns) / 2, mistakes, f"Here it is {float((rows + columns) / 2):.4f}; yours: {value:.4f}."
    )


@exercise("12.best_of")
def best_of(answer) -> None:
    """answer(scores, n): (N,) -> the index of the best-scored of the first n candidates."""
    scores = torch.tensor([0.2, 0.5, 0.1, 0.9, 0.3])
    for n, truth in ((1, 0), (2, 1), (3, 1), (4, 3), (5, 3)):
        value = as_number(call(answer, scores, n, shown=f"scores, {n}"), "The index")
        if value == truth:
            continue
        if same(value, scores[:n].max()):
            raise Mistake("That is the best score: its place is wanted, argmax.")
        if value == int(scores.argmax()):
            raise Mistake("You search all candidates: only the first n may be considered.")
        if value == int(scores[:n].argmin()):
            raise Mistake("That is the worst: a higher score fits better.")
        if value == truth + 1:
            raise Mistake("You count from 1, or skip the first: the first candidate has the index 0.")
        if n < 5 and value == int(scores[: n + 1].argmax()):
            raise Mistake(f"One candidate too many: of n = {n} the last has the index {n - 1}.")
        if value == int(scores[-n:].argmax()):
            raise Mistake("You take the last n candidates: take the first n.")
        raise Mistake(f"Of the first {n} scores of {scores.tolist()} the best is at {truth}, not {value:g}.")


@exercise("12.chance")
def chance(answer) -> None:
    """answer(batch): the loss, in nats, of a CLIP that finds all captions equally fitting."""
    for batch in (2, 8, 100):
        value = as_number(call(answer, batch, shown=f"{batch}"), "The loss")
        mistakes = {
            "That is the chance of being right: the loss is minus its logarithm.": 1 / batch,
            "The sign is turned: the loss is positive.": -math.log(batch),
            "In bits: use the natural logarithm.": math.log2(batch),
            "A batch of B has B candidates in each row, not B².": math.log(batch**2),
            "The right one is a candidate, too: B of them, not B - 1.": math.log(batch - 1) if batch > 1 else 0.0,
        }
        diagnose(
            value, math.log(batch), mistakes, f"For {batch} pairs it is {math.log(batch):.4f}; yours: {value:.4f}."
        )
