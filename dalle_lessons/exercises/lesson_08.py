"""Checks of lesson 08: the row and column of a slot, the vectors that a grid needs, what the ablation breaks."""

from __future__ import annotations

import torch

from . import Mistake, as_number, as_tensor, call, describe, diagnose, exercise


@exercise("08.places")
def places(answer) -> None:
    """answer(fed, cols): the number of fed image slots, [SEP] first -> rows (fed,), columns (fed,) of what they
    predict."""
    for fed, cols in ((7, 3), (10, 4)):
        value = call(answer, fed, cols, shown=f"{fed}, {cols}")
        if not hasattr(value, "__len__") or len(value) != 2:
            raise Mistake(f"Give two things, the rows and the columns, not {describe(value)}.")
        slots = torch.arange(fed)
        names = ("rows", "columns")
        given = torch.stack(
            [as_tensor(part, (fed,), f"The {name}").long() for part, name in zip(value, names, strict=True)]
        )
        truth = torch.stack((slots // cols, slots % cols))
        one_late = (slots - 1).clamp_min(0)
        mistakes = {
            "Rows and columns are exchanged: the row is slot // cols, the column slot % cols.": truth.flip(0),
            "You place the token that is fed: the place is that of the token to predict, and [SEP] predicts token 0.": (
                torch.stack((one_late // cols, one_late % cols))
            ),
            "One too far: [SEP] is slot 0 and predicts the token at row 0, column 0.": torch.stack(
                ((slots + 1) // cols, (slots + 1) % cols)
            ),
            "That is the order of columns, from top to bottom: raster order goes along the rows.": torch.stack(
                (slots % (-(-fed // cols)), slots // (-(-fed // cols)))
            ),
            "You count from 1: rows and columns begin with 0.": truth + 1,
            "The column is the place in its row: it begins anew with each row.": torch.stack((slots // cols, slots)),
            "The row grows when a row is full, not with every slot.": torch.stack((slots, slots % cols)),
        }
        diagnose(given, truth, mistakes, f"With {cols} columns, slot 5 predicts row {5 // cols}, column {5 % cols}.")


@exercise("08.vectors")
def vectors(answer) -> None:
    """answer(rows, cols): learned vectors for positions of the grid when a place is row + column."""
    for rows, cols in ((8, 8), (32, 32), (16, 8)):
        value = as_number(call(answer, rows, cols, shown=f"{rows}, {cols}"), "The number of vectors")
        mistakes = {
            "That is one for each cell: rows and columns share theirs, a cell's is a sum.": rows * cols,
            "Rows and columns have vectors of their own, also on a square grid: add both.": rows,
            "[SEP] needs none of its own place: it stands at row 0, column 0.": rows + cols + 1,
            "All rows and all columns are counted, from 0 on.": rows + cols - 1,
            "Numbers, not vectors: the width does not matter here.": (rows + cols) * 256,
        }
        diagnose(value, rows + cols, mistakes, f"For {rows} rows and {cols} columns it is {rows + cols}.", 1e-9)


@exercise("08.prediction")
def prediction(answer) -> None:
    """answer: a letter, what goes wrong without row and column."""
    if not isinstance(answer, str) or answer.strip().lower() not in ("a", "b", "c", "d"):
        raise Mistake('Answer with one letter: "a", "b", "c" or "d".')
    sentences = {
        "a": "The colours come from the caption, and attention reads it whether or not it knows the place in the grid.",
        "c": "It is more than noise: look at the two losses; the model must guess where it is from what it has drawn.",
        "d": "The causal mask tells a little: a slot can learn from the number of slots before it about where it is.",
    }
    if answer.strip().lower() in sentences:
        raise Mistake(sentences[answer.strip().lower()])
