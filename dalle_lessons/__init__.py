"""DALL·E in lessons: the library that the notebooks build."""

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = ["TextToImage"]

if TYPE_CHECKING:
    from .pipeline import TextToImage


def __getattr__(name: str):
    """Import the pipeline, and torch with it, when it is first asked for: `dalle-lessons --help` needs neither."""
    if name == "TextToImage":
        from .pipeline import TextToImage

        return TextToImage
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
