"""Figures of lesson 07: the mean as a product, the leak, query, key and value, the scale, and what the predictors of
the ledger reach. Those of the merge of heads stand in `merge_07`, those of the hunt for a head in `heads_07`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file
from torch import Tensor

from ...model.files import data_dir
from ..figures import BLUE, DASHES, ORANGE, PALETTE, RED, new_figure, show
from ..guesses import Outcome
from ..ledger import draw_ledger, stored
from ..pictures import Picture
from . import figure
from .heads_07 import looks_up, switched_off
from .merge_07 import heads, notices

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["heads", "looks_up", "notices", "switched_off"]  # registered there
WHERE = ("above the bigram", "between the two", "below both")


def folder():
    return data_dir() / "lessons" / "07"


@cache
def runs() -> dict:
    """The runs made before: see tools/lesson_runs/lesson_07.py."""
    return json.loads((folder() / "runs.json").read_text(encoding="utf-8"))


def trained_weights(name: str) -> dict[str, Tensor]:
    """The weights of the "mean" or the "attention" predictor after the longer run; name -> tensor."""
    return {key: value.float() for key, value in load_file(folder() / f"{name}.safetensors").items()}


def what_leaks(one: Tensor, other: Tensor) -> str:
    """One of the choices of the guess "07.leak", from the weights (S, S) of two sequences that differ in what comes
    last."""
    if torch.allclose(one[0, 0], torch.tensor(1.0)):
        return "all of it, 1"
    alike = torch.allclose(one[0, 0], other[0, 0], atol=0.01)
    return "less than 1, and always the same" if alike else "less than 1, and it depends on the future"


def which_color(mixed: Tensor) -> str:
    """One of the choices of the guess "07.square", from (red, blue)."""
    red, blue = mixed.tolist()
    return "half red, half blue" if abs(red - blue) < 0.05 else "red" if red > blue else "blue"


def where_it_ends() -> str:
    """One of the choices of the guess "07.attention": the end of the longer runs, which must agree."""
    earlier, ends = stored("06")["lines"], [nats[-1] for nats in runs()["attention"].values()]
    places = {(nats < earlier["bigram"]) + (nats < earlier["left and above"]) for nats in ends}
    if len(places) > 1:
        raise ValueError(f"The runs disagree: they end at {ends}.")
    return WHERE[places.pop()]


def draw_table(ax: Axes, values: Tensor, rows: Sequence[str] = (), cols: Sequence[str] = (), **options) -> None:
    """A small matrix (R, C) with its numbers: blue below 0, orange above, white at 0. options: title, size, ends (the
    value at which a color is full), format, aspect."""
    from matplotlib.colors import LinearSegmentedColormap

    colors = LinearSegmentedColormap.from_list("07", [BLUE, "white", ORANGE])
    ends = options.get("ends", max(1e-6, float(values.abs().max())) * 1.3)
    ax.imshow(values.detach().numpy(), cmap=colors, vmin=-ends, vmax=ends, aspect=options.get("aspect", "equal"))
    for r, line in enumerate(values.tolist()):
        for c, value in enumerate(line):
            text = options.get("format", "{:.2g}").format(value + 0.0) if abs(value) > 1e-9 else "0"
            ax.text(c, r, text, ha="center", va="center", fontsize=options.get("size", 8))
    ax.set_xticks(range(values.shape[1]) if cols else [], list(cols), fontsize=8)
    ax.set_yticks(range(values.shape[0]) if rows else [], list(rows), fontsize=8)
    ax.tick_params(length=0)
    ax.xaxis.tick_top()
    ax.set_title(options.get("title", ""), fontsize=9)


def _sign(ax: Axes, sign: str) -> None:
    ax.set_axis_off()
    ax.text(0.5, 0.5, sign, ha="center", va="center", fontsize=18, transform=ax.transAxes)


@figure("07.mean_as_product")
def mean_as_product(weights: Tensor, x: Tensor) -> Picture:
    """weights (S, S) @ x (S, C): three tables with their numbers."""
    drawn = new_figure(9.0, 3.0)
    axes = drawn.subplots(1, 5, width_ratios=[6, 0.6, 4, 0.6, 4])
    slots = [f"slot {i}" for i in range(len(x))]
    draw_table(axes[0], weights, slots, title="weights (S, S)", format="{:.2f}")
    draw_table(axes[2], x, title="x (S, C)", format="{:.1f}")
    draw_table(axes[4], weights @ x, title="weights @ x: the means", format="{:.1f}")
    _sign(axes[1], "@")
    _sign(axes[3], "=")
    alt = (
        "A triangular table of weights times a table of vectors is a table of means. In each row of the weights all "
        "slots so far have the same weight, and the later ones 0."
    )
    return show(drawn, alt)


@figure("07.leak")
def leak(late: Sequence[Tensor], outcome: Outcome) -> Picture:
    """Weights that were masked after the softmax, (S, S), of two sequences that differ in their last token alone."""
    drawn = new_figure(7.6, 3.3)
    for ax, weights, name in zip(drawn.subplots(1, 2), late, ("one last token", "another last token"), strict=True):
        size = len(weights)
        table = torch.cat((weights, weights.sum(dim=1, keepdim=True)), dim=1)
        draw_table(ax, table, [f"slot {i}" for i in range(size)], [*map(str, range(size)), "sum"], format="{:.2f}")
        ax.axvline(size - 0.5, color="black", linewidth=1.5)
        ax.set_xlabel(name, fontsize=9)
    drawn.suptitle(f"What slot 0 gives to itself. {outcome}", fontsize=10)
    alt = (
        "Two tables of weights with the sum of each row: sums below 1, and other ones where the last token is another."
    )
    return show(drawn, alt)


@figure("07.three_matrices")
def three_matrices(words: Sequence[str], x: Tensor, w_query: Tensor, w_key: Tensor, w_value: Tensor) -> Picture:
    """x (5, 4) times three matrices (4, 2): queries, keys and values (5, 2)."""
    drawn = new_figure(9.2, 5.4)
    grid = drawn.add_gridspec(3, 5, width_ratios=[4.6, 0.5, 2.6, 0.5, 4.0])
    features = ["color", "shape", "red", "blue"]
    ax = drawn.add_subplot(grid[:, 0])
    draw_table(ax, x, words, features, title="x: what stands in each slot", format="{:.0f}", aspect="auto")
    kinds = (
        ("query: what am I looking for?", w_query, ["a color", "a shape"]),
        ("key: what can I be found by?", w_key, ["a color", "a shape"]),
        ("value: what do I hand over?", w_value, ["red", "blue"]),
    )
    for n, (title, matrix, names) in enumerate(kinds):
        _sign(drawn.add_subplot(grid[n, 1]), "@")
        draw_table(drawn.add_subplot(grid[n, 2]), matrix, features, format="{:.0f}", aspect="auto")
        _sign(drawn.add_subplot(grid[n, 3]), "=")
        draw_table(drawn.add_subplot(grid[n, 4]), x @ matrix, words, names, title=title, format="{:.0f}", aspect="auto")
    alt = (
        "The vectors of five words, times three matrices: queries (circle and square look for a color), keys (red and "
        "blue are found as colors, circle and square as shapes), values (red hands over red, blue hands over blue)."
    )
    return show(drawn, alt)


@figure("07.found")
def found(words: Sequence[str], mixed: Tensor, outcome: Outcome) -> Picture:
    """mixed (S, 2): how much red and how much blue each slot has received."""
    drawn = new_figure(6.4, 2.6)
    ax = drawn.subplots()
    places = torch.arange(len(words))
    for n, (name, color) in enumerate((("red", RED), ("blue", BLUE))):
        bars = ax.bar((places + 0.36 * n - 0.18).tolist(), mixed[:, n].tolist(), 0.34, color=color, label=name)
        ax.bar_label(bars, fmt="%.2f", fontsize=8)
    ax.set_xticks(places.tolist(), list(words), fontsize=9)
    ax.set_ylim(0, 1.15)
    ax.set_ylabel("received", fontsize=9)
    ax.legend(fontsize=8)
    ax.set_title(f"What “square” receives: {outcome}", fontsize=10)
    alt = (
        "What each of the five slots receives, red and blue. red: red alone, its own. circle: nearly all red, and no "
        "blue. square: as much red as blue."
    )
    return show(drawn, alt)


@figure("07.scale")
def scale(spread: Mapping[int, float], largest: Mapping[int, Sequence[float]], outcome: Outcome) -> Picture:
    """C -> spread of dot products of random vectors; C -> mean largest of 16 weights, without and with the scale."""
    drawn = new_figure(8.6, 3.0)
    left, right = drawn.subplots(1, 2)
    places, names = list(range(len(spread))), [f"C = {size}" for size in spread]
    left.bar_label(left.bar(places, list(spread.values()), color=BLUE), fmt="%.1f", fontsize=9)
    left.set_title(f"spread of the dot products. C = 64: {outcome}", fontsize=9)
    for n, (name, color) in enumerate((("dot products", ORANGE), ("divided by √C", BLUE))):
        bars = right.bar([p + 0.38 * n - 0.19 for p in places], [largest[c][n] for c in spread], 0.36, color=color)
        bars.set_label(name)
        right.bar_label(bars, fmt="%.2f", fontsize=8)
    right.set_ylim(0, 1.35)
    right.legend(fontsize=8, loc="upper left", ncols=2)
    right.set_title("the largest of 16 weights, on average", fontsize=9)
    for ax in (left, right):
        ax.set_xticks(places, names, fontsize=9)
        ax.margins(y=0.15)
    alt = (
        "Left: the spread of dot products grows with the square root of C. Right: without the scale the largest weight "
        "comes near 1 as C grows; divided by the square root of C it stays the same."
    )
    return show(drawn, alt)


@figure("07.learning")
def learning(live: Mapping[str, float], steps: int, outcome: Outcome) -> Picture:
    """The held-out nats of the longer runs, and after `steps` steps here: name -> nats."""
    drawn = new_figure(6.8, 3.3)
    ax = drawn.subplots()
    for n, (name, value) in enumerate(live.items()):
        for seed, nats in runs()[name].items():
            label = f"{name}, run before" if seed == "0" else None
            ax.plot(runs()["steps"], nats, color=PALETTE[n], linestyle=DASHES[n], linewidth=1.3, label=label)
        ax.plot([steps], [value], "o", color=PALETTE[n], markersize=8, label=f"{name}, here: {value:.2f} nats")
        expected = runs()[name]["0"][runs()["steps"].index(steps)]
        if abs(value - expected) > 0.1 * expected:
            raise ValueError(f"The predictor with {name} is at {value:.2f} nats, and {expected:.2f} were expected.")
    earlier = stored("06")["lines"]
    for name in ("bigram", "left and above"):
        ax.axhline(earlier[name], color="#666666", linewidth=1)
        ax.annotate(name, (runs()["steps"][-1], earlier[name]), xytext=(0, 2), textcoords="offset points", ha="right")
    ax.set_xlabel("step")
    ax.set_ylabel("nats an image token, held out")
    ax.grid(alpha=0.25)
    ax.legend(fontsize=8)
    title = f"Where attention ends, run before, {runs()['steps'][-1]} steps: {outcome}"
    ax.set_title(title, fontsize=9)
    alt = (
        "The held-out loss of two predictors, by steps. That with attention falls further than that with the mean. "
        "Horizontal lines mark the bigram and the count of left and above."
    )
    return show(drawn, alt)


@figure("07.ledger")
def ledger(lines: Mapping[str, float]) -> Picture:
    """The lines of this lesson: predictor -> nats an image token on the held-out pictures, without captions."""
    return draw_ledger("07", lines)
