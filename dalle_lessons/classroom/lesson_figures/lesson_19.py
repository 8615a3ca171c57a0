"""Figures of lesson 19: noise and guesses, two trainings, two ways to draw measured, and holes that are filled."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import cache
from textwrap import fill

import torch
from torch import Tensor

from ...datasets.images import to_image
from ...model.files import data_dir
from ..figures import BLUE, GRAY, GREEN, ORANGE, RED, frame, new_figure
from ..figures import show as as_picture
from ..guesses import Outcome
from ..pictures import Picture
from . import figure
from .lesson_19_today import calibration, coarse_to_fine, families, prior  # noqa: F401

NAMES = {"in_a_row": "in a row", "at_once": "at once"}
COLORS = {"in a row": BLUE, "at once": ORANGE}


@cache
def runs() -> dict:
    """What the long trainings reached: see tools/lesson_runs/lesson_19.py."""
    return json.loads((data_dir() / "lessons" / "19" / "runs.json").read_text(encoding="utf-8"))


def line_of(panel, pictures: Sequence[Tensor], titles: Sequence[str], name: str = "") -> None:
    """Pictures (3, H, W) beside each other on a subfigure."""
    axes = panel.subplots(1, len(pictures), squeeze=False)[0]
    for ax, picture, title in zip(axes, pictures, titles, strict=True):
        frame(ax, to_image(picture))
        ax.set_title(title, fontsize=9, pad=3)
    if name:
        axes[0].set_ylabel(name, fontsize=9)


@figure("19.noised")
def noised(pictures: Tensor, times: Sequence[float]) -> Picture:
    """pictures (T, 3, 32, 32): one grid at T times, decoded."""
    panel = new_figure(1.25 * len(times), 1.7)
    line_of(panel, list(pictures), [f"t = {t:g}" for t in times])
    panel.suptitle("From noise to a picture, on a straight line", fontsize=10)
    return as_picture(panel, "One picture at growing t: at first nothing but noise, then more and more of it is seen.")


@figure("19.training")
def training(in_a_row: Sequence[float], at_once: Sequence[float], seconds: Sequence[float]) -> Picture:
    """The losses of all live steps, and how many seconds of computing each of the two took; beside them the whole
    of the runs that were made before."""
    live = {"in_a_row": in_a_row, "at_once": at_once}
    for name, losses in live.items():
        if sum(losses[-10:]) > 0.9 * sum(losses[:10]):
            raise ValueError(f"The loss of {NAMES[name]} hardly falls: is your guess_loss right? Run again from Body.")
    panel = new_figure(9.2, 2.9)
    for ax, (name, losses), took, unit in zip(
        panel.subplots(1, 2), live.items(), seconds, ("nats a token", "squared error"), strict=True
    ):
        whole = runs()[f"{name}, seed 0"]
        every = 20
        ax.plot(
            [every * (k + 0.5) for k in range(len(whole["losses"]))], whole["losses"], color=GRAY, label="run before"
        )
        means = [sum(losses[k : k + 5]) / 5 for k in range(0, len(losses) - 4, 5)]
        ax.plot(
            [5 * k + 2.5 for k in range(len(means))], means, color=COLORS[NAMES[name]], linewidth=2.5, label="yours"
        )
        ax.set_title(f"{NAMES[name]}: {len(losses)} steps in {took:.1f} s; {whole['size']:,} weights", fontsize=9)
        ax.set_xlabel("step", fontsize=9)
        ax.set_ylabel(unit, fontsize=9)
        ax.tick_params(labelsize=8)
        ax.grid(alpha=0.25)
        ax.legend(fontsize=8)
    return as_picture(panel, "Two losses against the step, the live beginning over the whole run: both fall.")


@figure("19.average")
def average(pictures: Tensor, distances: Sequence[float], outcome: Outcome) -> Picture:
    """pictures (4, 3, 32, 32): noise, the guess from it without a caption, the mean of all grids, one picture's grid;
    distances: of the guess from these last two."""
    if not 2 * distances[0] < distances[1]:
        raise ValueError("The guess should lie near the mean: run the lesson's cells from the top.")
    panel = new_figure(7.6, 2.3)
    titles = ("noise, t = 0", "its guess,\nno caption", f"the mean of all\n({distances[0]:.2f} from the guess)")
    line_of(panel, list(pictures), (*titles, f"one of them\n({distances[1]:.2f} from the guess)"))
    panel.suptitle(str(outcome), fontsize=10)
    alt = "Noise; the network's first guess; the mean of all pictures, which it is like; and one picture."
    return as_picture(panel, alt)


@figure("19.way")
def way(grids: Sequence[Tensor], guesses: Sequence[Tensor], times: Sequence[float], captions: Sequence[str]) -> Picture:
    """grids, guesses: for each time pictures (P, 3, 32, 32); captions (P): "" for a drawing without a caption, of which
    only the guesses are shown."""
    heights = [2.75 if caption else 1.5 for caption in captions]
    panel = new_figure(1.15 * len(times) + 0.4, sum(heights))
    parts = panel.subfigures(len(captions), 1, squeeze=False, height_ratios=heights).flatten()
    titles = [f"t = {t:.2g}" for t in times]
    for p, (part, caption) in enumerate(zip(parts, captions, strict=True)):
        rows = part.subfigures(2 if caption else 1, 1, squeeze=False).flatten()
        if caption:
            line_of(rows[0], [x[p] for x in grids], titles, "the grid")
        line_of(rows[-1], [x[p] for x in guesses], [""] * len(times) if caption else titles, "its guess")
        part.suptitle(f"“{caption}”" if caption else "no caption, another noise", fontsize=10)
    alt = (
        f"How {', '.join(caption for caption in captions if caption)} comes out of noise: the grid is noise for long, "
        "the guess is near the thing from the first step on. Without a caption the guess begins as a pale blur, and "
        "settles on a few colored patches, other ones for each noise."
    )
    return as_picture(panel, alt)


@figure("19.steps")
def steps(told: dict[int, float], outcome: Outcome, count: int = 40) -> Picture:
    """told: steps -> share of `count` drawings right in everything. Beside them the runs before."""
    panel = new_figure(7.0, 2.9)
    ax = panel.subplots()
    x = list(told)
    for n, seed in enumerate(name for name in runs() if name.startswith("at_once")):
        y = [100 * runs()[seed][f"seen, steps {k}"][1] for k in x]
        name = f"run before ({seed.split(', ')[1]}), 112 drawings"
        ax.plot(x, y, color=GRAY, linestyle=("-", "--")[n % 2], label=name)
    y = [100 * told[k] for k in x]
    doubt = [196 * math.sqrt(max(s * (1 - s), 0.01) / count) for s in told.values()]
    ax.errorbar(x, y, doubt, color=ORANGE, marker="o", capsize=3, label=f"here, {count} drawings (bars: 95% intervals)")
    ax.set_xscale("log", base=2)
    ax.set_xticks(x, [str(k) for k in x])
    ax.minorticks_off()
    ax.set_ylim(0, 108)
    ax.set_xlabel("steps", fontsize=9)
    ax.set_ylabel("right in everything, %", fontsize=9)
    ax.tick_params(labelsize=8)
    ax.grid(alpha=0.25)
    ax.legend(fontsize=8, loc="lower right")
    ax.set_title(f"With one step: {outcome}", fontsize=10)
    return as_picture(panel, "The share of right drawings against the number of steps, here and in the runs before.")


@figure("19.measured")
def measured(here: dict[str, Sequence[float]], passes: dict[str, int], seconds: dict[str, float], outcome) -> Picture:
    """here: "in a row" and "at once" -> shares right in everything of 40 drawings each, of the seen and of the held-out
    combinations; passes, seconds: for one picture. On the bars, as points, the runs before (three guidances)."""
    panel = new_figure(10.0, 3.3)
    left, right = panel.subplots(1, 2, width_ratios=(2.2, 1))
    for n, (name, shares) in enumerate(here.items()):
        places = [k + (n - 0.5) * 0.36 for k in range(2)]
        drawn = left.bar(places, [100 * share for share in shares], 0.32, color=COLORS[name], label=f"{name}, here")
        for bar, share in zip(drawn, shares, strict=True):
            middle = bar.get_x() + bar.get_width() / 2
            left.text(middle, 6, f"{100 * share:.0f}", ha="center", color="white", fontsize=10)
        doubt = [196 * math.sqrt(max(share * (1 - share), 0.01) / 40) for share in shares]
        at = [place + 0.13 for place in places]
        left.errorbar(at, [100 * share for share in shares], doubt, color="#333333", capsize=3, linestyle="none")
        for key, run in runs().items():
            if NAMES[key.split(",")[0]] != name:
                continue
            for place, split in zip(places, ("seen", "held-out"), strict=True):
                y = [100 * run[f"{split}, {g}"][1] for g in (0, 1, 3)]
                left.scatter([place - 0.08, place, place + 0.08], y, color="black", s=14, zorder=3)
    left.scatter([], [], color="black", s=14, label="runs before: guidance 0, 1, 3 (the row at temperature 1)")
    left.errorbar([], [], [], color="#333333", capsize=3, label="95% intervals")
    ceiling = runs()["at_once, seed 0"]
    for split, k in (("seen", 0), ("held-out", 1)):
        for name, n, what in (("in a row", 0, "tokens"), ("at once", 1, "vectors")):
            at = k + (n - 0.5) * 0.36
            left.hlines(100 * ceiling[f"{split}, {what}"][1], at - 0.16, at + 0.16, color=COLORS[name], linestyle=":")
    left.plot([], [], ":", color=GRAY, label="true pictures, encoded and decoded")
    left.set_xticks(range(2), ("seen combinations", "held-out combinations"), fontsize=9)
    left.set_ylim(0, 150)
    left.set_yticks((0, 25, 50, 75, 100))
    left.set_ylabel("right in everything, %", fontsize=9)
    left.legend(fontsize=8, ncols=2, loc="upper center")
    drawn = right.barh(list(passes), list(passes.values()), color=[COLORS[name] for name in passes])
    texts = [f"{count} passes, {1000 * seconds[name]:.0f} ms" for name, count in passes.items()]
    right.bar_label(drawn, texts, fontsize=8, padding=3)
    right.set_xlim(0, 250)
    right.set_yticks(range(2), list(passes), fontsize=9)
    right.set_title("for one picture, in this run", fontsize=9)
    right.set_xlabel("passes through the network", fontsize=9)
    for ax in (left, right):
        ax.tick_params(axis="both", labelsize=8)
    panel.suptitle(f"Held-out combinations, at once: {outcome}", fontsize=10)
    alt = (
        "Right pictures of seen and of held-out combinations, in a row and at once; beside it how often each asks its "
        "network for one picture."
    )
    return as_picture(panel, alt)


@figure("19.holes")
def holes(
    rows: dict[str, tuple[Tensor, Tensor]], true: Tensor, shares: dict[str, tuple[float, float]], outcome: Outcome
) -> Picture:
    """rows: what is given -> pictures (P, 3, 32, 32) completed in a row and at once; true (P, 3, 32, 32); shares:
    what is given -> share whose thing is right in everything, in a row and at once."""
    count = len(true)
    panel = new_figure(10.4, 1.35 * (1 + 2 * len(rows)))
    lines = [("true", true, "")]
    for given, pair in rows.items():
        for name, pictures, share in zip(("in a row", "at once"), pair, shares[given], strict=True):
            lines.append((fill(f"{given} given, {name}", 14), pictures, f"{100 * share:.0f}% right"))
    axes = panel.subplots(len(lines), count)
    for line, (name, pictures, share) in zip(axes, lines, strict=True):
        for ax, picture in zip(line, pictures, strict=True):
            frame(ax, to_image(picture))
        line[0].set_ylabel(name, fontsize=8)
        if share:
            line[-1].yaxis.set_label_position("right")
            line[-1].set_ylabel(share, fontsize=9, color=GREEN if float(share.split("%")[0]) >= 50 else RED)
    panel.suptitle(f"The bottom given, in a row: {outcome}", fontsize=10)
    alt = "True pictures, and their completions in a row and at once: from the top half, and from the bottom half."
    return as_picture(panel, alt)


def mean_grid(grids: Tensor) -> Tensor:
    """(B, N, D) -> the mean grid (1, N, D)."""
    return grids.mean(dim=0, keepdim=True)


def distance(a: Tensor, b: Tensor) -> float:
    """The root of the mean squared difference of two grids."""
    return float(torch.sqrt((a - b).square().mean()))
