"""The judge: which emoji is this, in which style, in which skin tone? It measures drawings and ranks none.

It is trained on all true pictures, those included that no other model may see: it only measures, and its own score on
the true pictures stands beside each figure as the ceiling.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .image_encoder import ImageEncoder
from .pretrained import Pretrained

JUDGE_METRICS = ("emoji_top1", "emoji_top5", "style", "tone")  # the columns of `Judge.right`
NO_TONE = -100  # in a sketch no tone shows: nothing to learn there, and nothing to be wrong about


@dataclass(frozen=True)
class JudgeConfig:
    """emoji, styles, tones: numbers of classes. patch, widths: of the image encoder."""

    emoji: int = 1636
    styles: int = 4
    tones: int = 26
    patch: int = 4
    widths: tuple[int, ...] = (64, 128, 256)


class Judge(Pretrained):
    """One image encoder, three heads."""

    config_class, part = JudgeConfig, "judge"

    def __init__(self, config: JudgeConfig):
        super().__init__()
        self.config = config
        self.encoder = ImageEncoder(config.patch, config.widths)
        sizes = (config.emoji, config.styles, config.tones)
        self.heads = nn.ModuleList(nn.Linear(config.widths[-1], size) for size in sizes)

    def features(self, images: Tensor) -> Tensor:
        """(B, 3, 64, 64) in [0, 1] -> (B, C): what the heads read, and what kernel distances are measured in."""
        return self.encoder(images)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, 3, 64, 64) in [0, 1] -> logits of emoji (B, emoji), style (B, styles) and tone (B, tones)."""
        features = self.features(images)
        emoji, style, tone = (head(features) for head in self.heads)
        return emoji, style, tone

    def loss(self, images: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Cross-entropy of each head, in nats, and their sum as `total`. truth: (B, 3) int64, as from `truth_of`."""
        parts = {}
        for i, (name, logits) in enumerate(zip(("emoji", "style", "tone"), self(images), strict=True)):
            known = (truth[:, i] != NO_TONE).sum().clamp_min(1)  # a batch of sketches has no tone at all
            parts[name] = F.cross_entropy(logits, truth[:, i], ignore_index=NO_TONE, reduction="sum") / known
        return {"total": parts["emoji"] + parts["style"] + parts["tone"], **parts}

    @torch.no_grad()
    def right(self, images: Tensor, truth: Tensor) -> Tensor:
        """(N, 3, 64, 64) in [0, 1] and (N, 3) -> (N, 4) float: is the emoji the first guess, is it among the first
        five, the style, the tone; NaN for the tone of a sketch. They lie where the pictures do; the judge may be
        elsewhere."""
        rows = []
        for some, answer in zip(images.split(256), truth.split(256), strict=True):
            emoji, style, tone = (logits.to(images.device) for logits in self(some.to(self.device)))
            hits = emoji.topk(5, dim=1).indices == answer[:, :1]  # (B, 5)
            right_tone = (tone.argmax(dim=1) == answer[:, 2]).float().masked_fill(answer[:, 2] == NO_TONE, torch.nan)
            right_style = (style.argmax(dim=1) == answer[:, 1]).float()
            rows.append(torch.stack((hits[:, 0].float(), hits.any(dim=1).float(), right_style, right_tone), dim=1))
        return torch.cat(rows) if rows else torch.zeros(0, 4)
