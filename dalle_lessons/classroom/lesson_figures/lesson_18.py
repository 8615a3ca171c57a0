"""Figures of lesson 18: a world, what counting draws of it, what keeps codes in use, and the worked capstone's run."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ...evaluation.metrics import wilson
from ...model.files import data_dir
from ..figures import BLUE, DASHES, GRAY, GREEN, ORANGE, PALETTE, RED, frame, image_grid, matrix, new_figure
from ..figures import show as as_picture
from ..guesses import Outcome
from ..pictures import Picture
from . import figure
from . import worlds_18 as worlds_18  # the figure of worlds

SIDE = 32  # pixels of a house
PARTS = {"house": "walls", "roof": "roofs", "sky": "skies", "tree": "trees"}


@cache
def run() -> dict[str, Any]:
    """The worked solution's run, made before: see tools/lesson_runs/lesson_18.py."""
    return json.loads((data_dir() / "lessons" / "18" / "run.json").read_text(encoding="utf-8"))


def _pictures(name: str) -> list[list[Image.Image]]:
    """Lines of pictures, of a sheet made before."""
    whole = Image.open(data_dir() / "lessons" / "18" / name).convert("RGB")
    tops, lefts = range(0, whole.height, SIDE), range(0, whole.width, SIDE)
    return [[whole.crop((left, top, left + SIDE, top + SIDE)) for left in lefts] for top in tops]


def steadiest() -> str:
    """What keeps most codes in use to the end, in both seeds: a choice of the guess "18.codes"."""
    ends = {name: [seed["codes"][-1] for seed in seeds] for name, seeds in run()["arms"].items()}
    best = max(ends, key=lambda name: min(ends[name]))
    if min(ends[best]) <= max(max(codes) for name, codes in ends.items() if name != best and "batch" not in name):
        raise ValueError("The runs of lesson 18 have no clear winner: make them again.")
    return "over the batch" if "batch" in best else best


def unseen_right() -> float:
    """How many of the drawings of unseen pairs the checker calls right, in %."""
    return round(100 * run()["unseen"]["right"] / run()["unseen"]["of"])


@figure("18.world")
def world(pictures: Tensor, captions: Sequence[str]) -> Picture:
    """Pictures (n, 3, H, W) of a world with their captions."""
    titles = [textwrap.fill(caption, 22) for caption in captions]
    return image_grid(pictures, titles, cols=6, side=1.55, alt=f"{len(titles)} pictures of a world, with captions.")


@figure("18.counting")
def counting(true: Tensor, drawn: Tensor, alone: float, neighbors: float) -> Picture:
    """true, drawn (n, 3, H, W); nats a token without, and with, a look to the left and above."""
    title = f"Above true, below by counting: {alone:.2f} nats a token alone, {neighbors:.2f} with its neighbors"
    alt = "True pictures; below them, pictures drawn by counting which patch follows which."
    return image_grid(torch.cat((true, drawn)), cols=len(true), side=1.1, title=title, alt=alt)


@figure("18.codes")
def codes(outcome: Outcome) -> Picture:
    """Codes in use over the steps of a dVAE, by what is done to its logits: run before, two seeds each."""
    panel = new_figure(9.2, 3.6)
    ax = panel.subplots()
    for n, (name, seeds) in enumerate(run()["arms"].items()):
        sharp = " and ".join(f"{seed['decibels'][-1]:.1f}" for seed in seeds)
        for k, seed in enumerate(seeds):
            ax.plot(
                run()["steps"],
                seed["codes"],
                color=PALETTE[n],
                linestyle=DASHES[n],
                label=f"{name}: {sharp} dB" if k == 0 else None,
            )
    ax.axhline(24, color=GRAY, linewidth=1)
    ax.annotate("enough: 24", (run()["steps"][-1], 24), (0, 3), textcoords="offset points", ha="right", fontsize=8)
    ax.set_yscale("log", base=2)
    ax.set_yticks([2, 4, 8, 16, 32, 64, 128], ["2", "4", "8", "16", "32", "64", "128"], fontsize=8)
    ax.set_xlabel("step (of 8 pictures)", fontsize=8)
    ax.set_ylabel("codes in use for 64 pictures", fontsize=8)
    ax.tick_params(labelsize=8)
    ax.grid(alpha=0.25)
    panel.legend(fontsize=8, loc="outside right center", title="logits; dB at the end", title_fontsize=8)
    panel.suptitle(f"Run before, two seeds. What keeps most codes? {outcome}", fontsize=10)
    alt = "Codes in use over the steps of five trainings, two seeds each, with the number that is enough."
    return as_picture(panel, alt)


