"""Readers run cells twice, and go back: what a cell shows must not depend on how often."""

import json
import re
from pathlib import Path

import pytest
import torch

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
    marks = ("from functools import partial", "def row_mask", 'joint_mask("row"', "def reach", "layers = 1\n")
    start, write, compare, follow, through = (next(code for code in codes if mark in code) for mark in marks)
    names: dict = {}
    for code in (start, write, compare, follow, through):
        exec(code, names)
    layers, seen = names["layers"], names["seen"]
    for code in (through, compare, through, write, compare, through):
        exec(code, names)
    assert names["layers"] == layers == 16 and names["seen"].keys() == seen.keys()
    assert all(torch.equal(names["seen"][name], mask) for name, mask in seen.items())
