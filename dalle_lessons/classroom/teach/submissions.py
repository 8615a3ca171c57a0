"""What students handed in: a folder of notebooks, or the zip that Moodle makes of all submissions.

Folders are read in any of these shapes; a zip may hold any of them:

    anna/02_codebook.ipynb                                    # a folder for each student, as deep as one likes
    02_codebook_anna.ipynb                                    # a file for each
    Anna Ames_4711_assignsubmission_file_/02_codebook.ipynb   # Moodle's

A record of hints and rescues (`my_guesses.json`) beside the notebooks is read as well.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from ..record import KINDS, NAME

# Moodle's name for what a student handed in; the number is Moodle's for the participant.
MOODLE = re.compile(r"^(?P<name>.+)_(?P<number>\d+)_assignsubmission_file_?(?P<rest>.*)$")
LARGEST = 64 * 2**20  # bytes of a notebook that is read; lessons with all their pictures have a few million
SKIPPED = {"__MACOSX", ".ipynb_checkpoints"}


@dataclass
class Submission:
    """All that one student handed in."""

    name: str
    number: str = ""  #: Moodle's for the participant
    folder: str = ""  #: Moodle's name for the folder, which takes the feedback back
    notebooks: dict[str, dict[str, Any]] = field(default_factory=dict)  #: file name -> notebook
    unreadable: dict[str, str] = field(default_factory=dict)  #: file name -> why, in a sentence
    record: dict[str, dict[str, Any]] = field(default_factory=lambda: {kind: {} for kind in KINDS})

    @property
    def identifier(self) -> str:
        """As Moodle's table calls the student, or the name where it did not come from Moodle."""
        return f"Participant {self.number}" if self.number else self.name


def read_submissions(source: Path) -> list[Submission]:
    """What each student handed in, by name. Raises FileNotFoundError or ValueError with one sentence."""
    if not source.exists():
        raise FileNotFoundError(f"There is no {source}: name a folder of notebooks, or Moodle's zip.")
    if source.is_dir():
        found = list(_of_folder(source))
    elif zipfile.is_zipfile(source):
        found = _without_wrapper(list(_of_zip(source)))
    else:
        raise ValueError(f"“{source}” is neither a folder nor a zip: name one with the notebooks of your students.")
    submissions: dict[str, Submission] = {}
    for place, content in found:
        name, number, folder = _who(place)
        if not name:
            continue
        whose = submissions.setdefault(f"{number}/{name}", Submission(name, number, folder))
        if place.name == NAME or place.name.endswith(f"_{NAME}"):
            _read_record(whose, content)
        elif isinstance(content, str):
            whose.unreadable[place.name] = content
        else:
            _read_notebook(whose, place.name, content)
    handed = [whose for whose in submissions.values() if whose.notebooks or whose.unreadable]
    if not handed:
        raise ValueError(f"There is no notebook (*.ipynb) in “{source}”.")
    return sorted(handed, key=lambda whose: (whose.name.casefold(), whose.number))


def _wanted(place: PurePosixPath) -> bool:
    hidden = any(part in SKIPPED or part.startswith(".") for part in place.parts)
    return not hidden and (place.suffix == ".ipynb" or place.name.endswith(NAME))


def _of_folder(source: Path) -> Iterator[tuple[PurePosixPath, bytes | str]]:
    """(place in the folder, what is in the file, or the sentence that says why it is not read)."""
    for path in sorted(source.rglob("*"), key=lambda path: path.as_posix()):
        place = PurePosixPath(path.relative_to(source).as_posix())
        if not _wanted(place) or not path.is_file():
            continue
        yield place, path.read_bytes() if path.stat().st_size <= LARGEST else _too_large(place)


def _of_zip(source: Path) -> Iterator[tuple[PurePosixPath, bytes | str]]:
    """The same for a zip, of which nothing is unpacked onto the disk."""
    with zipfile.ZipFile(source) as archive:
        for entry in archive.infolist():
            place = PurePosixPath(entry.filename)
            if entry.is_dir() or not _wanted(place) or ".." in place.parts or place.is_absolute():
                continue
            try:
                yield place, archive.read(entry) if entry.file_size <= LARGEST else _too_large(place)
            except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError):  # damaged, or with a password
                yield place, f"{place.name} in the zip is damaged, or closed by a password."


def _without_wrapper(found: list[tuple[PurePosixPath, bytes | str]]) -> list[tuple[PurePosixPath, bytes | str]]:
    """A zip often has one folder round all others, which is no student's."""
    tops = {place.parts[0] for place, _ in found}
    if len(tops) != 1 or MOODLE.match(next(iter(tops))) or any(len(place.parts) < 3 for place, _ in found):
        return found
    return [(PurePosixPath(*place.parts[1:]), content) for place, content in found]


def _too_large(place: PurePosixPath) -> str:
    return f"{place.name} is larger than {LARGEST >> 20} MB; without its outputs it would be small."


def _who(place: PurePosixPath) -> tuple[str, str, str]:
    """(name, Moodle's number, Moodle's folder) of whoever handed in the file at this place."""
    for part in place.parts:
        if found := MOODLE.match(part):
            # Older versions of Moodle put no folder round a file, and its name behind the student's.
            folder = part if len(place.parts) > 1 else part.removesuffix(found["rest"])
            return found["name"], found["number"], folder
    if len(place.parts) > 1:
        return place.parts[0], "", ""
    if place.name == NAME:
        return "", "", ""  # of whom, it does not say
    return place.stem, "", ""


def _read_notebook(whose: Submission, name: str, content: bytes) -> None:
    try:
        notebook = json.loads(content.decode("utf-8-sig"))
        if not isinstance(notebook["cells"], list) or not all(isinstance(cell, dict) for cell in notebook["cells"]):
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError):
        whose.unreadable[name] = f"{name} is no notebook that can be read: save it in Jupyter, and hand it in again."
        return
    if name in whose.notebooks:  # of the same name, in another folder
        whose.unreadable[f"{name} (2)"] = f"There are two files called {name}; only the last one was graded."
    whose.notebooks[name] = notebook


def _read_record(whose: Submission, content: bytes | str) -> None:
    """Hints and rescues that were noted; a damaged record is as good as none."""
    try:
        read = json.loads(content)
        for kind in KINDS:
            if isinstance(read.get(kind), dict):
                whose.record[kind] |= read[kind]
    except (ValueError, AttributeError, RecursionError):
        pass
