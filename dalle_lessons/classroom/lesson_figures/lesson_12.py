"""Figures of lesson 12: the scale, repeated captions, drawings in CLIP's order. Those of captions with colors swapped
stand in `swapped_12`."""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Sequence
from textwrap import fill

import torch
from torch import Tensor

from ...datasets.images import to_image
from ...model.files import data_dir
from ..figures import BLUE, GRAY, GREEN, ORANGE, RED, curves, frame, new_figure
from ..figures import show as as_picture
from ..guesses import Outcome
from ..pictures import Picture
from . import figure
from .swapped_12 import cure, helps, runs, swapped, told_otherwise

__all__ = ["cure", "helps", "swapped", "told_otherwise"]  # registered, or asked for, here

MARKS = {True: ("✓", GREEN), False: ("✗", RED)}
BATCH = 96


def candidates() -> tuple[list[str], Tensor]:
    """Captions (C) of unseen combinations, and the image tokens of their drawings, (C, N, 8, 8) int64: the shipped
    DALL·E drew them before."""
    made = json.loads((data_dir() / "lessons" / "12" / "drawings.json").read_text(encoding="utf-8"))
    tokens = torch.frombuffer(bytearray(zlib.decompress(base64.b85decode(made["tokens"]))), dtype=torch.uint8)
    return made["captions"], tokens.long().reshape(len(made["captions"]), -1, 8, 8)


@figure("12.scale")
def scale(outcome: Outcome) -> Picture:
    """How sure a softmax can be of one among 96, if its cosine is 1 and all others are 0, against the scale."""
    x = [10 ** (k / 20) for k in range(41)]  # 1 to 100
    panel = new_figure(6.2, 2.7)
    ax = panel.subplots()
    ax.plot(x, [100 * sure(at) for at in x], color=BLUE)
    for at, name in ((1, "no scale"), (1 / 0.07, "where CLIP begins: 1 / 0.07"), (100, "its limit")):
        ax.plot([at], [100 * sure(at)], "o", color=ORANGE)
        place = (8, 6) if at == 1 else (8, -14) if at < 100 else (0, -28)
        ax.annotate(
            name,
            (at, 100 * sure(at)),
            place,
            textcoords="offset points",
            fontsize=8,
            ha="right" if at == 100 else "left",
        )
    ax.set_xscale("log")
    ax.set_xticks((1, 2, 5, 14.3, 50, 100), ["1", "2", "5", "14.3", "50", "100"], fontsize=8)
    ax.minorticks_off()
    ax.set_xlabel("scale = 1 / temperature", fontsize=9)
    ax.set_ylabel("probability of the\nright caption, %", fontsize=9)
    ax.tick_params(labelsize=8)
    ax.grid(alpha=0.25)
    ax.set_title(f"The right cosine is 1, 95 others are 0. {outcome}", fontsize=10)
    alt = (
        "The largest probability that a softmax over 96 cosines can give, against the scale: from small to nearly one."
    )
    return as_picture(panel, alt)


def sure(scale: float, batch: int = BATCH) -> float:
    """The softmax's probability of one with cosine 1 among batch - 1 others with cosine 0."""
    return 1 / (1 + (batch - 1) * math.exp(-scale))


