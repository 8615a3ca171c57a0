"""Lesson 14, binding: captions of two things, and the same with their colors exchanged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill

import torch
from torch import Tensor

from ...datasets.images import to_image
from ...datasets.scenes import COLORS
from ...datasets.shapes import HELD_OUT, shapes
from ...datasets.shapes_check import check, parse
from ...evaluation.metrics import share
from ..figures import GRAY, GREEN, ORANGE, new_figure
from ..figures import show as as_picture
from ..guesses import Outcome
from ..pictures import Picture
from . import figure
from .shares_14 import small, strips

READ = {"the caption": GREEN, "its swap": ORANGE, "neither": GRAY}
SHOWN = 6


def exchanged(caption: str) -> str | None:
    """A full caption of two things with its two colors exchanged. None where both are one color, or where the other
    caption names a pair that no training shows."""
    words = caption.split()
    i, j = (n for n, word in enumerate(words) if word in COLORS)
    if words[i] == words[j]:
        return None
    words[i], words[j] = words[j], words[i]
    other = " ".join(words)
    return None if any(f"{color} {shape}" in other for shape, color in HELD_OUT) else other


def fair_swaps(count: int) -> tuple[Tensor, list[str], list[str]]:
    """Scenes of two things that no training shows, of two colors -> their true pictures (count, 3, 32, 32) float32,
    their captions, and these with the colors exchanged."""
    pairs = shapes("test", 3 * count, two=1.0)
    captions = [pairs.caption(i, None) for i in range(len(pairs.pictures))]
    fair = {text: i for i, text in reversed(list(enumerate(captions))) if exchanged(text)}  # the first of each
    chosen = sorted(fair.values())[:count]
    asked = [captions[i] for i in chosen]
    return pairs.pictures[chosen].float() / 255, asked, [str(exchanged(text)) for text in asked]


def read_as(images: Tensor, asked: Sequence[str], swapped: Sequence[str]) -> list[str]:
    """images (n, 3, 32, 32) -> what each shows, in everything: "the caption", "its swap", or "neither"."""
    found = []
    for image, first, second in zip(images, asked, swapped, strict=True):
        names = {"the caption": first, "its swap": second}
        found.append(next((name for name, text in names.items() if check(image, text).all_right), "neither"))
    return found


def in_the_other_color(image: Tensor, caption: str) -> bool:
    """Does one of the two things have the color that the caption gives to the other?"""
    wanted, seen = [item.color for item in parse(caption).objects], check(image, caption).seen
    return any(item is not None and item.color == color for item, color in zip(seen, wanted[::-1], strict=True))


@figure("14.binding")
def binding(
    shown: Mapping[str, Tensor],
    asked: Sequence[str],
    swapped: Sequence[str],
    read: Mapping[str, Sequence[str]],
    outcome: Outcome,
) -> Picture:
    """shown: whose pictures -> (n, 3, 32, 32): drawn for `asked`, drawn for `swapped`, true ones; asked, swapped: n
    captions each; read: the same names -> what each picture shows, as `read_as` says it."""
    first, second, _ = (list(of) for of in read.values())
    if first.count("its swap") > len(first) / 8 or second.count("its swap") < len(second) / 2:
        raise ValueError("The drawings do not come out as they should: run the cells again from the top of the lesson.")
    panel = new_figure(9.8, 5.0)
    above, under = panel.subfigures(2, 1, squeeze=False, height_ratios=[3.4, 1.9]).flat
    lines = [
        (name.replace(" for ", "\nfor "), list(map(to_image, images[:SHOWN])))
        for name, images in list(shown.items())[:2]
    ]
    strips(above.subplots(), lines, [fill(text, 20) for text in asked[:SHOWN]])
    ax = under.subplots()
    for y, of in enumerate(read.values()):
        left = 0
        for word, color in READ.items():
            count = list(of).count(word)
            ax.barh(y, count, left=left, color=color, label=None if y else word)
            if count:
                ax.text(left + count / 2, y, str(count), ha="center", va="center", fontsize=9)
            left += count
    ax.set_yticks(range(len(read)), list(read), fontsize=9)
    ax.invert_yaxis()
    ax.set_xlim(0, len(asked))
    ax.tick_params(axis="x", labelsize=8)
    ax.set_xlabel(f"pictures, of {len(asked)}, that show …", fontsize=8)
    under.legend(*ax.get_legend_handles_labels(), loc="outside right center", fontsize=8, frameon=False)
    hits = torch.tensor([word == "its swap" for word in first]).float()
    found, images = share(hits), next(iter(shown.values()))
    rest = [n for n, word in enumerate(first) if word == "neither"]
    strayed = sum(in_the_other_color(images[n], asked[n]) for n in rest)
    panel.suptitle(
        f"{outcome} (95% interval: {found['low']:.0%} to {found['high']:.0%})\n"
        f"Of the {len(rest)} drawings that show neither, {strayed} have a thing in the color of the other.",
        fontsize=10,
    )
    alt = (
        f"Drawings of {SHOWN} captions of two things, and with the same noise for the same captions with the colors "
        "exchanged. Below, how many show the caption, its swap, or neither: those drawn for the caption mostly show "
        "it, and hardly ever its swap; those drawn for the swap mostly show the swap."
    )
    return small(as_picture(panel, alt))
