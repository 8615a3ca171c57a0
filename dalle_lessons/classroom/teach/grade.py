"""`dalle-lessons teach grade`: what students handed in -> points, reasons, and a page of feedback for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from .assignment import read_assignment
from .feedback import Sheet, number
from .grades import places, write_all
from .plan import lesson_of, make_plan
from .process import Limits, grade_notebook
from .submissions import Submission, read_submissions


def grade(
    source: str | Path,
    table: str | Path,
    lessons: Sequence[str] | None = None,
    limits: Limits | None = None,
    say: Callable[[str], object] = print,
) -> list[Sheet]:
    """Grades all notebooks of a folder or a Moodle zip; writes the table and what belongs to it (see `grades`).

    lessons: which are graded; else all of which somebody handed in a notebook. The points that can be had are those of
    all these lessons, for everyone. Raises FileExistsError, before any work, where something would be overwritten.
    """
    source, table = Path(source).expanduser(), Path(table).expanduser()
    if table.suffix != ".csv":
        raise ValueError(f"The table is a file that ends in .csv, and “{table}” does not.")
    for path in (table, *places(table)):
        if path.exists():
            raise FileExistsError(f"“{path}” is there already: move it away, or name another file with --csv.")
    if not table.parent.is_dir():
        raise FileNotFoundError(f"There is no folder “{table.parent}” for the table: make it first.")
    for lesson in lessons or ():
        read_assignment(lesson)
    submissions = read_submissions(source)
    wanted = sorted(lessons or {lesson for whose in submissions for lesson, _ in _by_lesson(whose).items()})
    if not wanted:
        raise ValueError(f"None of the notebooks in “{source}” is of a lesson that can be graded.")
    most = sum(read_assignment(lesson).points for lesson in wanted)
    sheets = []
    for whose in submissions:
        sheets.append(grade_student(whose, wanted, limits or Limits()))
        say(f"{whose.name}: {number(sheets[-1].points)} of {number(most)}")
    written = write_all(sheets, most, table)
    say(f"Written: {', '.join(str(path) for path in written)}.")
    return sheets


def grade_student(whose: Submission, lessons: Sequence[str], limits: Limits) -> Sheet:
    """All that one student gets back for these lessons."""
    sheet = Sheet(whose, remarks=list(whose.unreadable.values()))
    handed = _by_lesson(whose)
    for lesson in lessons:
        assignment, names = read_assignment(lesson), handed.get(lesson, [])
        if len(names) > 1:
            sheet.remarks.append(f"There are {len(names)} notebooks of lesson {lesson}; {names[-1]} was graded.")
        # An empty notebook says for each exercise that there is no answer.
        notebook = whose.notebooks[names[-1]] if names else {"cells": []}
        if not names:
            sheet.remarks.append(f"There is no notebook of lesson {lesson}.")
        plan = make_plan(notebook, assignment)
        sheet.lessons[assignment.stem] = grade_notebook(plan, assignment, limits)
    return sheet


def _by_lesson(whose: Submission) -> dict[str, list[str]]:
    """Lesson -> the names of its notebooks; those of no lesson that can be graded are left out."""
    found: dict[str, list[str]] = {}
    for name in sorted(whose.notebooks):
        lesson = lesson_of(whose.notebooks[name], name)
        try:
            read_assignment(lesson or "")
        except ValueError:
            continue
        found.setdefault(str(lesson), []).append(name)
    return found
