"""The classes that the judge names: which emoji, which style, which skin tone."""

from __future__ import annotations

import torch
from torch import Tensor

from ..model.judge import NO_TONE
from .emoji import ALL_STYLES, TONELESS, read_rows


def emoji_classes() -> tuple[str, ...]:
    """The base emoji's hexcodes, in the order of the judge's first head."""
    return tuple(sorted({row["base_hexcode"] for row in read_rows()}))


def tone_classes() -> tuple[str, ...]:
    """ "" for none, "dark", "dark, light" for two people, …, in the order of the judge's third head."""
    return tuple(sorted({row["skin_tone"] for row in read_rows()}))


def truth_of(rows: list[dict]) -> Tensor:
    """Rows of captions.csv -> (N, 3) int64: classes of emoji, style and tone; NO_TONE where a style shows no tone."""
    emoji = {name: i for i, name in enumerate(emoji_classes())}
    tones = {name: i for i, name in enumerate(tone_classes())}
    classes = [
        (
            emoji[row["base_hexcode"]],
            ALL_STYLES.index(row["style"]),
            NO_TONE if row["style"] in TONELESS else tones[row["skin_tone"]],
        )
        for row in rows
    ]
    return torch.tensor(classes, dtype=torch.int64).reshape(-1, 3)
