"""Lesson 16: what a training costs, and which of its costs grow when one thing changes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

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
SEEN = 430_000 * 1024  # pairs, in the paper
DATA = {"100 thousand": 1e5, "1 million": 1e6, "10 million": 1e7, "100 million": 1e8, "440 million, the paper": SEEN}
V100, GPUS, USED = 125e12, 1024, 0.3  # peak FLOPs a second in 16 bits (NVIDIA), the paper's number, our assumption
WATTS, OVERHEAD = 300, 1.2  # of a V100 (NVIDIA); what the building takes for each watt of the machines: assumed

# What changes, by which factor; which row of the table is asked about; why.
CHANGES: tuple[tuple[dict[str, float], str, str], ...] = (
    ({"width": 2}, "FLOPs of the training", "A block holds 12 C² numbers, and each costs 6 FLOPs a token."),
    ({"batch": 2}, "FLOPs of the training", "As many pairs are seen, in half as many steps."),
    ({"GPUs": 2}, "time", "The same FLOPs, twice as many a second, if all keep busy."),
    ({"GPUs": 2}, "energy", "Twice the watts, for half the time."),
    ({"width": 2, "pairs": 0.25}, "energy", "Four times the parameters, a quarter of the tokens: 6 · N · D stays."),
    ({"batch": 2}, "activations kept, whole batch", "Each pair in the batch keeps its own."),
    ({"side": 2}, "pairs of slots in attention", "Four times the image tokens; pairs grow with the slots squared."),
)
FACTORS = (0.5, 1, 2, 4, 8, 12)
CHOICES = ("half", "the same", "about 2 times", "about 4 times", "about 8 times", "about 12 times")


@dataclass(frozen=True)
class Plan:
    """A training: the model, the pairs that it sees, the batch, how many GPUs."""

    model: DALLEConfig
    pairs: float
    batch: int
    gpus: int = GPUS

    def changed(self, what: dict[str, float]) -> Plan:
        c = self.model
        by = {name: what.get(name, 1) for name in ("width", "side", "pairs", "batch", "GPUs")}
        rows, cols = int(c.rows * by["side"]), int(c.cols * by["side"])
        model = replace(c, width=int(c.width * by["width"]), rows=rows, cols=cols)
        return Plan(model, self.pairs * by["pairs"], int(self.batch * by["batch"]), int(self.gpus * by["GPUs"]))


def parameters(c: DALLEConfig) -> int:
    """How many numbers the model of a configuration holds, without building it."""
    blocks = c.layers * (12 * c.width**2 + 13 * c.width) + 2 * c.width
    tables = (c.vocab_size + 2 * c.text_length + 1 + c.codes + c.rows + c.cols) * c.width
    heads = (c.width + 1) * (c.vocab_size + c.codes)
    return blocks + tables + heads


def costs(plan: Plan) -> dict[str, float]:
    """What a training costs, row by row. Memory as in the paper: 16 bits for each number, and of the activations only
    the blocks' inputs, the rest being computed again (section 2.4)."""
    c = plan.model
    slots = c.text_length + c.rows * c.cols
    flops = 6 * parameters(c) * plan.pairs * slots
    seconds = flops / (V100 * plan.gpus * USED)
    return {
        "parameters": parameters(c),
        "steps": plan.pairs / plan.batch,
        "FLOPs of the training": flops,
        "time": seconds,
        "energy": seconds * plan.gpus * WATTS * OVERHEAD / 3.6e6,
        "weights, gradients, two moments": 4 * 2 * parameters(c),
        "activations kept, whole batch": 2 * c.layers * plan.batch * slots * c.width,
        "pairs of slots in attention": slots**2,
    }


