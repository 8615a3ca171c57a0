"""The shapes world, the way back: what a caption asks for, what a picture shows, and whether the two agree.

The checker sees only pixels and a caption, so it judges a model's pictures as it judges true ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from itertools import permutations, product

import numpy as np

from .scenes import (
    COLORS,
    PLACES,
    POSITIONS,
    RELATIONS,
    SHAPES,
    SIDE,
    SIZES,
    CaptionConstraints,
    Scene,
    SceneObject,
    mask,
)
from .shapes import BAT

WINDOW = 16  # pixels: a big object with 2 pixels of room around it
SOMETHING = 0.25  # distance from white, of 1.73 at most, from which a pixel is no background: above noise, below yellow
SPECK = 12  # pixels: the smallest object covers 32, and less than this is no object
NO_SHAPE = 0.45  # an object that overlaps (intersection over union) less than this with every shape has none of them

_OBJECT = "an? (?:({}) )?(?:(?:({}) )?({})|(?:({}) )?bat)".format(*map("|".join, (SIZES, COLORS, SHAPES, BAT)))
_CAPTION = re.compile(f"{_OBJECT}(?: ({'|'.join(PLACES.values())})| ({'|'.join(RELATIONS)}|and) {_OBJECT})?")
_WORDS = set(
    re.findall("[a-z]+", f"a an and bat {' '.join([*SIZES, *COLORS, *SHAPES, *BAT, *PLACES.values(), *RELATIONS])}")
)


def parse(text: str) -> CaptionConstraints:
    """What a caption asks for: a scene with None for what it does not say. Capitals and a full stop do not matter.

    A bat's `senses` are those that the caption allows: an adjective settles the sense, and so does a neighbor that
    gives it away (the rule of this world, though at a `Homonym.strength` below 1 a neighbor only makes it likelier).
    Raises ValueError, in one sentence, for a caption outside the grammar.
    """
    words = " ".join(text.lower().strip().rstrip(".").split())
    found = _CAPTION.fullmatch(words)
    if found is None:
        strange = [word for word in words.split() if word not in _WORDS]
        reason = f"{strange[0]!r} is not a word of the shapes world" if strange else "these words do not go together"
        raise ValueError(
            f"I cannot read {text!r}, because {reason}: write for example 'a small red circle above a big blue square' "
            "or 'a green cross at the top left'."
        )
    parts = found.groups()  # size, color, shape, adjective; place; relation; and for the second object the same four
    place, relation = parts[4:6]
    objects = []
    for size, color, shape, adjective in [parts[:4], parts[6:]] if relation else [parts[:4]]:
        senses = () if shape else (adjective,) if adjective else tuple(BAT)
        objects.append(SceneObject(shape, color, size, senses=senses))
    if place:
        objects = [replace(objects[0], position=next(name for name in PLACES if PLACES[name] == place))]
    if relation:
        objects = [_told_by(objects[0], objects[1]), _told_by(objects[1], objects[0])]
    return Scene(tuple(objects), None if relation == "and" else relation)


def _told_by(item: SceneObject, neighbor: SceneObject) -> SceneObject:
    """A bat whose sense is open, with the one that its neighbor gives away, if it does."""
    told = tuple(sense for sense in item.senses if BAT[sense].beside == neighbor.shape)
    return replace(item, senses=told) if len(item.senses) > 1 and told else item


def detect(pixels) -> tuple[SceneObject, ...]:
    """The objects of a picture, largest first: shape (None if it is like none), color, size, position and center.

    pixels: (3, 32, 32), an array or a CPU tensor, uint8 or float in [0, 1]. Raises ValueError for anything else.
    """
    pixels = np.asarray(pixels.detach() if hasattr(pixels, "detach") else pixels)
    if pixels.shape != (3, SIDE, SIDE):
        raise ValueError(f"Expected a picture of shape (3, {SIDE}, {SIDE}), got {pixels.shape}.")
    if pixels.dtype != np.uint8 and not (-0.5 <= pixels.min() and pixels.max() <= 1.5):  # a decoder may overshoot a bit
        raise ValueError("Expected uint8 pixels, or float pixels between 0 and 1: divide by 255 first.")
    darkness = 1 - np.clip(pixels / 255 if pixels.dtype == np.uint8 else pixels, 0, 1).astype(np.float32)
    found = []
    for ys, xs in _blobs(np.linalg.norm(darkness, axis=0) > SOMETHING):
        if len(ys) < SPECK:
            continue
        ink = darkness[:, ys, xs]  # (3, n)
        depth = np.linalg.norm(ink, axis=0)
        core = np.median(ink[:, depth >= 0.8 * np.quantile(depth, 0.9)], axis=1)  # its own color, without soft edges
        covered = np.zeros((SIDE, SIDE), np.float32)
        covered[ys, xs] = np.clip(core @ ink / (core @ core), 0, 1)  # an edge pixel is a mixture of color and white
        if covered.sum() < SPECK:
            continue
        shape, size, x, y = _best_fit(covered)
        color = min(COLORS, key=lambda name: np.linalg.norm(core - _darkness(name)))
        nearest = min(POSITIONS, key=lambda name: (POSITIONS[name][0] - x) ** 2 + (POSITIONS[name][1] - y) ** 2)
        found.append((covered.sum(), SceneObject(shape, color, size, nearest, x=x, y=y)))
    return tuple(item for _, item in sorted(found, key=lambda item: -item[0]))


def _darkness(color: str) -> np.ndarray:
    return 1 - np.array(COLORS[color]) / 255


def _blobs(something: np.ndarray) -> list[tuple[list[int], list[int]]]:
    """Groups of pixels that touch side by side, each as its rows and its columns."""
    left = set(zip(*map(np.ndarray.tolist, np.nonzero(something)), strict=True))
    blobs = []
    while left:
        blob = [left.pop()]
        for y, x in blob:  # the list grows while we walk along it, until no neighbor is left
            for pixel in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if pixel in left:
                    left.remove(pixel)
                    blob.append(pixel)
        blobs.append(([y for y, _ in blob], [x for _, x in blob]))
    return blobs


@cache
def _templates() -> tuple[list[tuple[str, str]], np.ndarray]:
    """(shape, size) for all, and their masks in the middle of a window, sharp and then blurred: (16, 16, 16) float."""
    names: list[tuple[str, str]] = list(product(SHAPES, SIZES))
    sharp = np.stack([np.pad(mask(shape, SIZES[size]), (WINDOW - SIZES[size]) // 2) for shape, size in names])
    near = np.pad(sharp, ((0, 0), (1, 1), (1, 1)))
    blurred = sum(near[:, i : i + WINDOW, j : j + WINDOW] for i, j in product(range(3), repeat=2)) / 9
    return names * 2, np.concatenate([sharp, blurred]).astype(np.float32)  # a decoder's edges are soft


def _best_fit(covered: np.ndarray) -> tuple[str | None, str, int, int]:
    """Shape, size and center (x, y) of the template of greatest intersection over union, moved by up to a pixel."""
    ys, xs = np.nonzero(covered > 0.5)
    middle = [round((at.min() + at.max() + 1) / 2) for at in (ys, xs)]
    padded = np.pad(covered, WINDOW // 2 + 1)
    centers = [(middle[0] + dy, middle[1] + dx) for dy, dx in product((-1, 0, 1), repeat=2)]
    windows = np.stack([padded[y + 1 : y + 1 + WINDOW, x + 1 : x + 1 + WINDOW] for y, x in centers])  # (9, 16, 16)
    names, templates = _templates()
    common = np.minimum(windows[:, None], templates[None]).sum((2, 3))  # (9, 16)
    union = covered.sum() + templates.sum((1, 2)) - common
    center, name = np.unravel_index(np.argmax(common / union), common.shape)
    shape, size = names[name]
    y, x = centers[center]
    return (shape if common[center, name] / union[center, name] >= NO_SHAPE else None), size, x, y


@dataclass(frozen=True)
class SceneVerdict:
    """What is right in a picture.

    objects: for each object of the caption, attribute -> right or not, for the attributes that the caption names, of
        "shape", "color", "size", "position", and "sense" in place of shape for a bat. The "relation" stands with the
        first object. All attributes of an object that the picture lacks are wrong.
    seen: for each object of the caption the object of the picture that was taken for it, or None.
    extra: how many objects the picture shows beyond those of the caption.
    """

    objects: tuple[dict[str, bool], ...]
    seen: tuple[SceneObject | None, ...]
    extra: int

    @property
    def all_right(self) -> bool:
        """Every named attribute is right, and no object is missing or too many."""
        return self.extra == 0 and all(all(marks.values()) for marks in self.objects)


def share_right(verdicts: Iterable[SceneVerdict]) -> float:
    """The share of attributes that are right, over all verdicts. An extra object counts as one more wrong attribute."""
    verdicts = list(verdicts)
    marks = [mark for verdict in verdicts for marks in verdict.objects for mark in marks.values()]
    return sum(marks) / (len(marks) + sum(verdict.extra for verdict in verdicts))


def check(pixels, caption: str) -> SceneVerdict:
    """Which attributes named by the caption are right in the picture, object by object (see `SceneVerdict`).

    pixels: (3, 32, 32), an array or a CPU tensor, uint8 or float in [0, 1]. The caption's objects are matched with the
    picture's so that as much as possible is right. A missing object has all its attributes (and the relation) wrong; an
    extra object makes `all_right` False and counts in `share_right`. Specks of less than 12 pixels are no objects.
    Raises ValueError for pixels of another shape or range, and for a caption outside the grammar.
    """
    return compare(detect(pixels), parse(caption))


def compare(seen: tuple[SceneObject, ...], constraints: CaptionConstraints) -> SceneVerdict:
    """The verdict on objects that have been seen already; `seen` may also be the objects of a true scene."""
    count = len(constraints.objects)
    candidates = [*seen[:5], *[None] * count]  # the largest five: an object of the caption is hardly smaller than that
    verdicts = []
    for chosen in permutations(candidates, count):
        objects = tuple(_marks(item, wanted) for item, wanted in zip(chosen, constraints.objects, strict=True))
        apart = sum(sum(marks.values()) for marks in objects)
        if constraints.relation:
            objects[0]["relation"] = None not in chosen and _relation(*chosen) == constraints.relation
        # Most attributes right; if equal, rather those of the objects than the relation; and no object left out.
        order = apart + objects[0].get("relation", False), apart, -chosen.count(None)
        verdicts.append((order, SceneVerdict(objects, chosen, max(0, len(seen) - count))))
    return max(verdicts, key=lambda item: item[0])[1]


def _marks(item: SceneObject | None, wanted: SceneObject) -> dict[str, bool]:
    names = [name for name in ("shape", "color", "size", "position") if getattr(wanted, name)]
    marks = {name: item is not None and getattr(item, name) == getattr(wanted, name) for name in names}
    if wanted.senses:
        marks["sense"] = item is not None and sense_of(item) in wanted.senses
    return marks


def sense_of(item: SceneObject) -> str | None:
    """The sense of "bat" that an object shows, "flying" or "wooden", or None if it is no bat at all."""
    return next((sense for sense, drawn in BAT.items() if (item.shape, item.color) == drawn[:2]), None)


def _relation(first: SceneObject, second: SceneObject) -> str:
    """Where the first stands, seen from the second, along the longer way. Raises ValueError for what stands nowhere."""
    if first.x is None or first.y is None or second.x is None or second.y is None:
        raise ValueError(f"{first} and {second} have no relation before both have a place.")
    dx, dy = first.x - second.x, first.y - second.y
    if abs(dy) >= abs(dx):
        return "above" if dy < 0 else "below"
    return "left of" if dx < 0 else "right of"
