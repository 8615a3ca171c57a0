"""Figures of lesson 09 on the residual path and the norms: a stack with and without them, fresh and trained."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache

import torch.nn.functional as F
from torch import Tensor

from ...model.files import data_dir
from ..figures import BLUE, DASHES, GRAY, GREEN, MARKERS, ORANGE, RED, new_figure, show
from ..guesses import Outcome
from ..pictures import Picture
from . import figure

ARMS = {  # name: (has it the residual path?, has it the norms?)
    "residual path and norms": (True, True),
    "residual path, no norms": (True, False),
    "norms, no residual path": (False, True),
    "neither": (False, False),
}
COLORS = (BLUE, GREEN, ORANGE, RED)


@cache
def runs() -> dict:
    """The runs made before: see tools/lesson_runs/lesson_09.py."""
    return json.loads((data_dir() / "lessons" / "09" / "runs.json").read_text(encoding="utf-8"))


@figure("09.fresh")
def fresh(
    gradients: Mapping[str, Sequence[Tensor]], streams: Mapping[str, Sequence[Tensor]], outcome: Outcome
) -> Picture:
    """Of the four stacks of ARMS, before any training. gradients: of each block's MLP, the mean absolute value;
    streams: (B, S, C) before the first block and after each, of which is drawn how alike the slots are."""
    alike = {name: [_mean_cosine(x) for x in some] for name, some in streams.items()}
    if min(gradients["residual path and norms"]) == 0 or alike["norms, no residual path"][-1] < 0.9:
        raise ValueError("These stacks do not come out as they should: run all cells from the top again.")
    drawn = new_figure(9.0, 3.7)
    left, right = drawn.subplots(1, 2)
    for n, name in enumerate(ARMS):
        style = {"color": COLORS[n], "linestyle": DASHES[n], "marker": MARKERS[n], "markersize": 4}
        values = [float(value) for value in gradients[name]]
        label = f"{name}: exactly 0" if max(values) == 0 else name
        shown = [max(value, 3e-9) for value in values]
        left.plot(range(1, len(values) + 1), shown, label=label, **style)
        right.plot(range(len(alike[name])), alike[name], **style)
    left.set_yscale("log")
    left.set_ylim(1e-9, 30)
    left.set_yticks((1e-8, 1e-6, 1e-4, 1e-2, 1), ("1e-8", "1e-6", "1e-4", "0.01", "1"))
    left.minorticks_off()
    left.set_xlabel("block", fontsize=9)
    left.set_title("mean |gradient| of the block's MLP", fontsize=9)
    left.legend(fontsize=8, loc="center", bbox_to_anchor=(0.5, 0.32))
    right.set_xlabel("after so many blocks", fontsize=9)
    right.set_title("how alike the slots are (mean cosine; 1: all the same)", fontsize=9)
    right.set_ylim(-0.05, 1.07)
    for ax in (left, right):
        ax.tick_params(labelsize=8)
        ax.grid(alpha=0.25)
    drawn.suptitle(f"The first block's gradient beside the last's, norms alone: {str(outcome).lower()}", fontsize=10)
    alt = (
        "Two panels over the blocks. Left, gradients: with a residual path the same in all blocks; with norms alone "
        "not small; with neither, zero. Right, how alike the slots are: with a residual path it stays as it was; "
        "without it, it goes to 1; with neither, the line ends where the vectors have vanished."
    )
    return show(drawn, alt)


def _mean_cosine(x: Tensor) -> float:
    """(B, S, C) -> the mean cosine between the vectors of two slots of a picture; nan where they have vanished."""
    if float(x.detach().norm(dim=-1).min()) < 1e-30:
        return math.nan
    unit = F.normalize(x.detach().double(), dim=-1, eps=1e-60)
    return float((unit @ unit.mT).mean())


def ending_without_path() -> str:
    """Where the stack with norms and without residual path ends, as a choice of the guess "09.without_path"."""
    unigram, uniform = runs()["counts"]["unigram"], runs()["counts"]["uniform"]
    ends = [run["held out"] for run in runs()["arms"]["norms, no residual path"]]
    if max(ends) < 0.9 * unigram or max(ends) > (unigram + uniform) / 2:
        raise ValueError("The runs of lesson 09 do not end near the unigram.")
    return "near the unigram"


@figure("09.trained")
def trained(outcome: Outcome) -> Picture:
    """The four stacks of ARMS in training, each at its best rate, from the runs made before; and all rates beside."""
    made, counts = runs()["arms"], runs()["counts"]
    drawn = new_figure(9.4, 3.8)
    left, right = drawn.subplots(1, 2)
    rates = sorted({run["rate"] for lines in made.values() for run in lines})
    for n, (name, lines) in enumerate(made.items()):
        style = {"color": COLORS[n], "linestyle": DASHES[n], "marker": MARKERS[n], "markersize": 4}
        first = [run for run in lines if run["seed"] == 0]
        if not first:
            continue
        best = min(first, key=lambda run: run["held out"] or math.inf)
        every = 200 // len(best["line"])
        steps = [every * (k + 1) for k in range(len(best["line"]))]
        left.plot(steps, best["line"], label=f"{name} ({best['rate']:g})", **style)
        for run in lines:
            x = rates.index(run["rate"]) + 0.13 * (n - 1.5)
            failed = run["held out"] is None
            right.plot(
                x,
                3.7 if failed else run["held out"],
                color=COLORS[n],
                marker="x" if failed else MARKERS[n],
                fillstyle="none" if run["seed"] else "full",
                markersize=8 if failed else 6,
                linestyle="",
            )
    for ax in (left, right):
        ax.tick_params(labelsize=8)
        ax.axhline(counts["unigram"], color=GRAY, linewidth=1, linestyle=":")
        ax.set_yscale("log")
        ax.set_ylim(0.85, 4)
        ax.set_yticks((1, 1.5, 2, 3), ("1", "1.5", "2", "3"), fontsize=8)
        ax.minorticks_off()
        ax.grid(alpha=0.25)
    left.text(203, counts["unigram"] * 0.93, "unigram", fontsize=8, color="#555555", ha="right")
    left.set_xlabel("step", fontsize=9)
    left.set_ylabel("nats an image token", fontsize=9)
    left.legend(fontsize=8, title="learning rate in brackets", title_fontsize=8)
    left.set_title("training loss, each at its best rate", fontsize=9)
    right.set_xticks(range(len(rates)), [f"{rate:g}" for rate in rates], fontsize=8)
    right.set_xlim(-0.5, len(rates) - 0.5)
    right.set_xlabel("learning rate", fontsize=9)
    right.set_title("held-out at the end (hollow: second seed; cross: NaN)", fontsize=9)
    drawn.suptitle(
        f"Eight blocks, 200 steps, run before. Without the path: {str(outcome)[0].lower()}{str(outcome)[1:]}",
        fontsize=10,
    )
    alt = (
        "Left, training losses: with the residual path it falls below the unigram's line, without it ends on that "
        "line. Right, the held-out loss for several learning rates; crosses, mostly of stacks without norms, stand for "
        "a loss that is no number any more."
    )
    return show(drawn, alt)
