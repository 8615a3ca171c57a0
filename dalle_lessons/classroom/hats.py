"""A small world for lesson 14: shapes that wear a hat or shoes, or have a ball. "a big red circle with a hat"

Everything lies on a grid of 4x4 patches, and no patch shows a shape together with what it wears. So each different
patch can be a code of its own, without any loss: `encode` and `decode`. `find` reads a picture back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..datasets.scenes import COLORS, SHAPES, SIDE, mask

PATCH = 4
SIZES = {"small": 8, "big": 16}  # pixels
BODIES = {name: COLORS[name] for name in ("red", "yellow", "green", "blue")}
WITH = {"nothing": "", "hat": " with a hat", "shoes": " with shoes", "ball": " with a ball"}  # as a caption says it
CENTERS = tuple(product((8, 12, 16, 20), (12, 16, 20)))  # x, y
SPECK = 4  # black pixels; fewer are nothing worn
UNLIKE = 0.25  # what differs from everything known by more of its ink than this is none of it
BECAME = ("as asked", "in another place", "nothing worn", "another shape", "worn: unclear", "shape: unclear")


@dataclass(frozen=True)
class Wearer:
    """One shape, what it has, and where it stands (x, y in pixels)."""

    shape: str
    worn: str
    color: str
    size: str
    x: int
    y: int

    @property
    def caption(self) -> str:
        """It says all but the place."""
        return f"a {self.size} {self.color} {self.shape}{WITH[self.worn]}"


def on_white(covered: np.ndarray, color: str, black: np.ndarray) -> np.ndarray:
    """Shares (32, 32) of pixels covered in a color, and (32, 32) bool, what is black on top -> (3, 32, 32) uint8."""
    picture = covered * np.array(BODIES[color])[:, None, None] + (1 - covered) * 255
    picture[:, black] = np.array(COLORS["black"])[:, None]
    return np.round(picture).astype(np.uint8)


def draw(scene: Wearer) -> np.ndarray:
    """The picture of a scene on white, (3, 32, 32) uint8."""
    side, x, y = SIZES[scene.size], scene.x, scene.y
    half = side // 2
    covered, black = np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE), bool)
    covered[y - half : y + half, x - half : x + half] = mask(scene.shape, side)
    if scene.worn == "hat":  # a brim as wide as the shape, and a crown half as wide
        black[y - half - 2 : y - half, x - half : x + half] = True
        black[y - half - 4 : y - half, x - half // 2 : x + half // 2] = True
    elif scene.worn == "shoes":
        for left in (x - half, x + half - 4):
            black[y + half + 1 : y + half + 4, left : left + 3] = True
    elif scene.worn == "ball":
        black[y : y + 4, x + half : x + half + 4] = mask("circle", 4) > 0.5
    return on_white(covered, scene.color, black)


@cache
def world() -> tuple[tuple[Wearer, ...], Tensor]:
    """All scenes, and their pictures (M, 3, 32, 32) uint8."""
    kinds = product(SHAPES, WITH, BODIES, SIZES, CENTERS)
    scenes = tuple(Wearer(shape, worn, color, size, *center) for shape, worn, color, size, center in kinds)
    return scenes, torch.from_numpy(np.stack([draw(scene) for scene in scenes]))


def patches(pictures: Tensor) -> Tensor:
    """(N, 3, 32, 32) -> (N, 64, 48): the patches in raster order."""
    cut = pictures.unfold(2, PATCH, PATCH).unfold(3, PATCH, PATCH)  # (N, 3, 8, 8, 4, 4)
    return cut.permute(0, 2, 3, 1, 4, 5).flatten(1, 2).flatten(2)


@cache
def codebook() -> Tensor:
    """(K, 48) uint8: every different patch of the world once."""
    return patches(world()[1]).flatten(0, 1).unique(dim=0)


def encode(pictures: Tensor, book: Tensor | None = None) -> Tensor:
    """(N, 3, 32, 32) uint8, pictures of this world -> (N, 64) int64: the code that each patch equals. book: another
    world's."""
    known, parts = (codebook() if book is None else book).float(), patches(pictures).float()
    return torch.cdist(parts, known.expand(len(parts), -1, -1)).argmin(dim=2)


