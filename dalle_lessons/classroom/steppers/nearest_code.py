"""Lesson 02: one patch after another looks for its nearest code."""

from __future__ import annotations

import random

import torch
from torch import Tensor

from ...datasets.images import to_image
from ...model.dvae import DVAE
from ...model.quantizer import VectorCodebook
from ..figures import draw_tokens, frame, new_figure, rectangle, show
from ..pictures import Picture
from .base import CHOICES, Frame, Stepper


def code_pictures(dvae: DVAE, tokens: Tensor, cell: int, codes: list[int]) -> Tensor:
    """What each of n codes draws at a cell of a picture with the tokens (rows, cols) -> (n, 3, factor, factor)."""
    row, col = divmod(cell, tokens.shape[1])
    tried = tokens.repeat(len(codes), 1, 1)  # (n, rows, cols)
    tried[:, row, col] = torch.tensor(codes)
    side = dvae.config.factor
    return dvae.decode(tried)[:, :, row * side : (row + 1) * side, col * side : (col + 1) * side]


class NearestCode(Stepper):
    """Each step takes a patch of a picture, asks which of four codes lies nearest, and puts that code in its place.

    dvae: with a `VectorCodebook`. image: (3, H, W) in [0, 1]. steps: how many patches, of those that are not blank.
    """

    title = "The nearest code"
    strip = 2

    def __init__(self, dvae: DVAE, image: Tensor, steps: int = 8, seed: int = 0):
        self.dvae, self.image = dvae, image
        if not isinstance(dvae.codebook, VectorCodebook):
            raise ValueError("A Gumbel codebook has no nearest code to show: take a dVAE with quantizer='vq'.")
        with torch.no_grad():
            z = dvae.codebook.project(dvae.features(image.unsqueeze(0)))  # (1, D, rows, cols)
            self.distances = -dvae.codebook.scores(z)[0].flatten(1).T  # (rows · cols, K)
        self.rows, self.cols = z.shape[2:]
        side = dvae.config.factor
        patches = image.unfold(1, side, side).unfold(2, side, side).flatten(3).flatten(1, 2)  # (3, rows · cols, side²)
        spread = patches.std(dim=2).sum(dim=0)
        ink = spread.argsort(descending=True)[:steps].sort().values.tolist()
        self.cells, self.seed, self.length = ink, seed, len(ink)
        super().__init__()

    def choices(self, i: int) -> tuple[list[int], int]:
        """Four codes to choose from at step i, and the place of the nearest among them."""
        order = self.distances[self.cells[i]].argsort().tolist()
        tried = [order[0], order[len(order) // 12], order[len(order) // 3], order[-1]]
        random.Random(f"{self.seed}/{i}").shuffle(tried)
        return tried, tried.index(order[0])

    def frame(self, i: int) -> Frame:
        codes, right = self.choices(i)
        cell = self.cells[i]
        row, col = divmod(cell, self.cols)
        names = [CHOICES[n] for n in range(4)]
        near = [float(self.distances[cell, code]) for code in codes]
        text = (
            f"Row {row}, column {col}: code <b>{codes[right]}</b> ({names[right]}) is nearest, and the decoder gets "
            "its vector in place of the encoder's. Each code is shown as the decoder draws it; the numbers are "
            "distances between vectors, not pixels."
        )
        hidden = self.picture(i, codes, [f"{name}: ?" for name in names], "to be guessed")
        titles = [f"{name}: {value:.2f}" for name, value in zip(names, near, strict=True)]
        return Frame(
            self.picture(i, codes, titles, f"code {codes[right]}, choice {names[right]}", right),
            text,
            question=f"Patch at row {row}, column {col}: which of the four codes is nearest to it?",
            choices=tuple(names),
            answer=right,
            hidden=hidden,
        )

    def picture(self, i: int, codes: list[int], titles: list[str], answer: str, right: int | None = None) -> Picture:
        """Picture with the patch framed, the patch, the four codes, and the tokens found so far."""
        side, cell = self.dvae.config.factor, self.cells[i]
        row, col = divmod(cell, self.cols)
        figure = new_figure(9.6, 2.3)
        axes = figure.subplots(1, 7, width_ratios=(2, 1, 1, 1, 1, 1, 2))
        frame(axes[0], to_image(self.image))
        box = {"fill": False, "edgecolor": "#D55E00", "linewidth": 2}
        axes[0].add_patch(rectangle((col * side - 0.5, row * side - 0.5), side, side, **box))
        axes[0].set_title("the picture", fontsize=8)
        patch = self.image[:, row * side : (row + 1) * side, col * side : (col + 1) * side]
        frame(axes[1], to_image(patch))
        axes[1].set_title("the patch", fontsize=8)
        tokens = self.distances.argmin(dim=1).reshape(self.rows, self.cols)
        for n, tile in enumerate(code_pictures(self.dvae, tokens, cell, codes)):
            frame(axes[2 + n], to_image(tile))
            axes[2 + n].set_title(titles[n], fontsize=8, fontweight="bold" if n == right else "normal")
        found = torch.full((self.rows, self.cols), -1)
        for known in self.cells[: i + (right is not None)]:
            found[known // self.cols, known % self.cols] = self.distances[known].argmin()
        draw_tokens(axes[6], found, [cell], self.image, blank=-1)
        axes[6].set_title("tokens so far", fontsize=8)
        return show(figure, f"Patch at row {row}, column {col}; four codes with their distances; nearest: {answer}.")
