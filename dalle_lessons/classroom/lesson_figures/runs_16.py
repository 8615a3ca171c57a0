"""What lesson 16 shows without running it: trainings of four sizes, what they draw, and trainings in 16 bits."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from functools import cache

from safetensors.torch import load_file
from torch import Tensor

from ...model.files import data_dir

HELD_OUT = ("shapes_64", 800)  # the run whose loss is guessed
SAME_PRICE = (("shapes_16", 3200), ("shapes_32", 800), ("shapes_64", 200))  # all near 1e12 FLOPs
SAME_COST = (  # of those that draw, two by two
    (("shapes_16", 400), ("shapes_32", 100)),
    (("shapes_32", 400), ("shapes_64", 100)),
)
MOST_RIGHT = ("shapes_32", 400)  # of those that draw
LENGTHS = "{:,} parameters, {:,} steps"


@dataclass(frozen=True)
class Run:
    """One training of the shapes model. loss: nats an image token, on pictures that no run has trained on."""

    preset: str
    parameters: int
    steps: int
    flops: float
    loss: float

    @property
    def key(self) -> tuple[str, int]:
        return self.preset, self.steps

    @property
    def name(self) -> str:
        return LENGTHS.format(self.parameters, self.steps)


@cache
def scaling_runs() -> tuple[Run, ...]:
    """The table data/scaling/shapes.csv, made by tools/scaling_runs.py."""
    with open(data_dir() / "scaling" / "shapes.csv", encoding="utf-8") as file:
        return tuple(
            Run(row["preset"], int(row["parameters"]), int(row["steps"]), float(row["flops"]), float(row["image"]))
            for row in csv.DictReader(file)
        )


# The bundled shapes model: 800 steps, then 3,000 more from those weights (data/weights/shapes/dalle/README.md).
STEP = 27_740_602_368  # FLOPs, of its size: the table's flops over its steps
SHIPPED = Run("shapes_long", 955_872, 3800, 3800 * STEP, 0.06251)  # the loss as in data/lessons/16/runs.json


def run_of(preset: str, steps: int) -> Run:
    return next(run for run in scaling_runs() if run.key == (preset, steps))


@cache
def drawings() -> tuple[list[str], int, dict[tuple[str, int], tuple[Tensor, int]]]:
    """-> the captions, how many drawings were judged, and for each run: its drawings (captions, 4, 64) int64 and how
    many of those judged were right. Made by tools/lesson_runs/lesson_16.py."""
    folder = data_dir() / "lessons" / "16"
    table = json.loads((folder / "runs.json").read_text(encoding="utf-8"))
    tokens = load_file(folder / "drawings.safetensors")["tokens"].long()
    found = {
        (row["preset"], row["steps"]): (grids, row["right"]) for row, grids in zip(table["runs"], tokens, strict=True)
    }
    return table["captions"], table["judged"], found


@cache
def shipped_right() -> int:
    """How many of the judged drawings of the shipped model were right."""
    return json.loads((data_dir() / "lessons" / "16" / "runs.json").read_text(encoding="utf-8"))["shipped"]["right"]


def most_right() -> int:
    """The share, in percent, that the best of those that draw gets right: the answer to "16.drawn_right"."""
    _, judged, found = drawings()
    if found[MOST_RIGHT][1] < max(right for _, right in found.values()):
        raise ValueError("Another run of the table draws more captions right.")
    return round(100 * found[MOST_RIGHT][1] / judged)


@cache
def sixteen_bits() -> dict:
    """Losses of trainings whose gradients are carried in 16 bits: see tools/lesson_runs/lesson_16.py."""
    return json.loads((data_dir() / "lessons" / "16" / "sixteen_bits.json").read_text(encoding="utf-8"))
