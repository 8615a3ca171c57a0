"""Lesson 16: what a training costs, and which of its costs grow when one thing doubles."""

from __future__ import annotations

import math
from dataclasses import replace

import ipywidgets as widgets

from ...model.dalle import DALLEConfig
from ..figures import ORANGE, new_figure, rectangle, show
from ..pictures import Picture
from .base import Frame, Stepper

PAPER = DALLEConfig.paper()
SMALL = DALLEConfig(352, 16, 8, 8, 256, 128, 4, 4)  # the shapes model
SIZES = {
    "128 × 4, shapes": SMALL,
    "256 × 6, emoji": replace(SMALL, vocab_size=2048, text_length=28, codes=4096, width=256, layers=6),
    "1,024 × 24": replace(PAPER, width=1024, layers=24, heads=16),
    "1,920 × 64": replace(PAPER, width=1920, heads=30),  # this one and the next: paper, Table 1
    "2,688 × 64": replace(PAPER, width=2688, heads=42),
    "3,968 × 64, the paper": PAPER,
}
DATA = {"100 thousand": 1e5, "1 million": 1e6, "10 million": 1e7, "100 million": 1e8, "440 million, the paper": 4.4e8}
V100, GPUS, USED = 125e12, 1024, 0.3  # peak FLOPs a second in 16 bits (NVIDIA), the paper's number, our assumption

CHANGES = (  # what doubles, which row of the table is asked about
    ("width", "FLOPs of the training"),
    ("layers", "parameters"),
    ("data", "FLOPs of the training"),
    ("width", "weights, gradients, two moments"),
    ("batch", "FLOPs of the training"),
    ("batch", "activations kept, whole batch"),
)
FACTORS = (1, 2, 4, 8)
CHOICES = ("stays the same", "about 2 times", "about 4 times", "about 8 times")


def parameters(c: DALLEConfig) -> int:
    """How many numbers the model of a configuration holds, without building it."""
    blocks = c.layers * (12 * c.width**2 + 13 * c.width) + 2 * c.width
    tables = (c.vocab_size + 2 * c.text_length + 1 + c.codes + c.rows + c.cols) * c.width
    heads = (c.width + 1) * (c.vocab_size + c.codes)
    return blocks + tables + heads


def costs(c: DALLEConfig, data: float, batch: int) -> dict[str, float]:
    """What a training on `data` pairs costs, row by row. Memory as in the paper: 16 bits for each number, and of the
    activations only the blocks' inputs, the rest being computed again (section 2.4)."""
    slots = c.text_length + c.image_length
    flops = 6 * parameters(c) * data * slots
    return {
        "parameters": parameters(c),
        "steps": data / batch,
        "FLOPs of the training": flops,
        "time on 1,024 V100s": flops / (V100 * GPUS * USED),
        "weights, gradients, two moments": 4 * 2 * parameters(c),
        "activations kept, whole batch": 2 * c.layers * batch * slots * c.width,
    }


def written(row: str, value: float) -> str:
    """A cost as one reads it."""
    if row.startswith("time"):
        units = ((86400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds"), (1e-3, "milliseconds"))
        return in_units(value, units)
    if row.startswith(("weights", "activations")):
        return in_units(value, ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")))
    if row.startswith("FLOPs"):
        power = math.floor(math.log10(value))
        return f"{value / 10**power:.1f}·$10^{{{power}}}$"
    return in_units(value, ((1e9, "billion"), (1e6, "million"), (1e3, "thousand"), (1, "")))


def in_units(value: float, units: tuple[tuple[float, str], ...]) -> str:
    """In the largest unit that it reaches, else in the smallest."""
    size, name = next(((size, name) for size, name in units if value >= size), units[-1])
    number = value / size
    return f"{number:,.0f} {name}".strip() if number >= 100 else f"{number:.2g} {name}".strip()


class TrainingCost(Stepper):
    """Each step doubles one thing (width, layers, data, batch): guess how one cost answers, then see all of them.

    The sliders set what is doubled from: the model's size (width × layers), the pairs seen, the batch.
    """

    title = "What doubles with what"

    def __init__(self):
        self.length = len(CHANGES)
        style = {"continuous_update": False, "layout": {"width": "420px"}}
        self.size = widgets.SelectionSlider(options=SIZES, value=PAPER, description="size", **style)
        self.data = widgets.SelectionSlider(options=DATA, value=4.4e8, description="pairs seen", **style)
        powers = [(f"{2**n:,}", 2**n) for n in range(0, 14)]
        self.batch = widgets.SelectionSlider(options=powers, value=1024, description="batch", **style)
        for slider in (self.size, self.data, self.batch):
            slider.observe(lambda change: self.again(), "value")
        super().__init__((self.size, self.data, self.batch))

    def again(self) -> None:
        """The same steps from other sizes; what was answered stays answered."""
        self._frames.clear()
        self.show()

    def before_and_after(self, i: int) -> tuple[dict[str, float], dict[str, float]]:
        """The costs as the sliders say, and with what step i doubles."""
        c, data, batch = self.size.value, self.data.value, self.batch.value
        what = CHANGES[i][0]
        if what in ("width", "layers"):
            return costs(c, data, batch), costs(replace(c, **{what: 2 * getattr(c, what)}), data, batch)
        return costs(c, data, batch), costs(c, data * (1 + (what == "data")), batch * (1 + (what == "batch")))

    def frame(self, i: int) -> Frame:
        what, row = CHANGES[i]
        before, after = self.before_and_after(i)
        factor = after[row] / before[row]
        answer = min(range(4), key=lambda n: abs(math.log(factor / FACTORS[n])))
        name = {"data": "number of pairs", "layers": "number of layers"}.get(what, what)
        return Frame(
            self.picture(before, after, row, f"The {name} doubles."),
            f"The {name} doubles: <b>{row}</b> {written(row, before[row])} → {written(row, after[row])}, "
            f"{factor:.2f} times.".replace("$10^{", "10<sup>").replace("}$", "</sup>"),
            question=f"The {name} doubles, the rest stays as the sliders say. What happens to: {row}?",
            choices=CHOICES,
            answer=answer,
            hidden=self.picture(before, None, row, f"The {name} doubles: what then?"),
        )

    def picture(self, before: dict[str, float], after: dict[str, float] | None, asked: str, title: str) -> Picture:
        """A table, a line for each cost: before, after, and how many times as much as a bar."""
        figure = new_figure(9.0, 2.5)
        ax = figure.subplots()
        ax.set_axis_off()
        for x, head in ((0, title), (3.5, "before"), (5.1, "after"), (6.7, "times")):
            ax.text(x, 0.9, head, fontsize=9, fontweight="bold", va="center")
        for line, row in enumerate(before):
            y = -line
            bold = "bold" if row == asked else "normal"
            ax.text(0, y, row, fontsize=9, fontweight=bold, va="center")
            ax.text(3.5, y, written(row, before[row]), fontsize=9, va="center")
            ax.text(5.1, y, "?" if after is None else written(row, after[row]), fontsize=9, va="center")
            if after is not None:
                factor = after[row] / before[row]
                ax.add_patch(rectangle((6.7, y - 0.3), 0.4 * factor, 0.6, facecolor=ORANGE))
                ax.text(6.75 + 0.4 * factor, y, f"{factor:.2g}", fontsize=9, va="center")
        ax.set_xlim(0, 9)
        ax.set_ylim(-len(before) + 0.4, 1.4)
        told = "to be guessed." if after is None else "; ".join(f"{r} {after[r] / before[r]:.2g} times" for r in after)
        return show(figure, f"{title} {told}")
