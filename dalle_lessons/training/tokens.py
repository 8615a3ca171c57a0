"""What stage two learns from: pictures as image tokens, and the vocabulary of their captions."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from pathlib import Path

import safetensors.torch
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from torch import Tensor

from ..datasets import Pairs
from ..model.atomic import replace_file
from ..model.dvae import DVAE
from ..model.sequence import flatten
from ..model.tokenizer import TextTokenizer
from .augment import random_shift
from .preset_types import DALLEPreset


@torch.no_grad()
def tokenize(dvae: DVAE, pictures: Tensor, batch: int = 64) -> Tensor:
    """(N, 3, H, W) uint8 -> image tokens (N, rows · cols) int64, where the pictures lie; the dVAE may be elsewhere."""
    parts = [flatten(dvae.encode(part.to(dvae.device).float() / 255)) for part in pictures.split(batch)]
    return torch.cat(parts).to(pictures.device)


def train_tokenizer(pairs: Pairs, preset: DALLEPreset, variations: int = 4) -> TextTokenizer:
    """Byte-pair encoding from the captions that training will see: the full one of each pair, and some varied ones."""
    rng = random.Random(preset.train_config.seed)
    captions = [pairs.caption(i, None) for i in range(len(pairs))]
    captions += [pairs.caption(i, rng) for _ in range(variations) for i in range(len(pairs))]
    return TextTokenizer.train(captions, preset.vocab_size, preset.config.text_length)


def kept_tokens(folder: Path | None, dvae: DVAE, pictures: Tensor, how: str, make: Callable[[], Tensor]) -> Tensor:
    """What `make` returns, image tokens as int64 of any shape; in `folder`, if one is given, they are kept for the next
    time. how: everything else that they depend on, in words.

    The file's name holds the fingerprints of the dVAE (first 16 digits) and of the pictures and `how` (first 16), so
    that other tokens are never taken for them. A damaged file is made anew.
    """
    if folder is None:
        return make()
    digest = hashlib.sha256(f"{tuple(pictures.shape)} {how}".encode())
    digest.update(pictures.contiguous().numpy().data)
    path = folder / f"{dvae.fingerprint()[:16]}_{digest.hexdigest()[:16]}.safetensors"
    if path.is_file():
        try:
            return safetensors.torch.load_file(path)["tokens"].long()
        except (SafetensorError, KeyError):
            path.unlink()
    tokens = make()
    folder.mkdir(parents=True, exist_ok=True)
    small = tokens.to(torch.int16 if dvae.config.codes <= 2**15 else torch.int32)
    replace_file(path, lambda temporary: safetensors.torch.save_file({"tokens": small}, temporary))
    return tokens


def shifted_views(dvae: DVAE, pictures: Tensor, num_views: int, shift: int) -> Tensor:
    """(N, 3, H, W) uint8 -> image tokens (1 + num_views, N, rows · cols) int64: first of the pictures as they are, then
    of each moved at random by up to `shift` pixels each way."""
    token_views = [tokenize(dvae, pictures)]
    for _ in range(num_views):
        parts = [random_shift(part.float() / 255, shift).mul(255).round().byte() for part in pictures.split(256)]
        token_views.append(tokenize(dvae, torch.cat(parts)))
    return torch.stack(token_views)


def joint_views(dvae: DVAE, pictures: Tensor, num_views: int, shift: int) -> Tensor:
    """As `shifted_views`, but within a view all pictures are moved alike, and in every second one mirrored too, so that
    what stands above and below still shows the same. -> (1 + num_views, N, rows · cols) int64."""
    token_views = [tokenize(dvae, pictures)]
    height, width = pictures.shape[2:]
    for view in range(num_views):
        y, x = torch.randint(0, 2 * shift + 1, (2,)).tolist()
        moved = F.pad(pictures, [shift] * 4, value=255)[:, :, y : y + height, x : x + width]
        token_views.append(tokenize(dvae, moved.flip(3) if view % 2 else moved))
    return torch.stack(token_views)
