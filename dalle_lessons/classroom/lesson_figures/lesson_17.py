"""Figures of lesson 17: one change at a time, which words are known, and how much of a game is luck."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...datasets.emoji import read_rows
from ...datasets.emoji_labels import emoji_classes
from ...datasets.images import to_image
from ...datasets.pairs import Pairs
from ...model.dvae import DVAE
from ...model.judge import Judge
from ..exercises.lesson_17 import seen
from ..figures import BLUE, GRAY, GREEN, ORANGE, RED, frame, new_figure, rectangle
from ..figures import show as as_picture
from ..guesses import Outcome
from ..pictures import Picture
from . import figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIRST = 5  # the judge sees a thing if it is among so many of its guesses


def decoded(dvae: DVAE, tokens: Tensor, grid: tuple[int, int]) -> list:
    """tokens (B, N) on a grid of so many rows and columns -> PIL pictures."""
    return [to_image(image) for image in dvae.decode(tokens.reshape(-1, *grid))]


def mark(ax, place: int, grid: tuple[int, int], side: int) -> None:
    """A frame around token number `place` of a picture of `side` pixels."""
    height, width = side / grid[0], side / grid[1]
    corner = (place % grid[1] * width - 0.5, place // grid[1] * height - 0.5)
    ax.add_patch(rectangle(corner, width, height, fill=False, edgecolor=RED, linewidth=2))


def lines(
    dvae: DVAE,
    grid: tuple[int, int],
    tokens: Tensor,
    names: Sequence[str],
    kept: Tensor | None = None,
    found: Tensor | None = None,
) -> Figure:
    """tokens (L, 9, N): a line of nine pictures for each name -> the figure. kept (L, 9): tokens before the first other
    one, which is framed. found (L, 9) bool: pictures with a thick border."""
    count, length = tokens.shape[:2]
    panel = new_figure(8.6, 1.0 * count + 0.45)
    axes = panel.subplots(count, length, squeeze=False)
    for row in range(count):
        for ax, n, picture in zip(axes[row], range(length), decoded(dvae, tokens[row], grid), strict=True):
            frame(ax, picture)
            if kept is not None and kept[row, n] < tokens.shape[-1]:
                mark(ax, int(kept[row, n]), grid, picture.width)
            if found is not None and found[row, n]:
                for spine in ax.spines.values():
                    spine.set_color(GREEN)
                    spine.set_linewidth(3)
        axes[row, 0].set_ylabel(fill(names[row], 18), fontsize=8, rotation=0, ha="right", va="center")
    return panel


@figure("17.again")
def again(dvae: DVAE, grid: tuple[int, int], before: Tensor, after: Tensor, kept: Tensor, outcome: Outcome) -> Picture:
    """before, after (9, N) tokens; kept (9,): how many come before the first other one."""
    panel = lines(dvae, grid, torch.stack((before, after)), ("temperature 1", "temperature 0.9"), _below(kept, before))
    panel.suptitle(f"How many of the nine come again, token for token? {outcome}", fontsize=10)
    alt = (
        "Two lines of nine pictures, at temperature 1 and at 0.9, with the same noise. In the lower line a frame "
        "marks, where a picture is not the same, its first other token."
    )
    return as_picture(panel, alt)


def _below(kept: Tensor, tokens: Tensor) -> Tensor:
    """Marks in the second line alone: (2, 9)."""
    return torch.stack((torch.full_like(kept, tokens.shape[-1]), kept))


@figure("17.words")
def words(caption: str, counts: dict[str, int], training: Pairs, outcome: Outcome) -> Picture:
    """counts: word of the caption -> how many training captions hold it; training: the pictures and their captions."""
    panel = new_figure(9.6, 4.4)
    axes = panel.subplots(3, len(counts), squeeze=False)
    for column, (word, count) in enumerate(counts.items()):
        found = examples(word, training)
        for row in range(3):
            ax = axes[row, column]
            if row < len(found):
                frame(ax, to_image(training.pictures[found[row]]))
                ax.set_xlabel(fill(training.metadata[found[row]]["name"], 16), fontsize=8)
            else:
                ax.set_axis_off()
        if not found:
            axes[1, column].text(0.5, 0.5, "no picture", ha="center", fontsize=9, transform=axes[1, column].transAxes)
        axes[0, column].set_title(f"{word}\n{count:,}", fontsize=10, color="black" if count else RED)
    panel.suptitle(f"In how many captions each word stands, and what the pictures show. {outcome}", fontsize=10)
    alt = f"Each word of “{caption}”, the number of training captions that hold it, and up to three of their pictures."
    return as_picture(panel, alt)


def examples(word: str, training: Pairs) -> list[int]:
    """Up to three training pictures of different things whose name or key words hold the word, cartoons first."""
    found: dict[str, int] = {}
    rows = training.metadata
    for i in sorted(range(len(rows)), key=lambda i: rows[i]["style"] != "cartoon"):
        row = rows[i]
        if row["skin_tone"] or row["name"] in found:
            continue
        if word in seen(f"{row['style']} of {row['name']} {row['tags']}"):
            found[row["name"]] = i
        if len(found) == 3:
            break
    return list(found.values())


def judged(judge: Judge, images: Tensor, thing: str) -> Tensor:
    """images (B, 3, H, W) in [0, 1] -> (B,) bool: is a thing of that name ("teacher", "man teacher") among the judge's
    first guesses?"""
    names = {row["base_hexcode"]: row["name"].lower() for row in reversed(read_rows()) if not row["skin_tone"]}
    wanted = [i for i, base in enumerate(emoji_classes()) if thing in seen(names.get(base, ""))]
    with torch.no_grad():
        guessed = judge(images)[0].topk(FIRST, dim=-1).indices  # (B, 5)
    return torch.isin(guessed, torch.tensor(wanted)).any(dim=-1)


@figure("17.ladder")
def ladder(
    dvae: DVAE, grid: tuple[int, int], tokens: Tensor, captions: Sequence[str], found: Tensor, outcome: Outcome
) -> Picture:
    """tokens (C, 9, N) of each caption; found (C, 9) bool: where the judge sees a teacher."""
    names = [f"{caption}: {int(n)} of {found.shape[1]}" for caption, n in zip(captions, found.sum(1), strict=True)]
    panel = lines(dvae, grid, tokens, names, found=found)
    panel.suptitle(f"Where the judge sees a teacher (framed). For the whole caption: {outcome}", fontsize=10)
    spoken = "; ".join(captions)
    return as_picture(panel, f"Nine pictures, with the same noise, for each of: {spoken}. Framed: a teacher is seen.")


@figure("17.control")
def control(
    dvae: DVAE,
    grid: tuple[int, int],
    tokens: Tensor,
    captions: Sequence[str],
    kept: Tensor,
    found: Tensor,
    outcome: Outcome,
) -> Picture:
    """tokens (C, 9, N), the first line's caption being the one that the others change; kept (C, 9): tokens before the
    first that differs from the first line's; found (C, 9) bool: where the judge sees a bicycle."""
    sure = (kept == tokens.shape[-1]).sum(1)
    names = [
        f"{caption}: {int(again)} the same, {int(n)} seen as bicycle"
        for caption, again, n in zip(captions, sure, found.sum(1), strict=True)
    ]
    panel = lines(dvae, grid, tokens, names, kept)
    panel.suptitle(f"A frame: the first token that is not the first line's. With “nyu”: {outcome}", fontsize=10)
    spoken = "; ".join(captions)
    return as_picture(panel, f"Nine pictures each, with the same noise: {spoken}. Framed: the first other token.")


