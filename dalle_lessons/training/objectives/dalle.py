"""What DALL·E learns from."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from ...datasets import Pairs
from ...datasets.shard_samples import Shards
from ...datasets.shard_stream import ShardStream
from ...model.dalle import DALLE, DALLEConfig
from ...model.dvae import DVAE
from ...model.sequence import IMAGE_WEIGHT, TEXT_WEIGHT, drop_captions, flatten
from ...model.tokenizer import TextTokenizer
from ..augment import random_shift
from ..batches import captions_of, check_captions, sample_indices, varied_captions
from ..identity import fingerprints
from ..preset_types import DALLEPreset
from ..presets import DVAE_PRESETS
from ..shares import WHOLE, Batch, Share
from ..sources import Sources, check_grid, check_size, check_tokens, keep_tokenizer
from ..streams import check_token_shards, open_stream, ranks_of, shard_tokenizer
from ..token_noise import corrupt_tokens
from ..tokens import kept_tokens, shifted_views, tokenize, train_tokenizer
from . import Objective

MIRRORED = ", mirrored"  # what a caption of a mirrored picture says besides


def dalle_config(preset: DALLEPreset, dvae: DVAE, tokenizer: TextTokenizer, side: int) -> DALLEConfig:
    """The preset's configuration, with the sizes and fingerprints of these tokens, for pictures of `side` pixels."""
    grid = side // dvae.config.factor
    return replace(
        preset.config,
        vocab_size=tokenizer.vocab_size,
        pad_id=tokenizer.pad_id,
        rows=grid,
        cols=grid,
        codes=dvae.config.codes,
        dvae_fingerprint=dvae.fingerprint(),
        tokenizer_fingerprint=tokenizer.fingerprint(),
    )


