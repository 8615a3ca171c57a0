"""The user's own world: a folder of pictures with captions.

The captions stand in a list (`caption_files.LISTS`: captions.csv with the columns file and caption, Hugging Face's
metadata.csv or metadata.jsonl, …) in the folder itself, or else in lists one folder deeper, or else in a `.txt` beside
each picture, one caption a line.
"""

from __future__ import annotations

import os
import random
import unicodedata
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath

import torch

from .caption_files import Faults, Row, list_in, read_list, read_text
from .images import on_white_square, open_image, to_tensor
from .pairs import Pairs

SUFFIXES = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".webp", ".avif", ".bmp", ".dib", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pnm", ".ico", ".jp2", ".j2k"),
)
FOREIGN_SUFFIXES = (".heic", ".heif", ".svg", ".psd", ".eps", ".raw", ".dng", ".cr2", ".nef", ".arw", ".jxl", ".tga")
# What systems and disks leave behind, with pictures of their own in it; and all that is hidden (".ipynb_checkpoints").
FOREIGN_FOLDERS = ("@eadir", "__macosx", "#recycle", "$recycle.bin", "system volume information", "lost+found")
READ_SIDES = 4  # of a large picture so many times the side that is needed is read, and no more


class FolderWarning(UserWarning):
    """Something in a folder is left out, and its owner may not know."""


def is_foreign(name: str) -> bool:
    """Is a file or folder of this name nobody's picture?"""
    return name.startswith(".") or name.lower() in FOREIGN_FOLDERS


def folded(name: str) -> str:
    """A name as it is the same on every disk: some keep no capitals apart, some take letters to pieces ("ü" as two)."""
    return unicodedata.normalize("NFC", name).casefold()


class Files:
    """The names of all files in a folder and in those inside it, with forward slashes, in order."""

    def __init__(self, folder: Path):
        self.folder = folder
        names = []
        for place, inner, files in os.walk(folder):
            inner[:] = [name for name in inner if not is_foreign(name)]
            here = Path(place).relative_to(folder)
            names += [(here / name).as_posix() for name in files if not is_foreign(name)]
        self.names = sorted(names)
        self.known = set(names)
        self.alike: dict[str, list[str]] = {}  # folded name -> names
        self.last: dict[str, list[str]] = {}  # its last part, folded -> names
        for name in self.names:
            self.alike.setdefault(folded(name), []).append(name)
            self.last.setdefault(folded(PurePosixPath(name).name), []).append(name)

    def ending_in(self, suffixes: tuple[str, ...]) -> list[str]:
        return [name for name in self.names if name.lower().endswith(suffixes) and (self.folder / name).is_file()]

    def find(self, base: str, name: str) -> str | None:
        """The file that a list in the folder `base` ("" or "train/") means by `name`: the one of this name; or else the
        only one whose name differs in capitals or in how its letters are put together; or else, for a name without
        folders, the only one of this name in a folder inside."""
        whole = base + name
        if whole in self.known or (self.folder / whole).is_file():
            return whole
        found = self.alike.get(folded(whole), [])
        if not found and "/" not in name:
            found = [other for other in self.last.get(folded(name), []) if other.startswith(base)]
        return found[0] if len(found) == 1 else None


def lists_in(path: Path) -> list[Path]:
    """The list of a folder, or else those of the folders inside it."""
    if found := list_in(path):
        return [found]
    inner = sorted(folder for folder in path.iterdir() if folder.is_dir() and not is_foreign(folder.name))
    return [found for folder in inner if (found := list_in(folder))]


def text_rows(files: Files, faults: Faults) -> Iterator[tuple[str, Row]]:
    """("", row) for each caption in the `.txt` files beside pictures."""
    folder = files.folder
    texts = {str(PurePosixPath(name).with_suffix("")): name for name in files.ending_in((".txt",))}
    if not texts:
        return
    alike = {folded(stem): stem for stem in texts}
    used = set()
    for name in files.ending_in(SUFFIXES + FOREIGN_SUFFIXES):
        stem = str(PurePosixPath(name).with_suffix(""))
        stem = stem if stem in texts else alike.get(folded(stem), "")
        used.add(stem)
        if name.lower().endswith(FOREIGN_SUFFIXES):
            faults.add("format", f"{folder / name} is of a format that is not read: export it as PNG or JPEG")
        elif not stem:
            beside = f"{PurePosixPath(name).stem}.txt"
            faults.add("no text", f"{folder / name} has no caption: write one into {beside} beside it")
        else:
            try:
                lines = [line for line in read_text(folder / texts[stem]).split("\n") if line.strip()]
            except ValueError as error:
                faults.add("encoding", str(error))
                continue
            for line in lines or [""]:
                yield "", Row(str(folder / texts[stem]), name, line)
    for stem in sorted(texts.keys() - used):
        faults.add(
            "missing",
            f"There is no picture beside {folder / texts[stem]}: add it, or move this file out of the folder",
        )


