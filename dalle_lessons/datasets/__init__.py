"""The worlds: where pictures with captions come from."""

from __future__ import annotations

from pathlib import Path

from .pairs import Pairs

BUNDLED = ("emoji", "shapes")

__all__ = ["BUNDLED", "Pairs", "load"]


def load(name: str | Path, split: str = "train", size: int = 64) -> Pairs:
    """A split of a bundled world ("emoji", "shapes"), or a folder of pictures with captions, made `size` pixels square.

    A folder has no splits: all of it is given. Raises FileNotFoundError or ValueError with one sentence.
    """
    if name == "emoji":
        from .emoji import emoji

        return emoji(split)
    if name == "shapes":
        from .shapes import shapes

        return shapes(split)
    from .folder import folder

    return folder(name, size)
