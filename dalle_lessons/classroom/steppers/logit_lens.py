"""Lesson 09: what would the model say if it stopped after this layer? The logit lens (nostalgebraist 2020)."""

from __future__ import annotations

import ipywidgets as widgets
import torch
from torch import Tensor

from ...datasets.images import to_image
from ...pipeline.text_to_image import TextToImage
from ..figures import frame, new_figure, show
from ..markup import Markup
from .base import Frame, Stepper

SHARES = ("under a quarter", "a quarter to a half", "half to three quarters", "over three quarters")


class LogitLens(Stepper):
    """One layer a step. The residual stream after it goes through the last norm and the image head, as if no layer
    came after; each slot's likeliest code is decoded. Guess first at how many slots already say what the last layer
    says.

    system: the models. tokens: (rows, cols) int64, the picture that is fed; each slot guesses the next token from the
    true ones before it.
    """

    title = "The guess, layer by layer"
    strip = 4

    def __init__(self, system: TextToImage, caption: str, tokens: Tensor):
        self.system, self.tokens = system, tokens.flatten()
        self.length = len(system.dalle.transformer.blocks) + 1  # before any layer, and after each
        self.caption = widgets.Text(value=caption, description="caption", continuous_update=False)
        self.problem = Markup()
        self.caption.observe(lambda change: self.begin(), "value")
        self.look()
        super().__init__((self.caption, self.problem), seconds=1.5)

    def begin(self) -> None:
        self.look()
        self.renew()

    @torch.no_grad()
    def look(self) -> None:
        """Keep the likeliest codes (layers + 1, N) and the chance of the true code (layers + 1, N)."""
        self.problem.value = ""
        dalle = self.system.dalle
        try:
            text = self.system.tokenizer.encode([self.caption.value])
        except ValueError as error:
            self.problem.say(str(error))
            return
        x = dalle.embedding(text, self.tokens[None, :-1])  # (1, T + N, C)
        streams = [x]
        for block, kind in zip(dalle.transformer.blocks, dalle.transformer.attention_types, strict=True):
            x = block(x, dalle.masks[kind])
            streams.append(x)
        image = torch.cat(streams)[:, dalle.config.text_length :]  # (layers + 1, N, C)
        logits = dalle.image_head(dalle.transformer.norm(image))  # (layers + 1, N, codes)
        self.guesses_of = logits.argmax(dim=-1)
        true = self.tokens.expand(len(logits), -1)[..., None]
        self.chances = logits.softmax(dim=-1).gather(-1, true).squeeze(-1)

    def agree(self, layer: int) -> float:
        """The share of slots whose guess after `layer` is the last layer's."""
        return float((self.guesses_of[layer] == self.guesses_of[-1]).float().mean())

    def frame(self, i: int) -> Frame:
        part = self.agree(i)
        layers = len(self.guesses_of) - 1
        where = "before the first layer" if i == 0 else f"after layer {i} of {layers}"
        text = f"{where.capitalize()}: {part:.0%} of the slots say what the last layer says."
        asks = {} if i == layers else {
            "question": f"In how many slots is the guess {where} already the last one?",
            "choices": SHARES,
            "answer": min(3, int(4 * part)),
            "hidden": self.picture(i, False),
        }  # fmt: skip
        return Frame(self.picture(i, True), text, **asks)

    def picture(self, layer: int, seen: bool):
        dalle = self.system.dalle.config
        figure = new_figure(8.0, 2.6)
        left, middle, right = figure.subplots(1, 3)
        frame(left, to_image(self.system.dvae.decode(self.tokens.reshape(1, dalle.rows, dalle.cols))[0]))
        left.set_title("the picture that is fed", fontsize=9)
        if seen:
            grid = self.guesses_of[layer].reshape(1, dalle.rows, dalle.cols)
            frame(middle, to_image(self.system.dvae.decode(grid)[0]))
            chances = self.chances[layer].reshape(dalle.rows, dalle.cols)
            right.imshow(chances.numpy(), cmap="cividis", vmin=0, vmax=1)
        else:
            for ax in (middle, right):
                ax.text(0.5, 0.5, "?", fontsize=24, ha="center", va="center")
                ax.set_aspect("equal")
        right.set_xticks([])
        right.set_yticks([])
        middle.set_xticks([])
        middle.set_yticks([])
        middle.set_title("each slot's best guess", fontsize=9)
        right.set_title("chance of the true token", fontsize=9)
        what = "each slot's best guess as a picture, and the chance of each true token" if seen else "still hidden"
        return show(figure, f"The picture that is fed, and for layer {layer}: {what}.")
