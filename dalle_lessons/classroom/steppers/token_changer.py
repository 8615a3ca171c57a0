"""Lesson 04: choose a cell of a picture, find its token, change it, see which pixels change."""

from __future__ import annotations

import random

import ipywidgets as widgets
from torch import Tensor

from ...datasets.images import to_image
from ...model.dvae import DVAE
from ..figures import draw_tokens, frame, new_figure, rectangle, show
from ..pictures import Picture
from .base import Frame, Stepper, unknown


class TokenChanger(Stepper):
    """Goes through the cells of a picture in raster order: which pixels change if this token becomes another?

    dvae: any. image: (3, H, W) in [0, 1]. The number field sets the token that is put in.
    """

    title = "Change a token"
    strip = 2

    def __init__(self, dvae: DVAE, image: Tensor, put_in: int | None = None):
        self.dvae = dvae
        self.tokens = dvae.encode(image.unsqueeze(0))[0]  # (rows, cols)
        self.rows, self.cols = int(self.tokens.shape[0]), int(self.tokens.shape[1])
        self.length = self.rows * self.cols
        if put_in is None:  # the token of the inkiest patch: it shows against most backgrounds
            side = dvae.config.factor
            darkness = (1 - image).mean(0).unfold(0, side, side).unfold(1, side, side).mean((2, 3))
            put_in = int(self.tokens.flatten()[darkness.flatten().argmax()])
        self.before = dvae.decode(self.tokens[None])[0]
        self.put_in = widgets.BoundedIntText(
            value=put_in,
            min=0,
            max=dvae.config.codes - 1,
            description=f"put in token (0 to {dvae.config.codes - 1:,})",
            style={"description_width": "auto"},
        )
        self.put_in.observe(lambda change: self.changed(), "value")
        super().__init__((self.put_in,))

    def changed(self) -> None:
        self._frames.clear()
        self.show()

    def key_frames(self) -> list[int]:
        return [self.length // 2 + self.cols // 2, self.length - 1][: self.strip]

    def after(self, i: int) -> Tensor:
        """The picture with token i replaced: (3, H, W)."""
        tokens = self.tokens.flatten().clone()
        tokens[i] = self.put_in.value
        return self.dvae.decode(tokens.reshape(1, self.rows, self.cols))[0]

    def frame(self, i: int) -> Frame:
        row, col = divmod(i, self.cols)
        after = self.after(i)
        change = (after - self.before).abs().amax(dim=0)  # (H, W)
        touched = int((change > 0.02).sum())
        text = (
            f"Token {i} in raster order: row {row}, column {col}. It was <b>{int(self.tokens[row, col])}</b>, now it "
            f"is {self.put_in.value}; {touched} of {change.numel()} pixels change visibly."
        )
        wrong = {(col, row), (min(row + 1, self.rows - 1), col), (row, (col + 1) % self.cols)} - {(row, col)}
        options = [(row, col), *sorted(wrong)[:2]]
        random.Random(i).shuffle(options)  # the same at every visit
        return Frame(
            self.picture(i, after, change),
            text,
            question=f"Token number {i} is changed. Where in the grid of {self.cols} columns does it stand?",
            choices=tuple(f"row {r}, column {c}" for r, c in options),
            answer=options.index((row, col)),
            hidden=self.picture(None, self.before, None),
        )

    def picture(self, i: int | None, after: Tensor, change: Tensor | None) -> Picture:
        figure = new_figure(9.6, 2.7)
        axes = figure.subplots(1, 4)
        draw_tokens(axes[0], self.tokens, [] if i is None else [i], self.before)
        frame(axes[1], to_image(self.before))
        for ax, title in zip(axes, ("tokens", "before", "after", "what changes"), strict=True):
            ax.set_title(title, fontsize=9)
        if i is None or change is None:
            for ax in axes[2:]:
                unknown(ax, to_image(self.before).size)
            return show(figure, "The grid of tokens and the picture that they draw.")
        frame(axes[2], to_image(after))
        axes[3].imshow(change.numpy(), cmap="cividis", vmin=0, vmax=1, interpolation="nearest")
        axes[3].set_xticks([])
        axes[3].set_yticks([])
        side = self.dvae.config.factor
        row, col = divmod(i, self.cols)
        for ax in axes[1:]:
            box = rectangle(
                (col * side - 0.5, row * side - 0.5), side, side, fill=False, edgecolor="#D55E00", linewidth=1.5
            )
            ax.add_patch(box)
        return show(
            figure, f"Token {i} is replaced: the picture before, after, and the pixels that change, around its cell."
        )
