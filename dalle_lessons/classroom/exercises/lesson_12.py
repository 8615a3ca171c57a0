"""Checks of lesson 12: the contrastive loss, also the fair one; the best of n. Those of captions with
colors swapped: see `hard_negatives_12`."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from . import CheckFailed, as_number, call, check_gradient, diagnose, exercise, same
from .hard_negatives_12 import TWICE, hard_loss, swap_colors

__all__ = ["hard_loss", "swap_colors"]  # registered there
INF = "Your loss is infinite: a caption equals itself, too, so your own pairs are gone. Keep the diagonal."


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
        "You only draw the pairs together, which one vector for all would do: they must win against all others.": (
            1 - (a * b).sum(1).mean()
        ),
        "You take the mean over all cells: the right answers stand on the diagonal, only they count.": -both.mean() / 2,
        "That is in bits: use the natural logarithm.": right / math.log(2),
        "You compare pictures with pictures and captions with captions: compare pictures with captions.": (
            mean_of_both(3 * a @ a.T, 3 * b @ b.T)
        ),
        "You sum over the batch: take the mean.": 5 * right,
    }
    p, q = logits.softmax(1), logits.softmax(0)
    for first in (p, q, 3 * (a @ b.T).softmax(1), (a @ b.T).softmax(1)):  # one softmax, used for both directions
        for once in (mean_of_both(first, first.T), F.cross_entropy(first, truth)):
            if same(value, once):
                raise CheckFailed(TWICE)
    mistakes[TWICE] = mean_of_both(p, logits.T.softmax(1))
    diagnose(value, right, mistakes, f"Here it is {float(right):.4f}; yours: {value:.4f}.")
    check_gradient(answer, a, b, torch.tensor(3.0))


@exercise("12.fair_loss")
def fair_loss(answer) -> None:
    """answer(images, texts, scale, tokens): the same, where captions that occur twice are no wrong answers; tokens
    (B, T) are those of the captions."""
    generator = torch.Generator().manual_seed(1)
    a, b = (F.normalize(torch.randn(6, 4, generator=generator), dim=1) for _ in range(2))
    tokens = torch.tensor([[1, 5, 6, 0], [1, 7, 6, 0], [1, 5, 6, 0], [1, 7, 8, 2], [1, 5, 6, 0], [1, 7, 6, 0]])
    b = torch.stack(
        [b[int((tokens == row).all(dim=1).nonzero()[0])] for row in tokens]
    )  # equal captions, equal vectors
    value = call(answer, a, b, 3.0, tokens, shown="images, texts, 3.0, tokens")
    if isinstance(value, torch.Tensor) and value.numel() == 1 and not value.isfinite().all():
        raise CheckFailed(INF)
    value = as_number(value, "The loss")
    if math.isinf(value):
        raise CheckFailed(INF)
    logits, truth = 3.0 * a @ b.T, torch.arange(6)
    equal = (tokens[:, None] == tokens).all(dim=2)  # (6, 6), True on the diagonal too
    others = equal & ~torch.eye(6, dtype=torch.bool)

    def mean_of_both(rows, columns, labels=truth):
        return float(F.cross_entropy(rows, labels) + F.cross_entropy(columns, labels)) / 2

    def masked(where, fill=-torch.inf):
        left = logits.masked_fill(where, fill)
        return mean_of_both(left, left.T)

    def of(kept):
        small = logits[kept][:, kept]
        return mean_of_both(small, small.T, torch.arange(len(small)))

    first = equal.float().argmax(dim=1) == truth  # the first of equal ones
    left, shared = logits.masked_fill(others, -torch.inf), equal / equal.sum(1, keepdim=True)
    mistakes = {
        "Equal captions still count as wrong answers: nothing is left out.": mean_of_both(logits, logits.T),
        "You fill in 0: that is the logit of a middling candidate. Minus infinity takes it out of the softmax.": (
            masked(others, 0.0)
        ),
        "You leave equal captions out in the rows alone: of the columns, the choice among pictures, too.": (
            mean_of_both(left, logits.T)
        ),
        "You leave equal captions out in the columns alone: of the rows, the choice among captions, too.": (
            mean_of_both(logits, left.T)
        ),
        "All captions begin with the same start token: compare whole captions, with all(dim=-1).": 0.0,
        "You throw repeated pairs out of the batch: keep them, and leave only the entries out.": of(first),
        "You throw all pairs out whose caption occurs twice: keep them, and leave only the entries out.": of(
            equal.sum(1) == 1
        ),
        "You share the answer out among equal captions. That can be done, too; here they are left out.": (
            mean_of_both(logits, logits.T, shared)
        ),
        "Turned round: only the entries of equal captions are left in.": masked(~equal),
        "Both directions are added: take their mean.": 2 * masked(others),
        "The scale is not used.": mean_of_both(left / 3, left.T / 3),
        "The sign is turned: the loss is minus the logarithm, so it is positive.": -masked(others),
    }
    diagnose(value, masked(others), mistakes, f"Here it is {masked(others):.4f}; yours: {value:.4f}.")
    check_gradient(answer, a, b, torch.tensor(3.0), tokens)


@exercise("12.best_of")
def best_of(answer) -> None:
    """answer(scores, right, n): (C, N) scores and (C, N) bool -> the share of captions of which the best-scored of the
    first n candidates is right."""
    scores = torch.tensor(
        [
            [0.2, 0.5, -0.95, 0.1, 0.9, 0.3],
            [0.4, 0.1, 0.7, 0.2, 0.6, 0.8],
            [0.3, 0.3, 0.1, 0.3, 0.2, 0.0],
            [0.9, 0.8, 0.7, 0.6, 0.5, 0.4],
            [0.1, 0.6, 0.2, 0.9, 0.3, 0.5],
        ]
    )
    right = torch.tensor(
        [[0, 1, 1, 0, 0, 1], [1, 0, 1, 0, 0, 1], [1, 0, 0, 0, 1, 1], [0, 0, 1, 0, 0, 1], [0, 0, 1, 1, 0, 1]]
    ).bool()
    counts, given = (1, 2, 3, 4, 6), []
    for n in counts:
        value = call(answer, scores, right, n, shown=f"scores, right, {n}")
        if isinstance(value, torch.Tensor) and value.shape == (5,):
            raise CheckFailed("One entry for each caption: give the share of captions, their mean.")
        given.append(as_number(value, "The share"))

    def share(pick):
        return [float(right[torch.arange(5), pick(n)].float().mean()) for n in counts]

    def last(part):
        return part.shape[1] - 1 - part.flip(1).argmax(1)

    truth = share(lambda n: scores[:, :n].argmax(1))
    mistakes = {
        "You search all candidates: only the first n may be considered.": share(lambda n: scores.argmax(1)),
        "That is the worst: a higher score fits better.": share(lambda n: scores[:, :n].argmin(1)),
        "One candidate too many: the slice [:, : n] holds n of them.": share(lambda n: scores[:, : n + 1].argmax(1)),
        "One candidate too few: the slice [:, : n] holds n of them.": share(
            lambda n: scores[:, : max(n - 1, 1)].argmax(1)
        ),
        "You take the last n candidates: take the first n.": share(lambda n: 6 - n + scores[:, -n:].argmax(1)),
        "You sort first, and then the places are lost: search in the scores as they stand.": share(
            lambda n: torch.zeros(5, dtype=torch.long)
        ),
        "You take the largest amount: -0.95 is a bad score, not a good one.": share(
            lambda n: scores[:, :n].abs().argmax(1)
        ),
        "Of equal scores you take the last: take the first, as argmax does.": share(lambda n: last(scores[:, :n])),
        "Is any of the n right? That is what the checker would pick; CLIP picks by its scores.": [
            float(right[:, :n].any(1).float().mean()) for n in counts
        ],
        "That is the share of all candidates that are right, as if one were picked at random.": [
            float(right[:, :n].float().mean()) for n in counts
        ],
        "That is how many captions: divide by their number.": [5 * part for part in truth],
        "That is in percent: a share lies between 0 and 1.": [100 * part for part in truth],
        "That is the mean best score: count how often the picture with that score is right.": [
            float(scores[:, :n].max(1).values.mean()) for n in counts
        ],
        "You search across the captions: each caption has candidates of its own, in its row (dim=1).": [
            float(right[scores[:, :n].argmax(0), torch.arange(n)].float().mean()) for n in counts
        ],
    }
    first = next((i for i in range(len(counts)) if not same(given[i], truth[i])), 0)
    otherwise = f"For the first {counts[first]} candidates the share is {truth[first]:g}, not {given[first]:g}."
    diagnose(given, truth, mistakes, otherwise)
