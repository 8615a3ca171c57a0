"""Answers to lesson 08, right and wrong, written from the student's copy alone."""

import torch


def places_by_arange(fed, cols):
    i = torch.arange(fed)
    return i // cols, i % cols


def places_by_loop(fed, cols):
    rows, columns = [], []
    row = column = 0
    for _ in range(fed):
        rows.append(row)
        columns.append(column)
        column += 1
        if column == cols:
            row, column = row + 1, 0
    return torch.tensor(rows), torch.tensor(columns)


def places_by_repeating(fed, cols):
    lines = fed // cols + 1
    rows = torch.arange(lines).repeat_interleave(cols)[:fed]
    columns = torch.arange(cols).repeat(lines)[:fed]
    return rows, columns


def place_of_the_fed_token(fed, cols):
    i = (torch.arange(fed) - 1).clamp(min=0)
    return i // cols, i % cols


def one_place_too_far(fed, cols):
    i = torch.arange(1, fed + 1)
    return i // cols, i % cols


def rows_and_columns_swapped(fed, cols):
    i = torch.arange(fed)
    return i % cols, i // cols


def counted_from_one(fed, cols):
    i = torch.arange(fed)
    return i // cols + 1, i % cols + 1


def always_eight(fed, cols):
    i = torch.arange(fed)
    return i // 8, i % 8


def rows_as_fractions(fed, cols):
    i = torch.arange(fed)
    return i / cols, i % cols


def without_sep(fed, cols):
    i = torch.arange(fed - 1)
    return i // cols, i % cols


def sep_before_the_grid(fed, cols):
    i = torch.arange(fed) - 1
    return i // cols, i % cols


def back_and_forth(fed, cols):
    i = torch.arange(fed)
    row, column = i // cols, i % cols
    return row, torch.where(row % 2 == 1, cols - 1 - column, column)


def running_number(fed, cols):
    i = torch.arange(fed)
    return i // cols, i


def vectors_by_counting(rows, cols):
    names = [f"row {r}" for r in range(rows)] + [f"column {c}" for c in range(cols)]
    return len(names)


RIGHT = {
    "08.places": [
        places_by_arange,
        places_by_loop,
        places_by_repeating,
    ],
    "08.vectors": [
        lambda rows, cols: rows + cols,
        lambda rows, cols: sum((rows, cols)),
        vectors_by_counting,
    ],
    "08.prediction": [
        "b",
        "B",
        "b ",
    ],
}

WRONG = {
    "08.places": [
        (place_of_the_fed_token, "token that is fed"),
        (one_place_too_far, "One too far"),
        (rows_and_columns_swapped, "exchanged"),
        (counted_from_one, "from 1"),
        (always_eight, "8 columns"),
        (rows_as_fractions, "fractions"),
        (without_sep, "too few"),
        (sep_before_the_grid, "before the grid"),
        (back_and_forth, "backwards"),
        (running_number, "begins anew"),
        (lambda fed, cols: torch.arange(fed), "two things"),
        (lambda fed, cols: [part.tolist() for part in places_by_arange(fed, cols)], "later cells need"),
    ],
    "08.vectors": [
        (lambda rows, cols: rows * cols, "one for each cell"),
        (lambda rows, cols: rows + cols - 1, "share no vector"),
        (lambda rows, cols: rows + cols + 1, r"\[SEP\]"),
        (lambda rows, cols: 2 * rows, "square"),
        (lambda rows, cols: 16, "every grid"),
        (lambda rows, cols: max(rows, cols), "of their own"),
        (lambda rows, cols: rows * cols + rows + cols, "none besides"),
        (lambda rows, cols: 2 * rows * cols, "two for each cell"),
        (lambda rows, cols: (rows, cols), "add them"),
        (lambda rows, cols: 256 * (rows + cols), "width"),
    ],
    "08.prediction": [
        ("a", "caption"),
        ("c", "noise"),
        ("d", "mask"),
        (..., "no answer yet"),
        ("bd", "several answers"),
        (["b", "c"], "several answers"),
        (1, "one letter"),
    ],
}
