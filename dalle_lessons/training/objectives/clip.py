"""What CLIP learns from."""

from __future__ import annotations

import random
from dataclasses import replace

import torch
from torch import Tensor

from ...datasets import Pairs
from ...datasets.pairs import to_ids
from ...model.clip import CLIP
from ...model.dalle import DALLE
from ...model.dvae import DVAE
from ...model.sampling import SAMPLING_BATCH, sample
from ...model.sequence import unflatten
from ...model.tokenizer import TextTokenizer
from ..augment import mix_channels, random_affine, random_erasing, vary
from ..batches import sample_grouped, sample_indices, sample_other_style, varied_captions
from ..presets import CLIPPreset
from ..token_noise import corrupt_tokens
from ..tokens import tokenize
from ..trainer import LossFn


def sample_negatives(
    dalle: DALLE, tokenizer: TextTokenizer, pairs: Pairs, tokens: Tensor, chosen: Tensor
) -> tuple[Tensor, Tensor]:
    """Drawings of these pictures' captions, too hot to be good: (K,) int64 -> indices (k,) and image tokens (k, N) of
    those that differ from the true picture's tokens (of `tokens`) in more than 30%."""
    drawn = []
    for at in range(0, len(chosen), SAMPLING_BATCH):
        text = tokenizer.encode([pairs.caption(i, None) for i in chosen[at : at + SAMPLING_BATCH].tolist()])
        hot = (1.25, 1.5, 1.75)[at // SAMPLING_BATCH % 3]
        drawn.append(sample(dalle, text, seed=1, indices=range(at, at + len(text)), temperature=hot))
    differs = (torch.cat(drawn) != tokens[chosen]).float().mean(dim=1) > 0.3
    return chosen[differs], torch.cat(drawn)[differs]


def make_clip(
    pairs: Pairs, preset: CLIPPreset, dvae: DVAE, tokenizer: TextTokenizer, dalle: DALLE | None = None
) -> tuple[CLIP, LossFn]:
    """CLIP over the tokenizer of the DALL·E whose drawings it will rank; the dVAE makes the reconstructions.

    dalle: draws the faulty pictures, with the same tokenizer; without it there are none.
    """
    torch.manual_seed(preset.train_config.seed)
    sizes = {"vocab_size": tokenizer.vocab_size, "text_length": tokenizer.length, "pad_id": tokenizer.pad_id}
    config = replace(preset.config, side=pairs.pictures.shape[-1], **sizes)
    model = CLIP(config, tokenizer).to(memory_format=torch.channels_last)
    tokens = tokenize(dvae, pairs.pictures)  # (N, rows · cols)
    weights = pairs.weights**preset.sampling_exponent
    rows = pairs.pictures.shape[-1] // dvae.config.factor
    _, picture_of = torch.unique(pairs.pictures.flatten(1), dim=0, return_inverse=True)  # (N,): which are the same
    negatives_per_group = (
        preset.negatives_per_group if preset.negatives_per_group > 1 and "subgroup" in pairs.metadata[0] else 1
    )
    emoji_rows = pairs.metadata if negatives_per_group > 1 else []  # other worlds have no subgroups
    groups = to_ids(row["subgroup"] for row in emoji_rows)  # (N,)
    things = to_ids((row["base_hexcode"], row["skin_tone"]) for row in emoji_rows)
    faulty_of = torch.full((len(pairs),), -1)  # (N,): which faulty drawing is of this picture's caption, if any
    faulty, often = tokens[:0], torch.ones(len(pairs))
    if dalle is not None:
        asked = torch.multinomial(weights, min(preset.faulty, len(pairs)))
        drawn_for, faulty = sample_negatives(dalle, tokenizer, pairs, tokens, asked)
        faulty_of[drawn_for] = torch.arange(len(drawn_for))
        often[drawn_for] = 3.0  # these captions come more often, or few of a batch would have one

    @torch.no_grad()
    def decoded(tokens: Tensor) -> Tensor:
        """(n, rows · cols) -> (n, 3, H, W) in [0, 1]."""
        return dvae.decode(unflatten(tokens, rows, rows)).float()

    def varied(images: Tensor) -> Tensor:
        return mix_channels(
            vary(random_affine(images, preset.scale_jitter, preset.affine_jitter), preset.shift, preset.color_jitter),
            preset.channel_mix,
        )

    def loss_fn(model: CLIP, rng: random.Random, done: float) -> dict[str, Tensor]:
        batch = preset.train_config.batch
        if negatives_per_group == 1:
            chosen = sample_indices(weights * often, batch)
        elif preset.pair_styles:
            first = sample_grouped(weights * often, groups, batch // 2, negatives_per_group // 2)
            chosen = torch.cat((first, sample_other_style(weights, things, first)))
        else:
            chosen = sample_grouped(weights * often, groups, batch, negatives_per_group)
        images = pairs.pictures[chosen].float() / 255
        replaced = torch.rand(batch) < preset.reconstructed
        if replaced.any():
            others = tokens[sample_indices(weights, int(replaced.sum()))]
            images[replaced] = decoded(corrupt_tokens(tokens[chosen[replaced]], others, preset.max_token_noise))
        images = random_erasing(varied(images), preset.erasing).contiguous(memory_format=torch.channels_last)
        text = tokenizer.encode(
            varied_captions(pairs, chosen, tokenizer, rng), preset.bpe_dropout if model.training else 0
        )
        same = (picture_of[chosen][:, None] == picture_of[chosen]).fill_diagonal_(False)
        which = faulty_of[chosen][faulty_of[chosen] >= 0]
        wrong = varied(decoded(faulty[which])).contiguous(memory_format=torch.channels_last) if len(which) else None
        return model.loss(images, text, same, wrong)

    return model, loss_fn
