"""Figures of lesson 14, first part: seen against never seen, clusters, the three splits, copies."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...datasets.emoji import emoji
from ...datasets.images import to_image
from ...datasets.near_duplicates import nearest_rms
from ...evaluation.candidates import decode_candidates
from ...evaluation.metrics import share
from ...pipeline.text_to_image import TextToImage
from ..figures import BLUE, GRAY, GREEN, ORANGE, RED, SKY, new_figure
from ..figures import show as as_picture
from ..guesses import Outcome
from ..pictures import Picture
from . import figure
from .binding_14 import binding  # noqa: F401  (registers itself)
from .drawn_14 import TRUE, UNSEEN, Compared, said
from .leash_14 import leash  # noqa: F401
from .shares_14 import below, intervals, small, strips
from .witness_14 import witness  # noqa: F401  (its figures register themselves)
from .words_14 import styles  # noqa: F401

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@figure("14.seen")
def seen(
    drawings: Tensor, captions: Sequence[str], hits: dict[str, Tensor], best: dict[str, float], outcome: Outcome
) -> Picture:
    """drawings (n, 3, H, W) of never seen combinations, and their captions; hits: what is right -> (N,) 0 or 1; best:
    the same name -> the share right in true pictures through the dVAE."""
    everything = {name: float(rows.mean()) for name, rows in hits.items() if name.endswith("both")}
    first, second = everything.values()
    if first < second + 0.2:
        raise ValueError("The drawings do not come out as they should: run the cells again from the top of the lesson.")
    shape, color, both = (rows for name, rows in hits.items() if name.startswith("never"))
    alone = [float((rows - both).mean()) for rows in (shape, color)]
    product = float(shape.mean() * color.mean())
    panel = new_figure(9.6, 4.6)
    above, under = panel.subfigures(2, 1, squeeze=False, height_ratios=[1.15, 2.4]).flat
    words = [fill(caption.removeprefix("a "), 14) for caption in captions]
    strips(above.subplots(), [("never seen", [to_image(picture) for picture in drawings])], words)
    ax = under.subplots()
    intervals(ax, hits, best)
    ax.set_xlabel("right, %", fontsize=8)
    below(under, ax)
    panel.suptitle(
        f"{outcome}\nNever seen: only the shape is right in {alone[0]:.0%}, only the color in {alone[1]:.0%}, both in "
        f"{second:.0%}; share(shape) · share(color) is {product:.0%}.",
        fontsize=10,
    )
    alt = (
        f"Drawings of {'; '.join(captions)}. Below, how often shape, color and both are right, with intervals: for "
        "seen combinations nearly as often as in true pictures through the dVAE, for never seen ones far less often."
    )
    return small(as_picture(panel, alt))


@figure("14.clusters")
def clusters(hits: Tensor, groups: Tensor, names: Sequence[str], resampled: tuple[float, float]) -> Picture:
    """hits (N,) 0 or 1, groups (N,) the number of each drawing's combination, names of the combinations; resampled:
    the interval in which whole combinations were drawn again."""
    panel = new_figure(7.6, 2.9)
    ax = panel.subplots()
    intervals(ax, {f"a {name}": hits[groups == k] for k, name in enumerate(names)})
    whole, y = share(hits), len(names)
    for low, high, color, name in (
        (whole["low"], whole["high"], SKY, f"all, as {len(hits)} trials"),
        (*resampled, ORANGE, f"all, as {len(names)} clusters"),
    ):
        ax.plot([100 * low, 100 * high], [y, y], color=color, linewidth=6, solid_capstyle="butt")
        ax.plot(100 * whole["share"], y, "o", color=BLUE)
        ticks = [*ax.get_yticks(), y]
        labels = [*[label.get_text() for label in ax.get_yticklabels()], name]
        ax.set_yticks(ticks, labels, fontsize=9)
        y += 1
    ax.axhline(len(names) - 0.5, color=GRAY, linewidth=0.8)
    ax.set_ylim(y - 0.5, -0.5)
    ax.set_xlabel("shape and color right, %", fontsize=8)
    wide = f"{resampled[0]:.0%} to {resampled[1]:.0%}"
    ax.set_title(f"{whole['low']:.0%} to {whole['high']:.0%} for {len(hits)} trials, {wide} for clusters", fontsize=10)
    alt = (
        f"The share right of each combination ({', '.join(names)}), which differ much, and of all together with two "
        "intervals: that which takes whole combinations is the wider one."
    )
    return as_picture(panel, alt)


@figure("14.splits")
def splits(
    fresh: Tensor,
    again: Tensor,
    captions: Sequence[str],
    hits: dict[str, Tensor],
    best: dict[str, Tensor],
    outcome: Outcome,
) -> Picture:
    """fresh (n, 3, H, W), drawn just now from these captions of unseen pairs; again (n, 3, H, W): their true pictures
    through the dVAE. hits: split -> (N, 4), what the judge
    finds right in drawings; best: the same in true pictures through the dVAE; NaN where there is nothing to see."""
    panel = new_figure(9.8, 6.6)
    above, under = panel.subfigures(2, 1, squeeze=False, height_ratios=[2.5, 3.2]).flat
    lines = [("drawn here", list(map(to_image, fresh))), ("true, through\nthe dVAE", list(map(to_image, again)))]
    strips(above.subplots(), lines, [fill(caption, 22) for caption in captions])
    rows, most = {}, {}
    for column, what in ((1, "thing"), (2, "style"), (3, "skin tone")):
        for split, found in hits.items():
            rows[f"{what}, {split}"] = found[:, column]
            most[f"{what}, {split}"] = share(best[split][:, column])["share"]
    ax = under.subplots()
    intervals(ax, rows, most)
    for y in (2.5, 5.5):
        ax.axhline(y, color=GRAY, linewidth=0.8)
    ax.set_xlabel("right, % (the thing: among the judge's first five guesses)", fontsize=8)
    below(under, ax)
    panel.suptitle(str(outcome), fontsize=10)
    alt = (
        f"Drawings of {'; '.join(captions)}, above the true pictures. Below, how often the judge finds thing, style "
        f"and skin tone right in drawings of {', '.join(hits)}, each beside true pictures through the dVAE."
    )
    return small(as_picture(panel, alt))


@figure("14.copies")
def copies(
    system: TextToImage,
    counts: dict[str, tuple[int, int, int]],
    kinds: dict[str, Compared],
    known: Sequence[int],
    equal: Tensor,
    least: float,
    outcome: Outcome,
) -> Picture:
    """counts: which pictures -> (recalled, strayed, new); kinds, known: from `to_compare`; equal (n, M): of the
    drawings of unseen pairs; least: the share of tokens from which a copy is a copy."""
    train, unseen = emoji("train"), emoji("unseen_pair")
    rows = kinds[UNSEEN].rows
    wanted = [said()["unseen_pair"]["chosen"][n] for n in rows]
    most, column = equal.max(dim=1)
    strayed = [n for n in range(len(rows)) if most[n] >= least]
    nearest = [known[int(column[n])] for n in strayed]
    same = sum(
        train.metadata[i]["base_hexcode"] == unseen.metadata[wanted[n]]["base_hexcode"]
        for n, i in zip(strayed, nearest, strict=True)
    )
    true = (kinds[UNSEEN].tokens == kinds[TRUE].tokens).float().mean(dim=1) >= least
    right = int(true[strayed].sum())
    pictures = unseen.pictures[wanted]
    near = int(nearest_rms(pictures, train.pictures[list(known)]).isfinite().sum())
    drawn, control = (_range(counts[name]) for name in (UNSEEN, TRUE))
    few = strayed[:8]
    panel = new_figure(9.8, 6.9)
    above, under = panel.subfigures(2, 1, squeeze=False, height_ratios=[1.6, 4.1]).flat
    _stacked(above.subplots(), counts)
    drawings = decode_candidates(system, kinds[UNSEEN].tokens[few])
    lines = [
        ("drawn", list(map(to_image, drawings))),
        ("nearest in\ntraining", list(map(to_image, train.pictures[nearest[:8]]))),
        ("true,\nheld out", list(map(to_image, pictures[few]))),
    ]
    captions = [unseen.caption(wanted[n], None) for n in few]
    strips(under.subplots(), lines, [fill(caption, 16) for caption in captions])
    under.suptitle(
        f"Of {len(strayed)} that strayed, {same} are nearest to the same thing in another style, {len(strayed) - same} "
        f"to another thing;\n{right} equal the true picture, which was held out: they are right. "
        f"Of the {len(rows)} true pictures {near} are near-duplicates of a training picture",
        fontsize=9,
    )
    panel.suptitle(
        f"{outcome}\nUnseen pairs, 95% intervals of the copies: {drawn} of the drawings, {control} of the true "
        "pictures",
        fontsize=10,
    )
    alt = (
        "Bars: how many drawings of training captions, drawings of unseen pairs and true unseen pictures are recalled, "
        "strayed or new. Below, drawings that strayed, each with the nearest training picture and the true one."
    )
    return small(as_picture(panel, alt))


def _range(counts: tuple[int, int, int]) -> str:
    """(recalled, strayed, new) -> the interval of the share of copies, in words."""
    copied = sum(counts[:2])
    found = share(torch.tensor([1.0] * copied + [0.0] * counts[2]))
    return f"{found['low']:.0%} to {found['high']:.0%}"


def _stacked(ax: Axes, counts: dict[str, tuple[int, int, int]]) -> None:
    """One bar for each kind of picture, in parts: recalled, strayed, new."""
    for y, parts in enumerate(counts.values()):
        left, total = 0.0, sum(parts)
        for count, color, word in zip(parts, (ORANGE, RED, GREEN), ("recalled", "strayed", "new"), strict=True):
            ax.barh(y, 100 * count / total, left=left, color=color, label=None if y else word)
            if count:
                ax.text(left + 50 * count / total, y, str(count), ha="center", va="center", fontsize=9, color="white")
            left += 100 * count / total
    ax.set_yticks(range(len(counts)), [f"{name} (of {sum(parts)})" for name, parts in counts.items()], fontsize=9)
    ax.set_ylim(len(counts) - 0.5, -1.2)
    ax.set_xlim(0, 100)
    ax.tick_params(axis="x", labelsize=8)
    ax.set_xlabel("% of the pictures (numbers: how many)", fontsize=8)
    ax.legend(fontsize=8, ncols=3, loc="upper center", frameon=False)
