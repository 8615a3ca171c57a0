"""Figures of lesson 10: what a training looks like, in order and with a fault. What an optimizer makes of a gradient
stands in `moves_10`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from textwrap import fill

import torch
from torch import Tensor

from ...datasets.images import to_image
from ...datasets.shapes_check import SceneVerdict, share_right
from ...model.dvae import DVAE
from ...model.files import data_dir
from ...model.sequence import unflatten
from ...training.trainer import TrainConfig
from ..figures import BLUE, DASHES, GRAY, GREEN, MARKERS, ORANGE, bars, curves, frame, image_grid, new_figure
from ..figures import show as as_picture
from ..guesses import Outcome
from ..ledger import draw_ledger
from ..pictures import Picture
from . import figure
from .moves_10 import moves

__all__ = ["moves"]  # registered there
ROWS = COLS = 8  # of a shapes picture's tokens
NAMES = ("shape", "color", "size", "position", "relation")  # of the attributes that the checker of the shapes knows
LEAST_RIGHT = 0.85  # of the attributes, in one drawing for each held-out caption


@cache
def runs() -> dict:
    """The runs made before: see tools/lesson_runs/lesson_10.py."""
    return json.loads((data_dir() / "lessons" / "10" / "runs.json").read_text(encoding="utf-8"))


@figure("10.first_losses")
def first_losses(expected: float, fresh: float, leaking: float, loud: float, outcome: Outcome) -> Picture:
    """The expected first loss, in nats, and those of a fresh model: in order, with a leak, with its image head
    enlarged."""
    if max(abs(fresh - expected), abs(leaking - expected)) > 0.3:
        raise ValueError(
            f"A fresh model loses {fresh:.2f} nats, and {expected:.2f} were expected: is first_loss right?"
        )
    names = ["expected", "our fresh model", "with the leak", "its image head 50 times larger"]
    alt = (
        "Four bars: the loss that is expected, that of a fresh model, and that of one that sees its answers are alike; "
        "with a large head it is far higher."
    )
    return bars(names, [expected, fresh, leaking, loud], "nats", f"{outcome}", alt, highlight=[2, 3])


@figure("10.by_heart")
def by_heart(dvae: DVAE, tokens: Tensor, drawn: Tensor, losses: Sequence[float], words_left: float) -> Picture:
    """tokens, drawn: (8, N), of training pairs and what is drawn from their captions; losses: of all steps, in nats an
    image token; words_left: what the text costs at the end, in nats a word."""
    if losses[-1] > 0.1:
        raise ValueError(
            f"After {len(losses)} steps it still loses {losses[-1]:.2f} nats on 16 pairs, which it should know by "
            "heart: is train_step in order? Run the cells again from make_optimizers on."
        )
    nats = f"{losses[0]:.2f} → {losses[-1]:.3f} nats an image token"
    return image_grid(
        dvae.decode(unflatten(torch.cat((tokens, drawn)), ROWS, COLS)),
        ["true"] * 8 + ["by heart"] * 8,
        title=f"{len(losses)} steps: {nats}; a word still costs {words_left:.2f}",
        alt="Eight training pictures as their tokens show them, and below what is drawn from their captions: the same.",
    )


@figure("10.schedule")
def schedule() -> Picture:
    """The rate as a share of its peak over 200 steps: what the exercise is to give."""
    settings = TrainConfig(steps=200, warmup=20, min_lr_ratio=0.05)
    share = [settings.lr_multiplier(step) for step in range(200)]
    return curves(
        {"rate / peak": (range(200), share)},
        "step",
        "rate / peak",
        title="steps = 200, warmup = 20, min_lr_ratio = 0.05",
        alt="A line that rises for 20 steps to 1, then falls along half a wave, slowly, fast, slowly, to 0.05.",
        size=(6.0, 2.2),
    )


@figure("10.rates")
def rates(outcome: Outcome) -> Picture:
    """The held-out loss after 200 steps against the peak rate, for two seeds, from the runs made before."""
    seeds = list(zip(*runs()["rates"].values(), strict=True))
    x = [float(rate) for rate in runs()["rates"]]
    panel = new_figure(6.0, 3.0)
    ax = panel.subplots()
    for seed, lines in enumerate(seeds):
        style = {"color": (BLUE, ORANGE)[seed], "linestyle": DASHES[seed], "marker": MARKERS[seed]}
        ax.plot(x, [line[-1] for line in lines], label=f"seed {seed}", **style)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xticks(x, [f"{rate:g}" for rate in x], fontsize=8)
    ax.minorticks_off()
    low, high = ax.get_ylim()
    ticks = [tick for tick in (0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3) if low <= tick <= high]
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks], fontsize=8)
    ax.set_xlabel("peak learning rate", fontsize=9)
    ax.set_ylabel("held-out nats after 200 steps", fontsize=9)
    ax.set_title(str(outcome), fontsize=10)
    ax.grid(alpha=0.25)
    ax.legend(fontsize=8)
    alt = (
        "The held-out loss against the peak rate, for two seeds: a valley, high at rates too low and at rates too high."
    )
    return as_picture(panel, alt)


def best_rate() -> str:
    """The rate of the sweep with the lowest held-out loss, over both seeds."""
    return min(runs()["rates"], key=lambda rate: sum(line[-1] for line in runs()["rates"][rate]))


@figure("10.curves")
def training_curves(curve: dict[str, list[float]]) -> Picture:
    """curve: "step", and in nats "train", "held out" and "average", as the lesson's watch collects them. The same
    curves on a linear and on a logarithmic axis."""
    names = ("train", "held out", "average")
    panel = new_figure(8.8, 3.1)
    for ax, scale in zip(panel.subplots(1, 2), ("linear", "log"), strict=True):
        for n, name in enumerate(names):
            style = {"color": (BLUE, ORANGE, GREEN)[n], "linestyle": DASHES[n], "marker": MARKERS[n], "markersize": 3}
            ax.plot(curve["step"], curve[name], linewidth=1.5, label=f"{name}: {curve[name][-1]:.3f}", **style)
        ax.set_yscale(scale)
        ax.set_title("linear axis" if scale == "linear" else "logarithmic axis", fontsize=9)
        ax.set_xlabel("step", fontsize=8)
        ax.tick_params(labelsize=8)
        ax.grid(alpha=0.25)
    left, right = panel.axes
    left.set_ylabel("nats an image token", fontsize=8)
    left.legend(fontsize=8, title="at the end", title_fontsize=8)
    low, high = right.get_ylim()
    ticks = [tick for tick in (0.03, 0.05, 0.1, 0.2, 0.5, 1, 2, 5) if low < tick < high]
    right.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    right.minorticks_off()
    alt = (
        "Three curves that fall together: the batches' loss, the held-out loss, and that of the averaged weights. On a "
        "linear axis they look flat after the first steps, on a logarithmic one they go on falling."
    )
    return as_picture(panel, alt)


@figure("10.drawings")
def drawings(pictures: Tensor, captions: Sequence[str], verdicts: Sequence[SceneVerdict], outcome: Outcome) -> Picture:
    """pictures: (M, 3, 32, 32), one for each caption, of which eight are shown; verdicts: the checker's, of all.

    Below them, how often each attribute is right, for captions with one thing and with two.
    """
    share = share_right(verdicts)
    if share < LEAST_RIGHT:
        raise ValueError(
            f"{share:.0%} of the attributes are right, and {LEAST_RIGHT:.0%} should be: restart the kernel and run "
            "all, with STEPS as it was."
        )
    panel = new_figure(8.8, 6.6)
    above, below = panel.subfigures(2, 1, squeeze=False, height_ratios=[4.6, 2.0]).flat
    above.suptitle(
        f"One drawing for each of {len(captions)} held-out captions; attributes right: {outcome}", fontsize=10
    )
    for ax, picture, caption in zip(above.subplots(2, 4).flat, pictures, captions, strict=False):
        frame(ax, to_image(picture))
        ax.set_title(fill(caption, 26), fontsize=8)
    ax = below.subplots()
    for things in (1, 2):
        shares = shares_right(verdicts, things)
        x = [NAMES.index(name) + 0.4 * (things - 1.5) for name in shares]
        color, label = (BLUE, ORANGE)[things - 1], f"captions with {('one thing', 'two things')[things - 1]}"
        drawn = ax.bar(x, [100 * part for part in shares.values()], 0.38, color=color, label=label)
        ax.bar_label(drawn, [f"{part:.0%}" for part in shares.values()], fontsize=8, padding=1)
    ax.set_xticks(range(len(NAMES)), ["place" if name == "position" else name for name in NAMES], fontsize=9)
    ax.set_ylim(0, 145)
    ax.set_yticks((0, 50, 100))
    ax.set_ylabel("right, %", fontsize=8)
    ax.tick_params(axis="y", labelsize=8)
    ax.legend(fontsize=8, loc="upper center", ncols=2)
    alt = (
        "Eight drawings by the model trained here, each with its caption; most show what it says. Below, for captions "
        "with one thing and with two, how often each attribute is right."
    )
    return as_picture(panel, alt)


def shares_right(verdicts: Sequence[SceneVerdict], things: int) -> dict[str, float]:
    """Attribute -> how often it is right, over the captions with this many things, in the order of NAMES."""
    marks = [mark for verdict in verdicts if len(verdict.objects) == things for mark in verdict.objects]
    found = {name: [mark[name] for mark in marks if name in mark] for name in NAMES}
    return {name: sum(values) / len(values) for name, values in found.items() if values}


@figure("10.ledger")
def ledger(nats: dict[str, float]) -> Picture:
    """This lesson's lines of the loss ledger: predictor -> nats an image token, with or without captions."""
    return draw_ledger("10", nats)


