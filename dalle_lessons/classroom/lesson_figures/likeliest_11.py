"""Figures of lesson 11 on the likeliest picture: what always the likeliest code gives, and how likely others are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...datasets.images import to_image
from ...model.dvae import DVAE
from ...model.sequence import unflatten
from ..figures import BLUE, GRAY, GREEN, ORANGE, RED, frame, new_figure, rectangle
from ..figures import show as as_picture
from ..guesses import Outcome
from ..pictures import Picture
from . import figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROWS = COLS = 8  # of a shapes picture's tokens


def decoded(dvae: DVAE, tokens: Tensor) -> list:
    """(R, 64) -> R PIL images."""
    return [to_image(picture) for picture in dvae.decode(unflatten(tokens, ROWS, COLS))]


def heat(ax: Axes, values: Tensor, words: Sequence[str], limit: float, size: float = 8) -> None:
    """A small map of numbers (rows, cols), each written in its cell; from 0, light, to `limit`, dark."""
    ax.imshow(values.float().numpy(), cmap="Blues", vmin=0, vmax=limit, interpolation="nearest")
    for i, (value, word) in enumerate(zip(values.flatten().tolist(), words, strict=True)):
        color = "white" if value > 0.6 * limit else "black"
        ax.text(i % values.shape[1], i // values.shape[1], word, ha="center", va="center", fontsize=size, color=color)
    ax.set_xticks([])
    ax.set_yticks([])


@figure("11.greedy")
def greedy(dvae: DVAE, tokens: Tensor, white: Tensor, drawn: Tensor, outcome: Outcome) -> Picture:
    """tokens (64,): the greedy picture; white (64,): the probability of the white code at each of its places; drawn
    (8, 64)."""
    panel = new_figure(9.4, 3.5)
    parts = panel.subfigures(1, 3, width_ratios=[2.6, 3.3, 3.5], squeeze=False).flat
    panel.suptitle(f"“a circle”, always the likeliest code: where is the circle? {outcome}", fontsize=10)
    ax = parts[0].subplots()
    frame(ax, decoded(dvae, tokens[None])[0])
    ax.set_title("the likeliest code, 64 times", fontsize=9)
    ax = parts[1].subplots()
    heat(ax, white.reshape(ROWS, COLS), [f"{100 * p:.0f}" for p in white.tolist()], 1.0)
    blank = tokens.mode().values
    for i in (tokens != blank).nonzero()[:, 0].tolist():
        place = rectangle((i % COLS - 0.5, i // COLS - 0.5), 1, 1, fill=False, edgecolor=RED, linewidth=2)
        ax.add_patch(place)
    ax.set_title("probability of white, %; red: not white", fontsize=9)
    parts[2].suptitle("eight that were drawn", fontsize=9)
    for ax, picture in zip(parts[2].subplots(3, 3).flat, decoded(dvae, drawn), strict=False):
        frame(ax, picture)
    panel.axes[-1].set_axis_off()
    alt = (
        "Left, the greedy picture: white, with one small circle. Middle, the probability of white at each place: high "
        "nearly everywhere before the circle. Right, eight drawn pictures, all different."
    )
    return as_picture(panel, alt)


@figure("11.likelihoods")
def likelihoods(dvae: DVAE, tokens: Tensor, logits: Tensor, ln_p: Tensor, outcome: Outcome) -> Picture:
    """tokens (2 + R, 64): the greedy picture, the blank one, and R drawn ones; their logits (2 + R, 64, codes), and
    ln p (2 + R,)."""
    steps = logits.log_softmax(dim=-1).gather(-1, tokens[..., None])[..., 0]  # (2 + R, 64)
    if not torch.allclose(steps.sum(dim=1), ln_p, atol=1e-2):
        raise ValueError("These are not the pictures' ln p: run the cells again from log_probability on.")
    order = 2 + ln_p[2:].argsort(descending=True)
    best, middle, rarest = (int(order[n]) for n in (0, len(order) // 2, -1))
    if ln_p[best] <= ln_p[0]:
        raise ValueError("None of the drawn pictures is likelier than the greedy one: restart the kernel and run all.")
    named = {"greedy": 0, "blank": 1, "best drawn": best}
    looks = dict(zip(named, ((ORANGE, "-"), (GRAY, "--"), (GREEN, "-.")), strict=True))
    panel = new_figure(9.4, 5.0)
    above, below = panel.subfigures(2, 1, height_ratios=[3.1, 1.7], squeeze=False).flat
    left, right = above.subplots(1, 2)
    low = max(float(ln_p.min()), -22.0)
    left.hist(ln_p[2:].clamp(min=low).tolist(), bins=34, color=BLUE)
    for name, n in named.items():
        left.axvline(float(ln_p[n]), color=looks[name][0], linestyle=looks[name][1], linewidth=2, label=name)
        right.plot(range(65), [0, *steps[n].cumsum(0).tolist()], color=looks[name][0], linestyle=looks[name][1])
    left.set_title(f"{len(order)} drawn pictures of “a circle”. {outcome}", fontsize=9)
    left.set_xlabel("ln p of the picture, in nats", fontsize=9)
    left.set_ylabel("pictures", fontsize=9)
    left.legend(fontsize=8, loc="upper left")
    parting = int((tokens[0] != tokens[best]).nonzero()[0])  # the first token that is another one
    inset = right.inset_axes((0.09, 0.09, 0.5, 0.52))
    for name, n in named.items():
        sums = [0, *steps[n].cumsum(0).tolist()]
        inset.plot(range(65), sums, color=looks[name][0], linestyle=looks[name][1], marker=".")
    lowest = min(float(steps[n, : parting + 5].sum()) for n in named.values())
    inset.set_xlim(parting - 0.5, parting + 4.5)
    inset.set_ylim(lowest - 0.4, float(steps[0, :parting].sum()) + 0.4)
    inset.set_xticks(range(parting, parting + 5))
    inset.tick_params(labelsize=8)
    inset.grid(alpha=0.25)
    right.set_title("ln p, added up token by token; larger: where they part", fontsize=9)
    right.set_xlabel("tokens drawn", fontsize=9)
    right.set_xticks(range(0, 65, 8))
    right.grid(alpha=0.25)
    for ax in (left, right):
        ax.tick_params(labelsize=8)
    shown = {"best drawn": best, "greedy": 0, "blank": 1, "median of the drawn": middle, "rarest drawn": rarest}
    pictures = decoded(dvae, tokens[list(shown.values())])
    for ax, (name, n), picture in zip(below.subplots(1, 5), shown.items(), pictures, strict=True):
        frame(ax, picture)
        ax.set_title(f"{name}\nln p = {float(ln_p[n]):.2f}", fontsize=8)
    alt = (
        "Left, how likely 256 drawn pictures are: some are likelier than the greedy one, most are less likely. Right, "
        "ln p added up token by token for the greedy, the blank and the best drawn picture, larger where they part. "
        "Below, five pictures."
    )
    return as_picture(panel, alt)