def written(row: str, value: float) -> str:
    """A cost as one reads it."""
    if row == "time":
        units = ((86400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds"), (1e-3, "milliseconds"))
        return in_units(value, units)
    if row == "energy":
        return in_units(value, ((1e3, "MWh"), (1, "kWh"), (1e-3, "Wh"), (1e-6, "mWh")))
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
    return f"{number:,.0f} {name}".strip() if number >= 100 else f"{number:.3g} {name}".strip()


def said(what: dict[str, float]) -> str:
    """A change in words: "The width doubles"."""
    names = {"pairs": "number of pairs", "GPUs": "number of GPUs", "side": "side of the grid of image tokens"}
    how = {2: "doubles", 0.25: "falls to a quarter"}
    words = " and the ".join(f"{names.get(name, name)} {how[factor]}" for name, factor in what.items())
    return f"The {words}"


class TrainingCost(Stepper):
    """Each step changes one thing or two: guess how one cost answers, then see all of them.

    The sliders set what is changed: the model's size (width × layers), the pairs seen, the batch.
    """

    title = "What grows with what"

    def __init__(self):
        self.length = len(CHANGES)
        style = {
            "continuous_update": False,
            "style": {"description_width": "initial"},
            "layout": {"width": "460px"},
        }
        self.size = widgets.SelectionSlider(options=SIZES, value=PAPER, description="width × layers", **style)
        self.data = widgets.SelectionSlider(options=DATA, value=SEEN, description="pairs seen", **style)
        powers = [(f"{2**n:,}", 2**n) for n in range(0, 14)]
        self.batch = widgets.SelectionSlider(options=powers, value=1024, description="batch", **style)
        for slider in (self.size, self.data, self.batch):
            slider.observe(lambda change: self.again(), "value")
        super().__init__((self.size, self.data, self.batch))

    def again(self) -> None:
        """The same steps from other sizes, at the same place; what was answered stays answered."""
        self._frames.clear()
        self.show()

    def before_and_after(self, i: int) -> tuple[dict[str, float], dict[str, float]]:
        """The costs as the sliders say, and with what step i changes."""
        plan = Plan(self.size.value, self.data.value, self.batch.value)
        return costs(plan), costs(plan.changed(CHANGES[i][0]))

    def frame(self, i: int) -> Frame:
        what, row, because = CHANGES[i]
        before, after = self.before_and_after(i)
        factor = after[row] / before[row]
        answer = min(range(len(FACTORS)), key=lambda n: abs(math.log(factor / FACTORS[n])))
        change = f"{written(row, before[row])} → {written(row, after[row])}, {factor:.2f} times."
        change = change.replace("$10^{", "10<sup>").replace("}$", "</sup>")
        return Frame(
            self.picture(before, after, row, f"{said(what)}."),
            f"{said(what)}: <b>{row}</b> {change}",
            question=f"{said(what)}, the rest stays as the sliders say. What happens to: {row}?",
            choices=CHOICES,
            answer=answer,
            because=f"{factor:.2f} times: {because[0].lower() + because[1:]}",
            hidden=self.picture(before, None, row, f"{said(what)}."),
        )

    def picture(self, before: dict[str, float], after: dict[str, float] | None, asked: str, title: str) -> Picture:
        """A table, a line for each cost: before, after, and how many times as much as a bar."""
        figure = new_figure(9.0, 3.1)
        ax = figure.subplots()
        ax.set_axis_off()
        ax.set_title(title, fontsize=10, fontweight="bold", loc="left")
        for x, head in ((2.9, "before"), (4.5, "after"), (6.1, "times")):
            ax.text(x, 0.9, head, fontsize=9, fontweight="bold", va="center")
        for line, row in enumerate(before):
            y = -line
            bold = "bold" if row == asked else "normal"
            ax.text(0, y, row, fontsize=9, fontweight=bold, va="center")
            ax.text(2.9, y, written(row, before[row]), fontsize=9, va="center")
            ax.text(4.5, y, "?" if after is None else written(row, after[row]), fontsize=9, va="center")
            if after is not None:
                factor = after[row] / before[row]
                ax.add_patch(rectangle((6.1, y - 0.3), 0.2 * factor, 0.6, facecolor=ORANGE))
                ax.text(6.15 + 0.2 * factor, y, f"{factor:.2g}", fontsize=9, va="center")
        ax.set_xlim(0, 9.6)
        ax.set_ylim(-len(before) + 0.4, 1.4)
        told = "to be guessed." if after is None else "; ".join(f"{r} {after[r] / before[r]:.2g} times" for r in after)
        return show(figure, f"{title} {told}")
