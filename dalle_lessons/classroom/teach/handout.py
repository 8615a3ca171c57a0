"""`dalle-lessons teach handout`: a lesson on paper, for a class whose machines do not all work.

What it is about, the guesses with room for an answer, the exercises without their solutions, the questions at the end;
one HTML file that needs no other and no network: print it from any browser.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from pathlib import Path

from ...model.atomic import replace_file
from ..bank import lesson_texts
from ..course_map import course_map
from ..student_copy import for_student
from .assignment import lesson_path
from .slide_blocks import blocks_of, code, essence, to_html
from .slides import by_heading

STYLE = """
body { font: 11.5pt/1.4 Georgia, "DejaVu Serif", serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem;
       color: #000; background: #fff; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 1.4rem; }
pre { font-size: .85em; border: 1px solid #999; padding: .5rem; white-space: pre-wrap; }
.answer { border-bottom: 1px solid #000; height: 1.8rem; } .work { border: 1px solid #999; height: 6rem; }
ol.choices { list-style: lower-alpha; } article { break-inside: avoid; } img { vertical-align: middle; }
@media print { body { margin: 0; } }
"""


def handout(lessons: list[str], folder: Path, say: Callable[[str], None]) -> list[Path]:
    """Writes NN.html for each lesson into `folder`, overwriting such files. -> the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for lesson in lessons:
        path, text = folder / f"{lesson}.html", lesson_on_paper(lesson)
        replace_file(path, lambda part, text=text: part.write_text(text, encoding="utf-8"))
        say(f"{path}: print it from a browser.")
        written.append(path)
    return written


def lesson_on_paper(lesson: str) -> str:
    """The page of lesson "02". Raises ValueError for a lesson that is not there, with one sentence."""
    path = lesson_path(lesson)
    cells = for_student(json.loads(path.read_text(encoding="utf-8")), path.name)["cells"]
    texts = lesson_texts(lesson)
    first = "".join(cells[0]["source"])
    parts = [to_html(first), course_map(lesson).svg]
    if texts.guesses:
        parts.append("<h2>Your guesses, before you run the cells</h2>")
        for text in texts.guesses.values():
            number = [f"from {text.low:g} to {text.high:g} {text.unit}".strip()]
            parts.append(_question(text.question, list(text.choices) or number))
    parts += _exercises(cells)
    if texts.questions:
        parts.append("<h2>Before you go</h2>")
        for question in texts.questions[:3]:
            parts.append(_question(str(question.ask), [str(choice.text) for choice in question.shuffled()]))
    title = html.escape(first.splitlines()[0].removeprefix("# "))
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        f"<style>{STYLE}</style></head><body>\n{chr(10).join(parts)}\n</body></html>\n"
    )


def _question(ask: str, choices: list[str]) -> str:
    items = "".join(f"<li>{to_html(choice, inline=True)}</li>" for choice in choices)
    return f'<article>{to_html(ask)}<ol class="choices">{items}</ol><div class="answer"></div></article>'


def _exercises(cells: list[dict]) -> list[str]:
    """Each exercise: its text, the cell to fill in, and room to write."""
    parts: list[str] = []
    waiting = False
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            for heading, text in by_heading(source):
                if heading.startswith("Exercise"):
                    waiting = True
                    body = "".join(block.html for block in essence(blocks_of(text), whole=True))
                    parts.append(f"<h2>{to_html(heading, inline=True)}</h2>{body}")
        elif waiting and ("raise NotImplementedError" in source or "# your code here" in source):
            waiting = False
            parts.append(code(source).html + '<div class="work"></div>')
    return parts
