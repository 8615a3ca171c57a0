"""The tables and the zip that come out of grading: for Moodle, and for the person who reads them."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

from ...model.atomic import replace_file
from .feedback import Sheet, feedback_page, number

# Moodle's grading worksheet; it finds a student by the first column, and needs no more than that and the grade.
MOODLE_COLUMNS = ("Identifier", "Full name", "Grade", "Maximum grade", "Feedback comments")
DETAIL_COLUMNS = ("student", "lesson", "exercise", "points", "of", "reason", "hints read", "rescued", "for the teacher")
FEEDBACK = "feedback.html"


def moodle_table(sheets: Sequence[Sheet], most: float) -> str:
    """A line for each student, as Moodle's grading worksheet has it."""
    rows = []
    for sheet in sheets:
        wrong = [f"{result.exercise.name}: {result.sentence}" for result in sheet.results if result.sentence]
        said = " / ".join([*sheet.remarks, *wrong]) or "All right."
        points, whose = number(sheet.points), sheet.submission
        rows.append((whose.identifier, whose.name, points, number(most), said))
    return _table(MOODLE_COLUMNS, rows)


def detail_table(sheets: Sequence[Sheet]) -> str:
    """A line for each exercise of each student, with what the teacher may want to look at."""
    rows = []
    for sheet in sheets:
        name = sheet.submission.name
        rows += [(name, "", "", "", "", "", "", "", remark) for remark in sheet.remarks]
        for stem, graded in sheet.lessons.items():
            for place, result in enumerate(graded.results):
                exercise = result.exercise
                used = (sheet.hints(exercise.name), "yes" if sheet.rescued(exercise.name) else "")
                points = (number(result.points), number(exercise.points))
                notes = "; ".join(graded.notes) if place == 0 else ""
                rows.append((name, stem, exercise.name, *points, result.sentence, *used, notes))
    return _table(DETAIL_COLUMNS, rows)


def write_all(sheets: Sequence[Sheet], most: float, table: Path) -> list[Path]:
    """Writes the table, and beside it the details, a folder of feedback and, for Moodle, a zip of it; returns them."""
    details, folder, archive = places(table)
    folder.mkdir(parents=True)
    names: set[str] = set()
    pages: dict[str, str] = {}  # in the zip
    for sheet in sheets:
        page = feedback_page(sheet, most)
        base = name = _file_name(sheet.submission)
        again = 1
        while name.casefold() in names:  # two of one name
            again += 1
            name = f"{base} ({again})"
        names.add(name.casefold())
        _write(folder / f"{name}.html", page)
        if sheet.submission.folder:
            pages[f"{sheet.submission.folder}/{FEEDBACK}"] = page
    _write(details, detail_table(sheets))
    written = [folder, details]
    if pages:
        replace_file(archive, lambda path: _zip(path, pages))
        written.append(archive)
    _write(table, moodle_table(sheets, most))
    return [table, *written]


def places(table: Path) -> tuple[Path, Path, Path]:
    """Where the details, the feedback and its zip go, beside the table."""
    return (
        table.with_name(f"{table.stem}_details.csv"),
        table.with_name(f"{table.stem}_feedback"),
        table.with_name(f"{table.stem}_feedback.zip"),
    )


def _zip(path: Path, pages: dict[str, str]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, page in pages.items():
            archive.writestr(name, page)


def _file_name(submission) -> str:
    """The student's name as a file may be called on every system."""
    name = re.sub(r'[\x00-\x1f<>:"/\\|?*]', "_", submission.name).strip(" .")[:80] or "nameless"
    return f"{name}_{submission.number}" if submission.number else name


def _write(path: Path, text: str) -> None:
    replace_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8", newline="\n"))


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([[_harmless(str(value)) for value in row] for row in rows])
    return out.getvalue()


def _harmless(value: str) -> str:
    """A text that no spreadsheet takes for a formula, with its control characters away."""
    value = "".join(c for c in value if c.isprintable())
    return f"'{value}" if value[:1] in ("=", "+", "-", "@") else value
