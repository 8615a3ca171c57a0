"""Modules, files and names that lessons, cards and docstrings mention are there."""

import importlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOTTED = re.compile(r"\bdalle_lessons(?:\.[A-Za-z_]\w*)+")
SLASHED = re.compile(r"\bdalle_lessons(?:/\w+)+(?:\.\w+)?")


def texts() -> dict[str, str]:
    """What people read: markdown and code of the lessons, all .md files, and the library's own sources."""
    found = {}
    for path in sorted(ROOT.glob("notebooks/*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        found[path.name] = "\n".join("".join(cell["source"]) for cell in cells)
    folders = ("*.md", "teach/**/*.md", "data/**/*.md", "dalle_lessons/**/*.py")
    files = [*(path for folder in folders for path in ROOT.glob(folder)), ROOT / "Makefile"]
    return found | {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in sorted(files)}


def missing(text: str) -> list[str]:
    """The names in a text that lead nowhere."""
    strange = [name for name in SLASHED.findall(text) if not (ROOT / name).exists()]
    for name in DOTTED.findall(text):
        value, parts = None, name.split(".")
        for end in range(len(parts), 0, -1):  # the longest part that is a module, then attributes of it
            try:
                value = importlib.import_module(".".join(parts[:end]))
            except ModuleNotFoundError:
                continue
            for attribute in parts[end:]:
                value = getattr(value, attribute, None)
            break
        if value is None:
            strange.append(name)
    return strange


@pytest.mark.parametrize("where", texts())
def test_what_is_named_is_there(where):
    assert missing(texts()[where]) == []


def test_a_name_that_leads_nowhere_is_found():
    text = "`dalle_lessons.codebook.VectorCodebook`, `dalle_lessons.model.dvae.DVAE.encode`, dalle_lessons/muon.py"
    assert missing(text) == ["dalle_lessons/muon.py", "dalle_lessons.codebook.VectorCodebook"]
