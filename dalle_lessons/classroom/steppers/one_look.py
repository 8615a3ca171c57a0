"""Lesson 07: one slot's look, operation by operation: dot products, ÷ √C, mask, softmax, mixture."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import ipywidgets as widgets
import torch
from torch import Tensor

from ..figures import BLUE, ORANGE, RED, new_figure, rectangle, show
from ..pictures import Picture
from .base import Frame, Stepper

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STEPS = ("query and keys", "dot products", "÷ √C", "mask", "softmax", "mixture")


class OneLook(Stepper):
    """Goes through what attention computes for one slot; which slot is chosen from a list, and a dial turns its query.

    words: S names. q, k (S, 2), v (S, 2): queries, keys and values, the values being (red, blue). Raises ValueError for
    other sizes: with more than two numbers there is no plane to draw them in.
    """

    title = "One slot's look"
    strip = 2

    def __init__(self, words: Sequence[str], q: Tensor, k: Tensor, v: Tensor, start: str | None = None):
        shape = (len(words), 2)
        if any(tuple(part.shape) != shape for part in (q, k, v)):
            raise ValueError(f"Queries, keys and values must have the shape {shape}: two numbers for each word.")
        self.words, self.q, self.k, self.v = list(words), q, k, v
        self.length = len(STEPS)
        style, layout = {"description_width": "initial"}, {"width": "260px"}
        self.slot = widgets.Dropdown(
            options=[(word, i) for i, word in enumerate(words)],
            value=self.words.index(start) if start else len(words) - 1,
            description="the slot of",
            style=style,
            layout=layout,
        )
        self.turn = widgets.IntSlider(
            value=0, min=-180, max=180, step=15, description="turn its query by (degrees)", continuous_update=False,
            style=style, layout={"width": "400px"},
        )  # fmt: skip
        for control in (self.slot, self.turn):
            control.observe(lambda change: self.renew(keep=True), "value")
        super().__init__((widgets.HBox([self.slot, self.turn], layout={"flex_flow": "row wrap"}),))

    # ---- the computation ----

    @property
    def asking(self) -> int:
        """The chosen slot."""
        return int(self.slot.value or 0)

    def query(self) -> Tensor:
        """The chosen slot's query (2,), turned by the dial."""
        angle = math.radians(self.turn.value)
        x, y = self.q[self.asking].tolist()
        return torch.tensor(
            [x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)], dtype=self.k.dtype
        )

    def rows(self) -> list[Tensor]:
        """Dot products, scaled, masked, weights: (S,) each; and the mixture (2,)."""
        dots = self.k @ self.query()
        scaled = dots / math.sqrt(2)
        masked = scaled.masked_fill(torch.arange(len(self.words)) > self.asking, -torch.inf)
        weights = masked.softmax(dim=0)
        return [dots, scaled, masked, weights, weights @ self.v]

    def most(self, row: Tensor) -> str:
        """The words with the largest number of a row, as one name."""
        best = [word for word, value in zip(self.words, row.tolist(), strict=True) if value > float(row.max()) - 1e-3]
        return "all alike" if len(best) == int(torch.isfinite(row).sum()) > 1 else " and ".join(best)

    # ---- the frames ----

    def frame(self, i: int) -> Frame:
        dots, scaled, masked, weights, mixture = self.rows()
        word, seen = html.escape(self.words[self.asking]), self.asking + 1
        later = self.words[seen:]
        red, blue = mixture.tolist()
        if i == 0:
            return Frame(self.picture(0), f"The query of “{word}” (orange) and the keys of all words, as arrows.")
        if i == 1:
            return self.asked(
                1,
                f"With whose key does the query of “{word}” have the largest dot product? (The more an arrow points "
                "the query's way, and the longer it is, the larger.)",
                self.most(dots),
                {self.most(self.k @ torch.tensor(turned)) for turned in ([1.0, 0.0], [0.0, 1.0])} | {"all alike"},
                f"{_listed(self.words, dots)}.",
            )
        if i == 2:
            return Frame(self.picture(2), f"Divided by √2 = 1.41, since C is 2 here: {_listed(self.words, scaled)}.")
        if i == 3:
            return self.asked(
                3,
                f"Which words must “{word}” not see?",
                ", ".join(later) if later else "none",
                {"none", ", ".join(self.words[: self.asking]) or "itself", ", ".join(self.words[1:])},
                f"“{word}” is slot {self.asking}: "
                + (f"what comes after it gets −∞: {', '.join(later)}." if later else "nothing comes after it."),
            )
        if i == 4:
            return self.asked(
                4,
                f"Which word gets the largest weight from “{word}” now?",
                self.most(masked),
                {self.most(dots), self.words[0], word},
                f"{_listed(self.words[:seen], weights)}; together 1.",
            )
        return self.asked(
            5,
            f"The values of “red” and “blue” are mixed by these weights. What does “{word}” receive?",
            _mixed(red, blue),
            {"nearly all red", "nearly all blue", "half red, half blue"},
            f"Red {red:.2f}, blue {blue:.2f}: the weights of these two words, since the others hand over nothing.",
        )

    def asked(self, i: int, question: str, answer: str, others: set[str], because: str) -> Frame:
        choices, because = sorted({answer, *others}), because[0].upper() + because[1:]
        return Frame(
            self.picture(i),
            f"The line “{STEPS[i]}” is new. {because}",
            question=question,
            choices=tuple(choices),
            answer=choices.index(answer),
            because=because,
            hidden=self.picture(i - 1),
        )

    def picture(self, i: int) -> Picture:
        """Left the arrows, right the numbers so far, a line for each operation."""
        drawn = new_figure(6.6, 3.2)
        left, right = drawn.subplots(1, 2, width_ratios=(2.3, 4.3))
        self.draw_arrows(left)
        rows = self.rows()
        self.draw_rows(right, rows[:i], mixture=rows[4] if i == 5 else None)
        told = "; ".join(f"{STEPS[n + 1]}: {_listed(self.words, row)}" for n, row in enumerate(rows[: min(i, 4)]))
        return show(drawn, f"Query of “{self.words[self.asking]}” and all keys as arrows. {told}".strip())

    def draw_arrows(self, ax: Axes) -> None:
        query = self.query().tolist()
        names: dict[tuple[float, ...], list[str]] = {}
        for word, key in zip(self.words, self.k.tolist(), strict=True):
            names.setdefault(tuple(key), []).append(word)
        top = 1.5 * max(1.0, float(self.k.abs().max()), float(self.q.abs().max()))
        for (x, y), said in names.items():
            ax.annotate("", (x, y), (0, 0), arrowprops={"arrowstyle": "->", "color": BLUE, "linewidth": 2})
            ax.text(x + 0.04 * top, y + 0.05 * top, "\n".join(said), fontsize=9, color=BLUE)
        arrow = {"arrowstyle": "->", "color": ORANGE, "linewidth": 3}
        ax.annotate("", (query[0], query[1]), (0, 0), arrowprops=arrow)
        word = self.words[self.asking]
        x, y = 0.5 * query[0], 0.5 * query[1] - 0.09 * top
        ax.text(x, y, f"query of {word}", fontsize=9, color="#A56A00", ha="center", va="top")
        ax.set_xlim(-top, top)
        ax.set_ylim(-top, top)
        ax.set_aspect("equal")
        ax.axhline(0, color="#CCCCCC", linewidth=0.8, zorder=0)
        ax.axvline(0, color="#CCCCCC", linewidth=0.8, zorder=0)
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_xlabel("a color", fontsize=8)
        ax.set_ylabel("a shape", fontsize=8)
        ax.set_title("keys (blue) and the query", fontsize=9)

    def draw_rows(self, ax: Axes, rows: Sequence[Tensor], mixture: Tensor | None) -> None:
        for c, word in enumerate(self.words):
            weight, color = ("bold", "#A56A00") if c == self.asking else ("normal", "black")
            ax.text(c + 0.5, 0.7, word, ha="center", va="center", fontsize=10, fontweight=weight, color=color)
        for r in range(5):
            ax.text(
                -0.1, -r, STEPS[r + 1], ha="right", va="center", fontsize=9, color="black" if r < len(rows) else "#AAA"
            )
        for r, row in enumerate(rows[:4]):
            for c, value in enumerate(row.tolist()):
                look = {"facecolor": ORANGE, "alpha": 0.85 * value} if r == 3 else {"facecolor": "#F4F4F4"}
                ax.add_patch(rectangle((c + 0.03, -r - 0.42), 0.94, 0.84, linewidth=0, **look))
                text = "−∞" if math.isinf(value) else f"{value + 0.0:.2f}"
                ax.text(c + 0.5, -r, text, ha="center", va="center", fontsize=10)
        if mixture is not None:
            weights, width = rows[3].tolist(), float(len(self.words))
            for c, weight in enumerate(weights):  # a line from each word to the slot, as wide as its weight
                if weight > 0.01:
                    ax.plot(
                        [c + 0.5, width / 2], [-3.45, -4.1], color=ORANGE, linewidth=9 * weight, solid_capstyle="round"
                    )
            for n, (name, color) in enumerate((("red", RED), ("blue", BLUE))):
                share, start = float(mixture[n]), width / 2 - 1.5 + 1.6 * n
                ax.add_patch(rectangle((start, -4.9), 1.4, 0.75, facecolor=color, alpha=share, edgecolor="#666666"))
                ax.text(start + 0.7, -4.53, f"{name} {share:.2f}", ha="center", va="center", fontsize=10)
        ax.set_xlim(-1.7, len(self.words))
        ax.set_ylim(-5.0, 1.1)
        ax.set_axis_off()


def _listed(words: Sequence[str], row: Tensor) -> str:
    return ", ".join(
        f"{html.escape(word)} {'−∞' if math.isinf(value) else f'{value + 0.0:.2f}'}"
        for word, value in zip(words, row.tolist(), strict=False)
    )


def _mixed(red: float, blue: float) -> str:
    if max(red, blue) < 0.1:
        return "nearly nothing"
    if abs(red - blue) < 0.05:
        return "half red, half blue" if red > 0.4 else "a little of both"
    name, most = ("red", red) if red > blue else ("blue", blue)
    return f"nearly all {name}" if most > 0.8 else f"more {name} than {'blue' if name == 'red' else 'red'}"
