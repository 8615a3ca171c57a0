"""Lesson 00: five machines that draw, each with one broken part, and a look inside of each."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from PIL import Image
from torch import Tensor

from ..datasets.images import to_image
from ..model.dalle import DALLE
from ..model.sampling import sample
from ..pipeline.text_to_image import TextToImage
from .exercises.lesson_00 import TRUTH

SHOWN = 3  # candidates of a machine that are looked at
SPARE = 8  # candidates where the ranking is broken, so that there is a bad one among them


@dataclass(frozen=True)
class Machine:
    """What goes through one machine, from the caption to the picture that it shows."""

    #: What its tokenizer hands on, piece by piece.
    reads: tuple[str, ...]
    #: The largest probabilities of the first patch, largest first.
    likeliest: tuple[float, ...]
    #: Of each candidate: how likely the first patch was that it took (1: the likeliest of all).
    taken: tuple[int, ...]
    candidates: tuple[Image.Image, ...]
    scores: tuple[float, ...]
    #: Which candidate it shows.
    shown: int


@torch.no_grad()
def broken_machines(system: TextToImage, caption: str, seed: int = 0) -> dict[str, Machine]:
    """A machine for each letter of the exercise, all of them asked for the same caption."""
    text = system.read(caption, system.dalle)
    drawn = sample(system.dalle, text.expand(SPARE, -1), seed)  # (SPARE, N)
    ranked = drawn[score(system, caption, drawn).argsort(descending=True)]
    return {letter: _broken(system, caption, part, text, ranked, seed) for letter, part in TRUTH.items()}


def _broken(system: TextToImage, caption: str, part: str, text: Tensor, ranked: Tensor, seed: int) -> Machine:
    """The machine whose `part` is broken. text (1, T); ranked (SPARE, N): drawings of a sound machine, best first."""
    dalle, codes, read = system.dalle, system.dalle.config.codes, caption
    tokens, shift = ranked[:SHOWN], 0
    if part == "tokenizer":  # loses the last words
        read = " ".join(caption.split()[:-2])
        text = system.read(read, dalle)
        tokens = sample(dalle, text.expand(SHOWN, -1), seed + 1)
    elif part == "transformer":  # has learned nothing
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            dalle = DALLE(replace(dalle.config, layers=1, attention=("full",))).eval()
        tokens = sample(dalle, text.expand(SHOWN, -1), seed)
    elif part == "sampling":  # takes any code, whatever the probabilities are
        tokens = torch.randint(codes, tokens.shape, generator=torch.Generator().manual_seed(seed))
    elif part == "decoder":  # paints another code than it is told
        shift = codes // 2
    elif part == "ranking":  # shows the worst
        tokens = torch.stack((ranked[0], ranked[-1], ranked[1]))
    scores = score(system, caption, tokens, shift)
    probabilities = dalle.prefill(text)[0][0].softmax(dim=0)  # (codes,)
    place = probabilities.argsort(descending=True).argsort()  # of each code, 0: the likeliest
    return Machine(
        tuple(pieces(system, read)),
        tuple(probabilities.topk(3).values.tolist()),
        tuple((1 + place[tokens[:, 0]]).tolist()),
        tuple(to_image(picture) for picture in paint(system, tokens, shift)),
        tuple(scores.tolist()),
        int(scores.argmin() if part == "ranking" else scores.argmax()),
    )


def paint(system: TextToImage, tokens: Tensor, shift: int = 0) -> Tensor:
    """Image tokens (B, N) -> pixels (B, 3, H, W); shift: how many codes further the decoder looks than it should."""
    c = system.dalle.config
    return system.dvae.decode(((tokens + shift) % c.codes).unflatten(1, (c.rows, c.cols)))


def score(system: TextToImage, caption: str, tokens: Tensor, shift: int = 0) -> Tensor:
    """How well the pictures of image tokens (B, N) fit the whole caption -> (B,)."""
    return system.scores(caption, tokens, paint(system, tokens, shift))


def pieces(system: TextToImage, caption: str) -> list[str]:
    """The pieces of words that the tokenizer makes of a caption, as they are written."""
    words = system.tokenizer
    # In the tokenizer's table a space before a piece is written as the sign Ġ (lesson 05).
    return [str(words.tokenizer.id_to_token(i)).removeprefix("Ġ") for i in words.pieces([caption])[0]]
