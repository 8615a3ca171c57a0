"""Lesson 02: vectors, codes and the borders between them, on their way through training."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from ...datasets.images import to_image
from ..figures import RED, frame, new_figure, rectangle, show
from ..lesson_figures.code_plane import (
    CodePlane,
    code_plane,
    distances,
    draw_plane,
    draw_vector,
    mean_colors,
    window,
)
from ..pictures import Picture
from .base import Frame, Stepper

CLEAR = 1.2  # a question is asked where the second nearest code is at least so many times as far


class CodesInTraining(Stepper):
    """Each step is a moment of the same training: a marked vector asks for its nearest code, and is pushed on.

    cell: which of the picture's 64 patches is followed, in raster order. plane: the run, or the shipped one.
    """

    title = "Codes in training"
    strip = 3

    def __init__(self, cell: int = 43, plane: CodePlane | None = None):
        self.plane, self.cell = plane or code_plane(), cell
        self.length = len(self.plane.steps)
        super().__init__()

    @cached_property
    def limits(self) -> tuple[float, float, float, float]:
        """One window for all moments, so that what moves on the page has moved."""
        return window(self.plane.vectors, self.plane.codes[-1])

    def near(self, i: int) -> Tensor:
        """Distances (K,) of the marked vector to all codes, at moment i."""
        return distances(self.plane.vectors[i, self.cell : self.cell + 1], self.plane.codes[i])[0]

    def choices(self, i: int) -> tuple[list[int], int]:
        """Codes to choose from at moment i, and the place of the nearest; none where no question is asked."""
        order = self.near(i).argsort()[:4].tolist()
        far = self.near(i)[order]
        if i % 3 != 1 or far[1] < CLEAR * far[0]:
            return [], 0
        return sorted(order), sorted(order).index(order[0])

    def frame(self, i: int) -> Frame:
        step, near = int(self.plane.steps[i]), self.near(i)
        order = near.argsort().tolist()
        text = (
            f"After {step} steps. The marked vector gets code <b>{order[0]}</b>, {float(near[order[0]]):.2f} away; the "
            f"next, code {order[1]}, is {float(near[order[1]]):.2f} away. The arrow at the code is where the decoder "
            "would like it to go (minus the slope); straight-through gives the same arrow to the vector."
        )
        codes, right = self.choices(i)
        if not codes:
            return Frame(self.picture(i, True), text)
        said = ", ".join(f"code {k}: {float(near[k]):.2f}" for k in codes)
        return Frame(
            self.picture(i, True),
            text,
            question=f"After {step} steps: which code is nearest to the marked vector?",
            choices=tuple(f"code {k}" for k in codes),
            answer=right,
            because=f"Distances: {said}.",
            hidden=self.picture(i, False),
        )

    def picture(self, i: int, solved: bool) -> Picture:
        """The plane; beside it the picture with the marked patch, and what comes of its 64 tokens."""
        plane, step = self.plane, int(self.plane.steps[i])
        codes, vectors, mark = plane.codes[i], plane.vectors[i], plane.vectors[i, self.cell]
        figure = new_figure(8.8, 4.3)
        left, right = figure.subfigures(1, 2, width_ratios=(3, 1), squeeze=False).flatten()
        ax = left.subplots()
        draw_plane(ax, codes, mean_colors(plane.tiles[i]), self.limits, nearest if solved else None)
        patches = torch.stack([plane.patch(cell) for cell in range(64)])
        paint = mean_colors(patches).numpy()
        ax.scatter(*vectors.T.tolist(), s=16, c=paint, edgecolors="#555555", linewidths=0.6, zorder=3)
        ax.plot(*plane.vectors[: i + 1, self.cell].T.tolist(), color=RED, linewidth=0.9, linestyle=":", zorder=4)
        draw_vector(ax, mark)
        if solved:
            self.arrows(ax, i)
        ax.set_title(f"step {step}: squares are codes, dots are the picture's vectors", fontsize=9)
        upper, lower = right.subplots(2, 1)
        frame(upper, to_image(plane.picture))
        row, col = divmod(self.cell, 8)
        upper.add_patch(rectangle((4 * col - 0.5, 4 * row - 0.5), 4, 4, fill=False, edgecolor=RED, linewidth=2))
        upper.set_title("the picture; marked: its patch", fontsize=8)
        frame(lower, to_image(plane.drawn[i]))
        lower.set_title("from its 64 tokens", fontsize=8)
        state = "with borders, the nearest code and two equal arrows" if solved else "before the answer"
        return show(figure, f"The plane of vectors and codes after {step} steps, {state}; the picture beside it.")

    def arrows(self, ax, i: int) -> None:
        """Minus the slope, at the nearest code and again at the vector, as long as can be seen."""
        push = -self.plane.slopes[i, self.cell]
        size = 0.16 * (self.limits[1] - self.limits[0])
        push = push / push.norm().clamp_min(1e-9) * size
        vector = self.plane.vectors[i, self.cell]
        code = self.plane.codes[i, self.near(i).argmin()]
        ax.plot(*torch.stack((vector, code)).T.tolist(), color="black", linewidth=1)
        for start, color in ((code, "black"), (vector, RED)):
            end = (start + push).tolist()
            look = {"arrowstyle": "-|>", "color": color, "linewidth": 1.8}
            ax.annotate("", end, start.tolist(), arrowprops=look, zorder=6, annotation_clip=True)


def nearest(points: Tensor, codes: Tensor) -> Tensor:
    """(N, 2), (K, 2) -> (N,) int64."""
    return distances(points, codes).argmin(dim=1)
