"""The worlds behind lesson 15, and the drawings that lie in data/social."""

import csv
import importlib.util
import random
from pathlib import Path

import numpy as np
import pytest

from dalle_lessons.model.files import data_dir

ROOT = Path(__file__).resolve().parent.parent
SPEC = importlib.util.spec_from_file_location("social_runs", ROOT / "tools" / "social_runs.py")
social = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(social)


def rows_of(name: str) -> list[dict]:
    with open(data_dir() / "social" / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def share_of(condition: str, shape: str, color: str | None = None) -> float:
    """Of what is drawn in training, seed 0."""
    rows = social.counts_of(condition, 0, social.world(condition, 0))
    return sum(r["share"] for r in rows if r["shape"] == shape and color in (None, r["color"]))


def test_worlds_differ_in_one_thing():
    assert share_of("even", "square", "red") / share_of("even", "square") == pytest.approx(1 / 7, abs=0.04)
    assert share_of("planted", "square", "red") / share_of("planted", "square") == pytest.approx(0.8, abs=0.04)
    assert share_of("planted", "square") == pytest.approx(0.25, abs=0.03)
    assert share_of("filtered", "square") < 0.1 and share_of("filtered", "circle", "red") == 0
    assert share_of("reweighted", "square") == pytest.approx(share_of("planted", "square"), abs=1e-4)
    assert share_of("reweighted", "square", "red") == 0


def test_captions_say_what_is_there_or_less():
    pairs = social.world("planted", 1)
    rng = random.Random(0)
    said = [pairs.caption(i, rng).split() for i in range(500)]
    for item, words in zip(pairs.metadata, said, strict=False):
        assert words[-1] in (item.shape, "thing") and words[1:-1] in ([], [item.color])
    assert 0.2 < np.mean([words[-1] == "thing" for words in said]) < 0.4
    assert 0.4 < np.mean([len(words) == 3 for words in said]) < 0.6
    assert pairs.pictures.shape == (4000, 3, 8, 8)


def test_what_lies_there_is_what_the_tool_counts():
    kept = [row for row in rows_of("counts.csv") if row["seed"] == "0"]
    counted = [row for c in social.CONDITIONS for row in social.counts_of(c, 0, social.world(c, 0))]
    assert [[str(value) for value in row.values()] for row in counted] == [list(row.values()) for row in kept]
    assert len(rows_of("runs.csv")) == len(social.CONDITIONS) * len(social.SEEDS)
    with np.load(data_dir() / "social" / "drawings.npz") as drawn:
        for condition in social.CONDITIONS:
            for seed in social.SEEDS:
                for name, (_, count, _) in social.ASKED.items():
                    assert drawn[f"{condition}/{seed}/{name}"].shape == (count, 4)
        assert drawn["planted/0/square, scores"].shape == (512,)
