"""The figures of lesson 02 about whole trainings: which codes come into use, what revival does, error against bits.

The longer runs were made by `tools/lesson_runs/lesson_02.py` and are shipped in `data/lessons/02/`.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...datasets.images import to_image
from ...model.files import data_dir
from ..figures import BLUE, GRAY, GREEN, ORANGE, RED, new_figure, show
from ..pictures import Picture
from . import figure
from .code_plane import row_of_pictures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..guesses import Outcome


@cache
def run_before(name: str) -> dict:
    """Numbers of a longer run, made by `tools/lesson_runs/lesson_02.py`."""
    return json.loads((data_dir() / "lessons" / "02" / f"{name}.json").read_text(encoding="utf-8"))


def fate_of_unused() -> str:
    """What became of the unused codes in the longer run: one of the choices of the guess "02.wake"."""
    early, *_, end = run_before("waking")["plain, seed 0"]["in_use"][4:]  # after 350 steps, and at the end
    return "a few at a time" if end > 2 * early else "not at all"


@figure("02.waking")
def waking_figure(in_use: Sequence[int], outcome: Outcome) -> Picture:
    """Codes in use and error, of a training without any help. in_use: live, every 50 steps. outcome: of the guess."""
    steps = range(50, 50 * len(in_use) + 1, 50)
    drawn = new_figure(10.0, 3.3)
    left, right = drawn.subplots(1, 2)
    for seed, color, dash in ((0, BLUE, "-"), (1, ORANGE, "--")):
        run = run_before("waking")[f"plain, seed {seed}"]
        name = f"run before, seed {seed}, {run['steps'][-1]} steps"
        left.plot(run["steps"], run["in_use"], dash, color=color, marker="o", markersize=4, label=name)
        right.plot(run["steps"][1:], run["error"][1:], dash, color=color, marker="o", markersize=4, label=name)
    left.plot(steps, in_use, color=RED, linewidth=3, label="yours, just now (seed 0)")
    left.set_ylabel("codes in use on 300 unseen pictures", fontsize=9)
    right.set_ylabel("mean squared error", fontsize=9)
    right.set_yscale("log")
    finish((left, right))
    drawn.suptitle(str(outcome), fontsize=10)
    return show(drawn, "Left: codes in use against the step. Right: the error against the step. No code was helped.")


@figure("02.revival")
def revival_figure(plain: Sequence[int], revived: Sequence[int], true: Tensor, made: Tensor) -> Picture:
    """With and without revival; beside it the longer runs, and those of codes strewn ten times as widely.

    plain, revived: codes in use, live, every 50 steps. true, made: pictures (N, 3, 32, 32) by the revived codebook."""
    if revived[-1] <= 1.5 * plain[-1]:
        raise ValueError("Revival should keep far more codes in use: does revive pass its check?")
    steps = range(50, 50 * len(plain) + 1, 50)
    runs = run_before("waking")
    drawn = new_figure(10.0, 6.6)
    upper, lower = drawn.subfigures(2, 1, height_ratios=(1, 0.78), squeeze=False).flatten()
    left, middle, right = upper.subplots(1, 3)
    left.plot(steps, plain, color=BLUE, marker="o", markersize=4, label="without")
    left.plot(steps, revived, color=ORANGE, linestyle="--", marker="s", markersize=4, label="with revival")
    left.set_title(f"yours: in the end {plain[-1]} codes without,\n{revived[-1]} with revival", fontsize=9)
    left.set_ylabel("codes in use", fontsize=9)
    for ax, key, name in ((middle, "plain", "as yours"), (right, "wide", "codes 10 × as far apart")):
        for seed in (0, 1):
            for run, color, dash in ((key, BLUE, "-"), (f"{key}, revived".replace("plain, ", ""), ORANGE, "--")):
                curve = runs[f"{run}, seed {seed}"]
                label = ("without, 2 seeds" if run == key else "with revival, 2 seeds") if seed == 0 else None
                ax.plot(curve["steps"][1:], curve["error"][1:], dash, color=color, linewidth=1.3, label=label)
        ended = " and ".join(str(runs[f"{key}, seed {seed}"]["in_use"][-1]) for seed in (0, 1))
        ax.set_title(f"{name} (run before):\nin the end {ended} codes without", fontsize=9)
        ax.set_yscale("log")
        ax.set_ylabel("mean squared error", fontsize=9)
    finish((left, middle, right))
    for ax, name, pictures in zip(lower.subplots(2, 1), ("true", "revived"), (true, made), strict=True):
        row_of_pictures(ax, pictures[:7], name)
    lower.suptitle(f"with revival, mean squared error {float((true - made).pow(2).mean()):.4f}", fontsize=10)
    return show(
        drawn,
        "Codes in use with and without revival; the error of longer runs, as in this lesson and with codes strewn ten "
        "times as widely; below, seven unseen pictures and their reconstructions with revived codes.",
    )


@figure("02.lie")
def lie_figure() -> Picture:
    """How much of straight-through's promise comes true, and what comes of an encoder that hears nothing."""
    drawn = new_figure(9.0, 3.3)
    left, right = drawn.subplots(1, 2)
    for (name, curve), color, dash in zip(run_before("lie").items(), (BLUE, ORANGE), ("-", "--"), strict=True):
        left.plot(curve["steps"], curve["kept"], dash, color=color, marker="o", markersize=4, label=name)
    left.axhline(1, color=GRAY, linewidth=1)
    left.set_xscale("log")
    left.set_title(
        "of the gain that straight-through promises,\nthe share that comes true (line: all of it)", fontsize=9
    )
    runs = run_before("waking")
    for seed, dash in ((0, "-"), (1, "--")):
        for run, name, color in (("plain", "straight-through", GREEN), ("deaf", "no gradient to the encoder", RED)):
            curve = runs[f"{run}, seed {seed}"]
            upto = [n for n, step in enumerate(curve["steps"]) if 50 <= step <= 1000]
            steps, error = ([curve[key][n] for n in upto] for key in ("steps", "error"))
            right.plot(steps, error, dash, color=color, marker="o", markersize=3, label=name if seed == 0 else None)
    right.set_yscale("log")
    right.set_title("mean squared error of the pictures,\ntwo seeds each", fontsize=9)
    finish((left, right))
    drawn.suptitle("run before", fontsize=10)
    return show(
        drawn,
        "Over training: the share of straight-through's promise that comes true, and the error of the pictures with "
        "straight-through and with no gradient to the encoder.",
    )