@figure("18.collapsed")
def collapsed() -> Picture:
    """Eight houses, and what two trainings that differ in their logits alone make of them: run before, two seeds."""
    lines, made = _pictures("collapsed.png"), run()["recipes"]
    names = ["true"]
    for name, seeds in made.items():
        ends = [f"{seed['codes']} codes, {seed['decibels']:.1f} dB" for seed in seeds]
        names.append("\n".join((f"logits {name}:", ends[0], f"(seed 1: {ends[1]})")))
    panel = new_figure(9.2, 3.1)
    axes = panel.subplots(len(lines), 9, width_ratios=(2.5, *(1,) * 8))
    for row, name, line in zip(axes, names, lines, strict=True):
        row[0].set_axis_off()
        row[0].text(1, 0.5, name, ha="right", va="center", fontsize=8)
        for ax, picture in zip(row[1:], line, strict=True):
            frame(ax, picture)
    panel.suptitle("Run before: all of stage one, and nothing differs but the logits", fontsize=10)
    return as_picture(panel, "Eight houses; the same from few codes; the same from many.")


@figure("18.alone")
def alone(dvae: Any, pictures: Tensor) -> Picture:
    """A student's dVAE after some training, pictures (64, 3, H, W): eight of them, and what its codes say of them."""
    dvae.eval()
    tokens = dvae.encode(pictures)
    back = dvae.decode(tokens)
    decibels = -10 * float((back - pictures).square().mean().clamp(min=1e-12).log10())
    used, number = len(tokens.unique()), len(tokens)
    title = f"Above true, below from your codes: {used} in use for {number} pictures, {decibels:.1f} dB"
    alt = "Eight pictures; below them the same from the codes of a dVAE that was trained alone."
    return image_grid(torch.cat((pictures[:8], back[:8])), cols=8, side=1.1, title=title, alt=alt)


@figure("18.noticed")
def noticed(moved: Tensor) -> Picture:
    """moved (N, N - 1) bool: slot by changed token; its first 16 of both."""
    rows, cols = [f"says token {i}" for i in range(16)], [f"token {j}" for j in range(16)]
    return matrix(
        moved[:16, :16],
        rows,
        cols,
        title="Bright: this slot notices that token",
        alt="A matrix of the first slots by the first image tokens: which slot notices which change.",
    )


@figure("18.stage_one")
def stage_one() -> Picture:
    """True pictures and what the worked solution's codes say of them, beside the losses of both stages."""
    lines, made = _pictures("reconstructions.png"), run()
    panel = new_figure(9.2, 3.9)
    above, below = panel.subfigures(2, 1, squeeze=False, height_ratios=(1, 1.1)).flat
    for ax, picture in zip(above.subplots(2, 8).flat, lines[0] + lines[1], strict=True):
        frame(ax, picture)
    for ax, (name, losses), unit in zip(below.subplots(1, 2), made["losses"].items(), ("error", "nats"), strict=True):
        x = [10 * n + 1 for n in range(len(losses))]
        ax.plot(x, losses, color=BLUE)
        at = losses[10]  # the eleventh that was kept: step 101
        ax.plot([x[10]], [at], "o", color=ORANGE)
        ax.annotate(f"after 100 steps {at:.2g}", (x[10], at), (8, 8), textcoords="offset points", fontsize=8)
        ax.set_yscale("log")
        ax.set_title(f"{name}: {made['seconds'][name]} seconds of one core", fontsize=9)
        ax.set_xlabel("step", fontsize=8)
        ax.set_ylabel(unit, fontsize=8)
        ax.tick_params(labelsize=8, which="both")
        ax.grid(alpha=0.25)
    told = (("", "nats"), (" with another's caption", "nats, another's caption"), (" by counting", "nats, counting"))
    lines_told = "\n".join(f"{made[key]:.2f} nats a token{name}" for name, key in told)
    ax.text(
        0.97,
        0.95,
        f"image tokens of new pictures:\n{lines_told}",
        ha="right",
        va="top",
        fontsize=8,
        transform=ax.transAxes,
    )
    panel.suptitle(
        f"Above true, below from their codes: {made['codes']} codes in use, {made['decibels']:.1f} dB", fontsize=10
    )
    alt = "Eight houses; below them the same from their codes; then the losses of both stages, falling."
    return as_picture(panel, alt)


