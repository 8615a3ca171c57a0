"""Codes as tiles, for lesson 04: the atlas, and what a white code says about what stands beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..figures import RED, new_figure, rectangle, show
from ..guesses import Outcome
from ..pictures import Picture

WIDE = 9.0  # inches: what fits a notebook of 900 pixels


def plain(ax) -> None:
    """An axis without ticks."""
    ax.set_xticks([])
    ax.set_yticks([])


def atlas(tiles: Tensor, shares: Tensor, white: Tensor, codes: int) -> Picture:
    """tiles: (N, 3, side, side) of the commonest codes. shares: (N,) of all tokens. white: (N,) bool. codes: of all."""
    flat = tiles.flatten(1)
    centered = flat - flat.mean(dim=0)
    _, axes = torch.linalg.eigh(centered.T @ centered)  # (D, D), ascending
    axes = axes[:, -2:].flip(1)
    axes = axes * torch.where(axes.sum(dim=0) < 0, -1.0, 1.0)  # the sign is free: light at one end
    places = centered @ axes  # (N, 2)
    per_column = 15
    order = (-places[:, 0]).argsort(stable=True)
    columns = [part[places[part, 1].argsort(stable=True)] for part in order.split(per_column)]
    drawing = new_figure(WIDE, 3.7)
    ax = drawing.subplots()
    step = tiles.shape[2] + 2
    sheet = np.ones((per_column * step, len(columns) * step, 3)) * 0.75
    for x, column in enumerate(columns):
        for y, k in enumerate(column.tolist()):
            sheet[y * step + 1 : (y + 1) * step - 1, x * step + 1 : (x + 1) * step - 1] = tiles[k].permute(1, 2, 0)
    ax.imshow(sheet, interpolation="nearest")
    plain(ax)
    blank = sum(bool(white[column].all()) for column in columns)
    if blank > 1:
        ax.text(blank * step / 2, sheet.shape[0] / 2, "codes\nfor white", ha="center", va="center", fontsize=11)
    ax.set_title(
        f"The {len(tiles)} commonest of {codes:,} codes, each as its tile, alike beside alike.\n"
        f"{int(white.sum())} of them are all but white: {float(shares[white].sum()):.0%} of all tokens.",
        fontsize=10,
    )
    return show(
        drawing,
        "Many small tiles, from white and light ones at one side to dark ones at the other: plain colors, edges in all "
        "directions, corners, lines. Those that look alike stand beside each other.",
    )


def whites(grids: Mapping[str, tuple[Tensor, Tensor]], outcome: Outcome) -> Picture:
    """grids: encoder -> tokens (rows, cols) of a white picture, and of the same with one black cell. outcome: of the
    guess, for the first encoder."""
    ringed, alone = ((before != after).sum() for before, after in grids.values())
    if ringed < 3 or alone != 1:
        raise ValueError("Give two encoders: first one that looks around, then one that sees its own patch alone.")
    drawing = new_figure(WIDE * 0.8, 3.5)
    axes = drawing.subplots(1, len(grids))
    for ax, (name, (before, after)) in zip(np.atleast_1d(axes), grids.items(), strict=True):
        rows, cols = before.shape
        changed = before != after
        kinds = {int(code): n for n, code in enumerate(before.unique())}
        shades = np.linspace(1.0, 0.72, max(2, len(kinds)))
        for row in range(rows):
            for col in range(cols):
                shade = str(shades[kinds[int(before[row, col])]])
                ax.add_patch(rectangle((col, row), 1, 1, facecolor=shade, edgecolor="#BBBBBB", linewidth=0.5))
                ink = "white" if (row, col) == (rows // 2, cols // 2) else "black"
                ax.text(col + 0.5, row + 0.5, int(after[row, col]), ha="center", va="center", fontsize=8, color=ink)
        for row, col in changed.nonzero().tolist():
            ax.add_patch(rectangle((col + 0.06, row + 0.06), 0.88, 0.88, fill=False, edgecolor=RED, linewidth=2))
        ax.add_patch(rectangle((cols // 2, rows // 2), 1, 1, facecolor="black", zorder=1.5))
        ax.set_xlim(0, cols)
        ax.set_ylim(rows, 0)
        ax.set_aspect("equal")
        plain(ax)
        others = int(changed.sum()) - 1
        ax.set_title(
            f"{name}: all white takes {len(kinds)} code{'s' if len(kinds) > 1 else ''};\n"
            f"with the black patch, {others} other tokens change",
            fontsize=9,
        )
    drawing.suptitle(f"{outcome} The numbers: each cell's code, with the black patch painted.", fontsize=10)
    return show(
        drawing,
        "The grid of tokens of a white picture, for each of two encoders; each shade is a code. One cell is painted "
        "black, and each cell has the number of its code then; cells whose token changes are framed. The encoder that "
        "looks around has frames in the ring about the black cell, the other has none.",
    )


def ink_around(ink: Tensor, places: Tensor) -> Tensor:
    """(3, 3): the share of places (b, row, col) with ink in each of the cells around them; none beyond the border."""
    padded = F.pad(ink.float(), (1, 1, 1, 1))
    return torch.stack([padded[b, r : r + 3, c : c + 3] for b, r, c in places.tolist()]).mean(dim=0)


def guessed_right(tokens: Tensor, ink: Tensor, codes: int) -> float:
    """White cells: how often "is there ink on the right?" is guessed right from the cell's code, as counted in every
    other picture, in the pictures between."""
    own, white, right = tokens[:, :, :-1], ~ink[:, :, :-1], ink[:, :, 1:]
    seen = torch.bincount(own[::2][white[::2]], minlength=codes)
    inked = torch.bincount(own[::2][white[::2] & right[::2]], minlength=codes)
    guesses = (2 * inked > seen)[own[1::2]]
    return float((guesses == right[1::2])[white[1::2]].float().mean())


def beside(tokens: Mapping[str, Tensor], ink: Tensor, shares: Mapping[str, Tensor], shown: int = 8) -> Picture:
    """tokens: encoder -> (N, rows, cols). ink: (N, rows, cols) bool. shares: encoder -> (codes,), the share with ink on
    the right. Of each encoder, codes of white patches that occur often, from the least such share to the largest."""
    drawing = new_figure(WIDE, 4.1)
    drawing.suptitle(
        "Framed: a white patch with one code. Around it: how often its neighbors hold ink, black for always",
        fontsize=10,
    )
    lines = cast(Any, drawing).subfigures(len(tokens), 1)
    chosen: dict[str, list[int]] = {}
    for line, (name, grids) in zip(lines, tokens.items(), strict=True):
        counts = torch.bincount(grids[~ink], minlength=len(shares[name]))
        often = [int(k) for k in (counts >= 30).nonzero().flatten()]
        often.sort(key=lambda k, own=shares[name]: (float(own[k]), k))
        picks = sorted({round(n * (len(often) - 1) / (shown - 1)) for n in range(shown)})
        chosen[name] = [often[n] for n in picks]
        axes = line.subplots(1, shown)
        for ax in axes[len(picks) :]:
            ax.set_axis_off()
        for ax, code in zip(axes, chosen[name], strict=False):
            around = ink_around(ink, ((grids == code) & ~ink).nonzero()[:400])
            ax.imshow(1 - around.numpy(), cmap="gray", vmin=0, vmax=1)
            plain(ax)
            ax.add_patch(rectangle((0.5, 0.5), 1, 1, fill=False, edgecolor=RED, linewidth=1.5))
            ax.set_title(f"right: {float(shares[name][code]):.0%}", fontsize=8, pad=3)
        right = guessed_right(grids, ink, len(shares[name]))
        line.suptitle(
            f"{name}: {len(often)} code{'s' if len(often) > 1 else ''} for white; "
            f"is there ink on the right? guessed from the code alone, right in {right:.0%}",
            fontsize=9,
        )
    spread = [float(shares["looks around"][k]) for k in chosen["looks around"]]
    if max(spread) - min(spread) < 0.3 or len(chosen["own patch"]) >= len(spread):
        raise ValueError("These whites say little about their neighbors: are the shares those of the right encoder?")
    return show(
        drawing,
        "For each of two encoders, codes of white patches (framed), and how often there is ink in each of the eight "
        "cells around: the darker, the oftener. The encoder that looks around has many such codes, from some with "
        "white on the right to some with ink there; the other has hardly more than one.",
    )
