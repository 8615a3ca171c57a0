"""Checks of lesson 09: a residual block, the stack up to the logits, parameters, a mask, how far masks reach."""

from __future__ import annotations

import torch

from ...model.dalle import DALLE, DALLEConfig
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
        "Attention is missing: it comes first, with the first norm.": x + mlp(norm2(x)),
        "What is added to attention's branch is the normalized x: add x itself.": (lambda m: m + mlp(norm2(m)))(
            norm1(x) + attention(norm1(x))
        ),
        "What is added to the MLP's branch is the normalized sum: add the sum itself.": (
            norm2(middle) + mlp(norm2(middle))
        ),
        "The first norm is used for both: the MLP has a norm of its own.": middle + mlp(norm1(middle)),
        "The MLP's branch is added to the old x, and attention's is lost: add it to the sum.": (x + mlp(norm2(middle))),
    }
    diagnose(value, truth, mistakes, "x + attention(norm1(x)) first; then add mlp(norm2(…)) of that sum.")


@exercise("09.image_logits")
def image_logits(answer) -> None:
    """answer(dalle, x, mask): the vectors of all slots (B, T + N, C) -> image logits (B, N, codes)."""
    generator = torch.Generator().manual_seed(9)
    dalle = DALLE(DALLEConfig(9, 3, 2, 3, 7, 8, 3, 2)).eval()
    T, N, V, K = 3, 6, 9, 7
    for parameter in dalle.parameters():
        parameter.data = 0.4 * torch.randn(parameter.shape, generator=generator) + (parameter.ndim == 1) * 0.3
    text = torch.tensor([[1, 4, 5], [1, 6, 0]])
    tokens = torch.tensor([[0, 3, 2, 6, 1], [5, 5, 4, 0, 2]])
    mask, blocks = dalle.masks["full"], dalle.transformer.blocks
    others = {
        (2, T + N, K): "Logits for all slots, text included: only the slots from [SEP] on, the first after the text, "
        "predict image tokens.",
        (2, T + N, V): "That is the text head, over all slots: image tokens come from image_head.",
        (2, N, V): "These logits are over the words: image tokens come from image_head.",
        (2, N - 1, K): "One slot too few: [SEP], right after the text, predicts the first image token.",
        (2, N + 1, K): "One slot too many: the last text slot predicts a text token; [SEP] comes right after the text.",
        (2, T, K): "These are the text's slots: the image's begin where the text ends.",
        (N, K): "The batch is lost: x has all slots of several pairs, (B, T + N, C).",
        (2, N, 8): "These are still vectors, as wide as the stream: the image head makes logits of them.",
        (2, T + N, 8): "These are still vectors of all slots: the image head is missing, and the cut at [SEP].",
        (2, K): "Only one slot of each pair: all from [SEP] on are asked for.",
    }
    with torch.no_grad():
        x = dalle.embedding(text, tokens)
        value = as_tensor(call(answer, dalle, x, mask, shown="dalle, x, mask"), (2, N, K), "The logits", others)

        def run(stream, parts, mask: torch.Tensor | None = mask):
            for part in parts:
                stream = part(stream, mask)
            return stream

        def logits(stream, norm=True, first=T, head=dalle.image_head):
            stream = dalle.transformer.norm(stream) if norm else stream
            return head(stream[:, first : first + N])

        through = run(x, blocks)
        truth = logits(through)
        mistakes = {
            "The last norm is missing: after all blocks, before the head.": logits(through, norm=False),
            "No block has run: these are the logits of the stream before the first.": logits(x),
            "Only the first block has run: is the return inside the loop?": logits(run(x, blocks[:1])),
            "Only the last block has run: each must be given what the one before it gave, not x.": logits(
                run(x, blocks[-1:])
            ),
            "Each block is given the first x: give it what the block before it gave.": logits(
                x + sum(part(x, mask) - x for part in blocks)
            ),
            "One block runs again and again: take each of dalle.transformer.blocks in turn.": logits(
                run(x, [blocks[0]] * len(blocks))
            ),
            "The blocks run in the wrong order: the first one first.": logits(run(x, blocks[::-1])),
            "The stream is added twice: the paths are inside the blocks, so what a block gives is the new stream.": (
                logits(doubled(x, blocks, mask))
            ),
            "The last block is missing.": logits(run(x, blocks[:-1])),
            "The first block is missing.": logits(run(x, blocks[1:])),
            "The norm stands after each block: it comes once, after the last.": logits(
                self_normed(x, blocks, mask, dalle.transformer.norm), norm=False
            ),
            "The first N slots: that is the text and a part of the picture. The image's slots begin after the text.": (
                logits(through, first=0)
            ),
            "Without the mask each slot sees its own answer: give every block the mask.": logits(run(x, blocks, None)),
            "Probabilities instead of logits: leave the softmax to the loss.": truth.softmax(-1),
            "Logarithms of probabilities instead of logits: leave the softmax to the loss.": truth.log_softmax(-1),
        }
        diagnose(value, truth, mistakes, "Every block in turn, the last norm, the slots from [SEP] on, image_head.")