@figure("18.sheet")
def sheet() -> Picture:
    """The worked solution's sheet: six captions, eight drawings each, with the checker's marks."""
    from ..capstone import worked_solution

    lines, marks = _pictures("sheet.png"), run()["sheet"]
    captions = worked_solution().CAPTIONS
    panel = new_figure(9.2, 5.6)
    axes = panel.subplots(len(lines), 9, width_ratios=(2.4, *(1,) * 8))
    for row, caption, line, right in zip(axes, captions, lines, marks, strict=True):
        row[0].set_axis_off()
        row[0].text(1, 0.5, textwrap.fill(caption, 22), ha="right", va="center", fontsize=9)
        for ax, picture, ok in zip(row[1:], line, right, strict=True):
            frame(ax, picture)
            for side in ax.spines.values():
                side.set_color(GREEN if ok else RED)
                side.set_linewidth(1 if ok else 3)
    refused, number = sum(not ok for right in marks for ok in right), sum(map(len, marks))
    panel.suptitle(f"Nothing picked out. Thick red border: refused by the checker, {refused} of {number}", fontsize=10)
    return as_picture(panel, "Eight drawings each of: " + "; ".join(captions) + ".")


@figure("18.measured")
def measured(outcome: Outcome) -> Picture:
    """Shares right of seen and unseen pairs, the whole caption and part by part, with numbers and intervals."""
    panel = new_figure(8.4, 3.6)
    ax = panel.subplots()
    names = ["all that is said", *PARTS.values()]
    for n, (what, color) in enumerate((("seen", BLUE), ("unseen", ORANGE))):
        found = run()[what]
        counted = [(found["right"], found["of"]), *(found["parts"][part] for part in PARTS)]
        shares = np.array([right / of for right, of in counted])
        ends = np.array([wilson(share, of) for share, (_, of) in zip(shares, counted, strict=True)]).T
        x = np.arange(len(names)) + 0.38 * n - 0.19
        drawn = ax.bar(x, 100 * shares, 0.36, color=color, label=f"{what} pairs of walls and roof")
        ax.errorbar(x, 100 * shares, 100 * abs(ends - shares), fmt="none", color="black", linewidth=1, capsize=2)
        told, ink = [f"{right}\nof {of}" for right, of in counted], "white" if color == BLUE else "black"
        ax.bar_label(drawn, told, fontsize=8, label_type="center", color=ink)
    ax.set_xticks(range(len(names)), names, fontsize=9)
    ax.set_ylim(0, 108)
    ax.set_ylabel("right, %", fontsize=8)
    ax.tick_params(axis="y", labelsize=8)
    panel.legend(fontsize=8, loc="outside lower center", ncols=2)
    ax.set_title(f"Unseen pairs, all that is said: {outcome}", fontsize=10)
    alt = "How many drawings are right, of pairs seen in training and of unseen ones: all that is said, and each part."
    return as_picture(panel, alt)


@figure("18.wrong")
def wrong() -> Picture:
    """Drawings that the checker refuses, with their captions."""
    titles = [textwrap.fill(caption, 22) for caption in run()["wrong"]]
    pictures = _pictures("wrong.png")[0]
    return image_grid(pictures, titles, side=1.6, title="Refused by the checker", alt="Wrong drawings, with captions.")
