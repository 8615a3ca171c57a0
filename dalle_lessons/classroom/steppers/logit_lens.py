"""Lesson 09: what would the model say if it stopped after this layer? The logit lens (nostalgebraist 2020)."""

from __future__ import annotations

import copy

import ipywidgets as widgets
import torch
from torch import Tensor, nn

from ...datasets.images import to_image
from ...model.dalle import DALLE
from ...model.sampling import sample
from ...model.transformer import Block
from ...pipeline.text_to_image import TextToImage
from ..figures import frame, new_figure, show
from ..markup import Markup
from .base import Frame, Stepper, unknown

SHARES = ("under a quarter", "a quarter to a half", "half to three quarters", "over three quarters")


def first_layers(dalle: DALLE, layers: int) -> DALLE:
    """A copy in which all later blocks add nothing to the stream: it stops after so many."""
    short = copy.deepcopy(dalle)
    for block in list(short.transformer.blocks)[layers:]:
        assert isinstance(block, Block)
        for last in (block.attention.project, block.mlp[2]):
            for parameter in last.parameters():
                nn.init.zeros_(parameter)
    return short


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
        """Keep the likeliest codes (layers + 1, N) and the probability of the true code (layers + 1, N)."""
        self.problem.value = ""
        dalle = self.system.dalle
        try:
            text = self.system.tokenizer.encode([self.caption.value])
        except ValueError as error:
            self.problem.say(str(error))
            return
        self.text = text
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
        part, slots = self.agree(i), len(self.tokens)
        layers = len(self.guesses_of) - 1
        where = "before the first layer" if i == 0 else f"after layer {i} of {layers}"
        same = round(part * slots)
        text = (
            f"{where.capitalize()}: in {same} of {slots} slots the best guess is the one after the last layer. Each "
            "slot is fed the true tokens before it, so the second picture is no drawing. The last picture is one: all "
            "its tokens are sampled with the layers so far alone."
        )
        asks = {} if i == layers else {
            "question": f"In how many of the {slots} slots is the best guess {where} already the one after the last?",
            "choices": SHARES,
            "answer": min(3, int(4 * part)),
            "because": f"In {same} of {slots}: {part:.0%}.",
            "hidden": self.picture(i, False),
        }  # fmt: skip
        return Frame(self.picture(i, True), text, **asks)

    def drawn(self, layer: int) -> Tensor:
        """(1, N): tokens sampled with the first `layer` layers alone."""
        return sample(first_layers(self.system.dalle, layer), self.text, seed=0)

    def picture(self, layer: int, seen: bool):
        rows, cols = self.system.dalle.config.rows, self.system.dalle.config.cols
        figure = new_figure(6.8, 2.2)
        left, guessed, right, alone = figure.subplots(1, 4)

        def decoded(tokens: Tensor):
            return to_image(self.system.dvae.decode(tokens.reshape(1, rows, cols))[0])

        true = decoded(self.tokens)
        frame(left, true)
        left.set_title("the picture that is fed", fontsize=9)
        if seen:
            frame(guessed, decoded(self.guesses_of[layer]))
            probabilities = self.chances[layer].reshape(rows, cols)
            right.imshow(probabilities.numpy(), cmap="cividis", vmin=0, vmax=1)
            frame(alone, decoded(self.drawn(layer)))
        else:
            for ax in (guessed, right, alone):
                unknown(ax, true.size)
        right.set_xticks([])
        right.set_yticks([])
        right.set_xlabel("blue: 0, yellow: 1", fontsize=8)
        guessed.set_title("each slot's best guess", fontsize=9)
        mean = f": mean {self.chances[layer].mean():.2f}" if seen else ""
        right.set_title(f"p(true token){mean}", fontsize=9)
        layers = "layer 1 alone" if layer == 1 else f"layers 1 to {layer}"
        alone.set_title(f"drawn by {layers}" if layer else "drawn without any layer", fontsize=9)
        what = (
            "each slot's best guess as a picture, the probability of each true token, a drawing by the layers so far"
            if seen
            else "still hidden"
        )
        return show(figure, f"The picture that is fed, and for layer {layer}: {what}.")
