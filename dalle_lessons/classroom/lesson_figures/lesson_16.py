"""Figures of lesson 16: what the paper's model holds, what it costs, what size buys, and 16 bits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

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
    YELLOW,
    frame,
    new_figure,
    rectangle,
)
from ..figures import show as as_picture
from ..guesses import Outcome
from ..pictures import Picture
from . import figure
from .runs_16 import (
    HELD_OUT,
    SAME_COST,
    SAME_PRICE,
    SHIPPED,
    Run,
    drawings,
    run_of,
    shipped_right,
    sixteen_bits,
)

if TYPE_CHECKING:
    from ...pipeline.text_to_image import TextToImage

KETTLE = 4186 * 80 / 3.6e6  # kWh that heat a liter of water from 20 to 100 degrees Celsius
SCALED = {"32 bits": "black", "no scale": ORANGE, "a scale that moves": GREEN}
ALOFT = "Later blocks should have smaller gradients here: restart the kernel and run all cells."


def _count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@figure("16.parts")
def parts(model: DALLE, others: dict[str, int], outcome: Outcome) -> Picture:
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
    panel.suptitle(f"Each parameter the same area. The MLPs: {outcome}", fontsize=10)
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
    ax.text(hidden.flops * 1.1, straight, f"straight on: {straight:.2f}", fontsize=8, color="#555555", va="bottom")
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


@figure("16.underflow")
def underflow(gradients: Sequence[Tensor], outcome: Outcome) -> Picture:
    """gradients: of each block, first to last. Left, how large their numbers are; right, how many become 0."""
    lost = [100 * float(((g.half() == 0) & (g != 0)).sum() / (g != 0).sum()) for g in gradients]
    size = [float(g.norm()) for g in gradients]
    if size != sorted(size, reverse=True) or lost != sorted(lost):
        raise ValueError(ALOFT)
    panel = new_figure(9.4, 3.5)
    left, right = panel.subplots(1, 2, width_ratios=(1.7, 1))
    for k in (0, len(gradients) - 1):
        powers = gradients[k].abs()[gradients[k] != 0].log2().flatten()
        counts = torch.histc(powers, 60, -48.0, -4.0) / len(powers)
        x = [-48 + 44 / 60 * (i + 0.5) for i in range(60)]
        left.fill_between(x, (100 * counts).tolist(), color=(SKY, ORANGE)[k > 0], alpha=0.55, label=f"block {k + 1}")
    left.axvspan(-48, -25, color=RED, alpha=0.12)
    left.text(-47, left.get_ylim()[1] * 0.88, "become 0", fontsize=9)
    left.axvline(-14, color=GRAY, linestyle=":")
    left.text(-13.7, left.get_ylim()[1] * 0.5, "below:\nfewer digits", fontsize=8)
    left.set_xlabel("size of a gradient's number, as a power of two", fontsize=9)
    left.set_ylabel("% of the numbers", fontsize=9)
    left.legend(fontsize=8, loc="upper right")
    drawn = right.bar([f"block {i}" for i in range(1, len(lost) + 1)], lost, color=RED)
    right.bar_label(drawn, [f"{share:.0f}%" for share in lost], fontsize=9)
    right.set_ylim(0, 110)
    right.set_title("become 0 in float16", fontsize=9)
    for ax in (left, right):
        ax.tick_params(labelsize=8)
    ratio = size[0] / size[-1]
    panel.suptitle(
        f"The smallest number above zero: {outcome}\n"
        f"The last block's gradient is {ratio:.1f} times shorter than the first's",
        fontsize=10,
    )
    alt = (
        "Left, how large the numbers of the gradients are, in the first and the last block, beside what float16 turns "
        "into 0. Right, how many become 0: many in the first block, more in each later one."
    )
    return as_picture(panel, alt)


@figure("16.windows")
def windows(powers: Sequence[int], errors: dict[str, Sequence[float]]) -> Picture:
    """powers: of two, the scales; errors: block -> how much of its gradient is lost at each, from 0 to 1."""
    last = list(errors.values())[-1]
    bare, best = last[list(powers).index(0)], min(last)
    if not bare > 0.2 > 0.01 > best:
        raise ValueError("A scale should save what 16 bits lose: restart the kernel and run all cells.")
    alt = "Error against scale: high at the left (underflow), tiny over a wide window, 1 at the right (overflow)."
    title = f"With no scale ($2^0$), {list(errors)[-1]} loses {bare:.0%} of its gradient's length"
    fine = [power for power, error in zip(powers, last, strict=True) if error < 1e-3]
    panel = new_figure(7.5, 3.4)
    ax = panel.subplots()
    ax.axvspan(min(fine), max(fine), color=GREEN, alpha=0.12)
    edges = {"underflow": (powers[0], min(fine)), "the window": (min(fine), max(fine)), "overflow": (max(fine), 47)}
    for words, (begin, end) in edges.items():
        ax.text((begin + end) / 2, 2.2, words, fontsize=9, ha="center")
    for k, (name, line) in enumerate(errors.items()):
        ax.plot(powers, line, color=PALETTE[k], linestyle=DASHES[k], marker=MARKERS[k], ms=4, label=name)
    ax.set_yscale("log")
    ax.set_ylim(1e-4, 7)
    ax.set_xlabel("scale, as a power of two", fontsize=9)
    ax.set_ylabel("share lost", fontsize=9)
    ax.tick_params(labelsize=8)
    ax.grid(alpha=0.25)
    ax.legend(fontsize=8, loc="lower left")
    ax.set_title(title, fontsize=10)
    return as_picture(panel, alt)


@figure("16.learn")
def learn(live: dict[str, Sequence[float]], outcome: Outcome) -> Picture:
    """live: name -> losses of the training as it begins here. Beside it, the same trainings run before, for longer."""
    runs = sixteen_bits()
    ends = {name: [line[-1] for line in lines] for name, lines in runs["losses"].items()}
    panel = new_figure(9.4, 3.6)
    left, right = panel.subplots(1, 2, width_ratios=(1, 1.5))
    for k, (name, line) in enumerate(live.items()):
        left.plot(range(1, len(line) + 1), line, color=SCALED.get(name, PALETTE[k]), label=name)
    left.set_title("yours, now", fontsize=9)
    left.set_xlabel("step", fontsize=9)
    left.set_ylabel("loss", fontsize=9)
    left.legend(fontsize=8)
    for k, (name, lines) in enumerate(runs["losses"].items()):
        for n, line in enumerate(lines):
            steps = [runs["every"] * (i + 1) for i in range(len(line))]
            label = f"{name}: {' and '.join(f'{end:.2f}' for end in ends[name])} at the end"
            right.plot(
                steps,
                line,
                color=SCALED.get(name, PALETTE[k]),
                linestyle=DASHES[n],
                label=label if n == 0 else None,
                linewidth=1.4,
            )
    right.set_title(f"run before, {runs['steps']} steps, two seeds; means of {runs['every']}", fontsize=9)
    right.set_xlabel("step", fontsize=9)
    right.set_ylim(0.5, 1.6)
    right.legend(fontsize=8)
    for ax in (left, right):
        ax.tick_params(labelsize=8)
        ax.grid(alpha=0.25)
    panel.suptitle(f"With no scale: {outcome}", fontsize=10)
    alt = (
        "Losses of trainings whose gradients are carried in 16 bits. Without a scale the training begins well and then "
        "stays behind; with one it goes as in 32 bits; with a far too large one it learns nothing until the scale has "
        "come down."
    )
    return as_picture(panel, alt)


@figure("16.own_scales")
def own_scales(shared: Sequence[float], apart: Sequence[float], scales: Sequence[float]) -> Picture:
    """For each block, the share of its gradient that is lost with one scale for all, and with its own of `scales`."""
    if not (max(shared) > 0.5 and max(apart) < 0.01):
        raise ValueError("Scales of their own should save what one loses: restart the kernel and run all cells.")
    panel = new_figure(7.6, 2.9)
    ax = panel.subplots()
    places = range(len(shared))
    for values, shift, color, name in ((shared, -0.2, RED, "one scale for all"), (apart, 0.2, BLUE, "a scale each")):
        drawn = ax.bar([i + shift for i in places], [100 * v for v in values], 0.38, color=color, label=name)
        ax.bar_label(drawn, [f"{100 * v:.0f}%" if v > 0.1 else f"{100 * v:.2g}%" for v in values], fontsize=8)
    names = [f"block {i + 1}\nits own: $2^{{{math.log2(s):.0f}}}$" for i, s in enumerate(scales)]
    ax.set_xticks(places, names, fontsize=9)
    ax.set_yscale("log")
    ax.set_ylim(0.005, 400)
    ax.set_yticks((0.01, 0.1, 1, 10, 100), ("0.01", "0.1", "1", "10", "100"))
    ax.set_ylabel("% of the gradient lost\n(logarithmic)", fontsize=9)
    ax.tick_params(axis="y", labelsize=8)
    ax.legend(fontsize=8, loc="upper left")
    return as_picture(panel, "With one scale the last block's gradient is lost; with a scale each, none is.")


@figure("16.two")
def two_processes(losses: dict[str, Sequence[float]], outcome: Outcome) -> Picture:
    """losses: by how many processes -> the loss at each step."""
    far = max(abs(a - b) for a, b in zip(*losses.values(), strict=True))
    panel = new_figure(6.4, 3.0)
    ax = panel.subplots()
    for k, (name, line) in enumerate(losses.items()):
        style = {"linewidth": (6, 1.5)[k], "color": (YELLOW, BLUE)[k], "marker": (None, "o")[k]}
        ax.plot(range(1, len(line) + 1), line, label=name, **style)
    ax.set_xlabel("step", fontsize=9)
    ax.set_ylabel("loss", fontsize=9)
    ax.legend(fontsize=9)
    ax.grid(alpha=0.25)
    ax.set_title(f"{outcome}\nLargest difference: {far:.0e}", fontsize=9)
    return as_picture(panel, "The line of losses of two processes lies on that of one.")


def with_no_scale() -> str:
    """What becomes of a training in 16 bits with no scale, in the runs made before: a choice of "16.no_scale"."""
    losses = sixteen_bits()["losses"]
    begins = [line[0] for line in losses["no scale"]]
    whole, bare = ([line[-1] for line in losses[name]] for name in ("32 bits", "no scale"))
    if min(bare) > min(begins) - 0.2:
        return "stuck from the start"
    return "good at first, then behind" if min(bare) > 1.1 * max(whole) else "as good as in 32 bits"


def likeness(losses: dict[str, Sequence[float]]) -> str:
    """How the losses of two processes stand to those of one: a choice of the guess "16.two"."""
    one, two = (torch.tensor(line) for line in losses.values())
    if torch.allclose(one, two, rtol=1e-4, atol=1e-4):
        return "the same, but for rounding"
    return "half as large" if torch.allclose(one / 2, two, rtol=0.1) else "alike, but not the same"
