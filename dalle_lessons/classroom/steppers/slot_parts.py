"""Lesson 08: what a slot of the joined sequence is made of: its parts, and their sum."""

from __future__ import annotations

import numpy as np
import torch

from ...model.embedding import Embedding
from ...model.tokenizer import TextTokenizer
from ..figures import new_figure, show
from .base import Frame, Stepper

SHOWN = 24  # numbers of each vector that are shown
KINDS = ("token + text position", "a pad's own vector", "separator + row 0 + column 0", "token + row + column")


class SlotParts(Stepper):
    """One slot after another: guess of which vectors it is the sum, then see them.

    embedding: of a DALL·E. text (1, T), image_tokens (1, N) int64: one sequence; its last token is not fed.
    """

    title = "What a slot is made of"
    strip = 3

    def __init__(self, embedding: Embedding, tokenizer: TextTokenizer, text: torch.Tensor, image_tokens: torch.Tensor):
        self.embedding, self.tokenizer = embedding, tokenizer
        self.text, self.image = text, image_tokens
        with torch.no_grad():
            self.whole = embedding(text, image_tokens[:, :-1])[0]  # (T + N, C)
        words = int((text[0] != embedding.pad_id).sum())
        t, n = text.shape[1], image_tokens.shape[1]
        # some words, some pads, the separator, and image slots on both sides of a line's end
        image = [t, t + 1, t + 2, t + embedding.cols - 1, t + embedding.cols, t + n // 2, t + n - 1]
        self.slots = sorted({0, 1, 2, words - 1, words, t - 1, *image} & set(range(t + n)))
        self.length = len(self.slots)
        super().__init__()

    @torch.no_grad()
    def parts(self, slot: int) -> tuple[int, dict[str, torch.Tensor]]:
        """Which of KINDS a slot is, and its parts by name, each (C,); their sum is the slot's vector."""
        e, t = self.embedding, self.text.shape[1]
        if slot < t:
            token = int(self.text[0, slot])
            if token == e.pad_id:
                return 1, {f"pad {slot}": e.pad.weight[slot]}
            said = self.tokenizer.tokenizer.id_to_token(token)
            return 0, {f"token “{said}”": e.text.weight[token], f"text position {slot}": e.text_position.weight[slot]}
        place = slot - t  # the image token that this slot predicts
        row, col = place // e.cols, place % e.cols
        where = {f"row {row}": e.row.weight[row], f"column {col}": e.column.weight[col]}
        if place == 0:
            return 2, {"separator": e.separator, **where}
        return 3, {
            f"image token {int(self.image[0, place - 1])}": e.image.weight[int(self.image[0, place - 1])],
            **where,
        }

    def frame(self, i: int) -> Frame:
        slot = self.slots[i]
        kind, parts = self.parts(slot)
        text = f"Slot {slot} is {' + '.join(parts)}."
        if kind >= 2:
            place = slot - self.text.shape[1]
            text += f" It stands at the place of the token that it predicts: image token {place}."
        return Frame(
            self.picture(slot, parts),
            text,
            question=f"Slot {slot} of {len(self.whole)}: of what is it the sum?",
            choices=KINDS,
            answer=kind,
            hidden=self.picture(slot, None),
        )

    def picture(self, slot: int, parts: dict[str, torch.Tensor] | None):
        """The first numbers of each part, and of the sum, as one line of shades each."""
        names = [*(parts or {}), f"slot {slot}"]
        lines = [*(parts or {}).values(), self.whole[slot]]
        figure = new_figure(8.0, 0.5 + 0.42 * len(lines))
        ax = figure.subplots()
        values = np.stack([line[:SHOWN].detach().numpy() for line in lines])
        limit = float(self.whole[:, :SHOWN].abs().quantile(0.98))
        ax.imshow(values, cmap="cividis", vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
        ax.set_yticks(range(len(names)), [f"{'=' if n == len(names) - 1 else '+'} {s}" for n, s in enumerate(names)])
        ax.tick_params(axis="y", labelsize=9)
        ax.set_xticks([])
        for line in range(1, len(names)):
            ax.axhline(line - 0.5, color="white", linewidth=4)
        ax.set_title(f"the first {SHOWN} of {self.whole.shape[1]} numbers", fontsize=9)
        said = f"its parts {', '.join(names[:-1])}" if parts else "its parts still hidden"
        return show(figure, f"The vector of slot {slot} as shades, with {said}.")
