"""Lesson 14, the leash: what two trainings drew for squares that walk a dog, which they never saw."""

from __future__ import annotations

from collections import Counter

import torch
from torch import Tensor

from ...datasets.images import to_image
from ..figures import GRAY, GREEN, ORANGE, SKY, image_grid, new_figure
from ..figures import show as as_picture
from ..guesses import Outcome
from ..leash import BECAME, holds, pictures_of, told, world
from ..pictures import Picture
from . import drawn_14, figure
from .shares_14 import strips

ASKED = ("square walking a dog", "square beside a dog", "circle walking a dog")
SHOWN = (("circle", "walking"), ("circle", "beside"), ("triangle", "walking"), ("cross", "beside"),
         ("square", "beside"), ("square", "alone"))  # fmt: skip


@figure("14.walkers")
def walkers() -> Picture:
    """Six scenes as training shows them."""
    scenes, pictures = world()
    looks = [("green", "big"), ("green", "big"), ("red", "big"), ("blue", "big"), ("yellow", "small"), ("red", "big")]
    shown = [
        next(i for i, s in enumerate(scenes) if (s.shape, s.doing, s.color, s.size, s.y) == (*kind, *look, 12))
        for kind, look in zip(SHOWN, looks, strict=True)
    ]
    words = [scenes[i].caption.replace(" walking", "\nwalking").replace(" beside", "\nbeside") for i in shown]
    alt = f"Six pictures: {'; '.join(scenes[i].caption for i in shown)}. Who walks a dog has an arm and holds a leash."
    return image_grid(pictures[shown], words, cols=6, side=1.55, alt=alt)


def counted(what: str) -> tuple[int, int, Counter[str], Tensor]:
    """Of all drawings of "a … {what}": how many hold a leash with an arm of their own color, how many there are, what
    became of them, and their tokens (n, 64)."""
    held, every, became = 0, [], Counter[str]()
    for colors, tokens in drawn_14.walks(what):
        held += sum(holds(row[None], color)[0] for color, row in zip(colors, tokens, strict=True))
        became += Counter(told(tokens))
        every.append(tokens)
    return held, sum(map(len, every)), became, torch.cat(every)


def held_by_squares() -> float:
    """How many of the squares asked to walk a dog hold its leash with an arm of their own color, in %."""
    held, number, *_ = counted(ASKED[0])
    return round(100 * held / number)


@figure("14.leash")
def leash(outcome: Outcome) -> Picture:
    """Drawings of three captions; below, how many hold a leash with an arm in the asked color, and what became of the
    squares."""
    found = {what: counted(what) for what in ASKED}
    if found[ASKED[2]][0] < 0.6 * found[ASKED[2]][1] or found[ASKED[1]][0] > 0.2 * found[ASKED[1]][1]:
        raise ValueError("These models have not learned their own world: run tools/lesson_runs/lesson_14.py again.")
    panel = new_figure(9.8, 5.4)
    above, under = panel.subfigures(2, 1, squeeze=False, height_ratios=[2.6, 2.2]).flat
    names = [f"a {what}:\n{'never seen' if what == ASKED[0] else 'seen'}" for what in ASKED]
    lines = [
        (name, [to_image(picture) for picture in pictures_of(tokens[::12])])
        for name, (*_, tokens) in zip(names, found.values(), strict=True)
    ]
    strips(above.subplots(), lines)
    left, right = under.subplots(1, 2, width_ratios=(1, 1.3))
    shares = [100 * held / number for held, number, *_ in found.values()]
    left.bar_label(left.barh(names, shares, color=GREEN), [f"{share:.0f}%" for share in shares], fontsize=8, padding=2)
    left.set(xlim=(0, 118), ylim=(2.5, -0.5), xticks=(0, 25, 50, 75, 100))
    left.set_xlabel("a leash, held by an arm of the asked color, %", fontsize=8)
    start = 0.0
    became, number = found[ASKED[0]][2], found[ASKED[0]][1]
    for name, color in zip(BECAME, (GREEN, SKY, ORANGE, GRAY), strict=True):
        part = 100 * became[name] / number
        right.barh([0], [part], left=start, color=color, label=name)
        if part > 4:
            right.text(start + part / 2, 0, f"{part:.0f}", ha="center", va="center", fontsize=9)
        start += part
    right.set(xlim=(0, 100), ylim=(0.8, -0.8), yticks=[])
    right.set_xlabel(f"“a … square walking a dog” became, % of {number}", fontsize=8)
    right.legend(fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, handlelength=1.2, frameon=False)
    for ax in (left, right):
        ax.tick_params(labelsize=8)
    panel.suptitle(f"Two trainings; no square ever walked a dog. Arm and leash: {outcome}", fontsize=10)
    alt = (
        "Drawings of a square walking a dog (never seen), a square beside a dog and a circle walking a dog (both seen)."
        " Below, how many of each show a leash held by an arm of the asked color, and what the squares became."
    )
    return as_picture(panel, alt)