@dataclass
class DALLEObjective(Objective[DALLE]):
    """Predict each token of captions and pictures."""

    shardable = True

    preset: DALLEPreset
    #: Makes the image tokens.
    dvae: DVAE
    #: Makes the text tokens; None: `build` learns one from the captions.
    tokenizer: TextTokenizer | None = None
    #: Whose weights to start from; None: random ones.
    start: DALLE | None = None
    #: Where image tokens are kept for the next time; None: nowhere.
    kept: Path | None = None

    @classmethod
    def prepare(cls, preset: DALLEPreset, sources: Sources) -> Self:
        dvae = DVAE.from_pretrained(sources.find("dvae", sources.dvae))
        side = DVAE_PRESETS[sources.world].side
        check_grid(dvae, side)
        start = None if sources.start is None else DALLE.from_pretrained(sources.start)
        tokenizer = sources.tokenizer("dalle", sources.start, preset.config.text_length)
        if start is not None and sources.start is not None and tokenizer is not None:
            check_tokens(start.config, sources.start, dvae, tokenizer)
            config = dalle_config(preset, dvae, tokenizer, side)
            check_size(start, sources.start, lambda: DALLE(config))
        return cls(preset, dvae, tokenizer, start, sources.tokens)

    def build(self, data: Pairs | Shards) -> DALLE:
        torch.manual_seed(self.preset.train_config.seed)
        side = self.open_shards(data) if isinstance(data, Shards) else self.take(data)
        assert self.tokenizer is not None
        config = dalle_config(self.preset, self.dvae, self.tokenizer, side)
        check_size(self.start, "--start", lambda: DALLE(config))
        model = DALLE(config)
        if self.start is not None:
            model.load_state_dict(self.start.state_dict())
        return model

    def open_shards(self, shards: Shards) -> int:
        """Prepare to learn from a stream. -> the side of its pictures, in pixels."""
        if self.tokenizer is None:
            self.tokenizer = shard_tokenizer(shards, self.preset)
        side = shards.side(self.dvae.config.factor)
        if shards.tokens:
            check_token_shards(shards.tokens, self.dvae)
            if self.preset.num_views or self.preset.mirrored:
                raise ValueError("This preset moves or mirrors pictures, and these shards hold tokens: name another.")
        self.stream = open_stream(shards, self.preset.train_config, self.tokenizer)
        return side

    def take(self, pairs: Pairs) -> int:
        """Prepare to learn from pairs in memory. -> the side of their pictures, in pixels."""
        if self.tokenizer is None:
            self.tokenizer = train_tokenizer(pairs, self.preset)
        check_captions(captions_of(pairs), self.tokenizer)
        self.pairs, self.weights = pairs, pairs.weights**self.preset.sampling_exponent
        self.token_views, self.mirrored = self.tokens_of(pairs.pictures)
        return pairs.pictures.shape[-1]

    def tokens_of(self, pictures: Tensor) -> tuple[Tensor, Tensor | None]:
        """(N, 3, H, W) uint8 -> image tokens (1 + num_views, N, rows · cols), and those of the mirrored pictures
        (N, rows · cols), if the preset shows any."""
        count, shift, dvae = self.preset.num_views, self.preset.shift, self.dvae
        how = f"{count} views moved by {shift}, seed {self.preset.train_config.seed}" if count else "as they are"
        views = kept_tokens(self.kept, dvae, pictures, how, lambda: shifted_views(dvae, pictures, count, shift))
        if not self.preset.mirrored:
            return views, None
        return views, kept_tokens(self.kept, dvae, pictures, "mirrored", lambda: tokenize(dvae, pictures.flip(3)))

    def draw(self, rng: random.Random, progress: float, training: bool = True) -> Batch:
        assert self.tokenizer is not None, "build comes first"
        preset, augment = self.preset, progress < self.preset.augment_until
        captions, tokens = self.choose(rng, augment) if self.stream is None else self.read(self.stream, augment)
        text = self.tokenizer.encode(captions, preset.bpe_dropout if training else 0)
        input_tokens = tokens
        if preset.max_token_noise and augment:
            input_tokens = corrupt_tokens(tokens, tokens.roll(1, 0), preset.max_token_noise)
        text = drop_captions(text, preset.caption_dropout, self.tokenizer.pad_id)
        ranks = ranks_of(self.stream)  # whose samples say about as many words as these
        rows = {"text": text, "tokens": tokens, "input_tokens": input_tokens}
        return Batch(rows, {"words": self.words(text) * ranks}, ranks)

    def choose(self, rng: random.Random, augment: bool) -> tuple[list[str], Tensor]:
        """Captions and image tokens (B, N) of random pairs in memory. augment: whether pictures may be moved."""
        assert self.tokenizer is not None, "build comes first"
        chosen = sample_indices(self.weights, self.preset.train_config.batch)
        view = torch.zeros_like(chosen)
        if len(self.token_views) > 1 and augment:  # with one view nothing is drawn: other presets repeat as before
            view = torch.randint(0, len(self.token_views), chosen.shape)
        tokens = self.token_views[view, chosen]  # (B, N)
        captions = varied_captions(self.pairs, chosen, self.tokenizer, rng)
        if self.mirrored is not None and augment:
            captions, tokens = self.mirror(chosen, captions, tokens)
        return captions, tokens

    def read(self, stream: ShardStream, augment: bool) -> tuple[list[str], Tensor]:
        """Captions and image tokens (B, N) of the next samples of a stream."""
        assert self.tokenizer is not None, "build comes first"
        batch, preset = next(stream), self.preset
        if stream.order.shards.tokens:
            return batch.captions, flatten(batch.values)
        captions, pictures = batch.captions, batch.values
        if preset.num_views and augment:
            pictures = random_shift(pictures.float() / 255, preset.shift).mul(255).round().byte()
        if preset.mirrored and augment:
            turned, captions = self.turn(captions)
            pictures = torch.where(turned[:, None, None, None], pictures.flip(3), pictures)
        return captions, tokenize(self.dvae, pictures)

    def words(self, text: Tensor) -> Tensor:
        """How many text tokens of these rows are asked for: scalar int64. text: (B, T)."""
        assert self.tokenizer is not None, "build comes first"
        return (text[:, 1:] != self.tokenizer.pad_id).sum()

    def compute(self, model: DALLE, batch: Batch, share: Share = WHOLE) -> dict[str, Tensor]:
        text = batch.rows["text"]
        parts = model.loss(text, batch.rows["tokens"], batch.rows["input_tokens"])
        # A mean over the words that are said: a share that says more of them counts for more.
        text_loss = parts["text"] * share.scale(self.words(text), batch.whole["words"])
        return {**parts, "text": text_loss, "total": TEXT_WEIGHT * text_loss + IMAGE_WEIGHT * parts["image"]}

    def mirror(self, chosen: Tensor, captions: list[str], tokens: Tensor) -> tuple[list[str], Tensor]:
        """Some of the chosen pictures mirrored: their captions, where there is room to say so, and tokens (B, N)."""
        assert self.mirrored is not None, "build comes first"
        turned, said = self.turn(captions)
        return said, torch.where(turned[:, None], self.mirrored[chosen], tokens)

    def turn(self, captions: list[str]) -> tuple[Tensor, list[str]]:
        """Which pictures are to be mirrored, (B,) bool, and the captions, which say so where there is room for it."""
        assert self.tokenizer is not None, "build comes first"
        turned = torch.rand(len(captions)) < self.preset.mirrored
        turned &= torch.tensor(self.tokenizer.fit([caption + MIRRORED for caption in captions]))
        return turned, [caption + MIRRORED * turn for caption, turn in zip(captions, turned.tolist(), strict=True)]

    def fingerprint(self) -> dict[str, str]:
        return fingerprints(self.dvae, self.tokenizer, self.start)

    def save_extras(self, out: Path) -> None:
        assert self.tokenizer is not None, "build comes first"
        keep_tokenizer(self.tokenizer, out)
