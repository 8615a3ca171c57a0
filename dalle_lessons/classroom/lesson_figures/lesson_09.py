"""Figures of lesson 09: what the residual path is for, where the parameters are, who looks where, how deep to stack."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from ...datasets.images import to_image
from ...model.attention_masks import joint_mask
from ...model.dvae import DVAE
from ...model.files import data_dir
from ...model.sequence import unflatten
from ..figures import BLUE, DASHES, GRAY, GREEN, MARKERS, ORANGE, RED, frame, new_figure, rectangle, show
from ..guesses import Outcome
from ..ledger import draw_ledger, stored
from ..pictures import Picture
from . import figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
