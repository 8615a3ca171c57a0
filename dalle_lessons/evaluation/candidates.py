"""Captions chosen, drawn, decoded, and the best picked: what all measurements of drawings share.

Wherever the models compute, what they are given here, and what comes back, lies on the processor.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..datasets import Pairs
from ..model.dvae import decode_tokens
from ..model.sampling import sample_batches
from ..pipeline.text_to_image import TextToImage


def choose(pairs: Pairs, count: int, seed: int = 0) -> list[int]:
    """Indices of `count` pictures of a split, by its weights, each at most once (fewer, if there are fewer)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.multinomial(pairs.weights, min(count, len(pairs)), generator=generator).tolist()


def sample_candidates(system: TextToImage, caption: str, count: int, seed: int = 0, **options) -> Tensor:
    """Candidates 0 … count-1 of a caption, the same that `TextToImage.draw` ranks -> image tokens (count, N) int64.

    options: those of `sampling.sample`. Raises ValueError with one sentence for a caption that is too long.
    """
    text = system.tokenizer.encode([caption]).to(system.device)  # (1, T)
    batches = [tokens for _, tokens in sample_batches(system.dalle, text, range(count), seed, **options)]
    return torch.cat(batches)[:count].cpu()


def decode_candidates(system: TextToImage, tokens: Tensor) -> Tensor:
    """Image tokens (N, rows · cols) int64 -> pictures (N, 3, H, W) float32 in [0, 1]."""
    c = system.dalle.config
    return decode_tokens(system.dvae, tokens.to(system.device), c.rows, c.cols).cpu()


def score_candidates(system: TextToImage, caption: str, tokens: Tensor, images: Tensor) -> Tensor:
    """What `system` ranks drawings of a caption by: image tokens (N, rows · cols) int64 and their pictures
    (N, 3, H, W) -> (N,)."""
    return system.scores(caption, tokens.to(system.device), images.to(system.device)).cpu()


def best_of(scores: Tensor, count: int) -> int:
    """Index of the best-scored of the first `count`."""
    return int(scores[:count].argmax())
