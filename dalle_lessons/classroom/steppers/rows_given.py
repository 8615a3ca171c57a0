"""Lesson 13: the first rows of a picture are given, one more at each step, and the model draws the rest."""

from __future__ import annotations

import ipywidgets as widgets
import torch
from PIL import Image

from ...datasets.images import on_white_square, to_tensor
from ...pipeline.text_to_image import TextToImage
from ..figures import frame, new_figure, show
from .base import Frame, Stepper

SHOWN = 4  # completions beside the given rows


class RowsGiven(Stepper):
    """Before each step: will CLIP find the thing in the completion? Then the given rows, and what the model makes of
    them.

    system: the models, a CLIP among them. image: PIL, the picture whose upper rows are given. caption: what the model
    is told. names: captions among which CLIP chooses; the first is the right one.
    """

    title = "How many rows must be given?"
    strip = 3

    def __init__(self, system: TextToImage, image: Image.Image, caption: str, names: list[str], candidates: int = 32):
        if system.clip is None:
            raise ValueError("This stepper asks CLIP what it sees: give a system that has one.")
        if len(names) < 2:
            raise ValueError("Give the right name and at least one other, or there is nothing to choose.")
        self.system, self.clip, self.caption = system, system.clip, caption
        self.names, self.candidates = names, candidates
        self.image = on_white_square(image, system.dalle.config.rows * system.dvae.config.factor)
        self.length = system.dalle.config.rows
        self.seed = widgets.BoundedIntText(value=0, min=0, max=10**6, description="seed", layout={"width": "160px"})
        self.seed.observe(lambda change: self.renew(keep=True), "value")
        super().__init__((self.seed,), seconds=2.0)

    def share_named(self, pictures: list[Image.Image]) -> float:
        """The share of pictures in which CLIP prefers the right name to all others."""
        images = torch.stack([to_tensor(picture) for picture in pictures]).float() / 255  # (n, 3, H, W)
        scores = torch.stack([self.clip.score(images, [name] * len(images)) for name in self.names])
        return float((scores.argmax(dim=0) == 0).float().mean())

    def frame(self, i: int) -> Frame:
        drawings = self.system.complete(self.image, i, self.caption, SHOWN, self.candidates, self.seed.value)
        pictures = [drawing.image for drawing in drawings]
        part = self.share_named(pictures)
        rows = "row" if i == 1 else "rows"
        return Frame(
            self.picture(i, pictures),
            f"With {i} {rows} given, CLIP finds “{self.names[0]}” in {part:.0%} of the {SHOWN} best completions.",
            question=f"{i} of {self.length} {rows} given: in how many of {SHOWN} completions will CLIP see "
            f"“{self.names[0]}”?",
            choices=("fewer than half", "half or more"),
            answer=int(part >= 0.5),
            hidden=self.picture(i, None),
        )

    def picture(self, rows: int, completions: list[Image.Image] | None):
        """The given rows (the rest gray), the completions or question marks, and the whole picture."""
        figure = new_figure(8.4, 1.9)
        axes = figure.subplots(1, SHOWN + 2)
        pixels = to_tensor(self.image).clone()
        pixels[:, rows * self.system.dvae.config.factor :] = 225
        frame(axes[0], Image.fromarray(pixels.permute(1, 2, 0).numpy()))
        axes[0].set_title("given", fontsize=9)
        for n, ax in enumerate(axes[1:-1]):
            if completions is None:
                ax.text(0.5, 0.5, "?", fontsize=20, ha="center", va="center")
                ax.set_xticks([])
                ax.set_yticks([])
                ax.set_aspect("equal")
            else:
                frame(ax, completions[n])
            ax.set_title(f"drawn {n + 1}", fontsize=9)
        frame(axes[-1], self.image)
        axes[-1].set_title("the whole", fontsize=9)
        said = "the completions still to come" if completions is None else f"{SHOWN} completions"
        return show(figure, f"{rows} of {self.length} rows of a picture are given; {said}; and the whole picture.")
