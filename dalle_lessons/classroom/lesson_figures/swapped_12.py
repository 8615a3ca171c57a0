"""Figures of lesson 12 on captions with colors swapped: how often CLIP takes them for the true ones, and what helps."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from functools import cache
from textwrap import fill

from torch import Tensor

from ...datasets.images import to_image
from ...model.files import data_dir
from ..figures import BLUE, GRAY, ORANGE, SKY, frame, new_figure
from ..figures import show as as_picture
from ..guesses import Outcome
from ..pictures import Picture
from . import figure

ARMS = {"adds up": BLUE, "attends": ORANGE}  # reader -> color
RELATIONS = {"above": "below", "below": "above", "left of": "right of", "right of": "left of"}


@cache
def runs() -> dict:
    """The trainings that were run before: see tools/lesson_runs/lesson_12.py."""
    return json.loads((data_dir() / "lessons" / "12" / "runs.json").read_text(encoding="utf-8"))


def told_otherwise(caption: str) -> str:
    """A full caption of two things -> the same scene, told from the other thing: "a small red circle above a big blue
    square" -> "a big blue square below a small red circle"."""
    first, relation, second = re.split(f" ({'|'.join(RELATIONS)}) ", caption)
    return f"{second} {RELATIONS[relation]} {first}"


@figure("12.swapped")
def swapped(
    pictures: Tensor,
    captions: Sequence[Sequence[str]],
    scores: Sequence[Tensor],
    otherwise: Sequence[Tensor],
    outcome: Outcome,
) -> Picture:
    """pictures (S, 3, 32, 32); captions: the true ones, those with colors and with the relation swapped, S of each;
    scores: those of the three, (S,) each, and that of another scene's caption; otherwise: the scores (S,) of the same
    scenes told from the other thing, true and with colors swapped."""
    own, *others = scores
    share = [100 * float((own > other).float().mean()) for other in others]
    if not 35 < share[0] < 65:
        raise ValueError(
            f"The true caption wins in {share[0]:.0f}%, and about half was expected: run again from Look on."
        )
    wins = (own > others[0]).int() + (otherwise[0] > otherwise[1]).int()  # (S,): of the two ways of telling
    ways = [100 * float((wins == n).float().mean()) for n in (2, 1, 0)]
    if ways[1] < 70:
        raise ValueError("Of a scene told in two ways, nearly always one is won: run again from Look on.")
    panel = new_figure(10.0, 3.7)
    parts = panel.subfigures(1, 3, squeeze=False, width_ratios=(2.1, 0.95, 0.95))
    left, middle, right = parts.flatten()
    for k, ax in enumerate(left.subplots(1, 3)):
        frame(ax, to_image(pictures[k]))
        lines = [
            fill(f"{name} {part[k]:.3f}: {text[k]}", 27)
            for name, part, text in zip(("true", "swapped"), scores[:2], captions[:2], strict=True)
        ]
        ax.set_xlabel("\n\n".join(lines), fontsize=8)
    names = ("colors\nswapped", "relation\nswapped", "another\nscene's"), ("in both", "in one", "in\nneither")
    titles = "the true caption scores\nhigher than …, %", "told in two ways, it wins\nagainst swapped colors …, %"
    colors = (ORANGE, ORANGE, SKY), (SKY, ORANGE, SKY)
    for part, values, ticks, title, color in zip((middle, right), (share, ways), names, titles, colors, strict=True):
        ax = part.subplots()
        drawn = ax.bar(range(3), values, color=color)
        ax.bar_label(drawn, [f"{value:.0f}" for value in values], fontsize=9, padding=2)
        ax.set_xticks(range(3), ticks, fontsize=8)
        ax.set_ylim(0, 115)
        ax.set_yticks((0, 50, 100))
        ax.tick_params(axis="y", labelsize=8)
        ax.set_title(title, fontsize=9)
    for n, coin in enumerate((25, 50, 25)):
        ax.plot((n - 0.45, n + 0.45), (coin, coin), color=GRAY, linewidth=1, linestyle="--")
    middle.axes[0].axhline(50, color=GRAY, linewidth=1, linestyle="--")
    doubt = 98 / math.sqrt(len(own))
    panel.suptitle(f"{len(own)} scenes (dashed: tossing a coin; 50% ± {doubt:.0f}). Colors: {outcome}", fontsize=10)
    alt = (
        "Three scenes, each with the scores of its true caption and of one with its colors swapped. Beside it, how "
        "often the true caption scores higher than one with colors swapped, relation swapped, and that of another "
        "scene. Last, each scene told in two ways: of the two, nearly always one is won, seldom both or neither."
    )
    return as_picture(panel, alt)


def helps() -> str:
    """What alone raises the share for swapped colors by ten points, in both seeds: a choice of the guess "12.cure"."""
    start, swaps, attention = (
        [run["shares"][-1][0] for run in runs()[name].values()]
        for name in ("adds up, plain", "adds up, swapped", "attends, plain")
    )
    by = [min(after) > max(start) + 0.1 for after in (swaps, attention)]
    return {
        (True, False): "swapped captions in training",
        (False, True): "a reader with attention",
        (True, True): "each of them alone",
        (False, False): "neither alone",
    }[by[0], by[1]]


@figure("12.cure")
def cure(live: dict[int, Sequence[float]], outcome: Outcome) -> Picture:
    """live: step -> the two shares, colors and relation, as they come out here. Beside them the four trainings that
    were run before, two seeds each."""
    before = runs()
    panel = new_figure(9.2, 4.1)
    for k, (ax, title) in enumerate(
        zip(panel.subplots(1, 2, sharey=True), ("colors swapped", "relation swapped"), strict=True)
    ):
        for reader, color in ARMS.items():
            for how, dash in (("plain", "--"), ("swapped", "-")):
                for seed, run in before[f"{reader}, {how}"].items():
                    y = [100 * part[k] for part in run["shares"]]
                    name = f"{reader}, {how + ' captions' if how == 'plain' else 'with swapped captions'}"
                    ax.plot(before["steps"], y, color=color, linestyle=dash, label=name if seed == "0" else None)
        ax.plot(list(live), [100 * part[k] for part in live.values()], "o", color="black", label="yours, now")
        ends = {name: [100 * run["shares"][-1][k] for run in before[name].values()] for name in before if ", " in name}
        best = ends["attends, swapped"]
        ax.set_title(f"{title}: with both, {' and '.join(f'{end:.0f}%' for end in best)} at the end", fontsize=9)
        ax.axhline(50, color=GRAY, linewidth=1)
        ax.set_ylim(35, 102)
        ax.set_xlabel("step", fontsize=8)
        ax.tick_params(labelsize=8)
        ax.grid(alpha=0.25)
    panel.axes[0].set_ylabel("the true caption scores higher, %", fontsize=8)
    lines, names = panel.axes[0].get_legend_handles_labels()
    panel.legend(lines, names, fontsize=8, loc="outside lower center", ncols=3)
    panel.suptitle(f"Run before, {before['steps'][-1]} steps, two seeds. What helps alone? {outcome}", fontsize=10)
    alt = (
        "How often the true caption beats its swap, over the steps of four trainings: two readers, with and without "
        "swapped captions in its batches; and the beginning of one of them, run here."
    )
    return as_picture(panel, alt)
