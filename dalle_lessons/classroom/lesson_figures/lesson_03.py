"""Figures of lesson 03: what its cells made, and what the longer runs made before."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..figures import BLUE, DASHES, GRAY, GREEN, MARKERS, ORANGE, RED, as_images, frame, image_grid, new_figure, show
from ..guesses import Outcome
from ..pictures import Picture, stacked
from . import figure
from .earlier_03 import decoded, error_before, measured, runs_of

BETAS = (0.0, 0.66, 2.2, 6.6, 22.0, 66.0, 316.8)
#: The four trainings of the exercise, by the letter that hides their cause.
UNLABELED = {"A": (6.6, "cold"), "B": (6.6, "annealed"), "C": (316.8, "annealed"), "D": (0.0, "annealed")}


def strip_of(images: Tensor, across: bool = False) -> Image.Image:
    """(N, 3, H, W) in [0, 1] -> one picture, all below each other (or side by side), with gray lines between."""
    axis = 1 if across else 0
    gap = [(0, 0), (0, 0), (0, 0)]
    gap[axis] = (0, 1)
    padded = [np.pad(np.asarray(image), gap, constant_values=187) for image in as_images(images)]
    return Image.fromarray(np.concatenate(padded, axis=axis))


@figure("03.tally")
def tally(probabilities: Tensor, chosen: Tensor) -> Picture:
    """probabilities (K,); chosen (N,) int64, the winners of N races."""
    codes, n = len(probabilities), len(chosen)
    share = torch.bincount(chosen, minlength=codes) / n
    margin = 2 * (probabilities * (1 - probabilities) / n).sqrt()
    if ((share - probabilities).abs() > 3 * margin).any():
        raise ValueError("Some code wins far more or less often than its probability says: run the cells above again.")
    sheet = new_figure(6.0, 2.4)
    ax = sheet.subplots()
    places = torch.arange(codes)
    bars = ax.bar((places - 0.2).tolist(), probabilities.tolist(), width=0.38, color=BLUE, label="probability")
    ax.bar_label(bars, fmt="%.3f", fontsize=8, padding=1)
    bars = ax.bar(
        (places + 0.2).tolist(),
        share.tolist(),
        width=0.38,
        yerr=margin.tolist(),
        capsize=3,
        color=GREEN,
        label="share won by your function",
    )
    ax.bar_label(bars, fmt="%.3f", fontsize=8, padding=1)
    ax.set_xticks(places.tolist(), [f"code {k}" for k in range(codes)], fontsize=9)
    ax.margins(y=0.15)
    ax.legend(fontsize=9)
    ax.set_title(f"{n:,} races; marks: what chance allows (two standard errors)", fontsize=10)
    return show(sheet, f"Two bars for each of {codes} codes, its probability and its share of the races: they agree.")


@figure("03.paid")
def paid(images: Tensor, nats: Tensor, outcome: Outcome) -> Picture:
    """images (B, 3, H, W), of which the first eight are shown; nats (B, rows, cols), the KL of each position."""
    bits = nats.detach() / math.log(2)
    sheet = new_figure(9.0, 2.9)
    axes = sheet.subplots(2, 8)
    for n in range(8):
        frame(axes[0, n], as_images(images[n : n + 1])[0])
        shown = axes[1, n].imshow(bits[n].numpy(), cmap="cividis", vmin=0, vmax=6, interpolation="nearest")
        axes[1, n].set_xticks([])
        axes[1, n].set_yticks([])
        axes[1, n].set_title(f"{bits[n].sum():.0f} bits", fontsize=9)
    bar = sheet.colorbar(shown, ax=axes[1, :], fraction=0.015, pad=0.01)
    bar.ax.tick_params(labelsize=8)
    bar.set_label("bits a token", fontsize=8)
    each = bits.flatten(1).sum(dim=1).mean()
    sheet.suptitle(f"{len(bits)} held-out pictures pay {each:.0f} of 384 bits on average. {outcome}", fontsize=10)
    return show(
        sheet,
        "Eight pictures; below each a map of its 64 positions. White background pays little, and positions that a "
        "shape touches pay most of the 6 bits.",
    )


@figure("03.learned")
def learned(images: Tensor, argmax: Tensor) -> Picture:
    """images, and what their argmax tokens give: (N, 3, 32, 32) each."""
    error = (argmax - images).pow(2).mean().item()
    if error > 0.022:
        raise ValueError(f"It should have learned more by now (error {error:.3f}): run the training cells again.")
    rows = torch.cat((images[:6], argmax[:6], decoded(6.6, "annealed", 1000)))
    before = runs_of(6.6, "annealed", 1000)[0]["argmax"]
    return image_grid(
        rows,
        [name for name in ("true", "300 steps, now", "1,000 steps, before") for _ in range(6)],
        cols=6,
        title=f"Error through tokens: {error:.4f}; run before, 1,000 steps: {before:.4f}",
        alt="Six unseen pictures, through the tokens of the run just made, and of a longer one. The shapes stand "
        "where they should; edges are blurred, and some colors are wrong, fewer of them after the longer run.",
        side=1.2,
    )


@figure("03.trade")
def trade(images: Tensor, outcome: Outcome) -> Picture:
    """images (6 or more, 3, 32, 32), the held-out pictures that the runs before decoded."""
    sheet = new_figure(8.6, 3.3)
    ax = sheet.subplots()
    for seed, (color, dash, marker) in enumerate(zip((BLUE, ORANGE), DASHES, MARKERS, strict=False)):
        found = [run for beta in BETAS for run in runs_of(beta, "annealed", 1000) if run["seed"] == seed]
        x = [run["kl"] / math.log(2) for run in found]
        y = [run["argmax"] for run in found]
        dash = dash if len(found) == len(BETAS) else ""  # some runs alone are no curve
        ax.plot(x, y, color=color, linestyle=dash, marker=marker, markersize=5, label=f"seed {seed}")
        for run, a, b in zip(found, x, y, strict=True) if seed == 0 else ():
            ax.annotate(f"β = {run['beta']:g}", (a, b), (4, 7), textcoords="offset points", fontsize=9)
    ax.set_xlim(-0.25, 6.6)
    ax.margins(y=0.15)
    ax.set_xlabel("bits that a token pays, of 6 (KL to uniform)")
    ax.set_ylabel("error through argmax tokens")
    ax.set_title("Run before, 1,000 steps each: every β buys some bits", fontsize=10)
    ax.legend(fontsize=9)
    ax.grid(alpha=0.25)
    alt = (
        "Error against bits for seven weights beta: with a large weight few bits and a large error; the lowest error "
        "has a weight in the middle; at beta 0 nearly all six bits are paid, and the error is higher again."
    )
    rows = [("true\n", images[:6])]
    for beta in BETAS:
        codes = runs_of(beta, "annealed", 1000)[0]["codes_in_use"]
        rows.append((f"β = {beta:g}\n{codes} codes in use", decoded(beta, "annealed", 1000)))
    strip = new_figure(9.2, 6.4)
    for ax, (name, pictures) in zip(strip.subplots(1, len(rows)), rows, strict=True):
        frame(ax, strip_of(pictures))
        ax.set_title(name, fontsize=9)
    low, middle = error_before(0.0), error_before(6.6)
    strip.suptitle(f"Error, mean of the seeds: β = 0 {low:.4f}, β = 6.6 {middle:.4f}. {outcome}", fontsize=10)
    return stacked(show(sheet, alt), show(strip, "Six pictures through the tokens of each of the seven runs."), alt=alt)


@figure("03.undivided")
def undivided(images: Tensor, argmax: Tensor, kls: dict[str, Sequence[float]]) -> Picture:
    """images, argmax (N, 3, 32, 32) of the collapsed model; kls: name -> its KL every ten steps."""
    last = {name: history[-1] for name, history in kls.items()}
    if min(last.values()) > 0.05 or max(last.values()) < 0.1:
        raise ValueError("One of the two should have collapsed, and one not: run the training cells again.")
    sheet = new_figure(8.6, 3.0)
    grid = sheet.add_gridspec(2, 7, width_ratios=[1, 1, 1, 1, 1, 1, 6])
    for n in range(6):
        for r, pictures in enumerate((images, argmax)):
            frame(sheet.add_subplot(grid[r, n]), as_images(pictures[n : n + 1])[0])
    ax = sheet.add_subplot(grid[:, 6])
    for (name, history), color, dash in zip(kls.items(), (BLUE, RED), DASHES, strict=False):
        ax.plot(range(0, 10 * len(history), 10), list(history), color=color, linestyle=dash, label=name)
    ax.set_xlabel("step")
    ax.set_ylabel("KL, nats a position")
    ax.set_title(f"KL at the end: {', '.join(f'{value:.2g}' for value in last.values())} nats", fontsize=10)
    ax.legend(fontsize=8)
    ax.grid(alpha=0.25)
    sheet.suptitle("Not divided: true pictures, and below each what its tokens give", fontsize=10)
    return show(
        sheet,
        "Six pictures; what their tokens give is one nearly blank picture for all. Two curves of the KL: the divided "
        "weight's rises well above zero, the undivided one's falls to zero at once and stays there.",
    )


@figure("03.cold")
def cold(outcome: Outcome) -> Picture:
    """Runs made before: temperature and price, begun warm or cold, full or free."""
    kinds = (
        ("1 to 1/8\nβ = 6.6", 6.6, "annealed"),
        ("1\nβ = 6.6", 6.6, "warm"),
        ("1/8\nβ = 6.6", 6.6, "cold"),
        ("1/8\nβ = 0", 0.0, "cold"),
        ("1/8\nβ 0 to 6.6", 6.6, "cold-rising"),
    )
    sheet = new_figure(9.2, 3.3)
    left, right = sheet.subplots(1, 2, width_ratios=[1.35, 1])
    for g, (steps, color) in enumerate(((300, GRAY), (1000, BLUE), (2000, ORANGE))):
        for k, (_, beta, kind) in enumerate(kinds):
            errors = [run["argmax"] for run in runs_of(beta, kind, steps)]
            if errors:
                place = k + 0.27 * (g - 0.5)
                name = f"{steps:,} steps" if (beta, kind) == (6.6, "cold") else None
                left.bar([place], [sum(errors) / len(errors)], 0.25, color=color, label=name)
                left.plot([place] * len(errors), errors, "k_", markersize=8)
    left.set_xticks(range(len(kinds)), [label for label, _, _ in kinds], fontsize=9)
    left.set_xlabel("temperature, and weight of the bits")
    left.set_ylabel("error through argmax tokens")
    left.legend(fontsize=8)
    left.set_title(f"Run before (marks: seeds). {outcome}", fontsize=10)
    shown = [kinds[k] for k in (0, 2, 3, 4)]
    for (label, beta, kind), color, dash in zip(shown, (BLUE, RED, GREEN, ORANGE), DASHES, strict=False):
        history = (runs_of(beta, kind, 1000) or runs_of(beta, kind, 300))[0]["history"]
        steps = range(0, 10 * len(history), 10)
        right.plot(steps, history, color=color, linestyle=dash, label=label.replace("\n", ", "))
    again = runs_of(6.6, "cold", 1000)[1]["history"]
    right.plot(range(0, 10 * len(again), 10), again, color=GRAY, linewidth=1, label="1/8, β = 6.6, seed 1")
    right.set_xlabel("step")
    right.set_title("KL, nats a position (seed 0, or as named)", fontsize=10)
    right.legend(fontsize=8)
    right.grid(alpha=0.25)
    return show(
        sheet,
        "Left, errors: with beta 6.6 they are small if the temperature begins at 1, and several times as large if it "
        "is 1/8 from the start; cold without a price, or with one that rises, the model does learn. Right: the KL of "
        "five of these runs; cold and fully priced, it lies at zero for hundreds of steps.",
    )


@figure("03.unlabeled")
def unlabeled(images: Tensor) -> Picture:
    """images (6 or more, 3, 32, 32): the held-out pictures that the four trainings decoded."""
    sheet = new_figure(9.2, 5.6)
    grid = sheet.add_gridspec(5, 3, width_ratios=[4.2, 2.6, 2.6])
    ax = sheet.add_subplot(grid[0, 0])
    frame(ax, strip_of(images[:4], across=True))
    ax.set_ylabel("true", fontsize=10, rotation=0, ha="right", va="center")
    for r, (letter, (beta, kind)) in enumerate(UNLABELED.items(), 1):
        run = runs_of(beta, kind, 1000)[0]
        ax = sheet.add_subplot(grid[r, 0])
        frame(ax, strip_of(decoded(beta, kind, 1000)[:4], across=True))
        ax.set_ylabel(letter, fontsize=13, rotation=0, ha="right", va="center", fontweight="bold")
        ax = sheet.add_subplot(grid[r, 1])
        ax.plot(range(0, 10 * len(run["history"]), 10), run["history"], color=BLUE)
        ax.set_ylim(-0.2, math.log(64) + 0.2)
        ax.tick_params(labelsize=8)
        if r == 1:
            ax.set_title("KL in training, nats (at most 4.16)", fontsize=9)
        words = sheet.add_subplot(grid[r, 2])
        words.set_axis_off()
        text = f"KL at the end: {run['kl']:.4f} nats\nerror: {run['argmax']:.4f}\ncodes in use: {run['codes_in_use']}"
        words.text(0, 0.5, text, fontsize=10, va="center", transform=words.transAxes)
    return show(
        sheet,
        "Four trainings, A to D: four decoded pictures, the KL during training, its last value, the error and the "
        "number of codes in use of each.",
    )


@figure("03.prices")
def prices() -> Picture:
    """What both ways cost and reach, run before."""
    found = measured()
    sheet = new_figure(9.2, 2.9)
    left, right = sheet.subplots(1, 2)
    kinds = (("scores", "scores and noise (this lesson)", BLUE), ("nearest", "nearest code (lesson 02)", ORANGE))
    sizes = list(found["costs"])
    for n, (key, name, color) in enumerate(kinds):
        places = [k + 0.4 * n - 0.2 for k in range(len(sizes))]
        bars = left.bar(places, [found["costs"][size][key] for size in sizes], 0.38, color=color, label=name)
        left.bar_label(bars, fmt="%.0f", fontsize=8, padding=1)
        for k, steps in enumerate((300, 1000)):
            of_nearest = [run["argmax"] for run in found["nearest"] if run["steps"] == steps]
            errors = of_nearest if key == "nearest" else [run["argmax"] for run in runs_of(6.6, "annealed", steps)]
            bar = right.bar([k + 0.4 * n - 0.2], [sum(errors) / len(errors)], 0.38, color=color)
            right.bar_label(bar, fmt="%.4f", fontsize=9, color="white" if n == 0 else "black", label_type="center")
            right.plot([k + 0.4 * n - 0.2] * len(errors), errors, "k_", markersize=9)
    left.set_xticks(range(len(sizes)), [f"{int(size):,} codes" for size in sizes], fontsize=9)
    left.set_title("Milliseconds of the choice alone, forward and back", fontsize=10)
    left.margins(y=0.3)
    left.legend(fontsize=8, loc="upper left")
    right.set_xticks(range(2), ["300 steps", "1,000 steps"], fontsize=9)
    right.set_title("Error with 64 codes (marks: two seeds)", fontsize=10)
    right.margins(y=0.2)
    return show(sheet, "Bars of time for three sizes of the codebook and of error after two lengths, for both ways.")
