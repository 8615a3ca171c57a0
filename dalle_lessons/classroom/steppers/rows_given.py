"""Lesson 13: the first rows of a picture are given, more at each step; the model draws the rest, and a judge looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets
import torch
from PIL import Image
from torch import Tensor

from ...datasets.emoji_labels import truth_of
from ...datasets.images import on_white_square, to_image, to_tensor
from ...model.judge import Judge
from ...model.sampling import SAMPLING_BATCH, sample
from ...pipeline.text_to_image import TextToImage
from ..figures import BLUE, ORANGE, frame, new_figure, show
from ..pictures import Picture
from .base import Frame, Stepper, unknown

STEPS = 8  # at most; with more rows of tokens each step gives several
SHOWN = 4  # completions beside the given rows: the first ones, chosen by nobody
SURE = 0.5  # the least probability with which the judge must name the true picture, and its reconstruction


@dataclass(frozen=True)
class Completions:
    """What came of one number of given rows."""

    pictures: Tensor  # (32, 3, H, W)
    #: How many of them the judge calls by the right name, as its first guess.
    named: int
    #: Nats a token, of the given ones (0 if there are none) and of the drawn ones.
    given: float
    drawn: float


class RowsGiven(Stepper):
    """Before each step: in how many completions will the judge name the thing? Then the completions, and the count.

    The judge had no part in drawing or choosing, and it must name the thing in the true picture and in its
    reconstruction: else a perfect model would fail. system: the models. image: PIL, the picture whose upper rows are
    given. caption: what the model is told. row: the picture's row of captions.csv, by which the judge knows the truth.
    """

    title = "How many rows must be given?"
    strip = 2

    def __init__(self, system: TextToImage, judge: Judge, image: Image.Image, caption: str, row: dict[str, Any]):
        self.system, self.judge, self.caption, self.name = system, judge, caption, row["name"]
        self.truth = truth_of([row])  # (1, 3)
        rows, cols = system.dalle.config.rows, system.dalle.config.cols
        self.image = on_white_square(image, rows * system.dvae.config.factor)
        pixels = to_tensor(self.image)[None].float() / 255
        with torch.no_grad():
            self.tokens = system.dvae.encode(pixels.to(system.device)).reshape(1, rows * cols)
            seen = torch.cat((pixels, self.decoded(self.tokens)))  # the true picture, and its reconstruction
            chances = judge(seen.to(judge.device))[0].softmax(dim=-1)[:, int(self.truth[0, 0])]
        if float(chances.min()) < SURE:
            raise ValueError(
                f"The judge does not name “{self.name}” in the picture and in its reconstruction, so it could not "
                "measure: choose another thing."
            )
        self.given = [rows * k // min(STEPS, rows) for k in range(min(STEPS, rows))]
        self.length = len(self.given)
        self.known: dict[int, Completions] = {}  # step -> what came of it
        self.seed = widgets.BoundedIntText(
            value=0, min=0, max=10**6, description="seed", style={"description_width": "initial"}
        )
        self.seed.layout.width = "160px"
        self.seed.observe(lambda change: self.begin_again(), "value")
        super().__init__((self.seed,), seconds=2.0)

    def begin_again(self) -> None:
        """Another seed: all that was drawn is drawn anew."""
        self.known.clear()
        self.renew(keep=True)

    def decoded(self, tokens: Tensor) -> Tensor:
        """(B, rows · cols) -> (B, 3, H, W) in [0, 1], on the CPU."""
        c = self.system.dalle.config
        return self.system.dvae.decode(tokens.reshape(-1, c.rows, c.cols)).cpu()

    @torch.no_grad()
    def completions(self, i: int) -> Completions:
        """Complete the picture SAMPLING_BATCH times, with the rows of step i given; the judge looks at all of them."""
        if i not in self.known:
            dalle, count = self.system.dalle, self.given[i] * self.system.dalle.config.cols
            text = self.system.tokenizer.encode([self.caption]).to(dalle.device).expand(SAMPLING_BATCH, -1)
            start = self.tokens[:, :count].expand(SAMPLING_BATCH, -1)
            tokens = sample(dalle, text, self.seed.value, given=start)  # (32, N)
            logits = dalle(text, tokens)[1].float()
            nll = -logits.log_softmax(dim=-1).gather(2, tokens[..., None])[..., 0]  # (32, N)
            pictures = self.decoded(tokens)
            named = self.judge.right(pictures, self.truth.expand(SAMPLING_BATCH, -1))[:, 0]
            means = (float(part.mean()) if part.numel() else 0.0 for part in (nll[:, :count], nll[:, count:]))
            self.known[i] = Completions(pictures, int(named.sum()), *means)
        return self.known[i]

    def frame(self, i: int) -> Frame:
        now, few, most = self.completions(i), SAMPLING_BATCH // 4, SAMPLING_BATCH * 3 // 4
        rows = f"{self.given[i]} of {self.system.dalle.config.rows} rows given"
        costs = f"The tokens that it draws cost it {now.drawn:.1f} nats each"
        costs += f"; those that it was given {now.given:.1f}." if self.given[i] else "."
        before = self.known.get(i - 1)
        because = f"It is {now.named} of {SAMPLING_BATCH}" + (f"; one step before, {before.named}." if before else ".")
        return Frame(
            self.picture(i, now.pictures),
            f"{rows}: the judge's first guess is “{self.name}” in {now.named} of {SAMPLING_BATCH} completions. {costs}",
            question=f"{rows}. In how many of {SAMPLING_BATCH} completions will the judge's first guess be "
            f"“{self.name}”?",
            choices=(f"fewer than {few}", f"{few} to {most - 1}", f"{most} or more"),
            answer=(now.named >= few) + (now.named >= most),
            because=because,
            hidden=self.picture(i, None),
        )

    def picture(self, i: int, completions: Tensor | None) -> Picture:
        """The given rows (the rest gray), completions or question marks, the whole picture; below, counts so far."""
        figure = new_figure(6.6, 3.4)
        above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=[1.7, 1.9]).flat
        axes = above.subplots(1, SHOWN + 2)
        pixels = to_tensor(self.image).clone()
        pixels[:, self.given[i] * self.system.dvae.config.factor :] = 225
        frame(axes[0], to_image(pixels))
        axes[0].set_title("given", fontsize=9)
        for n, ax in enumerate(axes[1:-1]):
            if completions is None:
                unknown(ax, self.image.size)
            else:
                frame(ax, to_image(completions[n]))
            ax.set_title(f"drawn {n + 1}", fontsize=9)
        frame(axes[-1], self.image)
        axes[-1].set_title("the whole", fontsize=9)
        self.draw_counts(below.subplots(), i, completions is None)
        said = "the completions still to come" if completions is None else f"{SHOWN} completions"
        return show(
            figure,
            f"{self.given[i]} of {self.system.dalle.config.rows} rows of a picture are given; {said}; the whole "
            "picture; and, for the steps up to here, how many completions the judge named right.",
        )

    def draw_counts(self, ax, i: int, ask: bool) -> None:
        """How many completions were named right at each step up to this one; with `ask` not yet at this one. (Later
        steps may be known already, from the still picture, but the reader has not been asked.)"""
        steps = [k for k in sorted(self.known) if k < i + (not ask)]
        named = [self.known[k].named for k in steps]
        drawn = ax.bar(steps, named, color=[ORANGE if k == i else BLUE for k in steps])
        ax.bar_label(drawn, fontsize=8)
        if ask:
            ax.text(i, 1, "?", ha="center", fontsize=14)
        ax.set_xticks(range(self.length), [str(rows) for rows in self.given], fontsize=8)
        ax.set_xlim(-0.6, self.length - 0.4)
        ax.set_ylim(0, SAMPLING_BATCH * 1.15)
        ax.set_yticks([0, SAMPLING_BATCH // 2, SAMPLING_BATCH])
        ax.tick_params(labelsize=8)
        ax.set_xlabel("rows given", fontsize=8)
        ax.set_ylabel(f"named right, of {SAMPLING_BATCH}", fontsize=8)

    def key_frames(self) -> list[int]:
        """Nothing given, and five eighths."""
        return sorted({0, self.length * 5 // 8})
