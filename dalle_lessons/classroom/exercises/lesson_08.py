"""Checks of lesson 08: the row and column of a slot, the vectors that a grid needs, what the ablation breaks."""

from __future__ import annotations

import torch

from . import CheckFailed, as_number, as_tokens, call, describe, diagnose, exercise


@exercise("08.places")
def places(answer) -> None:
    """answer(fed, cols): the number of fed image slots, [SEP] first -> rows (fed,), columns (fed,) of what they
    predict."""
    for fed, cols in ((10, 3), (13, 4)):
        value = call(answer, fed, cols, shown=f"{fed}, {cols}")
        if not hasattr(value, "__len__") or len(value) != 2:
            raise CheckFailed(f"Give two things, the rows and the columns, not {describe(value)}.")
        slots = torch.arange(fed)
        others = {
            (fed - 1,): f"One place too few: [SEP] is one of the {fed} fed slots and has a place, that of token 0.",
            (fed + 1,): f"One place too many: [SEP] is one of the {fed} fed slots already.",
            (): "That is the place of one slot: give the rows and the columns of all of them.",
        }
        names = ("rows", "columns")
        for part, name in zip(value, names, strict=True):
            if isinstance(part, torch.Tensor) and part.is_floating_point():
                raise CheckFailed(f"The {name} are fractions, and a place is whole: use whole division, //.")
            if isinstance(part, int):
                raise CheckFailed(others[()])
        given = torch.stack(
            [as_tokens(part, (fed,), f"The {name}", others) for part, name in zip(value, names, strict=True)]
        )
        row, column = slots // cols, slots % cols
        truth = torch.stack((row, column))
        before, after = slots - 1, slots + 1
        one_late = before.clamp_min(0)
        mistakes = {
            "Rows and columns are exchanged: the row is slot // cols, the column slot % cols.": truth.flip(0),
            "You place the token that is fed: the place is that of the token to predict, and [SEP] predicts token 0.": (
                torch.stack((one_late // cols, one_late % cols))
            ),
            "[SEP] stands before the grid here, in row -1: it predicts token 0, so it stands at row 0, column 0.": (
                torch.stack((before // cols, before % cols))
            ),
            "One too far: [SEP] is slot 0 and predicts the token at row 0, column 0.": torch.stack(
                (after // cols, after % cols)
            ),
            "That is the order of columns, from top to bottom: raster order goes along the rows.": torch.stack(
                (slots % (-(-fed // cols)), slots // (-(-fed // cols)))
            ),
            "You count from 1: rows and columns begin with 0.": truth + 1,
            "You reckon with 8 columns: use the number `cols` that is given.": torch.stack((slots // 8, slots % 8)),
            "Every other row runs backwards: each row is read from left to right.": torch.stack(
                (row, torch.where(row % 2 == 1, cols - 1 - column, column))
            ),
            "The column is the place in its row: it begins anew with each row.": torch.stack((row, slots)),
            "The row grows when a row is full, not with every slot.": torch.stack((slots, column)),
        }
        diagnose(given, truth, mistakes, f"With {cols} columns, slot 5 predicts row {5 // cols}, column {5 % cols}.")


@exercise("08.vectors")
def vectors(answer) -> None:
    """answer(rows, cols): learned vectors for positions of the grid when a place is row + column."""
    for rows, cols in ((12, 6), (8, 8), (32, 32)):
        value = call(answer, rows, cols, shown=f"{rows}, {cols}")
        if isinstance(value, tuple | list):
            raise CheckFailed("You give the two numbers side by side: add them, one number is wanted.")
        value = as_number(value, "The number of vectors")
        mistakes = {
            "That is one for each cell: rows and columns share theirs, a cell's is a sum.": rows * cols,
            "That is two for each cell: all cells of a row share one vector, and all cells of a column.": (
                2 * rows * cols
            ),
            "The cells need none besides: a cell's place is row + column.": rows * cols + rows + cols,
            "Rows and columns have vectors of their own, also on a square grid: add both.": rows,
            "You take the grid to be square: count its rows and its columns.": 2 * rows,
            "[SEP] needs none of its own place: it stands at row 0, column 0.": rows + cols + 1,
            "First row and first column share no vector: all rows and all columns are counted, from 0 on.": (
                rows + cols - 1
            ),
            "Numbers, not vectors: the width does not matter here.": (rows + cols) * 256,
            "16 is right for 8 rows and 8 columns: use `rows` and `cols`, so that it is right for every grid.": 16,
        }
        diagnose(value, rows + cols, mistakes, f"For {rows} rows and {cols} columns it is {rows + cols}.", 1e-9)


@exercise("08.prediction")
def prediction(answer) -> None:
    """answer: a letter, what goes wrong without row and column."""
    given = answer.strip().lower() if isinstance(answer, str) else ""
    if len(given) > 1 or isinstance(answer, list | tuple | set):
        raise CheckFailed('You give several answers, or more than a letter: choose one of "a", "b", "c" and "d".')
    if given not in ("a", "b", "c", "d"):
        raise CheckFailed(f'Answer with one letter in quotes, "a", "b", "c" or "d", not with {describe(answer)}.')
    sentences = {
        "a": "The colors come from the caption, and attention reads it whether or not it knows the place in the grid.",
        "c": "It is more than noise: attention alone knows no order, so the model must guess from what it has drawn "
        "where it is.",
        "d": "It can draw: the causal mask tells a little, how many slots came before, and it sees what it has drawn.",
    }
    if given in sentences:
        raise CheckFailed(sentences[given])
