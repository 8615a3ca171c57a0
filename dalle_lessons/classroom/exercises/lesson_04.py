"""Checks of lesson 04: raster order, there and back, and the place of a token."""

from __future__ import annotations

import torch

from . import CheckFailed, as_tokens, call, describe, diagnose, exercise

COLUMNS = "That is the transposed order, column by column: raster order goes along the rows, as one reads."


def some_grid(*shape: int) -> torch.Tensor:
    """Different tokens in no order."""
    count = torch.Size(shape).numel()
    return torch.randperm(count, generator=torch.Generator().manual_seed(0)).reshape(shape)


@exercise("04.flatten")
def flatten(answer) -> None:
    """answer(grid): (B, rows, cols) -> (B, rows · cols), row by row."""
    grid = some_grid(2, 3, 4)
    others = {
        (24,): "You flatten the batch too: each picture keeps a row of its own, shape (2, 12).",
        (1, 24): "Two pictures became one long row: keep the batch, shape (2, 12).",
        (6, 4): "You join the batch and the rows: join rows and columns, and keep the batch, shape (2, 12).",
        (2, 3, 4): "That is the grid as it was: each picture's lines should stand in one row, shape (2, 12).",
        (2, 12, 1): "An axis of length 1 is left over: the shape should be (2, 12).",
        (1, 12): "Only the first picture comes back: flatten all of the batch, shape (2, 12).",
    }
    given = as_tokens(call(answer, grid, shown="a grid of shape (2, 3, 4)"), (2, 12), "The flat tokens", others)
    mistakes = {
        COLUMNS: grid.transpose(1, 2).reshape(2, 12),
        "The batch is mixed up: the first dimension must stay as it is.": grid.permute(1, 2, 0).reshape(2, 12),
        "The rows run from the bottom up: begin at the top left.": grid.flip(1).reshape(2, 12),
        "The rows run from right to left: begin at the top left.": grid.flip(2).reshape(2, 12),
        "Every other row runs backwards: each row is read from left to right.": torch.stack(
            (grid[:, 0], grid[:, 1].flip(1), grid[:, 2]), dim=1
        ).reshape(2, 12),
        "The tokens are sorted by their numbers: keep them in the order of their places.": (
            grid.reshape(2, 12).sort(dim=1).values
        ),
    }
    diagnose(given, grid.reshape(2, 12), mistakes, "The tokens are in another order: go row by row, left to right.")


@exercise("04.unflatten")
def unflatten(answer) -> None:
    """answer(tokens, rows, cols): (B, rows · cols) -> (B, rows, cols)."""
    grid = some_grid(2, 3, 4)
    given = call(answer, grid.reshape(2, 12), 3, 4, shown="tokens of shape (2, 12), 3 rows, 4 columns")
    if isinstance(given, torch.Tensor) and given.shape == (2, 4, 3) and torch.equal(given, grid.transpose(1, 2)):
        raise CheckFailed("The grid is mirrored along its diagonal: leave the transpose out, rows come before columns.")
    others = {
        (2, 4, 3): "Rows and columns are swapped: the shape should be (2, 3, 4), rows before columns.",
        (2, 12): "That is the row that came in, of the same shape: it should become a grid, (2, 3, 4).",
        (1, 3, 4): "Only the first picture comes back: keep all of the batch, shape (2, 3, 4).",
    }
    given = as_tokens(given, (2, 3, 4), "The grid", others)
    mistakes = {
        COLUMNS: grid.reshape(2, 4, 3).transpose(1, 2),
        "The batch is mixed up: each picture's tokens must stay together.": grid.reshape(12, 2).T.reshape(2, 3, 4),
        "The rows are upside down: the first tokens are the top row.": grid.flip(1),
        "Each row is mirrored: the first token of a row is its left one.": grid.flip(2),
    }
    diagnose(given, grid, mistakes, "The tokens are in another order: the first `cols` tokens are the top row.")
    for grid in (some_grid(3, 2, 5), some_grid(1, 4, 6)):
        (batch, rows, cols) = grid.shape
        shown = f"tokens of shape {(batch, rows * cols)}, {rows} rows, {cols} columns"
        given = call(answer, grid.reshape(batch, -1), rows, cols, shown=shown)
        if isinstance(given, torch.Tensor) and given.shape == (rows, cols):
            raise CheckFailed(
                "A batch of one picture loses its first axis: keep it, shape (1, 4, 6), and squeeze nothing."
            )
        if not isinstance(given, torch.Tensor) or not torch.equal(given, grid):
            raise CheckFailed("It works for 3 rows of 4 alone: use the numbers `rows` and `cols` that are given.")


@exercise("04.place")
def place(answer) -> None:
    """answer(i, cols): index in raster order -> (row, column)."""
    for i, cols in ((14, 5), (0, 4), (3, 4), (4, 4), (11, 4), (1023, 32)):
        given = call(answer, i, cols, shown=f"{i}, {cols}")
        try:
            row, col = (float(value) for value in given)
        except (TypeError, ValueError):
            raise CheckFailed(f"Give two whole numbers, the row, then the column, and not {describe(given)}.") from None
        if row % 1 or col % 1:
            raise CheckFailed(
                "The row or the column is not a whole number: use whole division, //, and the remainder, %."
            )
        mistakes = {
            "Row and column are swapped: the row is i // cols, the column i % cols.": (i % cols, i // cols),
            "Rows and columns are counted from 0: the first row and the first column have the number 0.": (
                i // cols + 1,
                i % cols + 1,
            ),
            "You take one from i: tokens are counted from 0 already.": ((i - 1) // cols, (i - 1) % cols),
            "The row is right, but you take one row's length away only: the column is what remains, i % cols.": (
                i // cols,
                i - cols,
            ),
            "You reckon with 8 columns: use the number `cols` that is given.": (i // 8, i % 8),
            "You round the row to the nearest: only whole rows before the token count, so round down, //.": (
                round(i / cols),
                i % cols,
            ),
            "The row is right, but you divide for the column as well: it is the remainder, i % cols.": (i // cols,) * 2,
            "You divide by cols - 1, the number of the last column: a row has `cols` tokens.": (
                i // (cols - 1),
                i % (cols - 1),
            ),
            "The row is right, but you count columns from the right: the left one has the number 0.": (
                i // cols,
                cols - 1 - i % cols,
            ),
        }
        truth = i // cols, i % cols
        yours = int(row), int(col)
        otherwise = f"Token {i} of a grid with {cols} columns is at {truth}, not at {yours}: how long is a row?"
        diagnose(yours, truth, mistakes, otherwise)
