"""The page of feedback that a student gets: one HTML file that needs no other and no network."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..bank import Help, lesson_texts
from .process import Graded, Result
from .submissions import Submission

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #222;
       background: #fff; }
section { border-left: 6px solid #767676; padding: .2rem 1rem; margin: 1rem 0; }
section.all { border-color: #1a7f37; } section.part { border-color: #9a6700; } section.none { border-color: #b42318; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2rem; } h3 { font-size: 1rem; margin: .3rem 0; }
.points { float: right; font-weight: normal; } code { background: #f2f2f2; padding: 0 .2em; }
@media print { body { margin: 0; } section { break-inside: avoid; } }
"""


@dataclass
class Sheet:
    """All that one student gets back: for each lesson what it came to, and what could not be read."""

    submission: Submission
    lessons: dict[str, Graded] = field(default_factory=dict)  #: "02_codebook" -> …
    remarks: list[str] = field(default_factory=list)

    @property
    def points(self) -> float:
        return sum(result.points for graded in self.lessons.values() for result in graded.results)

    @property
    def results(self) -> list[Result]:
        return [result for graded in self.lessons.values() for result in graded.results]

    def hints(self, exercise: str) -> int:
        """How many hints were read, as far as that is recorded."""
        number = self.submission.record["hints"].get(exercise, 0)
        return number if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 100 else 0

    def rescued(self, exercise: str) -> bool:
        """Was a working answer taken, as far as that is recorded?"""
        taken = any(exercise in graded.rescued for graded in self.lessons.values())
        return taken or self.submission.record["rescues"].get(exercise) is True


def number(points: float) -> str:
    """2.0 -> "2", 0.5 -> "0.5"."""
    return f"{points:.2f}".rstrip("0").rstrip(".")


def feedback_page(sheet: Sheet, most: float) -> str:
    """The page. most: the points that could be had."""
    parts = [_lesson(stem, graded, sheet) for stem, graded in sheet.lessons.items()]
    remarks = "".join(f"<p>{html.escape(remark)}</p>" for remark in sheet.remarks)
    name = html.escape(sheet.submission.name)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Feedback for {name}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{STYLE}</style></head><body>\n<h1>{name}: {number(sheet.points)} of {number(most)} points</h1>\n"
        f"{remarks}{''.join(parts)}</body></html>\n"
    )


def _lesson(stem: str, graded: Graded, sheet: Sheet) -> str:
    sections: Sequence[str] = [_exercise(result, sheet) for result in graded.results]
    title = f"Lesson {stem[:2]} · {stem[3:].replace('_', ' ')}"
    return f"<h2>{html.escape(title)}</h2>\n{''.join(sections)}"


def _exercise(result: Result, sheet: Sheet) -> str:
    lesson, _, short = result.exercise.name.partition(".")
    text = lesson_texts(lesson).exercises.get(short, Help())
    most = result.exercise.points
    kind = "all" if not result.sentence else "part" if result.points else "none"
    lines = [f"Right. {text.praise}".strip() if kind == "all" else f"Not yet: {result.sentence}"]
    if kind != "all" and text.hints:
        lines.append(f"Where to look: {text.hints[0]}")
    used = [f"{hints} hint(s) read" for hints in (sheet.hints(result.exercise.name),) if hints]
    used += ["a working answer was taken by rescue"] if sheet.rescued(result.exercise.name) else []
    if used:
        lines.append(f"On record: {', '.join(used)}.")
    paragraphs = "".join(f"<p>{_with_code(line)}</p>" for line in lines)
    points = f'<span class="points">{number(result.points)} of {number(most)}</span>'
    return f'<section class="{kind}"><h3>{points}{html.escape(short.replace("_", " "))}</h3>{paragraphs}</section>\n'


def _with_code(line: str) -> str:
    """Plain text as HTML; what stands between backticks as code."""
    parts = html.escape(line).split("`")
    if len(parts) % 2 == 0:  # one of them is alone
        return "`".join(parts)
    return "".join(f"<code>{part}</code>" if n % 2 else part for n, part in enumerate(parts))
