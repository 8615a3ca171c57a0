"""Checks of lesson 07: attention and its scale, the causal mask, masking before the softmax."""

from __future__ import annotations

import math

import torch

from . import Mistake, as_tensor, call, diagnose, exercise


@exercise("07.attention")
def attention(answer) -> None:
    """answer(q, k, v): (S, C), (S, C), (S, D) -> (S, D) = softmax(q·k / sqrt(C)) v."""
    generator = torch.Generator().manual_seed(0)
    q, k = torch.randn(5, 4, generator=generator), torch.randn(5, 4, generator=generator)
    v = torch.randn(5, 3, generator=generator)
    given = call(answer, q, k, v, shown="q and k of shape (5, 4), v of shape (5, 3)")
    if isinstance(given, torch.Tensor) and given.shape == (5, 5):
        raise Mistake("Those are the weights, or the scores: multiply the weights with v to mix the values.")
    given = as_tensor(given, (5, 3), "The output")
    scores = q @ k.T
    mistakes = {
        "The scale is missing: divide the scores by the square root of C before the softmax.": scores.softmax(-1) @ v,
        "You divide by C: divide by its square root.": (scores / 4).softmax(-1) @ v,
        "You scale by the number of slots: the square root of the vectors' length C is meant.": (
            (scores / math.sqrt(5)).softmax(-1) @ v
        ),
        "You multiply by the square root of C: divide by it.": (scores * 2).softmax(-1) @ v,
        "The softmax runs along the wrong axis: each slot's weights, a row, must sum to 1.": (
            (scores / 2).softmax(0) @ v
        ),
        "The softmax is missing: scores must become weights that sum to 1.": scores / 2 @ v,
        "You scale after the softmax: the weights then do not sum to 1.": scores.softmax(-1) / 2 @ v,
        "Queries and keys are exchanged: row i of the scores belongs to query i, q @ k.T.": (
            (scores.T / 2).softmax(-1) @ v
        ),
    }
    diagnose(given, (scores / 2).softmax(-1) @ v, mistakes, "The output is another: softmax(q @ k.T / sqrt(C)) @ v.")


@exercise("07.causal_mask")
def causal_mask(answer) -> None:
    """answer(S): (S, S) bool, True where row i may look at column j: j <= i."""
    given = as_tensor(call(answer, 4, shown="4"), (4, 4), "The mask")
    if given.dtype != torch.bool:
        raise Mistake(f"The mask should say True and False, dtype bool, and is {given.dtype}: compare or convert.")
    truth = torch.ones(4, 4, dtype=torch.bool).tril()
    mistakes = {
        "That is the mask of what is forbidden: True should stand where a slot may look.": ~truth,
        "Slots look forward here: row i may look at columns up to i, the lower triangle.": truth.T,
        "A slot may look at itself too: the diagonal belongs to the mask.": truth.tril(-1),
        "It looks one slot too far: column i + 1 is what row i must predict.": torch.ones(4, 4).tril(1).bool(),
        "Everything is allowed: slots must not look at what comes after them.": torch.ones(4, 4, dtype=torch.bool),
        "Each slot sees itself alone: it may see all that came before, too.": torch.eye(4).bool(),
    }
    diagnose(given, truth, mistakes, "Row i should be True in the columns 0 to i, and False after.")
    as_tensor(call(answer, 7, shown="7"), (7, 7), "The mask for 7 slots")


@exercise("07.masked_softmax")
def masked_softmax(answer) -> None:
    """answer(scores, mask): (S, S), (S, S) bool -> weights that are 0 where the mask is False; rows sum to 1."""
    scores = torch.tensor([[2.0, 9.0, 1.0], [0.5, 1.5, 8.0], [1.0, 2.0, 3.0]])
    mask = torch.ones(3, 3, dtype=torch.bool).tril()
    given = as_tensor(call(answer, scores, mask, shown="scores, mask"), (3, 3), "The weights")
    if torch.isnan(given).any():
        raise Mistake("There are NaNs: 0 times infinity? Replace the forbidden scores, do not multiply them.")
    truth = scores.masked_fill(~mask, -torch.inf).softmax(-1)
    after = scores.softmax(-1) * mask
    mistakes = {
        "You mask after the softmax: forbidden slots are 0, but they took their share, so rows do not sum to 1.": after,
        "Forbidden scores become 0, and exp(0) = 1 is still a share: make them minus infinity.": (
            (scores * mask).softmax(-1)
        ),
        "The mask is turned round: keep what is True.": scores.masked_fill(mask, -torch.inf).softmax(-1).nan_to_num(),
        "The mask is not used.": scores.softmax(-1),
        "The softmax runs along the wrong axis: rows must sum to 1.": scores.masked_fill(~mask, -torch.inf).softmax(0),
        "The softmax is missing after the masking.": scores.masked_fill(~mask, -torch.inf),
    }
    diagnose(given, truth, mistakes, "Masked weights should be 0 above the diagonal, and each row should sum to 1.")
