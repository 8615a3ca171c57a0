"""Checks of lesson 12: the contrastive loss, the temperature, why the diagonal."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from . import CheckFailed, as_number, call, check_gradient, diagnose, exercise, same


@exercise("12.contrastive_loss")
def contrastive_loss(answer) -> None:
    """answer(images, texts, scale): (B, D), (B, D) of length 1 -> the symmetric loss, mean of both directions."""
    generator = torch.Generator().manual_seed(0)
    a, b = (F.normalize(torch.randn(5, 4, generator=generator), dim=1) for _ in range(2))
    value = as_number(call(answer, a, b, 3.0, shown="images, texts, 3.0"), "The loss")
    truth = torch.arange(5)

    def mean_of_both(rows, columns, labels=truth):
        return (F.cross_entropy(rows, labels) + F.cross_entropy(columns, labels)) / 2

    def scaled(scale):
        return mean_of_both(scale * a @ b.T, scale * b @ a.T)

    logits = 3.0 * a @ b.T
    right = scaled(3.0)
    both = logits.log_softmax(1) + logits.log_softmax(0)
    mistakes = {
        "Only one direction: pictures must find captions, and captions must find pictures.": (
            F.cross_entropy(logits, truth)
        ),
        "Only one direction: captions find pictures; pictures must find captions, too.": (
            F.cross_entropy(logits.T, truth)
        ),
        "Both directions are added: take their mean.": 2 * right,
        "The scale is not used.": scaled(1.0),
        "You divide by the scale: it is 1 / temperature already, so multiply.": scaled(1 / 3),
        "You take exp of the scale: it is the scale itself, not its logarithm.": scaled(math.exp(3)),
        "The right answer is not always number 0: caption i belongs to picture i, so the labels are 0, 1, 2, …": (
            mean_of_both(logits, logits.T, torch.zeros_like(truth))
        ),
        "You take the softmax twice: cross_entropy wants logits and has a softmax of its own.": (
            mean_of_both(logits.softmax(1), logits.T.softmax(1))
        ),
        "The sign is turned: the loss is minus the logarithm, so it is positive.": -right,
        "That is the mean similarity of the pairs: they must also win against all others, hence the cross-entropy.": (
            -logits.diag().mean()
        ),
        "One softmax over the whole matrix: each row is a choice of its own, and so is each column.": (
            -logits.flatten().log_softmax(0).reshape(5, 5).diag().mean()
        ),
        "You ask yes or no for each cell: each row is one choice among B captions, a cross-entropy over the row.": (
            F.binary_cross_entropy_with_logits(logits, torch.eye(5))
        ),
        "That is the squared distance to the identity matrix: each row is a choice, so take the cross-entropy.": (
            F.mse_loss(logits, torch.eye(5))
        ),
        "You take the mean over all cells: the right answers stand on the diagonal, only they count.": -both.mean() / 2,
        "That is in bits: use the natural logarithm.": right / math.log(2),
        "You compare pictures with pictures and captions with captions: compare pictures with captions.": (
            mean_of_both(3 * a @ a.T, 3 * b @ b.T)
        ),
        "You sum over the batch: take the mean.": 5 * right,
    }
    diagnose(value, right, mistakes, f"Here it is {float(right):.4f}; yours: {value:.4f}.")
    check_gradient(answer, a, b, torch.tensor(3.0))


@exercise("12.best_of")
def best_of(answer) -> None:
    """answer(scores, n): (N,) -> the index of the best-scored of the first n candidates."""
    scores = torch.tensor([0.2, 0.5, -0.95, 0.1, 0.9, 0.3, 0.7])
    several = {
        "You give the n best of all: of the first n candidates the best one is wanted.": (
            lambda n: scores.topk(n).indices
        ),
        "You give the whole order: the best one's place is enough.": lambda n: scores[:n].argsort(descending=True),
    }
    given = []
    for n in range(1, 8):
        value = call(answer, scores, n, shown=f"scores, {n}")
        if isinstance(value, torch.Tensor) and value.numel() > 1:
            for sentence, wrong in several.items():
                if same(value, wrong(n)):
                    raise CheckFailed(sentence)
        value = as_number(value, "The index")
        if value not in range(-7, 8):
            score = same(value, scores[:n].max())
            raise CheckFailed(
                "That is the best score: its place is wanted, argmax."
                if score
                else f"The index should be a whole number, 0 to 6, and is {value:g}."
            )
        given.append(value)
        if n == 6 and given == [int(scores[m:].argmax()) for m in range(1, 7)]:
            raise CheckFailed("You take the candidates after the first n: take the first n.")
    cuts = [scores[:n] for n in range(1, 8)]
    truth = [int(cut.argmax()) for cut in cuts]
    mistakes = {
        "You search all candidates: only the first n may be considered.": [int(scores.argmax())] * 7,
        "That is the worst: a higher score fits better.": [int(cut.argmin()) for cut in cuts],
        "One candidate too many: of n = 3 the last has the index 2.": [
            int(scores[: n + 1].argmax()) for n in range(1, 8)
        ],
        "One candidate too few: the slice [: n] holds n of them.": [0] + truth[:-1],
        "You count from 1: the first candidate has the index 0.": [place + 1 for place in truth],
        "You take the last n candidates: take the first n.": [int(scores[-n:].argmax()) for n in range(1, 8)],
        "That is the n-th best: the best of the first n is wanted.": scores.argsort(descending=True),
        "You sort first, and then the places are lost: search in the scores as they stand.": [0] * 7,
        "You take the largest amount: -0.95 is a bad score, not a good one.": [int(cut.abs().argmax()) for cut in cuts],
    }
    first = next((n for n in range(7) if given[n] != truth[n]), 0)
    otherwise = f"Of the first {first + 1} scores the best is at {truth[first]}, not {given[first]:g}."
    diagnose(given, truth, mistakes, otherwise)


@exercise("12.chance")
def chance(answer) -> None:
    """answer(batch): the loss, in nats, of a CLIP that finds all captions equally fitting."""
    for batch in (8, 2, 100):
        value = as_number(call(answer, batch, shown=f"{batch}"), "The loss")
        mistakes = {
            "That is the chance of being right: the loss is minus its logarithm.": 1 / batch,
            "That is the share of wrong guesses: the loss is minus the logarithm of the right one's chance.": (
                1 - 1 / batch
            ),
            "The sign is turned: the loss is positive.": -math.log(batch),
            "In bits: use the natural logarithm.": math.log2(batch),
            "That is the logarithm of base 10: nats need the natural one.": math.log10(batch),
            "Twice too much: the two directions are averaged, not added, and each has B candidates, not B².": (
                2 * math.log(batch)
            ),
            "Half of it: the mean of two equal directions is as large as each.": math.log(batch) / 2,
            "You sum over the batch: the loss is the mean.": batch * math.log(batch),
            "It is a choice among all B captions, not between right and wrong, two.": math.log(2),
            "The right one is a candidate, too: B of them, not B - 1.": math.log(batch - 1) if batch > 1 else 0.0,
            "You use 96 whatever the batch is: use the argument.": math.log(96),
            "Nothing learned is no loss of 0: 0 would be certainty. How likely is the right one by guessing?": 0.0,
        }
        diagnose(
            value, math.log(batch), mistakes, f"For {batch} pairs it is {math.log(batch):.4f}; yours: {value:.4f}."
        )
