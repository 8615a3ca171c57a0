"""Figures of lesson 08: two orders of the same words, what a slot is made of, and what places are worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from ...model.embedding import Embedding
from ...pipeline.text_to_image import TextToImage
from ..exercises.lesson_08 import MAPS
from ..figures import BLUE, GRAY, KINDS, ORANGE, RED, bars, new_figure, rectangle, show
from ..guesses import Outcome
from ..joined import draw_box, joined_boxes
from ..pictures import Picture
from . import figure
from .position_arms import COLS, ROWS, kept

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIGNED = {"cmap": "RdBu_r", "aspect": "auto", "interpolation": "nearest"}


@figure("08.two_orders")
def two_orders(found: Tensor, placed: Tensor, outcome: Outcome) -> Picture:
    """What the last word finds in both captions, by the words' vectors alone and with their text positions: each
    (2, C). Below each pair the difference."""
    panel = new_figure(8.8, 3.4)
    limit = float(torch.cat((found, placed)).abs().quantile(0.98))
    for ax, pair, name in zip(panel.subplots(2, 1), (found, placed), ("words alone", "word + position"), strict=True):
        lines = torch.stack((pair[0], pair[1], pair[0] - pair[1]))[:, :48]
        ax.imshow(lines.numpy(), vmin=-limit, vmax=limit, **SIGNED)
        ax.set_yticks(range(3), ["red circle …", "blue circle …", "difference"], fontsize=8)
        ax.set_xticks([])
        ax.axhline(1.5, color="white", linewidth=5)
        ax.set_title(f"{name}: the largest difference is {float((pair[0] - pair[1]).abs().max()):.2g}", fontsize=9)
    panel.suptitle(f"What “square” finds, the first 48 numbers. {outcome}", fontsize=10)
    return show(
        panel,
        "What the last word finds in two captions, as two strips of numbers and their difference. With the words alone "
        "the strips are the same and the difference is blank; with positions added they differ.",
    )


@figure("08.vectors")
def vectors(e: Embedding, outcome: Outcome) -> Picture:
    """The learned vectors of text positions, rows and columns, as heat maps."""
    tables = {"text position": e.text_position.weight, "row": e.row.weight, "column": e.column.weight}
    panel = new_figure(8.8, 4.8)
    axes = panel.subplots(3, 1, gridspec_kw={"height_ratios": [len(table) for table in tables.values()]})
    for ax, (name, table) in zip(axes, tables.items(), strict=True):
        values = table.detach()
        limit = float(values.abs().quantile(0.98))
        ax.imshow(values.numpy(), vmin=-limit, vmax=limit, **SIGNED)
        ax.set_ylabel(name, fontsize=9)
        ax.set_yticks(range(0, len(table), 5 if len(table) > 8 else 1))
        ax.tick_params(labelsize=8)
        ax.set_xticks([] if name != "column" else [0, 32, 64, 96, 127])
    panel.suptitle(f"Vectors for the places of the grid, rows and columns together: {outcome}", fontsize=10)
    return show(
        panel,
        "Three heat maps, one line a learned vector, red above 0 and blue below: text positions, rows and columns.",
    )


@figure("08.slots")
def slots(system: TextToImage, text: Tensor, tokens: Tensor) -> Picture:
    """text (T,), tokens (N,): what each slot is the sum of, as in the paper's Fig. 10; text above, picture below."""
    boxes, t = joined_boxes(system, text, tokens)[:-1], len(text)
    panel = new_figure(9.5, 3.5)
    ax = panel.subplots()
    for top, line in ((0.0, range(t)), (-2.6, range(t, t + 16))):
        for x, slot in enumerate(line):
            box, place = boxes[slot], slot - t
            draw_box(ax, x, top, box)
            if place >= 0:
                _part(ax, x, top - 1, f"row\n{place // COLS}", "#F2C6A0")
                _part(ax, x, top - 2, f"col\n{place % COLS}", "#F7E39C")
            elif box.kind == "pad":
                _part(ax, x, top - 1, f"pad\n{slot}", KINDS["pad"])
            else:
                _part(ax, x, top - 1, f"text\n{slot}", "#BBD7EE")
        ax.text(-0.75, top, "fed", ha="right", va="center", fontsize=9)
        ax.text(-0.75, top - 1, "+" if line[0] else "+ or =", ha="right", va="center", fontsize=9)
    ax.text(-0.75, -4.6, "+", ha="right", va="center", fontsize=9)
    ax.set_xlim(-1.8, 15.6)
    ax.set_ylim(-5.1, 0.6)
    ax.set_axis_off()
    ax.set_title("What each slot is the sum of: the text, then [SEP] and the first 15 image tokens", fontsize=10)
    words, pads = (sum(box.kind == kind for box in boxes) for kind in ("text", "pad"))
    return show(
        panel,
        f"Boxes, a column for each slot. START and {words} words: token + text position. {pads} pads: a vector of "
        "their own and nothing else. [SEP] + row 0 + column 0; each image tile + row + column of the tile after it.",
    )


def _part(ax: Axes, x: float, y: float, words: str, color: str) -> None:
    ax.add_patch(rectangle((x - 0.47, y - 0.42), 0.94, 0.84, facecolor=color, edgecolor="#666666"))
    ax.text(x, y, words, ha="center", va="center", fontsize=8)


