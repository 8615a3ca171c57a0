"""More figures of lesson 19: coarse to fine, caption to image embedding, the map of today's models, your guesses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ...datasets.images import to_image
from ..bank import GuessText, lesson_texts
from ..figures import BLUE, GRAY, GREEN, ORANGE, PURPLE, SKY, frame, new_figure, rectangle
from ..figures import show as as_picture
from ..pictures import Picture
from . import figure


@figure("19.coarse_to_fine")
def coarse_to_fine(pictures: Sequence[Tensor], sides: Sequence[int], true: Tensor) -> Picture:
    """pictures: for each side, the grids added up so far, decoded, (P, 3, 32, 32); true (P, 3, 32, 32)."""
    panel = new_figure(1.35 * (len(sides) + 1), 1.3 * len(true) + 0.75)
    axes = panel.subplots(len(true), len(sides) + 1, squeeze=False)
    total = 0
    for k, side in enumerate(sides):
        total += side**2
        axes[0, k].set_title(f"+ {side} × {side}\n{total} in all", fontsize=9, pad=3)
    axes[0, -1].set_title("true", fontsize=9, pad=3)
    for line, *shown in zip(axes, *pictures, true, strict=True):
        for ax, picture in zip(line, shown, strict=True):
            frame(ax, to_image(picture))
    panel.suptitle(f"{total} vectors, but only {len(sides)} steps, where a row takes {sides[-1] ** 2}", fontsize=10)
    alt = "Pictures, from one vector for all of it to the whole grid: each grid adds what the coarser ones lack."
    return as_picture(panel, alt)


@figure("19.prior")
def prior(images: Tensor, texts: Tensor, guessed: Tensor, found: dict[str, float]) -> Picture:
    """images, texts, guessed (N, D): CLIP's vectors of pictures, of their captions, and what the prior makes of the
    captions; found: name -> share of captions whose nearest training picture is right."""
    panel = new_figure(9.6, 3.2)
    left, middle, right = panel.subplots(1, 3, width_ratios=(1.5, 1, 1))
    both = torch.cat((images, texts))
    center = both.mean(0)
    axes = torch.pca_lowrank(both - center, q=2)[2] if len(both) < 3 else torch.linalg.svd(both - center)[2][:2].T
    for name, vectors, color, marker in (
        ("pictures", images, BLUE, "o"),
        ("captions", texts, ORANGE, "s"),
        ("captions, after the prior", guessed, GREEN, "^"),
    ):
        place = (vectors - center) @ axes
        left.scatter(place[:, 0], place[:, 1], s=9, color=color, marker=marker, alpha=0.7, label=name)
    left.set_title("CLIP's space, its two widest directions", fontsize=9)
    left.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=3, columnspacing=0.8)
    left.set_xticks([])
    left.set_yticks([])
    own = {"caption": (images * texts).sum(1).mean(), "after\nthe prior": (images * guessed).sum(1).mean()}
    for ax, values, title, form in (
        (middle, [float(v) for v in own.values()], "cosine with\nthe picture's vector", "{:.2f}"),
        (right, [100 * v for v in found.values()], "nearest training picture\nis right, %", "{:.0f}"),
    ):
        drawn = ax.bar(list(own), values, color=[ORANGE, GREEN])
        ax.bar_label(drawn, [form.format(v) for v in values], fontsize=9)
        ax.set_title(title, fontsize=9)
        ax.margins(y=0.15)
        ax.tick_params(labelsize=8)
    alt = (
        "CLIP's vectors of pictures and of their captions, and what a prior makes of the captions; how near each comes."
    )
    return as_picture(panel, alt)


# Name, year; how text gets in. Column: what is predicted, in which order; row: in which space.
COLUMNS = (
    "one token\nafter another",
    "many tokens at a time,\nthe surest first",
    "whole grids of tokens,\ncoarse to fine",
    "all places at once,\nfrom noise",
)
ROWS = ("tokens\nof a codebook", "an autoencoder's\ncontinuous grid", "pixels")
MODELS = (
    ("DALL·E", "2021", "tokens in the same row", 0, 0),
    ("Parti", "2022", "its own text encoder", 0, 0),
    ("LlamaGen", "2024", "T5 vectors before the row", 0, 0),
    ("Image GPT", "2020", "no text", 0, 2),
    ("MaskGIT", "2022", "no text: a class", 1, 0),
    ("Muse", "2023", "frozen T5", 1, 0),
    ("TiTok", "2024", "no text: a class;\n32 in one line, no grid", 1, 0),
    ("MAR", "2024", "no text: a class;\nin random order", 1, 1),
    ("VAR", "2024", "no text: a class", 2, 0),
    ("VQ-Diffusion", "2022", "frozen CLIP; its noise:\nmasked or random codes", 3, 0),
    ("Stable Diffusion", "2022", "frozen CLIP text encoder", 3, 1),
    ("Stable Diffusion 3", "2024", "frozen CLIP and T5", 3, 1),
    ("DDPM", "2020", "no text", 3, 2),
    ("Imagen", "2022", "frozen T5; then enlarged", 3, 2),
    ("DALL·E 2", "2022", "prior: a CLIP image\nvector; then enlarged", 3, 2),
)


@figure("19.families")
def families() -> Picture:
    """The map of image models: what they predict, and in which space."""
    panel = new_figure(10.4, 6.7)
    ax = panel.subplots()
    heights = (3.5, 2.2, 3.4)
    tops = (0.0, 3.5, 5.7)
    for r, (top, height) in enumerate(zip(tops, heights, strict=True)):
        ax.text(-0.06, top + height / 2, ROWS[r], ha="right", va="center", fontsize=9)
        for c in range(4):
            ax.add_patch(rectangle((c, top), 1, height, facecolor="#FAFAFA", edgecolor="#BBBBBB"))
    for c, name in enumerate(COLUMNS):
        ax.text(c + 0.5, -0.12, name, ha="center", va="bottom", fontsize=9)
    filled: dict[tuple[int, int], float] = {}
    colors = (BLUE, PURPLE, GREEN, ORANGE)
    for name, year, text, c, r in MODELS:
        lines = text.count("\n")
        y = filled.get((c, r), tops[r] + 0.12)
        height = 0.9 + 0.3 * lines
        ax.add_patch(rectangle((c + 0.04, y), 0.92, height, facecolor="white", edgecolor=colors[c], linewidth=2))
        ax.text(c + 0.5, y + 0.28, f"{name}, {year}", ha="center", va="center", fontsize=9, weight="bold")
        ax.text(c + 0.5, y + 0.63 + 0.14 * lines, text, ha="center", va="center", fontsize=8)
        filled[c, r] = y + height + 0.1
    ax.set_xlim(-0.5, 4.02)
    ax.set_ylim(9.15, -0.95)
    ax.set_axis_off()
    ax.set_title(
        "What is predicted, in which order (columns); in which space (lines); below each name: its text", fontsize=10
    )
    said = "; ".join(f"{name}: {COLUMNS[c]}, {ROWS[r]}, {text}".replace("\n", " ") for name, _, text, c, r in MODELS)
    return as_picture(panel, f"A map of image models. {said}.")


#: Shown where nobody has guessed: invented. (lesson, guess, truth), the last two as places in the range.
EXAMPLE = (
    ("02", 0.5, 0.1),
    ("06", 0.3, 0.42),
    ("07", 0.6, 0.55),
    ("11", 0.2, 0.35),
    ("12", 0.9, 0.5),
    ("16", 0.4, 0.8),
)


@figure("19.calibration")
def calibration(record: Mapping[str, Mapping[str, Any]]) -> Picture:
    """record: {"02.codes": {"guess": …, "truth": …}}, as `read_record()["guesses"]` gives it; may be empty."""
    numbers, chosen = placed(record)
    example = not numbers and not chosen
    numbers = [(lesson, guess, truth) for lesson, guess, truth in EXAMPLE] if example else numbers
    panel = new_figure(8.6, 3.9)
    left, right = panel.subplots(1, 2)
    left.plot((0, 1), (0, 1), color=GRAY, linewidth=1)
    for lesson, guess, truth in numbers:
        left.plot(guess, truth, "o", color=SKY if example else BLUE)
        left.annotate(lesson, (guess, truth), (5, 3), textcoords="offset points", fontsize=8)
    left.set(xlim=(-0.05, 1.1), ylim=(-0.05, 1.1))
    left.set_xlabel("you said (0: the least, 1: the most that could be said)", fontsize=8)
    left.set_ylabel("it is", fontsize=8)
    lines = []
    if numbers:
        off = [abs(guess - truth) for _, guess, truth in numbers]
        blind = [abs(0.5 - truth) for _, _, truth in numbers]
        low = sum(guess < truth for _, guess, truth in numbers)
        lines.append(
            f"{len(numbers)} numbers: off by {100 * sum(off) / len(off):.0f}% of the range, on average\n"
            f"(always guessing the middle: {100 * sum(blind) / len(blind):.0f}%); too low: {low} of {len(off)}"
        )
    else:
        lines.append("No numbers guessed.")
    left.set_title(lines[0], fontsize=9)
    names = ("yours", "by tossing dice")
    hits, luck = sum(right_one for right_one, _ in chosen), sum(1 / ways for _, ways in chosen)
    if chosen:
        drawn = right.bar(names, (hits, luck), color=[BLUE, GRAY])
        right.bar_label(drawn, [f"{hits}", f"{luck:.1f}"], fontsize=9)
        right.set_ylim(0, len(chosen) * 1.1)
    else:
        right.set_axis_off()
    right.set_title(f"Of {len(chosen)} choices, right" if chosen else "No choices guessed.", fontsize=9)
    for ax in (left, right):
        ax.tick_params(labelsize=8)
    whose = "No guesses are kept here. An invented student's:" if example else "Your guesses over the course"
    panel.suptitle(whose, fontsize=10)
    alt = (
        f"{whose} {len(numbers)} numbers, what was said against what it is, beside the line of right guesses; "
        f"{len(chosen)} choices, {hits} of them right."
    )
    return as_picture(panel, alt)


def placed(record: Mapping[str, Mapping[str, Any]]) -> tuple[list[tuple[str, float, float]], list[tuple[bool, int]]]:
    """Guesses that have been answered: numbers as (lesson, guess, truth), each a place between the least and the most
    that could be guessed; choices as (right?, how many there were). What no lesson asks any more is left out."""
    numbers, chosen = [], []
    for name, entry in sorted(record.items()):
        text = text_of(name)
        if text is None or "guess" not in entry or "truth" not in entry:
            continue
        guess, truth = entry["guess"], entry["truth"]
        if text.choices:
            chosen.append((guess == truth, len(text.choices)))
        elif isinstance(guess, (int, float)) and isinstance(truth, (int, float)):
            spread = text.high - text.low
            place = [min(1.0, max(0.0, (value - text.low) / spread)) for value in (guess, truth)]
            numbers.append((name.partition(".")[0], *place))
    return numbers, chosen


def text_of(name: str) -> GuessText | None:
    """What the guess "02.codes" asks; None if no lesson asks it."""
    lesson, _, short = name.partition(".")
    return lesson_texts(lesson).guesses.get(short) if lesson.isdigit() else None
