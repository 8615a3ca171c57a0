"""Lesson 06: slot after slot of the joined sequence: what is fed, what is the target, and does it count?"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import numpy as np

from ..figures import KINDS, RED, new_figure, rectangle, show
from ..joined import Box, draw_box
from ..pictures import Picture
from .base import Frame, Stepper

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# kind of the target -> the choice; in this order they are offered
ANSWERS = {
    "text": "a word; it counts",
    "pad": "PAD; it does not count",
    "sep": "[SEP]; it does not count",
    "image": "an image token; it counts",
}


class Window(Stepper):
    """Slots of the joined sequence of one pair, those where the kind changes among them: all tokens up to the slot are
    open, the rest is hidden, and the reader says what the target is and whether it counts.

    boxes: see `joined`. cols: image tokens in a line of the grid.
    """

    title = "Slot by slot"

    def __init__(self, boxes: list[Box], cols: int):
        self.boxes, self.cols = boxes, cols
        self.text_length = [box.kind for box in boxes].index("sep")
        words = sum(box.kind == "text" for box in self.boxes)
        sep = self.text_length
        # the first word, the end of the words, one pad, the last text slot, [SEP], the end of a line, the last
        chosen = (0, words - 1, words, words + 1, sep - 1, sep, sep + self.cols, len(self.boxes) - 2)
        self.slots = sorted({slot for slot in chosen if 0 <= slot < len(self.boxes) - 1})
        self.length = len(self.slots)
        super().__init__()

    def frame(self, i: int) -> Frame:
        slot = self.slots[i]
        fed, target = self.boxes[slot], self.boxes[slot + 1]
        counted = sum(box.kind in ("text", "image") for box in self.boxes[1 : slot + 2])
        name = "an image token" if target.kind == "image" else f"“{html.escape(target.label.strip())}”"
        return Frame(
            self.picture(slot, is_open=True),
            f"Slot {slot}: fed <b>{self._name(fed)}</b>, target <b>{self._name(target)}</b>.",
            question=f"Slot {slot} is fed {self._name(fed)} (framed), and has seen all that is open. Its target?",
            choices=tuple(ANSWERS.values()),
            answer=list(ANSWERS).index(target.kind),
            because=(f"The next token is {name}. Up to here {counted} of {slot + 1} targets count."),
            hidden=self.picture(slot, is_open=False),
        )

    def _name(self, box: Box) -> str:
        return f"image token {box.label}" if box.kind == "image" else html.escape(box.label.strip())

    def picture(self, slot: int, is_open: bool) -> Picture:
        """The text on the left, the image tokens in their grid on the right; the slot is framed, an open target too."""
        per_line, seen = 7, slot + 1 + is_open
        figure = new_figure(8.6, 2.9)
        left, right = figure.subplots(1, 2, width_ratios=(7.6, 4.4))
        framed = {slot: RED, slot + 1: "black"} if is_open else {slot: RED}
        for place, box in enumerate(self.boxes[: self.text_length + 1]):
            x, y = place % per_line, -(place // per_line)
            draw_box(left, x, y, box if place < seen else None)
            _frame(left, (x - 0.47, y - 0.42), (0.94, 0.84), framed.get(place))
        lines = -(-(self.text_length + 1) // per_line)
        left.set_axis_off()
        left.set_xlim(-0.6, per_line - 0.4)
        left.set_ylim(0.4 - lines, 0.6)
        left.set_title("text slots and [SEP]; framed red: fed, black: target", fontsize=9)
        tiles = [np.asarray(box.tile) for box in self.boxes[self.text_length + 1 :]]
        rows = [np.hstack(tiles[i : i + self.cols]) for i in range(0, len(tiles), self.cols)]
        right.imshow(np.vstack(rows), extent=(0, self.cols, len(rows), 0), interpolation="nearest")
        for i in range(len(tiles)):
            corner, place = (i % self.cols, i // self.cols), i + self.text_length + 1
            look = {"facecolor": KINDS["hidden"]} if place >= seen else {"fill": False}
            right.add_patch(rectangle(corner, 1, 1, edgecolor="#888888", linewidth=0.6, **look))
        for place, color in framed.items():
            i = place - self.text_length - 1
            _frame(right, (i % self.cols, i // self.cols), (1, 1), color if i >= 0 else None)
        right.set_xlim(-0.1, self.cols + 0.1)
        right.set_ylim(len(rows) + 0.1, -0.1)
        right.set_axis_off()
        right.set_title("image tokens, in raster order", fontsize=9)
        last = " ".join(box.label.strip() for box in self.boxes[max(0, seen - 4) : seen])
        return show(figure, f"{seen} of {len(self.boxes)} tokens are open; the last ones: {last}.")


def _frame(ax: Axes, corner: tuple[float, float], size: tuple[float, float], color: str | None) -> None:
    if color:
        ax.add_patch(rectangle(corner, *size, fill=False, edgecolor=color, linewidth=3, zorder=3))
