"""What is drawn for a batch, and how it is varied, so that nothing is seen twice alike."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def random_shift(images: Tensor, shift: int) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> the same shape, each picture moved on white by up to `shift` pixels each way."""
    if not shift:
        return images
    height, width = images.shape[2:]
    padded = F.pad(images, [shift] * 4, value=1.0)
    moves = torch.randint(0, 2 * shift + 1, (len(images), 2)).tolist()
    return torch.stack(
        [picture[:, y : y + height, x : x + width] for picture, (y, x) in zip(padded, moves, strict=True)]
    )


def vary(images: Tensor, shift: int, color_jitter: float) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> the same: moved, and each with a brightness and contrast of its own."""
    contrast = 1 + color_jitter * (2 * torch.rand(len(images), 1, 1, 1) - 1)
    brightness = color_jitter * (2 * torch.rand(len(images), 1, 1, 1) - 1)
    return ((random_shift(images, shift) - 0.5) * contrast + 0.5 + brightness / 2).clamp(0, 1)


def random_affine(images: Tensor, scale_jitter: float, affine_jitter: float = 0.0) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> the same shape, each picture up to `scale_jitter` larger or smaller, on white; and
    turned, stretched and slanted: each number of its 2x2 matrix differs by up to `affine_jitter`."""
    if not scale_jitter and not affine_jitter:
        return images
    matrix = torch.eye(2, 3) * (1 + scale_jitter * (2 * torch.rand(len(images), 1, 1) - 1))  # (B, 2, 3)
    if affine_jitter:  # else nothing is drawn: presets without it repeat as before
        matrix[:, :, :2] += affine_jitter * (2 * torch.rand(len(images), 2, 2) - 1)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)  # (B, H, W, 2)
    return 1 - F.grid_sample(1 - images, grid, align_corners=False)  # beyond the edge is 0: white, turned round


def mix_channels(images: Tensor, share: float) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> the same shape: in each picture every color takes up to about `share` from the others.
    Black, white and gray stay as they are."""
    if not share:
        return images
    mix = torch.eye(3) + share * (2 * torch.rand(len(images), 3, 3) - 1)
    mix = mix / mix.sum(dim=2, keepdim=True)
    return (mix @ images.flatten(2)).clamp(0, 1).view_as(images)


def random_erasing(images: Tensor, share: float) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> the same shape: over a `share` of the pictures lies a rectangle, white or of any one
    color, each side 10 to 40% of the picture's."""
    if not share:
        return images
    count, _, height, width = images.shape
    y, x = torch.rand(2, count, 1, 1)  # its middle
    tall, wide = 0.1 + 0.3 * torch.rand(2, count, 1, 1)
    below, right = torch.arange(height).view(1, -1, 1) / height, torch.arange(width).view(1, 1, -1) / width
    inside = (below >= y - tall / 2) & (below < y + tall / 2) & (right >= x - wide / 2) & (right < x + wide / 2)
    covered = (inside & (torch.rand(count, 1, 1) < share)).unsqueeze(1)  # (B, 1, H, W)
    white = torch.rand(count, 1, 1, 1) < 0.5
    return torch.where(covered, torch.where(white, 1.0, torch.rand(count, 3, 1, 1)), images)
