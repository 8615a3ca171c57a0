"""What the dVAE learns from."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from ...datasets import BUNDLED, Pairs
from ...datasets.shard_samples import Shards
from ...model.dvae import DVAE
from ...model.sequence import flatten, unflatten
from ..augment import random_shift
from ..batches import captions_of, check_captions, sample_indices
from ..identity import fingerprints
from ..preset_types import DALLEPreset, DVAEPreset
from ..presets import DALLE_PRESETS
from ..shares import WHOLE, Batch, Share
from ..sources import Sources, check_size
from ..streams import open_stream, ranks_of, refuse_tokens
from ..token_noise import corrupt_tokens
from ..tokens import train_tokenizer
from . import Objective, channels_last


def anneal_temperature(preset: DVAEPreset, progress: float) -> float:
    """The Gumbel-softmax's temperature: it falls along a cosine, then stays (paper, appendix A.2)."""
    hot, cold = preset.temperatures
    part = min(1.0, progress / preset.anneal_fraction)
    return cold + (hot - cold) * 0.5 * (1 + math.cos(part * math.pi))


@dataclass
class DVAEObjective(Objective[DVAE]):
    """Reconstruct pictures."""

    preset: DVAEPreset
    start: DVAE | None = None
    #: Of a folder of one's own: the DALL·E that its captions must fit later on. None: they are known to fit.
    dalle_preset: DALLEPreset | None = None

    @classmethod
    def prepare(cls, preset: DVAEPreset, sources: Sources) -> Self:
        start = None if sources.start is None else DVAE.from_pretrained(sources.start)
        check_size(start, sources.start, lambda: DVAE(preset.config))
        if preset.frozen_tokens and start is None:
            raise ValueError("This preset trains a decoder alone: name the dVAE whose tokens stay, with --start.")
        return cls(preset, start, None if sources.data in BUNDLED else DALLE_PRESETS[sources.world])

    def build(self, data: Pairs | Shards) -> DVAE:
        if isinstance(data, Pairs) and self.dalle_preset is not None:  # said now, not when this stage took its hours
            check_captions(captions_of(data), train_tokenizer(data, self.dalle_preset))
        torch.manual_seed(self.preset.train_config.seed)
        if isinstance(data, Shards):
            refuse_tokens(data, "a dVAE")
            self.stream = open_stream(data, self.preset.train_config)
        else:
            self.pictures = data.pictures
            self.weights = data.weights.sqrt()  # skin tones count for more than in stage two: they are new pixels
        model = channels_last(DVAE(self.preset.config))
        if self.start is not None:
            model.load_state_dict(self.start.state_dict())
        if self.preset.frozen_tokens:
            model.encoder.requires_grad_(False)
            model.codebook.requires_grad_(False)
        return model

    def draw(self, rng: random.Random, progress: float, training: bool = True) -> Batch:
        if self.stream is not None:
            pictures = next(self.stream).values
        else:
            pictures = self.pictures[sample_indices(self.weights, self.preset.train_config.batch)]
        images = random_shift(pictures.float() / 255, self.preset.shift)
        temperature = torch.tensor(anneal_temperature(self.preset, progress), dtype=torch.float64)
        rows = {"images": images.contiguous(memory_format=torch.channels_last)}
        if self.preset.frozen_tokens:
            factor = self.preset.config.factor
            true = torch.zeros(len(images), images.shape[2] // factor * (images.shape[3] // factor), dtype=torch.bool)
            rows["wrong"] = corrupt_tokens(true, ~true, self.preset.max_token_noise)  # (B, rows · cols)
        return Batch(rows, {"temperature": temperature}, ranks_of(self.stream))

    def compute(self, model: DVAE, batch: Batch, share: Share = WHOLE) -> dict[str, Tensor]:
        if self.preset.frozen_tokens:
            return self.decoder_loss(model, batch.rows["images"], batch.rows["wrong"])
        return model.loss(batch.rows["images"], float(batch.whole["temperature"]), self.preset.kl_weight)

    def decoder_loss(self, model: DVAE, images: Tensor, wrong: Tensor) -> dict[str, Tensor]:
        """How well the decoder restores pictures from their tokens. Those of `wrong`, (B, rows · cols) bool, come from
        another picture: in drawings there will be such too."""
        grid = model.encode(images)  # (B, rows, cols)
        tokens = flatten(grid)
        shown = unflatten(torch.where(wrong, tokens.roll(1, 0), tokens), *grid.shape[1:])
        return {"total": model.reconstruction_loss(model.decoder(model.codebook.lookup(shown)), images)}

    def fingerprint(self) -> dict[str, str]:
        return fingerprints(start=self.start)
