"""Figures of lesson 09 on attention masks: what a slot sees, what it knows of after some layers, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...model.attention_masks import joint_mask
from ..figures import BLUE, ORANGE, new_figure, show
from ..guesses import Outcome
from ..pictures import Picture
from . import figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def wrapped_convolution(rows: int, cols: int, kernel: int = 11) -> Tensor:
    """(N, N) bool, as in the paper's Fig. 11: the window goes on round the end of a line."""
    slot, half = torch.arange(rows * cols), kernel // 2
    back = slot[:, None] - slot
    near = torch.zeros_like(back, dtype=torch.bool)
    for up in range(half + 1):
        near |= (back - up * cols).abs() <= half
    return near & (back >= 0)


def _cells(ax: Axes, seen: Tensor, slot: int, cols: int) -> None:
    """The cells that a slot sees, (N,) bool, gray, and the slot itself, black."""
    shades = torch.where(seen, 0.55, 0.95).index_fill(0, torch.tensor(slot), 0.0)
    ax.imshow(shades.reshape(-1, cols).numpy(), cmap="gray", vmin=0, vmax=1)
    ax.set_xticks([x - 0.5 for x in range(1, cols)], minor=True)
    ax.set_yticks([y - 0.5 for y in range(1, len(seen) // cols)], minor=True)
    ax.grid(which="minor", color="white", linewidth=0.5)
    ax.tick_params(which="both", length=0, labelbottom=False, labelleft=False)


@figure("09.masks")
def masks(row_mask: Tensor, slot: int, rows: int, cols: int) -> Picture:
    """What the slot sees under each mask; row_mask (N, N): the lesson's own."""
    shown = {
        "full": joint_mask("full", 0, rows, cols),
        "row (yours)": row_mask,
        "column": joint_mask("column", 0, rows, cols),
        "convolution (ours)": joint_mask("conv", 0, rows, cols),
        "convolution (paper)": wrapped_convolution(rows, cols),
    }
    drawn = new_figure(9.2, 2.3)
    for ax, (name, mask) in zip(drawn.subplots(1, len(shown)), shown.items(), strict=True):
        _cells(ax, mask[slot], slot, cols)
        ax.set_title(f"{name}\nsees {int(mask[slot].sum())} of {slot + 1}", fontsize=9)
    alt = (
        f"On a grid of {rows} by {cols}, the cells that one slot near the left edge (black) may look at, gray: all "
        "before it; a stretch as long as a row; its column; a window that our edge cuts off; and the paper's window, "
        "which goes on at the end of the lines above."
    )
    return show(drawn, alt)


@figure("09.reach")
def reaches(seen: Mapping[str, Tensor], slot: int, cols: int, outcome: Outcome) -> Picture:
    """seen: the layers' names -> (N, N) bool, what each slot knows of after them."""
    drawn = new_figure(9.2, 2.6)
    for ax, (name, mask) in zip(drawn.subplots(1, len(seen)), seen.items(), strict=True):
        _cells(ax, mask[slot], slot, cols)
        ax.set_title(f"{name}\n{int(mask[slot].sum())} of {slot + 1}", fontsize=9)
    drawn.suptitle(f"Row layers alone, from the last slot to the first: {str(outcome).lower()}", fontsize=10)
    alt = (
        "What one slot (black) knows of, gray: after one row layer a stretch of one row, after two of two rows, after "
        "three of three; after a row layer and a column layer, all before it."
    )
    return show(drawn, alt)


def dense_time(seconds: Mapping[str, float]) -> str:
    """seconds: "full", "row mask" -> how a dense row mask's time compares, as a choice of the guess "09.dense_time"."""
    share = seconds["row mask"] / seconds["full"]
    return "about the same" if share > 0.7 else "about half" if share > 0.25 else "about a sixteenth"


@figure("09.time")
def times(seconds: Mapping[str, float], outcome: Outcome) -> Picture:
    """seconds: "full", "row mask", "line by line" -> seconds a layer."""
    if not seconds["line by line"] < 0.85 * seconds["row mask"] or outcome.truth != "about the same":
        raise ValueError("The times are disturbed by something else that computes: run this cell again.")
    drawn = new_figure(6.4, 1.8)
    ax = drawn.subplots()
    bars = ax.barh(range(len(seconds)), [1000 * value for value in seconds.values()], color=[BLUE, BLUE, ORANGE])
    ax.bar_label(bars, [f"{1000 * value:.1f}" for value in seconds.values()], fontsize=9, padding=3)
    ax.set_yticks(range(len(seconds)), list(seconds), fontsize=9)
    ax.invert_yaxis()
    ax.margins(x=0.15)
    ax.set_xlabel("milliseconds a layer, 1,024 slots", fontsize=9)
    ax.set_title(f"A row mask over a full product: {str(outcome).lower()}", fontsize=10)
    return show(drawn, "Three bars: full attention and a row mask take about as long; line by line takes far less.")
