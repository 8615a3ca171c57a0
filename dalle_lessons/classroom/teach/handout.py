"""`dalle-lessons teach handout`: a lesson on paper, for a class whose machines do not all work.

What it is about, the guesses with room for an answer, the exercises without their solutions, the questions at the end;
one HTML file that needs no other and no network, and the same as a PDF where a browser that can print is found.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from ...model.atomic import replace_file
from ..bank import GuessText, lesson_texts
from ..course_map import course_map
from ..student_copy import for_student
from .assignment import lesson_path
from .pdf import PAPER, print_pages
from .slide_blocks import blocks_of, code, essence, figures_in, to_html
from .slides import by_heading

STYLE = (
    PAPER
    + """
body { font: 10.5pt/1.38 Georgia, "DejaVu Serif", serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem;
       color: #000; background: #fff; }
h1 { font-size: 1.4rem; margin: .6rem 0; } h2 { font-size: 1.15rem; margin: 1.1rem 0 .4rem; break-after: avoid; }
p, ul, ol, table { margin: .45rem 0; }
.name { display: flex; gap: .5rem; } .name::after { content: ""; flex: 1; border-bottom: 1px solid #000; }
pre { font-size: .85em; border: 1px solid #999; padding: .5rem; white-space: pre-wrap; margin: .5rem 0; }
.answer { border-bottom: 1px solid #000; height: 1.9rem; color: #444; font-size: .85em; }
.work { border: 1px solid #999; height: 6rem; }
ol.choices { list-style: lower-alpha; }
th, td { text-align: left; vertical-align: top; padding-right: 1rem; }
article, section { break-inside: avoid; } img.formula { vertical-align: middle; zoom: .58; }
img.figure { display: block; max-width: 100%; max-height: 12cm; margin: .4rem auto; }
@media print { body { margin: 0; padding: 0; max-width: none; } }
"""
)
GUESS = re.compile(r'\bguess\("\d\d\.(\w+)"\)')


def handout(lessons: list[str], folder: Path, say: Callable[[str], object]) -> list[Path]:
    """Writes NN.html for each lesson into `folder`, and NN.pdf if it can, overwriting such files. -> the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for lesson in lessons:
        path, text = folder / f"{lesson}.html", lesson_on_paper(lesson)
        replace_file(path, lambda part, text=text: part.write_text(text, encoding="utf-8"))
        say(f"{path}: {text.count('<article>')} questions and exercises.")
        written.append(path)
    return [*written, *print_pages(written, say)]


def lesson_on_paper(lesson: str) -> str:
    """The page of lesson "02". Raises ValueError for a lesson that is not there, with one sentence."""
    path = lesson_path(lesson)
    cells = for_student(json.loads(path.read_text(encoding="utf-8")), path.name, outputs="folded")["cells"]
    texts = lesson_texts(lesson)
    first = "".join(cells[0]["source"])
    parts = ['<p class="name">Name:</p>', to_html(first), course_map(lesson).svg]
    if texts.guesses:
        parts += ["<h2>Your guesses, before you run the cells</h2>", *_guesses(cells, texts.guesses)]
    parts += _exercises(cells)
    if texts.questions:
        asked = [_question(str(q.ask), [str(choice.text) for choice in q.shuffled()]) for q in texts.questions[:3]]
        parts.append(f"<section><h2>Before you go</h2>{''.join(asked)}</section>")
    title = html.escape(first.splitlines()[0].removeprefix("# "))
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        f"<style>{STYLE}</style></head><body>\n{chr(10).join(parts)}\n</body></html>\n"
    )


def _guesses(cells: list[dict], guesses: dict[str, GuessText]) -> list[str]:
    """What is to be guessed, in the order of the lesson; where letters name pictures, with these."""
    parts: list[str] = []
    before: list[str] = []  # the pictures of the cell right before
    for cell in cells:
        if cell["cell_type"] == "code":
            for name in GUESS.findall("".join(cell["source"])):
                text = guesses[name]
                pictures = before if _are_letters(text.choices) else []
                parts.append(_question(text.question, list(text.choices), _range(text), pictures))
        before = figures_in(cell) if cell["cell_type"] == "code" else []
    return parts


def _are_letters(choices: Sequence[str]) -> bool:
    """Do the choices name pictures, a, b and so on?"""
    return bool(choices) and all(len(str(choice)) == 1 for choice in choices)


def _range(text: GuessText) -> str:
    """What is to be written where there are no choices: "a number from 1 to 128 codes"."""
    return f"a number from {text.low:g} to {text.high:g} {text.unit}".rstrip() if text.is_number else ""


def _question(ask: str, choices: list[str], hint: str = "", figures: Sequence[str] = ()) -> str:
    """hint: what to write where nothing is to be chosen. Choices that are letters need no others before them."""
    listed = ""
    if _are_letters(choices):
        listed = f'<p class="letters">{" &nbsp; &nbsp; ".join(choices)}</p>'
    elif choices:
        listed = f'<ol class="choices">{"".join(f"<li>{to_html(choice, inline=True)}</li>" for choice in choices)}</ol>'
    note = f"{hint}, and why:" if hint else "and why:"
    return f'<article>{to_html(ask)}{"".join(figures)}{listed}<div class="answer">{note}</div></article>'


def _exercises(cells: list[dict]) -> list[str]:
    """Each exercise: its text, the figures that it asks about, the cell to fill in, and room to write."""
    parts: list[str] = []
    held: list[str] = []  # of the exercise whose cell has not come yet
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            for heading, text in by_heading(source):
                if heading.startswith("Exercise"):
                    body = "".join(block.html for block in essence(blocks_of(text), whole=True))
                    held = [f"<h2>{to_html(heading, inline=True)}</h2>{body}"]
        elif held and ("raise NotImplementedError" in source or "# your code here" in source):
            parts.append(f'<article>{"".join(held)}{code(source).html}<div class="work"></div></article>')
            held = []
        elif held:
            held += figures_in(cell)
    return parts
