"""Checks of lesson 07, on heads: merged, measured, switched off."""

from __future__ import annotations

import copy

import torch

from ...model.dalle import DALLE, DALLEConfig
from . import CheckFailed, as_tensor, call, describe, diagnose, exercise, same


@exercise("07.merge")
def merge(answer) -> None:
    """answer(out): (B, heads, S, C / heads) -> (B, S, C), each slot's heads side by side."""
    out = torch.arange(2 * 3 * 4 * 5, dtype=torch.float32).view(2, 3, 4, 5)
    others = {
        (
            2,
            4,
            3,
            5,
        ): "The slots stand before the heads now: put each slot's heads side by side, as one row of C numbers.",
        (2, 12, 5): "Each head still has rows of its own: a slot's heads belong side by side in one row of C numbers.",
        (2, 4, 5): "That is one head, or a mean of the heads: keep the numbers of all of them, side by side.",
        (2, 3, 20): "You flattened the slots with the numbers: heads and numbers belong together.",
        (4, 15): "The batch is lost: merge each example for itself.",
        (8, 15): "Batch and slots have become one: the answer is (B, S, C).",
        (2, 60): "Everything of one example is in one row: keep the slots apart, (B, S, C).",
        (2, 15, 4): "Slots and numbers are exchanged: (B, S, C), not (B, C, S).",
    }
    shown = "out of shape (2, 3, 4, 5)"
    given = as_tensor(call(answer, out, shown=shown), (2, 4, 15), "The answer", others, lists=False)
    right = out.transpose(1, 2).flatten(2)
    mistakes = {
        "The shape is right, but numbers of different slots stand in one row: reshape reads head after head, so bring "
        "the slots before the heads first.": out.reshape(2, 4, 15),
        "In each row the heads' numbers are interleaved: first all numbers of head 0, then all of head 1, and so on.": (
            out.permute(0, 2, 3, 1).flatten(2)
        ),
        "The heads stand in reverse order: head 0 comes first.": out.flip(1).transpose(1, 2).flatten(2),
        "You exchanged heads and numbers before the reshape: exchange heads and slots.": (
            out.transpose(1, 3).reshape(2, 4, 15)
        ),
        "You exchanged slots and numbers before the reshape: exchange heads and slots.": (
            out.transpose(2, 3).reshape(2, 4, 15)
        ),
        "Batch and heads are mixed up: dimension 0 is the batch, 1 the heads, 2 the slots.": (
            out.transpose(0, 2).reshape(2, 4, 15)
        ),
    }
    diagnose(given, right, mistakes, "Row i of each example should be slot i's heads, one after another.")
    out = torch.randn(1, 2, 6, 4, generator=torch.Generator().manual_seed(0))
    if not same(call(answer, out, shown="out of shape (1, 2, 6, 4)"), out.transpose(1, 2).flatten(2)):
        raise CheckFailed("It works for 3 heads and 4 slots alone: take the sizes from `out`.")


@exercise("07.looks_up")
def looks_up(answer) -> None:
    """answer(weights, before, cols): (layers, heads, S, S) -> (layers, heads): the mean weight that image slots from
    the second row on give to the slot that is fed the token right above the one that they predict."""
    before, cols, tokens = 3, 4, 16
    size = before + tokens
    scores = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    ahead = torch.ones(size, size, dtype=torch.bool).triu(1)
    weights = (2 * scores).masked_fill(ahead, -torch.inf).softmax(-1)

    def back(first: int, by: int, start: int = before) -> torch.Tensor:
        looks = torch.arange(start + first, start + tokens)
        return weights[:, :, looks, looks - by].mean(-1)

    others = {
        (2, 3, tokens - cols): "That is one number for each slot: take their mean, one number for each head.",
        (2, 3, tokens): "That is one number for each slot: take their mean, one number for each head.",
        (3,): "You took the mean over the layers: each layer has heads of its own, (layers, heads).",
        (2,): "You took the mean over the heads: which of them looks up is the question, (layers, heads).",
        (): "That is one number for all heads: which of them looks up is the question, (layers, heads).",
    }
    shown = "weights of shape (2, 3, 19, 19), 3, 4"
    given = as_tensor(call(answer, weights, before, cols, shown=shown), (2, 3), "The answer", others)
    looks = torch.arange(before + cols, size)
    mistakes = {
        "One slot off: slot i has been fed the token before the one that it predicts, so the token above stands in the "
        "slot cols - 1 back.": back(cols, cols),
        "You look cols + 1 slots back: that is the token above and to the left of it.": back(cols, cols + 1),
        "You look at the token to the left, which is the slot itself.": back(cols, 0),
        "You forgot the text: image slots begin at number `before`, that of [SEP].": back(cols, cols - 1, 0),
        "The first row is among them, and above it is no picture: begin with the second row.": back(0, cols - 1),
        "You begin one slot late: the first slot with a token above predicts token `cols`.": back(cols + 1, cols - 1),
        "You begin one slot early: the first slot with a token above predicts token `cols`.": back(cols - 1, cols - 1),
        "Rows and columns are exchanged: the row is who looks, the column at whom.": (
            weights[:, :, looks - cols + 1, looks].mean(-1)
        ),
        "That is the sum: take the mean over the slots.": back(cols, cols - 1) * (tokens - cols),
    }
    otherwise = "Take weights[:, :, i, i - (cols - 1)] for the slots i from before + cols on, and their mean."
    diagnose(given, back(cols, cols - 1), mistakes, otherwise)


