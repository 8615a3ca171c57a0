"""What the judge learns from."""

from __future__ import annotations

import random

import torch
import torch.nn.functional as F
from torch import Tensor

from ...datasets import Pairs
from ...datasets.emoji_labels import truth_of
from ...model.judge import Judge
from ..augment import vary
from ..batches import sample_indices
from ..presets import JudgePreset
from ..trainer import LossFn


def make_judge(pairs: Pairs, preset: JudgePreset) -> tuple[Judge, LossFn]:
    """The judge, on the emoji world alone; all styles and tones count alike."""
    torch.manual_seed(preset.train_config.seed)
    model = Judge(preset.config).to(memory_format=torch.channels_last)
    truth, weights = truth_of(pairs.metadata), pairs.weights.sqrt()

    def loss_fn(model: Judge, rng: random.Random, done: float) -> dict[str, Tensor]:
        chosen = sample_indices(weights, preset.train_config.batch)
        images = vary(pairs.pictures[chosen].float() / 255, preset.shift, preset.color_jitter)
        blurred = F.avg_pool2d(F.pad(images, [1] * 4, value=1.0), 3, 1)
        images = torch.where(torch.rand(len(images), 1, 1, 1) < preset.blur, blurred.lerp(images, 0.3), images)
        return model.loss(images.contiguous(memory_format=torch.channels_last), truth[chosen])

    return model, loss_fn
