"""Readers run cells twice, and go back: what a cell shows must not depend on how often."""

import json
import re
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def code_cells(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def trained_elsewhere(code):
    """Models that a cell trains, but does not make: run again, it goes on with a trained one."""
    if not (re.search(r"optim\.", code) and re.search(r"^for ", code, re.MULTILINE)):
        return []
    names = dict.fromkeys(re.findall(r"(\w+)\.parameters\(\)", code))
    return [name for name in names if not re.search(rf"^[\w, ]*\b{name}\b[\w, ]*=", code, re.MULTILINE)]


def test_a_model_from_another_cell_is_found():
    code = "optimizer = torch.optim.AdamW([*look.parameters(), *read.parameters()])\nfor _ in range(9):\n    pass"
    assert trained_elsewhere(code) == ["look", "read"]
    assert trained_elsewhere(f"look, read = Look(), Read()\n{code}") == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_cell_that_trains_makes_what_it_trains(path):
    assert [found for code in code_cells(path) if (found := trained_elsewhere(code))] == []


def test_the_masks_of_lesson_09_can_be_shown_again_and_in_another_order():
    codes = code_cells(next(path for path in NOTEBOOKS if path.stem.startswith("09")))
    marks = ("def row_mask", "row_mask(height, width)", "rows = cols = 16", "reach = torch.eye")
    write, compare, see, through = (next(code for code in codes if mark in code) for mark in marks)
    names = {}
    for code in ("import torch", write, compare, see, through, compare, through, through, see):
        exec(code, names)
    assert len(names["reached"]) == 4 and names["reached"][0].shape == (3, 16, 16)