@figure("10.broken")
def broken(dvae: DVAE, captions: Sequence[str]) -> Picture:
    """Four trainings with one fault each: their curves, and what each draws from the four captions; the healthy
    training beside them."""
    named = {"healthy": runs()["in order"], **runs()["faults"]}
    panel = new_figure(11.0, 6.2)
    grid = panel.add_gridspec(3, 2 * len(named), height_ratios=[2.0, 1.0, 1.0])
    steps, first = runs()["steps"], None
    for n, (name, run) in enumerate(named.items()):
        ax = panel.add_subplot(grid[0, 2 * n : 2 * n + 2], sharey=first)
        first = first or ax
        ax.plot(steps, run["train"], color=BLUE, label="train, mean of 10")
        ax.plot(steps, run["held out"], color=ORANGE, linestyle="--", label="held out")
        ax.axhline(named["healthy"]["held out"][-1], color=GRAY, linewidth=1)
        ax.set_title(name, fontsize=11, fontweight="bold", color=GREEN if n == 0 else "black")
        ax.set_yscale("log")
        ax.tick_params(labelsize=8, labelleft=n == 0)
        ax.set_xlabel("step", fontsize=8)
        ax.grid(alpha=0.25)
        drawn = dvae.decode(unflatten(torch.tensor(run["drawn"]), ROWS, COLS))
        for i, picture in enumerate(drawn):
            place = panel.add_subplot(grid[1 + i // 2, 2 * n + i % 2])
            frame(place, to_image(picture))
            if n == 0:
                place.set_xlabel(fill(captions[i], 17), fontsize=7)
    ticks = (0.01, 0.03, 0.1, 0.3, 1, 3)
    assert first is not None
    first.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    first.minorticks_off()
    first.set_ylabel("nats an image token", fontsize=8)
    first.legend(fontsize=8)
    alt = (
        "Five trainings side by side: one healthy, and A to D with a fault each. Above, the loss on training and "
        "held-out pictures, with a gray line where the healthy one ended; below, four drawings of each."
    )
    return as_picture(panel, alt)


@figure("10.shifted")
def shifted(dvae: DVAE) -> Picture:
    """What the healthy training and that with shifted targets draw from the same captions, and where they ended."""
    named = {"healthy": runs()["in order"], "shifted": runs()["shifts"]["after next"]}
    drawn = torch.cat([torch.tensor(run["drawn"]) for run in named.values()])
    nats = [f"{name} {run['held out'][-1]:.2f} nats" for name, run in named.items()]
    return image_grid(
        dvae.decode(unflatten(drawn, ROWS, COLS)),
        [name for name in named for _ in range(len(drawn) // 2)],
        cols=len(drawn) // 2,
        title=f"held-out loss at the end: {', '.join(nats)}",
        alt="Four drawings of the healthy training, and below them four by the training with shifted targets, from the "
        "same captions: things in their places, but one cell too far to the left, and torn.",
    )
