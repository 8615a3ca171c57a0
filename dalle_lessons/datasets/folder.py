"""The user's own world: a folder of pictures with captions.

The captions stand in `captions.csv` (columns file, caption), in `metadata.jsonl` (Hugging Face's imagefolder: a line a
picture, with file_name, and text or caption), or in a `.txt` beside each picture, one caption a line. The first of
these that is there counts.
"""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath

import torch

from .images import on_white_square, open_image, to_tensor
from .pairs import Pairs

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".ico"),
    *(".jp2", ".j2k"),
)


def read_text(path: Path) -> str:
    """A file's text, whatever program wrote it: UTF-8 with or without a byte order mark."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text: save it again in this encoding.") from None


def from_csv(path: Path) -> Iterator[tuple[str, object, object]]:
    """(where it stands, file, caption) for each row of captions.csv."""
    reader = csv.DictReader(io.StringIO(read_text(path)))
    try:
        heading = [str(name).strip().lower() for name in reader.fieldnames or []]
        if not {"file", "caption"} <= set(heading):
            raise ValueError(f"{path} needs a first line that names its columns: file,caption.")
        reader.fieldnames = heading
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            if None in row:
                raise ValueError(f"{where}, has more columns than the first line: put captions with commas in quotes.")
            yield where, row["file"], row["caption"]
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}, cannot be read: {error}.") from None


def from_jsonl(path: Path) -> Iterator[tuple[str, object, object]]:
    """The same for each line of metadata.jsonl."""
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise ValueError(f"{where}, is not a JSON object such as {{“file_name”: …, “text”: …}}.")
        yield where, row.get("file_name"), row.get("text") or row.get("caption")


def from_txt(folder: Path) -> Iterator[tuple[str, object, object]]:
    """The same for each caption in the `.txt` files beside the pictures of a folder, those of inner folders too."""
    files = sorted(f for f in folder.rglob("*") if f.is_file() and not f.name.startswith("."))
    texts = {f.with_suffix(""): f for f in files if f.suffix.lower() == ".txt"}
    pictures = [f for f in files if f.suffix.lower() in SUFFIXES]
    for picture in pictures if texts else []:
        text = texts.get(picture.with_suffix(""))
        if text is None:
            raise ValueError(f"{picture} has no caption: write one into {picture.stem}.txt beside it.")
        for line in [line for line in read_text(text).split("\n") if line.strip()] or [""]:
            yield str(text), picture.relative_to(folder).as_posix(), line
    orphans = sorted(texts.keys() - {picture.with_suffix("") for picture in pictures})
    if orphans:
        raise FileNotFoundError(
            f"There is no picture beside {texts[orphans[0]]}: add it, or move this file out of the folder."
        )


def inside(name: str, where: str) -> str:
    """A file's name in the folder, with forward slashes. Raises ValueError if it leads out of the folder."""
    clean = name.strip().replace("\\", "/")  # a list made on Windows serves elsewhere
    depth = 0
    for part in PurePosixPath(clean).parts:
        depth += -1 if part == ".." else 1
        if depth < 0 or part == "/" or Path(part).drive:
            raise ValueError(f"{where}, names {name!r}, which is outside of the folder: put the picture inside.")
    return str(PurePosixPath(clean))


def read_captions(path: Path) -> list[dict]:
    """All (picture, caption) pairs of a folder as dicts with `file` (inside the folder) and `caption`, checked."""
    if not path.exists():
        raise FileNotFoundError(f"There is no folder {path}.")
    if not path.is_dir():
        raise ValueError(f"{path} is a file: give the folder with the pictures and their captions.")
    if (path / "captions.csv").is_file():
        found = from_csv(path / "captions.csv")
    elif (path / "metadata.jsonl").is_file():
        found = from_jsonl(path / "metadata.jsonl")
    else:
        found = from_txt(path)
    rows = []
    for where, name, caption in found:
        if not isinstance(name, str) or not name.strip():
            raise ValueError(f"{where}, names no picture.")
        if not isinstance(caption, str) or not caption.strip():
            raise ValueError(f"{where}, has no caption for {name}: write one, or take the picture out.")
        name = inside(name, where)
        if not (path / name).is_file():
            raise FileNotFoundError(f"{where}, names {name!r}, but there is no such picture in {path}.")
        rows.append({"file": name, "caption": caption.strip()})
    if not rows:
        raise ValueError(
            f"There are no captions in {path}: write captions.csv (columns file, caption), metadata.jsonl, "
            "or a .txt beside each picture."
        )
    return rows


def caption_of(rows: list[dict], index: int, rng: random.Random | None = None) -> str:
    """The caption of a pair; it does not vary, whatever `rng` is."""
    return rows[index]["caption"]


def folder(path: str | Path, size: int = 64) -> Pairs:
    """The pictures of a folder with their captions: resized to fit, the rest of the square white.

    Pictures are (N, 3, size, size) uint8; a picture with several captions counts as several pairs. `metadata` holds
    dicts with `file` and `caption`. Captions do not vary. Raises FileNotFoundError or ValueError, with one sentence
    that names the file, for a picture or a caption that is missing or cannot be read.
    """
    path = Path(path)
    rows = read_captions(path)
    names = dict.fromkeys(row["file"] for row in rows)  # each once, in order
    pictures = {name: to_tensor(on_white_square(open_image(path / name), size)) for name in names}
    caption = partial(caption_of, rows)
    return Pairs(torch.stack([pictures[row["file"]] for row in rows]), torch.ones(len(rows)), caption, rows)
