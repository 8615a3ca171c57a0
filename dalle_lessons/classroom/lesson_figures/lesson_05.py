"""The figures of lesson 05: text in colored pieces, counts of pairs, what a spelling changes in a picture."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from ...datasets.emoji import emoji
from ...datasets.images import to_image
from ...model.tokenizer import TextTokenizer
from ..figures import BLUE, GRAY, ORANGE, bars, frame, new_figure, show
from ..guesses import Outcome
from ..pictures import Picture
from ..spans import draw_spans, points_axes, span_rows, spoken, written
from . import figure

Word = tuple[int, ...]
Pieces = Sequence[bytes]


def in_pieces(words: Sequence[Word], pieces: Pieces) -> list[bytes]:
    """Words in tokens -> their pieces, one after another."""
    return [pieces[token] for word in words for token in word]


@figure("05.unknown_words")
def unknown_words(captions: list[str], known: set[str], outcome: Outcome) -> Picture:
    """captions: new ones, lower case; known: the words of the training captions; outcome: the share, in %."""
    with_unknown = [text for text in captions if set(text.split()) - known]
    chosen = [
        *with_unknown[:: max(1, len(with_unknown) // 5)][:5],
        *[t for t in captions if set(t.split()) <= known][:2],
    ]
    rows, marked = [], []
    for text in chosen:
        words = [f" {word}".encode() for word in text.split()]
        strange = {i for i, word in enumerate(text.split()) if word not in known}
        rows.append(("", words, f"{len(strange)} unknown" if strange else "all known"))
        marked.append(strange)
    return span_rows(
        rows,
        title=f"{outcome} Captions with a word that is not on the list: {len(with_unknown)} of {len(captions)}",
        alt="Captions of emoji that training never saw, cut into words; the words that are not on the list are marked. "
        + " ".join(f"{text}." for text in chosen),
        marked=marked,
        label=0,
    )


@figure("05.pair_counts")
def pair_counts(words: dict[Word, int], pieces: Pieces, chosen: tuple[int, int]) -> Picture:
    """words: each in tokens, with how often it occurs; chosen: the pair that the student's function gives."""
    counts: Counter[tuple[int, int]] = Counter()
    for word, times in words.items():
        for pair in pairwise(word):
            counts[pair] += times
    most = sorted(counts, key=lambda pair: (-counts[pair], pair))[:10]
    labels = [" + ".join(written(pieces[token]) for token in pair) for pair in most]
    return bars(
        labels,
        [counts[pair] for pair in most],
        "times in the captions",
        title="The ten most frequent pairs; your function's choice in orange",
        highlight=[most.index(chosen)] if chosen in most else [],
        alt="Bars: the ten most frequent pairs of neighbors, "
        + ", ".join(f"{label} {counts[pair]}" for label, pair in zip(labels, most, strict=True))
        + ".",
    )


def longest_first(word: Word, pieces: Pieces) -> list[bytes]:
    """A word of bytes, cut from the left, each time by the longest piece that fits."""
    text, out = bytes(word), []
    while text:
        out.append(max((piece for piece in pieces if text.startswith(piece)), key=len))
        text = text[len(out[-1]) :]
    return out


