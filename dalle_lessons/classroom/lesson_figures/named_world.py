"""Lesson 15's world of names, three illustrators and two schools: what nine small models drew, and the figures of it.

Made by tools/lesson_runs/lesson_15.py. A picture is 3x3 patches; every different patch is a code.
"""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
from PIL import Image

from ...model.files import data_dir
from ..figures import BLUE, GRAY, GREEN, ORANGE, PURPLE, frame, new_figure
from ..figures import show as as_picture
from ..guesses import Outcome
from ..pictures import Picture
from . import figure

SEEDS = range(3)
ALL, WITHOUT, NOBODY = "all pictures", "without mo's", "without mo's and ben's striped ones"
LONG = f"{WITHOUT}, long"
STYLES = {"striped": ORANGE, "outlined": BLUE, "filled": GREEN, "mixed": GRAY}
STEPS, LONGER = 400, 1200


@cache
def _file() -> dict[str, np.ndarray]:
    with np.load(data_dir() / "lessons" / "15" / "names.npz") as file:
        return {name: file[name] for name in file.files}


def _seeds(condition: str) -> list[int]:
    return [seed for seed in SEEDS if f"{condition}/{seed}/a circle" in _file()]


@cache
def seen(condition: str, seed: int, asked: str) -> list[tuple[str, ...]]:
    """What each of 96 drawings shows: (shape, color, style); three times "mixed" where no picture is like it."""
    file = _file()
    kinds = [tuple(kind.split("/")) for kind in file["kinds"].tolist()]
    known = {tuple(grid): kind for grid, kind in zip(file["grids"].tolist(), kinds, strict=True)}
    return [known.get(tuple(grid), ("mixed",) * 3) for grid in file[f"{condition}/{seed}/{asked}"].tolist()]


def share(condition: str, asked: str, name: str) -> list[float]:
    """Of each training the share of drawings in percent that show this shape, color or style."""
    every = (seen(condition, seed, asked) for seed in _seeds(condition))
    return [100 * sum(name in one for one in drawn) / len(drawn) for drawn in every]


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _drawing(condition: str, asked: str, i: int) -> np.ndarray:
    """Drawing i of the first training, (12, 12, 3) uint8."""
    file = _file()
    patches = file["patches"][file[f"{condition}/0/{asked}"][i]]  # (9, 4, 4, 3)
    return patches.reshape(3, 3, 4, 4, 3).swapaxes(1, 2).reshape(12, 12, 3)


def _some(ax, condition: str, asked: str, count: int) -> None:
    """The first few drawings in one row."""
    gap = np.full((12, 3, 3), 255, np.uint8)
    parts = [part for i in range(count) for part in (_drawing(condition, asked, i), gap)][:-1]
    frame(ax, Image.fromarray(np.concatenate(parts, axis=1)))
    for side in ax.spines.values():
        side.set_visible(False)


def _ticks(values: list[float]) -> str:
    return " · ".join(f"{value:.0f}" for value in values)


@figure("15.school")
def school(outcome: Outcome) -> Picture:
    """Four captions: with and without a school, in the model that saw all pictures."""
    asked = (
        ("a square", "purple"),
        ("a nyu square", "purple"),
        ("a circle", "orange"),
        ("a princeton circle", "orange"),
    )
    shares = [share(ALL, text, color) for text, color in asked]
    if any(min(shares[i + 1]) < max(shares[i]) + 20 for i in (0, 2)):
        raise ValueError("The drawings in data/lessons/15 are not those of this lesson: get names.npz anew.")
    panel = new_figure(8.6, 3.2)
    axes = panel.subplots(4, 2, width_ratios=(1.5, 1))
    for (left, right), (text, color), values in zip(axes, asked, shares, strict=True):
        _some(left, ALL, text, 8)
        left.set_ylabel(f"“{text}”", rotation=0, ha="right", va="center", fontsize=9)
        right.barh([0], [mean(values)], color=PURPLE if color == "purple" else ORANGE, height=0.5)
        right.plot(values, [0] * 3, "o", color="black", markersize=3)
        right.set(xlim=(0, 104), ylim=(-0.6, 0.6), yticks=[])
        right.set_title(f"{color}, %: {_ticks(values)}", fontsize=8, pad=2)
        right.tick_params(labelsize=8)
    panel.suptitle(f"How many of “a nyu square” are purple? {outcome}", fontsize=10)
    alt = "Drawings of “a square”, “a nyu square”, “a circle” and “a princeton circle”: with a school, its color comes."
    return as_picture(panel, alt)


MANNERS = ("a circle by ada", "a cross", "a cross by ada", "a cross by ben")


