"""Lesson 08: how alike the places of a grid are, when a place is row + column: two strips, and the map they make."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, product

import ipywidgets as widgets
import torch
import torch.nn.functional as F
from torch import Tensor

from ..figures import RED, new_figure, rectangle, show
from .base import Frame, Stepper

NAMES = "ABC"
KINDS = (0, 1, 2, 3, 2, 3)  # of the questions: see `PlaceMap.three`
CLEAR = 0.12  # by so much, in cosine, the right one of three places leads


class PlaceMap(Stepper):
    """One place after another: from how alike its row is to the other rows, and its column to the other columns, guess
    which of three places is most like it; then see the whole map.

    tables: name -> the learned vectors of the rows (R, C) and of the columns (K, C), of any model.
    """

    title = "Places that are alike"
    strip = 2

    def __init__(self, tables: Mapping[str, tuple[Tensor, Tensor]]):
        self.tables = {name: tuple(part.detach().float() for part in pair) for name, pair in tables.items()}
        rows, cols = (len(part) for part in next(iter(self.tables.values())))
        self.cells = [(r * rows // 8, c * cols // 8) for r, c in ((3, 5), (0, 0), (6, 2), (4, 7), (1, 4), (7, 7))]
        self.length = len(self.cells)
        self.model = widgets.Dropdown(
            options=list(self.tables), description="vectors of", style={"description_width": "initial"}
        )
        self.model.observe(lambda change: self.renew(keep=True), "value")
        super().__init__((self.model,))

    def alike(self, cell: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
        """Cosines of a cell's row with all rows (R,), of its column with all columns (K,), and of the cell with all
        cells (R, K); from each table its mean is taken first."""
        row, column = (part - part.mean(dim=0) for part in self.tables[str(self.model.value)])
        place = F.normalize(row[:, None] + column, dim=-1)  # (R, K, C)
        row, column = F.normalize(row, dim=-1), F.normalize(column, dim=-1)
        return row @ row[cell[0]], column @ column[cell[1]], place @ place[cell]

    def lengths(self) -> str:
        """How long the vectors are: of a sum, the longer part decides more."""
        row, column = ((part - part.mean(dim=0)).norm(dim=1).mean() for part in self.tables[str(self.model.value)])
        return f"mean length: {row:.2f} of a row vector, {column:.2f} of a column vector"

    def three(self, kind: int, cell: tuple[int, int], alike: Tensor) -> tuple[list[tuple[int, int]], int]:
        """Three places to choose from and which is the likest, by at least CLEAR if it can be. kind: 0: all in its row,
        1: all in its column, 2: one in its row, one in its column, one in neither, 3: all in neither."""
        rows, cols = alike.shape
        shared = {(r, c): (r == cell[0]) + 2 * (c == cell[1]) for r in range(rows) for c in range(cols)}
        in_row, in_column, neither = ([place for place, s in shared.items() if s == n] for n in (1, 2, 0))
        triples = {
            0: combinations(in_row, 3),
            1: combinations(in_column, 3),
            2: product(in_row, in_column, neither),
            3: combinations(neither, 3),
        }[kind]

        def lead(places) -> float:
            first, second = sorted((float(alike[place]) for place in places), reverse=True)[:2]
            return first - second

        ranked = sorted((abs(lead(places) - CLEAR - 0.05), sorted(places)) for places in triples)
        chosen = ranked[0][1]
        return chosen, max(range(3), key=lambda n: float(alike[chosen[n]]))

    def frame(self, i: int) -> Frame:
        cell = self.cells[i]
        rows, columns, places = self.alike(cell)
        chosen, answer = self.three(KINDS[i], cell, places)
        said = [
            f"{name}: row {rows[r]:.2f}, column {columns[c]:.2f}, together {places[r, c]:.2f}"
            for name, (r, c) in zip(NAMES, chosen, strict=True)
        ]
        text = (
            f"The place at row {cell[0]}, column {cell[1]}: its own row and its own column light up, since a sum is "
            "half like each sum that shares a part with it."
        )
        return Frame(
            self.picture(cell, rows, columns, places, chosen),
            text,
            question=f"Row {cell[0]}, column {cell[1]} (framed): which place is most like it, A, B or C?",
            choices=tuple(f"{name}: row {r}, column {c}" for name, (r, c) in zip(NAMES, chosen, strict=True)),
            answer=answer,
            because=f"{'; '.join(said)}.",
            hidden=self.picture(cell, rows, columns, None, chosen),
        )

    def picture(self, cell, rows: Tensor, columns: Tensor, places: Tensor | None, chosen):
        """The strips of the rows and of the columns, and between them the map, still empty where places is None."""
        figure = new_figure(5.6, 5.2)
        grid = figure.add_gridspec(2, 2, width_ratios=[1, len(columns)], height_ratios=[1, len(rows)])
        figure.suptitle(self.lengths(), fontsize=9)
        look = {"cmap": "cividis", "vmin": -0.6, "vmax": 1.0, "aspect": "auto", "interpolation": "nearest"}
        top, left, middle = (figure.add_subplot(grid[at]) for at in ((0, 1), (1, 0), (1, 1)))
        top.imshow(columns[None].numpy(), **look)
        left.imshow(rows[:, None].numpy(), **look)
        whole = torch.full((len(rows), len(columns)), torch.nan) if places is None else places
        middle.imshow(whole.numpy(), **look)
        for k, value in enumerate(columns.tolist()):
            top.text(k, 0, f"{value:.2f}", ha="center", va="center", fontsize=8, color=_ink(value))
        for k, value in enumerate(rows.tolist()):
            left.text(0, k, f"{value:.2f}", ha="center", va="center", fontsize=8, color=_ink(value))
        for name, (r, c) in zip(NAMES, chosen, strict=True):
            words = name if places is None else f"{name}\n{places[r, c]:.2f}"
            color = "black" if places is None else _ink(float(places[r, c]))
            middle.text(c, r, words, ha="center", va="center", fontsize=9, fontweight="bold", color=color)
        middle.add_patch(rectangle((cell[1] - 0.5, cell[0] - 0.5), 1, 1, fill=False, edgecolor=RED, linewidth=2.5))
        for ax, names in ((top, "column"), (left, "row")):
            ax.set_xticks([])
            ax.set_yticks([])
            ax.set_title("cosine of its column with each column" if names == "column" else "its row", fontsize=9)
        middle.set_xticks(range(len(columns)))
        middle.set_yticks(range(len(rows)))
        middle.set_xlabel("column", fontsize=9)
        middle.set_ylabel("row", fontsize=9)
        middle.tick_params(labelsize=8)
        where = ", ".join(f"{name} at row {r}, column {c}" for name, (r, c) in zip(NAMES, chosen, strict=True))
        seen = "the map is still empty" if places is None else "the map shows how alike each place is to it"
        return show(
            figure,
            f"Row {cell[0]}, column {cell[1]}, framed in a grid, with {where}; beside it, how alike its row "
            f"is to each row, above, its column to each column; {seen}.",
        )


def _ink(value: float) -> str:
    return "white" if value < 0.25 else "black"
