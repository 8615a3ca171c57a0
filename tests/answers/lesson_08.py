"""Answers to lesson 08, right and wrong."""

import torch


def by_division(fed, cols):
    slots = torch.arange(fed)
    return slots // cols, slots % cols


def by_loops(fed, cols):
    return [i // cols for i in range(fed)], [i % cols for i in range(fed)]


def by_grid(fed, cols):
    lines = -(-fed // cols)
    grid = torch.cartesian_prod(torch.arange(lines), torch.arange(cols))[:fed]
    return grid[:, 0], grid[:, 1]


def of_fed(fed, cols):
    slots = (torch.arange(fed) - 1).clamp_min(0)
    return slots // cols, slots % cols


def one_too_far(fed, cols):
    slots = torch.arange(fed) + 1
    return slots // cols, slots % cols


RIGHT = {
    "08.places": [by_division, by_loops, by_grid],
    "08.vectors": [lambda r, c: r + c, lambda r, c: len([*range(r), *range(c)]), lambda r, c: torch.tensor(r) + c],
    "08.prediction": ["b", "B", " b "],
}
WRONG = {
    "08.places": [
        (lambda n, c: by_division(n, c)[::-1], "exchanged"),
        (of_fed, "to predict"),
        (one_too_far, "One too far"),
        (lambda n, c: tuple(x + 1 for x in by_division(n, c)), "from 1"),
        (lambda n, c: (torch.arange(n) // c, torch.arange(n)), "begins anew"),
        (lambda n, c: torch.arange(n), "two things"),
    ],
    "08.vectors": [
        (lambda r, c: r * c, "each cell"),
        (lambda r, c: r, "own"),
        (lambda r, c: r + c + 1, r"\[SEP\]"),
        (lambda r, c: r + c - 1, "from 0"),
        (lambda r, c: 256 * (r + c), "width"),
        (lambda r, c: 2, "For"),
    ],
    "08.prediction": [("a", "caption"), ("c", "noise"), ("d", "mask"), ("nothing", "one letter"), (2, "one letter")],
}