def finish(panels: Iterable[Axes]) -> None:
    """Panels over the steps of a training: the axis named, a grid, a legend."""
    for ax in panels:
        ax.set_xlabel("step", fontsize=9)
        ax.grid(alpha=0.25)
        ax.legend(fontsize=8)
        ax.tick_params(labelsize=8, which="both")


@figure("02.one_number")
def one_number_figure(tokens: Mapping[str, Tensor], perplexity: Callable[[Tensor, int], float], codes: int) -> Picture:
    """Name -> tokens of the same pictures; the student's perplexity of each, with and without the commonest code."""
    drawn = new_figure(9.6, 3.4)
    left, right = drawn.subplots(1, 2, width_ratios=(1, 1.25))
    labels, values = [], []
    for (name, found), color in zip(tokens.items(), (BLUE, ORANGE), strict=True):
        counts = torch.bincount(found.flatten(), minlength=codes)
        shares = counts.sort(descending=True).values / counts.sum()
        used = int((counts > 0).sum())
        left.plot(range(1, used + 1), shares[:used].tolist(), ".-", color=color, label=f"{name}: {used} codes in use")
        rest = found[found != counts.argmax()]
        for part, of in (("all tokens", found), ("without the commonest code", rest)):
            labels.append(f"{name},\n{part}")
            values.append(float(perplexity(of, codes)))
    left.set_yscale("log")
    left.set_xscale("log")
    left.set_xlabel("codes, the commonest first", fontsize=9)
    left.set_ylabel("share of the tokens", fontsize=9)
    left.legend(fontsize=8)
    left.grid(alpha=0.25)
    bits = [math.log2(value) for value in values]
    right.barh(range(4), bits, color=[BLUE, BLUE, ORANGE, ORANGE])
    for y, (value, log) in enumerate(zip(values, bits, strict=True)):
        said = f"{log:.2f} bits = {log * math.log(2):.2f} nats,\nperplexity {value:.1f}"
        right.text(log + 0.1, y, said, va="center", fontsize=8, zorder=3)
    right.set_yticks(range(4), labels, fontsize=8)
    right.set_xlim(0, 2.1 * math.log2(codes))
    right.axvline(math.log2(codes), color=GRAY, linewidth=1, alpha=0.6)
    right.invert_yaxis()
    right.set_xlabel(f"bits a token (line: the most that {codes} codes can carry)", fontsize=9)
    return show(drawn, "Left: share of the tokens of each code, the commonest first. Right: bits a token, four bars.")


