"""Lesson 10: what an optimizer makes of a gradient."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ...training.muon import orthogonalize
from ..figures import BLUE, DASHES, GRAY, GREEN, MARKERS, ORANGE, new_figure
from ..figures import show as as_picture
from ..pictures import Picture
from . import figure

STEEP, START, MOVES = 40.0, (-4.0, 1.2), 25  # how much steeper the valley is across than along; where it begins
RATES = tuple(0.01 * 1.25**n for n in range(24))  # of which each optimizer gets its best


def height(place: Tensor) -> Tensor:
    """The loss at a place (2,): a valley, flat along x and steep along y, lowest at (0, 0)."""
    return 0.5 * (place[0] ** 2 + STEEP * place[1] ** 2)


def path(optimizer: Callable[..., torch.optim.Optimizer], rate: float) -> Tensor:
    """(MOVES + 1, 2): the places of an optimizer that follows the gradient of `height` from START."""
    place = torch.tensor(START, requires_grad=True)
    mover, places = optimizer([place], lr=rate), [place.detach().clone()]
    for _ in range(MOVES):
        mover.zero_grad()
        height(place).backward()
        mover.step()
        places.append(place.detach().clone())
    return torch.stack(places)


def best_path(optimizer: Callable[..., torch.optim.Optimizer]) -> tuple[float, Tensor]:
    """The rate whose path ends lowest, and that path."""
    paths = {rate: path(optimizer, rate) for rate in RATES}
    rate = min(RATES, key=lambda rate: float(height(paths[rate][-1]).nan_to_num(1e9)))
    return rate, paths[rate]


@figure("10.moves")
def moves(gradient: Tensor) -> Picture:
    """gradient (A, B), of a matrix of a fresh model. Left two paths down a valley of two weights; right how far the
    first move goes in each direction of the matrix: by the plain gradient, AdamW and Muon."""
    panel = new_figure(9.2, 3.4)
    left, right = panel.subplots(1, 2, width_ratios=[1.25, 1.0])
    x, y = torch.meshgrid(torch.linspace(-4.6, 1.6, 120), torch.linspace(-1.6, 1.6, 100), indexing="xy")
    levels = [0.02 * 2.6**n for n in range(9)]
    left.contour(x, y, height(torch.stack((x, y))), levels=levels, colors=GRAY, linewidths=0.6)
    for n, (name, kind) in enumerate({"the gradient alone": torch.optim.SGD, "AdamW": torch.optim.AdamW}.items()):
        rate, places = best_path(kind)
        color, end = (BLUE, ORANGE)[n], float(height(places[-1]))
        style = {"color": color, "marker": MARKERS[n], "markersize": 4, "linewidth": 1.2, "linestyle": DASHES[n]}
        left.plot(*places.T, label=f"{name} (rate {rate:.2g}): loss {end:.2g} at the end", **style)
    left.plot(0, 0, "k*", markersize=10)
    left.set_title(f"two weights, {MOVES} steps down a long valley", fontsize=9)
    left.set_xlabel("a weight that matters little", fontsize=8)
    left.set_ylabel("one that matters much", fontsize=8)
    left.legend(fontsize=8, loc="upper right")
    first = {"the gradient": gradient, "AdamW's move": gradient.sign(), "Muon's move": orthogonalize(gradient)}
    for n, (name, move) in enumerate(first.items()):
        lengths = torch.linalg.svdvals(move.double())
        right.plot(lengths / lengths[0], label=name, color=(BLUE, ORANGE, GREEN)[n], linestyle=DASHES[n])
    right.set_ylim(0, 1.05)
    right.set_title("how far a matrix moves in each direction", fontsize=9)
    right.set_xlabel("direction, the longest first", fontsize=8)
    right.set_ylabel("length (singular value; longest = 1)", fontsize=8)
    right.legend(fontsize=8)
    for ax in (left, right):
        ax.tick_params(labelsize=8)
    alt = (
        "Left, two paths down a long valley, each at its best rate: the plain gradient jumps across the valley and "
        "creeps along it; AdamW goes along it as fast as across. Right, the lengths of a matrix's first move in each "
        "direction: the gradient's fall off at once, AdamW's slower, Muon's hardly."
    )
    return as_picture(panel, alt)
