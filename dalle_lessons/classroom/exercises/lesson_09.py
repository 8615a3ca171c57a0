"""Checks of lesson 09: the order inside a residual block, a mask from its rule, the parameters of a block."""

from __future__ import annotations

import torch

from . import CheckFailed, as_number, as_tensor, call, diagnose, exercise


@exercise("09.block")
def block(answer) -> None:
    """answer(x, norm1, attention, norm2, mlp): the pre-norm residual block (S, C) -> (S, C)."""
    generator = torch.Generator().manual_seed(9)
    x, a, b = (torch.randn(shape, generator=generator) for shape in ((5, 4), (4, 4), (4, 4)))

    def norm1(t):
        return (t - t.mean(-1, keepdim=True)) / (t.std(-1, keepdim=True, correction=0) + 1e-5)

    def norm2(t):
        return 2 * norm1(t) + 0.5

    def attention(t):
        return torch.tril(torch.ones(5, 5)) @ t @ a / 5

    def mlp(t):
        return (t @ b).relu()

    middle = x + attention(norm1(x))
    truth = middle + mlp(norm2(middle))
    value = call(answer, x, norm1, attention, norm2, mlp, shown="x, norm1, attention, norm2, mlp")
    value = as_tensor(value, (5, 4), "The block's output")
    no_path = attention(norm1(x))
    mistakes = {
        "Both branches read the block's input: the MLP reads what attention has added.": x
        + attention(norm1(x))
        + mlp(norm2(x)),
        "The norm stands outside the branch (post-norm): put it inside, before attention and before the MLP.": norm2(
            norm1(x + attention(x)) + mlp(norm1(x + attention(x)))
        ),
        "There is no residual path: add what goes in to what comes out of each branch.": mlp(norm2(no_path)),
        "The MLP's branch is not added to its input.": mlp(norm2(middle)),
        "Attention's branch is not added to its input.": no_path + mlp(norm2(no_path)),
        "The norms are missing: each branch reads a normalized copy.": (x + attention(x)) + mlp(x + attention(x)),
        "The first norm is missing.": (x + attention(x)) + mlp(norm2(x + attention(x))),
        "The second norm is missing.": middle + mlp(middle),
        "The residual path itself is normalized: add x, not norm(x).": (lambda m: norm2(m) + mlp(norm2(m)))(
            norm1(x) + attention(norm1(x))
        ),
        "The MLP comes before attention: the paper's blocks, as all since 2017, attend first.": (
            lambda m: m + attention(norm2(m))
        )(x + mlp(norm1(x))),
        "The MLP comes before attention: it should read what attention has found.": (lambda m: m + attention(norm1(m)))(
            x + mlp(norm2(x))
        ),
        "The two norms are exchanged.": (lambda m: m + mlp(norm1(m)))(x + attention(norm2(x))),
        "The input is added twice: what is added to the sum after attention is the MLP's branch alone.": (
            x + middle + mlp(norm2(middle))
        ),
        "The MLP reads attention's branch alone: it reads the sum, x and what attention has found.": (
            middle + mlp(norm2(no_path))
        ),
        "You normalize what comes out of each branch: normalize what goes in, attention(norm1(x)).": (
            lambda m: m + norm2(mlp(m))
        )(x + norm1(attention(x))),
        "The MLP is missing: it comes after attention, with the second norm.": middle,
        "The MLP's branch is added to the old x, and attention's is lost: add it to the sum.": (x + mlp(norm2(middle))),
    }
    diagnose(value, truth, mistakes, "x + attention(norm1(x)) first; then add mlp(norm2(…)) of that sum.")


@exercise("09.row_mask")
def row_mask(answer) -> None:
    """answer(rows, cols): (N, N) bool, slot i sees itself and the `cols` slots before it in raster order."""
    for rows, cols in ((6, 3), (2, 7)):
        slots = rows * cols
        others = {
            (rows, cols): "That is a mask of cells: it should say for each slot which slots it sees, slots by slots.",
        }
        given = call(answer, rows, cols, shown=f"{rows}, {cols}")
        value = as_tensor(given, (slots, slots), "The mask", others, lists=False)
        if value.dtype != torch.bool:
            raise CheckFailed(
                f"A mask says True or False for each pair of slots, dtype bool, and this is {value.dtype}."
            )
        slot = torch.arange(slots)
        back = slot[:, None] - slot
        line, column = slot // cols, slot % cols
        lines_back = line[:, None] - line
        truth = (back >= 0) & (back <= cols)
        mistakes = {
            "It looks ahead: a slot sees itself and what comes before, not what comes after.": back.abs() <= cols,
            "One too few: itself and the `cols` slots before it make cols + 1; so the slot straight above is seen.": (
                back >= 0
            )
            & (back < cols),
            "That is the row of the grid alone: the paper's window goes back over the line's end.": (back >= 0)
            & (lines_back == 0),
            "That is the whole row of the grid, with what comes after, too: the window goes back `cols` slots.": (
                lines_back == 0
            ),
            "That is the column mask, of the slots above: the row mask takes the `cols` slots before.": (back >= 0)
            & (column[:, None] == column),
            "You see all of the row above: the window reaches back to the slot straight above, `cols` slots.": (
                (back >= 0) & (lines_back <= 1)
            ),
            "The slot does not see itself: it should.": (back > 0) & (back <= cols),
            "Rows and columns of the mask are exchanged, so that a slot looks ahead: line i says what slot i sees.": (
                truth.T
            ),
            "One too many: `cols` slots before it, and itself.": (back >= 0) & (back <= cols + 1),
            "That is the whole causal mask: the window is missing.": back >= 0,
            "True and False are exchanged: True means may look.": ~truth,
            "The window is as long as a column: it should be as long as a row.": (back >= 0) & (back <= rows),
        }
        diagnose(value, truth, mistakes, "True where 0 <= i - j <= cols, for slot i looking at slot j.")


@exercise("09.block_parameters")
def block_parameters(answer) -> None:
    """answer(width): numbers in one block, biases and norms included."""
    for c in (10, 256):
        value = as_number(call(answer, c, shown=str(c)), "The number of parameters")
        mistakes = {
            "The biases and the norms are missing: they are few, but they are there.": 12 * c * c,
            "The norms are missing: two of them, each with a scale and a shift.": 12 * c * c + 9 * c,
            "The biases are missing.": 12 * c * c + 4 * c,
            "One norm is missing, or each has a scale and no shift: there are two, with 2 times the width each.": (
                12 * c * c + 11 * c
            ),
            "One norm too many: the last norm of the model belongs to no block.": 12 * c * c + 15 * c,
            "Attention has four matrices: the last one, which mixes the heads, is missing.": 11 * c * c + 12 * c,
            "Query, key and value are three matrices, and not one: with the mixing one attention has four.": (
                10 * c * c + 11 * c
            ),
            "Attention is missing.": 8 * c * c + 9 * c,
            "The MLP is missing: it is the larger part.": 4 * c * c + 8 * c,
            "The MLP widens to 4 times the width and comes back: the way back is missing.": 8 * c * c + 12 * c,
            "The MLP's inner layer is 4 times as wide.": 6 * c * c + 10 * c,
            "The MLP's matrices are width by 4 times width, and not both sides 4 times as wide.": 20 * c * c + 13 * c,
            "The way back has a bias for each output, and these are the width alone.": 12 * c * c + 16 * c,
            "Each matrix has a bias for every output, not one number in all.": 12 * c * c + 10,
        }
        truth = 12 * c * c + 13 * c
        diagnose(value, truth, mistakes, f"For width {c} it is {truth}: count matrices, biases, norms.", 1e-9)
