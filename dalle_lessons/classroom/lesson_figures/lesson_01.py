"""The figures of lesson 01: what is held out, leaks as pictures, a memory's drawings, whose ink, what dominates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ...datasets import Pairs
from ...datasets.emoji import ALL_STYLES
from ...datasets.images import to_image
from ...datasets.scenes import COLORS, SHAPES, Scene, SceneObject, draw
from ...datasets.shapes import HELD_OUT
from ..figures import BLUE, GRAY, ORANGE, frame, image_grid, new_figure, rectangle, show
from ..guesses import Outcome
from ..leak_hunt import Split, right_from_memory
from ..pictures import Picture
from ..steppers.nearest_training import wrapped
from . import figure

MARKS = {"unseen_emoji": ("#D55E00", "x"), "unseen_pair": ("#0072B2", "//"), "unseen_tone": ("#E69F00", "..")}


@figure("01.pairs")
def pairs_of_two_worlds(scenes: Pairs, everything: Pairs, names: Sequence[str]) -> Picture:
    """Six scenes with their captions, and the things of these names in each style."""
    places = [i for name in names for i, row in enumerate(everything.metadata) if row["name"] == name]
    pictures = [to_image(picture) for picture in [*scenes.pictures[:6], *everything.pictures[places]]]
    said = [scenes.caption(i, None) for i in range(6)] + [everything.caption(i, None) for i in places]
    alt = f"{len(pictures)} pictures: {'; '.join(said)}."
    return image_grid(pictures, [padded(wrapped(text, 20), 3) for text in said], cols=6, alt=alt, side=1.5)


def padded(text: str, lines: int) -> str:
    """Empty lines above, so that the titles of one row are equally high."""
    return "\n" * max(0, lines - 1 - text.count("\n")) + text


@figure("01.table")
def things_and_styles(everything: Pairs) -> Picture:
    """Some things in all styles, held-out cells punched out; beside it the pairs of the shapes world."""
    by_cell = {(row["name"], row["style"]): (i, row["split"]) for i, row in enumerate(everything.metadata)}
    names = some_things(everything)
    figure = new_figure(9.0, 0.46 * len(names) + 1.0)
    left, right = figure.subplots(1, 2, width_ratios=(1.35, 1))
    for ax, columns, rows in ((left, len(ALL_STYLES), len(names)), (right, len(SHAPES), len(COLORS))):
        ax.set_xlim(0, columns)
        ax.set_ylim(rows, 0)
        ax.set_aspect("equal")
        ax.xaxis.tick_top()
        ax.tick_params(length=0, labelsize=8)
        for side in ax.spines.values():
            side.set_visible(False)
    left.set_xticks(
        np.arange(len(ALL_STYLES)) + 0.5,
        [style.replace(" ", "\n").replace("illus", "illus-\n") for style in ALL_STYLES],
    )
    left.set_yticks(np.arange(len(names)) + 0.5, names)
    punched = Counter()
    for y, name in enumerate(names):
        for x, style in enumerate(ALL_STYLES):
            i, split = by_cell.get((name, style), (None, "none"))
            if i is None:
                left.text(x + 0.5, y + 0.5, "–", ha="center", va="center", fontsize=9, color=GRAY)
            elif split == "train":
                left.imshow(
                    np.asarray(to_image(everything.pictures[i])), extent=(x + 0.04, x + 0.96, y + 0.96, y + 0.04)
                )
            else:
                punched[split] += 1
                color, hatch = MARKS[split]
                corner = (x + 0.06, y + 0.06)
                left.add_patch(
                    rectangle(corner, 0.88, 0.88, facecolor="white", edgecolor=color, hatch=hatch, linestyle="--")
                )
    left.set_xlim(0, len(ALL_STYLES))
    left.set_ylim(len(names), 0)
    handles = [
        rectangle((0, 0), 1, 1, facecolor="white", edgecolor=color, hatch=hatch, linestyle="--", label=split)
        for split, (color, hatch) in MARKS.items()
    ]
    figure.legend(handles=handles, loc="outside lower left", ncols=3, fontsize=8, title="held out", title_fontsize=8)
    right.set_xticks(np.arange(len(SHAPES)) + 0.5, SHAPES)
    right.set_yticks(np.arange(len(COLORS)) + 0.5, list(COLORS))
    for y, color in enumerate(COLORS):
        for x, shape in enumerate(SHAPES):
            if (shape, color) in HELD_OUT:
                mark, hatch = MARKS["unseen_pair"]
                right.add_patch(
                    rectangle((x + 0.06, y + 0.06), 0.88, 0.88, facecolor="white", edgecolor=mark, hatch=hatch, ls="--")
                )
                continue
            scene = Scene((SceneObject(shape, color, "big", "middle", x=16, y=16),))
            right.imshow(draw(scene).transpose(1, 2, 0)[7:25, 7:25], extent=(x + 0.04, x + 0.96, y + 0.96, y + 0.04))
    right.set_xlim(0, len(SHAPES))
    right.set_ylim(len(COLORS), 0)
    counted = ", ".join(f"{count} {split}" for split, count in punched.items())
    alt = (
        f"Left, {len(names)} emoji by {len(ALL_STYLES)} styles, a picture where train has one; empty frames for what "
        f"is held out: {counted}. Right, shapes by colors of the shapes world, with {len(HELD_OUT)} empty frames."
    )
    return show(figure, alt)


def some_things(everything: Pairs) -> list[str]:
    """Three things that train has whole, three with a pair held out, two held out whole, a hand in all its tones."""
    splits: dict[str, set[str]] = {}
    rows: dict[str, list[dict]] = {}
    for row in everything.metadata:
        splits.setdefault(row["base_hexcode"], set()).add(row["split"])
        rows.setdefault(row["base_hexcode"], []).append(row)
    whole = [base for base in rows if len({row["style"] for row in rows[base]}) == len(ALL_STYLES)]
    plain = [base for base in whole if not any(row["skin_tone"] for row in rows[base])]
    pair = [base for base in plain if splits[base] == {"train", "unseen_pair"}]
    out = [base for base in plain if splits[base] == {"unseen_emoji"}]
    tone = [base for base in whole if "unseen_tone" in splits[base] and "hand" in rows[base][0]["name"]]
    known = [base for base in plain if splits[base] == {"train"}]
    chosen = [*known[200:600:150], *pair[5:65:20], *out[:60:30], tone[0]]
    return [name for base in chosen for name in dict.fromkeys(row["name"] for row in rows[base])]


@figure("01.leaks")
def leaks_as_pictures(splits: Mapping[str, Split], found: Mapping[str, Sequence[int]], outcome: Outcome) -> Picture:
    """How many held-out pictures of each split are in its train; some of them, each with a twin from train below.

    found: split -> indices of held-out pictures. The outcome answers "01.equal".
    """
    counted = ", ".join(f"{name}: {len(found[name])} of {len(split.held_out)}" for name, split in splits.items())
    title = f"Held out, and in train with every pixel. {counted}. {outcome}"
    worst = max(found, key=lambda name: len(found[name]))
    split, chosen = splits[worst], list(found[worst][:: max(1, len(found[worst]) // 6)][:6])
    if not chosen:
        raise ValueError("Not one leak was found: does your function give the places of the leaked pictures?")
    twins = {picture.numpy().tobytes(): i for i, picture in reversed(list(enumerate(split.train.pictures)))}
    below = [twins[split.held_out.pictures[i].numpy().tobytes()] for i in chosen]
    pictures = [to_image(p) for p in [*split.held_out.pictures[chosen], *split.train.pictures[below]]]
    titles = [padded(wrapped("held out: " + split.held_out.caption(i, None), 22), 4) for i in chosen]
    titles += [padded(wrapped("train: " + split.train.caption(i, None), 22), 4) for i in below]
    return image_grid(pictures, titles, 6, title, f"{counted}. Below each of six pictures the same from train.", 1.5)


@figure("01.memory")
def memory_drawings(
    splits: Mapping[str, Split], drawn: Mapping[str, Sequence[int | None]], outcome: Outcome
) -> Picture:
    """What a memory draws for some held-out captions of each split, and its score. drawn: as `right_from_memory`.

    The outcome answers "01.clean".
    """
    cols, each = 8, 25
    figure = new_figure(8.8, 7.0)
    for part, (name, split) in zip(
        figure.subfigures(len(splits), 1, squeeze=False).flatten(), splits.items(), strict=True
    ):
        axes = part.subplots(2, cols)
        right = right_from_memory(split, drawn[name])
        some = sum(found is not None for found in drawn[name])
        part.suptitle(
            f"{name}: {len(right)} captions asked, {some} drawn, {int(right.sum())} right = {right.float().mean():.0%}",
            fontsize=9,
        )
        for column, place in enumerate(range(0, each * cols, each)):
            frame(axes[0, column], to_image(split.held_out.pictures[place]))
            found = drawn[name][place]
            if found is None:
                frame(axes[1, column], to_image(torch.full_like(split.held_out.pictures[place], 255)))
                axes[1, column].text(
                    0.5, 0.5, "nothing", ha="center", va="center", fontsize=9, transform=axes[1, column].transAxes
                )
            else:
                frame(axes[1, column], to_image(split.train.pictures[found]))
                color, said = (BLUE, "right") if right[place] else (ORANGE, "wrong")
                for side in axes[1, column].spines.values():
                    side.set(visible=True, edgecolor=color, linewidth=2)
                axes[1, column].set_xlabel(said, fontsize=8, labelpad=2)
        axes[0, 0].set_ylabel("true", fontsize=9)
        axes[1, 0].set_ylabel("memory", fontsize=9)
    figure.suptitle(f"Which split is clean? {outcome}", fontsize=10)
    counted = ", ".join(
        f"{name}: {int(right_from_memory(split, drawn[name]).sum())} of {len(split.held_out)}"
        for name, split in splits.items()
    )
    return show(figure, f"Held-out pictures, below each what the memory draws, if anything. Right: {counted}.")


@figure("01.ink")
def ink_seen_in_train(
    sketches: Mapping[str, Tensor], others: Mapping[str, Tensor], seen: Mapping[str, Tensor], outcome: Outcome
) -> Picture:
    """By style: some sketches, their ink colored by whether a training picture of the style has ink there too.

    sketches, others: style -> (N, 3, H, W) uint8; seen: style -> (N,) shares. The outcome answers "01.ink".
    """
    cols = 7
    figure = new_figure(8.8, 1.5 * len(seen) + 0.7)
    figure.suptitle(
        f"Ink of held-out sketches: blue where train has ink too, orange where not; gray: train alone.\n{outcome}",
        fontsize=10,
    )
    medians = {style: float(share.median()) for style, share in seen.items()}
    for part, (style, share) in zip(
        figure.subfigures(len(seen), 1, squeeze=False).flatten(), seen.items(), strict=True
    ):
        axes = part.subplots(1, cols)
        part.suptitle(f"{style}: median {medians[style]:.0%} of the ink seen ({len(share)} sketches)", fontsize=9)
        for ax, i in zip(axes, torch.linspace(0, len(share) - 1, cols).long().tolist(), strict=True):
            a, b = ((p[style][i] < 128).all(0) for p in (sketches, others))
            ax.set_axis_on()
            frame(ax, to_image(_inks(a, b)))
    alt = "; ".join(f"{style}: median {median:.0%} of the ink" for style, median in medians.items())
    return show(figure, f"Sketches with the ink that train has too in blue. {alt}.")


def _inks(mine: Tensor, theirs: Tensor) -> Tensor:
    """(H, W) bool twice -> (3, H, W) uint8: seen ink blue, new ink orange, ink of the other alone pale gray."""
    colors = torch.full((3, *mine.shape), 255, dtype=torch.uint8)
    for where, color in ((theirs & ~mine, "#E4E4E4"), (mine & theirs, BLUE), (mine & ~theirs, ORANGE)):
        colors[:, where] = torch.tensor([[int(color[i : i + 2], 16)] for i in (1, 3, 5)], dtype=torch.uint8)
    return colors


@figure("01.weights")
def groups_counted_and_sampled(pairs: Pairs, weights: Tensor, outcome: Outcome) -> Picture:
    """The share of each group of emoji as counted, and as sampled with these weights (N,). Answers "01.share"."""
    names = list(Counter(row["group"] for row in pairs.metadata))
    group = torch.tensor([names.index(row["group"]) for row in pairs.metadata])
    counted = torch.bincount(group).double() / len(group)
    weighed = torch.bincount(group, weights.double()) / weights.double().sum()
    figure = new_figure(7.5, 0.42 * len(names) + 1.0)
    ax = figure.subplots()
    at = np.arange(len(names))
    for offset, shares, color, hatch, label in (
        (-0.2, counted, GRAY, "", "all pictures equally often"),
        (0.2, weighed, BLUE, "//", "with the weights"),
    ):
        drawn = ax.barh(at + offset, shares.numpy(), 0.38, color=color, hatch=hatch, edgecolor="white", label=label)
        ax.bar_label(drawn, fmt=lambda v: f"{v:.2f}", fontsize=8, padding=3)
    ax.set_yticks(at, names, fontsize=8)
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.set_xlabel("share of what is sampled")
    ax.legend(fontsize=8, loc="lower right")
    toned = torch.tensor([row["skin_tone"] != "" for row in pairs.metadata])
    share = float((weights * toned).sum() / weights.sum())
    ax.set_title(f"In a skin tone: {outcome}\nWith the weights: {share:.1%}.", fontsize=10)
    return show(figure, f"Two bars for each of {len(names)} groups: as counted, and with the weights.")
