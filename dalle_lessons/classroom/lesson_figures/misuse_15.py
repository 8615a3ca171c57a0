"""Lesson 15, misuse: a filter that reads captions, and pictures of which one must say whether a model drew them."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from textwrap import fill
from typing import NamedTuple

import torch
from torch import Tensor

from ...datasets.emoji import emoji
from ...evaluation.candidates import decode_candidates
from ...pipeline.text_to_image import TextToImage
from ..figures import BLUE, ORANGE, image_grid, new_figure
from ..figures import show as as_picture
from ..guesses import Outcome
from ..pictures import Picture
from . import drawn_14, figure
from .shares_14 import small

TWELVE = 12


@figure("15.passed")
def passed(shown: Mapping[str, Mapping[str, float]], refused: Collection[str], outcome: Outcome) -> Picture:
    """shown: caption -> refused word -> the share of its drawings, in percent, that show what the word means;
    refused: the captions that the filter did not let through."""
    panel = new_figure(8.6, 0.5 * len(shown) + 1.5)
    ax = panel.subplots()
    words = sorted({word for shares in shown.values() for word in shares})
    for k, (word, color) in enumerate(zip(words, (BLUE, ORANGE), strict=True)):
        shares = [shares[word] for shares in shown.values()]
        at = [y + 0.38 * k - 0.19 for y in range(len(shown))]
        drawn = ax.barh(at, shares, 0.34, color=color, label=f"of its drawings, {word}")
        ax.bar_label(drawn, [f"{share:.0f}%" for share in shares], fontsize=8, padding=2)
    ax.set_yticks(range(len(shown)), [f"“{text}”" for text in shown], fontsize=9)
    ax.set(xlim=(0, 118), ylim=(len(shown) - 0.5, -0.5), xticks=range(0, 101, 25))
    ax.tick_params(axis="x", labelsize=8)
    ax.set_xlabel("%, mean of three trainings", fontsize=8)
    panel.legend(fontsize=8, loc="outside lower center", ncols=2)
    panel.suptitle(f"Refused: {', '.join(f'“{text}”' for text in refused)}. “A cross”: {outcome}", fontsize=10)
    alt = f"Captions that pass a filter, and how many of their drawings show what it refuses: {'; '.join(shown)}."
    return as_picture(panel, alt)


def plain_cartoons() -> tuple[Tensor, list[str], list[set[str]]]:
    """-> the cartoons without a skin tone, (N, 3, H, W) in [0, 1], the name of each, and the words of its name and of
    its tags."""
    cartoons = emoji(None, "cartoon")
    plain = [i for i, row in enumerate(cartoons.metadata) if not row["skin_tone"]]
    rows = [cartoons.metadata[i] for i in plain]
    said = [{*row["name"].split(), *row["tags"].split(", ")} for row in rows]
    return cartoons.pictures[plain].float() / 255, [row["name"] for row in rows], said


class Twelve(NamedTuple):
    """pictures (12, 3, H, W), their captions, which of them the model drew, and the share of tokens that its drawing
    has in common with the true picture."""

    pictures: Tensor
    captions: list[str]
    drawn: list[bool]
    equal: list[float]


def twelve(system: TextToImage) -> Twelve:
    """Twelve training captions, none with a skin tone: a coin says whether we see the true picture, through the dVAE,
    or what the model drew for the caption (its first drawing)."""
    train, chosen = emoji("train"), drawn_14.said()["train"]["chosen"]
    rows = [n for n, i in enumerate(chosen) if not train.metadata[i]["skin_tone"]][:TWELVE]
    rng = random.Random("twelve")
    coin = [rng.random() < 0.5 for _ in rows]
    with torch.no_grad():
        true = system.dvae.encode(train.pictures[[chosen[n] for n in rows]].float() / 255).flatten(1)
    made = drawn_14.drawn("train", system)[rows]
    shown = torch.where(torch.tensor(coin)[:, None], made, true)
    equal = (made == true).float().mean(dim=1).tolist()
    captions = [train.caption(chosen[n], None) for n in rows]
    return Twelve(decode_candidates(system, shown), captions, coin, equal)


@figure("15.twelve")
def unsorted(found: Twelve) -> Picture:
    """The twelve pictures and their captions, with no word on which are drawn."""
    words = [f"{n}. {fill(text, 17)}" for n, text in enumerate(found.captions, 1)]
    alt = "Twelve small pictures: " + "; ".join(found.captions) + "."
    return small(image_grid(found.pictures, words, cols=6, side=1.45, alt=alt))


@figure("15.sorted")
def sorted_out(found: Twelve, outcome: Outcome) -> Picture:
    """Which of the twelve are drawn, and how many tokens each drawing shares with the true picture."""
    bars = [100 * share for share, made in zip(found.equal, found.drawn, strict=True) if made]
    names = [f"{n}. {text}" for n, (text, made) in enumerate(zip(found.captions, found.drawn, strict=True), 1) if made]
    panel = new_figure(7.6, 0.3 * len(bars) + 1.0)
    ax = panel.subplots()
    ax.bar_label(ax.barh(names, bars, color=ORANGE), [f"{bar:.0f}%" for bar in bars], fontsize=8, padding=2)
    ax.invert_yaxis()
    ax.set(xlim=(0, 112), xticks=range(0, 101, 25))
    ax.tick_params(labelsize=8)
    ax.set_xlabel("of its tokens, the same as the true picture's, %", fontsize=8)
    ax.set_title(f"Drawn by the model: {outcome}", fontsize=10)
    alt = f"Those that the model drew: {'; '.join(names)}; beside each, how many of its tokens are the true picture's."
    return as_picture(panel, alt)
