"""`dalle-lessons teach release`: lessons as an nbgrader course, ready for `nbgrader generate_assignment`.

    DIR/nbgrader_config.py
    DIR/source/02_codebook/02_codebook.ipynb     # with solutions, as nbgrader wants its source: for teachers alone

nbgrader takes the solutions and the hidden lines out of what students get. Each cell with a check has hidden lines
that import the check anew, so that nobody has changed it, and end in its points, so that a half-right answer gets its
half. Cells that no answer needs are tagged to be skipped when nbgrader grades: no student's models are trained again.
The capstone gets a cell for each row of its table whose points a person gives: nbgrader's form then asks for them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ...model.atomic import replace_file
from ...model.files import notebooks_dir
from ..exercises.worked import checks_in
from ..lessons import to_text
from .assignment import CAPSTONE, lesson_path, source_of
from .light import bound_names, free_names, light_statements, parse

SKIP = "skip-execution"  # nbclient's tag, which nbgrader heeds
BEGIN, END = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
JUDGED = re.compile(r"^\| (\d+) \*\*(.+?)\*\* \| (.+?) \| (.+?) \|$", re.M)  # points, name, what earns all, what half
BEFORE = f"""{BEGIN}
import sys

for held in [held for held in sys.modules if held.startswith("dalle_lessons.classroom.exercises")]:
    del sys.modules[held]  # they may have been changed: import them anew
from dalle_lessons.classroom.exercises import score
from dalle_lessons.classroom.exercises.worked import make_worked

check, points_given = lambda *_: None, 0.0  # what counts is the last line
{{defaults}}
{END}
"""
AFTER = f"""
{BEGIN}
{{scores}}
points_given
{END}"""
CONFIG = '''"""nbgrader's settings for this course; `nbgrader generate_assignment 02_codebook` begins."""

from dalle_lessons.classroom.teach.nbgrader_settings import settle

c = get_config()  # noqa: F821
settle(c)  # your own settings go below: they win
'''


def release(folder: str | Path, lessons: Sequence[str], say: Callable[[str], object] = print) -> list[Path]:
    """Writes the lessons into `folder` as an nbgrader course; returns what it wrote.

    What is there already is kept: FileExistsError names it before anything is written.
    """
    folder = Path(folder).expanduser()
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"“{folder}” is a file; name a folder for the course.")
    originals = [lesson_path(lesson) for lesson in lessons]
    targets = {original: folder / "source" / original.stem for original in originals}
    for target in targets.values():
        if target.exists():
            raise FileExistsError(f"“{target}” is there already: move it away, or name another folder.")
    written = []
    for original, target in targets.items():
        capstone = original.name.startswith(CAPSTONE)  # its checks look at what all its cells make: nothing is skipped
        notebook = json.loads(original.read_text(encoding="utf-8"))
        notebook = with_tasks(notebook) if capstone else for_nbgrader(notebook)
        target.mkdir(parents=True)
        written.append(_write(target / original.name, to_text(notebook).encode()))
        if capstone:  # with its side files; nbgrader leaves out the one with the solution
            for side in sorted(notebooks_dir().glob("*.py")):
                written.append(_write(target / side.name, side.read_bytes()))
    config = folder / "nbgrader_config.py"
    if config.exists():
        say(f"Kept as it is: {config}.")
    else:
        written.append(_write(config, CONFIG.encode()))
    say(f"Written to {folder}: {', '.join(original.stem for original in originals)}.")
    say("They hold the solutions. What students get is what `nbgrader generate_assignment NAME` makes of them.")
    return written


def for_nbgrader(notebook: dict[str, Any]) -> dict[str, Any]:
    """The same notebook as nbgrader's source: checks with hidden lines, heavy cells skipped. Changes nothing in it."""
    notebook = json.loads(json.dumps(notebook))  # a deep copy
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    needed = _needed(code)
    for place, cell in enumerate(code):
        marks, source = cell["metadata"].get("nbgrader", {}), source_of(cell)
        if marks.get("grade"):
            cell["source"] = _with_score(source, float(marks["points"])).splitlines(keepends=True)
        elif not marks and place > 0 and not _is_light_and_needed(source, needed):
            cell["metadata"]["tags"] = sorted({*cell["metadata"].get("tags", []), SKIP})
    return notebook


def with_tasks(notebook: dict[str, Any]) -> dict[str, Any]:
    """The same notebook with "manually graded tasks" behind its last cell. Changes nothing in the one given."""
    text = "\n".join(source_of(cell) for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    return {**notebook, "cells": [*notebook["cells"], *(_task(*row) for row in JUDGED.findall(text))]}


def _task(points: str, name: str, full: str, half: str) -> dict[str, Any]:
    key = f"{CAPSTONE}-{name.replace(' ', '-')}"
    marks = {"grade": False, "grade_id": key, "locked": True, "points": int(points), "schema_version": 3}
    marks |= {"solution": False, "task": True}
    source = f"**{name}**, {points} points\n\n- all: {full}\n- half: {half}"
    return {
        "cell_type": "markdown",
        "id": key,
        "metadata": {"nbgrader": marks},
        "source": source.splitlines(keepends=True),
    }


def _with_score(source: str, points: float) -> str:
    """The check's cell for nbgrader: hidden lines around what students see, the last of them the points."""
    checks = checks_in(source)
    each = points / len(checks)
    names = [expression for _, expression in checks if expression.isidentifier()]
    defaults = "\n".join(f'{name} = globals().get("{name}")' for name in names)
    scores = []
    for name, expression in checks:
        scores.append(f'points_given += (points_now := score("{name}", {expression}, points={each:g}))')
        if expression.isidentifier():  # a later answer may build on this one
            scores.append(f'if points_now < {each:g}:\n    {expression} = make_worked("{name}", globals())')
    return BEFORE.format(defaults=defaults) + source + AFTER.format(scores="\n".join(scores))


def _needed(code: list[dict[str, Any]]) -> set[str]:
    """The names that worked answers use, directly or through definitions of other cells."""
    needed = {name for cell in code if cell["metadata"].get("nbgrader") for name in free_names(source_of(cell))}
    statements = [text for cell in code for text in light_statements(source_of(cell))]
    while True:
        more = {name for text in statements if needed & bound_names(text) for name in free_names(text)}
        if more <= needed:
            return needed
        needed |= more


def _is_light_and_needed(source: str, needed: set[str]) -> bool:
    """Does a cell hold nothing heavy, or define what an answer needs?"""
    light = light_statements(source)
    return len(light) == len(parse(source).body) or any(needed & bound_names(text) for text in light)


def _write(path: Path, content: bytes) -> Path:
    replace_file(path, lambda temporary: temporary.write_bytes(content))
    return path
