"""A codebook whose codes have two numbers each, so that it can be drawn: the run of lesson 02 and its map.

The run was made before by `tools/lesson_runs/lesson_02.py` and is shipped in `data/lessons/02/plane.safetensors`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from ...model.files import data_dir
from ..figures import RED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PICTURE = 3  # which of the held-out pictures of the shapes world is followed


@dataclass(frozen=True)
class CodePlane:
    """S moments of a training with K = 16 codes of two numbers, and the trained decoder."""

    #: (S,) int64: the training steps of the moments.
    steps: Tensor
    #: (S, K, 2): the codebook.
    codes: Tensor
    #: (S, K, 3, 4, 4) in [0, 1]: what the decoder makes of each code among copies of itself.
    tiles: Tensor
    #: (S, 64, 2): the vectors of the followed picture's patches.
    vectors: Tensor
    #: (S, 64, 2): the slope of the picture's squared error, summed over pixels, at what the decoder is given there.
    slopes: Tensor
    #: (S, 3, 32, 32) in [0, 1]: the picture from its 64 tokens.
    drawn: Tensor
    #: (3, 32, 32) in [0, 1]: the picture itself.
    picture: Tensor
    #: The decoder after the last step: (B, 2, rows, cols) -> pictures.
    decoder: nn.Module

    def patch(self, cell: int) -> Tensor:
        """The pixels (3, 4, 4) of one of the picture's 64 patches."""
        row, col = divmod(cell, 8)
        return self.picture[:, 4 * row : 4 * row + 4, 4 * col : 4 * col + 4]


def distances(vectors: Tensor, codes: Tensor) -> Tensor:
    """(N, 2), (K, 2) -> (N, K)."""
    return torch.cdist(vectors, codes)


@cache
def code_plane() -> CodePlane:
    """The shipped run."""
    from safetensors.torch import load_file

    from ...datasets.shapes import shapes

    kept = load_file(data_dir() / "lessons" / "02" / "plane.safetensors")
    decoder = nn.Sequential(
        *(nn.Conv2d(2, 64, 1), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 48, 1)),
        nn.PixelShuffle(4),
    )
    prefix = "decoder."
    decoder.load_state_dict({k.removeprefix(prefix): v.float() for k, v in kept.items() if k.startswith(prefix)})
    decoder.requires_grad_(False)
    return CodePlane(
        steps=kept["steps"],
        codes=kept["codes"].float(),
        tiles=kept["tiles"] / 255,
        vectors=kept["vectors"].float(),
        slopes=kept["slopes"].float(),
        drawn=kept["drawn"] / 255,
        picture=shapes("test", PICTURE + 1).pictures[PICTURE] / 255,
        decoder=decoder,
    )


def draw_plane(
    ax: Axes,
    codes: Tensor,
    colors: Tensor,
    limits: tuple[float, float, float, float],
    nearest: Callable[[Tensor, Tensor], Tensor] | None,
    labels: bool = True,
) -> None:
    """The plane with its codes (K, 2): each point in the light color (K, 3) of the code that `nearest` gives it.

    nearest: (N, 2), (K, 2) -> (N,), or None: then no regions are drawn. limits: left, right, bottom, top.
    """
    left, right, bottom, top = limits
    if nearest is not None:
        x, y = torch.linspace(left, right, 240), torch.linspace(bottom, top, 200)
        points = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)  # (200, 240, 2)
        found = nearest(points.reshape(-1, 2), codes).reshape(points.shape[:2])
        map_of = 0.45 * colors[found] + 0.55  # (200, 240, 3), light
        border = torch.zeros(found.shape, dtype=torch.bool)
        border[:, 1:] |= found[:, 1:] != found[:, :-1]
        border[1:] |= found[1:] != found[:-1]
        map_of[border] = 0.45
        ax.imshow(map_of.numpy(), extent=limits, origin="lower", aspect="auto", interpolation="nearest")
    inside = (codes[:, 0] > left) & (codes[:, 0] < right) & (codes[:, 1] > bottom) & (codes[:, 1] < top)
    for k in inside.nonzero().flatten().tolist():
        x, y = codes[k].tolist()
        ax.plot(x, y, "s", markersize=8, markerfacecolor=colors[k].tolist(), markeredgecolor="black")
        if labels:
            ax.annotate(str(k), (x, y), xytext=(6, 4), textcoords="offset points", fontsize=8)
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, top)
    ax.tick_params(labelsize=8)


def mean_colors(tiles: Tensor) -> Tensor:
    """Tiles (N, 3, h, w) in [0, 1] -> their mean colors (N, 3)."""
    return tiles.flatten(2).mean(dim=2)


def row_of_pictures(ax: Axes, pictures: Tensor, name: str) -> None:
    """Pictures (N, 3, H, W) in [0, 1] side by side, each in a thin gray frame, with the row's name at the left."""
    framed = nn.functional.pad(pictures.clamp(0, 1), (1, 1, 1, 1), value=0.82)
    apart = nn.functional.pad(framed, (2, 2, 1, 1), value=1.0)  # (N, 3, H + 4, W + 6)
    ax.imshow(torch.cat(list(apart), dim=2).permute(1, 2, 0).numpy(), interpolation="nearest")
    ax.set_axis_off()
    ax.text(-0.005, 0.5, name, fontsize=9, ha="right", va="center", transform=ax.transAxes)


def draw_vector(ax: Axes, vector: Tensor, size: float = 11) -> None:
    """A vector (2,) of the encoder as a red cross."""
    x, y = vector.tolist()
    ax.plot(x, y, "x", color=RED, markersize=size, markeredgewidth=3, zorder=5)


def window(*points: Tensor, margin: float = 0.12) -> tuple[float, float, float, float]:
    """Left, right, bottom, top of a window that holds all points (…, 2)."""
    every = torch.cat([p.reshape(-1, 2) for p in points])
    low, high = every.min(dim=0).values, every.max(dim=0).values
    low, high = low - margin * (high - low), high + margin * (high - low)
    return tuple(float(v) for v in np.array([low[0], high[0], low[1], high[1]]))  # type: ignore[return-value]
