"""Pictures while they are being drawn."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import torch
from PIL import Image
from torch import Tensor

from ...pipeline.candidates import OnToken
from ...pipeline.stream import pictures_so_far
from ...pipeline.text_to_image import TextToImage

EVERY = 0.25  # seconds between two looks, at least
SHARE = 0.2  # of the time, at most, goes into looking


def watching(show: Callable[[Sequence[Image.Image]], None], model: TextToImage, count: int = 9) -> OnToken:
    """What to call after each token: it shows the first `count` pictures of the first batch as they grow, a few times a
    second. show: is handed PIL pictures, gray where nothing is drawn yet."""
    followed: Tensor | None = None  # the tokens of the first batch at the last look
    next_look = 0.0

    def on_token(i: int, tokens: Tensor, logits: Tensor) -> None:
        nonlocal followed, next_look
        begin = time.monotonic()
        if begin < next_look or (followed is not None and not continues(tokens, followed)):
            return  # batches that are drawn side by side take turns here
        followed = tokens
        show(so_far(model, tokens[:count]))
        spent = time.monotonic() - begin
        next_look = begin + max(EVERY, spent / SHARE)

    return on_token


def continues(tokens: Tensor, before: Tensor) -> bool:
    """Do tokens (B, n) go on from those before (B, m), m < n?"""
    return tokens.shape[1] > before.shape[1] and torch.equal(tokens[:, : before.shape[1]], before)


def so_far(model: TextToImage, tokens: Tensor) -> list[Image.Image]:
    """The pictures of the first image tokens (B, n) int64 of each."""
    c = model.dalle.config
    return pictures_so_far(model.dvae, tokens, c.rows, c.cols, model.device)
