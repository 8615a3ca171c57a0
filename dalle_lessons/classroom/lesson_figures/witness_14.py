"""Lesson 14, the witness: true pictures of two things, and what is seen in them and in drawings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ...datasets.emoji import emoji, read_rows
from ...datasets.emoji_labels import emoji_classes
from ...datasets.images import to_image
from ..figures import BLUE, GRAY, new_figure
from ..figures import show as as_picture
from ..guesses import Outcome
from ..pictures import Picture
from . import figure
from .shares_14 import small, strips


def true_pairs(two: Sequence[Sequence[str]]) -> dict[str, Tensor]:
    """Names of two things each -> kind -> true pictures (n, 3, 64, 64) in [0, 1], put together from cartoons: "side by
    side", "one on the other", and "the first alone", in which the second is not."""
    cartoons = emoji(None, "cartoon")
    at = {row["name"]: i for i, row in enumerate(cartoons.metadata)}
    first, second = (cartoons.pictures[[at[pair[k]] for pair in two]].float() / 255 for k in range(2))

    def small(pictures: Tensor, side: int) -> Tensor:
        return F.interpolate(pictures, size=side, mode="area")

    beside, above = torch.ones_like(first), torch.ones_like(first)
    beside[:, :, 16:48, :32], beside[:, :, 16:48, 32:] = small(first, 32), small(second, 32)
    above[:, :, 22:, 11:53] = small(first, 42)
    above[:, :, :26, 19:45] = torch.minimum(above[:, :, :26, 19:45], small(second, 26))
    return {"side by side": beside, "one on the other": above, "the first alone": first}


def name_both(two: Sequence[Sequence[str]], guesses: Tensor) -> int:
    """guesses (n, k): the classes that a judge names for each picture -> in how many both things are named."""
    names = {row["base_hexcode"]: row["name"] for row in read_rows() if not row["skin_tone"]}
    classes = emoji_classes()
    named = [{names[classes[k]] for k in row} for row in guesses.tolist()]
    return sum(set(pair) <= some for pair, some in zip(two, named, strict=True))


@figure("14.witness")
def witness(pictures: Mapping[str, Tensor], both: Mapping[str, int], outcome: Outcome) -> Picture:
    """pictures: kind -> true pictures of two things; both: kind -> in how many the judge's five guesses name both."""
    count = len(next(iter(pictures.values())))
    panel = new_figure(9.6, 3.3)
    lines = [(f"{kind}:\nboth in {both[kind]} of {count}", list(map(to_image, some[:8])))
             for kind, some in pictures.items()]  # fmt: skip
    strips(panel.subplots(), lines)
    panel.suptitle(str(outcome), fontsize=10)
    alt = f"True pictures of two things, {', '.join(pictures)}; beside each line, in how many the judge names both."
    return small(as_picture(panel, alt))


@figure("14.two")
def two_things(
    drawings: Tensor, two: Sequence[Sequence[str]], counts: Mapping[str, Mapping[str, int]], outcome: Outcome
) -> Picture:
    """drawings (n, 3, 64, 64), asked for the pairs `two`; counts: witness -> kind of picture -> both named in."""
    if counts["ten windows"]["side by side"] < 0.6 * len(two) or counts["ten windows"]["the first alone"] > 3:
        raise ValueError("The witness with ten windows sees less than it should: is `windows` right?")
    panel = new_figure(10.2, 5.0)
    above, under = panel.subfigures(2, 1, squeeze=False, height_ratios=[2.6, 1.9]).flat
    half = len(two) // 2
    for ax, row in zip(above.subplots(2, 1), (slice(half), slice(half, None)), strict=True):
        strips(ax, [("", list(map(to_image, drawings[row])))], [f"{a}\n+ {b}" for a, b in two[row]])
    ax = under.subplots()
    kinds = list(counts["ten windows"])
    for n, (name, found) in enumerate(counts.items()):
        x = [k + 0.38 * (n - 0.5) for k in range(len(kinds))]
        bars = ax.bar(x, [found[kind] for kind in kinds], 0.36, color=(GRAY, BLUE)[n], label=name)
        ax.bar_label(bars, fontsize=8, padding=1)
    ax.set_xticks(range(len(kinds)), [f"true, {k}" if k != "drawn" else "drawn" for k in kinds], fontsize=9)
    ax.set_ylim(0, len(two) * 1.35)
    ax.set_yticks(range(0, len(two) + 1, 5))
    ax.set_ylabel(f"both, of {len(two)}", fontsize=8)
    ax.tick_params(axis="y", labelsize=8)
    ax.legend(fontsize=8, ncols=2, loc="upper right", frameon=False)
    panel.suptitle(str(outcome), fontsize=10)
    alt = (
        f"{len(two)} drawings of two things each. Below, in how many pictures two witnesses name both things. With ten "
        "windows the judge finds nearly all pairs that stand side by side, and none where only one thing is shown."
    )
    return small(as_picture(panel, alt))
