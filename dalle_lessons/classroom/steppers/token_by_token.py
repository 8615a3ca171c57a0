"""Lesson 00: a picture appears token by token; guess the thing as early as you can."""

from __future__ import annotations

import torch

from ...datasets.images import to_image
from ...model.sampling import SAMPLING_BATCH, noise
from ...pipeline.text_to_image import TextToImage
from ..figures import frame, new_figure, show
from .base import Frame, Stepper


class TokenByToken(Stepper):
    """Shows how much of a drawing its first tokens tell. The caption is hidden among `names` until the reader guesses.

    system: the models. names: things that may be drawn; seed: chooses one of them, and the picture. style: its style.
    """

    title = "Token by token"
    tall = False

    def __init__(
        self, system: TextToImage, names: tuple[str, ...], style: str = "a cartoon", seed: int = 0, step: int = 4
    ):
        self.system, self.names = system, names
        self.answer = int(noise(seed, 10**6, 1, len(names))[0].argmax())
        caption = f"{style} of {names[self.answer]}"
        drawing = system.draw(caption, images=1, candidates=SAMPLING_BATCH, seed=seed)[0]
        self.caption, self.tokens = caption, drawing.tokens  # (rows, cols)
        self.step = step
        self.length = self.tokens.numel() // step + 1
        blank = torch.ones(1, 3, *(side * system.dvae.config.factor for side in self.tokens.shape))
        self.blank = system.dvae.encode(blank)[0]  # white paper, in tokens
        super().__init__(seconds=0.6)

    def key_frames(self) -> list[int]:
        return [self.length // 3, 2 * self.length // 3, self.length - 1]

    def frame(self, i: int) -> Frame:
        drawn = i * self.step
        kept = torch.arange(self.tokens.numel()).reshape(self.tokens.shape) < drawn
        pixels = self.system.dvae.decode(torch.where(kept, self.tokens, self.blank)[None])[0]
        last = i == self.length - 1
        picture = self.picture(pixels, kept)
        text = f"{drawn} of {self.tokens.numel()} tokens are drawn; the rest is still white paper."
        if last:
            text = f"All tokens are drawn. The caption was: <b>{self.caption}</b>."
        asks = drawn and i % 2 == 0 and not last  # every second frame: what is it?
        return Frame(
            picture,
            text,
            question=f"{drawn} tokens are there. What will it be?" if asks else "",
            choices=self.names if asks else (),
            answer=self.answer,
            hidden=picture if asks else None,
        )

    def picture(self, pixels: torch.Tensor, kept: torch.Tensor):
        figure = new_figure(4.8, 2.4)
        left, right = figure.subplots(1, 2)
        frame(left, to_image(pixels))
        right.imshow(kept.numpy(), cmap="cividis", vmin=0, vmax=1)
        right.set_xticks([])
        right.set_yticks([])
        left.set_title("the picture so far", fontsize=9)
        right.set_title("tokens drawn", fontsize=9)
        return show(
            figure, f"The picture with {int(kept.sum())} of {kept.numel()} tokens drawn, beside a map of these."
        )
