"""Many captions, or many pictures, one after another: one that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .drawing import Drawing
from .image_files import file_name, names_of

if TYPE_CHECKING:
    from .text_to_image import TextToImage

LARGEST_SIDE = 1024  # pixels of a picture that is edited: more than any model here draws


@dataclass(frozen=True)
class Done:
    """What became of one caption or picture."""

    #: What it is, as messages call it: "Line 3", or the path of the picture.
    name: str
    #: What was drawn and where it was written, best first; nothing where it failed.
    made: list[tuple[Drawing, Path]] = field(default_factory=list)
    #: One sentence on what went wrong, or "".
    error: str = ""
    #: Whether somebody stopped it: then it is the last one, and what was made is of fewer candidates.
    stopped: bool = False


def read_prompts(path: Path) -> dict[int, str]:
    """Line number, from 1 -> caption, empty lines left out. Raises ValueError or OSError with one sentence."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not a text file in UTF-8: save it as UTF-8, one caption a line.") from None
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no file {path} to read captions from.") from None
    captions = {number: line.strip() for number, line in enumerate(lines, 1) if line.strip()}
    if not captions:
        raise ValueError(f"{path} holds no captions: write one a line.")
    return captions


def draw_prompts(
    system: TextToImage, captions: dict[int, str], folder: Path, images: int = 9, **options: Any
) -> Iterator[Done]:
    """Draw each caption and write each picture as a PNG of its own, named so that names sort as lines and ranks do.

    captions: by line number. images, options: those of `TextToImage.draw`. Ctrl-C ends it after the line at hand, of
    which what is finished is written.
    """
    for number, caption in captions.items():
        name, made = f"Line {number}", []
        try:
            drawings = system.draw(caption, images, **options)
            for rank, drawing in enumerate(drawings, start=1):
                path = folder / file_name(number, caption, rank, max(captions), len(drawings))
                made.append((drawing, drawing.save(path)))
            yield Done(name, made, stopped=drawings.stopped)
            if drawings.stopped:
                return
        except KeyboardInterrupt:
            yield Done(name, made, stopped=True)
            return
        except (ValueError, OSError) as error:  # a caption that is too long, a full disk
            yield Done(name, made, str(error))


def edit_files(
    system: TextToImage, originals: Sequence[Path], instruction: str, folder: Path, **options: Any
) -> Iterator[Done]:
    """Draw each picture as the instruction says, and write the drawn half as a PNG under the picture's own name.

    options: those of `TextToImage.edit`. Ctrl-C ends it: a picture of which no drawing was finished is left out.
    """
    from ..datasets.images import open_image

    for original, name in zip(originals, names_of(originals), strict=True):
        path = folder / name
        try:
            if any(path.exists() and other.exists() and path.samefile(other) for other in originals):
                raise ValueError(f"{path} is one of the pictures to edit: name another --out-dir.")
            drawings = system.edit(open_image(original, LARGEST_SIDE), instruction, **options)
            yield Done(str(original), [(drawings[0], drawings[0].save(path))], stopped=drawings.stopped)
            if drawings.stopped:
                return
        except KeyboardInterrupt:
            yield Done(str(original), stopped=True)
            return
        except (ValueError, OSError) as error:
            yield Done(str(original), error=str(error))


def record_of(drawing: Drawing, path: Path) -> dict[str, Any]:
    """What a line of JSON says of a picture: prompt, path (absolute), seed, index, score."""
    return {
        "prompt": drawing.caption,
        "path": str(path),
        "seed": drawing.seed,
        "index": drawing.index,
        "score": round(drawing.score, 6),
    }
