"""Lesson 07: choose a slot of a drawn picture, guess where it looks, then see, by layer and head."""

from __future__ import annotations

import math

import ipywidgets as widgets
import torch
from torch import Tensor

from ...datasets.images import to_image
from ...model.dalle import DALLE
from ...model.transformer import Block
from ...pipeline.text_to_image import TextToImage
from ..figures import frame, new_figure, rectangle, show
from .base import Frame, Stepper


@torch.no_grad()
def attention_weights(dalle: DALLE, text: Tensor, image_tokens: Tensor) -> Tensor:
    """Text tokens (1, T), image tokens (1, N) -> what each slot gives to each other: (layers, heads, T + N, T + N).

    The attention of the library computes the weighted sums without keeping the weights; here they are computed from
    the same queries and keys, as softmax(q·k / sqrt(C / heads)) under the layer's mask.
    """
    seen = []

    def keep(module, arguments):
        x, mask = arguments[:2]
        q, k = (f(x).unflatten(-1, (module.heads, -1)).transpose(1, 2) for f in (module.query, module.key))
        scores = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(~mask, -torch.inf)  # (1, heads, S, S)
        seen.append(scores.softmax(dim=-1)[0])

    blocks = [block for block in dalle.transformer.blocks if isinstance(block, Block)]
    hooks = [block.attention.register_forward_pre_hook(keep) for block in blocks]
    try:
        dalle(text, image_tokens)
    finally:
        for hook in hooks:
            hook.remove()
    return torch.stack(seen)


class AttentionMap(Stepper):
    """Goes through image slots of one picture; each shows where the slot that predicts this token looks.

    system: the models. caption, tokens (rows, cols): of a drawing. Layer and head are chosen by sliders; head 0 is the
    mean of all; it opens on head 1.
    """

    title = "Where does it look?"
    strip = 2

    def __init__(self, system: TextToImage, caption: str, tokens: Tensor, every: int = 3):
        c = system.dalle.config
        self.cols = c.cols
        text = system.tokenizer.encode([caption])
        ids = text[0].tolist()
        self.words = [
            (system.tokenizer.tokenizer.id_to_token(i) or "").removeprefix("Ġ") for i in ids
        ]  # Ġ: a space before
        self.spoken = sum(i != system.tokenizer.pad_id for i in ids)  # start and words; the pads come after
        self.slots_before = c.text_length  # then [SEP], whose slot predicts image token 0
        self.weights = attention_weights(system.dalle, text, tokens.reshape(1, -1))
        self.image = system.dvae.decode(tokens[None])[0]
        self.side = system.dvae.config.factor
        self.places = list(range(1, c.image_length, every))
        self.length = len(self.places)
        self.layer = widgets.IntSlider(
            value=c.layers, min=1, max=c.layers, description="layer", continuous_update=False, layout={"width": "260px"}
        )
        self.head = widgets.IntSlider(
            value=1, min=0, max=c.heads, description="head (0: all)", continuous_update=False, layout={"width": "260px"}
        )
        for slider in (self.layer, self.head):
            slider.observe(lambda change: self.changed(), "value")
        super().__init__((widgets.HBox([self.layer, self.head]),))

    def changed(self) -> None:
        self._frames.clear()
        self.show()

    def looks(self, place: int) -> tuple[Tensor, Tensor, Tensor]:
        """Of the slot that predicts image token `place`: weights on start and words, on pads and [SEP] together, and on
        the image tokens before (place,)."""
        layer = self.weights[self.layer.value - 1]
        chosen = layer.mean(dim=0) if self.head.value == 0 else layer[self.head.value - 1]
        row = chosen[self.slots_before + place]  # (S,)
        first_image = self.slots_before + 1
        return row[: self.spoken], row[self.spoken : first_image].sum(), row[first_image : first_image + place]

    def frame(self, i: int) -> Frame:
        place = self.places[i]
        words, rest, before = self.looks(place)
        parts = (float(words.sum()), float(before.sum()), float(rest))
        names = ("the caption", "the picture so far", "pads and [SEP]")
        most = max(range(3), key=lambda n: parts[n])
        text = ", ".join(f"{name}: {part:.0%}" for name, part in zip(names, parts, strict=True))
        return Frame(
            self.picture(place, words, before, True),
            f"The slot before token {place} gives its attention to {text}.",
            question=f"Token {place} is to be predicted (framed). Where does its slot look most, in this layer?",
            choices=names,
            answer=most,
            hidden=self.picture(place, words, before, False),
        )

    def picture(self, place: int, words: Tensor, before: Tensor, answered: bool):
        figure = new_figure(8.4, 2.8)
        left, right = figure.subplots(1, 2, width_ratios=(1.6, 1))
        labels = self.words[: self.spoken]
        left.bar(range(len(labels)), words.tolist() if answered else [0] * len(labels), color="#0072B2")
        left.set_xticks(range(len(labels)), labels, rotation=35, ha="right", fontsize=8)
        shares = [f": {float(part.sum()):.0%}" if answered else "" for part in (words, before)]
        left.set_title(f"caption{shares[0]}", fontsize=9)
        left.set_ylabel("weight", fontsize=8)
        left.set_ylim(0, max(0.05, float(words.max()) * 1.15))
        frame(right, to_image(self.image))
        right.set_title(f"picture so far{shares[1]}", fontsize=9)
        top = float(before.max()) if answered and len(before) else 1.0
        for cell in range(len(before)):
            row, col = divmod(cell, self.cols)
            strength = float(before[cell]) / max(top, 1e-9) if answered else 0.0
            corner = (col * self.side - 0.5, row * self.side - 0.5)
            right.add_patch(
                rectangle(corner, self.side, self.side, facecolor="#D55E00", alpha=0.75 * strength, edgecolor="none")
            )
        for cell in range(place, self.weights.shape[-1] - self.slots_before):
            row, col = divmod(cell, self.cols)
            corner = (col * self.side - 0.5, row * self.side - 0.5)
            right.add_patch(rectangle(corner, self.side, self.side, facecolor="white", alpha=0.8, edgecolor="none"))
        row, col = divmod(place, self.cols)
        box = rectangle(
            (col * self.side - 0.5, row * self.side - 0.5), self.side, self.side, fill=False, edgecolor="black"
        )
        right.add_patch(box)
        told = "shown as bars and as shades." if answered else "still hidden."
        return show(
            figure, f"Attention of the slot before token {place}, on the caption and on the picture so far, {told}"
        )
