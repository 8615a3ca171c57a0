"""Answers to lesson 04, right and wrong."""

import numpy as np
import torch


def flat_by_loop(grid):
    return torch.stack([torch.cat(list(picture)) for picture in grid])


def grid_by_loop(tokens, rows, cols):
    return torch.stack([tokens[:, r * cols : (r + 1) * cols] for r in range(rows)], dim=1)


def place_by_search(i, cols):
    row = 0
    while i >= cols:
        i, row = i - cols, row + 1
    return row, i


RIGHT = {
    "04.flatten": [
        lambda g: g.flatten(1),
        lambda g: g.reshape(len(g), -1),
        flat_by_loop,
        lambda g: g.numpy().reshape(len(g), -1),
    ],
    "04.unflatten": [
        lambda t, rows, cols: t.reshape(-1, rows, cols),
        lambda t, rows, cols: t.unflatten(1, (rows, cols)),
        grid_by_loop,
    ],
    "04.place": [
        lambda i, cols: (i // cols, i % cols),
        divmod,
        place_by_search,
        lambda i, cols: np.unravel_index(i, (99, cols)),
    ],
}
WRONG = {
    "04.flatten": [
        (lambda g: g.flatten(), "batch"),
        (lambda g: g.transpose(1, 2).flatten(1), "transposed"),
        (lambda g: g.reshape(1, -1), "batch"),
        (lambda g: g.permute(1, 2, 0).reshape(2, -1), "batch is mixed"),
        (lambda g: g.flip(1).flatten(1), "bottom"),
        (lambda g: g.flip(2).flatten(1), "right to left"),
        (lambda g: g, "shape"),
    ],
    "04.unflatten": [
        (lambda t, rows, cols: t.reshape(-1, cols, rows), "swapped"),
        (lambda t, rows, cols: t.reshape(-1, cols, rows).transpose(1, 2), "transposed"),
        (lambda t, rows, cols: t.reshape(rows, cols, -1), "shape"),
        (lambda t, rows, cols: t.reshape(-1, 3, 4), "alone"),
        (lambda t, rows, cols: t.reshape(-1, rows, cols).flip(1), "upside"),
        (lambda t, rows, cols: t, "shape"),
    ],
    "04.place": [
        (lambda i, cols: (i % cols, i // cols), "swapped"),
        (lambda i, cols: (i / cols, i % cols), "whole"),
        (lambda i, cols: (i // cols + 1, i % cols + 1), "count from 1"),
        (lambda i, cols: i // cols, "two whole numbers"),
        (lambda i, cols: (i // cols, i - cols), "column"),
        (lambda i, cols: (i // 4, i % 4), "how long is a row|row"),
        (lambda i, cols: ((i + 1) // cols, i % cols), "column is right"),
    ],
}
