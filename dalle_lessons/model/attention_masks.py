"""Which slots a slot may look at (paper, section 2.2, and Fig. 11).

Every mask is (S, S) bool, S = T + N: entry (i, j) is True where slot i may look at slot j. All are causal. Image slots
see the whole text, in every mask; text slots see the text before them. Image slot p predicts image token p.
"""

from __future__ import annotations

import torch
from torch import Tensor

MASK_TYPES = ("full", "row", "column", "conv")


def causal(length: int) -> Tensor:
    """(length, length): each slot sees itself and what stands before it."""
    return torch.ones(length, length, dtype=torch.bool).tril()


def joint_mask(kind: str, text_length: int, rows: int, cols: int, kernel: int = 11) -> Tensor:
    """The mask of a kind over T text slots and rows · cols image slots.

    full: everything before. row: the slot itself and the `cols` raster slots before it. column: the slots above in
    the same column. conv: the `kernel` x `kernel` window around the slot, as far as it lies before it.
    Raises ValueError for another kind.
    """
    if kind not in MASK_TYPES:
        raise ValueError(f"There is no attention mask {kind!r}: choose one of {', '.join(MASK_TYPES)}.")
    mask = causal(text_length + rows * cols)
    if kind == "full":
        return mask
    slot = torch.arange(rows * cols)
    back = slot[:, None] - slot  # how far behind in raster order
    row, col = slot // cols, slot % cols
    near = {
        "row": back <= cols,
        "column": col[:, None] == col,
        "conv": ((row[:, None] - row).abs() <= kernel // 2) & ((col[:, None] - col).abs() <= kernel // 2),
    }[kind]
    mask[text_length:, text_length:] &= near
    return mask


def paper_cycle(layers: int) -> tuple[str, ...]:
    """The paper's order: row, column, row, row, again and again; the last layer is a convolution."""
    cycle = ("row", "column", "row", "row")
    return (*(cycle[i % 4] for i in range(layers - 1)), "conv")
