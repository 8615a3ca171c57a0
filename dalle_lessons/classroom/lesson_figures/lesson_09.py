"""Figures of lesson 09: what each block does, where the parameters are, and how deep to stack. Those of the residual
path stand in `residual_path_09`, those of masks in `masks_09`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from ...datasets.images import to_image
from ...model.dvae import DVAE
from ...model.sequence import unflatten
from ..figures import BLUE, DASHES, GRAY, MARKERS, ORANGE, frame, new_figure, rectangle, show
from ..guesses import Outcome
from ..ledger import draw_ledger, stored
from ..pictures import Picture
from . import figure
from .masks_09 import dense_time, masks, reaches, times
from .residual_path_09 import ARMS, COLORS, ending_without_path, fresh, runs, trained

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Registered, or asked for, here.
__all__ = ["ARMS", "dense_time", "ending_without_path", "fresh", "masks", "reaches", "times", "trained"]


@figure("09.knocked_out")
def knocked_out(dvae: DVAE, tokens: Sequence[Tensor], nats: Sequence[float], outcome: Outcome) -> Picture:
    """tokens: what the whole model draws, (1, N), then without block 1, 2, …; nats: what the first drawing costs each
    of them."""
    most = max(range(1, len(nats)), key=lambda k: nats[k])
    rest = sorted(nats[1:])
    if rest[-1] < 1.1 * rest[-2]:
        raise ValueError("No block stands out: restart the kernel and run all.")
    drawn = new_figure(1.35 * len(tokens), 2.2)
    for k, (ax, some) in enumerate(zip(drawn.subplots(1, len(tokens)), tokens, strict=True)):
        frame(ax, to_image(dvae.decode(unflatten(some, 8, 8))[0]))
        name = "all blocks" if k == 0 else f"without block {k}"
        ax.set_title(name, fontsize=9, fontweight="bold" if k == most else "normal")
        ax.set_xlabel(f"{nats[k]:.2f} nats", fontsize=9)
    drawn.suptitle(f"Below: what the first drawing costs each model, in nats a token. {outcome}", fontsize=10)
    alt = f"What the model draws with all its blocks, and with one of its {len(nats) - 1} blocks left out at a time."
    return show(drawn, alt)


@figure("09.parameters")
def parameters(
    parts: Mapping[str, int], block_parameters: Callable[[int], int], ours: int, theirs: int, outcome: Outcome
) -> Picture:
    """parts: name -> numbers, of the emoji model; block_parameters: the lesson's own; ours, theirs: the width of its
    blocks and of the paper's."""
    drawn = new_figure(9.0, 3.4)
    left, right = drawn.subplots(1, 2, width_ratios=[1.0, 1.1])
    y, biggest = range(len(parts)), max(parts.values())
    bars = left.barh(y, list(parts.values()), color=[ORANGE if v == biggest else BLUE for v in parts.values()])
    left.bar_label(bars, [f"{value / 1e6:.2f} M" for value in parts.values()], fontsize=9, padding=3)
    left.set_yticks(y, list(parts), fontsize=9)
    left.set_xticks([])
    left.invert_yaxis()
    left.margins(x=0.25)
    left.set_title("the emoji model, in millions of numbers", fontsize=9)
    _block_to_scale(right, theirs, 0.0, BLUE, f"one block of the paper's, width {theirs:,}: attention pale, MLP full")
    _block_to_scale(right, ours, 2.62 * theirs, ORANGE, f"one of ours, width {ours}, to the same scale")
    right.set_xlim(-0.1 * theirs, 6.6 * theirs)
    right.set_ylim(3.2 * theirs, -0.45 * theirs)
    right.set_aspect("equal")
    right.set_axis_off()
    right.set_title(f"64 blocks of the paper's width: {64 * block_parameters(theirs):,} numbers", fontsize=9)
    drawn.suptitle(f"The largest part: {str(outcome)[0].lower()}{str(outcome)[1:]}", fontsize=10)
    alt = (
        f"Bars: {', '.join(parts)}. Beside them the six matrices of a block as rectangles: those of the paper's model "
        "are large, those of ours a few dots at the same scale."
    )
    return show(drawn, alt)


