"""What every world gives: pictures, a caption for each, and how often each is drawn in training."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass
class Pairs:
    """Pictures with captions: all the supervision that DALL·E has.

    pictures: (N, 3, H, W) uint8.
    weights: (N,) float, how often each pair is drawn in training, relative to the others.
    caption: (index, rng) -> str. With rng None it is the full caption; with a `random.Random` it varies as in training.
    metadata: what each picture was made from (a scene, or a row of captions.csv), one for each picture.
    """

    pictures: Tensor
    weights: Tensor
    caption: Callable[[int, random.Random | None], str]
    metadata: list = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.pictures)


def to_ids(values: Iterable) -> Tensor:
    """Any N values that can be keys -> (N,) int64: equal values have equal numbers, counted from 0 as they appear."""
    numbers: dict = {}
    return torch.tensor([numbers.setdefault(value, len(numbers)) for value in values], dtype=torch.int64)
