"""What the judge learns from."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from ...datasets import Pairs
from ...datasets.emoji import STYLES, emoji
from ...datasets.emoji_labels import truth_of
from ...datasets.shard_samples import Shards
from ...model.judge import NO_TONE, Judge
from ..augment import vary
from ..batch_norm import update_batch_norm
from ..batches import sample_indices
from ..identity import fingerprints
from ..preset_types import JudgePreset
from ..shares import WHOLE, Batch, Share
from ..sources import Sources, check_size
from . import Objective, channels_last


@dataclass
class JudgeObjective(Objective[Judge]):
    """Name the emoji, the style and the skin tone of a picture. All styles and tones count alike."""

    preset: JudgePreset
    start: Judge | None = None

    @classmethod
    def check_data(cls, data: str) -> None:
        if data != "emoji":
            raise ValueError("The judge names emoji, which are in the emoji world alone: train with --data emoji.")

    @classmethod
    def load_pairs(cls, data: str, side: int, styles: Sequence[str] | None = None) -> Pairs:
        return emoji(None, STYLES if styles is None else styles)  # all splits: it only measures

    @classmethod
    def prepare(cls, preset: JudgePreset, sources: Sources) -> Self:
        start = None if sources.start is None else Judge.from_pretrained(sources.start)
        check_size(start, sources.start, lambda: Judge(preset.config))
        return cls(preset, start)

    def build(self, data: Pairs | Shards) -> Judge:
        assert isinstance(data, Pairs)  # of the emoji world, as `check_data` made sure
        self.pictures, self.truth = data.pictures, truth_of(data.metadata)
        config, styles = self.preset.config, int(self.truth[:, 1].max()) + 1
        if styles > config.styles:
            if self.start is not None:
                raise ValueError(
                    f"The judge to start from names {config.styles} styles, but the pictures have {styles}: train it "
                    "without --start."
                )
            config = replace(config, styles=styles)
        torch.manual_seed(self.preset.train_config.seed)
        model = channels_last(Judge(config))
        if self.start is not None:
            model.load_state_dict(self.start.state_dict())
        self.weights = data.weights.sqrt()
        return model

    def draw(self, rng: random.Random, progress: float, training: bool = True) -> Batch:
        preset, chosen = self.preset, sample_indices(self.weights, self.preset.train_config.batch)
        images = vary(self.pictures[chosen].float() / 255, preset.shift, preset.color_jitter)
        blurred = F.avg_pool2d(F.pad(images, [1] * 4, value=1.0), 3, 1)
        images = torch.where(torch.rand(len(images), 1, 1, 1) < preset.blur, blurred.lerp(images, 0.3), images)
        truth = self.truth[chosen]
        images = images.contiguous(memory_format=torch.channels_last)
        return Batch({"images": images, "truth": truth}, {"known": (truth != NO_TONE).sum(dim=0)})

    def compute(self, model: Judge, batch: Batch, share: Share = WHOLE) -> dict[str, Tensor]:
        truth = batch.rows["truth"]
        parts = model.loss(batch.rows["images"], truth)
        scales = share.scale((truth != NO_TONE).sum(dim=0), batch.whole["known"])  # (3,): not all have a tone
        emoji, style, tone = (
            parts[name] * scale for name, scale in zip(("emoji", "style", "tone"), scales, strict=True)
        )
        return {"total": emoji + style + tone, "emoji": emoji, "style": style, "tone": tone}

    def fingerprint(self) -> dict[str, str]:
        return fingerprints(start=self.start)

    def finish(self, model: Judge) -> None:
        update_batch_norm(model, self.pictures, self.weights, self.preset.train_config.seed)
