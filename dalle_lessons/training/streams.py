"""How a training reads shards: what it learns of them before the first step, and what fits it."""

from __future__ import annotations

from functools import partial

import torch
import torch.distributed as dist

from ..datasets import Pairs
from ..datasets.folder import caption_of
from ..datasets.shard_samples import Shards, TokenDecoder
from ..datasets.shard_stream import Order, ShardStream
from ..model.dvae import DVAE
from ..model.tokenizer import TextTokenizer
from .preset_types import DALLEPreset
from .train_config import TrainConfig

VOCABULARY = 100_000  # captions from which a tokenizer is learned: more would hardly change it


def open_stream(
    shards: Shards, train_config: TrainConfig, tokenizer: TextTokenizer | None = None, alone: str = ""
) -> ShardStream:
    """Batches of shards for this process. tokenizer: captions that it cannot encode are left out and counted. alone:
    what cannot be trained from shards by several processes, if so.

    Raises ValueError with one sentence if all captions are too long, or the batch cannot be divided.
    """
    rank, ranks = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    if ranks > 1 and alone:
        raise ValueError(f"{alone} compares a batch as a whole, and learns from shards in one process alone.")
    if train_config.batch % ranks:
        raise ValueError(f"A batch of {train_config.batch} cannot be divided among {ranks} processes: change --batch.")
    if tokenizer is not None:
        why = f"has a caption that is too long for the {tokenizer.length - 1} tokens of this model"
        shards.require(tokenizer.fits, why)
    fits = None if tokenizer is None else tokenizer.fits
    order = Order(shards, train_config.batch // ranks, train_config.seed, fits)
    return ShardStream(order, train_config.workers, rank, ranks)


def ranks_of(stream: ShardStream | None) -> int:
    """Among how many processes the batches of a stream are divided; 1 without one: in memory all draw the same."""
    return 1 if stream is None else stream.ranks


def next_pairs(stream: ShardStream, at_least: int = 1) -> Pairs:
    """The next batch of pictures, or as many as hold so many pictures, as a world of its own."""
    pictures, rows = [], []
    while len(rows) < at_least:
        batch = next(stream)
        pictures.append(batch.values)
        rows += [{"caption": caption} for caption in batch.captions]
    return Pairs(torch.cat(pictures), torch.ones(len(rows)), partial(caption_of, rows), rows)


def shard_tokenizer(shards: Shards, preset: DALLEPreset) -> TextTokenizer:
    """Byte-pair encoding from the captions of shards, of the first 100,000 if there are more."""
    captions = shards.captions(VOCABULARY, preset.train_config.seed)
    return TextTokenizer.train(captions, preset.vocab_size, preset.config.text_length)


def refuse_tokens(shards: Shards, model: str) -> None:
    """Raises ValueError with one sentence if these shards hold image tokens."""
    if shards.tokens:
        raise ValueError(f"{shards.paths[0]} holds image tokens, and {model} learns from pictures: name their shards.")


def check_token_shards(tokens: TokenDecoder, dvae: DVAE) -> None:
    """Raises ValueError with one sentence for tokens that another dVAE made than the one taken here."""
    if tokens.dvae != dvae.fingerprint():
        raise ValueError(
            "These shards hold the tokens of another dVAE than the one taken here: name theirs with --dvae, or "
            "tokenize the pictures anew."
        )
