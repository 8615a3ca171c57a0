"""The student's own file of lesson 18 as an answer: its parts by name, and what is made with them for a check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from . import CheckFailed, call, describe

PARTS = ("Config", "world", "Tokenizer", "DVAE", "DALLE", "sample", "right")


def part_of(own: Any, name: str) -> Any:
    """A part of the student's file, a class or a function."""
    if not any(hasattr(own, known) for known in PARTS):
        raise CheckFailed(f"Hand over your whole file, `import my_dalle as mine`, but this is {describe(own)}.")
    if not hasattr(own, name):
        raise CheckFailed(f"Your file has no {name}: its name and what goes in and out stay as in the frame.")
    return getattr(own, name)


def config_of(own: Any) -> Any:
    return call(part_of(own, "Config"))


def world_of(own: Any, count: int, seed: int = 0) -> tuple[Tensor, list[str]]:
    """Pictures (count, 3, H, W) and captions of the student's own world."""
    pictures, captions = pair(
        call(part_of(own, "world"), count, seed, shown=f"{count}, {seed}"),
        "two things from your world: the pictures and their captions",
    )
    return pictures, list(captions)


def tokenizer_of(own: Any, captions: list[str]) -> Any:
    """The student's tokenizer, made from these captions, with its attribute `size`."""
    made = call(part_of(own, "Tokenizer"), captions, config_of(own), shown="captions, Config()")
    if not hasattr(made, "size"):
        raise CheckFailed(
            "Your tokenizer has no attribute size: the transformer must know how many text tokens there are, PAD and "
            "START among them. Set self.size in __init__."
        )
    return made


def model_of(own: Any, name: str, *arguments: Any, seed: int = 0) -> Any:
    """A new, untrained model of the student's: part "DVAE" or "DALLE"."""
    torch.manual_seed(seed)
    made = call(part_of(own, name), *arguments, copies=False)
    if not isinstance(made, nn.Module):
        raise CheckFailed(f"{name} should be a torch.nn.Module, so that its weights can be found and trained.")
    return made


def pair(answer: Any, what: str) -> tuple[Any, Any]:
    """Two things; else a Mistake that says what they should be."""
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise CheckFailed(f"Give {what}.")
    return answer


def tokens(value: Any, rows: int, what: str) -> Tensor:
    """Whole numbers of shape (rows, n), not below 0; else a Mistake."""
    if not isinstance(value, Tensor):
        raise CheckFailed(f"{what} should be a tensor, but it is {describe(value)}.")
    if value.ndim != 2 or len(value) != rows:
        raise CheckFailed(f"{what} should have the shape ({rows}, n), a row for each, but it is {describe(value)}.")
    if value.dtype != torch.int64:
        raise CheckFailed(f"{what} should be token numbers, int64, but it is {describe(value)}.")
    if value.numel() and value.min() < 0:
        raise CheckFailed(f"{what} holds a token below 0: tokens are counted from 0.")
    return value


def words_first(captions: Sequence[str]) -> list[str]:
    """The words of captions, each once, those with a new first letter before the others: captions of one word."""
    words = sorted(
        {word for caption in captions for word in caption.lower().split()}, key=lambda word: (len(word), word)
    )
    letters = {word[0]: word for word in reversed(words)}
    return [*letters.values(), *(word for word in words if word not in letters.values())]


def pad_of(own: Any, tokenizer: Any, captions: list[str]) -> int:
    """The token that fills up the row of a short caption."""
    word = words_first(captions)[0]
    return int(tokens(call(tokenizer.encode, [word], shown="one word"), 1, "What encode gives")[0, -1])


def image_tokens(own: Any, count: int, codes: int | None = None, seed: int = 0) -> Tensor:
    """Made-up image tokens (count, N) int64, which need no dVAE."""
    c = config_of(own)
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(codes or c.codes, (count, c.grid**2), generator=generator)