def doubled(x, blocks, mask):
    """The stream where what each block gives is added to what it was given."""
    for part in blocks:
        x = x + part(x, mask)
    return x


def self_normed(x, blocks, mask, norm):
    """The stream where a norm is put after each block."""
    for part in blocks:
        x = norm(part(x, mask))
    return x


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
            "It jumps: a slot sees itself and the one straight above, but nothing in between.": (back == 0)
            | (back == cols),
            "Only the slot itself and one before it: the window is `cols` slots long.": (back >= 0) & (back <= 1),
            "The window of `cols` slots lies before the slot's own row: count back from the slot itself.": (
                (lines_back == 1) | ((lines_back == 0) & (back == 0))
            ),
            "That is the whole causal mask: the window is missing.": back >= 0,
            "A slot looks ahead, to all that comes after it: the window ends at the slot itself.": back <= cols,
            "True and False are exchanged: True means may look.": ~truth,
            "The window is as long as a column: it should be as long as a row.": (back >= 0) & (back <= rows),
        }
        diagnose(value, truth, mistakes, "True where 0 <= i - j <= cols, for slot i looking at slot j.")


@exercise("09.block_parameters")
def block_parameters(answer) -> None:
    """answer(width): numbers in one block, biases and norms included."""
    for c in (37, 256):  # with 10 as a width, many a wrong count would equal another
        value = as_number(call(answer, c, shown=str(c)), "The number of parameters")
        mistakes = {
            "The biases and the norms are missing: they are few, but they are there.": 12 * c * c,
            "The norms are missing: two of them, each with a scale and a shift.": 12 * c * c + 9 * c,
            "The biases are missing.": 12 * c * c + 4 * c,
            "The bias of one matrix of attention is missing: all four have one, the last one too.": 12 * c * c + 12 * c,
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
            "The MLP's first layer has a bias for each of its outputs, and these are 4 times the width.": 12 * c * c
            + 10 * c,
            "The MLP's biases are missing: 4 times the width up, and the width down.": 12 * c * c + 8 * c,
            "Each matrix has a bias for every output, not one number in all.": 12 * c * c + 10,
            "A norm has a scale and a shift for each of the width's numbers, not one of each.": 12 * c * c + 9 * c + 4,
            "Attention is counted for one head of four parts: all heads together fill matrices of width by width.": (
                9 * c * c + 13 * c
            ),
            "The MLP is counted twice.": 20 * c * c + 18 * c,
            "Attention is counted twice.": 16 * c * c + 17 * c,
        }
        truth = 12 * c * c + 13 * c
        diagnose(value, truth, mistakes, f"For width {c} it is {truth}: count matrices, biases, norms.", 1e-9)


@exercise("09.reach")
def reach(answer) -> None:
    """answer(masks): a list of (S, S) bool, the first layer's first -> (S, S) bool, what each slot knows of at last."""
    generator = torch.Generator().manual_seed(3)
    size = 7
    drawn = [torch.rand(size, size, generator=generator).tril() > 0.62 for _ in range(3)]
    for count in (3, 1):
        masks = [mask | torch.eye(size, dtype=torch.bool) for mask in drawn[:count]]
        value = call(answer, masks, shown=f"{count} masks" if count > 1 else "one mask")
        value = as_tensor(value, (size, size), "What is seen", lists=False)
        truth = chained(masks)
        if value.dtype != torch.bool:
            ways = "the number of ways, or a share: " if bool((value > 1).any()) else ""
            raise CheckFailed(
                f"Known or not known: True or False for each pair, dtype bool; this is {ways}{value.dtype}. Compare "
                "with 0."
            )
        together, common = torch.stack(masks).any(dim=0), torch.stack(masks).all(dim=0)
        mistakes = {
            "That is what one layer or another sees, side by side: but the second layer looks at slots that have seen "
            "something themselves.": together,
            "That is what all layers see alike: a slot knows more after each layer, not less.": common,
            "The layers are in the wrong order: the last layer's mask says at whom it looks, and these have what the "
            "layers before it brought.": chained(masks[::-1]),
            "Only the first layer counts in this answer.": masks[0],
            "Only the last layer counts in this answer.": masks[-1],
            "One layer is missing: the last one.": chained(masks[:-1]),
            "One layer is missing: the first one.": chained(masks[1:]),
            "Rows and columns are exchanged: line i says of what slot i knows.": truth.T,
            "The first layer is taken again and again: take each mask in turn.": chained([masks[0]] * count),
            "True and False are exchanged.": ~truth,
            "That is everything before a slot: the masks are not used.": torch.ones_like(truth).tril(),
            "That is what each slot knows at the start: only of itself.": torch.eye(size, dtype=torch.bool),
        }
        diagnose(value, truth, mistakes, "After a layer: i knows of j if it looks at some slot that knew of j before.")


def chained(masks) -> torch.Tensor:
    """What each slot knows of after all these layers."""
    seen = torch.eye(len(masks[0]) if len(masks) else 7, dtype=torch.bool)
    for mask in masks:
        seen = (mask.double() @ seen.double()) > 0
    return seen
