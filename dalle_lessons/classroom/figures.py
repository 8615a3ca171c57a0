"""Figures for the lessons: pictures, token grids, sequences, curves, bars, matrices, each with its alternative text.

Colors are those of Okabe and Ito, which color-blind readers can tell apart; lines differ in their dashes too, and
pixels are enlarged without smoothing. Every function returns a `Picture`, which a notebook shows as a cell's last line.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..datasets.images import to_image
from .pictures import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, GRAY = PALETTE = (
    *("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442"),
    "#8C8C8C",
)
KINDS = {"start": PURPLE, "text": SKY, "pad": "#DDDDDD", "sep": ORANGE, "image": "#7FC8A9", "hidden": "#F4F4F4"}
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v")
DPI = 100
ALSO_SVG = False  # whether figures are drawn as SVG too: `dalle-lessons teach figures --svg` sets it


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches, outside of pyplot: nothing shows twice, nothing is kept."""
    # That its folder cannot be written, or that it counts the fonts, would stand in a lesson's output.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=DPI, layout="constrained")


def show(figure: Figure, alt: str) -> Picture:
    """A matplotlib figure as a Picture. alt: what a reader must know who cannot see it."""
    if not alt.strip():
        raise ValueError("A figure needs an alternative text: say in a sentence what it shows.")
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    # The same bytes as by savefig, which draws twice.
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return Picture(buffer.getvalue(), alt, as_svg(figure) if ALSO_SVG else None)