@figure("17.sheet")
def sheet(dvae: DVAE, grid: tuple[int, int], tokens: Tensor, captions: Sequence[str]) -> Picture:
    """tokens (9, N) of one of the captions; which one is not said."""
    panel = new_figure(9.6, 3.6)
    left, right = panel.subfigures(1, 2, width_ratios=[3.4, 6.2], squeeze=False).flat
    for ax, picture in zip(left.subplots(3, 3).flat, decoded(dvae, tokens, grid), strict=True):
        frame(ax, picture)
    listed = "\n\n".join(f"{letter}   {caption}" for letter, caption in zip("ABCDEFGH", captions, strict=False))
    right.text(0.04, 0.5, f"Which caption was it?\n\n{listed}", fontsize=11, va="center")
    return as_picture(panel, f"Nine pictures. Which caption was it: {', '.join(captions)}?")


@figure("17.reveal")
def reveal(captions: Sequence[str], secret: int, scores: Tensor) -> Picture:
    """scores (C,): CLIP's mean score of the nine pictures with each caption."""
    panel = new_figure(7.0, 0.42 * len(captions) + 1.1)
    ax = panel.subplots()
    colors = [ORANGE if n == secret else BLUE for n in range(len(captions))]
    bars = ax.barh([f"{letter}   {c}" for letter, c in zip("ABCDEFGH", captions, strict=False)], scores, color=colors)
    ax.bar_label(bars, fmt="%.2f", fontsize=8, padding=3)
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.tick_params(labelsize=9)
    ax.set_xlabel("CLIP's mean score for the nine pictures", fontsize=9)
    choice = "ABCDEFGH"[int(scores.argmax())]
    ax.set_title(f"It was {'ABCDEFGH'[secret]} (orange). CLIP would say {choice}.", fontsize=10)
    alt = "Bars: CLIP's score of the nine pictures with each of the captions; the one that was drawn in orange."
    return as_picture(panel, alt)


@figure("17.luck")
def luck(chances: Sequence[float], rounds: int, outcome: Outcome) -> Picture:
    """chances: the probability of at least 0, 1, … hits in so many rounds by luck."""
    panel = new_figure(6.4, 3.0)
    ax = panel.subplots()
    ax.bar(range(len(chances)), chances, color=[ORANGE if p < 0.05 else GRAY for p in chances])
    for hits, p in enumerate(chances):  # above the line, too
        ax.annotate(f"{p:.1%}", (hits, max(p, 0.05)), (0, 3), textcoords="offset points", ha="center", fontsize=8)
    ax.axhline(0.05, color=RED, linestyle="--", linewidth=1)
    ax.annotate("5%", (len(chances) - 0.5, 0.05), xytext=(0, 3), textcoords="offset points", fontsize=8, color=RED)
    ax.set_xlabel(f"at least so many right, of {rounds}", fontsize=9)
    ax.set_ylabel("probability by luck", fontsize=9)
    ax.set_ylim(0, 1.12)
    ax.set_title(f"How many right are rarer than 5% by luck? {outcome}", fontsize=10)
    alt = f"Bars: how probable at least 0 to {rounds} right answers are by luck; fewer and fewer; a line at 5 percent."
    return as_picture(panel, alt)
