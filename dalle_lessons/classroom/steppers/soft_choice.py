"""Lesson 03: logits and noise choose a code; a temperature makes the choice soft, and the picture foggy or crisp."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets
import torch
from torch import Tensor

from ...datasets.images import to_image
from ...model.sampling import noise
from ..figures import BLUE, GREEN, ORANGE, PURPLE, RED, frame, new_figure, rectangle, show
from ..pictures import Picture
from .base import Frame, Stepper, unknown

SHOWN = 6  # codes, of a position, that have a bar


class SoftChoice(Stepper):
    """Each step adds fresh Gumbel noise to the same logits: guess the winner, then see the mixture, decoded.

    logits: (K, rows, cols) of one picture. codes: (K, D). decode: (1, D, rows, cols) -> a picture (1, 3, H, W) in
    [0, 1]. place: row and column of the position whose codes are shown. The slider sets the softmax's temperature.
    """

    title = "A choice with noise"
    strip = 2

    def __init__(
        self,
        logits: Tensor,
        codes: Tensor,
        decode: Callable[[Tensor], Tensor],
        place: tuple[int, int] = (3, 3),
        steps: int = 6,
        seed: int = 0,
    ):
        self.logits, self.codes, self.decode = logits.detach().float(), codes.detach(), decode
        self.place, self.seed, self.length = place, seed, steps
        self.temperature = widgets.FloatLogSlider(
            value=1.0,
            base=10,
            min=-1.5,
            max=1.0,
            step=0.1,
            description="temperature",
            style={"description_width": "initial"},
            layout={"width": "360px"},
            continuous_update=False,
        )
        self.temperature.observe(lambda change: self.warm(), "value")
        super().__init__((self.temperature,))

    def warm(self) -> None:
        """Make the steps anew with the slider's temperature; what was answered stays answered."""
        self._frames.clear()
        self.show()

    def parts(self, i: int) -> tuple[Tensor, Tensor]:
        """Gumbel noise of step i, and the soft choice softmax((logits + noise) / temperature); both (K, rows, cols)."""
        codes, rows, cols = self.logits.shape
        gumbel = noise(self.seed, i, rows * cols, codes).T.reshape(codes, rows, cols)
        return gumbel, ((self.logits + gumbel) / self.temperature.value).softmax(dim=0)

    def here(self, values: Tensor) -> Tensor:
        """(K, rows, cols) -> (K,), those of the position that is looked at."""
        return values[:, self.place[0], self.place[1]]

    def frame(self, i: int) -> Frame:
        gumbel, soft = self.parts(i)
        total = self.here(self.logits + gumbel)
        best = total.argsort(descending=True)
        winner = int(best[0])
        top = self.here(self.logits).argsort(descending=True)[: SHOWN - 2].tolist()
        shown = sorted({*top, *best[:3].tolist()})[: SHOWN + 1]
        among = sorted(best[:3].tolist())
        share = float(self.here(soft)[winner])
        with torch.no_grad():
            mixture = torch.einsum("khw,kd->dhw", soft, self.codes)[None]
            image = self.decode(mixture)[0].clamp(0, 1)
        return Frame(
            self.picture(shown, gumbel, soft, image),
            f"Code <b>{winner}</b> wins. At temperature {self.temperature.value:.2g} it has {share:.0%} of the mix. "
            "Move the temperature: watch the bars, the framed position, and the whole picture.",
            question=f"Noise {i + 1}: which code has the largest logit + noise?",
            choices=tuple(f"code {k}" for k in among),
            answer=among.index(winner),
            because="Sums: " + ", ".join(f"code {k}: {total[k]:.1f}" for k in among) + ".",
            hidden=self.picture(shown, gumbel, None, None),
        )

    def picture(self, shown: list[int], gumbel: Tensor, soft: Tensor | None, image: Tensor | None) -> Picture:
        """shown: the codes with a bar. The last three panels wait for the answer, with soft and image None."""
        figure = new_figure(9.0, 2.6)
        axes = figure.subplots(1, 5, width_ratios=[1, 1, 1, 1, 1.15])
        logits, noises = self.here(self.logits)[shown], self.here(gumbel)[shown]
        panels = (
            ("logits", logits, BLUE),
            ("Gumbel noise", noises, ORANGE),
            ("sum", logits + noises if soft is not None else None, PURPLE),
            ("softmax(sum / t)", self.here(soft)[shown] if soft is not None else None, GREEN),
        )
        together = torch.cat((logits, noises, logits + noises, torch.zeros(1)))
        low, high = float(together.min()) - 0.5, float(together.max()) + 0.5
        for ax, (name, values, color) in zip(axes, panels, strict=False):
            ax.set_title(name, fontsize=9)
            if values is None:
                ax.text(0.5, 0.5, "?", fontsize=24, ha="center", va="center", transform=ax.transAxes)
            else:
                ax.bar(range(len(shown)), values.tolist(), color=color)
            ax.axhline(0, color="#444444", linewidth=0.8)
            ax.set_xticks(range(len(shown)), [str(k) for k in shown], fontsize=8)
            ax.set_xlim(-0.6, len(shown) - 0.4)
            ax.tick_params(axis="y", labelsize=8)
            ax.set_ylim(*((0, 1.05) if color == GREEN else (low, high)))
        axes[4].set_title("the picture", fontsize=9)
        self.draw(axes[4], image)
        state = "to be guessed" if soft is None else "shown"
        return show(
            figure,
            f"Bars for {len(shown)} codes of one position: logits, noise; their sum, the soft choice and the picture "
            f"decoded from it are {state}.",
        )

    def draw(self, ax, image: Tensor | None) -> None:
        """The decoded picture with the position framed, or a question mark."""
        if image is None:
            unknown(ax, (8, 8))
            return
        frame(ax, to_image(image))
        side = image.shape[-1] / self.logits.shape[-1]
        corner = (self.place[1] * side - 0.5, self.place[0] * side - 0.5)
        ax.add_patch(rectangle(corner, side, side, fill=False, edgecolor=RED, linewidth=2))