def as_svg(figure: Figure) -> str:
    """A matplotlib figure as SVG, the same text each time; letters are outlines, so that it needs no font."""
    from matplotlib import rc_context

    buffer = io.BytesIO()
    with rc_context({"svg.hashsalt": "lessons"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue().decode()


def as_images(images: Tensor | Sequence) -> list[Image.Image]:
    """A tensor (N, 3, H, W), float in [0, 1] or uint8, or a list of such pictures or PIL images -> PIL images."""
    return [image if isinstance(image, Image.Image) else to_image(image) for image in images]


def image_grid(
    images: Tensor | Sequence,
    titles: Sequence[str] | None = None,
    cols: int | None = None,
    title: str | None = None,
    alt: str | None = None,
    side: float = 1.25,
) -> Picture:
    """Pictures in lines of `cols`, each with its title, which is the alternative text too; `side`: inches of one."""
    pictures = as_images(images)
    if not pictures:
        raise ValueError("There is no picture to show.")
    titles = [""] * len(pictures) if titles is None else list(titles)
    cols = cols or min(8, len(pictures))
    rows = -(-len(pictures) // cols)
    lines = max(text.count("\n") + 1 if text else 0 for text in titles)
    figure = new_figure(cols * side, rows * (side + 0.17 * lines) + (0.3 if title else 0))
    axes = np.atleast_1d(figure.subplots(rows, cols)).flatten()
    for ax in axes:
        ax.set_axis_off()
    for ax, picture, text in zip(axes, pictures, titles, strict=False):
        frame(ax, picture)
        ax.set_title(text, fontsize=8, pad=3)
    if title:
        figure.suptitle(title, fontsize=10)
    if alt is None:
        named = "; ".join(text.replace("\n", " ") for text in titles if text)
        alt = f"{len(pictures)} pictures" + (f": {named}." if named else ".")
    return show(figure, alt)


def frame(ax: Axes, picture: Image.Image) -> None:
    """One picture on an axis, its pixels as squares, with a thin border."""
    ax.set_axis_on()
    ax.imshow(np.asarray(picture), interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])
    for side in ax.spines.values():
        side.set_color("#BBBBBB")


def token_grid(
    tokens: Tensor,
    title: str | None = None,
    alt: str | None = None,
    highlight: Sequence[int] = (),
    image: Tensor | Image.Image | None = None,
    side: float = 3.2,
) -> Picture:
    """A grid of tokens (rows, cols), each cell with its number; with `image`, the picture lies below the numbers.

    highlight: raster indices of cells to frame.
    """
    figure = new_figure(side, side * tokens.shape[0] / tokens.shape[1] + (0.3 if title else 0))
    ax = figure.subplots()
    draw_tokens(ax, tokens, highlight, image)
    if title:
        ax.set_title(title, fontsize=10)
    return show(figure, alt or f"A grid of {tokens.shape[0]} rows and {tokens.shape[1]} columns of token numbers.")


def draw_tokens(ax: Axes, tokens: Tensor, highlight: Sequence[int] = (), image=None, blank: int | None = None) -> None:
    """The same on an axis that is there already. blank: a token that is not written out."""
    rows, cols = tokens.shape
    extent = (-0.5, cols - 0.5, rows - 0.5, -0.5)
    if image is None:
        ax.imshow(np.ones((rows, cols, 3)), extent=extent)
    else:
        ax.imshow(np.asarray(as_images([image])[0]), extent=extent, interpolation="nearest", alpha=0.45)
    for line in range(rows + 1):
        ax.axhline(line - 0.5, color="#BBBBBB", linewidth=0.6)
    for line in range(cols + 1):
        ax.axvline(line - 0.5, color="#BBBBBB", linewidth=0.6)
    for i, token in enumerate(tokens.flatten().tolist()):
        if token == blank:
            continue
        ax.text(i % cols, i // cols, str(token), ha="center", va="center", fontsize=48 / max(cols, 6))
    for i in highlight:
        corner = (i % cols - 0.5, i // cols - 0.5)
        ax.add_patch(rectangle(corner, 1, 1, fill=False, edgecolor=RED, linewidth=2.5))
    ax.set_xticks([])
    ax.set_yticks([])


def rectangle(corner: tuple[float, float], width: float, height: float, **options):
    from matplotlib.patches import Rectangle

    return Rectangle(corner, width, height, **options)


def sequence(
    rows: Sequence[Sequence[tuple[str, str]]],
    names: Sequence[str] | None = None,
    title: str | None = None,
    alt: str | None = None,
    per_line: int = 16,
) -> Picture:
    """Rows of boxes, one a token: each a (label, kind), the kinds being those of KINDS. Long rows are wrapped.

    Rows that belong together (what is fed, what is predicted) stand below each other; `names` says what each is.
    """
    length = max(len(row) for row in rows)
    lines = -(-length // per_line)
    height = 0.34 * lines * (len(rows) + 0.35) + (0.35 if title else 0.05)
    figure = new_figure(9.5, height)
    ax = figure.subplots()
    ax.set_axis_off()
    left = -0.5 if names is None else -2.2
    for line in range(lines):
        for r, row in enumerate(rows):
            y = -(line * (len(rows) + 0.35) + r)
            if names is not None:
                ax.text(left, y, names[r], ha="left", va="center", fontsize=8, color="#444444")
            for x, (label, kind) in enumerate(row[line * per_line : (line + 1) * per_line]):
                ax.add_patch(rectangle((x - 0.47, y - 0.42), 0.94, 0.84, facecolor=KINDS[kind], edgecolor="#666666"))
                ax.text(x, y, label, ha="center", va="center", fontsize=7 if len(label) > 6 else 8)
    ax.set_xlim(left - 0.1, per_line - 0.4)
    ax.set_ylim(-(lines * (len(rows) + 0.35)) + 0.5, 0.6)
    if title:
        ax.set_title(title, fontsize=10)
    if alt is None:
        spoken = (" ".join(label.replace("\n", " ") for label, _ in row) for row in rows)
        alt = "; ".join(f"{n}: {s}" for n, s in zip(names or ["Tokens"] * len(rows), spoken, strict=True)) + "."
    return show(figure, alt)


def curves(
    lines: dict[str, tuple[Sequence[float], Sequence[float]]],
    xlabel: str,
    ylabel: str,
    title: str | None = None,
    alt: str | None = None,
    log_y: bool = False,
    levels: dict[str, float] | None = None,
    size: tuple[float, float] = (6.0, 3.0),
) -> Picture:
    """Lines by name: (x values, y values); they differ in color, dashes and marker. levels: horizontal lines."""
    figure = new_figure(*size)
    ax = figure.subplots()
    for i, (name, (x, y)) in enumerate(lines.items()):
        color, dash = PALETTE[i % len(PALETTE)], DASHES[i % len(DASHES)]
        marker = MARKERS[i % len(MARKERS)] if len(x) <= 40 else None
        ax.plot(list(x), list(y), color=color, linestyle=dash, marker=marker, markersize=4, label=name)
    for name, level in (levels or {}).items():
        ax.axhline(level, color=GRAY, linewidth=1)
        ax.annotate(
            name,
            (1, level),
            xycoords=("axes fraction", "data"),
            xytext=(-4, 2),
            textcoords="offset points",
            ha="right",
            fontsize=8,
        )
        ax.margins(y=0.12)  # room for the name, should the level be the highest of all
    if log_y:
        ax.set_yscale("log")
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.grid(alpha=0.25)
    if len(lines) > 1:
        ax.legend(fontsize=8)
    if title:
        ax.set_title(title, fontsize=10)
    return show(figure, alt or f"{ylabel} against {xlabel}: {', '.join(lines)}.")


def bars(
    labels: Sequence[str],
    values: Sequence[float],
    xlabel: str = "",
    title: str | None = None,
    alt: str | None = None,
    highlight: Sequence[int] = (),
) -> Picture:
    """Horizontal bars, the first on top, each with its value; `highlight`: which ones stand out."""
    figure = new_figure(6.0, 0.27 * len(labels) + (0.9 if title else 0.6))
    ax = figure.subplots()
    places = range(len(labels))
    colors = [ORANGE if i in highlight else BLUE for i in places]
    drawn = ax.barh(list(places), [float(value) for value in values], color=colors)
    ax.bar_label(drawn, fmt=lambda v: f"{v:,.0f}" if v >= 100 else f"{v:.3g}", fontsize=8, padding=3)
    ax.set_yticks(list(places), list(labels), fontsize=8)
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.set_xlabel(xlabel)
    if title:
        ax.set_title(title, fontsize=10)
    return show(figure, alt or f"Bars: {', '.join(labels)}.")


def matrix(
    values: Tensor,
    rows: Sequence[str] | None = None,
    cols: Sequence[str] | None = None,
    title: str | None = None,
    alt: str | None = None,
    numbers: bool = False,
    side: float = 4.0,
    limits: tuple[float, float] | None = None,
) -> Picture:
    """A matrix (R, C) as shades of one color scale that holds in gray too; bool and float alike."""
    figure = new_figure(side, side * values.shape[0] / values.shape[1] + (0.7 if cols else 0.3))
    ax = figure.subplots()
    shown = ax.imshow(torch.as_tensor(values).float().numpy(), cmap="cividis", aspect="auto", interpolation="nearest")
    if limits:
        shown.set_clim(*limits)
    slant = {"rotation": 60, "ha": "right"} if max(map(len, cols or [""])) > 3 else {}  # short labels stand upright
    ax.set_xticks(range(values.shape[1]) if cols else [], list(cols or []), fontsize=7, **slant)
    ax.set_yticks(range(values.shape[0]) if rows else [], list(rows or []), fontsize=7)
    if numbers:
        low, high = shown.get_clim()
        for r, line in enumerate(values.tolist()):
            for c, value in enumerate(line):
                color = "white" if value < (low + high) / 2 else "black"
                ax.text(c, r, f"{value:.2g}", ha="center", va="center", fontsize=7, color=color)
    if title:
        ax.set_title(title, fontsize=10)
    return show(figure, alt or f"A matrix of {values.shape[0]} rows and {values.shape[1]} columns.")
