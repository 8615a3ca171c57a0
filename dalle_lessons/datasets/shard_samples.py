"""What a sample of a shard holds: a picture, or the image tokens that a dVAE made of it; and its caption."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from .folder import READ_SIDES
from .images import decode_image, on_white_square, to_tensor
from .shards import Sample, read_shards, shard_paths, shards_fingerprint, webdataset

PICTURES = ("jpg", "jpeg", "png", "webp")  # endings, of which the first that is there counts
TOKENS = "npy"


T = TypeVar("T")


class BadSample(ValueError):
    """A sample that cannot be used, in one sentence: it is skipped and counted."""


def read_facts(sample: Sample) -> dict:
    """The JSON file of a sample; empty if there is none. Raises BadSample."""
    try:
        facts = json.loads(sample.get("json", "{}"))
    except ValueError:
        facts = None
    if not isinstance(facts, dict):
        raise BadSample(f"{name_of(sample)} has a .json that is no JSON object.")
    return facts


def name_of(sample: Sample) -> str:
    return f"{sample['__key__']} in {sample['__url__']}"


def read_caption(sample: Sample) -> str:
    """The text in the .txt, or else under "caption" or "text" in the .json. Raises BadSample if there is none."""
    if isinstance(text := sample.get("txt"), bytes):
        try:
            caption = text.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise BadSample(f"{name_of(sample)} has a .txt that is not UTF-8.") from None
    else:
        facts = read_facts(sample)
        caption = facts.get("caption") or facts.get("text")
    if not isinstance(caption, str) or not caption.strip():
        raise BadSample(f"{name_of(sample)} has no caption.")
    return caption.strip()


@dataclass(frozen=True)
class PictureDecoder:
    """Sample -> its picture, (3, side, side) uint8 as large as fits, on white; and its caption."""

    #: Height and width, in pixels.
    side: int

    def __call__(self, sample: Sample) -> tuple[Tensor, str]:
        """Raises BadSample."""
        caption = read_caption(sample)
        data = next((sample[ending] for ending in PICTURES if ending in sample), None)
        if not isinstance(data, bytes):
            raise BadSample(f"{name_of(sample)} has no picture ({', '.join(PICTURES)}).")
        try:
            return to_tensor(
                on_white_square(decode_image(data, name_of(sample), READ_SIDES * self.side), self.side)
            ), caption
        except ValueError as error:
            raise BadSample(str(error)) from None


@dataclass(frozen=True)
class TokenDecoder:
    """Sample -> its image tokens, (rows, cols) int64 in [0, codes); and its caption."""

    rows: int
    cols: int
    codes: int
    #: The fingerprint of the dVAE that made the tokens.
    dvae: str

    def __call__(self, sample: Sample) -> tuple[Tensor, str]:
        """Raises BadSample; and ValueError with one sentence for tokens of another dVAE, which are no accident."""
        tokens, facts = read_tokens(sample), read_facts(sample)
        if facts.get("dvae") != self.dvae:
            raise ValueError(f"{name_of(sample)} has the tokens of another dVAE than the samples before: part them.")
        if tokens.shape != (self.rows, self.cols) or int(tokens.min()) < 0 or int(tokens.max()) >= self.codes:
            raise BadSample(f"{name_of(sample)} has image tokens that are no grid of {self.rows}x{self.cols}.")
        return tokens, read_caption(sample)


def read_tokens(sample: Sample) -> Tensor:
    """The grid in the .npy of a sample, (rows, cols) int64. Raises BadSample."""
    try:
        array = np.load(io.BytesIO(sample[TOKENS]), allow_pickle=False)  # pyright: ignore[reportArgumentType]
        if array.ndim != 2 or not array.size or array.dtype.kind not in "iu":
            raise ValueError
    except Exception:  # of damaged bytes, NumPy raises nearly anything
        raise BadSample(f"{name_of(sample)} has no readable image tokens (.npy).") from None
    return torch.from_numpy(array.astype(np.int64))


def token_sample(key: str, tokens: Tensor, caption: str, codes: int, dvae: str) -> Sample:
    """Image tokens (rows, cols) int64 in [0, codes) and a caption -> what `TokenDecoder` reads: an .npy of two bytes a
    token (four above 65,536 codes), and a .json with `caption`, `codes` and `dvae`, the fingerprint of the dVAE."""
    buffer = io.BytesIO()
    np.save(buffer, tokens.cpu().numpy().astype(np.uint16 if codes <= 2**16 else np.int32), allow_pickle=False)
    facts = {"caption": caption, "codes": codes, "dvae": dvae}
    return {"__key__": key, TOKENS: buffer.getvalue(), "json": json.dumps(facts, ensure_ascii=False).encode()}


@dataclass(frozen=True)
class Shards:
    """Shards that can be trained on: which they are, and what their samples hold."""

    paths: tuple[Path, ...]
    decode: PictureDecoder | TokenDecoder

    @property
    def tokens(self) -> TokenDecoder | None:
        """What is known of the image tokens; None if the samples hold pictures."""
        return self.decode if isinstance(self.decode, TokenDecoder) else None

    def side(self, factor: int) -> int:
        """Height and width of the pictures, in pixels; factor: of what a token of the dVAE stands for.

        Raises ValueError with one sentence for tokens of pictures that are not square.
        """
        if isinstance(self.decode, PictureDecoder):
            return self.decode.side
        if self.decode.rows != self.decode.cols:
            raise ValueError(f"{self.paths[0]} has tokens of pictures that are not square: tokenize square ones.")
        return self.decode.rows * factor

    def fingerprint(self) -> dict[str, int | str]:
        """See `shards_fingerprint`."""
        return shards_fingerprint(self.paths)

    def captions(self, limit: int, seed: int) -> Iterator[str]:
        """Up to so many captions, of shards in an order drawn by the seed; what is broken is left out."""
        paths = list(self.paths)
        random.Random(seed).shuffle(paths)
        for sample in read_shards(paths, lambda sentence: None):
            if limit == 0:
                return
            try:
                yield read_caption(sample)
            except BadSample:
                continue
            limit -= 1

    def require(self, good: Callable[[str], bool], why: str) -> None:
        """Raises ValueError with one sentence if there is no sample that can be decoded and whose caption is `good`.
        why: what is wrong with the captions if none is."""
        first_good(self.paths, self.decode, good, why)


def open_shards(data: str | Path, side: int) -> Shards:
    """The shards that `--data` names; pictures are made `side` pixels square.

    What they hold, the first readable sample says. Raises FileNotFoundError or ValueError with one sentence if the
    files are not there, or hold nothing that can be read; ModuleNotFoundError without webdataset.
    """
    webdataset()
    paths = tuple(shard_paths(data))
    return Shards(paths, first_good(paths, lambda sample: (find_decoder(sample, side), read_caption(sample))))


def find_decoder(sample: Sample, side: int) -> PictureDecoder | TokenDecoder:
    """Which decoder a sample needs. Raises BadSample for one that none can decode."""
    if TOKENS not in sample:
        PictureDecoder(side)(sample)
        return PictureDecoder(side)
    tokens, facts = read_tokens(sample), read_facts(sample)
    if not isinstance(facts.get("dvae"), str) or not isinstance(facts.get("codes"), int):
        raise BadSample(f"{name_of(sample)} has image tokens, but does not say which dVAE made them.")
    rows, cols = tokens.shape
    decoder = TokenDecoder(rows, cols, facts["codes"], facts["dvae"])
    decoder(sample)
    return decoder


def first_good(
    paths: Sequence[Path],
    decode: Callable[[Sample], tuple[T, str]],
    good: Callable[[str], bool] = lambda caption: True,
    why: str = "",
) -> T:
    """What `decode` makes of the first sample that it can decode and whose caption is `good`.

    Raises ValueError with one sentence, which names the first trouble, if there is none.
    """
    seen, first = 0, ""

    def trouble(sentence: str) -> None:
        nonlocal first
        first = first or sentence

    for sample in read_shards(paths, trouble):
        seen += 1
        try:
            value, caption = decode(sample)
        except BadSample as error:
            trouble(str(error))
            continue
        if good(caption):
            return value
        trouble(f"{name_of(sample)} {why}.")
    more = f" and {len(paths) - 1} more shards" if len(paths) > 1 else ""
    raise ValueError(f"None of the {seen} samples of {paths[0]}{more} can be used: {first or 'there are none.'}")
