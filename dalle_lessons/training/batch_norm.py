"""Batch norm's statistics for averaged weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from ..model.image_encoder import ImageEncoder


def update_batch_norm(
    model: nn.Module, pictures: Tensor, weights: Tensor, seed: int, batches: int = 32, batch: int = 64
) -> None:
    """Estimate the mean and variance of each batch norm of the model's image encoders anew, from plain pictures.

    The statistics that training kept are those of the raw weights; the averaged weights have others. pictures:
    (N, 3, H, W) uint8, drawn by `weights` (N,) float with a generator of its own, so that training repeats as before.
    A model without image encoders stays as it is.
    """
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.multinomial(weights, batches * batch, replacement=True, generator=generator)
    for encoder in [module for module in model.modules() if isinstance(module, ImageEncoder)]:
        images = (pictures[some].float() / 255 for some in chosen.split(batch))
        update_bn((image.contiguous(memory_format=torch.channels_last) for image in images), encoder)
