"""Lesson 16: what 16 bits lose, what two processes compute, and gradients that are sent in part: its last sections."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch import Tensor

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
    new_figure,
)
from ..figures import show as as_picture
from ..guesses import Outcome
from ..pictures import Picture
from . import figure
from .runs_16 import sixteen_bits

RANKS = (1, 2, 4, 8, 16)
SCALED = {"32 bits": "black", "no scale": ORANGE, "a scale that moves": GREEN}
ALOFT = "Later blocks should have smaller gradients here: restart the kernel and run all cells."


@figure("16.underflow")
def underflow(gradients: Sequence[Tensor], power: int) -> Picture:
    """gradients: of each block, first to last; power: of two, the smallest number above zero.

    Left, how large their numbers are; right, how many become 0."""
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
        f"The smallest number above zero: about $2^{{{power}}}$\n"
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
    ax.set_xticks(range(1, len(line) + 1))
    ax.set_xlabel("step", fontsize=9)
    ax.set_ylabel("loss", fontsize=9)
    ax.legend(fontsize=9)
    ax.grid(alpha=0.25)
    ax.set_title(f"{outcome}\nLargest difference: {far:.0e}", fontsize=9)
    return as_picture(panel, "The line of losses of two processes lies on that of one.")


@figure("16.buffer")
def buffer(
    gradients: Mapping[str, Sequence[Tensor]],
    thin: Callable[[Tensor, int], Tensor],
    send: Callable[[Sequence[Tensor], int, bool], Iterable[float]],
    outcome: Outcome,
) -> Picture:
    """gradients: matrix -> its gradient (R, C) at each step; thin(gradient, r): of rank r; send(gradients, r, keep):
    how much of the sum is missing after each step. Left, one gradient by rank; right, the sum, rank 1."""
    panel = new_figure(9.4, 3.6)
    left, right = panel.subplots(1, 2, width_ratios=(1, 1.25))
    for k, (name, each) in enumerate(gradients.items()):
        first, color = each[0], (BLUE, ORANGE)[k]
        sent = [100 * r * sum(first.shape) / first.numel() for r in RANKS]
        lost = [100 * float((thin(first, r) - first).norm() / first.norm()) for r in RANKS]
        left.plot(sent, lost, color=color, linestyle=DASHES[k], marker=MARKERS[k], ms=4, label=name)
        thrown, kept = ([100 * part for part in send(each, 1, keep)] for keep in (False, True))
        if not kept[-1] < 0.6 * thrown[-1]:
            raise ValueError("The buffer should bring back what was lost: is what was not sent kept for the next step?")
        steps = range(1, len(each) + 1)
        right.plot(steps, thrown, color=color, linestyle=":", label=f"{name}, thrown away: {thrown[-1]:.0f}%")
        right.plot(steps, kept, color=color, label=f"{name}, error buffer: {kept[-1]:.0f}%")
    left.set_xscale("log")
    left.set_xticks((3, 10, 30), ("3", "10", "30"))
    left.minorticks_off()
    left.set_xlabel("numbers sent, % of the gradient's; ranks " + ", ".join(map(str, RANKS)), fontsize=8)
    left.set_ylabel("lost, % of its length", fontsize=9)
    left.set_title("one gradient", fontsize=9)
    right.set_ylim(0, 135)
    right.set_yticks((0, 25, 50, 75, 100))
    right.set_xlabel("steps", fontsize=8)
    right.set_ylabel("missing from the sum, % of its length", fontsize=9)
    right.set_title("the sum of all gradients so far, rank 1", fontsize=9)
    for ax in (left, right):
        ax.tick_params(labelsize=8)
        ax.grid(alpha=0.25)
        ax.legend(fontsize=8, loc="upper right")
    panel.suptitle(f"The MLP, thrown away: {outcome}", fontsize=10)
    alt = (
        "Left, how much of a gradient is lost against how many of its numbers are sent: less with each rank. Right, "
        "how much is missing from the sum over 50 steps: more and more where what is lost is thrown away, little with "
        "the error buffer."
    )
    return as_picture(panel, alt)


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