def decode(tokens: Tensor, book: Tensor | None = None) -> Tensor:
    """(N, 64) int64 -> (N, 3, 32, 32) uint8, and back without any loss. book: another world's."""
    cut = (codebook() if book is None else book)[tokens].view(-1, SIDE // PATCH, SIDE // PATCH, 3, PATCH, PATCH)
    return cut.permute(0, 3, 1, 4, 2, 5).reshape(-1, 3, SIDE, SIDE)


class Seen(NamedTuple):
    """What a picture shows: a shape of a size and its center; what is worn, and is it in its place? None: unclear."""

    shape: str | None
    size: str | None
    center: tuple[int, int] | None
    worn: str | None
    in_place: bool


@cache
def _bodies() -> tuple[list[Wearer], Tensor]:
    """All scenes with nothing worn, of one color, and how much of each pixel the shape covers (M, 1024)."""
    scenes, pictures = world()
    kept = [i for i, scene in enumerate(scenes) if scene.worn == "nothing" and scene.color == "red"]
    return [scenes[i] for i in kept], _colored(pictures[kept])


@cache
def _worn() -> tuple[list[str], Tensor]:
    """The names of all that can be worn, wherever it fits on the grid, and its pixels (M, 1024)."""
    names, pixels = [], []
    for worn, size in product(list(WITH)[1:], SIZES):
        alone = _black(torch.from_numpy(draw(Wearer("circle", worn, "red", size, 16, 16)))[None]).view(SIDE, SIDE)
        ys, xs = alone.nonzero().unbind(1)
        for dx, dy in product(range(-16, 17, PATCH), repeat=2):
            if 0 <= xs.min() + dx and xs.max() + dx < SIDE and 0 <= ys.min() + dy and ys.max() + dy < SIDE:
                names.append(worn)
                pixels.append(alone.roll((dy, dx), (0, 1)).flatten())
    return names, torch.stack(pixels)


def _colored(pictures: Tensor) -> Tensor:
    """(N, 3, 32, 32) uint8 -> (N, 1024): how colored each pixel is, relative to the most colored one."""
    pixels = pictures.float() / 255
    colored = (pixels.amax(dim=1) - pixels.amin(dim=1)).flatten(1)  # white and black: nearly 0
    return colored / colored.amax(dim=1, keepdim=True).clamp_min(0.3)


def _black(pictures: Tensor) -> Tensor:
    """(N, 3, 32, 32) uint8 -> (N, 1024), 0 or 1."""
    return (pictures.amax(dim=1) < 100).float().flatten(1)


def find(pictures: Tensor) -> list[Seen]:
    """What each picture (N, 3, 32, 32) uint8 shows. Shape and what is worn are looked for apart from each other."""
    return [_find(*layers) for layers in zip(_colored(pictures), _black(pictures), strict=True)]


def _find(colored: Tensor, black: Tensor) -> Seen:
    scenes, covered = _bodies()
    body = _nearest(colored, covered)
    if body is None:
        return Seen(None, None, None, None, False)
    scene = scenes[body]
    shown = scene.shape, scene.size, (scene.x, scene.y)
    if black.sum() < SPECK:
        return Seen(*shown, "nothing", True)
    dressed = [replace(scene, worn=worn) for worn in list(WITH)[1:]]
    here = _nearest(black, torch.cat([_black(torch.from_numpy(draw(one))[None]) for one in dressed]))
    if here is not None:
        return Seen(*shown, dressed[here].worn, True)
    names, pixels = _worn()
    elsewhere = _nearest(black, pixels)
    return Seen(*shown, None if elsewhere is None else names[elsewhere], False)


def _nearest(seen: Tensor, known: Tensor) -> int | None:
    """Which of `known` (M, D) differs least from `seen` (D,), None if by more than UNLIKE of its ink."""
    unlike = (known - seen).square().sum(dim=1) / known.square().sum(dim=1)
    return int(unlike.argmin()) if float(unlike.min()) < UNLIKE else None


def told(seen: Seen, shape: str, worn: str) -> str:
    """What became of "a {shape} with {worn}" in a drawing, in a few words, one of BECAME."""
    if seen.shape is None:
        return BECAME[5]
    if seen.shape != shape:
        return BECAME[3]
    if seen.worn == "nothing":
        return BECAME[2]
    if seen.worn != worn:
        return BECAME[4]
    return BECAME[0] if seen.in_place else BECAME[1]


def has_black(pictures: Tensor) -> Tensor:
    """(N, 3, 32, 32) uint8 -> (N,) bool: is anything worn to be seen, whatever it is?"""
    return _black(pictures).sum(dim=1) >= SPECK


def on_top(pictures: Tensor) -> Tensor:
    """(N, 3, 32, 32) uint8 -> (N,) bool: does something black lie on the top of what is colored, whatever that is?"""
    colored = (_colored(pictures).view(-1, SIDE, SIDE) > 0.5).any(dim=2)  # (N, 32): in which rows
    black = _black(pictures).view(-1, SIDE, SIDE).bool().any(dim=2)
    first = colored.float().argmax(dim=1)
    last = SIDE - 1 - black.flip(1).float().argmax(dim=1)
    return colored.any(dim=1) & black.any(dim=1) & (last < first) & (first - last <= PATCH)
