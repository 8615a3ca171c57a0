"""Captions become text tokens: byte-pair encoding over bytes (paper, section 2; Sennrich et al. 2016)."""

from __future__ import annotations

import hashlib
import json
import random
import unicodedata
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor

from .atomic import replace_file

PAD, START = "[PAD]", "[START]"
STRAIGHT_QUOTES = str.maketrans("‘’“”", "''\"\"")  # what keyboards have: "one o'clock"


class TextTokenizer:
    """Lowercased byte-level BPE: any text goes in, no token is ever unknown.

    length: tokens of a row, start-of-text included. dropout, in [0, 1]: BPE dropout in training (Provilkov et al. 2019;
    10% in the paper): each merge is skipped with this probability, so that the model sees a word cut in several ways.
    Its random numbers come from torch's random state, so a seed repeats them.
    """

    def __init__(self, tokenizer: Tokenizer, length: int):
        self.tokenizer, self.length = tokenizer, length
        model = json.loads(tokenizer.to_str())["model"]
        self.ids: dict[str, int] = model["vocab"]
        self.pad_id, self.start_id = self.ids[PAD], self.ids[START]
        self.ranks = {tuple(pair): rank for rank, pair in enumerate(model["merges"])}  # merges, in the order learned

    @property
    def vocab_size(self) -> int:
        """How many tokens there are: ids lie in [0, vocab_size)."""
        return self.tokenizer.get_vocab_size()

    @classmethod
    def train(cls, captions: Iterable[str], vocab_size: int, length: int) -> TextTokenizer:
        """Learn the merges from captions. Ids 0 and 1 are padding and start-of-text, then come the 256 bytes."""
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size, special_tokens=[PAD, START], initial_alphabet=alphabet, show_progress=False
        )
        tokenizer.train_from_iterator((normalize(caption) for caption in captions), trainer)
        # A caption that spells out "[PAD]" is text like any other: only we place the special tokens.
        tokenizer.encode_special_tokens = True
        return cls(tokenizer, length)

    @classmethod
    def from_file(cls, path: str | Path, length: int) -> TextTokenizer:
        """Read a tokenizer that `save` wrote. length: tokens of a row, start-of-text included.

        Raises FileNotFoundError where there is no such file, ValueError where it holds no tokenizer of this kind.
        """
        if not Path(path).is_file():
            raise FileNotFoundError(f"There is no {path}: a model that reads text needs the tokenizer of its training.")
        try:
            tokenizer = Tokenizer.from_file(str(path))
            tokenizer.encode_special_tokens = True
            return cls(tokenizer, length)
        except Exception as error:  # `tokenizers` raises nothing narrower; a foreign tokenizer lacks our special tokens
            raise ValueError(
                f"{path} is damaged, or no tokenizer of this library: copy or download it again."
            ) from error

    def save(self, path: str | Path) -> None:
        """Write the tokenizer into one JSON file, in one step."""
        replace_file(Path(path), lambda temporary: self.tokenizer.save(str(temporary)))

    def fingerprint(self) -> str:
        """Tells this vocabulary from another: SHA-256, in hexadecimal, of its tokens with their ids and of its merges
        in their order."""
        words = json.dumps([sorted(self.ids.items()), sorted(self.ranks.items(), key=lambda item: item[1])])
        return hashlib.sha256(words.encode()).hexdigest()

    def pieces(self, captions: list[str], dropout: float = 0.0) -> list[list[int]]:
        """Token ids of each caption, without start-of-text and padding, however long."""
        captions = [normalize(caption) for caption in captions]
        if not dropout:
            return [encoding.ids for encoding in self.tokenizer.encode_batch(captions)]
        # `tokenizers` has dropout too, but takes no seed: training could not be resumed to the same weights.
        rng = random.Random(int(torch.randint(2**31, ())))
        words = [[word for word, _ in self.tokenizer.pre_tokenizer.pre_tokenize_str(c)] for c in captions]
        return [[self.ids[p] for word in row for p in self.cut(word, dropout, rng)] for row in words]

    def cut(self, word: str, dropout: float, rng: random.Random) -> list[str]:
        """A word's bytes (each written as one character), merged step by step: of all pairs that may be merged and
        are not skipped this time, the one that was learned first."""
        parts = list(word)
        while True:
            pairs = [(self.ranks[pair], i) for i, pair in enumerate(pairwise(parts)) if pair in self.ranks]
            pairs = [pair for pair in pairs if rng.random() >= dropout]
            if not pairs:
                return parts
            _, i = min(pairs)
            parts[i : i + 2] = [parts[i] + parts[i + 1]]

    def fits(self, caption: str) -> bool:
        """Is the caption short enough to be encoded (without dropout)?"""
        return self.fit([caption])[0]

    def fit(self, captions: list[str]) -> list[bool]:
        """Which of the captions are short enough; all at once is faster than one by one."""
        return [len(pieces) < self.length for pieces in self.pieces(captions)]

    def encode(self, captions: list[str], dropout: float = 0.0) -> Tensor:
        """list[str] of B captions -> (B, length) int64: start-of-text, the tokens, padding.

        Raises ValueError with one sentence for a caption that is longer than the model takes. With dropout, which
        cuts words into more pieces, a caption that no longer fits is cut without dropout.
        """
        rows = self.pieces(captions, dropout)
        if dropout:
            whole = self.pieces(captions)
            rows = [row if len(row) < self.length else plain for row, plain in zip(rows, whole, strict=True)]
        out = torch.full((len(captions), self.length), self.pad_id)
        for i, row in enumerate(rows):
            if len(row) >= self.length:
                raise ValueError(
                    f"This caption is too long: {len(row)} tokens, and the model takes {self.length - 1}; "
                    f"say it in fewer words: {captions[i][:60]!r}."
                )
            out[i, 0] = self.start_id
            out[i, 1 : 1 + len(row)] = torch.tensor(row, dtype=torch.int64)
        return out

    def decode(self, ids: Tensor) -> list[str]:
        """(B, T) int64 -> list[str], start-of-text and padding left out."""
        return [text.strip() for text in self.tokenizer.decode_batch(ids.tolist(), skip_special_tokens=True)]


def normalize(caption: str) -> str:
    """Lower case, composed characters, straight quotes, single spaces: what differs only so is the same caption.

    Half of a surrogate pair, which is no character and can come from a broken file name, becomes a question mark.
    """
    text = caption.encode("utf-8", "replace").decode("utf-8").translate(STRAIGHT_QUOTES)
    return " ".join(unicodedata.normalize("NFC", text.lower()).split())
