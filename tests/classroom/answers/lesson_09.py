"""Answers to lesson 09, right and wrong, written from the student's copy alone."""

import torch
import torch.nn.functional as F
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


def mlp_alone(x, norm1, attention, norm2, mlp):
    return x + mlp(norm2(x))


def one_norm_for_both(x, norm1, attention, norm2, mlp):
    x = x + attention(norm1(x))
    return x + mlp(norm1(x))


def adds_the_normalized_sum(x, norm1, attention, norm2, mlp):
    x = x + attention(norm1(x))
    x = norm2(x)
    return x + mlp(x)


def logits_by_loop(dalle, x, mask):
    for part in dalle.transformer.blocks:
        x = part(x, mask)
    x = dalle.transformer.norm(x)
    return dalle.image_head(x[:, dalle.config.text_length :])


def logits_cut_at_the_end(dalle, x, mask):
    for part in dalle.transformer.blocks:
        x = part(x, mask)
    return dalle.image_head(dalle.transformer.norm(x))[:, -dalle.config.image_length :]


def logits_by_hand(dalle, x, mask):
    stream = x.clone()
    for part in dalle.transformer.blocks:
        stream = stream + part.attention(part.norm1(stream), mask)
        stream = stream + part.mlp(part.norm2(stream))
    norm = dalle.transformer.norm
    stream = F.layer_norm(stream, norm.weight.shape, norm.weight, norm.bias)
    return stream[:, -dalle.config.image_length :] @ dalle.image_head.weight.T + dalle.image_head.bias


def logits_of_the_transformer(dalle, x, mask):
    return dalle.image_head(dalle.transformer(x, {"full": mask})[:, dalle.config.text_length :])


def stacked(change):
    """The loop with something wrong in it."""

    def answer(dalle, x, mask):
        first, T = x, dalle.config.text_length
        for part in dalle.transformer.blocks:
            if change == "always the first x":
                x = part(first, mask)
            elif change == "sum of all":
                x = x + part(first, mask) - first
            elif change == "one block":
                x = dalle.transformer.blocks[0](x, mask)
            elif change == "added again":
                x = x + part(x, mask)
            elif change == "no mask":
                x = part(x, None)
            else:
                x = part(x, mask)
            if change == "norm each time":
                x = dalle.transformer.norm(x)
            if change == "returns at once":
                break
        if change not in ("no norm", "norm each time"):
            x = dalle.transformer.norm(x)
        cuts = {"all slots": slice(None), "after [SEP]": slice(T + 1, None), "from the last word": slice(T - 1, None)}
        x = x[:, cuts.get(change, slice(T, None))] if change != "the beginning" else x[:, : dalle.config.image_length]
        logits = (dalle.text_head if change == "text head" else dalle.image_head)(x)
        return logits.softmax(-1) if change == "softmax" else logits

    return answer


def reach_by_products(masks):
    seen = torch.eye(len(masks[0]), dtype=torch.bool)
    for mask in masks:
        seen = (mask.float() @ seen.float()) > 0
    return seen


def reach_by_one_product(masks):
    product = masks[0].float()
    for mask in masks[1:]:
        product = mask.float() @ product
    return product > 0


def reach_by_sets(masks):
    size = len(masks[0])
    known = [{i} for i in range(size)]
    for mask in masks:
        known = [set().union(*(known[j] for j in range(size) if mask[i, j])) for i in range(size)]
    return torch.tensor([[j in known[i] for j in range(size)] for i in range(size)])


def reach_without_floats(masks):
    seen = masks[0]
    for mask in masks[1:]:
        seen = (mask[:, :, None] & seen[None]).any(dim=1)
    return seen


def reach_reversed(masks):
    seen = torch.eye(len(masks[0]))
    for mask in masks:
        seen = seen @ mask.float()
    return seen > 0


def reach_by_bools(masks):
    """PyTorch multiplies no bools, and says so with a NotImplementedError, like an empty cell."""
    seen = masks[0]
    for mask in masks[1:]:
        seen = mask @ seen
    return seen


def reach_counts(masks):
    seen = torch.eye(len(masks[0]))
    for mask in masks:
        seen = mask.float() @ seen
    return seen


