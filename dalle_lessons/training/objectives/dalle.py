"""What DALL·E learns from."""

from __future__ import annotations

import random
from dataclasses import replace

import torch
from torch import Tensor

from ...datasets import Pairs
from ...model.dalle import DALLE
from ...model.dvae import DVAE
from ...model.sequence import drop_captions
from ...model.tokenizer import TextTokenizer
from ..batches import sample_indices, varied_captions
from ..presets import DALLEPreset
from ..token_noise import corrupt_tokens
from ..tokens import shifted_views, train_tokenizer
from ..trainer import LossFn


def dalle_loss_of(pairs: Pairs, token_views: Tensor, tokenizer: TextTokenizer, preset: DALLEPreset) -> LossFn:
    """DALL·E's loss on a random batch of pairs, with captions that vary. cuts: as from `shifted_views`."""
    weights = pairs.weights**preset.sampling_exponent

    def loss_fn(model: DALLE, rng: random.Random, done: float) -> dict[str, Tensor]:
        chosen = sample_indices(weights, preset.train_config.batch)
        disturbed = done < preset.augment_until
        which = torch.zeros_like(chosen)
        if len(token_views) > 1 and disturbed:  # without copies nothing is drawn: other presets repeat as before
            which = torch.randint(0, len(token_views), chosen.shape)
        text = tokenizer.encode(
            varied_captions(pairs, chosen, tokenizer, rng), preset.bpe_dropout if model.training else 0
        )
        tokens = token_views[which, chosen]  # (B, N)
        fed = (
            corrupt_tokens(tokens, tokens.roll(1, 0), preset.max_token_noise)
            if preset.max_token_noise and disturbed
            else None
        )
        return model.loss(drop_captions(text, preset.caption_dropout, tokenizer.pad_id), tokens, fed)

    return loss_fn


def make_dalle(
    pairs: Pairs, preset: DALLEPreset, dvae: DVAE, tokenizer: TextTokenizer | None = None
) -> tuple[DALLE, TextTokenizer, LossFn]:
    """Tokenize the pictures once, learn the text vocabulary (if none is given), and build the model that fits both."""
    torch.manual_seed(preset.train_config.seed)
    tokenizer = tokenizer or train_tokenizer(pairs, preset)
    side = pairs.pictures.shape[-1] // dvae.config.factor
    config = replace(
        preset.config,
        vocab_size=tokenizer.vocab_size,
        pad_id=tokenizer.pad_id,
        rows=side,
        cols=side,
        codes=dvae.config.codes,
    )
    token_views = shifted_views(dvae, pairs.pictures, preset.num_views, preset.shift)
    return DALLE(config), tokenizer, dalle_loss_of(pairs, token_views, tokenizer, preset)
