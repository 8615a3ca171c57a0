"""Pictures on their way to files: grids, enlarged pixels, names, atomic writes."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..model.files import replace_file
from .provenance import sign


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


def save_png(
    image: Image.Image, path: str | Path, about: dict[str, str] | None = None, facts: dict | None = None
) -> Path:
    """Write a PNG in one step, with `about` as text inside the file; makes folders that are missing. -> absolute path.

    facts: if given, the file is signed with them (Content Credentials, see provenance.py).
    Raises ValueError with one sentence if the name does not end in .png.
    """
    path = Path(path).absolute()
    if path.suffix.lower() != ".png":
        raise ValueError(f"Pictures are written as PNG: give a name that ends in .png, not {path.name!r}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    info = PngInfo()
    for key, value in (about or {}).items():
        info.add_itxt(key, value)
    file = io.BytesIO()
    image.save(file, format="PNG", pnginfo=info)
    content = file.getvalue() if facts is None else sign(file.getvalue(), facts)
    replace_file(path, lambda temporary: temporary.write_bytes(content))
    return path


def file_name(number: int, caption: str, rank: int) -> str:
    """A name that sorts well and can be read: 3, "A cat!", 1 -> "003-a-cat-1.png"."""
    words = re.sub(r"[^a-z0-9]+", "-", caption.lower()).strip("-")[:48].strip("-")
    return "-".join(part for part in (f"{number:03d}", words, f"{rank}.png") if part)


def names_of(originals: Sequence[Path]) -> list[str]:
    """For each original the PNG's name, its own: "cat.jpg" -> "cat.png". Where several would have the same name, also
    on disks that know no capitals, the later ones are numbered: "cat-2.png"."""
    names, taken = [], set()
    for original in originals:
        stem, number = original.stem or "picture", 1
        name = f"{stem}.png"
        while name.lower() in taken:
            number += 1
            name = f"{stem}-{number}.png"
        taken.add(name.lower())
        names.append(name)
    return names
