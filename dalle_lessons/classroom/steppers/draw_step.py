"""Lesson 11: a picture is drawn token by token: the chances, a guess, the draw, the picture so far."""

from __future__ import annotations

import ipywidgets as widgets
import torch

from ...datasets.images import to_image
from ...model.sampling import sample
from ...pipeline.text_to_image import TextToImage
from ..figures import BLUE, ORANGE, frame, new_figure, show
from ..markup import Markup
from .base import Frame, Stepper, unknown

SHOWN = 6  # codes whose chances are shown


class DrawStep(Stepper):
    """Each step shows the likeliest codes for the next token; guess whether the likeliest is drawn, then see.

    system: the models. Sliders: temperature, top-k (0: all), guidance, seed; the picture is drawn anew when one moves.
    """

    title = "Drawing, token by token"
    strip = 2

    def __init__(self, system: TextToImage, caption: str, every: int = 4):
        self.system, self.every = system, every
        # It opens above temperature 1: at 1 a sure model draws the likeliest code nearly always, and there is no guess.
        wide = {"layout": {"width": "300px"}, "style": {"description_width": "95px"}, "continuous_update": False}
        self.caption = widgets.Text(value=caption, description="caption", continuous_update=False)
        self.temperature = widgets.FloatSlider(value=1.4, min=0.1, max=2.5, step=0.1, description="temperature", **wide)
        self.top_k = widgets.IntSlider(value=0, min=0, max=64, description="top-k (0: all)", **wide)
        self.guidance = widgets.FloatSlider(value=0.0, min=0.0, max=4.0, step=0.5, description="guidance", **wide)
        self.seed = widgets.BoundedIntText(value=1, min=0, max=10**6, description="seed", layout={"width": "160px"})
        self.problem = Markup()
        controls = (self.caption, self.temperature, self.top_k, self.guidance, self.seed)
        for control in controls:
            control.observe(lambda change: self.begin(), "value")
        self.draw()
        two = (widgets.HBox([self.temperature, self.top_k]), widgets.HBox([self.guidance, self.seed]))
        super().__init__((self.caption, *two, self.problem))

    def begin(self) -> None:
        self.draw()
        self.renew()

    def draw(self) -> None:
        """Draw one picture and keep, for every token, the logits that it was drawn from."""
        self.problem.value = ""
        try:
            text = self.system.tokenizer.encode([self.caption.value])
        except ValueError as error:  # too long: say so, and keep the picture that is there
            self.problem.say(str(error))
            return
        self.logits: list[torch.Tensor] = []
        keep = lambda i, tokens, logits: self.logits.append(logits[0].clone())  # noqa: E731
        options = {"temperature": self.temperature.value, "top_k": self.top_k.value or None}
        self.tokens = sample(
            self.system.dalle, text, self.seed.value, guidance=self.guidance.value, on_token=keep, **options
        )[0]
        self.places = list(range(0, len(self.tokens), self.every))
        self.length = len(self.places)

    def chances(self, place: int) -> torch.Tensor:
        """(codes,): what the token was drawn from, temperature and top-k included."""
        return self.logits[place].softmax(dim=0)

    def frame(self, i: int) -> Frame:
        place = self.places[i]
        chances = self.chances(place)
        order = chances.argsort(descending=True)
        drawn = int(self.tokens[place])
        rank = int((order == drawn).nonzero()[0])
        bucket = 0 if rank == 0 else 1 if rank < SHOWN else 2
        choices = ("the likeliest", f"another of these {SHOWN}", "a rarer one")
        text = f"Token {place}: code <b>{drawn}</b> was drawn, with a chance of {float(chances[drawn]):.1%}."
        return Frame(
            self.picture(place, order[:SHOWN], chances, drawn),
            text,
            question=f"Token {place}: which code will be drawn?",
            choices=choices,
            answer=bucket,
            hidden=self.picture(place, order[:SHOWN], chances, None),
        )

    def picture(self, place: int, codes: torch.Tensor, chances: torch.Tensor, drawn: int | None):
        figure = new_figure(8.4, 2.5)
        left, middle, right = figure.subplots(1, 3, width_ratios=(2, 1, 1))
        colors = [ORANGE if code == drawn else BLUE for code in codes.tolist()]
        left.bar(range(len(codes)), chances[codes].tolist(), color=colors)
        left.set_xticks(range(len(codes)), [str(code) for code in codes.tolist()], fontsize=8)
        left.set_ylim(0, 1)
        left.set_title(f"chances of token {place}", fontsize=9)
        c = self.system.dalle.config
        for ax, upto, title in ((middle, place, "before"), (right, place + 1, "after")):
            if drawn is None and title == "after":
                unknown(ax, self.so_far(upto, c.rows, c.cols).size)
            else:
                frame(ax, self.so_far(upto, c.rows, c.cols))
            ax.set_title(title, fontsize=9)
        said = "still to be drawn" if drawn is None else f"code {drawn}"
        return show(
            figure, f"The {len(codes)} likeliest codes for token {place}; {said}; the picture before and after."
        )

    def so_far(self, count: int, rows: int, cols: int):
        """The picture of the first `count` tokens; where none is drawn yet it is gray."""
        pixels = self.system.dvae.decode(self.tokens.reshape(1, rows, cols))[0]
        side = self.system.dvae.config.factor
        known = (torch.arange(rows * cols) < count).reshape(rows, cols)
        known = known.repeat_interleave(side, 0).repeat_interleave(side, 1)
        return to_image(torch.where(known, pixels, torch.tensor(0.9)))
