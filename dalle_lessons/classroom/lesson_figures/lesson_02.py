"""The figures of lesson 02: the codebook. Those of longer runs stand in `codebook_runs`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..figures import BLUE, GRAY, RED, new_figure, show
from ..pictures import Picture
from . import (
    codebook_runs,  # noqa: F401 - the other figures of this lesson
    figure,
)
from .code_plane import code_plane, distances, draw_plane, draw_vector, mean_colors, row_of_pictures, window

if TYPE_CHECKING:
    from ..guesses import Outcome

CELL = 28  # of the plane's picture: the patch whose vector is followed


@figure("02.distances")
def distances_figure() -> Picture:
    """One vector and the codes in the plane, with the distances between; the same numbers as a row, below others."""
    plane = code_plane()
    codes, colors = plane.codes[-1], mean_colors(plane.tiles[-1])
    cells = [CELL, *(cell for cell in range(64) if plane.patch(cell).std() > 0.1)][:6]
    vectors = plane.vectors[-1, cells]
    table = distances(vectors, codes)
    drawn = new_figure(10.2, 4.0)
    left, right = drawn.subplots(1, 2, width_ratios=(1, 1.25))
    draw_plane(left, codes, colors, window(codes), None)
    x, y = vectors[0].tolist()
    for k in table[0].argsort()[:5].tolist():
        a, b = codes[k].tolist()
        left.plot([x, a], [y, b], color="#666666", linewidth=1)
        left.text(
            (x + a) / 2,
            (y + b) / 2 - (0.03 if k != table[0].argmin() else 0.07),
            f"{table[0, k]:.2f}",
            fontsize=8,
            ha="center",
            va="top",
        )
    draw_vector(left, vectors[0])
    left.set_title("one vector (cross) and 16 codes: distances to five of them", fontsize=9)
    right.imshow(table.numpy(), cmap="cividis", aspect="auto")
    for r, row in enumerate(table.tolist()):
        for k, value in enumerate(row):
            shade = "white" if value < float(table.max()) / 2 else "black"
            right.text(k, r, f"{value:.1f}", ha="center", va="center", fontsize=8, color=shade)
    right.set_xticks(range(16), [str(k) for k in range(16)], fontsize=8)
    right.set_yticks(range(6), ["the cross", *(f"vector {r}" for r in range(1, 6))], fontsize=8)
    right.set_title("distances of six vectors (down) to 16 codes (across)", fontsize=9)
    return show(
        drawn, "Left: a vector and 16 codes in the plane, with distances. Right: six vectors by 16 codes, distances."
    )


@figure("02.staircase")
def staircase_figure(nearest_code: Callable[[Tensor, Tensor], Tensor], outcome: Outcome) -> Picture:
    """A vector walks straight through the plane, and the picture's error is measured on its way.

    nearest_code: (N, 2), (K, 2) -> (N,). outcome: of the guess.
    """
    plane = code_plane()
    codes, vectors = plane.codes[-1], plane.vectors[-1]
    start = vectors[CELL]
    order = distances(start[None], codes)[0].argsort().tolist()
    end = start + 1.6 * (codes[order[4]] - start)
    begin = start - 0.35 * (end - start)
    part = torch.linspace(0, 1, 161)
    walk = begin + part[:, None] * (end - begin)  # (161, 2)
    found = nearest_code(walk, codes)
    hard, soft = error_at(codes[found]), error_at(walk)
    drawn = new_figure(10.2, 4.0)
    left, right = drawn.subplots(1, 2)
    draw_plane(left, codes, mean_colors(plane.tiles[-1]), window(codes, walk), nearest_code)
    left.plot(*walk.T.tolist(), color=RED, linewidth=2)
    draw_vector(left, start)
    left.annotate("", walk[-1].tolist(), walk[-12].tolist(), arrowprops={"arrowstyle": "-|>", "color": RED})
    left.set_title("a vector's walk through the regions", fontsize=9)
    right.plot(part.tolist(), hard.tolist(), color=RED, linewidth=2, label="decoder gets the nearest code")
    right.plot(part.tolist(), soft.tolist(), color=BLUE, linestyle="--", label="decoder gets the vector itself")
    for border in (found[1:] != found[:-1]).nonzero().flatten().tolist():
        right.axvline(float(part[border]), color=GRAY, linewidth=0.8, linestyle=":")
    right.set_xlabel("how far along the walk (dotted: borders)", fontsize=9)
    right.set_ylabel("squared error of the picture", fontsize=9)
    right.legend(fontsize=8)
    right.set_title(str(outcome), fontsize=9)
    return show(drawn, "Left: a walk through the regions of the codes. Right: the picture's error along it.")


def effect_of_moves(nearest_code: Callable[[Tensor, Tensor], Tensor]) -> str:
    """What a very small move of the plane's 64 vectors does to the error: one of the choices of the guess "02.slope".

    nearest_code: (N, 2), (K, 2) -> (N,)."""
    plane = code_plane()
    codes, vectors = plane.codes[-1], plane.vectors[-1]
    changed = nearest_code(vectors, codes) != nearest_code(vectors + 1e-4, codes)
    return "nearly always not at all" if float(changed.float().mean()) < 0.1 else "a lot, in a jump"


@torch.no_grad()
def error_at(given: Tensor) -> Tensor:
    """Squared error, summed over the plane's picture, if the decoder gets (N, 2) at the followed patch -> (N,)."""
    plane = code_plane()
    codes = plane.codes[-1]
    maps = codes[distances(plane.vectors[-1], codes).argmin(dim=1)].repeat(len(given), 1, 1)  # (N, 64, 2)
    maps[:, CELL] = given
    made = plane.decoder(maps.transpose(1, 2).unflatten(2, (8, 8)))
    return (made - plane.picture).pow(2).flatten(1).sum(dim=1)


@figure("02.reconstructions")
def reconstructions_figure(true: Tensor, made: Tensor, outcome: Outcome) -> Picture:
    """Pictures (N, 3, 32, 32) and what came of their tokens, the first six of each. outcome: of the guess.

    Raises ValueError if the training has not learned what it should.
    """
    error = float((true - made).pow(2).mean())
    if error > 0.025:
        raise ValueError(
            f"It should have learned more (error {error:.3f}): do nearest_code and straight_through pass their checks?"
        )
    rows = {"true": true[:6], "from 64\ntokens": made[:6]}
    title = f"{outcome} Mean squared error on 300 unseen pictures: {error:.4f}"
    return sheet(rows, title, "Six unseen pictures above; below each, what the decoder makes of its 64 tokens.")


def sheet(rows: Mapping[str, Tensor], title: str, alt: str) -> Picture:
    """Named rows of pictures (N, 3, H, W)."""
    cols = len(next(iter(rows.values())))
    drawn = new_figure(1.25 * cols + 0.9, 1.27 * len(rows) + 0.35)
    for ax, (name, pictures) in zip(drawn.subplots(len(rows), 1), rows.items(), strict=True):
        row_of_pictures(ax, pictures, name)
    drawn.suptitle(title, fontsize=10)
    return show(drawn, alt)