def inside(name: str) -> str | None:
    """A file's name in the folder, with forward slashes; None if it leads out of the folder."""
    clean = name.strip().replace("\\", "/")  # a list made on Windows serves elsewhere
    depth = 0
    for part in PurePosixPath(clean).parts:
        depth += -1 if part == ".." else 1
        if depth < 0 or part == "/" or Path(part).drive:
            return None
    return os.path.normpath(str(PurePosixPath(clean))).replace("\\", "/")


def read_captions(path: Path) -> list[dict]:
    """All (picture, caption) pairs of a folder as dicts with `file` (inside the folder) and `caption`, checked.

    Raises FileNotFoundError or ValueError with one sentence that names all faults of the folder. Warns with a
    FolderWarning of pictures that its lists leave out.
    """
    if not path.exists():
        raise FileNotFoundError(f"There is no folder {path}.")
    if not path.is_dir():
        raise ValueError(f"{path} is a file: give the folder with the pictures and their captions.")
    files, faults, lists = Files(path), Faults(path), lists_in(path)
    rows = []
    for base, row in list_rows(files, lists, faults) if lists else text_rows(files, faults):
        if not isinstance(row.file, str) or not row.file.strip():
            faults.add("no name", f"{row.where}, names no picture")
            continue
        name = inside(row.file)
        if name is None:
            faults.add(
                "outside", f"{row.where}, names {row.file!r}, which is outside of the folder: put the picture inside"
            )
        elif not isinstance(row.caption, str) or not row.caption.strip():
            faults.add("no caption", f"{row.where}, has no caption for {name}: write one, or take the picture out")
        elif (found := files.find(base, name)) is None:
            faults.add("missing", f"{row.where}, names {name!r}, but there is no such picture in {path}")
        else:
            rows.append({"file": found, "caption": row.caption.strip()})
    faults.check()
    if not rows:
        raise ValueError(no_captions(files))
    if lists:
        warn_of_others(files, {row["file"] for row in rows})
    return rows


def list_rows(files: Files, lists: list[Path], faults: Faults) -> Iterator[tuple[str, Row]]:
    """(the list's folder inside of the whole, "" or "train/"; row) for each row of the lists."""
    for path in lists:
        place = path.parent.relative_to(files.folder).as_posix()
        base = "" if place == "." else f"{place}/"
        known = {name.removeprefix(base) for name in files.names if name.startswith(base)}
        for row in read_list(path, known, faults):
            yield base, row


def no_captions(files: Files) -> str:
    tables = files.ending_in((".csv", ".tsv", ".json", ".jsonl", ".xls", ".xlsx", ".ods", ".parquet"))
    others = f" ({', '.join(tables[:3])} is not read)" if tables and not lists_in(files.folder) else ""
    return (
        f"There are no captions in {files.folder}{others}: write captions.csv (columns file, caption), metadata.jsonl, "
        "or a .txt beside each picture."
    )


def warn_of_others(files: Files, used: set[str]) -> None:
    pictures = files.ending_in(SUFFIXES + FOREIGN_SUFFIXES)
    others = [name for name in pictures if name not in used]
    if others:
        named = ", ".join(others[:5]) + (", …" if len(others) > 5 else "")
        warnings.warn(
            f"{len(others)} of {len(pictures)} pictures in {files.folder} are in no list and are left out: {named}.",
            FolderWarning,
            stacklevel=4,
        )


def caption_of(rows: list[dict], index: int, rng: random.Random | None = None) -> str:
    """The caption of a pair; it does not vary, whatever `rng` is."""
    return rows[index]["caption"]


def folder(path: str | Path, size: int = 64) -> Pairs:
    """The pictures of a folder with their captions: resized to fit, the rest of the square white.

    Pictures are (N, 3, size, size) uint8; a picture with several captions counts as several pairs. `metadata` holds
    dicts with `file` and `caption`. Captions do not vary. Of a picture much larger than `size` a smaller copy is read.
    Raises FileNotFoundError or ValueError, with one sentence that names the files, for pictures and captions that are
    missing or cannot be read: all of them at once. Warns with a FolderWarning of pictures that a list leaves out.
    """
    if not str(path).strip():
        raise ValueError("No folder is named: give emoji, shapes, or a folder of pictures with captions.")
    path = Path(path).expanduser()
    rows = read_captions(path)
    faults, places = Faults(path), {}
    pictures = torch.empty(len(rows), 3, size, size, dtype=torch.uint8)
    for i, row in enumerate(rows):
        if (name := row["file"]) in places:  # several captions of one picture
            pictures[i] = pictures[places[name]]
            continue
        places[name] = i
        try:
            pictures[i] = to_tensor(on_white_square(open_image(path / name, READ_SIDES * size), size))
        except (ValueError, OSError) as error:
            faults.add("picture", str(error))
    faults.check()
    return Pairs(pictures, torch.ones(len(rows)), partial(caption_of, rows), rows)