RIGHT = {
    "09.image_logits": [logits_by_loop, logits_cut_at_the_end, logits_by_hand, logits_of_the_transformer],
    "09.reach": [reach_by_products, reach_by_one_product, reach_by_sets, reach_without_floats],
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
    "09.image_logits": [
        (stacked("no norm"), "last norm is missing"),
        (stacked("always the first x"), "Only the last block"),
        (stacked("sum of all"), "given the first x"),
        (stacked("one block"), "again and again"),
        (stacked("added again"), "inside the blocks"),
        (stacked("no mask"), "Without the mask"),
        (stacked("norm each time"), "after each block"),
        (stacked("returns at once"), "inside the loop"),
        (stacked("all slots"), "text included"),
        (stacked("after [SEP]"), "One slot too few"),
        (stacked("from the last word"), "One slot too many"),
        (stacked("the beginning"), "first N slots"),
        (stacked("text head"), "over the words"),
        (stacked("softmax"), "Probabilities"),
    ],
    "09.reach": [
        (lambda masks: torch.stack(masks).any(dim=0), "side by side"),
        (lambda masks: torch.stack(masks).all(dim=0), "all layers see alike"),
        (reach_reversed, "wrong order"),
        (reach_counts, "dtype bool"),
        (reach_by_bools, "tensors of type bool"),
        (lambda masks: masks[-1], "last layer counts"),
        (lambda masks: reach_by_products(masks).T, "Rows and columns"),
        (lambda masks: reach_by_products(masks[:1] * len(masks)), "first layer is taken"),
        (lambda masks: reach_by_products(masks).tolist(), "later cells need"),
        (lambda masks: ones(len(masks[0])).tril(), "masks are not used"),
        (lambda masks: reach_by_products(masks[1:] or masks), "first one"),
    ],
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
        (mlp_alone, "Attention is missing"),
        (one_norm_for_both, "norm of its own"),
        (adds_the_normalized_sum, "normalized sum"),
    ],
    "09.block_parameters": [
        (lambda width: 12 * width**2, "biases and the norms"),
        (lambda width: 12 * width**2 + 9 * width, "norms are missing"),
        (lambda width: 12 * width**2 + 12 * width, "bias of one matrix"),
        (lambda width: 12 * width**2 + 4 * width, "biases are missing"),
        (lambda width: 11 * width**2 + 12 * width, "mixes the heads"),
        (lambda width: 8 * width**2 + 12 * width, "way back"),
        (lambda width: 12 * width**2 + 11 * width, "One norm is missing"),
        (lambda width: 20 * width**2 + 13 * width, "both sides"),
        (lambda width: 12 * width**2 + 10, "not one number"),
        (lambda width: 12 * width**2 + 10 * width, "first layer has a bias"),
        (lambda width: 12 * width**2 + 8 * width, "MLP's biases"),
        (lambda width: 10 * width**2 + 11 * width, "three matrices"),
        (lambda width: 4 * width**2 + 8 * width, "MLP is missing"),
        (lambda width: 12 * width**2 + 9 * width + 4, "scale and a shift for each"),
        (lambda width: 16 * width**2 + 17 * width, "counted twice"),
        (lambda width: 12 * width**2 + 15 * width, "last norm of the model"),
    ],
    "09.row_mask": [
        (same_line_only, "line's end"),
        (lambda rows, cols: ones(rows * cols).tril().triu(1 - cols), "One too few"),
        (lambda rows, cols: ones(rows * cols).tril(cols).triu(-cols), "looks ahead"),
        (lambda rows, cols: ones(rows * cols).triu(-cols), "all that comes after"),
        (lambda rows, cols: ones(rows * cols).tril(-1).triu(-cols), "see itself"),
        (lambda rows, cols: ones(rows * cols).tril().triu(-rows), "as long as a column"),
        (lambda rows, cols: ones(rows * cols).triu().tril(cols), "exchanged"),
        (line_and_the_line_above, "row above"),
        (lambda rows, cols: ones(rows * cols).tril().triu(-cols).float(), "dtype bool"),
        (lambda rows, cols: ones(max(rows, cols))[:rows, :cols].tril(), "mask of cells"),
        (lambda rows, cols: row_by_arange(rows, cols).tolist(), "later cells need"),
        (lambda rows, cols: ~row_by_arange(rows, cols), "True and False"),
        (lambda rows, cols: ones(rows * cols).tril().triu(-1), "one before it"),
        (lambda rows, cols: ones(rows * cols).tril().triu() | ones(rows * cols).tril(-cols).triu(-cols), "jumps"),
        (lambda rows, cols: ones(rows * cols).tril().triu(-cols - 1), "One too many"),
    ],
}
