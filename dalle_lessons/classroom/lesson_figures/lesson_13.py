"""Figures of lesson 13: hidden regions filled in, and the editor of shapes; those about emoji are in `emoji_edits`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...datasets.images import to_image
from ...datasets.scenes import draw
from ...datasets.shapes import shapes
from ...model.dvae import DVAE
from ...model.files import data_dir
from ...model.sequence import unflatten
from ..figures import BLUE, DASHES, GRAY, GREEN, MARKERS, ORANGE, SKY, image_grid, new_figure
from ..figures import show as as_picture
from ..guesses import Outcome
from ..pictures import Picture
from ..recolor import Recoloring
from . import figure
from .emoji_edits import hide, lines_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WARM, FRESH = "from the main model", "fresh"  # the runs made before, by name
AGAIN = ", another seed"  # behind the name of the second run of each
SAID = {"shape": "shape", "color": "color", "size": "size", "position": "place", "all": "all four"}


@cache
def runs() -> dict:
    """The training made before: see tools/lesson_runs/lesson_13.py."""
    return json.loads((data_dir() / "lessons" / "13" / "runs.json").read_text(encoding="utf-8"))


@figure("13.filled")
def filled(
    true: Tensor, known: Tensor, drawn: Tensor, shares: dict[str, float], best: dict[str, Tensor], outcome: Outcome
) -> Picture:
    """true (B, 3, H, W) uint8; known (N,); drawn (B, K, 3, H, W), K fillings of each; shares: way of choosing -> the
    share of pictures that are right, "the first" among them; best: way -> which filling it chooses (B,)."""
    if shares["the known tokens"] < max(shares["the drawn tokens"], shares["the first"]) + 0.15:
        raise ValueError("The fillings do not come out as they should: is fill_in right? Run the cells again from it.")
    rows = round(len(known) ** 0.5)
    true, first, chosen = true.float() / 255, drawn[:, 0], drawn[torch.arange(len(true)), best["the known tokens"]]
    grid, side = known.view(rows, rows), true.shape[-1] // rows
    panel = new_figure(9.6, 5.3)
    above, below = panel.subfigures(2, 1, squeeze=False, height_ratios=[3.9, 1.4]).flat
    lines = [
        ("known", [hide(picture, grid, side) for picture in true[:8]]),
        ("first filling", [to_image(picture) for picture in first[:8]]),
        ("best by the\nknown tokens", [to_image(picture) for picture in chosen[:8]]),
        ("true", [to_image(picture) for picture in true[:8]]),
    ]
    lines_of(above, lines)
    ax = below.subplots()
    bars = ax.barh(list(shares), [100 * share for share in shares.values()], color=[GRAY, BLUE, ORANGE, SKY])
    ax.bar_label(bars, [f"{share:.0%}" for share in shares.values()], fontsize=8, padding=3)
    ax.invert_yaxis()
    ax.set_xlim(0, 112)
    ax.tick_params(labelsize=8)
    ax.set_xlabel(f"right, % of {len(true)} pictures, by what chooses among {drawn.shape[1]} fillings", fontsize=8)
    above.suptitle(str(outcome), fontsize=10)
    alt = (
        "Eight pictures with a hidden part: what is known, a first filling, the filling that makes the known tokens "
        "likeliest, and the true picture. Below, how many are right for each way of choosing; the known tokens choose "
        "better than the drawn ones."
    )
    return as_picture(panel, alt)


@figure("13.pairs")
def training_pairs(pairs: Sequence[Recoloring]) -> Picture:
    """Training pairs, one above the other, with their captions."""
    tall = [torch.cat([torch.from_numpy(draw(scene)) for scene in (p.top, p.bottom)], dim=1) for p in pairs]
    words = [pair.caption.replace(" on the", "\non the") for pair in pairs]
    alt = f"{len(tall)} training pairs: a thing on the top, the same thing in another color on the bottom."
    return image_grid([to_image(some) for some in tall], words, side=1.9, alt=alt)


def better_start() -> str:
    """Which start draws more right at its end, in the runs made before; both seeds must agree."""
    end, better = str(runs()["steps"]), set()
    for seed in ("", AGAIN):
        shares = {name: runs()[name + seed]["right"][end]["all"] for name in (WARM, FRESH)}
        better.add(max(shares, key=lambda name: shares[name]))
    if len(better) > 1:
        raise ValueError("The two seeds of lesson 13's runs disagree.")
    return better.pop()


def hardest() -> str:
    """What the editor of shapes gets wrong most often, as the guess calls it; both seeds must agree."""
    shares = [runs()[WARM + seed]["right"][str(runs()["steps"])] for seed in ("", AGAIN)]
    worst = {min(("shape", "color", "size", "position"), key=lambda name: share[name]) for share in shares}
    if len(worst) > 1:
        raise ValueError("The two seeds of lesson 13's runs disagree.")
    return SAID[worst.pop()]


@figure("13.start")
def start(losses: Sequence[float], outcome: Outcome) -> Picture:
    """losses: of the first steps, trained here. Beside them the runs made before: their loss, and what they draw."""
    before = runs()[WARM]["losses"][0]
    if abs(sum(losses) / len(losses) - before) > 0.15 * before:
        raise ValueError(
            f"These steps lost {sum(losses) / len(losses):.2f} nats a token on average; {before:.2f} were expected: "
            "is edit_loss right? Run the cells again from the pairs on."
        )
    panel = new_figure(9.0, 3.2)
    left, right = panel.subplots(1, 2)
    every = runs()["every"]
    for n, name in enumerate((WARM, FRESH)):
        style = {"color": (BLUE, GRAY)[n], "linestyle": DASHES[n], "marker": MARKERS[n], "markersize": 4}
        faint = {**style, "fillstyle": "none", "linewidth": 0.8}
        for seed, look in (("", {**style, "label": f"{name}, run before"}), (AGAIN, faint)):
            run = runs()[name + seed]
            left.plot([every * (k + 0.5) for k in range(len(run["losses"]))], run["losses"], **look)
            right.plot([int(step) for step in run["right"]], [100 * s["all"] for s in run["right"].values()], **look)
    left.plot([n + 0.5 for n in range(len(losses))], losses, ".", color=ORANGE, label="trained here")
    left.set_ylabel("nats a token of the bottom", fontsize=8)
    left.set_yscale("log")
    left.set_yticks([0.2, 0.5, 1, 2, 5], ["0.2", "0.5", "1", "2", "5"])
    left.minorticks_off()
    right.set_ylabel("bottoms with all four right, %", fontsize=8)
    right.set_ylim(-3, 100)
    for ax in (left, right):
        ax.set_xlabel(f"steps of {runs()['batch']} pairs", fontsize=8)
        ax.tick_params(labelsize=8)
        ax.grid(alpha=0.25)
        ax.legend(fontsize=8)
    panel.suptitle(f"{outcome} (hollow: a second seed)", fontsize=10)
    alt = (
        "Left, the loss of two editors, one started from the main model's weights and one started fresh, with "
        "the first steps trained here; right, how many of their drawings are right. The first is ahead throughout, in "
        "both seeds."
    )
    return as_picture(panel, alt)


@figure("13.recolored")
def recolored(dvae: DVAE, outcome: Outcome) -> Picture:
    """What the editor of shapes, trained before, draws below held-out scenes, and how often each attribute is right."""
    run, steps = runs()[WARM], runs()["steps"]
    given = [to_image(picture) for picture in shapes("test", len(run["drawn"]), two=0.0).pictures]
    panel = new_figure(9.6, 5.2)
    above, below = panel.subfigures(2, 1, squeeze=False, height_ratios=[3.0, 2.0]).flat
    for part, drawn, colors, name in zip(
        above.subfigures(1, 2, squeeze=False).flat,
        ("drawn", "drawn, held-out colors"),
        ("trained", "held-out"),
        ("pairs of shape and color of the training", "pairs that were in no training"),
        strict=True,
    ):
        bottoms = dvae.decode(unflatten(torch.tensor(run[drawn]), 8, 8))
        lines = [("given", given), ("drawn", [to_image(picture) for picture in bottoms])]
        lines_of(part, lines, [f"in {color}" for color in runs()["colors"][colors]])
        part.suptitle(name, fontsize=9)
    shares = {"in the training": run["right"][str(steps)], "in no training": run["held-out colors"]}
    grouped(below.subplots(), {name: list_of(share) for name, share in shares.items()}, list(SAID.values()))
    panel.suptitle(f"After {steps} steps, run before. {outcome}", fontsize=10)
    alt = (
        "Scenes given on the top and what was drawn below them, in colors that the shape was seen in and in colors "
        "that it never had. Below, how often shape, color, size, place, and all four are right."
    )
    return as_picture(panel, alt)


def list_of(shares: dict[str, float]) -> list[float]:
    """The shares in the order of SAID."""
    return [shares[name] for name in SAID]


def grouped(ax: Axes, groups: dict[str, Sequence[float]], names: Sequence[str]) -> None:
    """Bars in groups: for each name one of each group, as percentages."""
    width = 0.8 / len(groups)
    for n, (label, values) in enumerate(groups.items()):
        x = [place + width * (n - (len(groups) - 1) / 2) for place in range(len(names))]
        drawn = ax.bar(x, [100 * value for value in values], width, color=(BLUE, ORANGE, GREEN)[n], label=label)
        ax.bar_label(drawn, [f"{value:.0%}" for value in values], fontsize=8, padding=1)
    ax.set_xticks(range(len(names)), list(names), fontsize=9)
    ax.set_ylim(0, 140)
    ax.set_yticks((0, 50, 100))
    ax.set_ylabel("right, %", fontsize=8)
    ax.tick_params(axis="y", labelsize=8)
    ax.legend(fontsize=8, loc="upper center", ncols=len(groups))
