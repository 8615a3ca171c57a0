"""The shapes world: scenes that a program draws, so that the truth about a caption can be checked.

Here: which scenes there are, in which split, and with which biases planted. What a scene is, its picture and its
caption, is in `scenes.py`; whether a picture shows what a caption asks for, in `shapes_check.py`.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import product
from typing import NamedTuple

import numpy as np
import torch

from .pairs import Pairs
from .scenes import POSITIONS, RELATIONS, SHAPES, VALUES, Scene, SceneObject, caption, draw

JITTER = 1  # pixels; objects stay inside the picture and at least 4 pixels apart
HELD_OUT = (("circle", "green"), ("square", "purple"), ("triangle", "red"), ("cross", "blue"))  # in no train scene
SPLITS = ("train", "test", "unseen_pair")


class Sense(NamedTuple):
    """One sense of the word "bat": how it is drawn, and the neighbor that gives it away."""

    shape: str
    color: str
    beside: str


# A flying bat (the animal) is a black triangle, and a square (a house) stands beside it;
# a wooden bat is an orange cross, and a circle (a ball) is beside it. Beside triangles and crosses the word stays open.
BAT = {"flying": Sense("triangle", "black", beside="square"), "wooden": Sense("cross", "orange", beside="circle")}


@dataclass(frozen=True)
class Correlation:
    """A planted bias: of the objects that are `given`, `share` are `then`. Correlation("square", "red", 0.8).

    Both are a shape, a color or a size, of two different kinds. Objects that are not `given` are drawn as ever, and
    bats are left as they are.
    """

    given: str
    then: str
    share: float = 0.8

    def __post_init__(self):
        kinds = [next((k for k, values in VALUES.items() if v in values), None) for v in (self.given, self.then)]
        if None in kinds or kinds[0] == kinds[1] or not 0 <= self.share <= 1:
            raise ValueError(
                f"{self} cannot be planted: `given` and `then` are a shape, a color or a size, of two different "
                "kinds, and `share` lies between 0 and 1."
            )
        if (self.given, self.then) in HELD_OUT or (self.then, self.given) in HELD_OUT:
            raise ValueError(f"{self} cannot be planted: this pair is held out; choose one that is not in HELD_OUT.")


@dataclass(frozen=True)
class Homonym:
    """Plants a word with two senses: "a bat" stands in `rate` of the scenes, and `share` of the bats are flying.

    In half of the scenes of two objects the neighbor is one that gives a sense away; with probability `strength` it
    is that of the sense drawn, else that of the other. So by Bayes' rule the chance of the wooden sense beside a circle
    is (1 - share) * strength / ((1 - share) * strength + share * (1 - strength)): 1 at strength 1, and even at
    strength = share. Beside a triangle or a cross it is the prior, 1 - share. An adjective is always true.
    """

    share: float = 0.9
    strength: float = 1.0
    rate: float = 0.25

    def __post_init__(self):
        if not all(0 <= value <= 1 for value in (self.share, self.strength, self.rate)):
            raise ValueError(f"{self} cannot be planted: `share`, `strength` and `rate` lie between 0 and 1.")


def split_of(scene: Scene) -> str:
    """The split that a scene belongs to, whatever seed it came from: so no seed can mix train and test.

    With a held-out pair it is "unseen_pair". Else its shapes and colors choose two of the 18 ways to place one object
    (size and position), one of the 8 ways to place two (two sizes; beside or above): these are "test". So no full
    caption of a test scene is true of a train scene, and yet each pair is seen as often as the others.
    """
    objects = scene.objects
    if any((item.shape, item.color) in HELD_OUT for item in objects):
        return "unseen_pair"
    if scene.relation in ("below", "right of"):
        objects = objects[::-1]  # "A below B" and "B above A" are one picture
    number = zlib.crc32(", ".join(f"{item.color} {item.shape}" for item in objects).encode())
    sizes = [int(item.size == "big") for item in objects]
    if len(objects) == 1:
        place = next(i for i, name in enumerate(POSITIONS) if name == objects[0].position)
        layout, ways = 2 * place + sizes[0], 9
    else:
        layout, ways = 4 * (scene.relation in ("left of", "right of")) + 2 * sizes[0] + sizes[1], 8
    return "test" if (number + layout) % ways == 0 else "train"


@cache
def _kinds(held_out: bool, planted: Correlation | None) -> tuple[list[tuple[str, str, str]], list[float]]:
    """All (shape, color, size), with or without the held-out pairs, and their weights."""
    kinds = [kind for kind in product(*VALUES.values()) if held_out or kind[:2] not in HELD_OUT]
    if planted is None:
        return kinds, [1.0] * len(kinds)
    given = [kind for kind in kinds if planted.given in kind]
    both = sum(planted.then in kind for kind in given)

    def weight(kind: tuple[str, str, str]) -> float:
        if planted.given not in kind:
            return 1.0
        if planted.then in kind:  # shared out so that `given` is as frequent as before
            return len(given) * planted.share / both
        return len(given) * (1 - planted.share) / (len(given) - both)

    return kinds, [weight(kind) for kind in kinds]


def _plant_bat(
    objects: list[SceneObject], new: Callable[[], SceneObject], homonym: Homonym, rng: random.Random
) -> list[SceneObject]:
    """One of the objects becomes a bat; the other, if there is one, becomes a neighbor as `Homonym` says."""
    sense, other = ("flying", "wooden") if rng.random() < homonym.share else ("wooden", "flying")
    bat = replace(objects[0], shape=BAT[sense].shape, color=BAT[sense].color, senses=(sense,))
    if len(objects) == 1:
        return [bat]
    if rng.random() < 0.5:
        wanted = [BAT[sense if rng.random() < homonym.strength else other].beside]
    else:
        wanted = [shape for shape in SHAPES if shape not in (BAT[sense].beside, BAT[other].beside)]
    neighbor = objects[1]
    while neighbor.shape not in wanted:
        neighbor = new()
    return rng.sample([bat, neighbor], 2)


def random_scene(
    rng: random.Random,
    split: str = "train",
    two: float = 0.5,
    planted: Correlation | None = None,
    homonym: Homonym | None = None,
) -> Scene:
    """A scene of a split, everything in it drawn from `rng`; `two` is the share of scenes with two objects.

    Raises ValueError for a split that does not exist, and for bats in "unseen_pair" (no bat is a held-out pair).
    """
    if split not in SPLITS:
        raise ValueError(f"There is no split {split!r}: choose one of {', '.join(SPLITS)}.")
    if split == "unseen_pair" and homonym is not None:
        raise ValueError("The split 'unseen_pair' has no bats: draw it without `homonym`, or take the split 'test'.")
    kinds, weights = _kinds(split == "unseen_pair", planted)

    def new_object() -> SceneObject:
        return SceneObject(*rng.choices(kinds, weights)[0])

    count = 2 if rng.random() < two else 1
    while True:
        objects = [new_object() for _ in range(count)]
        if homonym is not None and rng.random() < homonym.rate:
            objects = _plant_bat(objects, new_object, homonym, rng)
        relation = None if count == 1 else rng.choice(list(RELATIONS))
        places = RELATIONS[relation] if relation else [rng.choice(list(POSITIONS))]
        placed = []
        for item, place in zip(objects, places, strict=True):
            x, y = (at + rng.randint(-JITTER, JITTER) for at in POSITIONS[place])
            placed.append(replace(item, position=None if relation else place, x=x, y=y))
        scene = Scene(tuple(placed), relation)
        if split_of(scene) == split:
            return scene


def caption_of(scenes: list[Scene], keep: float, index: int, rng: random.Random | None = None) -> str:
    """The caption of one of many scenes (see `caption`)."""
    return caption(scenes[index], rng, keep)


def shapes(
    split: str = "train",
    count: int = 20_000,
    seed: int = 0,
    two: float = 0.5,
    keep: float = 0.85,
    planted: Correlation | None = None,
    homonym: Homonym | None = None,
) -> Pairs:
    """`count` pictures of a split, (count, 3, 32, 32) uint8, with captions; `metadata` holds their scenes.

    The splits: "train"; "test", other scenes of the same (shape, color) pairs; "unseen_pair", scenes with at least one
    pair of HELD_OUT. The same arguments give the same pictures. `two`, `planted` and `homonym` are those of
    `random_scene`, `keep` is that of `caption`. Raises ValueError as `random_scene` does, and for a count below 1.
    """
    if count < 1:
        raise ValueError(f"Cannot draw {count} pictures: ask for at least 1.")
    rng = random.Random(f"shapes/{split}/{seed}")  # each split its own numbers, whatever the seed
    scenes = [random_scene(rng, split, two, planted, homonym) for _ in range(count)]
    pictures = torch.from_numpy(np.stack([draw(scene) for scene in scenes]))
    return Pairs(pictures, torch.ones(count), partial(caption_of, scenes, keep), scenes)
