"""`dalle-lessons teach figures`: the figures of lessons as files, for a teacher's own slides and pages.

PNG as the lessons keep them; or, where the lesson is run anew, SVG: lines and letters that stay sharp at any size. A
page beside them, index.html, shows each figure with its alternative text, which belongs with it wherever it goes.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ...model.atomic import replace_file
from ..lessons import client_of
from .assignment import lesson_path

PNG, SVG = "image/png", "image/svg+xml"
NAMED = re.compile(r'\bshow\("(\d\d\.\w+)"')
# How many seconds a cell may take; the longest training of a lesson takes minutes.
PATIENCE = 1200


def figures(lessons: list[str], folder: Path, svg: bool, say: Callable[[str], object]) -> list[Path]:
    """Writes each figure of these lessons into `folder`, called "02.reconstructions.png" as in the lesson's code, and
    index.html; overwrites such files. svg: run the lessons, and write SVG wherever a figure is more than pixels.
    -> the files.

    Raises ValueError for a lesson that is not there, ImportError where svg is asked for and nbclient is missing, and
    RuntimeError for a lesson that fails, with one sentence each.
    """
    paths = [lesson_path(lesson) for lesson in lessons]  # what is not there is refused before work begins
    folder.mkdir(parents=True, exist_ok=True)
    written, entries = [], []
    for lesson, path in zip(lessons, paths, strict=True):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        if svg:
            say(f"Lesson {lesson} is run, which takes as long as it says there …")
            notebook = run_again(notebook, path)
        for name, data in figures_in(lesson, notebook):
            kind = SVG if SVG in data else PNG
            content = _text(data[SVG]).encode() if kind == SVG else base64.b64decode(_text(data[PNG]))
            file = folder / f"{name}.{'svg' if kind == SVG else 'png'}"
            replace_file(file, lambda part, content=content: part.write_bytes(content))
            written.append(file)
            entries.append((file.name, " ".join(_text(data.get("text/plain", "")).split())))
    page = folder / "index.html"
    replace_file(page, lambda part: part.write_text(_page(entries), encoding="utf-8"))
    say(f"{len(written)} figures, and {page}, which shows them with their alternative texts.")
    return [*written, page]


def figures_in(lesson: str, notebook: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, {media type: content}) of each figure that a notebook's outputs hold: "02.reconstructions" as its code
    calls it, else by the cell, "02-17"; where a cell has several, the later ones are numbered."""
    for cell in notebook["cells"]:
        named = NAMED.findall(_text(cell["source"]))
        found = [output["data"] for output in cell.get("outputs", ()) if PNG in output.get("data", {})]
        for number, data in enumerate(found, 1):
            name = named[-1] if named else f"{lesson}-{cell['id'].split('-')[-1]}"
            yield name if number == 1 else f"{name}.{number}", data


def run_again(notebook: dict[str, Any], path: Path) -> dict[str, Any]:
    """The notebook, run in a kernel of its own with figures as SVG too. Raises as `figures` does."""
    try:
        import nbformat
        from nbclient.exceptions import CellExecutionError
    except ImportError:
        raise ImportError("SVG needs the lessons to be run: install the package with its `lab` extra.") from None
    copy: Any = nbformat.reads(json.dumps(notebook), as_version=4)
    first = "from dalle_lessons.classroom import figures\n\nfigures.ALSO_SVG = True"
    copy.cells.insert(0, nbformat.v4.new_code_cell(first))
    try:
        client_of(copy, path.parent, PATIENCE).execute()
    except CellExecutionError as error:
        raise RuntimeError(f"{path.name} failed while its figures were drawn: {error.ename}: {error.evalue}") from None
    return json.loads(nbformat.writes(copy))


def _text(value: str | list[str]) -> str:
    return "".join(value)


def _page(entries: list[tuple[str, str]]) -> str:
    items = "".join(
        f'<figure><img src="{html.escape(name)}" alt="{html.escape(alt)}">'
        f"<figcaption><b>{html.escape(name)}</b><br>{html.escape(alt)}</figcaption></figure>\n"
        for name, alt in entries
    )
    style = "body { font: 12pt/1.4 sans-serif; max-width: 60rem; margin: 2rem auto; } img { max-width: 100%; }"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Figures: DALL·E in lessons</title>\n'
        f"<style>{style}</style></head><body>\n<h1>Figures</h1>\n"
        f"<p>From “DALL·E in lessons”. Where a figure goes, its alternative text goes with it.</p>\n"
        f"{items}</body></html>\n"
    )