@figure("12.repeated")
def repeated(often: dict[int, float], floor: dict[int, float], outcome: Outcome) -> Picture:
    """often: batch size -> captions that occur more than once, on average; floor: batch size -> nats that no CLIP can
    undercut. Beside them, what such captions cost in trainings that were run before."""
    panel = new_figure(9.2, 2.9)
    left, middle, right = panel.subplots(1, 3, width_ratios=(1, 1, 1.3))
    names = [str(size) for size in often]
    for ax, values, label in ((left, often, "captions there twice or more"), (middle, floor, "nats of a perfect CLIP")):
        drawn = ax.bar(names, list(values.values()), color=[ORANGE if size == BATCH else BLUE for size in values])
        ax.bar_label(drawn, [f"{value:.2g}" for value in values.values()], fontsize=8)
        ax.set_xlabel("batch", fontsize=8)
        ax.set_title(label, fontsize=9)
        ax.margins(y=0.15)
    for n, name in enumerate(("equal captions wrong", "equal captions left out")):
        found = [100 * run["found"] for run in runs()[name].values()]
        right.plot([n] * len(found), found, "o", color=(BLUE, ORANGE)[n])
        right.set_xticks((0, 1), ("counted\nas wrong", "left out"))
    right.set_xlim(-0.6, 1.6)
    right.set_ylim(0, 100)
    right.set_title("right captions found among 300, %\n(loose captions, 300 steps, two seeds)", fontsize=9)
    for ax in (left, middle, right):
        ax.tick_params(labelsize=8)
    panel.suptitle(f"Of {BATCH} captions, how many are there more than once? {outcome}", fontsize=10)
    alt = (
        "How many captions of a batch occur in it more than once, and how many nats no CLIP can undercut: both "
        "grow with the batch. Beside it, how many captions are found after trainings that count them as wrong, or not."
    )
    return as_picture(panel, alt)


@figure("12.training")
def training(losses: Sequence[float], batch: int) -> Picture:
    """losses: of all steps, in nats."""
    if sum(losses[-20:]) / 20 > 1.2:
        raise ValueError("It has not learned enough to go on: run the cells again from Look on, with 300 steps.")
    return curves(
        {"loss": (range(0, len(losses), 5), losses[::5])},
        "step",
        "nats",
        title=f"{len(losses)} steps: from {losses[0]:.2f} to {sum(losses[-20:]) / 20:.2f} nats",
        levels={f"guessing: ln {batch}": math.log(batch)},
        alt="The loss starts at about the logarithm of the batch and falls.",
        size=(6.0, 2.6),
    )


@figure("12.sheet")
def sheet(images: Tensor, right: Tensor, scores: Tensor, caption: str) -> Picture:
    """images (16, 3, 32, 32), what the checker says of each (16,) bool, and CLIP's scores (16,): in CLIP's order."""
    panel = new_figure(8.4, 2.75)
    order = scores.argsort(descending=True).tolist()
    for ax, place in zip(panel.subplots(2, 8).flat, order, strict=True):
        mark, color = MARKS[bool(right[place])]
        _picture(ax, images[place], color)
        ax.set_title(f"{mark} {scores[place]:.2f}", fontsize=9, color=color, pad=3)
    panel.suptitle(f"“{caption}”: CLIP's order, best first; ✓ ✗: the checker ({int(right.sum())} right)", fontsize=10)
    alt = f"Sixteen drawings of {caption}, in the order of CLIP's scores, each marked as right or wrong by the checker."
    return as_picture(panel, alt)


def _picture(ax, image: Tensor, color: str) -> None:
    frame(ax, to_image(image))
    for side in ax.spines.values():
        side.set_color(color)
        side.set_linewidth(2)


@figure("12.best_of")
def best_of(
    share: dict[int, float],
    ceiling: dict[int, float],
    outcome: Outcome,
    images: Tensor,
    right: Tensor,
    scores: Tensor,
    captions: Sequence[str],
) -> Picture:
    """share, ceiling: candidates -> share of captions with a right picture, picked by CLIP and by the checker; images
    (C, N, 3, 32, 32), right (C, N) bool, scores (C, N). Beside the curves the captions where CLIP is most mistaken."""
    most, floor = max(share), float(right.float().mean())
    if share[most] < floor + 0.1:
        raise ValueError("Ranking should help by ten points: is best_of right? Else run the cells again from Look on.")
    panel = new_figure(10.0, 3.9)
    left, beside = panel.subfigures(1, 2, squeeze=False, width_ratios=(1.15, 1.0)).flatten()
    _gain(left.subplots(), share, ceiling, floor, len(captions))
    left.suptitle(f"Is the best of {most} right? {outcome}", fontsize=10)
    _worst(beside, images, right, scores, captions)
    alt = (
        "The share of right pictures against the number of candidates: picked at random, by our CLIP, by the checker. "
        "Beside it three captions where CLIP prefers a wrong drawing to a right one: the wrong one above the right one."
    )
    return as_picture(panel, alt)


