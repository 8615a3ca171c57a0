"""One slot through attention with a cache, right and in the ways that students get wrong (lesson 11)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...model.transformer import Attention


def attention_step(layer: Attention, x: Tensor, keys: Tensor, values: Tensor, wrong: str = "") -> tuple:
    """One slot through attention: x (B, C); keys, values (B, heads, n, size) -> (B, C), and both with the new slot's.

    wrong: one of the ways to get it wrong, for the check.
    """
    batch, heads = len(x), layer.heads
    size = x.shape[-1] // heads

    def split(y: Tensor) -> Tensor:  # (B, C) -> (B, heads, 1, size)
        if wrong == "heads":
            return y.reshape(batch, size, heads).transpose(1, 2)[:, :, None]
        return y.reshape(batch, heads, 1, size)

    q, k, v = split(layer.query(x)), split(layer.key(x)), split(layer.value(x))
    if wrong == "x kept":
        k = v = split(x)
    if wrong == "swapped":
        k, v = v, k
    all_keys, all_values = torch.cat((keys, k), dim=2), torch.cat((values, v), dim=2)
    seen_keys, seen_values = (keys, values) if wrong == "old alone" else (all_keys, all_values)
    if wrong == "new alone":
        seen_keys, seen_values = k, v
    if wrong == "first alone":
        seen_keys, seen_values = all_keys[:, :, :1], all_values[:, :, :1]
    scale = {"no scale": 1.0, "width": math.sqrt(x.shape[-1])}.get(wrong, math.sqrt(size))
    scores = q @ seen_keys.mT / scale  # (B, heads, 1, n + 1)
    weights = scores.softmax(dim={"heads dim": 1, "query dim": 2}.get(wrong, -1))
    out = (weights @ seen_values).transpose(1, 2).reshape(batch, -1)
    return (out if wrong == "no project" else layer.project(out)), all_keys, all_values


STEP_MISTAKES = {
    "old alone": "The new slot looks at the slots before it alone: it sees itself, too: add its key and value first.",
    "new alone": "The new slot looks at itself alone: it should look at all keys and values, kept ones and its own.",
    "first alone": "Only the first slot is seen: the lower triangle of a mask with one row leaves the first alone. "
    "No mask is needed, since nothing ahead is there yet.",
    "no scale": "The scores are not divided: divide them by the square root of a head's size.",
    "width": "You divide by the square root of the whole width: it is that of a head's size.",
    "no project": "The heads' results are put side by side, but layer.project is missing.",
    "heads dim": "The softmax runs over the heads: it runs over the slots that are looked at, the last dimension.",
    "query dim": "The softmax runs over one query, and gives 1 everywhere: it runs over the slots, the last dimension.",
    "heads": "The width is cut into heads in the wrong order: (B, C) -> (B, heads, size), so that the numbers of a "
    "head stand side by side.",
    "x kept": "You keep x itself: keep what layer.key and layer.value make of it.",
    "swapped": "Key and value are swapped: layer.key makes keys, layer.value values.",
}