def _block_to_scale(ax: Axes, width: int, top: float, color: str, name: str) -> None:
    """Four squares of attention and the two rectangles of an MLP."""
    ax.text(0, top - 0.08 * 3968, name, fontsize=9, va="bottom")
    for n in range(4):
        corner = (1.08 * width * (n % 2), top + 1.08 * width * (n // 2))
        ax.add_patch(rectangle(corner, width, width, facecolor=color, edgecolor="none", alpha=0.55))
    for n in range(2):
        corner = (2.4 * width, top + 1.08 * width * n)
        ax.add_patch(rectangle(corner, 4 * width, width, facecolor=color, edgecolor="none"))


def gain_of_depth() -> str:
    """How much lower four blocks end than one, after the short trainings with captions, as a choice of "09.depth"."""
    some = [run for run in runs()["depth"] if run["captions"] and run["steps"] == 200]
    one, four = ([run["held out"] for run in some if run["layers"] == layers] for layers in (1, 4))
    gain = 1 - (sum(four) / len(four)) / (sum(one) / len(one))
    return "a third or more" if gain > 0.25 else "about a tenth" if gain > 0.05 else "hardly anything"


@figure("09.depth")
def depth(outcome: Outcome) -> Picture:
    """Trainings of 1, 2 and 4 blocks, of two seeds, from the runs made before: the loss on the way of the longest, and
    the held-out loss at the end of all."""
    made = sorted(runs()["depth"], key=lambda run: (run["layers"], run["seed"]))
    kinds = sorted({(run["steps"], run["captions"]) for run in made})
    for kind in kinds:
        if len([run for run in made if (run["steps"], run["captions"]) == kind]) != 6:
            raise ValueError(f"Of the runs of {kind[0]} steps some are missing: run tools/lesson_runs/lesson_09.py.")
    drawn = new_figure(9.2, 3.6)
    left, right = drawn.subplots(1, 2, width_ratios=[1.2, 1.0])
    window = 20
    for run in [run for run in made if run["steps"] == kinds[-1][0]]:
        means = [sum(run["line"][k - window : k]) / window for k in range(window, len(run["line"]) + 1, window)]
        n, first = int(math.log2(run["layers"])), run["seed"] == 0
        name = f"{run['layers']} block{'s' * (run['layers'] > 1)}"
        look = {"color": COLORS[n], "linestyle": DASHES[n], "linewidth": 1.6 if first else 0.7}
        left.plot([window * (k + 1) for k in range(len(means))], means, label=name if first else None, **look)
    left.set_xlabel(f"step (run before; mean of {window} steps)", fontsize=9)
    left.set_ylabel("nats an image token", fontsize=9)
    left.set_title("on the way, with captions (thin: a second seed)", fontsize=9)
    left.legend(fontsize=8)
    for n, (steps, captions) in enumerate(kinds):
        some = [run for run in made if (run["steps"], run["captions"]) == (steps, captions)]
        style = {"color": (GRAY, BLUE, ORANGE)[n], "marker": MARKERS[n]}
        label = f"{steps} steps, {'with' if captions else 'no'} captions"
        for seed in (0, 1):
            ends = [(run["layers"], run["held out"]) for run in some if run["seed"] == seed]
            hollow = {"fillstyle": "none", "linestyle": ":"} if seed else {"label": label}
            right.plot(*zip(*ends, strict=True), **style, **hollow)
        for blocks in (1, 2, 4):
            mean = sum(run["held out"] for run in some if run["layers"] == blocks) / 2
            right.annotate(f"{mean:.3f}", (blocks, mean), (0, 6), textcoords="offset points", fontsize=8, ha="center")
    right.set_xticks((1, 2, 4))
    right.set_xlim(0.6, 4.4)
    right.set_xlabel("blocks", fontsize=9)
    right.set_title("held-out nats at the end (numbers: mean of both seeds)", fontsize=9)
    drawn.suptitle(f"What four blocks gain over one in 200 steps with captions: {str(outcome).lower()}", fontsize=10)
    right.legend(fontsize=8)
    for ax, ticks in ((left, (0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 4)), (right, (0.15, 0.2, 0.3, 0.4, 0.5))):
        ax.set_yscale("log")
        ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        ax.minorticks_off()
        ax.tick_params(labelsize=8)
        ax.grid(alpha=0.25)
    right.set_ylim(0.13, 0.62)
    alt = (
        "Left, the training losses of 1, 2 and 4 blocks, two seeds each. Right, the held-out loss at the end: after "
        "200 steps nearly the same for all depths, with captions below those without; after 800 steps lower still."
    )
    return show(drawn, alt)


@figure("09.ledger")
def ledger() -> Picture:
    """All lines so far; those of this lesson from the runs made before."""
    return draw_ledger("09", stored("09")["lines"])
