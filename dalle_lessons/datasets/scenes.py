"""One scene of the shapes world: one or two objects on white, its picture (`draw`) and its caption (`caption`).

    A scene of one object has a position:   "a big green cross at the top left"
    A scene of two objects has a relation:  "a small red circle above a big blue square"

A caption may leave things out ("a circle", "a cross and a red square"), and then any value is right. Which scenes there
are is in `shapes.py`; the way back, from a picture or a caption to its scene, in `shapes_check.py`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

SIDE = 32  # pixels, of a picture
SHAPES = ("circle", "square", "triangle", "cross")
SIZES = {"small": 8, "big": 12}  # pixels, of the square that an object fills
# Far apart for all readers (searched: simulated red-, green- and blue-blindness included), far from white, and none
# near the line from another color to white, where the soft edges of that other color lie.
COLORS = {
    "red": (200, 30, 45),
    "orange": (240, 120, 0),
    "yellow": (255, 224, 56),
    "green": (36, 190, 107),
    "blue": (52, 107, 227),
    "purple": (103, 0, 130),
    "pink": (255, 117, 210),
    "black": (20, 5, 20),
}
_NAMES = ("top left", "top", "top right", "left", "middle", "right", "bottom left", "bottom", "bottom right")
POSITIONS = {name: (7 + 9 * (i % 3), 7 + 9 * (i // 3)) for i, name in enumerate(_NAMES)}  # name: center (x, y)
PLACES = {name: f"at the {name}" for name in POSITIONS}  # name: how a caption says it
PLACES |= {"left": "on the left", "right": "on the right", "middle": "in the middle"}
RELATIONS = {  # name: where the first object stands, where the second
    "above": ("top", "bottom"),
    "below": ("bottom", "top"),
    "left of": ("left", "right"),
    "right of": ("right", "left"),
}
VALUES = {"shape": SHAPES, "color": COLORS, "size": SIZES}


@dataclass(frozen=True)
class SceneObject:
    """One object; None means: not said. A bat has `senses`: the one drawn, or all that a caption allows."""

    shape: str | None = None
    color: str | None = None
    size: str | None = None
    position: str | None = None  # None in scenes of two objects: there the relation says it
    senses: tuple[str, ...] = ()
    x: int | None = None  # center, in pixels from the left; None in what a caption asks for
    y: int | None = None  # center, in pixels from the top


@dataclass(frozen=True)
class Scene:
    """One or two objects. `relation` says where the first stands, seen from the second: objects[0] above objects[1]."""

    objects: tuple[SceneObject, ...]
    relation: str | None = None


CaptionConstraints = Scene  # what a caption asks for: a scene with None for all that it does not say


@cache
def mask(shape: str, side: int) -> np.ndarray:
    """The share of each pixel that the shape covers, (side, side) float in [0, 1], counted on 8x8 points a pixel."""
    points = (np.arange(side * 8) + 0.5) / (side * 4) - 1  # from -1 to 1
    x, y = points[None, :], points[:, None]
    inside = {
        "circle": x**2 + y**2 <= 1,
        "square": np.maximum(abs(x), abs(y)) <= 1,
        "triangle": abs(x) <= (1 + y) / 2,
        "cross": np.minimum(abs(x), abs(y)) <= 1 / 3,
    }[shape]
    return np.broadcast_to(inside, (side * 8, side * 8)).reshape(side, 8, side, 8).mean((1, 3))


@cache
def stamp(shape: str, color: str, size: str) -> np.ndarray:
    """One object on white, (3, side, side) uint8."""
    covered = mask(shape, SIZES[size])
    ink = np.array(COLORS[color])[:, None, None]
    return np.round(covered * ink + (1 - covered) * 255).astype(np.uint8)


def draw(scene: Scene) -> np.ndarray:
    """The picture of a scene on white, (3, 32, 32) uint8. Raises ValueError if the scene leaves something open."""
    picture = np.full((3, SIDE, SIDE), 255, np.uint8)
    for item in scene.objects:
        if not (item.shape and item.color and item.size) or item.x is None or item.y is None:
            raise ValueError(f"{item} is not settled: draw takes scenes from random_scene, not what parse reads.")
        side = SIZES[item.size]
        top, left = item.y - side // 2, item.x - side // 2
        picture[:, top : top + side, left : left + side] = stamp(item.shape, item.color, item.size)
    return picture


def _noun_phrase(item: SceneObject, said: Callable[[], bool]) -> str:
    words = [item.size if said() else None]
    if item.senses:
        words += [item.senses[0] if len(item.senses) == 1 and said() else None, "bat"]
    else:
        words += [item.color if said() else None, item.shape]
    text = " ".join(word for word in words if word)
    return f"{'an' if text[0] in 'aeiou' else 'a'} {text}"


def caption(scene: Scene, rng: random.Random | None = None, keep: float = 0.85) -> str:
    """The caption of a scene (or of what a caption asks for), in lower case. With `rng` None it says everything.

    With a `random.Random` each attribute but the shape is said with probability `keep`, as in training; two objects
    whose relation is not said are joined by "and".
    """

    def said() -> bool:
        return rng is None or rng.random() < keep

    phrases = [_noun_phrase(item, said) for item in scene.objects]
    if len(phrases) == 2:
        return f" {scene.relation if scene.relation and said() else 'and'} ".join(phrases)
    place = scene.objects[0].position
    return f"{phrases[0]} {PLACES[place]}" if place and said() else phrases[0]
