"""Captions chosen, drawn, decoded, and the best picked: what all measurements of drawings share."""

from __future__ import annotations

import torch
from torch import Tensor

from ..datasets import Pairs
from ..model.sampling import SAMPLING_BATCH, sample
from ..model.sequence import unflatten
from ..pipeline.text_to_image import TextToImage


def choose(pairs: Pairs, count: int, seed: int = 0) -> list[int]:
    """Indices of `count` pictures of a split, by its weights, each at most once (fewer, if there are fewer)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.multinomial(pairs.weights, min(count, len(pairs)), generator=generator).tolist()


def draw_all(system: TextToImage, caption: str, count: int, seed: int = 0, **options) -> Tensor:
    """Candidates 0 … count-1 of a caption, as `TextToImage.draw` draws them -> image tokens (count, N)."""
    text = system.tokenizer.encode([caption]).expand(SAMPLING_BATCH, -1)
    rows = [range(at, at + SAMPLING_BATCH) for at in range(0, count, SAMPLING_BATCH)]
    chunks = [sample(system.dalle, text, seed, indices=indices, **options) for indices in rows]
    return torch.cat(chunks)[:count]


def decode(system: TextToImage, tokens: Tensor) -> Tensor:
    """(N, L) -> (N, 3, H, W) in [0, 1]."""
    c = system.dalle.config
    return torch.cat([system.dvae.decode(unflatten(part, c.rows, c.cols)) for part in tokens.split(128)])


def best_of(scores: Tensor, count: int) -> int:
    """Index of the best-scored of the first `count`."""
    return int(scores[:count].argmax())
