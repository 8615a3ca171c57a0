"""The two lines of lesson 06: one pass trains all slots; drawing takes one pass for each token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..figures import BLUE, ORANGE, new_figure, show
from ..guesses import Outcome
from ..joined import Box, draw_box
from ..pictures import Picture
from . import figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

START = (Box("START", "start"), *(Box(word, "text") for word in ("a", "red", "circle")), Box("PAD …", "pad"))
SEP = Box("[SEP]", "sep")
FIRST = len(START)  # the column of [SEP]; image token 1 stands in the next


def _image(n: int) -> Box:
    return Box(f"image {n}", "image")


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], color: str, style: str = "-") -> None:
    look = {"arrowstyle": "-|>", "color": color, "linewidth": 1.3, "linestyle": style, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", end, start, arrowprops=look)


def _draw_training(ax: Axes, top: float, last: int) -> None:
    """Fed below, targets above: an arrow from each slot to its own."""
    fed = [*START, SEP, *(_image(n) for n in (1, 2, 3)), None, _image(last - 1)]
    targets = [*START[1:-1], Box("PAD", "pad"), SEP, *(_image(n) for n in (1, 2, 3, 4)), None, _image(last)]
    for x, (box, target) in enumerate(zip(fed, targets, strict=True)):
        if box is None or target is None:
            for y in (top, top - 1.5):
                ax.text(x, y, "…", ha="center", va="center", fontsize=12)
            continue
        counts = target.kind in ("text", "image")
        draw_box(ax, x, top, target, faint=not counts)
        draw_box(ax, x, top - 1.5, box)
        _arrow(ax, (x, top - 1.06), (x, top - 0.46), BLUE if counts else "#AAAAAA")
    ax.text(-0.7, top, "target", ha="right", va="center", fontsize=9, color="#444444")
    ax.text(-0.7, top - 1.5, "fed (all true)", ha="right", va="center", fontsize=9, color="#444444")


def _draw_inference(ax: Axes, top: float, last: int) -> None:
    """One line a pass: what is fed, the token that is sampled, and its way back into what is fed."""
    for n in (1, 2, 3):
        y = top - 1.35 * (n - 1)
        for x, box in enumerate((*START, SEP, *(_image(i) for i in range(1, n)))):
            draw_box(ax, x, y, box)
        x = FIRST + n - 1  # the last slot that is fed
        _draw_sampled(ax, x, y, n)
        _arrow(ax, (x + 1.55, y - 0.44), (x + 1.2, y - 0.91), ORANGE, "--")
        if n == 1:
            ax.text(x + 2.2, y, "sampled", va="center", fontsize=9, color=BLUE)
            ax.text(x + 1.6, y - 0.68, "fed back", va="center", fontsize=9, color="#9A6A00")
        ax.text(-0.7, y, f"pass {n}", ha="right", va="center", fontsize=9, color="#444444")
    y = top - 1.35 * 3
    ax.text(-0.7, y, f"… pass {last}", ha="right", va="center", fontsize=9, color="#444444")
    for x, box in enumerate((*START, SEP, *(_image(i) for i in (1, 2, 3)))):
        draw_box(ax, x, y, box)
    ax.text(FIRST + 4, y, "…", ha="center", va="center", fontsize=12)
    draw_box(ax, FIRST + 5, y, _image(last - 1))
    _draw_sampled(ax, FIRST + 5, y, last)


def _draw_sampled(ax: Axes, x: float, y: float, n: int) -> None:
    """The image token that the last slot, at x, gives."""
    _arrow(ax, (x + 0.48, y), (x + 1.08, y), BLUE)
    draw_box(ax, x + 1.6, y, _image(n))


@figure("06.two_lines")
def two_lines(training: int, drawing: int, outcome: Outcome) -> Picture:
    """How often the model was asked for the image tokens of one picture, in training and in drawing, above a sketch of
    both lines."""
    sheet = new_figure(9.2, 4.9)
    ax = sheet.subplots()
    ax.text(-2.3, 1.0, f"Training: {training} pass", fontsize=10, weight="bold", va="center")
    _draw_training(ax, 0, drawing)
    ax.text(-2.3, -2.9, f"Inference: {drawing} passes, one for each token", fontsize=10, weight="bold", va="center")
    _draw_inference(ax, -3.9, drawing)
    ax.set_axis_off()
    ax.set_xlim(-2.4, 12.3)
    ax.set_ylim(-8.6, 1.5)
    ax.set_title(f"Passes for the {drawing} image tokens of one picture. {outcome}", fontsize=10)
    alt = (
        "Above, training: the whole true sequence is fed, and an arrow leads from each slot to its target, all in one "
        "pass. Below, inference: START to [SEP] is fed, one image token is sampled and fed back, a pass for each token."
    )
    return show(sheet, alt)
