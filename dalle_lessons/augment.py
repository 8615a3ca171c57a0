"""What is drawn for a batch, and how it is varied, so that nothing is seen twice alike."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def draw_indices(weights: Tensor, count: int) -> Tensor:
    """(N,) float -> (count,) int64, with replacement, by weight, from torch's random state."""
    return torch.multinomial(weights, count, replacement=True)


def draw_kin(weights: Tensor, groups: Tensor, count: int, kin: int) -> Tensor:
    """(N,) float, (N,) int64 -> (count,) int64: `kin` of each group that is drawn, by weight, with replacement."""
    first = groups[draw_indices(weights, count // kin)]  # (count / kin,)
    return torch.multinomial(weights * (groups == first[:, None]), kin, replacement=True).flatten()


def move(images: Tensor, shift: int) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> the same shape, each picture moved on white by up to `shift` pixels each way."""
    if not shift:
        return images
    height, width = images.shape[2:]
    padded = F.pad(images, [shift] * 4, value=1.0)
    moves = torch.randint(0, 2 * shift + 1, (len(images), 2)).tolist()
    return torch.stack(
        [picture[:, y : y + height, x : x + width] for picture, (y, x) in zip(padded, moves, strict=True)]
    )


def vary(images: Tensor, shift: int, shade: float) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> the same: moved, and each with a brightness and contrast of its own."""
    contrast = 1 + shade * (2 * torch.rand(len(images), 1, 1, 1) - 1)
    brightness = shade * (2 * torch.rand(len(images), 1, 1, 1) - 1)
    return ((move(images, shift) - 0.5) * contrast + 0.5 + brightness / 2).clamp(0, 1)


def resize(images: Tensor, zoom: float) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> the same shape, each picture up to `zoom` larger or smaller, on white."""
    if not zoom:
        return images
    scale = 1 + zoom * (2 * torch.rand(len(images), 1, 1) - 1)
    grid = F.affine_grid(torch.eye(2, 3) * scale, list(images.shape), align_corners=False)  # (B, H, W, 2)
    return 1 - F.grid_sample(1 - images, grid, align_corners=False)  # beyond the edge is 0: white, turned round


def spoil(tokens: Tensor, others: Tensor, share: float) -> Tensor:
    """(B, N) int64, twice -> (B, N): of each row a random part, from none up to `share`, is replaced by the others'.

    Shown such tokens, the model cannot recognise a training picture by its first lines and go on by heart: it must
    keep to the caption, or in editing to the given half.
    """
    return torch.where(torch.rand(tokens.shape) < share * torch.rand(len(tokens), 1), others, tokens)
