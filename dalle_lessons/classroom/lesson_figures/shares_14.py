"""Shares with their intervals and their ceilings, and lines of pictures, as lesson 14 draws them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from torch import Tensor

from ...evaluation.metrics import share
from ..figures import BLUE, RED, SKY
from ..pictures import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TILE, GAP, BORDER = 128, 12, 187  # pixels of a picture and between two, and the gray around each


def intervals(ax: Axes, rows: Mapping[str, Tensor], best: Mapping[str, float] | None = None) -> None:
    """For each name (N,) hits: their share, Wilson's interval, and as a cross what could be reached at best."""
    for y, (name, hits) in enumerate(rows.items()):
        found = share(hits)
        ends = [100 * found["low"], 100 * found["high"]]
        ax.plot(ends, [y, y], color=SKY, linewidth=6, solid_capstyle="butt", label=None if y else "95% interval")
        ax.plot(100 * found["share"], y, "o", color=BLUE, label=None if y else "drawn")
        if best and name in best:
            ax.plot(
                100 * best[name], y, "x", color=RED, markersize=8, markeredgewidth=2,
                label=None if y else "true pictures, through the dVAE",
            )  # fmt: skip
    ax.set_yticks(range(len(rows)), [f"{name} (of {share(hits)['n']})" for name, hits in rows.items()], fontsize=9)
    ax.set_ylim(len(rows) - 0.5, -0.6)
    ax.set_xlim(-3, 103)
    ax.tick_params(axis="x", labelsize=8)
    ax.grid(axis="x", alpha=0.3)


def below(panel, ax: Axes) -> None:
    """The legend of `ax` under the whole figure."""
    handles, names = ax.get_legend_handles_labels()
    panel.legend(handles, names, loc="outside lower center", ncols=3, fontsize=8, frameon=False)


def strips(ax: Axes, lines: Sequence[tuple[str, Sequence[Image.Image]]], titles: Sequence[str] = ()) -> None:
    """Lines of pictures below each other on one axis, each with its name on the left; titles stand above the first."""
    cols, pitch = max(len(pictures) for _, pictures in lines), TILE + GAP
    sheet = np.full((pitch * len(lines) - GAP, pitch * cols - GAP, 3), 255, np.uint8)
    for row, (_, pictures) in enumerate(lines):
        for col, picture in enumerate(pictures):
            tile = sheet[row * pitch :, col * pitch :][:TILE, :TILE]
            tile[:] = BORDER
            tile[1:-1, 1:-1] = np.asarray(picture.resize((TILE, TILE), Image.Resampling.NEAREST))[1:-1, 1:-1]
    ax.imshow(sheet, interpolation="antialiased")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0, labelsize=9)
    ax.set_yticks([row * pitch + TILE / 2 for row in range(len(lines))], [name for name, _ in lines])
    ax.xaxis.tick_top()
    ax.set_xticks([col * pitch + TILE / 2 for col in range(len(titles))], titles, fontsize=8)


def small(picture: Picture) -> Picture:
    """The same in 255 colors: drawings with many colors are stored small."""
    buffer = io.BytesIO()
    picture.open().quantize(255, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(buffer, format="PNG")
    return Picture(buffer.getvalue(), picture.alt)
