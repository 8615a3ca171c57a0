"""What a lesson asks of a student: its exercises, the cells in which they are answered, and their points.

It is read from the course's own notebook, never from what was handed in.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ...model.files import notebooks_dir
from ..exercises.worked import checks_in
from .light import bound_names, used_names

CAPSTONE = "18"  # its answer is a program of the student's own, in a file, which people grade


@dataclass(frozen=True)
class Exercise:
    """One exercise of a lesson."""

    name: str  #: "02.nearest_code"
    expression: str  #: what the lesson's `check` is given, such as "nearest_code"
    points: float
    answer: str  #: the key of the cell where it is answered: see `keys`
    binds: frozenset[str]  #: the names of the expression that the answer binds


@dataclass(frozen=True)
class Assignment:
    """All exercises of a lesson, in its order."""

    lesson: str
    stem: str  #: the notebook's name, "02_codebook"
    exercises: tuple[Exercise, ...]
    cells: frozenset[str]  #: the keys of all cells of the lesson

    @property
    def points(self) -> float:
        return sum(exercise.points for exercise in self.exercises)

    @property
    def answers(self) -> dict[str, list[Exercise]]:
        """Key of an answer's cell -> the exercises that are answered in it."""
        found: dict[str, list[Exercise]] = {}
        for exercise in self.exercises:
            found.setdefault(exercise.answer, []).append(exercise)
        return found


def keys(cell: dict[str, Any]) -> list[str]:
    """By what a cell is known: nbgrader's id if it has one, then the cell's own."""
    metadata = cell.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    named = marks.get("grade_id") if isinstance(marks, dict) else None
    return [key for key in (named, cell.get("id")) if isinstance(key, str) and key]


def source_of(cell: dict[str, Any]) -> str:
    """The text of a cell: notebooks keep it as one text, or as a list of lines."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(map(str, source))


def lesson_path(lesson: str) -> Path:
    """The notebook of lesson "02". Raises ValueError with one sentence where there is none."""
    found = sorted(notebooks_dir().glob(f"{lesson}_*.ipynb")) if lesson.isalnum() else []
    if not found:
        raise ValueError(f"There is no lesson “{lesson}”: lessons are named by two digits, {', '.join(lessons())}.")
    return found[0]


def lessons() -> list[str]:
    """The lessons that there are: "00", "01", …"""
    return sorted({path.name[:2] for path in notebooks_dir().glob("[0-9][0-9]_*.ipynb")})


def split_lessons(text: str | None) -> list[str]:
    """ "02, 7" -> ["02", "07"]; without a text, all lessons that can be graded. Each must exist."""
    if text is None:
        return [lesson for lesson in lessons() if lesson != CAPSTONE]
    named = [part.strip().zfill(2) for part in text.split(",") if part.strip()]
    if not named:
        raise ValueError("Name at least one lesson, for instance --lessons 02,07.")
    for lesson in named:
        lesson_path(lesson)
    return list(dict.fromkeys(named))


@cache
def read_assignment(lesson: str) -> Assignment:
    """The exercises of lesson "02". Raises ValueError for one whose exercises are graded by people."""
    path = lesson_path(lesson)
    if lesson == CAPSTONE:
        raise ValueError(f"Lesson {CAPSTONE} is a project: people grade it, by the table at its end.")
    exercises: list[Exercise] = []
    cells: set[str] = set()
    answer: dict[str, Any] = {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        cells |= set(keys(cell))
        marks = cell["metadata"].get("nbgrader", {})
        if cell["cell_type"] == "code" and marks.get("solution"):
            answer = cell
        elif cell["cell_type"] == "code" and marks.get("grade"):
            checks = checks_in(source_of(cell))
            for name, expression in checks:
                binds = used_names(expression) & bound_names(source_of(answer))
                points = float(marks.get("points", 1)) / len(checks)
                exercises.append(Exercise(name, expression, points, keys(answer)[0], frozenset(binds)))
    return Assignment(lesson, path.stem, tuple(exercises), frozenset(cells))
