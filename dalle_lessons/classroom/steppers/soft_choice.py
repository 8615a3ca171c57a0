"""Lesson 03: logits and noise choose a code; a temperature makes the choice soft."""

from __future__ import annotations

import ipywidgets as widgets
import torch
from torch import Tensor

from ...model.sampling import noise
from ..figures import BLUE, GREEN, ORANGE, new_figure, show
from ..pictures import Picture
from .base import Frame, Stepper


class SoftChoice(Stepper):
    """Each step adds fresh Gumbel noise to the same logits: guess the winner, then see the soft choice.

    logits: (K,) of one position, K at most about ten. The slider sets the temperature of the softmax.
    """

    title = "A choice with noise"
    strip = 2

    def __init__(self, logits: Tensor, steps: int = 6, seed: int = 0):
        self.logits, self.seed = logits.detach().float(), seed
        self.length = steps
        self.temperature = widgets.FloatLogSlider(
            value=1.0, base=10, min=-1.5, max=1.0, step=0.1, description="temperature", continuous_update=False
        )
        self.temperature.observe(lambda change: self.warm(), "value")
        super().__init__((self.temperature,))

    def warm(self) -> None:
        """Draw the steps anew with the slider's temperature; what was answered stays answered."""
        self._frames.clear()
        self.show()

    def parts(self, i: int) -> tuple[Tensor, Tensor]:
        """Gumbel noise (K,) of step i, and the soft choice (K,): softmax((logits + noise) / temperature)."""
        gumbel = noise(self.seed, i, 1, len(self.logits))[0]
        return gumbel, ((self.logits + gumbel) / self.temperature.value).softmax(dim=0)

    def frame(self, i: int) -> Frame:
        gumbel, soft = self.parts(i)
        winner = int((self.logits + gumbel).argmax())
        order = (self.logits + gumbel).argsort(descending=True)[:3].sort().values.tolist()
        text = (
            f"Code <b>{winner}</b> wins this time. At temperature {self.temperature.value:.2g} its share of the soft "
            "choice is the longest green bar: the lower the temperature, the nearer to 1."
        )
        return Frame(
            self.picture(gumbel, soft, f"Code {winner} wins."),
            text,
            question=f"Draw {i + 1}: which code has the largest logit + noise?",
            choices=tuple(f"code {k}" for k in order),
            answer=order.index(winner),
            hidden=self.picture(gumbel, None, "The sum is to be guessed."),
        )

    def picture(self, gumbel: Tensor, soft: Tensor | None, told: str) -> Picture:
        figure = new_figure(9.0, 2.4)
        axes = figure.subplots(1, 3)
        codes = range(len(self.logits))
        third = soft if soft is not None else torch.zeros_like(gumbel)
        titles = ("logits", "Gumbel noise", "softmax((logits + noise) / temperature)")
        for ax, values, color, name in zip(
            axes, (self.logits, gumbel, third), (BLUE, ORANGE, GREEN), titles, strict=True
        ):
            ax.bar(list(codes), values.tolist(), color=color)
            ax.axhline(0, color="#444444", linewidth=0.8)
            ax.set_xticks(list(codes))
            ax.set_title(name, fontsize=9)
            ax.tick_params(labelsize=7)
        axes[2].set_ylim(0, 1.05)
        if soft is None:
            axes[2].text(len(self.logits) / 2 - 0.5, 0.5, "?", fontsize=24, ha="center", va="center")
        return show(figure, f"Bars for {len(self.logits)} codes: logits, noise, and the soft choice. {told}")
