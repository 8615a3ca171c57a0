"""The table of lesson 16: whole, and what its columns say fits together."""

import csv
import importlib.util
from dataclasses import replace
from pathlib import Path

from dalle_lessons.classroom.steppers.training_cost import parameters
from dalle_lessons.model.dalle import DALLE
from dalle_lessons.model.files import data_dir
from dalle_lessons.training.presets import DALLE_PRESETS

ROOT = Path(__file__).resolve().parent.parent


def test_the_table_holds_each_run_with_its_command():
    spec = importlib.util.spec_from_file_location("scaling_runs", ROOT / "tools" / "scaling_runs.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    with open(data_dir() / "scaling" / "shapes.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["preset"], int(row["steps"])) for row in rows] == tool.WANTED
    shapes = DALLE.from_pretrained("shapes").config
    for row in rows:
        wanted = DALLE_PRESETS[row["preset"]].config
        assert (int(row["width"]), int(row["layers"])) == (wanted.width, wanted.layers)
        config = replace(shapes, width=wanted.width, layers=wanted.layers, heads=wanted.heads)
        assert int(row["parameters"]) == parameters(config)
        assert f"--preset {row['preset']} --steps {row['steps']} " in row["command"]
        assert int(row["tokens"]) == int(row["steps"]) * 64 * 80
    for before, after in zip(rows, rows[1:], strict=False):
        if before["preset"] == after["preset"]:
            assert float(after["image"]) < float(before["image"])
            assert int(after["flops"]) * int(before["steps"]) == int(before["flops"]) * int(after["steps"])


def test_the_drawings_of_lesson_16_are_those_of_the_table():
    from dalle_lessons.classroom.lesson_figures.half_precision_16 import with_no_scale
    from dalle_lessons.classroom.lesson_figures.lesson_16 import same_price
    from dalle_lessons.classroom.lesson_figures.runs_16 import (
        SAME_COST,
        SAME_PRICE,
        drawings,
        most_right,
        run_of,
        shipped_right,
    )
    from dalle_lessons.datasets.shapes_check import parse

    captions, judged, found = drawings()
    assert all(parse(caption) for caption in captions)
    for key, (tokens, right) in found.items():
        assert run_of(*key).key == key and tokens.shape == (len(captions), 4, 64) and 0 <= right <= judged
    assert all(0.8e12 < run_of(*key).flops < 1.3e12 for key in SAME_PRICE)
    assert same_price() == "66,560 parameters, 800 steps"
    for one, other in SAME_COST:
        assert one in found and other in found and run_of(*one).loss < run_of(*other).loss
        assert run_of(*one).flops < run_of(*other).flops < 1.2 * run_of(*one).flops
    assert most_right() < 10 and shipped_right() > 0.8 * judged
    assert with_no_scale() == "good at first, then behind"
