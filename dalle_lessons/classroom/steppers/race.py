"""Lesson 03: every code has a clock, and the first to ring wins: why Gumbel noise and an argmax sample a softmax."""

from __future__ import annotations

import torch
from torch import Tensor

from ...model.sampling import noise
from ..figures import BLUE, GRAY, GREEN, ORANGE, new_figure, show
from ..pictures import Picture
from .base import Frame, Stepper


class Race(Stepper):
    """First single races, each with a question; then many at once, their winners counted beside the softmax.

    logits: (K,) of one position, K at most about eight. singles: races one by one. counts: how many are run at each of
    the later steps, in all.
    """

    title = "A race of clocks"
    strip = 2

    def __init__(
        self, logits: Tensor, singles: int = 4, counts: tuple[int, ...] = (10, 100, 1000, 10000), seed: int = 0
    ):
        self.probabilities = logits.detach().float().softmax(dim=0)
        self.singles, self.counts = singles, counts
        self.length = singles + len(counts)
        # -ln u, which all clocks draw alike: exp of minus the Gumbel noise that the course samples with
        self.waits = (-noise(seed, 0, max(*counts, singles), len(logits))).exp()  # (races, K)
        self.times = self.waits / self.probabilities
        super().__init__()

    def winners(self, races: int) -> Tensor:
        """(K,) int64: how often each code rang first in so many races."""
        return torch.bincount(self.times[:races].argmin(dim=1), minlength=len(self.probabilities))

    def frame(self, i: int) -> Frame:
        return self.single(i) if i < self.singles else self.many(self.counts[i - self.singles])

    def single(self, i: int) -> Frame:
        times = self.times[i]
        winner = int(times.argmin())
        among = times.argsort()[:3].sort().values.tolist()
        told = [f"{self.waits[i, k]:.2f} / {self.probabilities[k]:.2f} = {times[k]:.2f}" for k in among]
        sums = ", ".join(f"code {k}: {-times[k].log():.2f}" for k in among)
        return Frame(
            self.race(i, times),
            f"Minus the logarithm of a ringing time is ln p + Gumbel noise. Here: {sums}. The first to ring has the "
            "largest sum.",
            question=f"Race {i + 1}: time = wait / probability. Which clock rings first?",
            choices=tuple(f"code {k}" for k in among),
            answer=among.index(winner),
            because="Times: " + "; ".join(f"code {k}: {text}" for k, text in zip(among, told, strict=True)) + ".",
            hidden=self.race(i, None),
        )

    def race(self, i: int, times: Tensor | None) -> Picture:
        """Probability and wait of each code as bars; its ringing time, or a question mark."""
        figure = new_figure(8.6, 2.5)
        axes = figure.subplots(1, 3, sharey=True)
        codes = list(range(len(self.probabilities)))
        columns = (
            ("probability p", self.probabilities, BLUE),
            ("wait: −ln u", self.waits[i], ORANGE),
            ("rings at: wait / p", times, GREEN),
        )
        for ax, (name, values, color) in zip(axes, columns, strict=True):
            ax.set_title(name, fontsize=10)
            ax.set_yticks(codes, [f"code {k}" for k in codes], fontsize=9)
            ax.tick_params(axis="x", labelsize=8)
            if values is None:
                ax.text(0.5, 0.5, "?", fontsize=26, ha="center", va="center", transform=ax.transAxes)
                ax.set_xticks([])
                continue
            colors = [color if values is not times or k == int(values.argmin()) else GRAY for k in codes]
            bars = ax.barh(codes, values.tolist(), color=colors)
            ax.bar_label(bars, fmt="%.2f", fontsize=8, padding=2)
            ax.margins(x=0.2)
        axes[0].invert_yaxis()
        told = "their times are to be guessed" if times is None else f"code {int(times.argmin())} rings first"
        return show(figure, f"Bars for {len(codes)} codes: probability, wait, and the time at which it rings; {told}.")

    def many(self, races: int) -> Frame:
        share = self.winners(races) / races
        gap = float((share - self.probabilities).abs().max())
        figure = new_figure(8.6, 2.5)
        ax = figure.subplots()
        codes = torch.arange(len(share))
        for offset, values, color, name in (
            (-0.2, self.probabilities, BLUE, "softmax of the logits"),
            (0.2, share, GREEN, f"share of {races:,} races won"),
        ):
            bars = ax.bar((codes + offset).tolist(), values.tolist(), width=0.38, color=color, label=name)
            ax.bar_label(bars, fmt="%.3f", fontsize=8, padding=1)
        ax.set_xticks(codes.tolist(), [f"code {k}" for k in codes.tolist()], fontsize=9)
        ax.tick_params(axis="y", labelsize=8)
        ax.margins(y=0.15)
        ax.legend(fontsize=9)
        text = f"After {races:,} races the largest difference between a code's share and its probability is {gap:.3f}."
        return Frame(show(figure, f"For each code two bars: its softmax, its share of {races:,} races won."), text)
