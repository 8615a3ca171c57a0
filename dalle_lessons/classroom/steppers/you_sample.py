"""Lesson 00: you are the sampler. The likeliest next patches, painted in place; choose one, or throw the dice."""

from __future__ import annotations

import textwrap

import ipywidgets as widgets
import torch
from PIL import Image

from ...pipeline.stream import UNDRAWN, picture_so_far
from ...pipeline.text_to_image import TextToImage
from ..figures import PALETTE, RED, frame, new_figure, rectangle, show
from ..markup import Markup
from ..next_token import NextToken, close_up
from ..pictures import Picture
from .base import CHOICES, Frame, Stepper

SHOWN = 6  # of the likeliest next patches


class YouSample(Stepper):
    """A picture patch by patch: at each step the likeliest next patches with their probabilities, painted in place. The
    reader chooses one; Forward, where no patch is yet, throws the dice.

    system: the models. caption: what is drawn; the reader can type another. seed: of the dice.
    """

    title = "You are the sampler"
    tall = True

    def __init__(self, system: TextToImage, caption: str, seed: int = 0):
        self.system, self.config = system, system.dalle.config
        self.length = self.config.image_length + 1
        self._dice = torch.Generator().manual_seed(seed)
        self._begin(caption)
        self.caption = widgets.Text(
            value=caption,
            description="caption",
            continuous_update=False,
            style={"description_width": "initial"},
            layout={"width": "420px"},
        )
        self.caption.observe(lambda change: self._ask(change["new"]), "value")
        self._error = Markup()
        self.choices = [widgets.Button(layout={"width": "auto"}) for _ in range(SHOWN)]
        for n, button in enumerate(self.choices):
            button.on_click(lambda _, n=n: self.choose(n))
        self.dice = widgets.Button(description="Throw the dice", layout={"width": "auto"})
        self.dice.on_click(lambda _: self.throw())
        self.line = widgets.Button(description="Throw for the rest of the line", layout={"width": "auto"})
        self.line.on_click(lambda _: self.go(self.position + self.config.cols - self.position % self.config.cols))
        row = widgets.HBox([*self.choices, self.dice, self.line], layout={"flex_flow": "row wrap"})
        super().__init__((self.caption, self._error, row), seconds=0.6)

    # ---- what the reader does ----

    def _ask(self, caption: str) -> None:
        """Begin anew with another caption; what is wrong with it is said, and the drawing stays."""
        try:
            self._begin(caption)
        except ValueError as error:
            self._error.say(str(error))
            return
        self._error.say("" if caption.strip() else "An empty caption: anything may come.")
        self.renew()

    def _begin(self, caption: str) -> None:
        self.scores = NextToken(self.system, caption)
        self.tokens: list[int] = []
        self.fell: list[float | None] = []  # for each token, where the die fell, in [0, 1); None: it was chosen

    def choose(self, n: int) -> None:
        """Take the n-th likeliest patch as the next one."""
        if self.position < self.config.image_length:
            self._take(int(self.ordered(self.position)[1][n]), None)

    def throw(self) -> None:
        """Throw the dice for the next patch, again if there is one already."""
        if self.position < self.config.image_length:
            self._take(*self.dice_at(self.position))

    def _take(self, token: int, fell: float | None) -> None:
        i = self.position
        self.tokens, self.fell = [*self.tokens[:i], token], [*self.fell[:i], fell]
        self._frames = {place: made for place, made in self._frames.items() if place <= i}
        self.go(i + 1)

    # ---- probabilities and dice ----

    def ordered(self, i: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Probabilities (codes,) of token i given those before it, largest first, and the codes in this order."""
        return self.scores(self.tokens[:i]).softmax(dim=0).sort(descending=True)

    def dice_at(self, i: int) -> tuple[int, float]:
        """A number in [0, 1) that falls on one of the probabilities laid end to end -> (that code, the number)."""
        probabilities, codes = self.ordered(i)
        fell = float(torch.rand((), generator=self._dice))
        place = int((probabilities.cumsum(dim=0) <= fell).sum())
        return int(codes[min(place, len(codes) - 1)]), fell

    # ---- what is shown ----

    def frame(self, i: int) -> Frame:
        while len(self.tokens) < i:
            token, fell = self.dice_at(len(self.tokens))
            self.tokens.append(token)
            self.fell.append(fell)
        if i < self.config.image_length:
            probabilities, codes = self.ordered(i)
            return Frame(self.picture(i, probabilities, codes[:SHOWN].tolist()), self.words(i))
        return Frame(self.whole(), self.words(i))

    def words(self, i: int) -> str:
        chosen = sum(fell is None for fell in self.fell[:i])
        how = f"{chosen} chosen by you, {i - chosen} by the dice"
        if i == self.config.image_length:
            return f"The last patch is there: {how}. Go back to any step and take another turn."
        if i == 0:
            return "No patch is there yet. The orange frame is where the next one goes."
        return f"{i} of {self.config.image_length} patches are there: {how}."

    def show(self) -> None:
        super().show()
        i, over = self.position, self.position == self.config.image_length
        likely = [0.0] * SHOWN if over else self.ordered(i)[0][:SHOWN].tolist()
        for name, button, probability in zip(CHOICES, self.choices, likely, strict=False):
            button.description = f"{name} · {percent(probability)}"
            button.tooltip = f"Take patch {name}"
        for button in (*self.choices, self.dice, self.line):
            button.disabled = over

    def picture(self, i: int, probabilities: torch.Tensor, codes: list[int]) -> Picture:
        """The picture so far, the likeliest next patches in place, and the probabilities laid end to end."""
        c, side = self.config, self.system.dvae.config.factor
        figure = new_figure(9.2, 3.9)
        grid = figure.add_gridspec(3, 5, height_ratios=(6, 6, 2.6), width_ratios=(2.1, 1, 1, 1, 0.01))
        left = figure.add_subplot(grid[:2, 0])
        frame(left, self.canvas(i))
        row, col = divmod(i, c.cols)
        box = {"fill": False, "edgecolor": RED, "linewidth": 2.5}
        left.add_patch(rectangle((col * side - 0.5, row * side - 0.5), side, side, **box))
        left.set_title("so far, and where the next patch goes", fontsize=9)
        for n, code in enumerate(codes):
            ax = figure.add_subplot(grid[n // 3, 1 + n % 3])
            frame(ax, close_up(self.system, [*self.tokens[:i], code], i))
            ax.set_title(f"{CHOICES[n]}: {percent(float(probabilities[n]))}", fontsize=9, pad=3)
            for line in ax.spines.values():
                line.set(color=PALETTE[n], linewidth=3)
        self.bars(figure.add_subplot(grid[2, :]), i, probabilities)
        likely = ", ".join(f"{CHOICES[n]} {percent(float(probabilities[n]))}" for n in range(len(codes)))
        return show(figure, f"The picture after {i} patches, and the likeliest next ones in place: {likely}.")

    def bars(self, ax, i: int, probabilities: torch.Tensor) -> None:
        """The probabilities of this patch laid end to end, and above them those of the patch before, with its die."""
        rows: list[tuple[int, str, torch.Tensor, float | None]] = [(0, "the next patch", probabilities, None)]
        if i:
            rows.append((1, "the patch before", self.ordered(i - 1)[0], self.fell[i - 1]))
        for y, name, values, fell in rows:
            left = 0.0
            for n, value in enumerate([*values[:SHOWN].tolist(), float(values[SHOWN:].sum())]):
                color = PALETTE[n] if n < SHOWN else "#DDDDDD"
                ax.barh(y, value, left=left, height=0.6, color=color, edgecolor="white", linewidth=0.5)
                label = CHOICES[n] if n < SHOWN else "all others"
                if value > (0.025 if n < SHOWN else 0.12):
                    ax.text(left + value / 2, y, label, ha="center", va="center", fontsize=9, color="black")
                left += value
            ax.text(-0.01, y, name, ha="right", va="center", fontsize=9)
            if y and fell is not None:
                ax.plot([fell], [y + 0.45], marker="v", color="black", markersize=9)
            if y:
                words = "you chose" if fell is None else "▼ the die fell"
                ax.text(1.01, y, words, ha="left", va="center", fontsize=9)
        ax.set(xlim=(-0.16, 1.14), ylim=(-0.5, 1.7))
        ax.set_axis_off()

    def canvas(self, i: int) -> Image.Image:
        """The picture of the first i tokens, gray where nothing is drawn yet."""
        c, side = self.config, self.system.dvae.config.factor
        if i == 0:
            return Image.new("RGB", (c.cols * side, c.rows * side), (round(255 * UNDRAWN),) * 3)
        return picture_so_far(self.system.dvae, torch.tensor(self.tokens[:i]), c.rows, c.cols, self.system.device)

    def whole(self) -> Picture:
        figure = new_figure(9.2, 3.9)
        ax = figure.subplots()
        frame(ax, self.canvas(self.config.image_length))
        ax.set_title(textwrap.fill(self.scores.caption, 60), fontsize=10)
        return show(figure, f"The finished picture for: {self.scores.caption}.")

    # ---- where no kernel runs ----

    def key_frames(self) -> list[int]:
        c = self.config
        return [c.rows * part // 8 * c.cols + c.cols // 4 for part in (3, 5)]

    def static(self) -> Picture:
        words = "the picture so far, the likeliest next patches in place, and their probabilities laid end to end"
        return Picture(super().static().png, f"{self.title}: {words}. Run this cell to step.")


def percent(probability: float) -> str:
    """0.4321 -> "43 %"; what is rarer than one in a hundred keeps a digit."""
    return f"{100 * probability:.0f} %" if probability >= 0.01 else f"{100 * probability:.1f} %"
