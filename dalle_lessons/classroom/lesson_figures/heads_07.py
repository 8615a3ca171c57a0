"""The hunt of lesson 07: how much each head looks one row up, and what breaks where a head is switched off."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from textwrap import fill

import torch
from torch import Tensor

from ...datasets.images import to_image
from ...datasets.shapes_check import check
from ...model.files import data_dir
from ..figures import frame, new_figure, show
from ..guesses import Outcome
from ..pictures import Picture
from . import figure

NAMES = ("shape", "color", "size", "position", "relation")  # of the attributes that the checker of the shapes knows
SHOWN = 7  # drawings of each model
LAYERS = ("layer 1", "layer 2", "layer 3", "layer 4")


def shares_right(drawn: Mapping[str, Tensor], captions: Sequence[str]) -> dict[str, dict[str, float]]:
    """name -> drawings (B, 3, H, W) of B captions -> name -> attribute -> in which share of all the things it is
    right, by the exact checker of the shapes world."""
    shares = {}
    for name, pictures in drawn.items():
        marks = [mark for both in zip(pictures, captions, strict=True) for mark in check(*both).objects]
        found = {attribute: [mark[attribute] for mark in marks if attribute in mark] for attribute in NAMES}
        shares[name] = {attribute: sum(values) / len(values) for attribute, values in found.items()}
    return shares


def suffers_most(shares: Mapping[str, Mapping[str, float]]) -> str:
    """The attribute that the second model has lost most of, against the first."""
    whole, broken = list(shares.values())[:2]
    return max(NAMES, key=lambda name: whole[name] - broken[name])


def _draw_shares(ax, values: Tensor, rows: Sequence[str], cols: Sequence[str], text: str) -> None:
    ax.imshow(values.numpy(), cmap="cividis", vmin=0, vmax=max(1e-6, float(values.max())), aspect="auto")
    middle = float(values.max()) * 0.6
    for r, line in enumerate(values.tolist()):
        for c, value in enumerate(line):
            color = "white" if value < middle else "black"
            ax.text(c, r, text.format(value), ha="center", va="center", fontsize=10, color=color)
    ax.set_xticks(range(len(cols)), list(cols), fontsize=9)
    ax.set_yticks(range(len(rows)), list(rows), fontsize=9)
    ax.tick_params(length=0)
    ax.xaxis.tick_top()


@figure("07.looks_up")
def looks_up(up: Tensor, outcome: Outcome) -> Picture:
    """up (layers, heads): the mean weight on the token right above."""
    if not 0.1 < float(up.max()) < 0.5:
        raise ValueError("The head that looks up most gives the token above a fifth: is looks_up right?")
    drawn = new_figure(5.6, 3.2)
    ax = drawn.subplots()
    _draw_shares(ax, up, LAYERS, [f"head {head + 1}" for head in range(up.shape[1])], "{:.2f}")
    ax.set_title(f"weight on the token right above. The highest: {outcome}", fontsize=10)
    return show(
        drawn,
        "The mean weight on the token right above, by layer and head: a few heads give it far more than the rest.",
    )


@figure("07.switched_off")
def switched_off(
    drawn: Mapping[str, Tensor], shares: Mapping[str, Mapping[str, float]], captions: Sequence[str], outcome: Outcome
) -> Picture:
    """drawn: name -> (B, 3, H, W), from the B captions; shares: name -> attribute -> share right. The first name is the
    whole model, the second the one that the guess was about. Below stands what every head costs, run before
    (tools/lesson_runs/lesson_07.py).

    Raises ValueError where the second is hardly worse than the first."""
    first, second = list(shares)[:2]
    if max(shares[first][name] - shares[second][name] for name in NAMES) < 0.15:
        raise ValueError("Without that head more should break: does switch_off pass its check?")
    sheet = new_figure(9.2, 1.2 * len(drawn) + 0.8 + 3.1)
    heights = [1.2 * len(drawn) + 0.8, 3.1]
    top, bottom = sheet.subfigures(2, 1, squeeze=False, height_ratios=heights).flatten()
    axes = top.subplots(len(drawn), SHOWN, squeeze=False)
    for line, (name, pictures) in zip(axes, drawn.items(), strict=True):
        for ax, picture in zip(line, pictures, strict=False):
            frame(ax, to_image(picture))
        line[0].set_ylabel(fill(name, 12), fontsize=9)
    for ax, caption in zip(axes[0], captions, strict=False):
        ax.set_title(fill(caption, 17), fontsize=8)
    left, right = bottom.subplots(1, 2, width_ratios=(1.25, 1))
    table = torch.tensor([[shares[name][attribute] for attribute in NAMES] for name in shares])
    _draw_shares(left, table, list(shares), NAMES, "{:.0%}")
    left.set_title(f"right in {len(captions)} drawings", fontsize=9)
    found = json.loads((data_dir() / "lessons" / "07" / "heads.json").read_text(encoding="utf-8"))
    _draw_shares(right, torch.tensor(found["share right"]), LAYERS, [f"{n}" for n in range(1, 5)], "{:.0%}")
    title = (
        f"one head off: attributes right, run before,\n{found['captions']} captions (whole model {found['whole']:.0%})"
    )
    right.set_title(title, fontsize=9)
    bottom.suptitle(f"What “{second}” costs most: {outcome}", fontsize=10)
    alt = (
        "Drawings of the same captions by the whole model and with one head switched off at a time; below, how often "
        "each attribute is right, and the same for all sixteen heads. The whole model draws clean things. With a head "
        "of the first layer off, things fray or lose their color, size or place; with one of the third, all is as "
        "before."
    )
    return show(sheet, alt)
