"""Figures of lesson 16: what the paper's model holds, what it costs, what size buys, and 16 bits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from ...datasets.images import to_image
from ...model.dalle import DALLE
from ...model.sampling import sample
from ...model.transformer import Block
from ..figures import (
    BLUE,
    DASHES,
    GRAY,
    GREEN,
    MARKERS,
    ORANGE,
    PALETTE,
    RED,
    SKY,
    frame,
    new_figure,
    rectangle,
)
from ..figures import show as as_picture
from ..guesses import Outcome
from ..pictures import Picture
from . import (
    figure,
    half_precision_16,  # noqa: F401 # registers its figures
)
from .runs_16 import (
    HELD_OUT,
    SAME_COST,
    SAME_PRICE,
    SHIPPED,
    Run,
    drawings,
    run_of,
    shipped_right,
)

if TYPE_CHECKING:
    from ...pipeline.text_to_image import TextToImage

KETTLE = 4186 * 80 / 3.6e6  # kWh that heat a liter of water from 20 to 100 degrees Celsius


def _count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@figure("16.parts")
def parts(model: DALLE, others: dict[str, int]) -> Picture:
    """model: the paper's; others: name -> parameters of other models. All as areas, to scale."""
    blocks, total = [cast(Block, block) for block in model.transformer.blocks], _count(model)
    sizes = {
        "MLPs": sum(_count(block.mlp) for block in blocks),
        "attention": sum(_count(block.attention) for block in blocks),
        "embeddings": _count(model.embedding),
        "heads": _count(model.text_head) + _count(model.image_head),
    }
    sizes["norms"] = total - sum(sizes.values())
    bare = total - sizes["embeddings"] - sizes["heads"]
    panel = new_figure(7.5, 4.4)
    ax = panel.subplots()
    ax.set_axis_off()
    ax.set_aspect("equal")
    left, colors = 0.0, (ORANGE, SKY, GREEN, RED, GRAY)
    for (name, size), color in zip(sizes.items(), colors, strict=True):
        width = size / total
        ax.add_patch(rectangle((left, 0), width, 1, facecolor=color, edgecolor="white", linewidth=0.4))
        label = f"{name}\n{100 * width:.1f}%"
        if width > 0.1:
            ax.text(left + width / 2, 0.5, label, ha="center", va="center", fontsize=11)
        left += width
    small = ";  ".join(f"{name} {100 * size / total:.1f}%" for name, size in sizes.items() if size < 0.1 * total)
    ax.text(0.5, -0.04, f"the thin strips on the right:  {small}", ha="center", va="top", fontsize=9)
    counts = f"the paper: {total:,}; without embeddings and heads {bare:,}"
    ax.text(0.5, 1.03, counts, ha="center", va="bottom", fontsize=10)
    for y, (name, size) in zip((0.62, 0.32), others.items(), strict=True):
        side = math.sqrt(size / total)
        ax.add_patch(rectangle((1.12, y), side, side, facecolor=BLUE))
        ax.text(1.17, y + side / 2, f"{name}: {size:,}", va="center", fontsize=9)
    ax.set_xlim(-0.02, 1.72)
    ax.set_ylim(-0.12, 1.12)
    panel.suptitle("Each parameter the same area", fontsize=10)
    alt = (
        "A square for the paper's parameters, cut into strips: two thirds MLPs, one third attention, and thin strips "
        "for embeddings, heads and norms. Beside it, to the same scale, our two models as dots."
    )
    return as_picture(panel, alt)


