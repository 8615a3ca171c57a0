"""Pictures on their way to files: grids, enlarged pixels, names, atomic writes."""

from __future__ import annotations

import io
import os
import re
import warnings
from collections.abc import Sequence
from operator import methodcaller
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..model.atomic import replace_file
from .provenance import UnsignedWarning, add_watermark, can_sign, sign, unsigned_sentence


def enlarge(image: Image.Image, times: int) -> Image.Image:
    """Each pixel becomes `times` x `times` pixels, without smoothing: what the model drew is what one sees."""
    return image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)


def grid(images: Sequence[Image.Image], cols: int = 3, times: int = 3, gap: int = 8) -> Image.Image:
    """Pictures of one size in lines of `cols`, enlarged `times`, `gap` pixels of gray between them. -> RGB."""
    if not images:
        raise ValueError("There is no picture to put into a grid.")
    cols = min(cols, len(images))
    lines = -(-len(images) // cols)
    width, height = images[0].width * times + gap, images[0].height * times + gap
    sheet = Image.new("RGB", (cols * width + gap, lines * height + gap), (200, 200, 200))
    for i, image in enumerate(images):
        sheet.paste(enlarge(image, times), (gap + i % cols * width, gap + i // cols * height))
    return sheet


def png_path(path: str | Path) -> Path:
    """The absolute path of a PNG that is to be written, checked before the work of drawing begins.

    Raises ValueError or PermissionError with one sentence if it does not end in .png or cannot be written there.
    """
    path = Path(path).absolute()
    if path.suffix.lower() != ".png":
        raise ValueError(f"Pictures are written as PNG: give a name that ends in .png, not {path.name!r}.")
    if path.is_dir():
        raise ValueError(f"{path} is a folder: give the name of a picture in it, such as {path / 'drawing.png'}.")
    writable_folder(path.parent)
    return path


def writable_folder(folder: str | Path) -> Path:
    """The absolute path of a folder that pictures are to be written into; it may not exist yet.

    Raises ValueError or PermissionError with one sentence if it cannot be made, or not be written into.
    """
    folder = Path(folder).absolute()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir():
        raise ValueError(f"{there} is a file, so nothing can be written into {folder}: name another folder.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(f"You have no permission to write into {there}: name another folder.")
    return folder


def save_png(
    image: Image.Image,
    path: str | Path,
    about: dict[str, str] | None = None,
    facts: dict[str, Any] | None = None,
    watermark: bool = False,
) -> Path:
    """Write a PNG in one step, with `about` as text inside the file; makes folders that are missing. -> absolute path.

    facts: if given, the file is signed with them (Content Credentials, see provenance.py); where the packages that sign
    are missing, the picture gets the visible mark in any case, and an UnsignedWarning says so. watermark: whether the
    picture gets the visible mark of a generated one. Raises what `png_path` raises, and OSError if the disk is full.
    """
    path = png_path(path)
    if facts is not None and not can_sign():
        warnings.warn(unsigned_sentence(), UnsignedWarning, stacklevel=2)
        facts, watermark = None, True
    info = PngInfo()
    for key, value in (about or {}).items():
        info.add_itxt(key, value)
    file = io.BytesIO()
    (add_watermark(image) if watermark else image).save(file, format="PNG", pnginfo=info)
    content = file.getvalue() if facts is None else sign(file.getvalue(), facts)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, methodcaller("write_bytes", content))
    return path


def file_name(number: int, caption: str, rank: int, numbers: int = 999, ranks: int = 9) -> str:
    """A name that sorts well and can be read: 3, "A cat!", 1 -> "003-a-cat-1.png".

    numbers, ranks: the largest that there are; all are written with as many digits, so that names sort as numbers do.
    """
    words = re.sub(r"[^a-z0-9]+", "-", caption.lower()).strip("-")[:48].strip("-")
    first, last = f"{number:0{max(3, len(str(numbers)))}d}", f"{rank:0{len(str(ranks))}d}.png"
    return "-".join(part for part in (first, words, last) if part)


def names_of(originals: Sequence[Path]) -> list[str]:
    """For each original the PNG's name, its own: "cat.jpg" -> "cat.png". Where several would have the same name, also
    on disks that know no capitals, the later ones are numbered: "cat-2.png"; a name that is too long is cut."""
    names, taken = [], set()
    for original in originals:
        # A name may have 255 bytes: one that is cut leaves room for the number.
        stem, number = original.stem or "picture", 1
        if len(os.fsencode(stem)) > 251:
            stem = os.fsencode(stem)[:240].decode("utf-8", "ignore")
        name = f"{stem}.png"
        while name.lower() in taken:
            number += 1
            name = f"{stem}-{number}.png"
        taken.add(name.lower())
        names.append(name)
    return names
