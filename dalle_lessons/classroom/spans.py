"""Text cut in pieces, the pieces colored inside the text, as tokenizer viewers show them.

A space belongs to the piece that it begins and is written as ␣. What is no whole character, one byte of several, or has
no sign in the font, is written as its bytes, two hexadecimal digits each.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import TYPE_CHECKING

from .figures import RED, new_figure, rectangle, show
from .pictures import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TINTS = ("#CFE4F5", "#FBE3B0", "#CDEBDD", "#F3D6E4")  # light, so that black letters stand out; they mean nothing
MARKED = "#F4B183"
SPACE = "␣"
FONT = "DejaVu Sans Mono"  # comes with matplotlib
WIDE = 0.602  # of a letter of this font, in units of its size
LAST_IN_FONT = 0x2E7F  # Chinese and emoji come later, and have no sign in it


def written(piece: bytes) -> str:
    """A piece as it is drawn: b" caf" -> "␣caf", b"\\xc3" -> "⟨c3⟩"."""
    try:
        text = piece.decode()
    except UnicodeDecodeError:
        return f"⟨{piece.hex(' ')}⟩"
    drawable = all(sign.isprintable() and ord(sign) <= LAST_IN_FONT for sign in text)
    return text.replace(" ", SPACE) if drawable else f"⟨{piece.hex(' ')}⟩"


def draw_spans(
    ax: Axes,
    corner: tuple[float, float],
    pieces: Sequence[bytes],
    right: float,
    size: float = 11,
    framed: Set[int] = frozenset(),
    marked: Set[int] = frozenset(),
) -> float:
    """Draw pieces from `corner` (left, top) on, wrapped at `right`, on axes whose units are points -> the bottom.

    framed, marked: indices of pieces with a red frame, or on another ground.
    """
    (left, top), high, wide = corner, 1.55 * size, WIDE * size
    x = left
    for i, piece in enumerate(pieces):
        text = written(piece)
        width = wide * len(text)
        if x > left and x + width > right:
            x, top = left, top + high + 0.25 * size
        color = MARKED if i in marked else TINTS[i % len(TINTS)]
        edge = {"edgecolor": RED, "linewidth": 1.8, "zorder": 3} if i in framed else {"linewidth": 0}
        ax.add_patch(rectangle((x + 0.4, top), width - 0.8, high, facecolor=color, **edge))
        ax.text(x, top + 0.5 * high, text, fontfamily=FONT, fontsize=size, va="center", parse_math=False, zorder=4)
        x += width
    return top + high


def points_axes(width: float, height: float):
    """A figure of so many inches -> (figure, axes over all of it, in points, the origin at the top left)."""
    figure = new_figure(width, height)
    figure.set_layout_engine("none")  # all places are given
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    ax.set_xlim(0, 72 * width)
    ax.set_ylim(72 * height, 0)
    return figure, ax


def lines_needed(pieces: Sequence[bytes], room: float, size: float = 11) -> int:
    """In how many lines `draw_spans` writes the pieces, in so many points."""
    lines, x = 1, 0.0
    for piece in pieces:
        width = WIDE * size * len(written(piece))
        if x > 0 and x + width > room:
            lines, x = lines + 1, 0.0
        x += width
    return lines


def span_rows(
    rows: Sequence[tuple[str, Sequence[bytes], str]],
    alt: str,
    title: str = "",
    marked: Sequence[Set[int]] = (),
    width: float = 8.6,
    label: float = 120,
    note: float = 90,
) -> Picture:
    """Rows of (what it is, pieces, a note at the right): one text in several cuts, or several texts.

    marked: of each row the indices of pieces on another ground. label, note: the widths left for these, in points.
    """
    left, right = label + 8, 72 * width - note
    lines = [lines_needed(pieces, right - left) for _, pieces, _ in rows]
    height = sum(20 * n + 8 for n in lines) + (30 if title else 8)
    figure, ax = points_axes(width, height / 72)
    top = 30.0 if title else 6.0
    if title:
        ax.text(8, 15, title, fontsize=10, va="center", fontweight="bold", parse_math=False)
    for r, (what, pieces, said) in enumerate(rows):
        ax.text(8, top + 8.5, what, fontsize=9, va="center", color="#333333", parse_math=False)
        draw_spans(ax, (left, top), pieces, right, marked=marked[r] if marked else frozenset())
        ax.text(right + 8, top + 8.5, said, fontsize=9, va="center", color="#333333", parse_math=False)
        top += 20 * lines[r] + 8
    return show(figure, alt)


def spoken(pieces: Sequence[bytes]) -> str:
    """Pieces in a line of text, for an alternative text: "␣a | ␣cat"."""
    return " | ".join(written(piece) for piece in pieces)
