"""A small world for lesson 14: shapes beside a dog, and shapes that walk one. "a big red square walking a dog"

Who walks a dog has an arm and holds a leash; beside a dog there is neither. No caption names an arm or a leash. Squares
never walk a dog in training, and no patch of such a picture is new (see `hats`): so each different patch is a code.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
import torch
from torch import Tensor

from ..datasets.scenes import SHAPES, SIDE, mask
from .hats import BODIES, PATCH, SIZES, decode, encode, on_white, patches

DOING = {"alone": "", "beside": " beside a dog", "walking": " walking a dog"}  # as a caption says it
PLACES = {"small": tuple(product((4, 8, 12), (8, 12, 16, 20))), "big": tuple(product((8,), (8, 12, 16, 20)))}  # x, y
DOG = ("##......", "###.....", "###....#", "#######.", ".######.", ".######.", ".#....#.", ".#....#.")
BECAME = ("a square with arm and leash", "a square without", "another shape, with arm and leash", "no whole picture")


@dataclass(frozen=True)
class Walker:
    """One shape, what it does, and where it stands (x, y in pixels)."""

    shape: str
    doing: str
    color: str
    size: str
    x: int
    y: int

    @property
    def caption(self) -> str:
        """It says all but the place, the arm and the leash."""
        return f"a {self.size} {self.color} {self.shape}{DOING[self.doing]}"


def draw(scene: Walker) -> np.ndarray:
    """The picture of a scene on white, (3, 32, 32) uint8."""
    side, x, y = SIZES[scene.size], scene.x, scene.y
    half = side // 2
    right, top = x + half, y + half - 2 * PATCH  # where the shape ends, and where the dog begins
    covered, black = np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE), bool)
    if scene.doing == "walking":
        covered[top + 1 : top + 3, x : right + PATCH] = 1  # the arm, in the shape's color
    part = covered[y - half : y + half, x - half : right]
    part[:] = np.maximum(part, mask(scene.shape, side))
    if scene.doing == "walking":
        black[top + 2, right + PATCH : right + 2 * PATCH] = True  # the leash
    if scene.doing != "alone":
        left = right + 2 * PATCH
        black[top : top + 8, left : left + 8] |= np.array([[spot == "#" for spot in line] for line in DOG])
    return on_white(covered, scene.color, black)


@cache
def world() -> tuple[tuple[Walker, ...], Tensor]:
    """All scenes, and their pictures (M, 3, 32, 32) uint8."""
    scenes = tuple(
        Walker(shape, doing, color, size, *place)
        for shape, doing, color, size in product(SHAPES, DOING, BODIES, SIZES)
        for place in PLACES[size]
    )
    return scenes, torch.from_numpy(np.stack([draw(scene) for scene in scenes]))


def never(scene: Walker) -> bool:
    """Is this a picture that training never shows: a square that walks a dog?"""
    return scene.shape == "square" and scene.doing == "walking"


@cache
def codebook() -> Tensor:
    """(K, 48) uint8: every different patch of the world once."""
    return patches(world()[1]).flatten(0, 1).unique(dim=0)


@cache
def _known() -> dict[tuple[int, ...], Walker]:
    scenes, pictures = world()
    tokens = encode(pictures, codebook())
    return {tuple(row): scene for row, scene in zip(tokens.tolist(), scenes, strict=True)}


def told(tokens: Tensor) -> list[str]:
    """What drawings (N, 64) int64 of a square became, each one of BECAME. A whole picture equals a true one, token for
    token."""
    return [_told(_known().get(tuple(row))) for row in tokens.tolist()]


def _told(scene: Walker | None) -> str:
    if scene is None:
        return BECAME[3]
    if scene.shape == "square":
        return BECAME[0] if scene.doing == "walking" else BECAME[1]
    return BECAME[2] if scene.doing == "walking" else BECAME[3]


def holds(tokens: Tensor, color: str) -> list[bool]:
    """(N, 64) int64 -> for each drawing: is there a leash, and to the left of it an arm of this color?"""
    scene = Walker("square", "walking", color, "small", 8, 12)
    arm, leash = encode(torch.from_numpy(draw(scene))[None], codebook()).view(8, 8)[2, 3:5].tolist()
    grids = tokens.view(-1, 8, 8)
    both = (grids[:, :, 1:] == leash) & (grids[:, :, :-1] == arm)
    return both.flatten(1).any(dim=1).tolist()


def pictures_of(tokens: Tensor) -> Tensor:
    """(N, 64) int64 -> (N, 3, 32, 32) uint8."""
    return decode(tokens, codebook())
