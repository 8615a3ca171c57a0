"""Checks of lesson 07: the causal mask, masking before the softmax, attention and its scale. Those of heads: see
`heads_07`."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from . import CheckFailed, as_tensor, call, diagnose, exercise, same
from .heads_07 import looks_up, merge, switch_off

__all__ = ["looks_up", "merge", "switch_off"]  # registered there


@exercise("07.attention")
def attention(answer) -> None:
    """answer(q, k, v, mask): (S, C), (S, C), (S, D), (S, S) bool -> (S, D) = softmax(q·k / sqrt(C), masked) v."""
    generator = torch.Generator().manual_seed(0)
    q, k = torch.randn(5, 4, generator=generator), torch.randn(5, 4, generator=generator)
    v = torch.randn(5, 3, generator=generator)
    mask = torch.ones(5, 5, dtype=torch.bool).tril()
    shown = "q and k of shape (5, 4), v of shape (5, 3), a mask of shape (5, 5)"
    try:
        given = call(answer, q, k, v, mask, shown=shown)
    except CheckFailed as mistake:
        if "(5x4 and 5x4)" in str(mistake):
            raise CheckFailed(
                "A table (S, C) times a table (S, C) does not go: k must be transposed, q @ k.T."
            ) from None
        raise
    others = {
        (5, 5): "Those are the weights, or the scores: multiply the weights with v to mix the values.",
        (5, 4): "You mix the keys, or the queries: the weights mix the values, v.",
    }
    given = as_tensor(given, (5, 3), "The output", others, lists=False)
    scores = q @ k.T

    def shares(scores: torch.Tensor, dim: int = -1) -> torch.Tensor:
        return scores.masked_fill(~mask, -torch.inf).softmax(dim)

    weights = shares(scores / 2)
    mistakes = {
        "The scale is missing: divide the scores by the square root of C before the softmax.": shares(scores) @ v,
        "You divide by C: divide by its square root.": shares(scores / 4) @ v,
        "You divide by the square root of 2: is your C right? It is the number of columns of q, here 4.": (
            shares(scores / math.sqrt(2)) @ v
        ),
        "You scale by the number of slots: the square root of the vectors' length C is meant.": (
            shares(scores / math.sqrt(5)) @ v
        ),
        "You scale by the values' length: the scores come from queries and keys, and theirs is C.": (
            shares(scores / math.sqrt(3)) @ v
        ),
        "You multiply by the square root of C: divide by it.": shares(scores * 2) @ v,
        "The softmax runs along the wrong axis: each slot's weights, a row, must sum to 1.": shares(scores / 2, 0) @ v,
        "The softmax is missing: scores must become weights that sum to 1.": scores / 2 @ v,
        "The softmax is missing: masked scores must still become weights that sum to 1.": (scores / 2 * mask) @ v,
        "You scale after the softmax: the weights then do not sum to 1.": shares(scores) / 2 @ v,
        "Queries and keys are exchanged: row i of the scores belongs to query i, q @ k.T.": shares(scores.T / 2) @ v,
        "The weights are transposed before they mix: row i of them mixes the values for slot i.": weights.T @ v,
        "The mask is not used: a slot must not see what comes after it.": (scores / 2).softmax(-1) @ v,
        "The mask is not used, and neither is the scale.": scores.softmax(-1) @ v,
        "You mask after the softmax: the rows do not sum to 1. Your masked_softmax does it in the right order.": (
            (scores / 2).softmax(-1) * mask
        )
        @ v,
        "The mask is turned round: keep what is True, and forbid what is False.": (
            (scores / 2).masked_fill(mask, -torch.inf).softmax(-1).nan_to_num() @ v
        ),
        "Those are the values themselves: mix them by the weights.": v,
    }
    formula = "The output is another: masked_softmax(q @ k.T / sqrt(C), mask) @ v."
    diagnose(given, weights @ v, mistakes, formula)
    mask = mask.flip(0, 1)
    if not same(call(answer, q, k, v, mask, shown=shown), shares(scores / 2) @ v):
        raise CheckFailed("With another mask it comes out wrong: use the mask that you are given, not one of your own.")


@exercise("07.causal_mask")
def causal_mask(answer) -> None:
    """answer(S): (S, S) bool, True where row i may look at column j: j <= i."""
    others = {
        (5, 5): "One slot too many: for 4 slots the mask is (4, 4).",
        (4,): "That is one row: the mask is a square, with a row for each slot that looks, (4, 4).",
    }
    given = as_tensor(call(answer, 4, shown="4"), (4, 4), "The mask", others, lists=False)
    if torch.isneginf(given).any():
        raise CheckFailed(
            "That is a mask to be added to the scores, with minus infinity: here True and False are wanted."
        )
    if given.dtype != torch.bool:
        raise CheckFailed(f"The mask should say True and False, dtype bool, and is {given.dtype}: compare or convert.")
    truth = torch.ones(4, 4, dtype=torch.bool).tril()
    mistakes = {
        "That is the mask of what is forbidden: True should stand where a slot may look.": ~truth,
        "Slots look forward here: row i may look at columns up to i, the lower triangle.": truth.T,
        "A slot may look at itself too: the diagonal belongs to the mask.": truth.tril(-1),
        "It looks one slot too far: column i + 1 is what row i must predict.": torch.ones(4, 4).tril(1).bool(),
        "Everything is allowed: slots must not look at what comes after them.": torch.ones(4, 4, dtype=torch.bool),
        "Each slot sees itself alone: it may see all that came before, too.": torch.eye(4).bool(),
        "The triangle is mirrored: the first row may look at the first column alone, not at all of them.": truth.flip(
            1
        ),
    }
    diagnose(given, truth, mistakes, "Row i should be True in the columns 0 to i, and False after.")
    as_tensor(call(answer, 7, shown="7"), (7, 7), "The mask for 7 slots")


@exercise("07.masked_softmax")
def masked_softmax(answer) -> None:
    """answer(scores, mask): (…, S, S), (S, S) bool -> weights that are 0 where the mask is False; rows sum to 1."""
    scores = torch.tensor([[2.0, 9.0, 1.0], [0.5, 1.5, 8.0], [1.0, 2.0, 3.0]])
    mask = torch.ones(3, 3, dtype=torch.bool).tril()
    given = as_tensor(call(answer, scores, mask, shown="scores, mask"), (3, 3), "The weights", lists=False)
    forbidden = scores.masked_fill(~mask, -torch.inf)
    truth = forbidden.softmax(-1)
    turned = scores.masked_fill(mask, -torch.inf).softmax(-1)
    products = scores * mask
    mistakes = {
        "You mask after the softmax: forbidden slots are 0, but they took their share, so rows do not sum to 1.": (
            scores.softmax(-1) * mask
        ),
        "Forbidden scores become 0, and exp(0) = 1 is still a share: make them minus infinity.": products.softmax(-1),
        "The mask is turned round: keep what is True, and forbid what is False.": turned,
        "The mask is turned round, too: keep what is True.": turned.nan_to_num(),
        "The mask is not used.": scores.softmax(-1),
        "The softmax runs along the wrong axis: rows must sum to 1.": forbidden.softmax(0),
        "The softmax is missing after the masking.": forbidden,
        "Forbidden scores become -1, which is not low enough: exp(-1) is still a share. Make them minus infinity.": (
            scores.masked_fill(~mask, -1.0).softmax(-1)
        ),
        "Forbidden scores become plus infinity: the lowest score is minus infinity.": (
            scores.masked_fill(~mask, torch.inf).softmax(-1)
        ),
        "You give all to the best slot (argmax): the softmax shares by the scores.": F.one_hot(forbidden.argmax(-1), 3),
        "Those are the logarithms of the weights: softmax and not log_softmax.": forbidden.log_softmax(-1),
        "You divide scores by their sum: a softmax takes exp first.": products / products.sum(-1, keepdim=True),
        "One softmax over the whole square: each row is one of its own and must sum to 1 (dim=-1).": (
            forbidden.flatten().softmax(0).reshape(3, 3)
        ),
    }
    otherwise = "Masked weights should be 0 above the diagonal, and each row should sum to 1."
    if torch.isnan(given).any():
        otherwise = "There are NaNs: 0 times infinity? Replace the forbidden scores, do not multiply them."
    diagnose(given, truth, mistakes, otherwise)
    heads = torch.randn(2, 4, 3, 3, generator=torch.Generator().manual_seed(0))  # (B, heads, S, S), as in lesson 07
    mask = mask.flip(0, 1)
    shown = "scores of shape (2, 4, 3, 3), mask"
    several = (
        "It works for one square of scores alone: later cells have one for each head, (…, S, S), and one mask for all."
    )
    try:
        given = call(answer, heads, mask, shown=shown)
    except CheckFailed as mistake:
        raise CheckFailed(several if "stopped" in str(mistake) else str(mistake)) from None
    if not same(given, heads.masked_fill(~mask, -torch.inf).softmax(-1)):
        squares = heads.flatten(0, 1)
        alone = torch.stack([call(answer, square, mask, shown="one square of scores, mask") for square in squares])
        raise CheckFailed(several if same(alone, _masked(squares, mask)) else LOW)
    low = scores - 40.0  # the same weights, but each of these scores is lower than a -10
    if not same(call(answer, low, mask.flip(0, 1), shown="low scores, mask"), truth):
        raise CheckFailed(LOW)


LOW = (
    "What you put in for minus infinity is not low enough: the future still gets a share, and scores may be lower "
    "still. Take -torch.inf."
)


def _masked(scores: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return scores.masked_fill(~mask, -torch.inf).softmax(-1)
