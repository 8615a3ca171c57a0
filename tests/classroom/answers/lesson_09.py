"""Answers to lesson 09, right and wrong, written from the student's copy alone."""

import torch
from torch import nn

from dalle_lessons.model.transformer import Block


def block_in_two_lines(x, norm1, attention, norm2, mlp):
    x = x + attention(norm1(x))
    return x + mlp(norm2(x))


def block_by_loop(x, norm1, attention, norm2, mlp):
    for norm, branch in ((norm1, attention), (norm2, mlp)):
        x = torch.add(x, branch(norm(x)))
    return x


def block_by_names(x, norm1, attention, norm2, mlp):
    found = attention(norm1(x))
    concluded = mlp(norm2(x + found))
    return torch.stack((x, found, concluded)).sum(dim=0)


def norm_after_adding(x, norm1, attention, norm2, mlp):
    x = norm1(x + attention(x))
    return norm2(x + mlp(x))


def no_residual(x, norm1, attention, norm2, mlp):
    return mlp(norm2(attention(norm1(x))))


def side_by_side(x, norm1, attention, norm2, mlp):
    return x + attention(norm1(x)) + mlp(norm2(x))


def no_norms(x, norm1, attention, norm2, mlp):
    x = x + attention(x)
    return x + mlp(x)


def mlp_first(x, norm1, attention, norm2, mlp):
    x = x + mlp(norm2(x))
    return x + attention(norm1(x))


def adds_to_the_copy(x, norm1, attention, norm2, mlp):
    x = norm1(x)
    x = x + attention(x)
    x = norm2(x)
    return x + mlp(x)


def second_path_missing(x, norm1, attention, norm2, mlp):
    x = x + attention(norm1(x))
    return mlp(norm2(x))


def first_path_missing(x, norm1, attention, norm2, mlp):
    x = attention(norm1(x))
    return x + mlp(norm2(x))


def changes_x_in_place(x, norm1, attention, norm2, mlp):
    x += attention(norm1(x))
    x += mlp(norm2(x))
    return x


def mlp_reads_the_branch(x, norm1, attention, norm2, mlp):
    found = attention(norm1(x))
    return x + found + mlp(norm2(found))


def norm_on_the_branch(x, norm1, attention, norm2, mlp):
    x = x + norm1(attention(x))
    return x + norm2(mlp(x))


def parameters_part_by_part(width):
    attention = 4 * (width * width + width)
    mlp = (width * 4 * width + 4 * width) + (4 * width * width + width)
    norms = 2 * (width + width)
    return attention + mlp + norms


def parameters_of_modules(width):
    with torch.device("meta"):
        parts = nn.ModuleList([nn.Linear(width, width) for _ in range(4)])
        parts.extend([nn.Linear(width, 4 * width), nn.Linear(4 * width, width)])
        parts.extend([nn.LayerNorm(width), nn.LayerNorm(width)])
    return sum(p.numel() for p in parts.parameters())


def row_by_arange(rows, cols):
    i = torch.arange(rows * cols)
    back = i[:, None] - i[None, :]
    return (back >= 0) & (back <= cols)


def row_by_band(rows, cols):
    return torch.ones(rows * cols, rows * cols, dtype=torch.bool).tril().triu(-cols)


def row_by_loop(rows, cols):
    mask = torch.zeros(rows * cols, rows * cols, dtype=torch.bool)
    for i in range(rows * cols):
        mask[i, max(0, i - cols) : i + 1] = True
    return mask


def ones(size):
    return torch.ones(size, size, dtype=torch.bool)


def same_line_only(rows, cols):
    i = torch.arange(rows * cols)
    return (i[:, None] // cols == i // cols) & (i <= i[:, None])


def line_and_the_line_above(rows, cols):
    i = torch.arange(rows * cols)
    lines = i[:, None] // cols - i // cols
    return (lines >= 0) & (lines <= 1) & (i <= i[:, None])


def parameters_of_the_library(width):
    return sum(p.numel() for p in Block(width, 1, 0.0).parameters())


RIGHT = {
    "09.block": [
        block_in_two_lines,
        block_by_loop,
        block_by_names,
    ],
    "09.block_parameters": [
        lambda width: 12 * width**2 + 13 * width,
        parameters_part_by_part,
        parameters_of_modules,
        parameters_of_the_library,
    ],
    "09.row_mask": [
        row_by_arange,
        row_by_band,
        row_by_loop,
    ],
}

WRONG = {
    "09.block": [
        (norm_after_adding, "post-norm"),
        (no_residual, "no residual path"),
        (side_by_side, "Both branches"),
        (mlp_first, "before attention"),
        (adds_to_the_copy, "residual path itself"),
        (second_path_missing, "MLP's branch"),
        (changes_x_in_place, "in place"),
        (mlp_reads_the_branch, "branch alone"),
        (norm_on_the_branch, "what comes out"),
        (no_norms, "norms are missing"),
        (first_path_missing, "Attention's branch"),
    ],
    "09.block_parameters": [
        (lambda width: 12 * width**2, "biases and the norms"),
        (lambda width: 12 * width**2 + 9 * width, "norms are missing"),
        (lambda width: 12 * width**2 + 4 * width, "biases are missing"),
        (lambda width: 11 * width**2 + 12 * width, "mixes the heads"),
        (lambda width: 8 * width**2 + 12 * width, "way back"),
        (lambda width: 12 * width**2 + 11 * width, "One norm is missing"),
        (lambda width: 20 * width**2 + 13 * width, "both sides"),
        (lambda width: 12 * width**2 + 10, "not one number"),
        (lambda width: 10 * width**2 + 11 * width, "three matrices"),
        (lambda width: 4 * width**2 + 8 * width, "MLP is missing"),
    ],
    "09.row_mask": [
        (same_line_only, "line's end"),
        (lambda rows, cols: ones(rows * cols).tril().triu(1 - cols), "One too few"),
        (lambda rows, cols: ones(rows * cols).tril(cols).triu(-cols), "looks ahead"),
        (lambda rows, cols: ones(rows * cols).tril(-1).triu(-cols), "see itself"),
        (lambda rows, cols: ones(rows * cols).tril().triu(-rows), "as long as a column"),
        (lambda rows, cols: ones(rows * cols).triu().tril(cols), "exchanged"),
        (line_and_the_line_above, "row above"),
        (lambda rows, cols: ones(rows * cols).tril().triu(-cols).float(), "dtype bool"),
        (lambda rows, cols: ones(max(rows, cols))[:rows, :cols].tril(), "mask of cells"),
        (lambda rows, cols: row_by_arange(rows, cols).tolist(), "later cells need"),
        (lambda rows, cols: ~row_by_arange(rows, cols), "True and False"),
    ],
}
