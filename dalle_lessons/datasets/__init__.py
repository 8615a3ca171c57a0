"""The worlds: where pictures with captions come from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .pairs import Pairs

BUNDLED = ("emoji", "shapes")

__all__ = ["BUNDLED", "Pairs", "load"]


def load(name: str | Path, split: str = "train", size: int = 64, styles: Sequence[str] | None = None) -> Pairs:
    """A split of a bundled world ("emoji", "shapes"), or a folder of pictures with captions, made `size` pixels square.

    styles: of the emoji, these alone [None: those that the bundled models know]. A folder has no splits: all of it is
    given. Raises FileNotFoundError or ValueError with one sentence.
    """
    if name == "emoji":
        from .emoji import STYLES, emoji

        return emoji(split, STYLES if styles is None else styles)
    if styles is not None:
        raise ValueError("Only the emoji come in styles: leave the styles out, or take --data emoji.")
    if name == "shapes":
        from .shapes import shapes

        return shapes(split)
    from .folder import folder

    return folder(name, size)
