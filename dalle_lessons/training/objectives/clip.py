"""What CLIP learns from."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from ...datasets import Pairs
from ...datasets.pairs import to_ids
from ...datasets.shard_samples import Shards
from ...model.clip import CLIP, CLIPConfig, contrastive_loss
from ...model.dalle import DALLE
from ...model.dvae import DVAE
from ...model.sequence import unflatten
from ...model.tokenizer import TextTokenizer
from ..augment import mix_channels, random_affine, random_erasing, vary
from ..batch_norm import update_batch_norm
from ..batches import captions_of, check_captions, sample_grouped, sample_indices, sample_other_style, varied_captions
from ..identity import fingerprints
from ..negatives import sample_negatives
from ..preset_types import CLIPPreset
from ..presets import DALLE_PRESETS, DVAE_PRESETS
from ..shares import WHOLE, Batch, Share
from ..sources import Sources, check_grid, check_size, check_tokens, keep_tokenizer
from ..streams import next_pairs, open_stream, refuse_tokens, shard_tokenizer
from ..token_noise import corrupt_tokens
from ..tokens import tokenize, train_tokenizer
from . import Objective, channels_last

STATISTICS = 2048  # pictures of a stream from which batch norm's are estimated
NEGATIVES_WEIGHT = 3.0  # captions with a generated negative come so much more often, or few of a batch would have one


def clip_config(preset: CLIPPreset, dvae: DVAE, tokenizer: TextTokenizer, side: int) -> CLIPConfig:
    """The preset's configuration, with the sizes and fingerprints of these tokens, for pictures of `side` pixels."""
    return replace(
        preset.config,
        side=side,
        vocab_size=tokenizer.vocab_size,
        text_length=tokenizer.length,
        pad_id=tokenizer.pad_id,
        dvae_fingerprint=dvae.fingerprint(),
        tokenizer_fingerprint=tokenizer.fingerprint(),
    )


def emoji_rows(pairs: Pairs) -> list[dict]:
    """The rows of captions.csv that the pairs were made from; none in other worlds."""
    return pairs.metadata if pairs.metadata and "subgroup" in getattr(pairs.metadata[0], "keys", tuple)() else []


def check_differences(pairs: Pairs) -> None:
    """Raises ValueError with one sentence if all captions are the same: then there is nothing to tell apart."""
    captions = {pairs.caption(i, None) for i in range(len(pairs))}
    if len(captions) == 1 < len(pairs):
        raise ValueError(
            f"CLIP learns which caption belongs to which picture, and all {len(pairs):,} pictures have the same one, "
            f"{captions.pop()[:60]!r}: write to each what it shows, or do without a CLIP."
        )


class Truths:
    """Which captions are true of which pictures, beside their own."""

    def __init__(self, pairs: Pairs):
        _, self.picture_of = torch.unique(pairs.pictures.flatten(1), dim=0, return_inverse=True)  # (N,): equal ones
        rows = emoji_rows(pairs)
        self.styles = [row["style"] for row in rows]
        # Only emoji are shown in several styles; elsewhere nothing is known of a picture but that it equals another.
        self.thing_of = to_ids((row["base_hexcode"], row["skin_tone"]) for row in rows) if rows else self.picture_of
        self.things = int(self.thing_of.max()) + 1
        self.shown = torch.unique(self.picture_of * self.things + self.thing_of)  # a sketch serves all tones of a thing

    def also_true(self, chosen: Tensor, captions: Sequence[str]) -> Tensor:
        """(B,) indices and a caption for each -> (B, B) bool: (i, j), i ≠ j, where caption j is true of picture i too.

        It is if picture i equals picture j, if it has the same caption, or if it shows the same thing and the caption
        leaves the style unsaid.
        """
        pictures, things, words = self.picture_of[chosen], self.thing_of[chosen], to_ids(captions)
        true = (pictures[:, None] == pictures) | (words[:, None] == words)
        if self.styles:
            unsaid = [self.styles[i] not in c for i, c in zip(chosen.tolist(), captions, strict=True)]
            shows = torch.isin(pictures[:, None] * self.things + things, self.shown)  # (B, B)
            true |= shows & torch.tensor(unsaid)
        return true.fill_diagonal_(False)