def _gain(ax, share: dict[int, float], ceiling: dict[int, float], floor: float, captions: int) -> None:
    counts = list(share)
    lines = (("the checker picks", ceiling, GREEN, "^"), ("our CLIP picks", share, ORANGE, "o"))
    for name, line, color, marker in lines:
        doubt = [196 * math.sqrt(line[n] * (1 - line[n]) / captions) for n in counts]
        y = [100 * line[n] for n in counts]
        ax.errorbar(counts, y, doubt, color=color, marker=marker, capsize=3, label=name, linewidth=1.5)
    ax.axhline(100 * floor, color=GRAY, linewidth=1)
    ax.annotate("any drawing", (counts[-1], 100 * floor), (0, -11), textcoords="offset points", ha="right", fontsize=8)
    ax.set_xscale("log", base=2)
    ax.set_xticks(counts, [str(n) for n in counts])
    ax.set_xlabel(f"candidates, {captions} captions (bars: 95% intervals)", fontsize=8)
    ax.set_ylabel("right in everything, %", fontsize=9)
    ax.set_ylim(0, 108)
    ax.tick_params(labelsize=8)
    ax.grid(alpha=0.25)
    ax.legend(fontsize=8, loc="upper left")


def _worst(panel, images: Tensor, right: Tensor, scores: Tensor, captions: Sequence[str]) -> None:
    """The three captions where the best-scored picture is wrong, and beats the best right one by most."""
    wrong = scores.masked_fill(right, -torch.inf).max(1)
    good = scores.masked_fill(~right, -torch.inf).max(1)
    gap = (wrong.values - good.values).masked_fill(good.values.isinf(), -torch.inf)
    axes = panel.subplots(2, 3)
    for column, place in enumerate(gap.topk(3).indices.tolist()):
        for row, best in enumerate((wrong, good)):
            ax = axes[row, column]
            mark, color = MARKS[bool(row)]
            _picture(ax, images[place, best.indices[place]], color)
            ax.set_title(f"{mark} {best.values[place]:.2f}", fontsize=9, color=color, pad=3)
        axes[0, column].set_xlabel(fill(captions[int(place)], 22), fontsize=8)
    panel.suptitle("Its worst mistakes: what it prefers, and the best right one", fontsize=10)


@figure("12.named")
def named(
    images: Tensor, names: Sequence[str], few: Sequence[int], every: Sequence[str], said: Sequence[int]
) -> Picture:
    """images (8, …) with their names; few: which of the eight names CLIP gives to each; said: which of every name."""
    if sum(guess == i for i, guess in enumerate(few)) < 3:
        raise ValueError("CLIP should name several of the eight: run the lesson's cells from the top.")
    panel = new_figure(9.0, 5.4)
    for i, ax in enumerate(panel.subplots(2, 4).flat):
        frame(ax, to_image(images[i]))
        among, of_all = names[few[i]], every[said[i]]
        ax.set_title(
            fill(f"{MARKS[among == names[i]][0]} {among}", 27), fontsize=8, color=MARKS[among == names[i]][1], pad=3
        )
        ax.set_xlabel(
            fill(f"{MARKS[of_all == names[i]][0]} {of_all}", 27), fontsize=8, color=MARKS[of_all == names[i]][1]
        )
    right = [
        sum(a == b for a, b in zip(picks, names, strict=True))
        for picks in ([names[g] for g in few], [every[g] for g in said])
    ]
    panel.suptitle(
        f"Offered these 8 captions (above): {right[0]} of 8 right. Offered all {len(every):,} (below): {right[1]}",
        fontsize=10,
    )
    alt = (
        f"Eight cartoons: {'; '.join(names)}; each with the caption that CLIP prefers, among eight above and among all "
        "below, marked as right or wrong."
    )
    return as_picture(panel, alt)
