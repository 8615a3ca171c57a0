"""Lesson 14, words: styles never named, the radish and the hats, two senses, numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill

import torch
from torch import Tensor

from ...datasets.images import to_image
from ...evaluation.metrics import share
from ..figures import BLUE, GRAY, GREEN, ORANGE, PURPLE, RED, SKY, YELLOW, image_grid, new_figure
from ..figures import show as as_picture
from ..guesses import Outcome
from ..hats import BECAME, SIZES, WITH, Wearer, decode, find, has_black, on_top, told
from ..pictures import Picture
from . import drawn_14, figure
from .shares_14 import intervals, small, strips

COLORS = (GREEN, YELLOW, SKY, RED, ORANGE, GRAY)
GUESSED = {  # what became of it -> as the guess calls it
    "as asked": "a triangle with a hat on its tip",
    "in another place": "a triangle with a hat elsewhere",
    "nothing worn": "a triangle without a hat",
    "another shape": "another shape with a hat",
}
HATS = (("hat", "hat"), ("hat", "shoes"), ("hat", "ball"), ("shoes", "shoes"))  # never worn in training, asked for


NONSENSE, NO_STYLE = "a zzqx", "none of them"


def unlike_nonsense(asked: Sequence[str], chances: Tensor, new: Sequence[str]) -> str:
    """Of the new styles, the one that the judge takes for some style more, or less, often than drawings of a nonsense
    word, by more than luck could explain; the first such one, or "none of them"."""
    seen = chances.argmax(dim=2)  # (S, T)
    counts = torch.stack([(seen == k).sum(dim=1) for k in range(chances.shape[2])], dim=1)  # (S, K)
    luck = 2**0.5 * (share(torch.tensor([1.0, 0.0] * (chances.shape[1] // 2)))["high"] - 0.5)
    far = (counts - counts[asked.index(NONSENSE)]).abs().amax(dim=1) / chances.shape[1]
    return next((style for style in new if float(far[asked.index(style)]) > luck), NO_STYLE)


@figure("14.styles")
def styles(images: Tensor, asked: Sequence[str], chances: Tensor, names: Sequence[str], outcome: Outcome) -> Picture:
    """images (S · T, 3, H, W): T pictures for each of S styles asked for, the last of them pure noise; chances
    (S, T, K): the judge's probability of each style; names: of the first K."""
    count = chances.shape[1]
    seen = chances.argmax(dim=2)  # (S, T)
    sure = float(chances[-1].amax(dim=1).mean())
    panel = new_figure(9.8, 0.98 * len(asked) + 0.9)
    left, right = panel.subfigures(1, 2, squeeze=False, width_ratios=[1.35, 1.0]).flat
    per = images.unflatten(0, (len(asked), count))
    strips(left.subplots(), [(fill(style, 15), list(map(to_image, per[n, :4]))) for n, style in enumerate(asked)])
    ax = right.subplots()
    start = torch.zeros(len(asked))
    for k, name in enumerate(names):
        part = 100 * (seen == k).float().mean(dim=1)
        color = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED)[k]
        ax.barh(range(len(asked)), part.tolist(), left=start.tolist(), color=color, label=name)
        start += part
    ax.set_yticks([])
    ax.set_ylim(len(asked) - 0.5, -0.5)
    ax.set_xlim(0, 100)
    ax.tick_params(axis="x", labelsize=8)
    ax.set_xlabel(f"taken for, % of {count} pictures", fontsize=8)
    right.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=8, frameon=False)
    half = 100 * (share(torch.tensor([1.0, 0.0] * (count // 2)))["high"] - 0.5)
    panel.suptitle(
        f"Unlike “{NONSENSE}” by more than luck: {outcome}\n"
        f"What the judge takes them for, {count} each (± {half:.0f} points). Of noise it is {sure:.0%} sure.",
        fontsize=10,
    )
    alt = f"Four pictures each of {'; '.join(asked)}; beside them, for which styles the judge takes {count} such ones."
    return small(as_picture(panel, alt))


@figure("14.radish")
def the_radish(images: Tensor, caption: str, pieces: Sequence[str]) -> Picture:
    """images (n, 3, H, W): our model's drawings of the caption; pieces: how the caption is cut."""
    text = fill(" | ".join(pieces), 100)
    return image_grid(images, cols=len(images), side=1.5, title=f"“{caption}”\n{text}",
                      alt=f"{len(images)} drawings of “{caption}” by our model.")  # fmt: skip


def became(held: str, worn: str) -> dict[str, int]:
    """What "a triangle with {worn}" became, where triangles never wore `held`: counts over all trainings."""
    counts: dict[str, int] = dict.fromkeys(BECAME, 0)
    for tokens in drawn_14.hats(held, worn):
        for seen in find(decode(tokens)):
            counts[told(seen, "triangle", worn)] += 1
    return counts


def hat_became() -> str:
    """What "a triangle with a hat" mostly becomes, where no triangle ever wore a hat, as the guess calls it."""
    counts = became("hat", "hat")
    most = max(counts, key=lambda name: counts[name])
    return GUESSED.get(most, "a mixture of shapes")


@figure("14.hats")
def hats_became(outcome: Outcome) -> Picture:
    """What became of triangles with a hat, where triangles never wore one in training, and with what they did wear;
    last, with shoes, in a training in which they never wore shoes."""
    rows = {(held, worn): became(held, worn) for held, worn in HATS}
    never, known, *_ = rows.values()
    whole = [1 - found["shape: unclear"] / sum(found.values()) for found in rows.values()]
    if known["as asked"] < 0.4 * sum(known.values()) or whole[3] < whole[0] + 0.3:
        raise ValueError("These models have not learned their own world: run tools/lesson_runs/lesson_14.py again.")
    panel = new_figure(9.8, 6.0)
    above, under = panel.subfigures(2, 1, squeeze=False, height_ratios=[3.4, 2.6]).flat
    lines = []
    for held, worn in HATS:
        if worn != "ball":
            tokens = drawn_14.hats(held, worn)[0][::6]
            name = f"a triangle with\n{worn}: {'never seen' if held == worn else 'seen'}".replace("hat", "a hat")
            lines.append((name, [to_image(picture) for picture in decode(tokens)]))
    strips(above.subplots(), lines, [size for size in SIZES for _ in range(len(lines[0][1]) // 2)])
    ax = under.subplots()
    for y, found in enumerate(rows.values()):
        left, total = 0.0, sum(found.values())
        for name, color in zip(BECAME, COLORS, strict=True):
            part = 100 * found[name] / total
            ax.barh(y, part, left=left, color=color, label=None if y else name)
            if part > 4:
                ax.text(left + part / 2, y, f"{part:.0f}", ha="center", va="center", fontsize=8)
            left += part
    names = [
        f"{worn}, {'never seen' if held == worn else 'seen'} (of {sum(found.values())})"
        for (held, worn), found in rows.items()
    ]
    ax.set_yticks(range(len(rows)), names, fontsize=9)
    ax.invert_yaxis()
    ax.axhline(2.5, color="black", linewidth=0.8)
    ax.set_xlim(0, 100)
    ax.tick_params(axis="x", labelsize=8)
    ax.set_xlabel("what was drawn, %; below the line: a training without triangles in shoes", fontsize=8)
    under.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=6, fontsize=8, frameon=False)
    drawn = torch.cat([decode(tokens) for tokens in drawn_14.hats("hat", "hat")])
    panel.suptitle(
        f"{outcome}\nOf {len(drawn)} drawings {int(has_black(drawn).sum())} show something black, "
        f"{int(on_top(drawn).sum())} on top of all that is colored; {never['as asked']} are triangles with a hat.",
        fontsize=10,
    )
    alt = (
        "Drawings of triangles with a hat, which was never seen, and with shoes, seen and never seen. Below, how many "
        f"are: {', '.join(BECAME)}. Where the hat was never seen most shapes are unclear; where the shoes were never "
        "seen the shapes are whole, and what is worn is unclear or missing."
    )
    return as_picture(panel, alt)


@figure("14.bat")
def bat(drawings: Mapping[str, Tensor], hits: Mapping[str, Tensor], in_training: Mapping[str, float],
        outcome: Outcome) -> Picture:  # fmt: skip
    """drawings: context -> (n, 3, H, W); hits: context -> is the bat a wooden one (N,), NaN where it is none;
    in_training: the share of wooden ones in the training pictures."""
    if share(hits["beside a circle"])["low"] < share(hits["alone"])["high"]:
        raise ValueError("A circle should change the bats: are these the tokens of this dVAE?")
    panel = new_figure(9.8, 4.0)
    left, right = panel.subfigures(1, 2, squeeze=False, width_ratios=[1.0, 1.15]).flat
    shown = ("alone", "beside a square", "beside a circle", "wooden, beside a square")
    strips(left.subplots(), [(name.replace(", ", ",\n"), list(map(to_image, drawings[name][-5:]))) for name in shown])
    ax = right.subplots()
    intervals(ax, hits, in_training)
    ax.set_xlabel("of the bats, wooden ones, %", fontsize=8)
    handles, _ = ax.get_legend_handles_labels()
    names = ["95% interval", "drawn", "in the training pictures"]
    right.legend(handles, names, loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    panel.suptitle(str(outcome), fontsize=10)
    alt = (
        "Five drawings in each of four contexts, and the share of wooden bats by context: small without a hint, larger "
        "beside a circle, nearly all after “wooden”; crosses say how it was in training."
    )
    return small(as_picture(panel, alt))


@figure("14.numbers")
def numbers(counts: Tensor, asked: Sequence[str], outcome: Outcome) -> Picture:
    """counts (len(asked), n): how many circles each drawing shows, 3 for three or more."""
    panel = new_figure(8.0, 3.2)
    ax = panel.subplots()
    for y, row in enumerate(counts):
        left = 0.0
        for k, color in enumerate((GRAY, SKY, ORANGE, RED)):
            part = 100 * float((row == k).float().mean())
            label = None if y else ("none", "one", "two", "three or more")[k]
            ax.barh(y, part, left=left, color=color, label=label)
            if part > 4:
                ax.text(left + part / 2, y, f"{part:.0f}", ha="center", va="center", fontsize=8)
            left += part
    ax.set_yticks(range(len(asked)), [f"“{text}”" for text in asked], fontsize=9)
    ax.invert_yaxis()
    ax.set_xlim(0, 100)
    ax.tick_params(axis="x", labelsize=8)
    ax.set_xlabel(f"circles in the drawing, % of {counts.shape[1]} drawings each", fontsize=8)
    panel.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    panel.suptitle(f"{outcome}\n(two circles in drawings of “qrst circles”)", fontsize=10)
    alt = f"For {'; '.join(asked)}: how many drawings show no circle, one, two, three or more; three hardly ever come."
    return as_picture(panel, alt)


@figure("14.world")
def the_world(scenes: Sequence[Wearer], pictures: Tensor) -> Picture:
    """Two lines of scenes of the world of hats: what there is to be worn, and by whom."""
    shown = [
        next(i for i, s in enumerate(scenes) if (s.shape, s.worn, s.color, s.size, s.x, s.y) == (*kind, 16, 16))
        for kind in (
            *(("circle", worn, "red", "big") for worn in WITH),
            *(
                ("square", "hat", "green", "small"),
                ("cross", "shoes", "yellow", "big"),
                ("triangle", "ball", "blue", "small"),
            ),
            ("triangle", "shoes", "red", "big"),
        )
    ]
    words = [scenes[i].caption.replace(" with", "\nwith") for i in shown]
    return image_grid(pictures[shown], words, cols=8, side=1.25, title=f"8 of its {len(scenes):,} pictures",
                      alt=f"Eight pictures: {'; '.join(scenes[i].caption for i in shown)}.")  # fmt: skip
