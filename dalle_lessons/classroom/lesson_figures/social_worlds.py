"""The shapes worlds of lesson 15, with a planted bias: what lies in data/social, counted, and the perfect model.

A picture shows one small thing in the middle, so its tokens are the 2x2 in the middle, (4,); all others are white.
"""

from __future__ import annotations

import csv
from collections import Counter
from functools import cache

import numpy as np
import torch
from torch import Tensor

from ...datasets.scenes import POSITIONS, Scene, SceneObject, draw
from ...datasets.shapes_check import detect
from ...model.clip import CLIP
from ...model.dvae import DVAE
from ...model.files import data_dir

SEEDS = range(3)
Grid = tuple[int, ...]
Kind = tuple[str, str]  # shape and color


@cache
def _dvae() -> DVAE:
    return DVAE.from_pretrained("shapes")


@cache
def _drawn() -> dict[str, np.ndarray]:
    with np.load(data_dir() / "social" / "drawings.npz") as file:
        return {name: file[name] for name in file.files}


def drawn(world: str, asked: str) -> list[Tensor]:
    """What the models of a world drew for "a square", … -> tokens (512, 4) int64, one tensor for each training."""
    return [torch.from_numpy(_drawn()[f"{world}/{seed}/{asked}"]).long() for seed in SEEDS]


def own_scores(world: str) -> list[Tensor]:
    """What the CLIP of each training says of its 512 drawings of "a square", (512,)."""
    return [torch.from_numpy(_drawn()[f"{world}/{seed}/square, scores"]).float() for seed in SEEDS]


@cache
def _rows() -> tuple[dict[str, str], ...]:
    with open(data_dir() / "social" / "counts.csv", encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


def pairs(world: str, seed: int) -> Counter[Kind]:
    """How many training pairs of a world show each (shape, color)."""
    here = [row for row in _rows() if (row["condition"], row["seed"]) == (world, str(seed))]
    return Counter({(row["shape"], row["color"]): int(row["pairs"]) for row in here})


def squares_in_data(world: str) -> list[Counter[str]]:
    """Of each training: how many of its pairs show a square in each color."""
    every = [pairs(world, seed) for seed in SEEDS]
    return [Counter({color: n for (shape, color), n in one.items() if shape == "square"}) for one in every]


def share_in_training(world: str, shape: str) -> float:
    """The share of a shape in what is shown in training, the mean of the three."""
    rows = [row for row in _rows() if (row["condition"], row["shape"]) == (world, shape)]
    return sum(float(row["share"]) for row in rows) / len(SEEDS)


@cache
def _white() -> Tensor:
    return _dvae().encode(torch.ones(1, 3, 32, 32))[0, 0, 0]


def pictures(tokens: Tensor) -> Tensor:
    """(N, 4) -> (N, 3, 32, 32)"""
    grid = _white().repeat(len(tokens), 8, 8)
    grid[:, 3:5, 3:5] = tokens.reshape(-1, 2, 2)
    with torch.no_grad():
        return _dvae().decode(grid)


@cache
def _seen(grid: Grid) -> tuple[str | None, str | None]:
    found = detect(pictures(torch.tensor([grid]))[0])
    return (found[0].shape, found[0].color) if len(found) == 1 else (None, None)


def what_is_seen(tokens: Tensor) -> list[tuple[str | None, str | None]]:
    """(N, 4) -> the (shape, color) that the exact checker sees; (None, None) where it sees not just one thing."""
    return [_seen(tuple(grid)) for grid in tokens.tolist()]


def colors_of_squares(tokens: Tensor) -> Counter[str | None]:
    """(N, 4) -> how many squares the checker sees in each color."""
    return Counter(color for shape, color in what_is_seen(tokens) if shape == "square")


@cache
def true_grid(shape: str, color: str) -> Grid:
    """The tokens of the true picture of a small thing in the middle."""
    x, y = POSITIONS["middle"]
    picture = draw(Scene((SceneObject(shape, color, "small", x=x, y=y),)))
    tokens = _dvae().encode(torch.from_numpy(picture)[None].float() / 255)
    return tuple(tokens[0, 3:5, 3:5].flatten().tolist())


def perfect_model(world: str, seed: int, shape: str) -> tuple[dict[Grid, float], dict[Grid, float]]:
    """Two tables, grid -> probability: what a model draws that has learned the training pairs exactly, when asked for
    "a square" (the colors as often as there), and when asked for nothing (everything as often as there)."""
    every = pairs(world, seed)
    tables: list[dict[Grid, float]] = []
    for chosen in ({kind: n for kind, n in every.items() if kind[0] == shape}, every):
        table: dict[Grid, float] = {}
        for kind, n in chosen.items():
            grid = true_grid(*kind)
            table[grid] = table.get(grid, 0.0) + n / sum(chosen.values())
        tables.append(table)
    return tables[0], tables[1]


def next_token(table: dict[Grid, float], begun: Grid) -> dict[int, float]:
    """Of a table grid -> probability: what comes after the tokens `begun`, token -> probability."""
    mass: dict[int, float] = {}
    for grid, p in table.items():
        if grid[: len(begun)] == begun:
            mass[grid[len(begun)]] = mass.get(grid[len(begun)], 0.0) + p
    return {token: p / sum(mass.values()) for token, p in mass.items()}


def perfectly(world: str, seed: int, guidance: float = 0.0, temperature: float = 1.0) -> float:
    """The share of red when the perfect model draws "a square", token by token."""
    asked, nothing = perfect_model(world, seed, "square")
    red, total = true_grid("square", "red"), 0.0
    for grid in asked:
        p = 1.0
        for i, token in enumerate(grid):
            here, there = next_token(asked, grid[:i]), next_token(nothing, grid[:i])
            weights = {t: (a * (a / there[t]) ** guidance) ** (1 / temperature) for t, a in here.items()}
            p *= weights[token] / sum(weights.values())
        total += p if grid == red else 0.0
    return total


def scores_of(clip: CLIP, tokens: Tensor, caption: str) -> Tensor:
    """(N, 4) -> the score of each with the caption, (N,); equal drawings are scored once."""
    different, which = tokens.unique(dim=0, return_inverse=True)
    return clip.score(pictures(different), [caption] * len(different))[which]