@figure("16.flops")
def flops(each: Sequence[float], outcome: Outcome) -> Picture:
    """each: FLOPs for each number of a matrix and each token, forward and backward."""
    panel = new_figure(6.4, 1.5)
    ax = panel.subplots()
    left = 0.0
    for name, value, color in zip(("forward", "backward"), each, (SKY, ORANGE), strict=True):
        ax.barh(0, value, left=left, color=color, edgecolor="white")
        ax.text(left + value / 2, 0, f"{name}: {value:.0f}", ha="center", va="center", fontsize=10)
        left += value
    ax.set_yticks([])
    ax.set_xlabel("FLOPs for each number of the matrix and each token", fontsize=9)
    ax.set_title(f"Backward: {outcome} Together {sum(each):.0f}", fontsize=10)
    return as_picture(panel, "One bar: 2 FLOPs forward and 4 backward, 6 together.")


@figure("16.days")
def days(total: float, speeds: dict[str, float], outcome: Outcome) -> Picture:
    """total: FLOPs of the training; speeds: machine -> FLOPs a second that it reaches."""
    panel = new_figure(7.5, 2.7)
    ax = panel.subplots()
    took = [total / speed / 86400 for speed in speeds.values()]
    drawn = ax.barh(list(speeds), took, color=[GRAY, ORANGE, BLUE, BLUE][: len(took)])
    words = [f"{day:,.1f} days" if day < 365 else f"{day / 365:,.0f} years" for day in took]
    ax.bar_label(drawn, words, fontsize=9, padding=4)
    ax.set_xscale("log")
    ax.set_xlim(1, 40 * max(took))
    ax.invert_yaxis()
    ax.tick_params(labelsize=9)
    ax.set_xlabel("days (logarithmic)", fontsize=9)
    ax.grid(axis="x", alpha=0.25)
    ax.set_title(f"The paper's training: {total:.2e} FLOPs\nTwo laptop cores: {outcome}", fontsize=10)
    alt = "How long the paper's training takes on two laptop cores, on this machine, on one V100 and on 1,024."
    return as_picture(panel, alt)


@figure("16.energy")
def energy(needs: dict[str, float], training: float, picture: float, outcome: Outcome) -> Picture:
    """needs: what -> kWh; training, picture: kWh of the training, and of one caption with all its candidates."""
    panel = new_figure(9.4, 3.4)
    left, right = panel.subplots(1, 2, width_ratios=(1.5, 1))
    rows = dict(sorted((needs | {"a liter of water, made to boil": KETTLE}).items(), key=lambda row: row[1]))
    colors = [GRAY if "water" in name else ORANGE if "training" in name else BLUE for name in rows]
    drawn = left.barh(list(rows), list(rows.values()), color=colors)
    words = [f"{kwh:,.0f}" if kwh >= 10 else f"{kwh:.2g}" for kwh in rows.values()]
    left.bar_label(drawn, words, fontsize=9, padding=4)
    left.set_xscale("log")
    left.set_xlim(min(rows.values()) / 3, 300 * max(rows.values()))
    left.tick_params(labelsize=8)
    left.set_xlabel("kWh (logarithmic)", fontsize=9)
    left.set_title(f"The training would boil {training / KETTLE / 1e6:.1f} million liters", fontsize=9)
    counts = [10 ** (k / 10) for k in range(30, 91)]
    right.loglog(counts, [picture * n for n in counts], color=BLUE, label="drawing")
    right.axhline(training, color=ORANGE, linestyle="--", label="training, once")
    right.axvline(training / picture, color=GRAY, linewidth=1)
    right.set_xlabel("captions, 512 candidates each", fontsize=9)
    right.set_ylabel("kWh", fontsize=9)
    right.tick_params(labelsize=8)
    right.grid(alpha=0.25)
    right.legend(fontsize=8)
    panel.suptitle(f"When has drawing used as much as the training? {outcome}", fontsize=10)
    alt = (
        "Left, energy of one emoji picture, of one and of 512 candidates of the paper's model, of a liter of boiling "
        "water and of the training, on a logarithmic scale. Right, drawing's energy grows with the captions and "
        "crosses that of the training."
    )
    return as_picture(panel, alt)


