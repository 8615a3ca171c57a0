"""Answers to lesson 04, right and wrong, written from the student's copy alone."""

import numpy as np
import torch


def flatten_by_loop(grid):
    rows = []
    for one in grid:
        row = []
        for line in one.tolist():
            row.extend(line)
        rows.append(row)
    return torch.tensor(rows, dtype=grid.dtype)


def flatten_by_cat(grid):
    return torch.cat([grid[:, r] for r in range(grid.shape[1])], dim=1)


def unflatten_by_slices(tokens, rows, cols):
    return torch.stack([tokens[:, r * cols : (r + 1) * cols] for r in range(rows)], dim=1)


def unflatten_by_loop(tokens, rows, cols):
    grid = torch.empty(len(tokens), rows, cols, dtype=tokens.dtype)
    for r in range(rows):
        for c in range(cols):
            grid[:, r, c] = tokens[:, r * cols + c]
    return grid


def place_by_counting(i, cols):
    row = 0
    while i >= cols:
        i -= cols
        row += 1
    return row, i


RIGHT = {
    "04.flatten": [
        lambda grid: grid.flatten(1),
        flatten_by_loop,
        flatten_by_cat,
    ],
    "04.unflatten": [
        lambda tokens, rows, cols: tokens.reshape(-1, rows, cols),
        unflatten_by_slices,
        unflatten_by_loop,
    ],
    "04.place": [
        lambda i, cols: (i // cols, i % cols),
        lambda i, cols: divmod(i, cols),
        place_by_counting,
        lambda i, cols: np.unravel_index(i, (99, cols)),
    ],
}

WRONG = {
    "04.flatten": [
        (lambda grid: grid.transpose(1, 2).flatten(1), "column by column"),
        (lambda grid: grid.reshape(-1), "flatten the batch"),
        (lambda grid: grid.flatten(0, 1), "batch and the rows"),
        (lambda grid: grid, "grid as it was"),
        (lambda grid: grid.flip(2).flatten(1), "right to left"),
        (lambda grid: grid.permute(1, 2, 0).reshape(len(grid), -1), "mixed up"),
        (lambda grid: grid.reshape(-1, 64), "written in"),
        (lambda grid: grid[0].reshape(1, -1), "first picture"),
        (lambda grid: grid.flatten(1).sort(dim=1).values, "sorted"),
        (lambda grid: grid.reshape(1, -1), "one long row"),
        (lambda grid: grid.numpy().reshape(len(grid), -1), "later cells need"),
    ],
    "04.unflatten": [
        (lambda tokens, rows, cols: tokens.reshape(-1, cols, rows), "swapped"),
        (lambda tokens, rows, cols: tokens.reshape(-1, cols, rows).transpose(1, 2), "column by column"),
        (lambda tokens, rows, cols: tokens.reshape(rows, cols), "batch forgotten"),
        (lambda tokens, rows, cols: tokens.reshape(rows, cols, -1).permute(2, 0, 1), "mixed up"),
        (lambda tokens, rows, cols: tokens.reshape(-1, rows, cols).squeeze(0), "loses its first axis"),
        (lambda tokens, rows, cols: tokens.reshape(-1, rows, cols).transpose(1, 2), "mirrored"),
        (lambda tokens, rows, cols: tokens.reshape(-1, rows, cols).flip(1), "upside"),
        (lambda tokens, rows, cols: tokens.reshape(-1, rows * cols), "row that came in"),
        (lambda tokens, rows, cols: tokens.resize_(len(tokens), rows, cols), "in place"),
        (lambda tokens, rows, cols: tokens.reshape(-1, 3, 4), "written in"),
    ],
    "04.place": [
        (lambda i, cols: (i % cols, i // cols), "swapped"),
        (lambda i, cols: (i // cols + 1, i % cols + 1), "counted from 0: the first"),
        (lambda i, cols: (i / cols, i % cols), "whole division"),
        (lambda i, cols: ((i - 1) // cols, (i - 1) % cols), "one from i"),
        (lambda i, cols: (i // cols, i - cols), "one row's length"),
        (lambda i, cols: (i // 8, i % 8), "8 columns"),
        (lambda i, cols: (round(i / cols), i % cols), "round"),
        (lambda i, cols: (i // cols, i // cols), "divide for the column"),
        (lambda i, cols: (i // (cols - 1), i % (cols - 1)), "cols - 1"),
        (lambda i, cols: i // cols, "two whole numbers"),
    ],
}
