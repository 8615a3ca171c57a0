"""Drawings that lesson 11 shows and counts, made before by tools/lesson_runs/lesson_11.py."""

from __future__ import annotations

import json
from functools import cache

from safetensors.torch import load_file
from torch import Tensor

from ...datasets.scenes import PLACES, POSITIONS
from ...model.files import data_dir


@cache
def settings() -> dict[str, list[dict]]:
    """What was counted before, 256 drawings at each setting: see tools/lesson_runs/lesson_11.py."""
    return json.loads((data_dir() / "lessons" / "11" / "settings.json").read_text(encoding="utf-8"))


def drawn_before() -> Tensor:
    """(256, 64) int64: 256 pictures of "a circle", drawn before (seed 0, temperature 1)."""
    return load_file(data_dir() / "lessons" / "11" / "drawn.safetensors")["tokens"].long()


def row_at(temperature: float) -> dict:
    """What was counted with nothing cut at this temperature."""
    return next(row for row in settings()["plain"] if row["options"]["temperature"] == temperature)


def where_most(temperature: float) -> str:
    """Where most circles of "a circle" stand at this temperature: "at the top"."""
    where = row_at(temperature)["where"]
    return PLACES[list(POSITIONS)[where.index(max(where))]]
