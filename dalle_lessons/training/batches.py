"""Which pictures and captions a batch holds."""

from __future__ import annotations

import random

import torch
from torch import Tensor

from ..datasets import Pairs
from ..model.tokenizer import TextTokenizer


def sample_indices(weights: Tensor, count: int) -> Tensor:
    """(N,) float -> (count,) int64, with replacement, by weight, from torch's random state."""
    return torch.multinomial(weights, count, replacement=True)


def sample_grouped(weights: Tensor, groups: Tensor, count: int, negatives_per_group: int) -> Tensor:
    """(N,) float, (N,) int64 -> (count,) int64: `negatives_per_group` of each group that is drawn, by weight, with replacement."""
    first = groups[sample_indices(weights, count // negatives_per_group)]  # (count / kin,)
    return torch.multinomial(weights * (groups == first[:, None]), negatives_per_group, replacement=True).flatten()


def sample_other_style(weights: Tensor, things: Tensor, first: Tensor) -> Tensor:
    """(N,) float, (N,) int64: what each picture shows, (B,) indices -> (B,) int64: for each of them another picture of
    the same thing, by weight; itself, where there is no other."""
    chances = weights * (things == things[first][:, None])  # (B, N)
    chances[torch.arange(len(first)), first] = 1e-9  # hardly ever, unless all others have no chance at all
    return torch.multinomial(chances, 1).squeeze(1)


def varied_captions(pairs: Pairs, chosen: Tensor, tokenizer: TextTokenizer, rng: random.Random) -> list[str]:
    """A varied caption for each of the chosen pictures; the plain one where the varied one has too many tokens."""
    varied = [pairs.caption(i, rng) for i in chosen.tolist()]
    return [v if tokenizer.fits(v) else pairs.caption(i, None) for v, i in zip(varied, chosen.tolist(), strict=True)]