@figure("02.rate")
def rate_figure(true: Tensor) -> Picture:
    """Codebooks of 2 to 512 codes, trained before: the same pictures from each, and error against bits.

    true: held-out pictures (N, 3, 32, 32).
    """
    from safetensors.torch import load_file

    runs = run_before("rate")
    made = load_file(data_dir() / "lessons" / "02" / "rate.safetensors")
    drawn = new_figure(10.2, 5.2)
    parts = drawn.subfigures(1, 2, width_ratios=(1.45, 1), squeeze=False).flatten()
    grid = parts[0].subplots(len(made) + 1, 1)
    rows = {f"K = {codes}": made[str(codes)] / 255 for codes in runs["codes"]} | {"true": true[:6]}
    for ax, (name, pictures) in zip(grid, rows.items(), strict=True):
        row_of_pictures(ax, pictures, name)
    parts[0].suptitle(f"codebooks of K codes, run before, {runs['steps']} steps each", fontsize=10)
    ax = parts[1].subplots()
    full = [64 * math.log2(codes) for codes in runs["codes"]]
    spent = [64 * bits for bits in runs["bits"]]
    ax.plot(full, runs["error"], color=BLUE, marker="o", markersize=5, label="64 log₂ K: each code alike")
    ax.plot(
        spent,
        runs["error"],
        color=ORANGE,
        linestyle="--",
        marker="s",
        markersize=5,
        label="64 × bits a token, measured",
    )
    for x, y, codes in zip(full, runs["error"], runs["codes"], strict=True):
        ax.annotate(f"K={codes}", (x, y), xytext=(5, 5), textcoords="offset points", fontsize=8)
    png = sum(png_bits(picture) for picture in true[:100]) / 100
    ax.axvline(png, color=GRAY)
    place = {"ha": "right", "va": "top", "xytext": (-4, 0), "textcoords": "offset points"}
    ax.annotate(f"PNG: {png:.0f} bits\n(error 0; raw: 24,576)", (png, max(runs["error"])), fontsize=8, **place)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("bits a picture", fontsize=9)
    ax.set_ylabel("mean squared error on 300 unseen pictures", fontsize=9)
    ax.tick_params(labelsize=8, which="both")
    ax.grid(alpha=0.25)
    ax.set_ylim(bottom=0.7 * min(runs["error"]))  # room for the legend
    ax.legend(fontsize=8, loc="lower left")
    parts[1].suptitle("the same codebooks: error against bits", fontsize=10)
    return show(
        drawn,
        "Six unseen pictures drawn from codebooks of 2, 8, 32, 128 and 512 codes, and the true ones; beside them the "
        "error against the bits a picture, with the size of a PNG marked.",
    )


def png_bits(image: Tensor) -> int:
    """The size of a picture (3, H, W) as a PNG, its file's own frame included."""
    buffer = io.BytesIO()
    to_image(image).save(buffer, format="PNG", optimize=True)
    return 8 * len(buffer.getvalue())