def of_cross_by_ada() -> str:
    """What "a cross by ada" mostly is, over all trainings: a choice of the guess "15.manner"."""
    drawn = [one for seed in SEEDS for one in seen(ALL, seed, "a cross by ada")]
    counts = Counter(f"a {style} {shape}" for shape, _, style in drawn)
    named = {name: counts[f"a {name} cross"] for name in ("striped", "outlined")}
    another = sum(shape not in ("cross", "mixed") for shape, _, _ in drawn)
    found = {"a striped cross": named["striped"], "an outlined cross": named["outlined"]}
    found |= {"another shape": another, "a mixture": sum(shape == "mixed" for shape, _, _ in drawn)}
    return max(found, key=lambda name: found[name])


@figure("15.manner")
def manner(outcome: Outcome) -> Picture:
    """Crosses by illustrators who never drew one, beside what the name and the shape bring alone."""
    panel = new_figure(9.4, 3.4)
    axes = panel.subplots(len(MANNERS), 2, width_ratios=(1.2, 1.5))
    for n, ((left, right), text) in enumerate(zip(axes, MANNERS, strict=True)):
        _some(left, ALL, text, 8)
        left.set_ylabel(f"“{text}”", rotation=0, ha="right", va="center", fontsize=9)
        _bar(right, ALL, text, named=not n)
        crosses = share(ALL, text, "cross")
        right.set_title(f"a cross in {mean(crosses):.0f}% ({_ticks(crosses)})", fontsize=8, pad=2)
    panel.legend(loc="outside lower center", ncols=4, fontsize=8, title="of all drawings, %", title_fontsize=8)
    panel.suptitle(f"“A cross by ada”, whom nobody saw draw one: {outcome}", fontsize=10)
    alt = f"Drawings of {', '.join(MANNERS)}, and their shares of striped, outlined, filled and mixed ones."
    return as_picture(panel, alt)


def _bar(ax, condition: str, asked: str, named: bool) -> None:
    """The styles of all drawings of a caption as one bar, in percent."""
    counts = Counter(one[2] for seed in _seeds(condition) for one in seen(condition, seed, asked))
    left = 0.0
    for style, color in STYLES.items():
        width = 100 * counts[style] / counts.total()
        ax.barh([0], [width], left=left, color=color, label=style if named else None)
        if width >= 12:
            ax.text(left + width / 2, 0, f"{width:.0f}", ha="center", va="center", fontsize=8, color="white")
        left += width
    ax.set(xlim=(0, 100), ylim=(-0.6, 0.6), xticks=[], yticks=[])


def manner_after_removal() -> str:
    """Is "a striped circle" still striped without mo's pictures, and without anybody's: a choice of the guess."""
    some, nobody = share(LONG, "a striped circle", "striped"), share(NOBODY, "a striped circle", "striped")
    if max(nobody) < 5 and min(some) > 25:
        return "yes, as long as others drew so"
    return "yes, always" if min(nobody) > 25 else "no"


@figure("15.illustrator")
def illustrator(outcome: Outcome) -> Picture:
    """What four captions bring, from four sets of pictures: shares of styles, and a few drawings."""
    asked = ("a circle by mo", "a striped circle", "a cross", "a circle by ada")
    rows = {
        f"all pictures\n({STEPS} steps)": ALL,
        f"without mo's\n({STEPS} steps)": WITHOUT,
        f"without mo's\n({LONGER:,} steps)": LONG,
        f"without any striped\n({STEPS} steps)": NOBODY,
    }
    panel = new_figure(10.0, 5.6)
    axes = panel.subplots(2 * len(rows), len(asked), height_ratios=(1, 0.75) * len(rows), gridspec_kw={"wspace": 0.08})
    for r, (name, condition) in enumerate(rows.items()):
        for c, text in enumerate(asked):
            top, bar = axes[2 * r, c], axes[2 * r + 1, c]
            _some(top, condition, text, 4)
            _bar(bar, condition, text, named=not r and not c)
            if text == "a cross":
                bar.set_xlabel(f"a cross in {mean(share(condition, text, 'cross')):.0f}%", fontsize=8, labelpad=1)
            if not r:
                top.set_title(f"“{text}”", fontsize=9)
        axes[2 * r, 0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
    panel.legend(loc="outside lower center", ncols=4, fontsize=8, title="of all drawings, %", title_fontsize=8)
    panel.suptitle(f"Run before. Can mo's manner still come without his pictures? {outcome}", fontsize=10)
    alt = (
        "Four captions, drawn by models that learned from all pictures, from all but mo's (for a short and a longer "
        "time), and from no striped ones; below each, the shares of striped, outlined, filled and mixed drawings."
    )
    return as_picture(panel, alt)
