"""Lesson 19: drawn at once, from noise; on the way the caption is exchanged. From which time on is it too late?"""

from __future__ import annotations

import html
from collections.abc import Callable

import ipywidgets as widgets
import torch
from torch import Tensor

from ...datasets.images import to_image
from ...datasets.shapes_check import check
from ...pipeline.text_to_image import TextToImage
from ..figures import new_figure, show
from ..lesson_figures.shares_14 import GAP, TILE, strips
from ..markup import Markup
from ..pictures import Picture
from ..two_painters import TEXT, one_step, to_pictures
from .base import Frame, Stepper

STEPS, SHOWN, GUIDANCE = 16, 8, 1.0
SWITCHES = (0, 4, 6, 8, 10, 12, 14)  # after how many of the STEPS the caption is exchanged
CHOICES = ("what the first caption says", "what the second caption says", "neither of both")


class ChangeOfMind(Stepper):
    """Eight drawings from eight noises. Up to a time t the network hears the first caption, then the second. Guess what
    most of the eight will show; the checker of the shapes counts.

    system: the models of the shapes, for their dVAE and tokenizer. model: from a noisy grid (B, 16, 64), t (B,) and
    text (B, 12) to a guess of the clean grid. first, second: captions of one thing; the text fields take others.
    """

    title = "When is it decided?"
    length = len(SWITCHES)
    strip = 3

    def __init__(self, system: TextToImage, model: Callable[[Tensor, Tensor, Tensor], Tensor], first: str, second: str):
        self.system, self.model = system, model
        self.captions = [first, second]
        self.noise = torch.randn(SHOWN, 16, 64, generator=torch.Generator().manual_seed(0))
        look = {"continuous_update": False, "layout": {"width": "420px", "max_width": "98%"}}
        self.fields = [
            widgets.Text(caption, description=name, **look)
            for name, caption in zip(("first", "second"), self.captions, strict=True)
        ]
        self.problem = Markup()
        for field in self.fields:
            field.observe(lambda change: self.read(), "value")
        super().__init__((widgets.VBox(self.fields), self.problem), seconds=3.0)

    def read(self) -> None:
        """Take the captions of the text fields, or say why not."""
        captions = [field.value.strip() for field in self.fields]
        try:
            self.said(captions)
            for caption in captions:
                check(torch.zeros(3, 32, 32), caption)
        except ValueError as error:
            self.problem.say(str(error))
            return
        self.problem.value = ""
        self.captions = captions
        self.renew(keep=True)

    def said(self, captions: list[str]) -> Tensor:
        """Captions -> (n, 12). Raises ValueError with one sentence for one that is too long."""
        text = self.system.tokenizer.encode(captions)
        if bool((text[:, TEXT:] != self.system.tokenizer.pad_id).any()):
            raise ValueError("This network reads captions of one thing: at most twelve tokens.")
        return text[:, :TEXT]

    @torch.no_grad()
    def drawn(self, switch: int) -> tuple[Tensor, Tensor]:
        """Pictures (8, 3, 32, 32): its guesses when the caption is exchanged, and what is drawn at the end."""
        x, shown = self.noise, None
        texts = [text.expand(SHOWN, -1) for text in self.said(self.captions)]
        for k in range(STEPS):
            text, at = texts[k >= switch], torch.full((SHOWN,), k / STEPS)
            heard = texts[0] if k == switch else text  # what it has in mind when it is told the second caption
            bare = self.model(x, at, torch.zeros_like(text))
            if k == switch:
                shown = self.guided(x, at, heard, bare)
            x = one_step(x, self.guided(x, at, text, bare), k / STEPS, (k + 1) / STEPS)
        assert shown is not None
        return to_pictures(self.system.dvae, shown), to_pictures(self.system.dvae, x)

    def guided(self, x: Tensor, at: Tensor, text: Tensor, bare: Tensor) -> Tensor:
        """The guess for a caption, away from that without one."""
        guess = self.model(x, at, text)
        return guess + GUIDANCE * (guess - bare)

    def frame(self, i: int) -> Frame:
        now, end = self.drawn(SWITCHES[i])
        seen = [[check(picture, caption).all_right for caption in self.captions] for picture in end]
        counts = (sum(a for a, _ in seen), sum(b for _, b in seen), sum(not any(both) for both in seen))
        text = (
            f"Exchanged at t = {SWITCHES[i] / STEPS:g}. Of {SHOWN} drawings {counts[0]} show what the first caption "
            f"says, {counts[1]} what the second says, and {counts[2]} neither."
        )
        return Frame(
            self.picture(i, now, end),
            text,
            question=f"At t = {SWITCHES[i] / STEPS:g} the caption becomes “{html.escape(self.captions[1])}”. What will "
            f"most of the {SHOWN} drawings show?",
            choices=CHOICES,
            answer=max(range(3), key=lambda n: counts[n]),
            because=text,
            hidden=self.picture(i, now, None),
        )

    def picture(self, i: int, now: Tensor, end: Tensor | None) -> Picture:
        """The guesses when the caption is exchanged, and the drawings at the end, or question marks."""
        figure = new_figure(6.2, 2.4)  # small enough that its words can be read on a narrow page
        ax = figure.subplots()
        last = torch.ones_like(now) if end is None else end
        lines = [(f"its guess at\nt = {SWITCHES[i] / STEPS:g}", now), ("at the end", last)]
        strips(ax, [(name, list(map(to_image, pictures))) for name, pictures in lines])
        for n in range(SHOWN if end is None else 0):
            x, y = n * (TILE + GAP) + TILE / 2, TILE + GAP + TILE / 2
            ax.text(x, y, "?", fontsize=22, ha="center", va="center")
        figure.suptitle(f"first “{self.captions[0]}”\nthen “{self.captions[1]}”", fontsize=10)
        below = "what is drawn at the end" if end is not None else "the drawings, still to come"
        return show(
            figure, f"The network's guesses from {SHOWN} noises at t = {SWITCHES[i] / STEPS:g}, and below {below}."
        )
