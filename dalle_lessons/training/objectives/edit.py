"""What the edit model learns from."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from ...datasets import Pairs
from ...datasets.emoji import style_pairs, with_article
from ...datasets.shard_samples import Shards
from ...model.dalle import DALLE
from ...model.dvae import DVAE
from ...model.editing import edit_caption, edit_nll, extend_rows
from ...model.tokenizer import TextTokenizer
from ..batches import check_captions, sample_indices
from ..identity import fingerprints
from ..preset_types import EditPreset
from ..presets import DVAE_PRESETS
from ..shares import WHOLE, Batch, Share
from ..sources import Sources, check_grid, check_tokens, keep_tokenizer
from ..token_noise import corrupt_tokens
from ..tokens import joint_views
from . import Objective


@dataclass
class EditObjective(Objective[DALLE]):
    """Predict the tokens of the lower half, given the caption and the upper half, which are never asked for.

    (The paper trained nothing here; with 1/8 and 7/8 of the whole sequence, most of what is learned would be the half
    that is given.)
    """

    shardable = True
    uses_all = False  # nothing asks for the text

    preset: EditPreset
    #: Makes the image tokens.
    dvae: DVAE
    #: The model grows from the weights of this DALL·E.
    start: DALLE
    #: That DALL·E's, with the preset's text_length.
    tokenizer: TextTokenizer

    @classmethod
    def check_data(cls, data: str) -> None:
        if data != "emoji":
            raise ValueError(
                "Editing needs one thing in several styles, as in the emoji world alone: train with --data emoji."
            )

    @classmethod
    def prepare(cls, preset: EditPreset, sources: Sources) -> Self:
        name = sources.find("dalle", sources.start)
        start, dvae = DALLE.from_pretrained(name), DVAE.from_pretrained(sources.find("dvae", sources.dvae))
        tokenizer = sources.tokenizer("dalle", name, preset.text_length)
        assert tokenizer is not None  # there is a DALL·E to start from
        check_tokens(start.config, name, dvae, tokenizer)
        side = DVAE_PRESETS[sources.world].side
        check_grid(dvae, side)
        grid = side // dvae.config.factor
        if (start.config.rows, start.config.cols, start.config.codes) != (grid, grid, dvae.config.codes):
            raise ValueError(
                f"The weights in {str(name)!r} are for other image tokens than those of the dVAE taken here."
            )
        if start.config.text_length > preset.text_length:
            raise ValueError(
                f"The weights in {str(name)!r} take captions of {start.config.text_length} tokens, and this preset "
                f"only {preset.text_length}: start from others."
            )
        return cls(preset, dvae, start, tokenizer)

    def build(self, data: Pairs | Shards) -> DALLE:
        assert isinstance(data, Pairs)  # of the emoji world, as `check_data` made sure
        torch.manual_seed(self.preset.train_config.seed)
        self.metadata = data.metadata
        self.styles = [row["style"] for row in data.metadata]
        plain = [(edit_caption(with_article(style)), None) for style in dict.fromkeys(self.styles)]
        check_captions(plain, self.tokenizer)
        couples, weights = style_pairs(data)
        trained = torch.tensor([(self.styles[a], self.styles[b]) != self.preset.left_out for a, b in couples.tolist()])
        if not trained.any():
            raise ValueError("There is no picture whose emoji is also there in a style that may be trained.")
        self.couples, self.weights = couples[trained], weights[trained]
        self.token_views = joint_views(self.dvae, data.pictures, self.preset.num_views, self.preset.shift)
        tokens = {"dvae_fingerprint": self.dvae.fingerprint(), "tokenizer_fingerprint": self.tokenizer.fingerprint()}
        self.start.config = replace(self.start.config, **tokens)  # the taller model takes them over
        return extend_rows(self.start, self.preset.text_length)

    def caption(self, index: int, rng: random.Random) -> str:
        """A caption for a lower half: it names the style, and often the thing, where there is room for it."""
        style, name = with_article(self.styles[index]), self.metadata[index]["name"].lower()
        named = edit_caption(style, name)
        return named if rng.random() < self.preset.named and self.tokenizer.fits(named) else edit_caption(style)

    def draw(self, rng: random.Random, progress: float, training: bool = True) -> Batch:
        chosen = self.couples[sample_indices(self.weights, self.preset.train_config.batch)]  # (B, 2)
        view = torch.randint(0, len(self.token_views), (len(chosen),))
        top, bottom = self.token_views[view, chosen[:, 0]], self.token_views[view, chosen[:, 1]]  # (B, n) each
        text = self.tokenizer.encode([self.caption(i, rng) for i in chosen[:, 1].tolist()])
        noisy = corrupt_tokens(bottom, bottom.roll(1, 0), self.preset.max_token_noise)
        tokens, input_tokens = (torch.cat((top, half), dim=1) for half in (bottom, noisy))  # (B, 2n) each
        return Batch({"text": text, "tokens": tokens, "input_tokens": input_tokens})

    def compute(self, model: DALLE, batch: Batch, share: Share = WHOLE) -> dict[str, Tensor]:
        nll, right = edit_nll(model, batch.rows["text"], batch.rows["tokens"], batch.rows["input_tokens"])
        return {"total": nll.mean(), "right": right.float().mean()}

    def fingerprint(self) -> dict[str, str]:
        return fingerprints(self.dvae, self.tokenizer, self.start)

    def save_extras(self, out: Path) -> None:
        keep_tokenizer(self.tokenizer, out)
