"""Lesson 17: one setting changes at a time: how many of the nine pictures come again?"""

from __future__ import annotations

import torch

from ...pipeline.drawing import Drawings
from ...pipeline.text_to_image import TextToImage
from ..figures import ORANGE, frame, new_figure, rectangle, show
from .base import Frame, Stepper

CHOICES = ("all nine", "some", "none")
START = {"candidates": 32, "seed": 0, "temperature": 1.0, "guidance": 0.0}
ALIKE = "The dice fall as before, but the chances have changed, so a token here and there falls otherwise. "


class OneChange(Stepper):
    """Nine drawings of a caption beside nine with one thing changed; guess how many come again, then see.

    system: the models. caption, other: two captions, which differ in one word, say.
    """

    title = "What comes again?"

    def __init__(self, system: TextToImage, caption: str, other: str):
        self.system, self.caption = system, caption
        self.changes = (  # what is changed; its new value; why it came so
            ("nothing", {}, "A seed makes the dice fall the same way again: nothing else was left to chance."),
            ("candidates 32 → 64", {"candidates": 64}, "The first 32 are the same; a better newcomer takes a place."),
            ("temperature 1 → 0.9", {"temperature": 0.9}, ALIKE + "Those that changed are often still alike."),
            (
                "seed 0 → 1",
                {"seed": 1},
                "All dice are thrown anew. A picture comes again only where the model is nearly certain.",
            ),
            ("guidance 0 → 1", {"guidance": 1.0}, ALIKE + "The caption weighs more than before."),
            (
                f"caption → {other}",
                {"caption": other},
                "The dice are the same, but every chance depends on the caption.",
            ),
        )
        self.length = len(self.changes)
        self.before = self.draw({})
        super().__init__()

    def draw(self, change: dict) -> Drawings:
        return self.system.draw(images=9, **{"caption": self.caption, **START, **change})

    def frame(self, i: int) -> Frame:
        name, change, why = self.changes[i]
        after = self.draw(change)
        again = come_again(self.before, after)
        answer = 0 if len(again) == len(after) else 1 if again else 2
        return Frame(
            self.picture(name, after, again),
            f"{len(again)} of the nine come again (framed). {why}",
            question=f"Change: {name}. How many of the nine pictures come again?",
            choices=CHOICES,
            answer=answer,
            hidden=self.picture(name, None, []),
        )

    def picture(self, name: str, after: Drawings | None, again: list[int]):
        figure = new_figure(7.6, 3.9)
        left, right = figure.subplots(1, 2)
        frame(left, self.before.grid(times=1))
        left.set_title(f"before: {self.caption}", fontsize=9)
        right.set_title(f"after: {name}", fontsize=9)
        if after is None:
            right.text(0.5, 0.5, "?", fontsize=32, ha="center", va="center")
            right.set_xticks([])
            right.set_yticks([])
            right.set_box_aspect(1)
            return show(figure, f"Nine drawings of: {self.caption}. Beside them a question mark. Change: {name}.")
        frame(right, after.grid(times=1))
        step, side = after[0].image.width + 8, after[0].image.width + 3  # the grid's gaps are 8 pixels wide
        for n in again:
            corner = (8 + n % 3 * step - 2, 8 + n // 3 * step - 2)
            right.add_patch(rectangle(corner, side, side, fill=False, edgecolor=ORANGE, linewidth=3))
        return show(figure, f"Nine drawings before and nine after the change: {name}; {len(again)} come again, framed.")


def come_again(before: Drawings, after: Drawings) -> list[int]:
    """Which of `after` are, token by token, one of `before`."""
    return [n for n, drawing in enumerate(after) if any(torch.equal(drawing.tokens, old.tokens) for old in before)]
