"""Checks of lesson 04: raster order, there and back, and the place of a token."""

from __future__ import annotations

import torch

from . import Mistake, as_tensor, call, diagnose, exercise, same

ORDER = "That is the transposed order, column by column: raster order goes along the rows, as one reads."


@exercise("04.flatten")
def flatten(answer) -> None:
    """answer(grid): (B, rows, cols) -> (B, rows · cols), row by row."""
    grid = torch.arange(24).reshape(2, 3, 4)
    given = call(answer, grid, shown="a grid of shape (2, 3, 4)")
    if isinstance(given, torch.Tensor) and given.shape == (24,):
        raise Mistake("You flatten the batch too: each picture keeps a row of its own, shape (2, 12).")
    if isinstance(given, torch.Tensor) and given.shape == (1, 24):
        raise Mistake("Two pictures became one long row: keep the batch, shape (2, 12).")
    given = as_tensor(given, (2, 12), "The flat tokens")
    mistakes = {
        ORDER: grid.transpose(1, 2).reshape(2, 12),
        "The batch is mixed up: the first dimension must stay as it is.": grid.permute(1, 2, 0).reshape(2, 12),
        "The rows run from the bottom up: begin at the top left.": grid.flip(1).reshape(2, 12),
        "The rows run from right to left: begin at the top left.": grid.flip(2).reshape(2, 12),
        "Every other row runs backwards: each row is read from left to right.": torch.stack(
            (grid[:, 0], grid[:, 1].flip(1), grid[:, 2]), dim=1
        ).reshape(2, 12),
    }
    diagnose(given, grid.reshape(2, 12), mistakes, "The tokens are in another order: go row by row, left to right.")


@exercise("04.unflatten")
def unflatten(answer) -> None:
    """answer(tokens, rows, cols): (B, rows · cols) -> (B, rows, cols)."""
    grid = torch.arange(24).reshape(2, 3, 4)
    given = call(answer, grid.reshape(2, 12), 3, 4, shown="tokens of shape (2, 12), 3 rows, 4 columns")
    if isinstance(given, torch.Tensor) and given.shape == (2, 4, 3):
        raise Mistake("Rows and columns are swapped: the shape should be (2, 3, 4), rows before columns.")
    given = as_tensor(given, (2, 3, 4), "The grid")
    mistakes = {
        ORDER: grid.reshape(2, 12).reshape(2, 4, 3).transpose(1, 2),
        "The batch is mixed up: each picture's tokens must stay together.": grid.reshape(12, 2).T.reshape(2, 3, 4),
        "The rows are upside down: the first tokens are the top row.": grid.flip(1),
        "Each row is mirrored: the first token of a row is its left one.": grid.flip(2),
    }
    diagnose(given, grid, mistakes, "The tokens are in another order: the first `cols` tokens are the top row.")
    if not same(call(answer, grid.reshape(1, 24), 1, 24, shown="one row of 24"), grid.reshape(1, 1, 24)):
        raise Mistake("It works for 3 rows of 4 alone: use the numbers `rows` and `cols` that are given.")


@exercise("04.place")
def place(answer) -> None:
    """answer(i, cols): index in raster order -> (row, column)."""
    for i, cols in ((0, 4), (3, 4), (4, 4), (11, 4), (13, 5), (1023, 32)):
        given = call(answer, i, cols, shown=f"{i}, {cols}")
        try:
            row, col = (int(value) for value in given)
        except (TypeError, ValueError):
            raise Mistake("Give two whole numbers: the row, then the column.") from None
        truth = i // cols, i % cols
        if float(given[0]) != row:
            raise Mistake("The row is not a whole number: use whole division, //.")
        if (row, col) == truth:
            continue
        if (col, row) == truth:
            raise Mistake("Row and column are swapped: the row is i // cols, the column i % cols.")
        if (row, col) == (truth[0] + 1, truth[1] + 1):
            raise Mistake("You count from 1: the first row and the first column have the number 0.")
        if col == truth[1]:
            raise Mistake(f"The column is right, but token {i} of a grid with {cols} columns is in row {truth[0]}.")
        if row == truth[0]:
            raise Mistake(f"The row is right, but token {i} of a grid with {cols} columns is in column {truth[1]}.")
        raise Mistake(f"Token {i} of a grid with {cols} columns is at {truth}, not at {(row, col)}: how long is a row?")
