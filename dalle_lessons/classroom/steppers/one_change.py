"""Lesson 17: the same noise, and one thing changed at a time: how many of the nine pictures come again?"""

from __future__ import annotations

import html
from textwrap import fill

import ipywidgets as widgets
import torch
from torch import Tensor

from ...datasets.images import to_image
from ...model.sampling import sample
from ...pipeline.text_to_image import TextToImage
from ..figures import GREEN, RED, frame, new_figure, rectangle, show
from ..markup import Markup
from .base import Frame, Stepper, unknown

CHOICES = ("all nine", "some", "none")
COUNT = 9


class OneChange(Stepper):
    """Nine pictures of a caption beside nine with one thing changed; guess how many come again, then see.

    Under each of the first nine stands how probable the model found it: what decides is how sure it was. The reader
    may write both captions anew.

    system: the models. caption, other: two captions, which differ in one word, say.
    """

    title = "What comes again?"
    strip = 2

    def __init__(self, system: TextToImage, caption: str, other: str):
        self.system, self.captions = system, (caption, other)
        self.length = 5
        wide = {"style": {"description_width": "initial"}, "continuous_update": False, "layout": {"width": "430px"}}
        self.words = widgets.Text(caption, description="caption", **wide)
        self.others = widgets.Text(other, description="changed to", **wide)
        self.problem = Markup()
        self.before, self.probability = self.draw({})
        self.words.observe(lambda change: self.rewrite(), "value")
        self.others.observe(lambda change: self.rewrite(), "value")
        super().__init__((self.words, self.others, self.problem))

    def rewrite(self) -> None:
        """Other captions; the place in the stepper is kept. One that cannot be read is refused with a sentence."""
        captions = (self.words.value.strip() or self.captions[0], self.others.value.strip() or self.captions[1])
        if captions == self.captions:
            return
        self.problem.value = ""
        try:
            for caption in captions:
                self.system.read(caption, self.system.dalle)
        except ValueError as error:
            self.problem.say(str(error))
            return
        self.captions = captions
        self.before, self.probability = self.draw({})
        self.renew(keep=True)

    def changes(self) -> list[tuple[str, dict, str]]:
        """What is changed, the options that do it, and what it does to noise and probabilities."""
        alike = "The noise is the same, but the probabilities are new: a token that won by little may lose."
        return [
            ("nothing", {}, "Noise and probabilities are the same, so every token is."),
            ("temperature 1 → 0.9", {"temperature": 0.9}, alike),
            ("seed 0 → 1", {"seed": 1}, "All noise is new: only a picture that is probable in itself comes again."),
            ("guidance 0 → 1", {"guidance": 1.0}, alike + " The caption weighs more than before."),
            (f"the caption → {self.captions[1]}", {"caption": self.captions[1]}, alike),
        ]

    def draw(self, change: dict) -> tuple[Tensor, Tensor]:
        """Pictures 0 to 8 with one thing changed -> tokens (9, N), and how probable each was (9,)."""
        options = {"caption": self.captions[0], "seed": 0, **change}
        text = self.system.read(options.pop("caption"), self.system.dalle).expand(COUNT, -1)
        device = self.system.device
        steps: list[Tensor] = []

        def keep(i: int, tokens: Tensor, logits: Tensor) -> None:
            steps.append(logits.log_softmax(dim=-1).gather(-1, tokens[:, -1:])[:, 0])  # (9,)

        tokens = sample(self.system.dalle, text.to(device), on_token=keep, **options)
        return tokens.cpu(), torch.stack(steps).sum(dim=0).exp().cpu()

    def frame(self, i: int) -> Frame:
        name, change, why = self.changes()[i]
        after = self.draw(change)[0] if change else self.before
        again, parted = come_again(self.before, after), kept(self.before, after)
        answer = 0 if len(again) == COUNT else 1 if again else 2
        counts = f"{len(again)} of the nine come again (framed green)."
        mean = parted.float().mean().item()
        because = f"{counts} On average {mean:.0f} of {after.shape[1]} tokens come before the first other one."
        if "seed" in change:
            different = {tuple(row): p for row, p in zip(self.before.tolist(), self.probability.tolist(), strict=True)}
            together = sum(different.values())
            because = (
                f"{counts} Together the first nine had the probability {percent(together)}, so of nine new ones "
                f"{COUNT * together:.1f} are expected to be one of them."
            )
        return Frame(
            self.picture(name, after, again, parted),
            f"{counts} {html.escape(why)}",
            question=f"Change: {html.escape(name)}. How many of the nine pictures come again, token for token?",
            choices=CHOICES,
            answer=answer,
            because=because,
            hidden=self.picture(name, None, [], parted),
        )

    def picture(self, name: str, after: Tensor | None, again: list[int], parted: Tensor):
        c = self.system.dalle.config
        grid = (c.rows, c.cols)
        figure = new_figure(8.6, 4.7)
        left, right = figure.subfigures(1, 2, squeeze=False).flat
        before = [to_image(x) for x in self.system.dvae.decode(self.before.reshape(-1, *grid).to(self.system.device))]
        for ax, picture, p in zip(left.subplots(3, 3).flat, before, self.probability.tolist(), strict=True):
            frame(ax, picture)
            ax.set_xlabel(percent(p), fontsize=8)
        left.suptitle(fill(f"before: {self.captions[0]}", 44), fontsize=9)
        right.suptitle(fill(f"after: {name}", 44), fontsize=9)
        axes = right.subplots(3, 3).flat
        if after is None:
            for ax in axes:
                unknown(ax, before[0].size)
                ax.set_xlabel(" ", fontsize=8)
            alt = f"Nine pictures of {self.captions[0]}, each with its probability, and question marks. Change: {name}."
            return show(figure, alt)
        pictures = [to_image(x) for x in self.system.dvae.decode(after.reshape(-1, *grid).to(self.system.device))]
        for n, (ax, picture) in enumerate(zip(axes, pictures, strict=True)):
            frame(ax, picture)
            same = int(parted[n])
            ax.set_xlabel("the same" if same == after.shape[1] else f"parts at token {same + 1}", fontsize=8)
            if n in again:
                for spine in ax.spines.values():
                    spine.set_color(GREEN)
                    spine.set_linewidth(3)
            elif same < after.shape[1]:
                height, width = picture.height / grid[0], picture.width / grid[1]
                corner = (same % grid[1] * width - 0.5, same // grid[1] * height - 0.5)
                ax.add_patch(rectangle(corner, width, height, fill=False, edgecolor=RED, linewidth=2))
        return show(figure, f"Nine pictures before and nine after the change: {name}; {len(again)} come again, framed.")


def percent(p: float) -> str:
    """A probability in words: "15%", "1 in 20,000"."""
    if p >= 0.005:
        return f"{p:.0%}"
    return f"1 in {1 / p:,.0f}" if p > 1e-7 else "less than 1 in 10 million"


def kept(before: Tensor, after: Tensor) -> Tensor:
    """(B, N), (B, N) tokens -> (B,): how many come before the first other one."""
    return (before == after).int().cumprod(dim=1).sum(dim=1)


def come_again(before: Tensor, after: Tensor) -> list[int]:
    """Which of `after` (A, N) are, token for token, one of `before` (B, N)."""
    return (after[:, None] == before).all(dim=-1).any(dim=1).nonzero()[:, 0].tolist()
