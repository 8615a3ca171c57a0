"""Figures of lesson 07 on several heads: how they are cut and merged, and what a wrong merge lets through."""

from __future__ import annotations

import torch
from torch import Tensor

from ..figures import BLUE, GREEN, ORANGE, RED, new_figure, rectangle, show
from ..guesses import Outcome
from ..pictures import Picture
from . import figure


@figure("07.heads")
def heads() -> Picture:
    """The way of the numbers through three heads: cut, look, merge. Nothing is computed."""
    drawn = new_figure(8.6, 2.7)
    ax = drawn.subplots()
    colors = (BLUE, ORANGE, GREEN)

    def block(left: float, top: float, head: int, first: str) -> None:
        for row in range(4):
            for col in range(2):
                corner = (left + 0.5 * col, top - 0.5 * row - 0.5)
                ax.add_patch(rectangle(corner, 0.46, 0.44, facecolor=colors[head], alpha=0.35 + 0.2 * row, linewidth=0))
                ax.text(corner[0] + 0.23, corner[1] + 0.22, f"{first}{row}", ha="center", va="center", fontsize=8)

    for head in range(3):
        block(head, 1.2, head, "s")
        block(6.1, 3.3 - 2.2 * head, head, "s")
        block(11.2 + head, 1.2, head, "s")
        ax.text(7.3, 2.3 - 2.2 * head, f"head {head}: attention", va="center", fontsize=9)
    for x, text in ((1.5, "(S, C)"), (12.7, "(S, C)")):
        ax.text(x, 1.35, text, ha="center", va="bottom", fontsize=9)
    ax.text(6.6, 3.4, "(heads, S, C / heads)", ha="center", va="bottom", fontsize=9)
    for start, end, text in ((3.3, 5.8, "split"), (9.9, 11.0, "merge")):
        ax.annotate("", (end, 0.2), (start, 0.2), arrowprops={"arrowstyle": "->"})
        ax.text((start + end) / 2, 0.35, text, ha="center", fontsize=10)
    ax.set_xlim(-0.2, 14.5)
    ax.set_ylim(-3.4, 4.0)
    ax.set_axis_off()
    alt = (
        "Three heads: the columns of a table with four slots s0 to s3 are cut into three parts, which stand below each "
        "other, each with all four slots; merged, each slot's three parts stand side by side in one row again."
    )
    return show(drawn, alt)


@figure("07.notices")
def notices(right: Tensor, wrong: Tensor, outcome: Outcome) -> Picture:
    """(S, S) bool each: does slot i notice a change of token j? With the merge, and with a reshape in its place."""
    from matplotlib.colors import ListedColormap

    drawn = new_figure(7.4, 4.5)
    names = ("your merge", "a reshape alone")
    future = torch.ones_like(right).triu(1)
    for ax, seen, name in zip(drawn.subplots(1, 2), (right, wrong), names, strict=True):
        shade = seen.float() + (seen & future).float()
        ax.imshow(shade.numpy(), cmap=ListedColormap(["#F4F4F4", BLUE, RED]), vmin=0, vmax=2)
        ax.set_xlabel("token that is changed", fontsize=9)
        ax.set_ylabel("slot that notices", fontsize=9)
        ax.set_xticks(range(0, len(seen), 5))
        ax.set_yticks(range(0, len(seen), 5))
        ax.tick_params(labelsize=8)
        ax.set_title(f"{name}: {int((seen & future).sum())} leaks (red)", fontsize=9)
    drawn.suptitle(f"Earlier slots that notice a change of the last token. {outcome}", fontsize=10)
    alt = (
        "Which slot notices a change of which token. With the merge: itself and later slots alone, a triangle. With a "
        "reshape alone the triangle is torn, and many slots notice later tokens."
    )
    return show(drawn, alt)
