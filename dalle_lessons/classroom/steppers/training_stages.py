"""Lesson 10: a training, looked at through one caption that is drawn again at several of its steps."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as widgets
import torch

from ...datasets.images import to_image
from ...datasets.scenes import SIDE
from ...datasets.shapes_check import check, parse, share_right
from ...model.dalle import DALLE
from ...model.dvae import DVAE
from ...model.sampling import sample
from ...model.sequence import unflatten
from ...model.tokenizer import TextTokenizer
from ..figures import BLUE, ORANGE, frame, new_figure, show
from ..markup import Markup
from .base import Frame, Stepper, unknown

SHOWN = 6  # drawings of a stage, in two lines
FALLS = ("under a third", "a third to two thirds", "over two thirds")
SHARES = ("under half", "half to nine tenths", "over nine tenths")


class TrainingStages(Stepper):
    """First the curve of the held-out loss, to be predicted; then, stage by stage, what the model draws from the
    caption in the text field, always with the same noise. Guess first how many of the attributes will be right.

    stages: step -> the model as it was then, at least two. steps, nats: the held-out loss along the training. dvae,
    tokenizer: of the shapes world, whose checker finds the attributes.
    """

    title = "One caption through the training"
    strip = 4

    def __init__(
        self,
        stages: dict[int, DALLE],
        steps: Sequence[int],
        nats: Sequence[float],
        dvae: DVAE,
        tokenizer: TextTokenizer,
        caption: str,
    ):
        if len(stages) < 2 or len(steps) != len(nats):
            raise ValueError("Give at least two stages, and a loss for each step of the curve.")
        self.stages = sorted(stages.items())
        self.steps, self.nats = list(steps), list(nats)
        self.dvae, self.tokenizer, self.wish = dvae, tokenizer, caption
        self.length = len(stages) + 1
        self.caption = widgets.Text(
            value=caption, description="caption", continuous_update=False, layout={"width": "480px"}
        )
        self.seed = widgets.BoundedIntText(value=0, min=0, max=10**6, description="seed", layout={"width": "160px"})
        self.problem = Markup()
        self.caption.observe(lambda change: self.begin(), "value")
        self.seed.observe(lambda change: self.renew(keep=True), "value")
        super().__init__(
            (widgets.HBox([self.caption, self.seed], layout={"flex_flow": "row wrap"}), self.problem), seconds=2.0
        )

    def begin(self) -> None:
        """Take up a new caption, if it can be read and checked; else say why, and keep the old one."""
        try:
            parse(self.caption.value)
            self.tokenizer.encode([self.caption.value])
        except ValueError as error:
            self.problem.say(str(error))
            return
        self.problem.value, self.wish = "", self.caption.value
        self.renew(keep=True)

    def early(self) -> float:
        """The share of the whole fall of the loss that is done after a tenth of the steps."""
        tenth = min(range(len(self.steps)), key=lambda i: abs(self.steps[i] - self.steps[-1] / 10))
        return (self.nats[0] - self.nats[tenth]) / max(self.nats[0] - min(self.nats), 1e-9)

    def drawings(self, stage: int) -> torch.Tensor:
        """What the model of this stage draws from the caption -> (SHOWN, 3, H, W) in [0, 1]."""
        model = self.stages[stage][1]
        text = self.tokenizer.encode([self.wish]).expand(SHOWN, -1)  # (SHOWN, T)
        tokens = sample(model, text, self.seed.value)  # (SHOWN, N)
        return self.dvae.decode(unflatten(tokens, model.config.rows, model.config.cols))

    def share_of(self, images: torch.Tensor) -> float:
        """The share of the caption's attributes that these drawings have right."""
        return share_right(check(image, self.wish) for image in images)

    def frame(self, i: int) -> Frame:
        if i == 0:
            part = self.early()
            return Frame(
                self.picture(None, None, True),
                f"After a tenth of the training, {part:.0%} of the fall was done.",
                question="After a tenth of the training, how much of the loss's whole fall is done?",
                choices=FALLS,
                answer=min(2, int(3 * part)),
                because=f"{part:.0%} of it is done. What is left looks small, and is what makes the pictures.",
                hidden=self.picture(None, None, False),
            )
        images = self.drawings(i - 1)
        part = self.share_of(images)
        return Frame(
            self.picture(i - 1, images, True),
            f"<b>{self.wish}</b>, drawn after {self.named(i - 1)}: {part:.0%} of the attributes are right.",
            question=f"After {self.named(i - 1)}: how many of the attributes in {SHOWN} drawings are right?",
            choices=SHARES,
            answer=int(part >= 0.5) + int(part > 0.9),
            because=f"{part:.0%} of the attributes are right, at {self.nats[self.nearest(i - 1)]:.2f} nats.",
            hidden=self.picture(i - 1, None, True),
        )

    def named(self, stage: int) -> str:
        step = self.stages[stage][0]
        return f"{step} {'step' if step == 1 else 'steps'}"

    def nearest(self, stage: int) -> int:
        """The point of the curve that lies nearest to a stage."""
        return min(range(len(self.steps)), key=lambda i: abs(self.steps[i] - self.stages[stage][0]))

    def picture(self, stage: int | None, images: torch.Tensor | None, curve: bool):
        """The curve, or its first point alone; with a stage a dot on it, and right the drawings or question marks."""
        figure = new_figure(6.6, 2.7)
        grid = figure.add_gridspec(2, 2 + SHOWN // 2, width_ratios=[2.2, 0.1] + [1] * (SHOWN // 2))
        left = figure.add_subplot(grid[:, 0] if stage is not None else grid[:, :])
        known = None if curve else 1  # how many points of the curve are shown
        left.plot(self.steps[:known], self.nats[:known], color=BLUE, marker=None if curve else "o")
        end = max(self.steps[-1], self.stages[-1][0])
        left.set_xlim(-0.03 * end, 1.03 * end)
        left.set_yscale("log")  # the last tenths of a nat are the picture
        left.set_ylim(0.8 * min(self.nats), 1.3 * max(self.nats))
        ticks = [tick for tick in (0.03, 0.1, 0.3, 1, 3) if min(self.nats) * 0.8 < tick < max(self.nats) * 1.3]
        left.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        left.minorticks_off()
        left.set_xlabel("step", fontsize=8)
        left.set_ylabel("held-out nats", fontsize=8)
        left.tick_params(labelsize=8)
        left.grid(alpha=0.25)
        seen = "The curve of the held-out loss" if curve else "The first point of a curve of the held-out loss"
        if stage is None:
            return show(figure, f"{seen}.")
        step = self.stages[stage][0]
        left.plot([step], [self.nats[self.nearest(stage)]], "o", color=ORANGE, markersize=9, markeredgecolor="black")
        left.set_title(f"after {self.named(stage)}", fontsize=9)
        for n in range(SHOWN):
            ax = figure.add_subplot(grid[n // (SHOWN // 2), 2 + n % (SHOWN // 2)])
            if images is None:
                unknown(ax, (SIDE, SIDE))
            else:
                frame(ax, to_image(images[n]))
        drawn = "question marks in place of drawings" if images is None else f"{SHOWN} drawings of “{self.wish}”"
        return show(figure, f"{seen}, marked after {self.named(stage)}; {drawn}.")