@figure("05.two_ways")
def two_ways(encoded: dict[Word, Word], pieces: Pieces, outcome: Outcome) -> Picture:
    """encoded: word in bytes -> its tokens by merges; a new word first, then the training words."""
    by_merges = {word: in_pieces([tokens], pieces) for word, tokens in encoded.items()}
    by_length = {word: longest_first(word, pieces) for word in encoded}
    new, *training = encoded
    different = [word for word in training if by_merges[word] != by_length[word]]
    shown = [new, *different[:: max(1, len(different) // 6)][:6]]
    sheet, ax = points_axes(8.6, (34 + 32 * len(shown) + 24) / 72)
    said = f"{outcome} Training words that the two ways cut differently: {len(different)} of {len(training)}"
    ax.text(8, 15, said, fontsize=10, va="center", fontweight="bold", parse_math=False)
    halves = ((8, "by merges, in order (so was training cut)", by_merges), (310, "by length, longest first", by_length))
    for left, what, cut in halves:
        ax.text(left, 40, what, fontsize=9, va="center", color="#333333")
        for line, word in enumerate(shown):
            draw_spans(ax, (left, 54 + 32 * line), cut[word], left + 290, size=15)
    alt = " ".join(f"By merges: {spoken(by_merges[w])}; by length: {spoken(by_length[w])}." for w in shown)
    return show(sheet, alt)


def compare_with_training(images: Tensor, meant: dict[str, str]) -> tuple[Tensor, dict[str, float]]:
    """images: (captions, drawings, 3, H, W) in [0, 1]; meant: what is typed -> the name of what is meant.

    -> the training cartoon of each (captions, 3, H, W), and for each caption the mean squared error to it.
    """
    cartoons = emoji("train", "cartoon")
    names = [row["name"].lower() for row in cartoons.metadata or []]
    true = torch.stack([cartoons.pictures[names.index(name)] for name in meant.values()]).float() / 255
    errors = (images - true.unsqueeze(1)).square().flatten(1).mean(dim=1)
    return true, dict(zip(meant, errors.tolist(), strict=True))


@figure("05.spellings")
def spellings(
    tokenizer: TextTokenizer,
    images: Tensor,
    true: Tensor,
    errors: dict[str, float],
    training: list[str],
    outcome: Outcome,
) -> Picture:
    """images: drawings of each caption (captions, drawings, 3, H, W); true, errors: of `compare_with_training`;
    training: the training captions.

    Raises ValueError if the model shown has not learned the spellings of training better than others.
    """
    right, wrong = errors["a pineapple"], errors["a pine apple"]
    passed_over = errors["a catface"] < 2 * errors["a cat"] + 0.02
    if not (1.3 * right < wrong and 5 * errors["a red heart"] < errors["a redheart"] and passed_over):
        raise ValueError("This model draws the spellings of training no better than others: take the bundled weights.")
    cut, rows = tokenizer.pieces(list(errors)), tokenizer.pieces(training)
    high, side, left = 1.08, 1.0, 3.4
    width, height = left + (images.shape[1] + 1) * side + 0.3, high * len(cut) + 0.55
    sheet, ax = points_axes(width, height)
    said = f"{outcome} Mean error {min(right, wrong):.3f}, with the other spelling {max(right, wrong):.3f}."
    ax.text(8, 12, said, fontsize=10, fontweight="bold", va="center", parse_math=False)
    middle = left + side + 0.1 + images.shape[1] * side / 2
    for x, head in ((left + side / 2, "meant"), (middle, "four drawings, not picked out")):
        ax.text(72 * x, 30, head, fontsize=9, ha="center", va="center")
    for r, typed in enumerate(errors):
        top = 72 * (0.58 + r * high)
        ax.text(8, top + 8, f"typed: “{typed}”", fontsize=9, va="center", parse_math=False)
        bottom = draw_spans(ax, (8, top + 17), bytes_of(tokenizer, cut[r]), 72 * left - 6, size=12)
        times = sum(holds(row, cut[r]) for row in rows)
        said = f"these tokens, in this order: in {times:,} captions\nerror {errors[typed]:.3f}"
        ax.text(8, bottom + 5, said, fontsize=9, va="top", linespacing=1.3)
        for k, picture in enumerate([true[r], *images[r]]):
            x = left + k * side + (0.1 if k else 0)
            box = (x / width, 1 - (0.55 + r * high + 0.98) / height, 0.96 / width, 0.96 / height)
            frame(sheet.add_axes(box), to_image(picture))
    return show(
        sheet,
        "Each line: a caption in its tokens, how many training captions hold these tokens in this order, the picture "
        f"that was meant, and what is drawn. The captions: {'; '.join(errors)}.",
    )


def bytes_of(tokenizer: TextTokenizer, ids: Sequence[int]) -> list[bytes]:
    """Tokens -> the bytes that each stands for."""
    hidden = [byte for byte in range(256) if byte == 32 or not chr(byte).isprintable()]
    byte_of = {chr(byte): byte for byte in range(256)} | {chr(256 + n): byte for n, byte in enumerate(hidden)}
    signs = {number: sign for sign, number in tokenizer.ids.items()}
    return [bytes(byte_of[sign] for sign in signs[number]) for number in ids]


def holds(row: Sequence[int], part: Sequence[int]) -> bool:
    """Does `part` stand in `row`, all of it side by side?"""
    return any(row[i : i + len(part)] == part for i in range(len(row) - len(part) + 1))


@figure("05.table_size")
def table_size(sizes: dict[int, tuple[float, float]], outcome: Outcome) -> Picture:
    """sizes: tokens in the table -> (mean tokens a caption, % of learned pieces that are seen fewer than 10 times)."""
    tokens = list(sizes)
    sheet = new_figure(8.6, 3.3)
    said = f"{outcome} With {tokens[-2]:,} tokens in the table, as our model has"
    sheet.suptitle(said, fontsize=10, fontweight="bold")
    for place, (ax, color, title) in enumerate(
        zip(
            sheet.subplots(1, 2),
            (BLUE, ORANGE),
            ("tokens a caption: shorter …", "… but % of the pieces seen fewer than 10 times"),
            strict=True,
        )
    ):
        values = [sizes[size][place] for size in tokens]
        ax.plot(tokens, values, color=color, marker="o", markersize=4)
        ax.axvline(tokens[-2], color=GRAY, linestyle="--")
        for size, value in zip(tokens, values, strict=True):
            label = f"{value:.0f}" if place else f"{value:.1f}"
            ax.annotate(label, (size, value), xytext=(4, 5), textcoords="offset points", fontsize=9)
        ax.set_ylim(0, 1.2 * max(values))
        ax.margins(x=0.1)
        ax.set_title(title, fontsize=10)
        ax.set_xlabel("tokens in the table", fontsize=9)
        ax.tick_params(labelsize=8)
        ax.grid(alpha=0.25)
    said = "; ".join(f"{size} tokens in the table: {a:.1f} a caption, {b:.0f} %" for size, (a, b) in sizes.items())
    return show(sheet, f"Two curves, tokens a caption and rare pieces, against the tokens in the table. {said}.")


@figure("05.dropout")
def dropout(
    cut: Callable[[Word, float, random.Random], Word],
    caption: Sequence[Word],
    words: dict[Word, int],
    encoded: Sequence[Word],
    pieces: Pieces,
) -> Picture:
    """cut(word, rate, rng): a word's tokens with merges skipped at a rate; caption: its words in bytes; words: those of
    training in bytes, with how often each occurs; encoded: the same in tokens.
    """
    rng = random.Random(0)
    tries = {"no dropout": 0.0} | {f"10% dropout, try {n}": 0.1 for n in range(1, 5)}
    rows = []
    for what, rate in tries.items():
        parts = in_pieces([cut(word, rate, rng) for word in caption], pieces)
        rows.append((what, parts, f"{len(parts)} tokens"))
    learned = range(256, len(pieces))
    used = {token for word in encoded for token in word}
    seen = {token for word, times in words.items() for _ in range(times) for token in cut(word, 0.1, rng)}
    never = [token for token in learned if token not in used]
    shown = ", ".join(written(pieces[token]) for token in never[:3])
    return span_rows(
        rows,
        title=f"Learned but never used: {len(never)} of {len(learned)} pieces ({shown} …); "
        f"with dropout, in one pass: {len(set(learned) - seen)}",
        alt="A caption without dropout, then with dropout of merges, four times, in more pieces: "
        + " ".join(f"{what}: {spoken(parts)}." for what, parts, _ in rows),
    )


@figure("05.slots")
def slots(tokenizer: TextTokenizer, caption: str, captions: list[str]) -> Picture:
    """The caption's sequence of slots, and below how many tokens all the captions have."""
    ids = tokenizer.encode([caption])[0].tolist()
    names = {tokenizer.start_id: "START", tokenizer.pad_id: "PAD"}
    labels = [names.get(i) or written(bytes_of(tokenizer, [i])[0]) for i in ids]
    sizes = Counter(len(row) for row in tokenizer.pieces(captions))
    most = tokenizer.length - 1
    sheet = new_figure(8.6, 4.0)
    above, below = sheet.subplots(2, 1, height_ratios=(1, 1.6))
    above.set_axis_off()
    half = -(-len(ids) // 2)
    for i, label in enumerate(labels):
        x, y = i % half, -(i // half)
        color = {"START": "#CC79A7", "PAD": "#DDDDDD"}.get(label, "#56B4E9")
        above.text(
            x, y, label, ha="center", va="center", fontsize=8, parse_math=False,
            bbox={"facecolor": color, "edgecolor": "#666666", "boxstyle": "square,pad=0.35"},
        )  # fmt: skip
    above.set_xlim(-0.7, half - 0.3)
    above.set_ylim(-1.6, 0.6)
    above.set_title(f"“{caption}” in {len(ids)} slots", fontsize=10)
    below.bar(list(sizes), list(sizes.values()), color=BLUE)
    below.axvline(most + 0.5, color=ORANGE, linewidth=2)
    below.annotate(f"{most} fit ", (most + 0.5, max(sizes.values())), fontsize=9, ha="right", va="top")
    below.set_title(f"All {len(captions):,} training captions: the longest has {max(sizes)} tokens", fontsize=10)
    below.set_xlabel("tokens of a caption", fontsize=9)
    below.set_ylabel("captions", fontsize=9)
    below.tick_params(labelsize=8)
    return show(
        sheet,
        f"The slots of “{caption}”: {' '.join(labels)}. Below, bars: how many tokens the training captions have; all "
        "are left of the line up to which they fit.",
    )
