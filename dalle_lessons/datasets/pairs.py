"""What every world gives: pictures, a caption for each, and how often each is drawn in training."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor


@dataclass
class Pairs:
    """Pictures with captions: all the supervision that DALL·E has.

    Those of `emoji`, `shapes` and `folder` can be pickled, and so sent to other processes.
    """

    #: The pictures, (N, 3, H, W) uint8.
    pictures: Tensor
    #: How often each pair is drawn in training, relative to the others, (N,) float.
    weights: Tensor
    #: (index, rng) -> str: the full caption with rng None, one that varies as in training with a `random.Random`.
    caption: Callable[[int, random.Random | None], str]
    #: What each picture was made from (a scene, or a row of captions.csv), one for each picture.
    metadata: list = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.pictures)

    def subset(self, indices: Sequence[int]) -> Pairs:
        """The pairs with these indices, in their order, renumbered from 0."""
        chosen = list(indices)
        metadata = [self.metadata[i] for i in chosen] if self.metadata else []
        return Pairs(self.pictures[chosen], self.weights[chosen], partial(_renumbered, self.caption, chosen), metadata)


def _renumbered(caption: Callable, indices: list[int], index: int, rng: random.Random | None = None) -> str:
    return caption(indices[index], rng)


def to_ids(values: Iterable) -> Tensor:
    """Any N values that can be keys -> (N,) int64: equal values have equal numbers, counted from 0 as they appear."""
    numbers: dict = {}
    return torch.tensor([numbers.setdefault(value, len(numbers)) for value in values], dtype=torch.int64)
