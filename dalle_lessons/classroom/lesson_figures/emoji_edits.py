"""Figures of lesson 13 about emoji: given halves, edits, and how they are judged; and pictures in lines, with names."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

from ...datasets.images import to_image
from ..figures import BLUE, ORANGE, frame, image_grid, new_figure
from ..figures import show as as_picture
from ..guesses import Outcome
from ..pictures import Picture
from . import figure


def lines_of(figure_, lines: Sequence[tuple[str, Sequence[Image.Image]]], titles: Sequence[str] = ()) -> None:
    """Lines of pictures below each other, each with its name on the left; titles stand above the first."""
    grid = figure_.subplots(len(lines), max(len(pictures) for _, pictures in lines), squeeze=False)
    for row, (name, pictures) in enumerate(lines):
        for ax, picture in zip(grid[row], pictures, strict=False):
            frame(ax, picture)
        for ax in grid[row][len(pictures) :]:
            ax.set_axis_off()
        grid[row][0].set_ylabel(name, fontsize=9, rotation=0, ha="right", va="center", labelpad=6)
    for ax, title in zip(grid[0], titles, strict=False):
        ax.set_title(title, fontsize=8)


def hide(picture: Tensor, known: Tensor, side: int) -> Image.Image:
    """A picture (3, H, W) in [0, 1] with the patches that are not known (rows, cols) in gray."""
    cover = ~known.repeat_interleave(side, 0).repeat_interleave(side, 1)
    return to_image(picture.masked_fill(cover, 0.85))


@figure("13.half_given")
def half_given(picture: Tensor, completions: Tensor, captions: Sequence[str]) -> Picture:
    """picture (3, H, W), whose upper half was given; completions (len(captions) · k, 3, H, W): k for each caption."""
    count = len(completions) // len(captions)
    known = torch.ones(2, 2, dtype=torch.bool)
    known[1] = False
    panel = new_figure(1.25 * count + 3.0, 1.3 * len(captions) + 0.4)
    left, right = panel.subfigures(1, 2, squeeze=False, width_ratios=[1.2, count + 1.4]).flat
    ax = left.subplots()
    frame(ax, hide(picture, known, picture.shape[-1] // 2))
    ax.set_title("given", fontsize=9)
    words = [caption.replace(" of ", "\nof ") for caption in captions]
    drawn = [[to_image(some) for some in part] for part in completions.split(count)]
    lines_of(right, list(zip(words, drawn, strict=True)))
    alt = f"The upper half of a picture, and {count} completions for each of: {'; '.join(captions)}."
    return as_picture(panel, alt)


@figure("13.untrained")
def untrained(canvas: Image.Image, drawings: Sequence[Image.Image]) -> Picture:
    """canvas: the picture whose upper half was given. drawings: what the main model completed."""
    return image_grid(
        [canvas, *drawings],
        ["its upper half is given", *[f"untrained, {n}" for n in range(1, len(drawings) + 1)]],
        cols=len(drawings) + 1,
        side=1.7,
        alt=f"A canvas with a small cat face in its upper half, and {len(drawings)} completions by the main model.",
    )


@figure("13.redrawn")
def redrawn(names: Sequence[str], edits: dict[tuple[str, str], tuple[Tensor, Tensor, Tensor]]) -> Picture:
    """edits: (style given, style asked for) -> pictures given, drawn and true, (len(names), 3, H, W) each."""
    panel = new_figure(9.6, 4.4 if len(names) <= 4 else 5.0)
    for part, ((source, target), sets) in zip(
        panel.subfigures(1, len(edits), squeeze=False).flat, edits.items(), strict=True
    ):
        said = zip((f"{source},\ngiven", "drawn", f"{target},\ntrue"), sets, strict=True)
        upright = [(name, [to_image(some) for some in pictures]) for name, pictures in said]
        grid = part.subplots(len(names), 3, squeeze=False)
        for column, (name, pictures) in enumerate(upright):
            for row, picture in enumerate(pictures):
                frame(grid[row][column], picture)
            grid[0][column].set_title(name, fontsize=8)
        part.suptitle(f"{source} to {target}", fontsize=9, fontweight="bold")
    directions = "; ".join(f"{source} to {target}" for source, target in edits)
    alt = f"{', '.join(names)}, seen by no model: given, drawn below, and the true picture; {directions}."
    return as_picture(panel, alt)


@figure("13.judged")
def judged(shares: dict[str, tuple[float, float]], count: int, outcome: Outcome) -> Picture:
    """shares: way -> the shares of right things (among five guesses) and of right styles. count: of pictures."""
    panel = new_figure(7.4, 3.1)
    ax = panel.subplots()
    for n, label in enumerate(("right thing, in five guesses", "right style")):
        y = [place + 0.4 * (n - 0.5) for place in range(len(shares))]
        drawn = ax.barh(y, [100 * pair[n] for pair in shares.values()], 0.38, color=(BLUE, ORANGE)[n], label=label)
        ax.bar_label(drawn, [f"{pair[n]:.0%}" for pair in shares.values()], fontsize=8, padding=3)
    ax.set_yticks(range(len(shares)), list(shares), fontsize=9)
    ax.invert_yaxis()
    ax.set_xlim(0, 112)
    ax.set_ylim(len(shares) - 0.5, -0.95)
    ax.tick_params(axis="x", labelsize=8)
    ax.set_xlabel(f"% of {count} unseen things, a sketch to be redrawn as an illustration", fontsize=8)
    ax.legend(fontsize=8, ncols=2, loc="upper center")
    ax.set_title(str(outcome), fontsize=10)
    alt = f"For each of: {', '.join(shares)}: how often the judge finds the right thing, and how often the right style."
    return as_picture(panel, alt)


@figure("13.near_black")
def near_black(illustrations: Sequence[Image.Image], blackened: Sequence[Image.Image],
               sketches: Sequence[Image.Image]) -> Picture:  # fmt: skip
    """Illustrations, what is left of them with all but the near-black pixels made white, and the true sketches."""
    panel = new_figure(1.25 * len(sketches) + 1.4, 3.9)
    lines = [("illustration", illustrations), ("its near-black\npixels", blackened), ("true sketch", sketches)]
    lines_of(panel, [(name, [picture.convert("RGB") for picture in pictures]) for name, pictures in lines])
    alt = "Illustrations; their near-black pixels alone; the true sketches, which look nearly the same."
    return as_picture(panel, alt)


@figure("13.own_picture")
def own_picture(mine: Image.Image, drawn: Tensor) -> Picture:
    """mine: the student's picture. drawn (n, 3, H, W): what the editor makes of it."""
    titles = ["your picture"] + ["drawn"] * len(drawn)
    alt = f"A picture of the student's own, and {len(drawn)} drawings of it in another style."
    return image_grid([mine, *map(to_image, drawn)], titles, cols=len(titles), side=1.6, alt=alt)
