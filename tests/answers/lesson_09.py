"""Answers to lesson 09, right and wrong."""

import torch
from torch import nn

from dalle_lessons.transformer import Block


def in_two_lines(x, norm1, attention, norm2, mlp):
    x = x + attention(norm1(x))
    return x + mlp(norm2(x))


def nested(x, n1, att, n2, mlp):
    return (lambda m: m + mlp(n2(m)))(x + att(n1(x)))


def in_place(x, norm1, attention, norm2, mlp):
    for norm, branch in ((norm1, attention), (norm2, mlp)):
        x += branch(norm(x))
    return x


def side_by_side(x, n1, att, n2, mlp):
    return x + att(n1(x)) + mlp(n2(x))


def post_norm(x, n1, att, n2, mlp):
    x = n1(x + att(x))
    return n2(x + mlp(x))


def no_path(x, n1, att, n2, mlp):
    return mlp(n2(att(n1(x))))


def half_path(x, n1, att, n2, mlp):
    return mlp(n2(x + att(n1(x))))


def no_norms(x, n1, att, n2, mlp):
    x = x + att(x)
    return x + mlp(x)


def norm_kept(x, n1, att, n2, mlp):
    x = n1(x)
    x = x + att(x)
    x = n2(x)
    return x + mlp(x)


def mlp_first(x, n1, att, n2, mlp):
    x = x + mlp(n1(x))
    return x + att(n2(x))


def by_difference(rows, cols):
    i = torch.arange(rows * cols)
    back = i[:, None] - i[None]
    return (back >= 0) & (back <= cols)


def by_triangles(rows, cols):
    ones = torch.ones(rows * cols, rows * cols, dtype=torch.bool)
    return ones.tril() & ~ones.tril(-cols - 1)


def by_loops(rows, cols):
    n = rows * cols
    return [[j <= i and i - j <= cols for j in range(n)] for i in range(n)]


def back_of(rows, cols):
    i = torch.arange(rows * cols)
    return i[:, None] - i


def counted(width):
    return sum(p.numel() for p in Block(width, 1, 0.0).parameters())


def with_modules(width):
    parts = [*(nn.Linear(width, width) for _ in range(4)), nn.Linear(width, 4 * width), nn.Linear(4 * width, width)]
    parts += [nn.LayerNorm(width), nn.LayerNorm(width)]
    return torch.tensor(sum(p.numel() for part in parts for p in part.parameters()))


RIGHT = {
    "09.block": [in_two_lines, nested, in_place],
    "09.row_mask": [by_difference, by_triangles, by_loops],
    "09.block_parameters": [lambda c: 12 * c**2 + 13 * c, counted, with_modules],
}
WRONG = {
    "09.block": [
        (side_by_side, "Both branches"),
        (post_norm, "post-norm"),
        (no_path, "no residual path"),
        (half_path, "MLP's branch"),
        (no_norms, "norms are missing"),
        (norm_kept, "residual path itself"),
        (mlp_first, "before attention"),
    ],
    "09.row_mask": [
        (lambda r, c: by_difference(r, c).T, "exchanged"),
        (lambda r, c: back_of(r, c).abs() <= c, "looks ahead"),
        (lambda r, c: (back_of(r, c) >= 0) & (back_of(r, c) < c), "One too few"),
        (lambda r, c: (back_of(r, c) > 0) & (back_of(r, c) <= c), "see itself"),
        (lambda r, c: back_of(r, c) >= 0, "window is missing"),
        (lambda r, c: ~by_difference(r, c), "True and False"),
        (
            lambda r, c: (back_of(r, c) >= 0) & (torch.arange(r * c)[:, None] // c == torch.arange(r * c) // c),
            "line's end",
        ),
    ],
    "09.block_parameters": [
        (lambda c: 12 * c * c, "biases and the norms"),
        (lambda c: 12 * c * c + 9 * c, "norms are missing"),
        (lambda c: 11 * c * c + 12 * c, "four matrices"),
        (lambda c: 4 * c * c + 6 * c, "MLP is missing"),
        (lambda c: 6 * c * c + 10 * c, "4 times as wide"),
        (lambda c: 13 * c, "For width"),
    ],
}
