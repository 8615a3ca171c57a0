"""Lesson 06: the window moves over the joined sequence: what may the model see, and what must it say next?"""

from __future__ import annotations

import random

from ..figures import sequence
from .base import Frame, Stepper

NAMES = {
    "text": "a text token",
    "pad": "a pad (no loss)",
    "sep": "nothing: [SEP] comes next",
    "image": "an image token",
}


class Window(Stepper):
    """Goes through the slots of a joined sequence, some of them chosen: all tokens up to the slot are seen, the rest is
    hidden, and the model must say the next one.

    boxes: (label, kind) of the whole sequence, the kinds being those of `figures.KINDS`.
    """

    title = "The window moves"

    def __init__(self, boxes: list[tuple[str, str]], steps: int = 12, seed: int = 0):
        self.boxes = boxes
        slots = list(range(len(boxes) - 1))
        changes = [i for i in slots if boxes[i][1] != boxes[i + 1][1]]  # where one kind ends: these teach most
        others = [i for i in slots if i not in changes]
        random.Random(seed).shuffle(others)
        self.slots = sorted({*changes, *others[: max(0, steps - len(changes))]})
        self.length = len(self.slots)
        super().__init__()

    def frame(self, i: int) -> Frame:
        slot = self.slots[i]
        label, kind = self.boxes[slot + 1]
        options = list(NAMES)
        return Frame(
            self.picture(slot, open_next=True),
            f"Slot {slot} sees {slot + 1} tokens and must say <b>{label}</b>: {NAMES[kind]}.",
            question=f"Slot {slot} sees all that is not gray. What must it say next?",
            choices=tuple(NAMES.values()),
            answer=options.index(kind),
            hidden=self.picture(slot, open_next=False),
        )

    def picture(self, slot: int, open_next: bool):
        seen = self.boxes[: slot + 1 + open_next]
        rest = [("", "hidden")] * (len(self.boxes) - len(seen))
        words = " ".join(label for label, _ in seen[-4:])
        return sequence([seen + rest], alt=f"{len(seen)} of {len(self.boxes)} tokens are open; the last ones: {words}.")
