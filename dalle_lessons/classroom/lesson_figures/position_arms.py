"""What the four arms of lesson 08's ablation reached, in the runs that tools/lesson_runs/lesson_08.py has made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ...datasets.images import to_image
from ...datasets.shapes_check import detect
from ...model.dvae import DVAE
from ...model.files import data_dir
from ...model.sequence import unflatten
from ..figures import BLUE, GRAY, GREEN, ORANGE, PURPLE, frame, new_figure, show
from ..guesses import Outcome
from ..ledger import draw_ledger, stored
from ..pictures import Picture
from . import figure

ROWS = COLS = 8
ARMS = {"row + column": BLUE, "64 vectors": GREEN, "no places": ORANGE, "only the mask": PURPLE}
PLACED, WITHOUT = "row + column", "no places"


@cache
def runs() -> dict[str, dict[str, Any]]:
    """The trainings made before: arm -> seed -> what it reached; see tools/lesson_runs/lesson_08.py."""
    return json.loads((data_dir() / "lessons" / "08" / "runs.json").read_text(encoding="utf-8"))


@cache
def kept(name: str) -> dict[str, Tensor]:
    """arm -> drawn tokens (64, 64), or place vectors (64, C), of seed 0."""
    found = json.loads((data_dir() / "lessons" / "08" / f"{name}.json").read_text(encoding="utf-8"))
    return {arm: torch.tensor(values) for arm, values in found.items()}


def cells(arm: str) -> Tensor:
    """Held-out nats of each cell (8, 8), the mean of both seeds."""
    return torch.tensor([run["cells"] for run in runs()[arm].values()]).mean(dim=0).view(ROWS, COLS)


@figure("08.beginning")
def beginning(losses: Mapping[str, Sequence[float]]) -> Picture:
    """losses: arm -> the training loss of its first steps, just computed; beside them the runs made before, to their
    ends: held-out loss, two seeds each."""
    panel = new_figure(8.8, 3.3)
    left, right = panel.subplots(1, 2)
    for arm, values in losses.items():
        before = runs()[arm]["0"]["first"][: len(values)]
        if abs(sum(values[-5:]) - sum(before[-5:])) / 5 > 0.3:
            raise ValueError(f"“{arm}” begins otherwise here than in the run made before: restart and run all.")
        left.plot(range(1, len(values) + 1), values, color=ARMS[arm], label=arm)
    steps = len(runs()[PLACED]["0"]["held out"])
    for arm, color in ARMS.items():
        for seed, run in runs()[arm].items():
            style = {"color": color, "linestyle": "-" if seed == "0" else ":", "label": arm if seed == "0" else None}
            right.plot([50 * (n + 1) for n in range(steps)], run["held out"], **style)
    right.set_yscale("log")
    low, high = right.get_ylim()
    ticks = [tick for tick in (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0) if low < tick < high]
    right.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    right.minorticks_off()
    left.set_title("here: training loss", fontsize=9)
    right.set_title(f"run before, {50 * steps} steps, seeds 0 (—) and 1 (···): held-out loss", fontsize=9)
    for ax in (left, right):
        ax.set_xlabel("step", fontsize=8)
        ax.set_ylabel("nats an image token", fontsize=8)
        ax.tick_params(labelsize=8)
        ax.grid(alpha=0.25)
        ax.legend(fontsize=8)
    return show(
        panel,
        "Left, the first steps of two trainings, with row and column and without places, falling nearly together. "
        "Right, four arms to their ends, from two seeds: those with places end far below those without.",
    )


@figure("08.two_things")
def two_things(dvae: DVAE, outcome: Outcome) -> Picture:
    """Twelve drawings of one caption by each of the four arms, run before, with the number of all 64 that show exactly
    two things."""
    panel = new_figure(9.5, 4.4)
    axes = panel.subplots(len(ARMS), 12)
    for line, arm in zip(axes, ARMS, strict=True):
        pictures = dvae.decode(unflatten(kept("drawn")[arm][:12], ROWS, COLS))
        for ax, picture in zip(line, pictures, strict=True):
            frame(ax, to_image(picture))
        line[0].set_ylabel(f"{arm}\n{drawn_two(arm)} of 64", rotation=0, ha="right", va="center", fontsize=9)
    panel.suptitle(f"Exactly two things in a picture, of 64 without places: {outcome}", fontsize=10)
    return show(
        panel,
        "Four lines of drawings of one caption. With row and column, and with a vector for each cell, there are two "
        "things in nearly all; without places there are often more, or pieces.",
    )


def drawn_two(arm: str) -> int:
    """In how many of its 64 drawings of the one caption an arm has exactly two things, seed 0."""
    return runs()[arm]["0"]["one caption"]["two"]


def count_two(dvae: DVAE, arm: str) -> int:
    """The same, counted now, from the drawn tokens."""
    pictures = dvae.decode(unflatten(kept("drawn")[arm], ROWS, COLS))
    return sum(len(detect(picture)) == 2 for picture in pictures)


@figure("08.gap")
def gap(pictures: Tensor) -> Picture:
    """What a cell costs with places and without, and the gap; and, from held-out pictures (M, 3, 32, 32) uint8, how
    often a thing begins in a cell."""
    ink = F.avg_pool2d(1 - pictures.float().mean(dim=1, keepdim=True) / 255, 4)[:, 0] > 0.08  # (M, 8, 8)
    above, left, corner = (F.pad(ink, pads)[:, :ROWS, :COLS] for pads in ((0, 0, 1, 0), (1, 0, 0, 0), (1, 0, 1, 0)))
    right = F.pad(ink, (0, 1, 1, 0))[:, :ROWS, 1:]  # above, one to the right
    begins = (ink & ~above & ~left & ~corner & ~right).float().mean(dim=0)
    placed, without = cells(PLACED), cells(WITHOUT)
    panel = new_figure(9.5, 3.0)
    named = {
        f"{PLACED}: {placed.mean():.2f} nats": placed,
        f"{WITHOUT}: {without.mean():.2f} nats": without,
        f"the gap: {(without - placed).mean():.2f} nats": without - placed,
        "how often a thing begins here": begins,
    }
    high = float(without.max())
    for ax, (name, values) in zip(panel.subplots(1, 4), named.items(), strict=True):
        top = high if "begins" not in name and "gap" not in name else float(values.max())
        ax.imshow(values.numpy(), cmap="cividis", vmin=0, vmax=top)
        for r, c in ((r, c) for r in range(ROWS) for c in range(COLS)):
            words = f"{values[r, c]:.1f}" if "begins" not in name else f"{100 * values[r, c]:.0f}"
            ax.text(
                c, r, words, ha="center", va="center", fontsize=8, color="white" if values[r, c] < top / 2 else "black"
            )
        ax.set_title(name + (", %" if "begins" in name else ""), fontsize=9)
        ax.set_xticks([])
        ax.set_yticks([])
    return show(
        panel,
        "Four maps of the grid: the loss of each cell with places, without, the gap between them, and how often a "
        "thing begins in a cell. The gap is largest inside, small along the edges where the paper stays white.",
    )


@figure("08.arms")
def arms() -> Picture:
    """What the four arms reached, two seeds each: the loss, what they draw, and what a linear map reads of
    the place in their last layer."""
    panels = {
        "held-out loss, nats": lambda run: run["held out"][-1],
        "one caption: exactly\ntwo things, of 64": lambda run: run["one caption"]["two"],
        "64 other captions: exactly\ntwo things, of 64": lambda run: run["captions"]["two"],
        "64 other captions:\nattributes right, %": lambda run: 100 * run["captions"]["right"],
        "row read off\nthe last layer, %": lambda run: 100 * run["probe row"],
        "column read off\nthe last layer, %": lambda run: 100 * run["probe column"],
    }
    drawn = new_figure(9.5, 4.2)
    for n, (ax, (name, value)) in enumerate(zip(drawn.subplots(2, 3).flat, panels.items(), strict=True)):
        for y, (arm, color) in enumerate(ARMS.items()):
            values = [value(run) for run in runs()[arm].values()]
            ax.barh(y, sum(values) / len(values), color=color, alpha=0.45)
            ax.plot(values, [y] * len(values), "o", color=color, markersize=5)
            words = " · ".join(f"{v:.2f}" if n == 0 else f"{v:.0f}" for v in values)
            ax.annotate(words, (max(values), y), xytext=(6, 0), textcoords="offset points", va="center", fontsize=8)
        ax.set_yticks(range(len(ARMS)), list(ARMS) if n % 3 == 0 else [], fontsize=8)
        ax.invert_yaxis()
        ax.margins(x=0.4)
        ax.set_title(name, fontsize=9)
        ax.tick_params(axis="x", labelsize=8)
    return show(
        drawn,
        "Six panels of bars for the four arms, with a dot for each seed. The arms with places cost less and "
        "draw two things far more often than those without; a vector for each cell costs about the same as the sum.",
    )


@figure("08.hidden")
def hidden(outcome: Outcome) -> Picture:
    """The nats of eight cells that were hidden from the loss in training, and of the others, for sums and for a vector
    a cell; two seeds."""
    panel = new_figure(7.2, 2.8)
    ax = panel.subplots()
    names, values, colors = [], [], []
    for arm, color in (("row + column, 8 hidden", BLUE), ("64 vectors, 8 hidden", GREEN)):
        for part in ("others", "hidden"):
            for seed, run in runs()[arm].items():
                cells_named = "the 56 trained" if part == "others" else "the 8 hidden"
                names.append(f"{arm.split(',')[0]}: {cells_named}, seed {seed}")
                values.append(run[part])
                colors.append(color if part == "hidden" else GRAY)
    drawn = ax.barh(names, values, color=colors)
    ax.bar_label(drawn, fmt="%.2f", fontsize=8, padding=3)
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.tick_params(labelsize=8)
    ax.set_xlabel("nats an image token, held-out pictures", fontsize=8)
    panel.suptitle(f"A vector for each cell, at the 8 hidden cells.\n{outcome}", fontsize=10)
    return show(panel, "Bars for two ways to say the place: the loss at 56 trained cells and at 8 hidden ones.")


def hidden_choice() -> str:
    """How the loss at the hidden cells compares, for one of the choices of the guess."""
    nats = {
        arm: min(run["hidden"] for run in runs()[f"{arm}, 8 hidden"].values()) for arm in ("row + column", "64 vectors")
    }
    ratio = nats["64 vectors"] / nats["row + column"]
    return "higher" if ratio > 1.15 else "lower" if ratio < 1 / 1.15 else "about the same"


@figure("08.ledger")
def ledger() -> Picture:
    """The arms, run before, in the loss ledger."""
    return draw_ledger("08", stored("08")["lines"])
