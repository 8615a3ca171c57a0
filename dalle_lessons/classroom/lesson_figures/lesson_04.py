"""Figures of lesson 04: a picture as a sequence of tiles, in wrong orders, mirrored, and what an order costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from ..figures import BLUE, GRAY, ORANGE, RED, as_images, frame, image_grid, new_figure, rectangle
from ..figures import show as finish
from ..guesses import Outcome
from ..pictures import Picture
from . import figure
from .code_tiles import WIDE, atlas, beside, plain, whites

VISIBLE = 0.02


def error(picture: Tensor, truth: Tensor) -> float:
    """Mean squared error of two pictures."""
    return float((picture - truth).square().mean())


def cut(image: Tensor, rows: int, cols: int) -> Tensor:
    """(3, H, W) -> tiles in raster order (rows · cols, 3, H / rows, W / cols)."""
    height, width = image.shape[1] // rows, image.shape[2] // cols
    tiles = image.unfold(1, height, height).unfold(2, width, width)  # (3, rows, cols, height, width)
    return tiles.flatten(1, 2).transpose(0, 1)


def pasted(tiles: Tensor, per_line: int, gap: int = 2) -> np.ndarray:
    """Tiles (N, 3, h, w) in lines, white between them -> (H, W, 3) for imshow."""
    lines = -(-len(tiles) // per_line)
    height, width = tiles.shape[2] + gap, tiles.shape[3] + gap
    sheet = np.ones((lines * height - gap, per_line * width - gap, 3))
    for n, tile in enumerate(tiles):
        y, x = n // per_line * height, n % per_line * width
        sheet[y : y + tile.shape[1], x : x + tile.shape[2]] = tile.permute(1, 2, 0)
    return sheet


@figure("04.grid_to_sequence")
def grid_to_sequence(image: Tensor, decoded: Tensor, grid: Tensor) -> Picture:
    """image, decoded: (3, H, W). grid: (rows, cols)."""
    rows, cols = grid.shape
    drawing = new_figure(WIDE, 3.0)
    left, right = drawing.subplots(1, 2, width_ratios=(1, 2.1))
    side = image.shape[1] // rows
    frame(left, as_images([image])[0])
    for line in range(1, rows):
        left.axhline(line * side - 0.5, color="#BBBBBB", linewidth=0.5)
        left.axvline(line * side - 0.5, color="#BBBBBB", linewidth=0.5)
    for row in range(rows):  # the way of reading
        y, end = row * side + side / 2 - 0.5, image.shape[2] - side / 2
        left.annotate("", (end, y), (side / 2, y), arrowprops={"arrowstyle": "->", "color": ORANGE, "lw": 1})
    left.set_title(f"a grid of {rows} rows and {cols} columns", fontsize=9)
    per_line = 2 * cols
    tiles = cut(decoded, rows, cols)
    right.imshow(pasted(tiles, per_line), interpolation="nearest")
    plain(right)
    lines = -(-len(tiles) // per_line)
    right.set_yticks(
        [n * (side + 2) + side / 2 for n in range(lines)], [f"{n * per_line}" for n in range(lines)], fontsize=8
    )
    right.set_ylabel("number of the line's first token", fontsize=8)
    right.set_title(f"one sequence of {len(tiles)} tokens, each shown as its tile ({per_line} in a line)", fontsize=9)
    return finish(
        drawing,
        "Left: the cat face under a grid, with an arrow along each row from left to right. Right: its tiles one after "
        "another in this order, two rows of the grid in each line.",
    )


@figure("04.wrong_orders")
def wrong_orders(truth: Tensor, ways: Mapping[str, Tensor], outcome: Outcome) -> Picture:
    """truth: (B, 3, H, W). ways: what was done with the tokens -> the pictures that come out. outcome: of the guess."""
    mirror = truth.flip(3)
    pictures = [p for b in range(len(truth)) for p in (truth[b], *(way[b] for way in ways.values()), mirror[b])]
    titles = ["true", *ways, "true mirror image"]
    return image_grid(
        pictures,
        titles * len(truth),
        cols=len(titles),
        title=f"Is “each row reversed” the mirror image? {outcome}",
        side=1.75,
        alt="Two pictures: true; their tokens read row by row; column by column; with each row reversed; and the true "
        "mirror image. Every patch stays upright and as it was, wherever it stands.",
    )


@figure("04.unscrambled")
def unscrambled(as_raster: Sequence[Tensor], mended: Sequence[Tensor], names: Sequence[str]) -> Picture:
    """One picture of each batch, (3, H, W): read as if in raster order, and read in the order found, with its name."""
    return image_grid(
        [*as_raster, *mended],
        [*(f"sequence {n + 1}" for n in range(len(names))), *names],
        cols=len(names),
        side=1.7,
        title="above: read as if in raster order; below: read in the order that fits",
        alt="Above, one picture of each sequence, read in raster order; below, the same, read in the order found.",
    )


@figure("04.mirrored")
def mirrored(truth: Tensor, reversed_rows: Tensor, with_table: Tensor, encoded: Tensor) -> Picture:
    """All (B, 3, H, W): true mirror images, rows of tokens reversed, these through the table, and, as the best that
    tokens can do, the mirror image itself encoded and decoded."""
    kinds = {
        "true mirror image": truth,
        "rows reversed": reversed_rows,
        "and the table": with_table,
        "mirror image encoded": encoded,
    }
    errors = {name: error(pictures, truth) for name, pictures in kinds.items()}
    if errors["and the table"] > 0.7 * errors["rows reversed"]:
        raise ValueError("The table mends too little here: was it made from the tokens of enough pictures?")
    few = range(min(3, len(truth)))
    cells = [(name, kinds[name][b], error(kinds[name][b], truth[b])) for b in few for name in kinds]
    return image_grid(
        [picture for _, picture, _ in cells],
        [f"{name}\nerror {wrong:.4f}" if wrong else name for name, _, wrong in cells],
        cols=len(kinds),
        side=1.6,
        title=f"Mean error over {len(truth)} pictures: {errors['rows reversed']:.4f} with the rows reversed, "
        f"{errors['and the table']:.4f} with the table,\n{errors['mirror image encoded']:.4f} with the mirror image "
        "encoded",
        alt="Three things, each as its true mirror image; with its rows of tokens reversed, which falls apart; with "
        "the table of mirrored codes as well, which comes near; and encoded after mirroring, which comes nearest.",
    )


@figure("04.spread")
def spread(changes: Tensor, row: int, col: int, side: int) -> Picture:
    """changes: (trials, H, W), how much each pixel changed. row, col: the cell; side: pixels of a cell."""
    often = (changes > VISIBLE).float().mean(dim=0)
    cells = often.unfold(0, side, side).unfold(1, side, side).mean((2, 3))  # (rows, cols)
    rows, cols = cells.shape
    away = torch.maximum((torch.arange(rows) - row).abs()[:, None], (torch.arange(cols) - col).abs()[None])
    rings = [float(cells[away == ring].mean()) for ring in range(int(away.max()) + 1)]
    drawing = new_figure(WIDE * 0.8, 2.9)
    left, right = drawing.subplots(1, 2, width_ratios=(1, 1.5))
    left.imshow(often.numpy(), cmap="cividis", vmin=0, vmax=1, interpolation="nearest")
    plain(left)
    corner = (col * side - 0.5, row * side - 0.5)
    left.add_patch(rectangle(corner, side, side, fill=False, edgecolor=RED, linewidth=2))
    left.set_title(f"how often each pixel changes,\nin {len(changes)} trials (framed: the cell)", fontsize=9)
    right.bar(range(len(rings)), rings, color=[RED] + [BLUE] * (len(rings) - 1))
    for ring, value in enumerate(rings):
        right.annotate(f"{value:.0%}", (ring, value), ha="center", va="bottom", fontsize=8)
    right.set_xticks(range(len(rings)), range(len(rings)), fontsize=8)
    right.set_xlabel("cells away", fontsize=8)
    right.set_ylabel("share of pixels that change", fontsize=8)
    right.margins(y=0.15)
    right.set_title(f"The cell itself: {rings[0]:.0%}; next to it: {rings[1]:.0%}", fontsize=9)
    return finish(
        drawing,
        "Left: a map of the picture in which the changed cell is brightest and its surroundings grow darker with the "
        "distance. Right: the share of pixels that change, falling with the number of cells away.",
    )


figure("04.atlas")(atlas)
figure("04.whites")(whites)
figure("04.beside")(beside)


@figure("04.first_row")
def first_row(
    down: Sequence[float], up: Sequence[float], pictures: Tensor, tokens: Tensor, outcome: Outcome, shown: int = 7
) -> Picture:
    """down, up: bits per token of each row, written from the top or from the bottom. pictures: (N, 3, H, W), of which
    some that begin alike are shown. tokens: (N, rows, cols), theirs. outcome: of the guess."""
    rows = tokens.shape[1] // 2 - 1
    groups = tokens[:, :rows].flatten(1).unique(dim=0, return_inverse=True)[1]
    begun = (pictures[:, :, : rows * pictures.shape[2] // tokens.shape[1]] < 0.5).flatten(1).any(dim=1)
    twins = pictures[groups == torch.bincount(groups[begun]).argmax()][:shown]  # the largest group with ink already
    drawing = new_figure(WIDE, 4.2)
    above, below = cast(Any, drawing).subfigures(2, 1, height_ratios=(1.7, 1))
    ax = above.subplots()
    places = np.arange(len(down))
    for shift, values, name, color in ((-0.2, down, "from the top", BLUE), (0.2, up, "from the bottom", ORANGE)):
        ax.bar(places + shift, list(values), 0.38, color=color, label=f"{name}: {sum(values):.2f} in a column")
    ax.set_xticks(places, [f"row {n}" for n in places], fontsize=8)
    ax.set_ylabel("bits per token", fontsize=8)
    ax.legend(fontsize=8)
    ax.margins(y=0.35)
    ax.set_title(
        f"Which way costs more? {outcome}\nA token of row 0 costs {down[0]:.2f} bits if its row comes first, "
        f"{up[0]:.2f} if it comes last.",
        fontsize=10,
    )
    axes = below.subplots(1, len(twins))
    side = twins.shape[2] // len(down)
    for ax, picture in zip(axes, as_images(twins), strict=True):
        frame(ax, picture)
        ax.axhline(rows * side - 0.5, color=GRAY, linestyle="--", linewidth=1)
    below.suptitle("Above the dashed line all have the same tokens", fontsize=9)
    return finish(
        drawing,
        "Above: bars for each row of the grid, written from the top or from the bottom; the row that comes first costs "
        "more than it does when it comes last. Below: pictures whose upper rows are the same, while the lower differ.",
    )
