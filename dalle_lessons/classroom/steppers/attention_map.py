"""Lesson 07: from slot to slot of a drawn picture: where does this head look, and where will it look next?"""

from __future__ import annotations

import html
import math

import ipywidgets as widgets
import torch
from torch import Tensor

from ...datasets.images import to_image
from ...model.dalle import DALLE
from ...model.transformer import Block
from ...pipeline.text_to_image import TextToImage
from ..figures import BLUE, GRAY, ORANGE, frame, new_figure, rectangle, show
from ..pictures import Picture
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

    system: the models. caption, tokens (rows, cols): of a drawing. weights (layers, heads, S, S): of another network
    over these tokens, [SEP] first and without a caption, such as a student's own; by default the system's. Layer and
    head are chosen by sliders. From the second stop on it asks where this head will look, with the stop before still in
    sight. Raises ValueError where weights are not of that many slots.
    """

    title = "Where does it look?"
    strip = 2

    def __init__(
        self, system: TextToImage, caption: str, tokens: Tensor, every: int = 5, weights: Tensor | None = None
    ):
        c = system.dalle.config
        self.rows, self.cols = c.rows, c.cols
        text = system.tokenizer.encode([caption])
        ids = text[0].tolist()
        self.words = [
            (system.tokenizer.tokenizer.id_to_token(i) or "").removeprefix("Ġ") for i in ids
        ]  # Ġ: a space before
        self.spoken = sum(i != system.tokenizer.pad_id for i in ids)  # start and words; the pads come after
        self.slots_before = c.text_length  # then [SEP], whose slot predicts image token 0
        if weights is None:
            self.weights = attention_weights(system.dalle, text, tokens.reshape(1, -1))
        elif weights.ndim != 4 or weights.shape[-1] != c.image_length:
            raise ValueError(
                f"The weights should have the shape (layers, heads, {c.image_length}, {c.image_length}): a slot for "
                f"[SEP] and one for each token but the last; these have {tuple(weights.shape)}."
            )
        else:
            self.weights, self.words, self.spoken, self.slots_before = weights.detach(), [], 0, 0
        layers, heads = self.weights.shape[:2]
        self.image = system.dvae.decode(tokens[None])[0]
        self.side = system.dvae.config.factor
        self.places = list(range(c.cols + 1, c.image_length, every))
        self.length = len(self.places)
        look = {"style": {"description_width": "initial"}, "layout": {"width": "260px"}, "continuous_update": False}
        self.layer = widgets.IntSlider(value=1, min=1, max=layers, description="layer", **look)
        self.head = widgets.IntSlider(value=1, min=1, max=heads, description="head", **look)
        for slider in (self.layer, self.head):
            slider.observe(lambda change: self.renew(keep=True), "value")
        super().__init__((widgets.HBox([self.layer, self.head], layout={"flex_flow": "row wrap"}),))

    def looks(self, place: int) -> tuple[Tensor, Tensor, Tensor]:
        """Of the slot that predicts image token `place`: weights on start and words; on all pads and on [SEP], (2,);
        and on the image tokens before (place,)."""
        row = self.weights[self.layer.value - 1, self.head.value - 1, self.slots_before + place]  # (S,)
        first_image = self.slots_before + 1
        pads = row[self.spoken : self.slots_before].sum()
        return row[: self.spoken], torch.stack((pads, row[self.slots_before])), row[first_image : first_image + place]

    def frame(self, i: int) -> Frame:
        place = self.places[i]
        words, rest, before = self.looks(place)
        others = before.clone()
        others[place - self.cols] = 0
        most, told = {}, ""
        if self.spoken:
            one_word = html.escape(self.words[int(words.argmax())])
            most["a word of the caption"] = float(words.max())
            told = f"most of the words (“{one_word}”) {words.max():.0%}, "
        most["the token right above"] = float(before[place - self.cols])
        most["another token of the picture"] = float(others.max())
        alone = "pads or [SEP]" if self.spoken else "[SEP]"
        most[alone] = float(rest.max())
        told = (
            f"the token right above {before[place - self.cols]:.0%}, most of the other tokens {others.max():.0%}, "
            f"{told}{alone.replace(' or ', ' and ')} {rest.sum():.0%}."
        )
        names = tuple(most)
        because = f"It gives {told}"
        text = f"The slot that predicts token {place} is framed. {because}"
        if i == 0:
            return Frame(self.picture(place, place), text)
        return Frame(
            self.picture(place, place),
            text,
            question=f"The next stop is token {place} (framed black). Below is where this head looked from the stop "
            f"before, token {self.places[i - 1]} (orange). What will get most now?",
            choices=names,
            answer=names.index(max(most, key=lambda name: most[name])),
            because=because,
            hidden=self.picture(self.places[i - 1], place),
        )

    def picture(self, looking: int, framed: int) -> Picture:
        """The weights of the slot that predicts token `looking`; the frame stands round token `framed`."""
        words, rest, before = self.looks(looking)
        figure = new_figure(7.0, 2.9)
        left, middle, right = figure.subplots(1, 3, width_ratios=(1.1, 1, 1))
        labels, values = [*self.words[: self.spoken], "all pads", "[SEP]"], [*words.tolist(), *rest.tolist()]
        if not self.spoken:  # no caption, so no pads
            labels, values = labels[1:], values[1:]
        colors = [BLUE] * self.spoken + [GRAY] * (len(labels) - self.spoken)
        drawn = left.barh(range(len(labels)), values, color=colors)
        left.bar_label(drawn, [_percent(v) for v in values], fontsize=9, padding=2)
        left.set_yticks(range(len(labels)), labels, fontsize=9)
        left.set_ylim(max(len(labels), 6) - 0.5, -0.5)  # in the order of the sequence, from the top
        text = f"caption {words.sum():.0%}, pads and " if self.spoken else ""
        left.set_title(f"{text}[SEP] {rest.sum():.0%}", fontsize=9, loc="right")
        left.set_xlim(0, 1.15)
        left.set_xticks((0, 0.5, 1), ("0", "0.5", "1"), fontsize=8)
        left.set_xlabel("weight (numbers: %)", fontsize=8)
        frame(middle, to_image(self.image))
        middle.set_title("the picture", fontsize=9)
        grid = torch.full((self.rows * self.cols,), torch.nan)
        grid[:looking] = before
        right.imshow(grid.view(self.rows, self.cols).sqrt().numpy(), cmap="cividis", vmin=0, vmax=1)
        for cell, value in enumerate(before.tolist()):
            if value >= 0.045:
                color = "white" if value < 0.3 else "black"
                where = (cell % self.cols, cell // self.cols)
                right.text(*where, f"{100 * value:.0f}", ha="center", va="center", fontsize=8, color=color)
        right.set_title(f"tokens so far {float(before.sum()):.0%}", fontsize=9)
        right.set_xticks([])
        right.set_yticks([])
        for place, color in {looking: ORANGE, framed: "black"}.items():
            row, col = divmod(place, self.cols)
            for ax, size in ((middle, self.side), (right, 1)):
                corner = (col * size - 0.5, row * size - 0.5)
                ax.add_patch(rectangle(corner, size, size, fill=False, edgecolor=color, linewidth=2.2))
        told = ", ".join(f"{label} {_percent(value)}" for label, value in zip(labels, values, strict=True))
        alt = (
            f"Layer {self.layer.value}, head {self.head.value}, the slot that predicts token {looking}: {told}; on the "
            f"picture so far {float(before.sum()):.0%}."
        )
        return show(figure, alt)


def _percent(value: float) -> str:
    return f"{100 * value:.0f}" if value >= 0.005 else "0"
