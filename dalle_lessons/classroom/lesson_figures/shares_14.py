"""Shares with their intervals and their ceilings, as lesson 14 draws them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor

from ...evaluation.metrics import share
from ..figures import BLUE, RED, SKY

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
