"""Figures of lesson 06: the joined sequence with its tiles, who predicts what, bigrams, the leak, the ledger. That of
training beside inference stands in `two_lines_06`.

Sequences come in the lesson's joined numbering: text tokens 0 … W-1, [SEP] W, code c as W + 1 + c.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...datasets.images import to_image
from ...pipeline.text_to_image import TextToImage
from ..figures import BLUE, DASHES, GREEN, ORANGE, PALETTE, RED, new_figure, rectangle, show
from ..figures import frame as draw_frame
from ..guesses import Outcome
from ..joined import draw_box, joined_boxes
from ..ledger import draw_ledger
from ..pictures import Picture
from . import figure
from .two_lines_06 import two_lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["two_lines"]  # registered there


@figure("06.sequence")
def sequence(system: TextToImage, caption: str, text: Tensor, image: Tensor) -> Picture:
    """The joined sequence of one pair: text (T,), codes (N,), as boxes and tiles, 16 in a line."""
    boxes = joined_boxes(system, text, image)
    lines = -(-len(boxes) // 16)
    drawn = new_figure(9.5, 0.52 * lines + 0.4)
    ax = drawn.subplots()
    for i, box in enumerate(boxes):
        draw_box(ax, i % 16, -(i // 16), box)
    _bare(ax, (-0.6, 15.6), (0.4 - lines, 0.6))
    ax.set_title(f"“{caption}”: {len(text)} text slots + [SEP] + {len(image)} image tokens = {len(boxes)}", fontsize=10)
    words, pads = (sum(box.kind == kind for box in boxes) for kind in ("text", "pad"))
    alt = f"The joined sequence: START, {words} text tokens, {pads} pads, [SEP], {len(image)} image tokens as tiles."
    return show(drawn, alt)


def _bare(ax: Axes, across: tuple[float, float], up: tuple[float, float]) -> None:
    """An axis without frame; its limits come last, since pictures move them."""
    ax.set_axis_off()
    ax.set_xlim(*across)
    ax.set_ylim(*up)


@figure("06.three_rows")
def three_rows(system: TextToImage, text: Tensor, image: Tensor, counts: Tensor, outcome: Outcome) -> Picture:
    """Fed, target and what counts, at the first slots, around [SEP], and in the second line of the picture.
    text (T,), codes (N,), counts (T + N,) bool."""
    boxes = joined_boxes(system, text, image)
    drawn = new_figure(8.6, 5.4)
    ax = drawn.subplots()
    for n, slots in enumerate(
        range(start, start + 10) for start in (0, len(text) - 3, len(text) + system.dalle.config.cols)
    ):
        top = -3.9 * n
        for row, name in enumerate(("fed", "target", "counts")):
            ax.text(-2.2, top - row, name, va="center", fontsize=9, color="#444444")
        ax.text(-2.2, top + 0.55, "slot", va="bottom", fontsize=8, color="#666666")
        for x, slot in enumerate(slots):
            here = bool(counts[slot])
            ax.text(x, top + 0.55, str(slot), ha="center", va="bottom", fontsize=8, color="#666666")
            draw_box(ax, x, top, boxes[slot])
            draw_box(ax, x, top - 1, boxes[slot + 1], faint=not here)
            mark, color = ("✓", GREEN) if here else ("–", "#666666")
            ax.text(x, top - 2, mark, ha="center", va="center", fontsize=12, color=color)
    _bare(ax, (-2.3, 9.6), (-10.4, 1.2))
    in_text, in_image = int(counts[: len(text)].sum()), int(counts[len(text) :].sum())
    title = f"{len(counts)} targets, and {in_text} + {in_image} of them count for this caption. {outcome}"
    ax.set_title(title, fontsize=10)
    alt = (
        "Three rows, fed, target, counts, at the first slots, around [SEP] and in the picture. The target is what "
        "is fed one slot later. Targets that are words or image tokens have a tick; PAD and [SEP] have a dash."
    )
    return show(drawn, alt)


def _plot_drawn(
    part, system: TextToImage, drawn: Tensor, titles: Sequence[str] = (), name: str = "", **options
) -> None:
    """Pictures side by side on a (sub)figure. drawn (B, 64), in the joined numbering; what is no image token stands
    there as a word."""
    first = system.tokenizer.vocab_size + 1
    c = system.dalle.config
    pictures = system.dvae.decode((drawn - first).clamp_min(0).view(-1, c.rows, c.cols))
    axes = part.subplots(1, len(drawn))
    for n, (ax, picture, tokens) in enumerate(zip(axes, pictures, drawn.tolist(), strict=True)):
        draw_frame(ax, to_image(picture))
        wide, high = picture.shape[2] / c.cols, picture.shape[1] / c.rows
        for i, token in enumerate(tokens):
            if token < first:
                x, y = i % c.cols * wide - 0.5, i // c.cols * high - 0.5
                ax.add_patch(rectangle((x, y), wide, high, facecolor="#F4D9A8", edgecolor=ORANGE, linewidth=0.5))
        if all(token < first for token in tokens):
            label = "[SEP]" if tokens[0] == first - 1 else system.tokenizer.decode(torch.tensor([tokens]))[0]
            ax.text(0.5, 0.5, f"64 ×\n{label}", ha="center", va="center", fontsize=11, transform=ax.transAxes)
        if titles:
            ax.set_title(titles[n], fontsize=8, **options)
    axes[0].set_ylabel(name, fontsize=9)


def _captions(system: TextToImage, sequences: Tensor) -> list[str]:
    """The words of sequences that begin with START, up to the first pad or [SEP]."""
    tokenizer = system.tokenizer
    ended = ((sequences == tokenizer.pad_id) | (sequences >= tokenizer.vocab_size)).cumsum(dim=1) > 0
    return tokenizer.decode(sequences.masked_fill(ended, tokenizer.pad_id))


def _folded(caption: str, most: int = 16) -> str:
    """A caption in lines of at most `most` letters."""
    lines = [""]
    for word in caption.split():
        fits = len(lines[-1]) + len(word) < most
        lines[-1:] = [f"{lines[-1]} {word}".strip()] if fits else [lines[-1], word]
    return "\n".join(lines)


@figure("06.bigram")
def bigram(system: TextToImage, written: Tensor, drawn: Tensor) -> Picture:
    """What one bigram continued: written (n, T) from START, drawn (8, 64) from [SEP]."""
    sheet = new_figure(8.6, 3.2)
    top, bottom = sheet.subfigures(2, 1, squeeze=False, height_ratios=[1.0, 1.1]).flatten()
    ax = top.subplots()
    for n, caption in enumerate(_captions(system, written)):
        ax.text(0.12, -n, f"START → {caption}", va="center", fontsize=9)
    _bare(ax, (0, 1), (0.5 - len(written), 0.6))
    top.suptitle("from START", fontsize=10)
    _plot_drawn(bottom, system, drawn)
    bottom.suptitle("from [SEP], by the same table", fontsize=10)
    alt = (
        f"{len(written)} captions in which neighboring words fit, and {len(drawn)} pictures of scattered bits of color "
        "and edges."
    )
    return show(sheet, alt)


@figure("06.one_layer")
def one_layer(history: Sequence[float], counted: float) -> Picture:
    """The one-layer network's loss on all pairs, step by step, and the loss of the counts. Raises ValueError where it
    has not come near."""
    if not counted - 1e-3 < history[-1] < counted + 0.03:
        raise ValueError("The network should come near the loss of the counts: run this cell again.")
    drawn = new_figure(6.4, 2.8)
    ax = drawn.subplots()
    ax.plot(range(len(history)), list(history), color=BLUE, label="one layer, trained")
    ax.axhline(counted, color=ORANGE, linestyle="--", label="the counts")
    ax.set_xlabel("step")
    ax.set_ylabel("nats a token")
    ax.grid(alpha=0.25)
    ax.legend(fontsize=9)
    ax.set_title(f"from {history[0]:.2f} to {history[-1]:.3f} nats; the counts: {counted:.3f}", fontsize=10)
    return show(drawn, "The loss of the one-layer network falls to the level of the counts, and not below it.")


def _plot_losses(ax: Axes, runs: Mapping[str, Sequence[float]]) -> None:
    for i, (name, losses) in enumerate(runs.items()):
        ax.plot(range(len(losses)), list(losses), color=PALETTE[i], linestyle=DASHES[i], label=f"network {name}")
    ax.set_xlabel("step")
    ax.set_ylabel("training loss, nats")
    ax.set_ylim(bottom=-0.15)
    ax.grid(alpha=0.25)
    ax.legend(fontsize=9)


@figure("06.drawn_by_a")
def drawn_by_a(losses: Sequence[float], system: TextToImage, asked: Tensor, drawn: Tensor, outcome: Outcome) -> Picture:
    """The training loss of network A, and what it draws from captions: asked (B, T + 1), drawn (B, 64). Raises
    ValueError where it does not fall nearly to zero, or does not repeat itself."""
    repeated = float((drawn[:, 1:] == drawn[:, :-1]).float().mean())
    if losses[-1] > 0.3 or repeated < 0.6:
        raise ValueError("Network A should end near zero and repeat itself: run the cells of this section again.")
    sheet = new_figure(8.6, 4.2)
    top, bottom = sheet.subfigures(2, 1, squeeze=False, height_ratios=[2.3, 1.9]).flatten()
    _plot_losses(top.subplots(), {"A": losses})
    top.suptitle(f"Network A: from {losses[0]:.2f} to {losses[-1]:.2f} nats in {len(losses)} steps", fontsize=10)
    _plot_drawn(bottom, system, drawn, [_folded(caption) for caption in _captions(system, asked)])
    bottom.suptitle(f"What it draws. Kinds among the 64 tokens, on average: {outcome}", fontsize=10)
    alt = (
        "Above, a training loss that falls to nearly zero. Below, what network A draws: mostly one token again and "
        "again, whatever the caption says."
    )
    return show(sheet, alt)


@figure("06.two_networks")
def two_networks(
    losses: Mapping[str, Sequence[float]],
    system: TextToImage,
    asked: Tensor,
    drawn_by: Mapping[str, Tensor],
) -> Picture:
    """The losses of networks A and B, and what each draws from the same captions: asked (6, T + 1), name -> (6, 64).

    Raises ValueError where they do not differ as they should.
    """
    leaking, mended = (values[-1] for values in losses.values())
    if mended < leaking + 0.2:
        raise ValueError("The loss of B should end well above that of A: is `mended` the function that it trains with?")
    rows = {f"network {name}": drawn for name, drawn in drawn_by.items()}
    sheet = new_figure(8.6, 5.7)
    parts = sheet.subfigures(1 + len(rows), 1, squeeze=False, height_ratios=[2.3, 1.9, 1.4]).flatten()
    _plot_losses(parts[0].subplots(), losses)
    ends = ", ".join(f"network {name} {values[-1]:.2f} nats" for name, values in losses.items())
    parts[0].suptitle(f"after {len(losses['A'])} steps: {ends}", fontsize=10)
    for n, (part, (name, drawn)) in enumerate(zip(parts[1:], rows.items(), strict=True)):
        titles = [] if n else [_folded(caption) for caption in _captions(system, asked)]
        _plot_drawn(part, system, drawn, titles, name)
    alt = (
        "Two training losses: that of A falls to nearly zero, that of B stays above it. Below, what each draws from "
        "the same captions: A mostly one token again and again, B colored patches on "
        "white."
    )
    return show(sheet, alt)


@figure("06.ledger")
def ledger(lines: Mapping[str, float], goal: Mapping[str, float]) -> Picture:
    """The first lines of the loss ledger: predictor -> nats an image token on the held-out pictures; goal: the same, of
    what the course wants to reach."""
    return draw_ledger("06", lines, goal)


@figure("06.captioned")
def captioned(system: TextToImage, true: Tensor, said: Tensor, outcome: Outcome) -> Picture:
    """Held-out pictures with what the captioner said of the first six; outcome: how many of all were right in
    every word. true, said (n, 64 + 1 + T): image tokens, [SEP], text.

    Raises ValueError where too few are."""
    first = system.dalle.config.image_length + 1
    words, truth = (_captions(system, sequences[:, first:]) for sequences in (said, true))
    right = sum(a == b for a, b in zip(words, truth, strict=True))
    pairs = [(a, b) for mine, yours in zip(words, truth, strict=True) for a, b in _aligned(mine, yours)]
    share = sum(a == b for a, b in pairs) / len(pairs)
    if right < 0.03 * len(words):
        raise ValueError("It should get more captions right: run the cells of this section again.")
    sheet = new_figure(8.6, 3.2)
    _plot_drawn(sheet, system, true[:6, : first - 1])
    for ax, mine, yours in zip(sheet.axes, words, truth, strict=False):
        ax.set_title(_folded(mine), fontsize=8, color=GREEN if mine == yours else RED)
        ax.set_xlabel(_folded(yours), fontsize=8)
    sheet.suptitle(
        f"above: what it says; below: the true caption. {share:.0%} of the words are right.\n"
        f"Captions with every word right, of {len(words)}: {outcome}",
        fontsize=10,
    )
    alt = (
        "Six held-out pictures. Above each what the network says of it, green where it is right in every word, else "
        "red; below each the true caption."
    )
    return show(sheet, alt)


def _aligned(mine: str, yours: str) -> list[tuple[str, str]]:
    """The true caption's words, each with the one that stands at its place."""
    said = mine.split()
    return [(said[i] if i < len(said) else "", word) for i, word in enumerate(yours.split())]
