"""Has a drawing been remembered? The training picture that it is nearest to, and how much of it is the same."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..datasets.pairs import Pairs
from ..model.dvae import DVAE
from ..training.tokens import tokenize


@dataclass(frozen=True)
class Nearest:
    """For each of n pictures the nearest of others."""

    #: Which of the others, (n,) int64.
    index: Tensor
    #: How many of the image tokens are the same, in [0, 1], (n,).
    share: Tensor


@torch.no_grad()
def nearest_in_training(
    dvae: DVAE, pictures: Tensor, seen: Pairs, tokens: Tensor | None = None, tried: int = 8
) -> Nearest:
    """For each picture the one of `seen` with which it shares most image tokens.

    pictures: (n, 3, H, W) uint8. tokens: theirs, (n, N) int64, where they are known. To encode all of `seen` would take
    minutes: so a picture is compared in tokens with the `tried` alone that are nearest to it in pixels, made coarser.
    """
    ours = tokenize(dvae, pictures) if tokens is None else tokens
    theirs = coarse(seen.pictures)
    closest = torch.cdist(coarse(pictures), theirs).topk(min(4 * tried, len(seen)), largest=False).indices
    chosen = torch.stack(
        [distinct(row, theirs, tried) for row in closest]
    )  # (n, tried): one drawing may be there often
    encode, place = chosen.unique(return_inverse=True)
    same = tokenize(dvae, seen.pictures[encode])[place] == ours[:, None]  # (n, tried, N)
    share, best = same.float().mean(dim=2).max(dim=1)
    return Nearest(chosen.gather(1, best[:, None])[:, 0], share)


def coarse(pictures: Tensor) -> Tensor:
    """(n, 3, H, W) uint8 -> means of squares of 4 by 4 pixels, (n, D) float."""
    return F.avg_pool2d(pictures.float() / 255, 4).flatten(1)


def distinct(indices: Tensor, vectors: Tensor, count: int) -> Tensor:
    """The first `count` of the indices whose vectors differ, filled up with the first again: (m,) -> (count,)."""
    found: dict[bytes, int] = {}
    for index in indices.tolist():
        found.setdefault(vectors[index].numpy().tobytes(), index)
    kept = list(found.values())[:count]
    return torch.tensor(kept + kept[:1] * (count - len(kept)))