@exercise("07.switch_off")
def switch_off(answer) -> None:
    """answer(dalle, layer, head) -> a copy whose head gives nothing to its layer's `project`."""
    dalle = DALLE(DALLEConfig(vocab_size=9, text_length=3, rows=2, cols=2, codes=7, width=12, layers=2, heads=3)).eval()
    with torch.no_grad():
        for parameter in dalle.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(parameter.numel())))
    before = {name: value.clone() for name, value in dalle.state_dict().items()}
    given = call(answer, dalle, 1, 2, shown="dalle, 1, 2")
    if any(not torch.equal(value, before[name]) for name, value in dalle.state_dict().items()):
        raise CheckFailed("The model that you were given has lost its head, too: work on a copy, copy.deepcopy(dalle).")
    if not isinstance(given, DALLE):
        raise CheckFailed(f"Return the changed copy of the model; here it is {describe(given)}.")
    name = "transformer.blocks.1.attention.project"
    weight, after = before[f"{name}.weight"], given.state_dict()
    others = [key for key, value in after.items() if key != f"{name}.weight" and not torch.equal(value, before[key])]
    new = after[f"{name}.weight"]
    if torch.equal(new, weight) and not others:
        raise CheckFailed("Nothing has changed in the copy: set a part of its project.weight to 0.")
    if torch.equal(new[:, 6:9], torch.zeros_like(new[:, 6:9])) and new[:, 9:].any():
        raise CheckFailed("You count on four heads: the model says how many it has, attention.heads.")

    def cut(part: slice) -> torch.Tensor:
        changed = weight.clone()
        changed[:, part] = 0
        return changed

    rows = weight.clone()
    rows[8:12] = 0
    mistakes = {
        "Those are rows of the matrix, numbers that come out of it: a head comes in by columns, weight[:, …].": rows,
        "The whole layer is off: only the columns of this head should be 0.": torch.zeros_like(weight),
        "You count heads from 1: head 0 has the first columns.": cut(slice(4, 8)),
        "That is one column: a head is C / heads numbers wide.": cut(slice(2, 3)),
        "Too many columns: stop where the head ends, at (head + 1) * size.": cut(slice(4, 12)),
        "These columns begin at `head`: they begin at head * size.": cut(slice(2, 6)),
    }
    if others:
        layer = [key for key in others if "blocks.0." in key]
        value = [key for key in others if "attention.value" in key or "attention.query" in key]
        if layer:
            raise CheckFailed("That is another layer: blocks[layer], counted from 0.")
        if not (value and _head_is_off(given, dalle)):
            raise CheckFailed(f"More is changed than one head's part: {others[0]}.")
        return
    diagnose(new, cut(slice(8, 12)), mistakes, "Other columns are 0 than those of this head.")


@torch.no_grad()
def _head_is_off(given: DALLE, dalle: DALLE) -> bool:
    """Does the last of three heads in the last of two layers give nothing, whatever way it was switched off?"""
    reference = copy.deepcopy(dalle)
    reference.transformer.blocks[1].attention.project.weight[:, 8:12] = 0  # pyright: ignore
    text, tokens = torch.tensor([[1, 2, 3]]), torch.tensor([[1, 2, 3, 4]])
    return all(same(a, b) for a, b in zip(given(text, tokens), reference(text, tokens), strict=True))
