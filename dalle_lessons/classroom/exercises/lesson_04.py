"""Checks of lesson 04: raster order and others. Those of what is counted of each code: see `code_tables_04`."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from . import CheckFailed, as_tokens, call, describe, diagnose, exercise
from .code_tables_04 import ink_beside, mirror_table

__all__ = ["ink_beside", "mirror_table"]  # registered there

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
            "You give pixels: the row and the column count tokens, so nothing is multiplied by the side of a patch.": (
                i // cols * 8,
                i % cols * 8,
            ),
            "You reckon with 8 columns: use the number `cols` that is given.": (i // 8, i % 8),
            "You round the row up, or to the nearest: only whole rows before the token count, so round down, //.": (
                round(i / cols),
                i % cols,
            ),
            "You divide `cols` by `i`: the other way round, divmod(i, cols).": divmod(cols, i) if i else (0, 0),
            "The row is right, but you take one token for each row away: take `cols` for each, i - row * cols.": (
                i // cols,
                i - i // cols,
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


# What find_order is tried with: 3 rows and 4 columns, so that an order and its inverse differ.
PLACES = torch.arange(12).reshape(3, 4)
ORDERS = {
    "by rows": PLACES.flatten(),
    "by columns": PLACES.T.flatten(),
    "snake": torch.cat((PLACES[0], PLACES[1].flip(0), PLACES[2])),
    "backwards": PLACES.flatten().flip(0),
    "from the bottom": PLACES.flip(0).flatten(),
}


@exercise("04.find_order")
def find_order(answer) -> Iterator[str]:
    """answer(tokens, orders, fit): (B, N) in an unknown order, name -> (N,), (B, N) -> number -> a name."""
    raster = torch.stack((torch.arange(12) * 3, torch.arange(12) + 50))  # (2, 12)

    def fit(tokens) -> float:
        if not isinstance(tokens, torch.Tensor) or tokens.ndim != 2 or tokens.shape[1] != 12 or len(tokens) > 2:
            raise CheckFailed(
                f"`fit` takes tokens of shape (B, N), here (2, 12), in raster order, and was given {describe(tokens)}."
            )
        return float((tokens - raster[: len(tokens)]).abs().float().mean())

    found = {}
    for truth, order in ORDERS.items():
        shown = f"tokens written {truth}"
        given = call(answer, raster[:, order], dict(ORDERS), fit, shown=shown)
        if isinstance(given, torch.Tensor):
            raise CheckFailed("You give a tensor: give the name of the order, a key of `orders`.")
        if isinstance(given, (int, float)):
            raise CheckFailed("You give a number: give the name that belongs to it, a key of `orders`.")
        if isinstance(given, tuple):
            raise CheckFailed("You give a pair: give the name of the order alone.")
        if given not in ORDERS:
            raise CheckFailed(f"{given!r} is no name among the `orders`: give one of its keys.")
        found[truth] = given
    if len(set(found.values())) == 1:
        only = next(iter(found.values()))
        raise CheckFailed(f"You say {only!r} whatever the order is: try each name, and compare what `fit` says.")

    def choose(change, pick=min) -> dict[str, str]:
        fits = {t: {n: fit(change(raster[:, o], order)) for n, order in ORDERS.items()} for t, o in ORDERS.items()}
        return {truth: pick(values, key=lambda n: values[n]) for truth, values in fits.items()}

    if found == choose(lambda tokens, order: tokens[:, order]):
        raise CheckFailed(
            "You apply each order once more: to undo it, you need its inverse, which sends every token back to where "
            "it came from."
        )
    if found == choose(lambda tokens, order: tokens[:, order.argsort()], max):
        raise CheckFailed("You take the order with the largest value: where the pieces fit, `fit` is small.")
    wrong = next((truth for truth in ORDERS if found[truth] != truth), None)
    if wrong is not None:
        raise CheckFailed(f"Tokens that are written {wrong!r}: you say {found[wrong]!r}. Do you try all the orders?")
    yield "five orders"
    few = {name: ORDERS[name] for name in ("backwards", "by columns")}
    if call(answer, raster[:, few["by columns"]], few, fit, shown="two orders alone") != "by columns":
        raise CheckFailed("With other orders it fails: use the names in `orders`, and none that is written in.")
