"""Four small worlds for a capstone, each with a gap: faces, flags, boats, creatures. True pictures, drawn by code."""

from __future__ import annotations

import random
import textwrap
from collections.abc import Callable

from PIL import Image, ImageDraw

from ..figures import GRAY, ORANGE, frame, new_figure
from ..figures import show as as_picture
from ..pictures import Picture
from . import figure

SIDE, COLUMNS = 32, 6  # pixels of a picture; pictures of a world, of which the last two are of its gap
COLORS = {"red": "#d74128", "blue": "#3269e1", "yellow": "#fad73c", "green": "#2f9a4a", "white": "#fafaf5"}
INK, SKIN, DAY, NIGHT = "#19141a", "#f2c9a0", "#b9e1fa", "#4b3c82"


def _paper(color: str) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", (SIDE, SIDE), color)
    return image, ImageDraw.Draw(image)


def _choice(rng: random.Random, first: list[str], second: list[str], gap: set[tuple[str, str]], unseen: bool):
    """One of each, in the gap or outside of it."""
    return rng.choice([(a, b) for a in first for b in second if ((a, b) in gap) == unseen])


def face(rng: random.Random, unseen: bool) -> tuple[Image.Image, str]:
    """Hats and moods; a red hat with a surprised face, and a blue one with a sad face, never occur in training."""
    moods = ["happy", "sad", "surprised"]
    hat, mood = _choice(rng, ["red", "blue", "green"], moods, {("red", "surprised"), ("blue", "sad")}, unseen)
    image, pen = _paper(rng.choice([DAY, "#e8e2d6"]))
    pen.ellipse((6, 7, 25, 29), SKIN)
    pen.rectangle((4, 8, 27, 10), COLORS[hat])
    pen.rectangle((9, 2, 22, 9), COLORS[hat])
    for x in (11, 19):
        pen.rectangle((x, 15, x + 1, 16), INK)
    if mood == "surprised":
        pen.ellipse((13, 21, 18, 26), INK)
    else:
        pen.arc((10, 19, 21, 26), *((20, 160) if mood == "happy" else (200, 340)), fill=INK, width=2)
    return image, f"a {mood} face with a {hat} hat"


def flag(rng: random.Random, unseen: bool) -> tuple[Image.Image, str]:
    """Two colors, as stripes or a cross; red with green, and yellow with blue, never occur in training."""
    gap = {("red", "green"), ("green", "red"), ("yellow", "blue"), ("blue", "yellow")} | {(c, c) for c in COLORS}
    a, b = _choice(rng, list(COLORS), list(COLORS), gap, unseen)
    while a == b:
        a, b = _choice(rng, list(COLORS), list(COLORS), gap, unseen)
    image, pen = _paper(DAY)
    pen.rectangle((3, 2, 4, 31), INK)
    pen.rectangle((5, 4, 28, 19), COLORS[a])
    kind = rng.choice(["a {} flag with a {} cross", "a {} flag with a {} stripe", "a {} flag with a {} bar"])
    if "bar" not in kind:
        pen.rectangle((5, 10, 28, 13), COLORS[b])
    if "stripe" not in kind:
        pen.rectangle((13, 4, 16, 19), COLORS[b])
    return image, kind.format(a, b)


def boat(rng: random.Random, unseen: bool) -> tuple[Image.Image, str]:
    """Hulls and sails; four pairs never occur in training."""
    gap = {("red", "green"), ("green", "yellow"), ("yellow", "white"), ("white", "red")}
    hull, sail = _choice(rng, ["red", "green", "yellow", "white"], ["red", "green", "yellow", "white"], gap, unseen)
    sky = rng.choice(["by day", "at night"])
    image, pen = _paper(DAY if sky == "by day" else NIGHT)
    pen.rectangle((0, 24, 31, 31), COLORS["blue"])
    x = rng.choice([5, 8, 11])
    pen.polygon([(x, 20), (x + 16, 20), (x + 13, 27), (x + 3, 27)], COLORS[hull])
    pen.line((x + 7, 5, x + 7, 19), INK)
    pen.polygon([(x + 8, 5), (x + 8, 18), (x + 16, 18)], COLORS[sail])
    said = f"a {hull} boat with a {sail} sail"
    return image, f"{said} {sky}" if rng.random() < 0.6 else said


def creature(rng: random.Random, unseen: bool) -> tuple[Image.Image, str]:
    """Colors and numbers of legs; three pairs never occur in training."""
    gap = {("blue", "two"), ("green", "four"), ("yellow", "six")}
    color, legs = _choice(rng, ["blue", "green", "yellow"], ["two", "four", "six"], gap, unseen)
    eyes = rng.choice(["one eye", "two eyes"])
    image, pen = _paper("#e8e2d6")
    for n in range(number := {"two": 2, "four": 4, "six": 6}[legs]):
        x = 7 + round(17 * n / (number - 1))
        pen.rectangle((x, 20, x + 1, 28), INK)
    pen.ellipse((4, 7, 28, 23), COLORS[color])
    for x in (15,) if eyes == "one eye" else (11, 19):
        pen.ellipse((x - 2, 10, x + 3, 15), "white")
        pen.rectangle((x, 12, x + 1, 13), INK)
    return image, f"a {color} creature with {legs} legs and {eyes}"


WORLDS: dict[str, Callable[[random.Random, bool], tuple[Image.Image, str]]] = {
    "faces\ngap: hat and mood": face,
    "flags\ngap: two colors": flag,
    "boats\ngap: hull and sail": boat,
    "creatures\ngap: color and legs": creature,
}


@figure("18.worlds")
def worlds() -> Picture:
    """Four worlds, a row each: four pictures as in training, then two from the gap."""
    panel = new_figure(9.2, 7.0)
    axes = panel.subplots(len(WORLDS), COLUMNS + 1, width_ratios=(1.1, *(1,) * COLUMNS))
    for row, (name, draw) in zip(axes, WORLDS.items(), strict=True):
        rng, known = random.Random(3), set()
        row[0].set_axis_off()
        row[0].text(1, 0.5, name, ha="right", va="center", fontsize=9)
        for n, ax in enumerate(row[1:]):
            unseen = n >= COLUMNS - 2
            picture, caption = draw(rng, unseen)
            while caption in known:
                picture, caption = draw(rng, unseen)
            known.add(caption)
            frame(ax, picture)
            ax.set_title(textwrap.fill(caption, 19), fontsize=8, pad=3)
            for side in ax.spines.values():
                side.set_color(ORANGE if unseen else GRAY)
                side.set_linewidth(3 if unseen else 1)
    panel.suptitle("Four worlds. Thick orange border: a pair from the gap, never in training", fontsize=10)
    names = ", ".join(name.partition("\n")[0] for name in WORLDS)
    return as_picture(panel, f"Captioned pictures of four worlds: {names}. In each row, the last two are of its gap.")
