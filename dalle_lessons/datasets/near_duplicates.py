"""Pictures that are nearly the same: drawn alike and saved twice, apart by less than an eye sees.

The splits keep identical pictures on one side. Some held-out pictures are still within a few gray levels of one of
train ("woman: bald" and "man: bald" as sketches), so figures of held-out pictures are given with and without these.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .pairs import Pairs

#: Pictures nearer than this are near-duplicates: root mean square over all pixels and channels, of 255 gray levels.
#: Below are the same drawings with a line moved or a shade changed: 22 of the 1,901 held-out pictures. At 10, half of
#: the illustrations of `unseen_tone` would count, though their skin tones differ.
NEAR_DUPLICATE_RMS = 5.0
POOL = 4  # pixels: side of the squares whose means are compared first
ROWS = 1024  # pictures compared at once


def nearest_rms(pictures: Tensor, known: Tensor, below: float = NEAR_DUPLICATE_RMS) -> Tensor:
    """The distance of each picture to the nearest known one: RMS in gray levels, infinite where it is `below` or more.

    pictures: (N, 3, H, W) uint8, known: (M, 3, H, W) uint8, H and W multiples of 4. -> (N,) float32.
    Means over squares of pixels can only be nearer to each other than the pixels are (the mean of squares is at least
    the square of the mean). So what is far apart in these, by a product of small matrices, needs no look at the pixels.
    """
    nearest = torch.full((len(pictures),), torch.inf)
    few = _pooled(pictures)
    for start in range(0, len(known), ROWS):
        some = known[start : start + ROWS]
        means = _pooled(some)
        squares = few.pow(2).sum(1)[:, None] + means.pow(2).sum(1) - 2 * few @ means.T  # (N, rows)
        maybe = (squares / few.shape[1] < below**2 + 1).nonzero()  # 1: far above what float32 rounds off
        for part in maybe.split(ROWS):
            apart = pictures[part[:, 0]].float() - some[part[:, 1]].float()
            nearest.scatter_reduce_(0, part[:, 0], apart.pow(2).mean((1, 2, 3)).sqrt(), "amin")
    return nearest.masked_fill(nearest >= below, torch.inf)


def near_duplicates(pairs: Pairs, train: Pairs) -> Tensor:
    """Which of the pictures are near-duplicates of a picture of `train`, in any style: (N,) bool."""
    return nearest_rms(pairs.pictures, train.pictures).isfinite()


def _pooled(pictures: Tensor) -> Tensor:
    """(N, 3, H, W) uint8 -> (N, 3 · H/4 · W/4) float32: the means of squares of pixels, white as 0."""
    parts = [F.avg_pool2d(255 - part.float(), POOL).flatten(1) for part in pictures.split(ROWS)]
    return torch.cat(parts) if parts else torch.zeros(0, 1)
