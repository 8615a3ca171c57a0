"""The worlds: where pictures with captions come from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .pairs import Pairs

BUNDLED = ("emoji", "shapes")

__all__ = ["BUNDLED", "Pairs", "check_styles", "load"]


def load(name: str | Path, split: str = "train", size: int = 64, styles: Sequence[str] | None = None) -> Pairs:
    """A split of a bundled world ("emoji", "shapes"), or a folder of pictures with captions, made `size` pixels square.

    styles: of the emoji, these alone [None: those that the bundled models know]. A folder has no splits: all of it is
    given. Raises FileNotFoundError or ValueError with one sentence.
    """
    check_styles(name, styles)
    if name == "emoji":
        from .emoji import STYLES, emoji

        return emoji(split, STYLES if styles is None else styles)
    if name == "shapes":
        from .shapes import shapes

        return shapes(split)
    from .folder import folder

    return folder(name, size)


def check_styles(name: str | Path, styles: Sequence[str] | None) -> None:
    """Raises ValueError, with one sentence, for styles that the emoji do not have, and for any of other pictures."""
    if styles is None:
        return
    if name != "emoji":
        raise ValueError("Only the emoji come in styles: leave the styles out, or take --data emoji.")
    from .emoji import chosen_styles

    chosen_styles(styles)