def sizes_drawn(ax: Any, runs: Sequence[Run]) -> None:
    """Loss against FLOPs, a line for each size, on logarithmic axes."""
    lines: dict[int, list[Run]] = {}
    for run in runs:
        lines.setdefault(run.parameters, []).append(run)
    for k, (size, line) in enumerate(lines.items()):
        x, y = [run.flops for run in line], [run.loss for run in line]
        ax.plot(x, y, color=PALETTE[k], linestyle=DASHES[k], marker=MARKERS[k], ms=5, label=f"{size:,} parameters")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_yticks((0.1, 0.2, 0.5, 1.0), ("0.1", "0.2", "0.5", "1"))
    ax.minorticks_off()
    ax.set_xlabel("FLOPs of the training", fontsize=9)
    ax.set_ylabel("nats an image token, unseen pictures", fontsize=9)
    ax.tick_params(labelsize=9)
    ax.grid(alpha=0.25)


@figure("16.curves")
def loss_curves(runs: Sequence[Run], outcome: Outcome) -> Picture:
    """runs: those of the table. One of them is left out: it is guessed next. outcome: of the three at one price."""
    panel = new_figure(7.5, 4.6)
    ax = panel.subplots()
    sizes_drawn(ax, [run for run in runs if run.key != HELD_OUT])
    hidden = run_of(*HELD_OUT)
    ax.axvline(hidden.flops, ymax=0.9, color=GREEN, linestyle=":")
    ax.text(hidden.flops, 1.38, f"{hidden.name}?", fontsize=9, ha="center", color=GREEN)
    near = [run_of(*key) for key in SAME_PRICE]
    ax.axvspan(0.87 * min(run.flops for run in near), 1.15 * max(run.flops for run in near), color=GRAY, alpha=0.2)
    for run, shift in zip(near, ((0, 7), (-15, -13), (15, 2)), strict=True):
        ax.annotate(
            f"{run.loss:.2f}",
            (run.flops, run.loss),
            shift,
            textcoords="offset points",
            fontsize=9,
            fontweight="bold",
            ha="center",
        )
    ax.set_ylim(0.1, 1.6)
    ax.legend(fontsize=8, loc="lower left")
    ax.set_title(
        f"The lowest of three, near $10^{{12}}$ FLOPs (gray):\n{outcome}\n"
        "Run before: each point is a training of its own, of 100 steps, 200 and so on",
        fontsize=9,
    )
    alt = (
        "Loss against compute, a line for each of four sizes: each falls as its model trains for longer. A gray band "
        "near 10^12 FLOPs crosses three lines. The next point of the third line is missing; its place is marked."
    )
    return as_picture(panel, alt)


@figure("16.held_out")
def held_out(runs: Sequence[Run], outcome: Outcome) -> Picture:
    """runs: all of the table; outcome: of the loss that was guessed."""
    panel = new_figure(7.0, 4.0)
    ax = panel.subplots()
    sizes_drawn(ax, runs)
    hidden = run_of(*HELD_OUT)
    before = [run for run in runs if run.preset == HELD_OUT[0] and run.steps < HELD_OUT[1]][-2:]
    slope = math.log(before[1].loss / before[0].loss)  # of a doubling
    straight = before[1].loss * math.exp(slope)
    ax.plot((before[1].flops, hidden.flops), (before[1].loss, straight), color=GRAY, linestyle="--")
    ax.text(hidden.flops * 1.08, straight, f"straight\non: {straight:.2f}", fontsize=8, color="#555555", va="top")
    ax.plot([hidden.flops], [hidden.loss], "*", color=GREEN, ms=15, mec="black")
    if isinstance(outcome.guess, (int, float)) and outcome.guess > 0:
        ax.plot([hidden.flops], [outcome.guess], "x", color="black", ms=9, mew=2)
        ax.text(hidden.flops * 0.92, outcome.guess, "you", fontsize=9, ha="right", va="center")
    ax.legend(fontsize=8, loc="lower left")
    ax.set_title(str(outcome), fontsize=10)
    alt = "The same lines with the missing point: it lies lower than where the line's last piece, drawn on, leads to."
    return as_picture(panel, alt)


