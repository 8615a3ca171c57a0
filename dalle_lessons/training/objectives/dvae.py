"""What the dVAE learns from."""

from __future__ import annotations

import random

import torch
from torch import Tensor

from ...datasets import Pairs
from ...model.dvae import DVAE
from ..augment import random_shift
from ..batches import sample_indices
from ..presets import DVAEPreset
from ..trainer import LossFn


def dvae_loss_of(pairs: Pairs, preset: DVAEPreset) -> LossFn:
    """The dVAE's loss on a random batch; the temperature falls along a cosine (paper, appendix A.2)."""
    hot, cold = preset.temperatures
    weights = pairs.weights.sqrt()  # variants in skin tone count for more than in stage two: they are new pixels

    def loss_fn(model: DVAE, rng: random.Random, done: float) -> dict[str, Tensor]:
        images = random_shift(
            pairs.pictures[sample_indices(weights, preset.train_config.batch)].float() / 255, preset.shift
        )
        part = min(1.0, done / preset.anneal_fraction)
        temperature = cold + (hot - cold) * 0.5 * (1 + float(torch.cos(torch.tensor(part * torch.pi))))
        return model.loss(images.contiguous(memory_format=torch.channels_last), temperature, preset.kl_weight)

    return loss_fn


def make_dvae(pairs: Pairs, preset: DVAEPreset) -> tuple[DVAE, LossFn]:
    torch.manual_seed(preset.train_config.seed)
    model = DVAE(preset.config).to(memory_format=torch.channels_last)  # the layout that processors convolve fastest
    return model, dvae_loss_of(pairs, preset)