@figure("08.still_there")
def still_there(shares: Mapping[str, float], e: Embedding, outcome: Outcome) -> Picture:
    """shares: what a linear map reads -> in what share of unseen slots it is right. In the title, how far from
    perpendicular the tokens' vectors and the places' are."""
    if min(list(shares.values())[:3]) < 0.8:
        raise ValueError("A linear map should read most of them: run the cells of this section again, from the top.")
    with torch.no_grad():
        codes, places = (F.normalize(x, dim=-1) for x in (e.image.weight, e.position_embedding(torch.arange(64))))
        straight = float((codes @ places.mT).abs().mean())
    alt = (
        "Four bars: from the sum of token and place a linear map reads row, column and token nearly always; "
        "the row from the token's vector alone much more rarely."
    )
    title = f"{outcome}\nA token's vector and a place's: |cosine| {straight:.2f} on average"
    values = [100 * share for share in shares.values()]
    return bars(list(shares), values, "right, % of the slots of unseen pictures", title, alt, highlight=[3])


@figure("08.room")
def room(shares: Mapping[int, float], tokens: Tensor) -> Picture:
    """shares: width of random vectors -> in what share of unseen slots the token is read right off their sums; tokens
    (M,): those slots', for what always saying the most frequent one would reach."""
    if shares[128] < 0.95:
        raise ValueError("At 128 the map should read nearly all: run the cells of this section again, from the top.")
    frequent = float((tokens == tokens.mode().values).double().mean())
    labels = [f"random vectors, {width} wide" for width in shares] + ["always the most frequent token"]
    alt = (
        "Bars: from sums of random vectors a linear map reads the token nearly always where they are 128 wide, and "
        "less often the narrower they are; below, what always saying the most frequent token reaches."
    )
    values = [100 * share for share in (*shares.values(), frequent)]
    title = "The token, read off sums in which nothing was learned"
    return bars(labels, values, "right, % of the slots of unseen pictures", title, alt, highlight=[len(shares)])


@figure("08.maps")
def maps(place: tuple[int, int] = (3, 5)) -> Picture:
    """Four maps, A to D: the cosine of one place's vector with that of each place; of sums and of single vectors,
    before training and after."""
    generator = torch.Generator().manual_seed(8)
    row, column = (torch.randn(n, 64, generator=generator) for n in (ROWS, COLS))
    of = {
        "a": (row[:, None] + column).flatten(0, 1),
        "b": kept("places")["row + column"],
        "c": torch.randn(64, 64, generator=generator),
        "d": kept("places")["64 vectors"],
    }
    panel = new_figure(9.5, 2.9)
    for ax, (name, letter) in zip(panel.subplots(1, 4), MAPS.items(), strict=True):
        values = F.normalize(of[letter] - of[letter].mean(dim=0), dim=-1)
        alike = (values @ values[place[0] * COLS + place[1]]).view(ROWS, COLS)
        ax.imshow(alike.numpy(), cmap="cividis", vmin=-0.5, vmax=1.0, interpolation="nearest")
        ax.add_patch(rectangle((place[1] - 0.5, place[0] - 0.5), 1, 1, fill=False, edgecolor=RED, linewidth=2.5))
        ax.set_title(name, fontsize=11, fontweight="bold")
        ax.set_xticks([])
        ax.set_yticks([])
    panel.suptitle(f"How alike each place is to row {place[0]}, column {place[1]} (framed): cosine", fontsize=10)
    return show(
        panel, "Four maps of the grid, A to D: how alike the vector of each place is to that of the framed one."
    )


@figure("08.in_order")
def in_order(models: Mapping[str, Embedding]) -> Picture:
    """models: name -> its embedding. How alike two rows' vectors are on average, and two columns', against how far
    apart they stand. Dashed: unrelated vectors; their mean is subtracted, so R of them have -1 / (R - 1)."""
    panel = new_figure(8.0, 2.8)
    axes = panel.subplots(1, len(models), sharey=True)
    for ax, (name, e) in zip(axes, models.items(), strict=True):
        for table, color, words in ((e.row, BLUE, "rows"), (e.column, ORANGE, "columns")):
            values = table.weight.detach()
            values = F.normalize(values - values.mean(dim=0), dim=-1)
            alike = values @ values.mT
            far = range(1, len(values))
            ax.plot(far, [float(alike.diagonal(n).mean()) for n in far], "o-", color=color, markersize=4, label=words)
        chance = -1 / (len(e.row.weight) - 1)
        ax.axhline(chance, color=GRAY, linewidth=1, linestyle="--", label="unrelated vectors")
        ax.set_title(f"the {name} model", fontsize=9)
        ax.set_xlabel("how far apart", fontsize=8)
        ax.tick_params(labelsize=8)
        ax.grid(alpha=0.25)
        ax.legend(fontsize=8)
    axes[0].set_ylabel("mean cosine", fontsize=8)
    return show(
        panel,
        "The mean cosine of two rows' vectors, and of two columns', against how far apart they stand, for each model; "
        "dashed, what unrelated vectors give.",
    )