@dataclass
class CLIPObjective(Objective[CLIP]):
    """Find each picture's caption among a batch's, and each caption's picture."""

    compares_rows = True

    preset: CLIPPreset
    #: Makes the reconstructions.
    dvae: DVAE
    #: That of the DALL·E whose drawings CLIP will rank; None: `build` learns it from the captions, as DALL·E's was.
    tokenizer: TextTokenizer | None = None
    #: Whose weights to start from; None: random ones.
    start: CLIP | None = None
    #: Draws the preset's generated negatives, with the same tokenizer; needed if there are any.
    dalle: DALLE | None = None
    #: The world whose DALL·E says how a tokenizer is learned.
    world: str = "emoji"

    @classmethod
    def prepare(cls, preset: CLIPPreset, sources: Sources) -> Self:
        dvae = DVAE.from_pretrained(sources.find("dvae", sources.dvae))
        side = DVAE_PRESETS[sources.world].side
        check_grid(dvae, side)
        start = None if sources.start is None else CLIP.from_pretrained(sources.start)
        length = DALLE_PRESETS[sources.world].config.text_length
        tokenizer = sources.tokenizer("clip", sources.start, length)
        if start is not None and sources.start is not None and tokenizer is not None:
            check_tokens(start.config, sources.start, dvae, tokenizer)
            config = clip_config(preset, dvae, tokenizer, side)
            check_size(start, sources.start, lambda: CLIP(config))
        dalle = None
        if preset.generated_negatives:
            name = sources.find("dalle", None)  # `start` may hold a CLIP alone
            dalle = DALLE.from_pretrained(name)
            tokenizer = tokenizer or sources.tokenizer("dalle", name, length)
            check_tokens(dalle.config, name, dvae, tokenizer)
        return cls(preset, dvae, tokenizer, start, dalle, sources.world)

    def build(self, data: Pairs | Shards) -> CLIP:
        side = data.pictures.shape[-1] if isinstance(data, Pairs) else data.side(self.dvae.config.factor)
        self.tokenizer = self.tokenizer_for(data)
        torch.manual_seed(self.preset.train_config.seed)
        config = clip_config(self.preset, self.dvae, self.tokenizer, side)
        model = channels_last(CLIP(config, self.tokenizer))
        if self.start is not None:
            model.load_state_dict(self.start.state_dict())
        if isinstance(data, Shards):
            if self.preset.generated_negatives:
                raise ValueError("This preset draws wrong answers for pictures in memory: name another for shards.")
            self.stream = open_stream(data, self.preset.train_config, self.tokenizer, alone="CLIP")
        else:
            self.take(data)
        return model

    def tokenizer_for(self, data: Pairs | Shards) -> TextTokenizer:
        """The tokenizer that the captions of the data fit; learned from them if there is none yet."""
        preset = DALLE_PRESETS[self.world]
        if isinstance(data, Shards):
            refuse_tokens(data, "CLIP")
            return self.tokenizer or shard_tokenizer(data, preset)
        check_differences(data)
        tokenizer = self.tokenizer or train_tokenizer(data, preset)
        check_captions(captions_of(data), tokenizer)
        return tokenizer

    def take(self, pairs: Pairs) -> None:
        """Learn from these pairs, until others are taken."""
        preset = self.preset
        self.pairs, self.truths = pairs, Truths(pairs)
        self.tokens = tokenize(self.dvae, pairs.pictures)  # (N, rows · cols)
        self.weights = pairs.weights**preset.sampling_exponent
        emoji = emoji_rows(pairs)
        self.groups = to_ids(row["subgroup"] for row in emoji)  # (N,), or (0,) in worlds without subgroups
        self.negative_of = torch.full((len(pairs),), -1)  # (N,): which negative was drawn for this caption, if any
        self.negatives = self.tokens[:0]
        self.weights_in_batch = self.weights
        if self.dalle is not None and self.tokenizer is not None and preset.generated_negatives:
            asked = torch.multinomial(self.weights, min(preset.generated_negatives, len(pairs)))
            drawn_for, self.negatives = sample_negatives(self.dalle, self.tokenizer, pairs, self.tokens, asked)
            self.negative_of[drawn_for] = torch.arange(len(drawn_for))
            self.weights_in_batch = self.weights * torch.where(self.negative_of >= 0, NEGATIVES_WEIGHT, 1.0)

    def choose(self) -> Tensor:
        """Which pairs are in the next batch: (B,) int64."""
        if self.stream is not None:  # a batch of it is a small world of its own, of which all is shown
            self.take(next_pairs(self.stream))
            return torch.arange(len(self.pairs))
        preset, batch, weights = self.preset, self.preset.train_config.batch, self.weights_in_batch
        if preset.negatives_per_group == 1 or not len(self.groups):
            return sample_indices(weights, batch)
        if not preset.pair_styles:
            return sample_grouped(weights, self.groups, batch, preset.negatives_per_group)
        first = sample_grouped(weights, self.groups, (batch + 1) // 2, preset.negatives_per_group // 2)
        return torch.cat((first, sample_other_style(self.weights, self.truths.thing_of, first)))[:batch]

    def decoded(self, tokens: Tensor) -> Tensor:
        """(n, rows · cols) -> (n, 3, H, W) in [0, 1]."""
        grid = self.pairs.pictures.shape[-1] // self.dvae.config.factor
        return self.dvae.decode(unflatten(tokens, grid, grid)).float()

    def varied(self, images: Tensor) -> Tensor:
        """(n, 3, H, W) in [0, 1] -> the same, each picture in another place, size and color."""
        preset = self.preset
        images = random_affine(images, preset.scale_jitter, preset.affine_jitter)
        return mix_channels(vary(images, preset.shift, preset.color_jitter), preset.channel_mix)

    def draw(self, rng: random.Random, progress: float, training: bool = True) -> Batch:
        assert self.tokenizer is not None, "build comes first"
        preset, chosen = self.preset, self.choose()
        images = self.pairs.pictures[chosen].float() / 255
        replaced = torch.rand(len(chosen)) < preset.reconstructed
        if replaced.any():
            others = self.tokens[sample_indices(self.weights, int(replaced.sum()))]
            noisy = corrupt_tokens(self.tokens[chosen[replaced]], others, preset.max_token_noise)
            images[replaced] = self.decoded(noisy)
        images = random_erasing(self.varied(images), preset.erasing).contiguous(memory_format=torch.channels_last)
        captions = varied_captions(self.pairs, chosen, self.tokenizer, rng)
        text = self.tokenizer.encode(captions, preset.bpe_dropout if training else 0)
        rows = {"images": images, "text": text}
        drawn = self.negative_of[chosen][self.negative_of[chosen] >= 0]
        if len(drawn):
            extra = self.varied(self.decoded(self.negatives[drawn]))
            rows["extra_images"] = extra.contiguous(memory_format=torch.channels_last)
        whole = {"also_true": self.truths.also_true(chosen, captions), "extra": torch.tensor(len(drawn))}
        return Batch(rows, whole)

    def compute(self, model: CLIP, batch: Batch, share: Share = WHOLE) -> dict[str, Tensor]:
        images, extra = batch.rows["images"], batch.rows.get("extra_images")
        vectors = model.encode_images(images if extra is None else torch.cat((images, extra)))
        everyone = len(batch.whole["also_true"])  # each picture is compared with the captions of all shares
        of_images = share.all_rows(vectors[: len(images)], everyone)
        of_text = share.all_rows(model.encode_text(batch.rows["text"]), everyone)
        of_extra = None if extra is None else share.all_rows(vectors[len(images) :], int(batch.whole["extra"]))
        total = contrastive_loss(of_images, of_text, model.logit_scale, batch.whole["also_true"], of_extra)
        return {"total": total}

    def fingerprint(self) -> dict[str, str]:
        return fingerprints(self.dvae, self.tokenizer, self.start, self.dalle)

    def save_extras(self, out: Path) -> None:
        assert self.tokenizer is not None, "build comes first"
        keep_tokenizer(self.tokenizer, out)

    def finish(self, model: CLIP) -> None:
        if self.stream is not None:
            self.take(next_pairs(self.stream, STATISTICS))
        update_batch_norm(model, self.pairs.pictures, self.weights, self.preset.train_config.seed)
