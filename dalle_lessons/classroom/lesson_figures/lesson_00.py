"""The figures of lesson 00: the whole machine, from the first drawings to its breakdowns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from ...datasets import load
from ...datasets.images import to_image, to_tensor
from ...model.dvae import DVAE
from ...pipeline.drawing import Drawing, Drawings
from ...pipeline.stream import picture_so_far
from ...pipeline.text_to_image import TextToImage
from ..broken_machines import Machine, pieces
from ..figures import GRAY, ORANGE, RED, frame, image_grid, new_figure, rectangle, sequence, show
from ..guesses import Outcome
from ..nearest import nearest_in_training
from ..pictures import Picture
from . import figure

REMEMBERED = 0.9  # of the tokens the same: less than one patch in ten is the drawing's own


@figure("00.first_look")
def first_look(drawings: Drawings) -> Picture:
    """drawings: the best of a caption, best first. The first of them large, the others beside it."""
    best, *others = drawings
    cols = -(-len(others) // 2)
    sheet = new_figure(9.4, 9.4 / (cols + 2) * 2 + 0.35)
    grid = sheet.add_gridspec(2, cols + 2)
    frame(sheet.add_subplot(grid[:, :2]), best.image)
    for n, drawing in enumerate(others):
        frame(sheet.add_subplot(grid[n // cols, 2 + n % cols]), drawing.image)
    sheet.suptitle(f"“{best.caption}”", fontsize=12)
    return show(sheet, f"{len(drawings)} drawings of one caption, the best first and large: “{best.caption}”.")


@dataclass(frozen=True)
class Compared:
    """n drawings, and for each the picture of training with which it shares most patches."""

    drawings: Drawings
    #: Those of training, (n, 3, H, W) uint8.
    nearest: Tensor
    #: Which part of the patches is the same, in [0, 1], (n,).
    share: Tensor
    #: The same for m pictures that people drew and the model never saw, (m,).
    people: Tensor


def compare_with_training(model: TextToImage, drawings: Drawings, style: str) -> Compared:
    """Look for each of n drawings in the training pictures of its style."""
    seen = load("emoji", "train", styles=[style])
    pixels = torch.stack([to_tensor(drawing.image) for drawing in drawings])
    tokens = torch.stack([drawing.tokens.flatten() for drawing in drawings])
    found = nearest_in_training(model.dvae, pixels, seen, tokens)
    unseen = load("emoji", "unseen_emoji", styles=[style]).pictures[::16]
    people = nearest_in_training(model.dvae, unseen, seen).share
    return Compared(drawings, seen.pictures[found.index], found.share, people)


@figure("00.nearest")
def nearest_pictures(pairs: Compared, outcome: Outcome) -> Picture:
    """pairs: n drawings, each with its nearest training picture. outcome: how many of the n were remembered."""
    n = len(pairs.drawings)
    sheet = new_figure(1.05 * n, 4.4)
    grid = sheet.add_gridspec(3, n, height_ratios=(1, 1.05, 1.1))
    for col, (drawing, nearest, share) in enumerate(
        zip(pairs.drawings, pairs.nearest, pairs.share.tolist(), strict=True)
    ):
        top, below = sheet.add_subplot(grid[0, col]), sheet.add_subplot(grid[1, col])
        frame(top, drawing.image)
        frame(below, to_image(nearest))
        kept = share >= REMEMBERED
        below.set_xlabel(f"{share:.0%} the same" if not col else f"{share:.0%}", fontsize=9)
        if kept:
            below.xaxis.label.set_fontweight("bold")
            for ax in (top, below):
                for line in ax.spines.values():
                    line.set(color=RED, linewidth=2.5)
        if not col:
            top.set_ylabel("drawn", fontsize=9)
            below.set_ylabel("nearest of the\ntraining pictures", fontsize=9)
    strip = sheet.add_subplot(grid[2, :])
    spread = torch.linspace(-0.12, 0.12, 7)
    for y, shares, color, marker in ((1, pairs.share, ORANGE, "o"), (0, pairs.people, GRAY, "^")):
        heights = [y + float(spread[i % 7]) for i in range(len(shares))]
        strip.plot((100 * shares).tolist(), heights, marker, color=color, markersize=7, markeredgecolor="#444444")
    strip.axvline(100 * REMEMBERED, color=RED, linestyle="--", linewidth=1.2)
    strip.set_yticks([1, 0], ["these drawings", "drawn by people,\nnever seen by it"], fontsize=9)
    strip.set_ylim(-0.4, 1.4)
    strip.set_xlim(0, 102)
    strip.set_xlabel("patches that are the same as in the nearest training picture, in percent", fontsize=9)
    sheet.suptitle(f"Remembered (framed: at least {REMEMBERED:.0%} the same)? {outcome}", fontsize=10)
    alt = (
        "Above, the drawings; below each the training picture with which it shares most patches, and how many. At the "
        "bottom the same shares as points, and beside them those of pictures that people drew and that the model never "
        "saw. A line marks nine patches in ten."
    )
    return show(sheet, alt)


@figure("00.text_tokens")
def text_tokens(model: TextToImage, caption: str) -> Picture:
    """The pieces of a caption, and below each its number."""
    numbers = model.tokenizer.encode([caption])[0].tolist()  # start, the pieces, padding
    words = pieces(model, caption)
    row = [("start", "start"), *[(word, "text") for word in words], *[("pad", "pad")] * 2]
    below = [(str(number), kind) for number, (_, kind) in zip(numbers, row, strict=False)]
    boxes = [[*row, ("…", "pad")], [*below, ("…", "pad")]]
    alt = "The caption in pieces: a start, the pieces of its words, then padding; below each piece its number."
    return sequence(boxes, ["pieces", "numbers"], title=f"“{caption}” in a list of {len(numbers)} text tokens", alt=alt)


@figure("00.yours")
def yours(model: TextToImage, grids: Tensor, names: Sequence[str], caption: str) -> Picture:
    """grids: image tokens (n, N) that a loop has drawn, each with its name."""
    shape = model.dalle.config.rows, model.dalle.config.cols
    pictures = model.dvae.decode(grids.unflatten(1, shape))
    alt = "Pictures that your own loop has drawn, with dice, and one for which always the likeliest patch was taken."
    return image_grid(pictures, names, cols=len(names), side=1.5, title=f"“{caption}”, by your loop", alt=alt)


@figure("00.tiles")
def tiles(model: TextToImage, tokens: Tensor, swapped: Tensor, outcome: Outcome) -> Picture:
    """tokens, swapped: (rows, cols), the second with two of them exchanged. outcome: how many tokens there are."""
    sheet = new_figure(9.4, 3.3)
    left, middle, right = sheet.subplots(1, 3)
    frame(left, mosaic(model.dvae, tokens))
    left.set_title("each token painted alone", fontsize=9)
    both = model.dvae.decode(torch.stack((tokens, swapped)))
    frame(middle, to_image(both[0]))
    middle.set_title("all of them, by the decoder", fontsize=9)
    frame(right, to_image(both[1]))
    right.set_title("two tokens exchanged", fontsize=9)
    side = model.dvae.config.factor
    for row, col in (tokens != swapped).nonzero().tolist():
        corner = (col * side - 0.5, row * side - 0.5)
        for ax in (middle, right):
            ax.add_patch(rectangle(corner, side, side, fill=False, edgecolor=RED, linewidth=1.8))
    sheet.suptitle(f"How many choices make this picture? {outcome}", fontsize=10)
    alt = (
        "Left, the tokens of a drawing as tiles with gaps, each painted alone. In the middle the picture that the "
        "decoder makes of all of them. Right, the same with two tokens exchanged: their patches have changed places."
    )
    return show(sheet, alt)


def mosaic(dvae: DVAE, tokens: Tensor, gap: int = 1) -> Image.Image:
    """Tokens (rows, cols) as tiles with gaps: each is what the decoder paints in the midst of nothing but itself."""
    side = dvae.config.factor
    codes, place = tokens.unique(return_inverse=True)
    alone = dvae.decode(codes[:, None, None].expand(-1, 3, 3))[:, :, side : 2 * side, side : 2 * side]
    rows, cols = tokens.shape
    step = side + gap
    sheet = torch.full((3, rows * step - gap, cols * step - gap), 0.62)
    for row in range(rows):
        for col in range(cols):
            sheet[:, row * step : row * step + side, col * step : col * step + side] = alone[place[row, col]]
    return to_image(sheet)


@figure("00.film")
def film(model: TextToImage, tokens: Tensor) -> Picture:
    """tokens: (rows, cols). The picture as it grows, line by line."""
    rows, cols = tokens.shape
    lines = sorted({max(1, round(rows * part / 8)) for part in range(1, 9)})
    stills = [picture_so_far(model.dvae, tokens.flatten()[: n * cols], rows, cols, model.device) for n in lines]
    alt = "One drawing as it grows from the top to the bottom; what is not drawn yet is gray."
    return image_grid(stills, cols=len(stills), side=1.15, alt=alt)


@figure("00.four")
def four(drawings: dict[str, Drawing]) -> Picture:
    """drawings: letter -> Drawing, of one caption."""
    alt = "Four drawings of one caption, a to d, from different places of the ranking."
    return image_grid([d.image for d in drawings.values()], list(drawings), cols=4, side=1.5, alt=alt)


@figure("00.ranking")
def ranking(drawings: Drawings, outcome: Outcome) -> Picture:
    """drawings: all candidates of a caption, best first."""
    scores = [drawing.score for drawing in drawings]
    if scores != sorted(scores, reverse=True) or scores[0] - scores[-1] < 0.02:
        raise ValueError("CLIP finds no difference between these drawings: draw more candidates, or another caption.")
    ends = [*drawings[:8], *drawings[-8:]]
    places = [*range(1, 9), *range(len(scores) - 7, len(scores) + 1)]
    titles = [f"no. {place}: {drawing.score:.2f}" for place, drawing in zip(places, ends, strict=True)]
    return image_grid(
        [d.image for d in ends],
        titles,
        cols=8,
        side=1.15,
        title=f"The first and the last eight of {len(scores)}, with CLIP's score. The last of your four? {outcome}",
        alt="The eight drawings that CLIP ranks first and the eight that it ranks last, with their scores.",
    )


@figure("00.styles")
def styles(names: Sequence[str], pictures: Tensor) -> Picture:
    """pictures: (styles · n, 3, H, W), n of each style, one style after another."""
    each = len(pictures) // len(names)
    sheet = new_figure(1.05 * len(names) + 0.2, 1.0 * each + 0.3)
    axes = sheet.subplots(each, len(names), squeeze=False)
    for col, name in enumerate(names):
        axes[0, col].set_title(name, fontsize=9)
        for row in range(each):
            frame(axes[row, col], to_image(pictures[col * each + row]))
    return show(sheet, f"One thing in each style, several drawings below each other: {', '.join(names)}.")


@figure("00.machines")
def machines(broken: dict[str, Machine], caption: str) -> Picture:
    """broken: letter -> what went through the machine."""
    sheet = new_figure(9.4, 1.42 * len(broken) + 0.3)
    any_machine = next(iter(broken.values()))
    grid = sheet.subplots(
        len(broken), 1 + len(any_machine.candidates), width_ratios=(3.1, *[1] * len(any_machine.candidates))
    )
    for line, (letter, machine) in zip(grid, broken.items(), strict=True):
        line[0].set_axis_off()
        likely = " · ".join(f"{100 * p:.2g} %" for p in machine.likeliest)
        taken = " · ".join(f"no. {place:,}" for place in machine.taken)
        words = f"reads:  {' · '.join(machine.reads)}\nfirst patch, likeliest:  {likely}\nfirst patch, taken:  {taken}"
        line[0].text(0, 0.5, letter, fontsize=16, fontweight="bold", va="center", transform=line[0].transAxes)
        line[0].text(0.09, 0.5, words, fontsize=9, va="center", linespacing=1.6, transform=line[0].transAxes)
        for n, ax in enumerate(line[1:]):
            frame(ax, machine.candidates[n])
            shown = n == machine.shown
            ax.set_xlabel(f"{machine.scores[n]:.2f}" + (", shown" if shown else ""), fontsize=9)
            if shown:
                ax.xaxis.label.set_fontweight("bold")
                for spine in ax.spines.values():
                    spine.set(color=RED, linewidth=3)
    sheet.suptitle(f"Five broken machines, all asked for “{caption}”", fontsize=10)
    alt = (
        "Five machines, a to e. Of each: what it reads, how likely the likeliest codes of the first patch are, which "
        "of them its candidates took, and these candidates with their scores; the one that it shows is framed."
    )
    return show(sheet, alt)
