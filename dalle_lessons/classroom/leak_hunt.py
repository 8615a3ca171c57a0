"""The leak hunt of lesson 01: three splits of the same pictures, and how alike two pictures are.

How each split was made stands in `HOW`; who hunts reads it last.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..datasets import Pairs
from ..datasets.emoji import emoji
from ..datasets.splits import Groups, family

STYLES = ("sketch", "cartoon")  # one without and one with skin tones
HELD_OUT = 200  # pictures of each split
SEED = 4
STEP = 24  # gray levels, of 255: a smaller one between two neighboring pixels is no line
SAME_DRAWING = 0.8  # share of lines from which two pictures count as one drawing
HOW = {
    "A": "each distinct picture once, then by chance",
    "B": "by the thing: its tones, its gender siblings and its look-alikes stay together",
    "C": "each pair of picture and caption by chance",
}


@dataclass(frozen=True)
class Split:
    """Pictures to learn from, and pictures to be asked for."""

    train: Pairs
    held_out: Pairs


def three_splits() -> dict[str, Split]:
    """Splits A, B and C of all sketches and cartoons, each with 200 held-out pictures; the same every time."""
    pool = emoji(None, STYLES)
    pixels = [picture.numpy().tobytes() for picture in pool.pictures]
    first = {key: i for i, key in reversed(list(enumerate(pixels)))}
    distinct = sorted(first.values())
    return {
        "A": _cut(pool, distinct, lambda i: i),
        "B": _cut(pool, range(len(pool)), _things(pool, pixels).__getitem__),
        "C": _cut(pool, range(len(pool)), lambda i: i),
    }


def _cut(pool: Pairs, indices: Sequence[int], key: Callable[[int], Hashable]) -> Split:
    """Holds out 200 of the pictures, those of one key together."""
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for i in indices:
        groups[key(i)].append(i)
    order = list(groups)
    random.Random(SEED).shuffle(order)
    held_out: list[int] = []
    for name in order:
        if len(held_out) + len(groups[name]) <= HELD_OUT:
            held_out += groups[name]
    kept = set(held_out)
    return Split(pool.subset([i for i in indices if i not in kept]), pool.subset(sorted(held_out)))


def _things(pool: Pairs, pixels: Sequence[bytes]) -> list[str]:
    """The thing of each picture; one family, one name up to the colon and one picture are one thing."""
    alike = defaultdict(list)
    for row, key in zip(pool.metadata, pixels, strict=True):
        base = row["base_hexcode"]
        for same in (("family", family(base)), ("name", row["name"].split(":")[0]), ("picture", key)):
            alike[same].append(base)
    things = Groups[str]()
    for bases in alike.values():
        things.join(bases)
    return [things.find(row["base_hexcode"]) for row in pool.metadata]


def full_captions(pairs: Pairs) -> list[str]:
    """The full caption of each picture: "a cartoon of a waving hand: dark skin tone"."""
    return [pairs.caption(i, None) for i in range(len(pairs))]


def lines_of(pictures: Tensor) -> Tensor:
    """Where a pixel differs from its right or its lower neighbor: (N, 3, H, W) uint8 -> (N, H-1, W-1) bool.

    Another color moves no line, so two recolored pictures have nearly the same.
    """
    levels = pictures.short()
    down = (levels[:, :, 1:, :-1] - levels[:, :, :-1, :-1]).abs().amax(1)
    right = (levels[:, :, :-1, 1:] - levels[:, :, :-1, :-1]).abs().amax(1)
    return torch.maximum(down, right) > STEP


def shared_lines(pictures: Tensor, others: Tensor) -> Tensor:
    """Of all lines of two pictures, the share that both have, one couple a row: -> (N,) float in [0, 1]."""
    a, b = lines_of(pictures).flatten(1), lines_of(others).flatten(1)
    return (a & b).sum(1) / (a | b).sum(1).clamp(min=1)


def nearest_drawings(train: Tensor, held_out: Tensor) -> tuple[Tensor, Tensor]:
    """For each held-out picture the one of train that shares the most lines with it: -> its index (M,), the share (M,).

    train: (N, 3, H, W) uint8, held_out: (M, 3, H, W) uint8.
    """
    wanted = lines_of(held_out).flatten(1).float()
    best, index = torch.full((len(held_out),), -1.0), torch.zeros(len(held_out), dtype=torch.int64)
    for start in range(0, len(train), 1024):
        known = lines_of(train[start : start + 1024]).flatten(1).float()
        both = wanted @ known.T  # (M, 1024): lines that two pictures share
        share, place = (both / (wanted.sum(1)[:, None] + known.sum(1) - both).clamp(min=1)).max(1)
        better = share > best
        best, index = torch.where(better, share, best), torch.where(better, place + start, index)
    return index, best


def right_from_memory(split: Split, drawn: Sequence[int | None]) -> Tensor:
    """Which held-out pictures a memory draws right: (M,) bool. drawn: an index of train for each, or None for nothing.

    Right is a picture with at least four fifths of the lines.
    """
    right = torch.zeros(len(split.held_out), dtype=torch.bool)
    asked = [i for i, found in enumerate(drawn) if found is not None]
    if asked:
        known = split.train.pictures[[found for found in drawn if found is not None]]
        right[asked] = shared_lines(split.held_out.pictures[asked], known) >= SAME_DRAWING
    return right


def same_thing(pairs: Pairs, known: Pairs) -> tuple[list[int], list[int]]:
    """The pairs without a skin tone whose emoji `known` shows too: their indices, and those in `known`."""
    places = {row["hexcode"]: i for i, row in enumerate(known.metadata)}
    rows = [(i, row) for i, row in enumerate(pairs.metadata) if not row["skin_tone"] and row["hexcode"] in places]
    return [i for i, _ in rows], [places[row["hexcode"]] for _, row in rows]
