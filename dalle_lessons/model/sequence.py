"""One sequence from two vocabularies: start-of-text, text, paddings, [SEP], image tokens (paper, section 2.2).

    input:     START  t1  t2  PAD   SEP  i0  i1  …  i(N-2)      T + N slots; the last image token is never an input
    target:     t1    t2  PAD  SEP   i0  i1  i2  …  i(N-1)      the same sequence, one step on

Text slots are scored over the text vocabulary, [SEP] and image slots over the codebook. Targets that teach nothing
carry no loss: pads, and the [SEP] after the last text slot, which always stands there. This is our choice; the paper
does not say.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

TEXT_WEIGHT, IMAGE_WEIGHT = 1 / 8, 7 / 8  # paper, section 2.2: the image is what we want most


def flatten(tokens: Tensor) -> Tensor:
    """(B, rows, cols) -> (B, rows · cols) in raster order: line by line, as one reads."""
    return tokens.flatten(1)


def unflatten(tokens: Tensor, rows: int, cols: int) -> Tensor:
    """(B, rows · cols) -> (B, rows, cols). Raises ValueError if the number of tokens is another."""
    if tokens.shape[1] != rows * cols:
        raise ValueError(f"A grid of {rows}x{cols} has {rows * cols} tokens, got {tokens.shape[1]}.")
    return tokens.reshape(-1, rows, cols)


def losses(
    text_logits: Tensor, image_logits: Tensor, text: Tensor, image_tokens: Tensor, pad_id: int
) -> dict[str, Tensor]:
    """Cross-entropy in nats per token: `text`, `image`, and `total` = text/8 + 7·image/8.

    text_logits: (B, T-1, V) at slots 0 … T-2. image_logits: (B, N, codes). text: (B, T). image_tokens: (B, N).
    """
    targets = text[:, 1:]  # (B, T-1): each slot predicts the next token
    text_sum = F.cross_entropy(text_logits.flatten(0, 1), targets.flatten(), ignore_index=pad_id, reduction="sum")
    text_loss = text_sum / (targets != pad_id).sum().clamp_min(1)  # 0 where all captions were dropped
    image_loss = F.cross_entropy(image_logits.flatten(0, 1), image_tokens.flatten())
    return {"text": text_loss, "image": image_loss, "total": TEXT_WEIGHT * text_loss + IMAGE_WEIGHT * image_loss}


def drop_captions(text: Tensor, probability: float, pad_id: int, generator: torch.Generator | None = None) -> Tensor:
    """Replace some captions by the empty one (start-of-text and pads), so that the model also learns to draw without.

    This is what guidance needs at sampling (Ho and Salimans 2022); the first DALL·E had neither. text: (B, T) int64.
    """
    dropped = (torch.rand(len(text), 1, generator=generator) < probability).to(text.device)  # the CPU's random numbers
    return torch.where(dropped, empty_captions(text, pad_id), text)


def empty_captions(text: Tensor, pad_id: int) -> Tensor:
    """(B, T) -> (B, T): each row keeps its start-of-text alone."""
    empty = torch.full_like(text, pad_id)
    empty[:, 0] = text[:, 0]
    return empty