def same_price() -> str:
    """Which of the three runs near 1e12 FLOPs has the lowest loss: a choice of the guess "16.same_price"."""
    first, second = sorted((run_of(*key) for key in SAME_PRICE), key=lambda run: run.loss)[:2]
    if second.loss - first.loss < 0.05:
        raise ValueError("The two best runs of the table are too close to call.")
    return first.name


@figure("16.drawings")
def by_price(system: TextToImage, caption: int, index: int, outcome: Outcome) -> Picture:
    """system: the shipped shapes model, which draws last; caption: 0 or 1, which of the two; index: 0 to 3, which
    drawing; outcome: of the share that the best of SAME_COST draws right. Each drawing stands at the price of its
    training (across) and the size of its model (down)."""
    captions, judged, found = drawings()
    text = system.tokenizer.encode([captions[caption]]).expand(index + 1, -1)
    last = sample(system.dalle, text, seed=0)[index]
    runs = [*(run_of(*key) for key in found), SHIPPED]
    tokens = torch.stack([*(grids[caption, index] for grids, _ in found.values()), last])  # (runs + 1, 64)
    rights = [*(right for _, right in found.values()), shipped_right()]
    with torch.no_grad():
        pictures = system.dvae.decode(tokens.reshape(-1, 8, 8))
    sizes = sorted({run.parameters for run in runs})
    cheapest = min(run.flops for run in runs)
    places = [math.log2(run.flops / cheapest) for run in runs]
    far = max(places[:-1]) + 1.7  # where the shipped model stands, past a gap of the axis
    places[-1] = far
    panel = new_figure(10.4, 6.4)
    ax = panel.subplots()
    for run, picture, x, right in zip(runs, pictures, places, rights, strict=True):
        y = -1.5 * sizes.index(run.parameters)
        inset = ax.inset_axes((x - 0.43, y - 0.43, 0.86, 0.86), transform=ax.transData)
        frame(inset, to_image(picture))
        told = f"{run.steps:,} steps\n{run.loss:.2f} nats\n{100 * right / judged:.0f}% right"
        ax.text(x, y - 0.46, told, fontsize=8, ha="center", va="top")
    for pair in SAME_COST:
        band = [math.log2(run_of(*key).flops / cheapest) for key in pair]
        ax.axvspan(min(band) - 0.5, max(band) + 0.5, color=GRAY, alpha=0.16, linewidth=0, zorder=0)
    ax.set_yticks([-1.5 * k for k in range(len(sizes))], [f"{size:,}" for size in sizes], fontsize=9)
    ticks = [math.log2(10.0**power / cheapest) for power in (11, 12)]
    ax.set_xticks([*ticks, far - 0.85, far], ["$10^{11}$", "$10^{12}$", "…", "$10^{14}$\nshipped"], fontsize=9)
    ax.axvline(far - 0.85, color=GRAY, linestyle=":")
    ax.set_xlim(-0.6, far + 0.6)
    ax.set_ylim(-1.5 * (len(sizes) - 1) - 1.1, 0.6)
    ax.set_xlabel("FLOPs of the training; in a gray band they cost about the same", fontsize=9)
    ax.set_ylabel("parameters", fontsize=9)
    best = max(map(lambda key: run_of(*key), found), key=lambda run: found[run.key][1])
    panel.suptitle(
        f"“{captions[caption]}” (right: share of {judged} other captions)\n{best.name}: {outcome}", fontsize=10
    )
    alt = (
        f"Drawings of “{captions[caption]}” by models of {len(sizes)} sizes, each placed at what its training cost, "
        "with its loss and the share of drawings that are right. With little training there are patches of color; with "
        "more, two things. The shipped model draws last, and far more of its drawings are right."
    )
    return as_picture(panel, alt)
