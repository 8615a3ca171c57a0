"""`dalle-lessons teach slides`: a lesson as slides, one HTML file that needs no other file and no network.

Made from the lesson's own text and saved figures: of each piece of text its beginning, its lists, its questions; the
whole text is in the notes below (key N). Answers to exercises are left out. 1280 × 720, no text below 18 pixels.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...model.atomic import replace_file
from ..bank import lesson_texts
from ..course_map import course_map
from ..student_copy import for_student
from .assignment import lesson_path
from .slide_blocks import HEIGHT, Block, blocks_of, code, essence, figures_in, questions_in, to_html
from .slide_page import page

KIT = re.compile(r"\b(?:course_map|recall|guess|check|ready|show|answered)\(")
HEADING = re.compile(r"^(#{2,3}) (.+)$")


@dataclass
class Slide:
    """One slide: a heading, what stands below it, and the speaker's notes."""

    title: str
    blocks: list[Block] = field(default_factory=list)
    notes: str = ""

    def html(self) -> str:
        notes = f"<aside>{self.notes}</aside>" if self.notes else ""
        title = re.sub(r"^(\d+)\.", r"\1\\.", self.title)  # the number of a section begins no list
        heading, used = to_html(title, inline=True), sum(block.height for block in self.blocks)
        plain = all(block.kind in ("text", "list") for block in self.blocks)
        look = ' class="large"' if plain and used < HEIGHT / 2.2 else ""  # a third larger: half as high again, and more
        heading = re.sub(r" · \d+ minutes?( ·.*)?$", "", heading)  # stated for one at a desk, not for a class
        return f"<section{look}><h2>{heading}</h2>{''.join(block.html for block in self.blocks)}{notes}</section>"


def slides(lessons: list[str], folder: Path, say: Callable[[str], None]) -> list[Path]:
    """Writes NN.html for each lesson into `folder`, overwriting such files. -> the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for lesson in lessons:
        path = folder / f"{lesson}.html"
        text = lesson_as_slides(lesson)
        replace_file(path, lambda part, text=text: part.write_text(text, encoding="utf-8"))
        say(f"{path}: {text.count('<section')} slides. Arrow keys turn them, N shows the notes.")
        begins = sections_in(text)
        if begins:
            listed = ", ".join(f"{section} at {number}" for section, number in begins.items())
            say(f"Sections begin at these slides: {listed}. {path.name}#{max(begins.values())} opens the last of them.")
        written.append(path)
    return written


def sections_in(text: str) -> dict[int, int]:
    """{a section's number: that of its first slide, counted from 1} of a lesson's page."""
    begins: dict[int, int] = {}
    for number, slide in enumerate(text.split("<section")[1:], 1):
        if match := re.search(r"<h2>(\d+)\. ", slide):
            begins.setdefault(int(match[1]), number)
    return begins


def lesson_as_slides(lesson: str) -> str:
    """The page of lesson "02". Raises ValueError for a lesson that is not there, with one sentence."""
    path = lesson_path(lesson)
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = for_student(notebook, path.name, outputs="folded")["cells"]
    first = "".join(cells[0]["source"])
    title = first.splitlines()[0].removeprefix("# ")
    return page(title, [opening(lesson, first), *(slide.html() for slide in fitted(_slides_of(lesson, cells[1:])))])


def opening(lesson: str, first: str) -> str:
    """The first slide: the idea, what one can do afterwards, and where in the course it stands."""
    blocks = blocks_of(first)
    goals = next((block for block in blocks if block.kind == "list"), Block("list", "", "", 0))
    idea = next((block.html for block in blocks[1:] if block.kind == "text"), "")
    title = to_html(blocks[0].source.removeprefix("# "), inline=True)
    return (
        f'<section class="opening"><h1>{title}</h1>{idea}<p>After it you can</p>{goals.html}'
        f'<div class="map">{course_map(lesson).svg}</div></section>'
    )


def _slides_of(lesson: str, cells: list[dict[str, Any]]) -> Iterator[Slide]:
    """Slides before they are made to fit."""
    title = section = ""
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            for heading, text in by_heading(source):
                title = heading or section  # without a heading, an exercise has ended
                section = section if heading.startswith("Exercise") else title
                blocks = essence(blocks_of(text), whole=title.startswith(("Exercise", "What to remember")))
                if blocks:
                    yield Slide(title, blocks, to_html(text))
            continue
        yield from _of_code(lesson, title, section, cell, source)


def _of_code(lesson: str, title: str, section: str, cell: dict[str, Any], source: str) -> Iterator[Slide]:
    if asked := re.search(rf'guess\("{lesson}\.(\w+)"\)', source):
        text = lesson_texts(lesson).guesses[asked[1]]
        choices = list(text.choices) or [f"a number from {text.low:g} to {text.high:g} {text.unit}".strip()]
        yield Slide("Your guess?", blocks_of("\n".join([text.question, "", *(f"- {choice}" for choice in choices)])))
    if re.search(rf'recall\("{lesson}", "end"\)', source):
        for question in lesson_texts(lesson).questions[:3]:
            choices = (f"- {choice.text}" for choice in question.shuffled())
            yield Slide(
                "Before you go", blocks_of("\n".join([str(question.ask), "", *choices])), questions_in(question)
            )
    stub = "raise NotImplementedError" in source or "# your code here" in source
    if stub or ("def " in source or "class " in source) and not KIT.search(source):
        yield Slide(title, [code(source)])
    for image in figures_in(cell):
        yield Slide(section, [Block("figure", "", image, HEIGHT)])


def by_heading(source: str) -> list[tuple[str, str]]:
    """[(heading or "", text below it)] of a markdown cell."""
    parts: list[tuple[str, list[str]]] = [("", [])]
    for line in source.splitlines():
        if match := HEADING.match(line):
            parts.append((match[2], []))
        else:
            parts[-1][1].append(line)
    return [(heading, "\n".join(lines).strip()) for heading, lines in parts if heading or "".join(lines).strip()]


def _joined(made: Iterator[Slide]) -> Iterator[Slide]:
    """Code goes below the text before it that has the same title, where there is room for both."""
    before: Slide | None = None
    for slide in made:
        both = sum(block.height for block in (*(before.blocks if before else ()), *slide.blocks))
        if before and slide.title == before.title and slide.blocks[0].kind == "code" and both <= HEIGHT:
            before.blocks += slide.blocks
            continue
        if before:
            yield before
        before = slide
    if before:
        yield before


def fitted(made: Iterator[Slide]) -> Iterator[Slide]:
    """The same slides, cut where one would be too full; the code that an exercise begins with joins its statement."""
    for slide in _joined(made):
        room, held = HEIGHT, Slide(slide.title, [], slide.notes)
        for block in (part for whole in slide.blocks for part in whole.cut()):
            if held.blocks and block.height > room:
                yield held
                room, held = HEIGHT, Slide(f"{slide.title} …", [], slide.notes)
            held.blocks.append(block)
            room -= block.height
        if held.blocks:
            yield held
