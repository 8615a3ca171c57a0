"""Answers to lesson 04, right and wrong, written from the student's copy alone."""

import numpy as np
import torch


def flatten_by_loop(grid):
    rows = []
    for one in grid:
        row = []
        for line in one.tolist():
            row.extend(line)
        rows.append(row)
    return torch.tensor(rows, dtype=grid.dtype)


def flatten_by_cat(grid):
    return torch.cat([grid[:, r] for r in range(grid.shape[1])], dim=1)


def unflatten_by_slices(tokens, rows, cols):
    return torch.stack([tokens[:, r * cols : (r + 1) * cols] for r in range(rows)], dim=1)


def unflatten_by_loop(tokens, rows, cols):
    grid = torch.empty(len(tokens), rows, cols, dtype=tokens.dtype)
    for r in range(rows):
        for c in range(cols):
            grid[:, r, c] = tokens[:, r * cols + c]
    return grid


def place_by_counting(i, cols):
    row = 0
    while i >= cols:
        i -= cols
        row += 1
    return row, i


def find_by_min(tokens, orders, fit):
    return min(orders, key=lambda name: fit(tokens[:, orders[name].argsort()]))


def find_by_scatter(tokens, orders, fit):
    best, least = "", float("inf")
    for name, order in orders.items():
        raster = torch.empty_like(tokens)
        raster[:, order] = tokens
        if fit(raster) < least:
            best, least = name, fit(raster)
    return best


def find_by_list(tokens, orders, fit):
    names = list(orders)
    values = torch.tensor([fit(tokens[:, torch.argsort(orders[name])]) for name in names])
    return names[int(values.argmin())]


def find_without_inverse(tokens, orders, fit):
    return min(orders, key=lambda name: fit(tokens[:, orders[name]]))


def find_all_but_last(tokens, orders, fit):
    return min(list(orders)[:-1], key=lambda name: fit(tokens[:, orders[name].argsort()]))


def find_as_grid(tokens, orders, fit):
    return min(orders, key=lambda name: fit(tokens[:, orders[name].argsort()].reshape(-1, 3, 4)))


def mirror_by_bincount(tokens, mirrored, codes):
    pairs = (tokens * codes + mirrored.flip(2)).flatten()
    counts = torch.bincount(pairs, minlength=codes * codes).reshape(codes, codes)
    return torch.where(counts.sum(1) > 0, counts.argmax(1), torch.arange(codes))


def mirror_by_loop(tokens, mirrored, codes):
    table = torch.arange(codes)
    for code in tokens.unique().tolist():
        table[code] = mirrored.flip(-1)[tokens == code].mode().values
    return table


def mirror_by_dict(tokens, mirrored, codes):
    from collections import Counter, defaultdict

    seen = defaultdict(Counter)
    for code, partner in zip(tokens.flatten().tolist(), mirrored.flip(2).flatten().tolist(), strict=True):
        seen[code][partner] += 1
    return torch.tensor([seen[k].most_common(1)[0][0] if k in seen else k for k in range(codes)])


def mirror_unflipped(tokens, mirrored, codes):
    return mirror_by_loop(tokens, mirrored.flip(2), codes)


def mirror_upside_down(tokens, mirrored, codes):
    return mirror_by_loop(tokens, mirrored.flip(1).flip(2), codes)


def mirror_back(tokens, mirrored, codes):
    return mirror_by_loop(mirrored.flip(2), tokens.flip(2), codes)


def mirror_with_zeros(tokens, mirrored, codes):
    pairs = (tokens * codes + mirrored.flip(2)).flatten()
    return torch.bincount(pairs, minlength=codes * codes).reshape(codes, codes).argmax(1)


def mirror_last(tokens, mirrored, codes):
    table = torch.arange(codes)
    for code, partner in zip(tokens.flatten().tolist(), mirrored.flip(2).flatten().tolist(), strict=True):
        table[code] = partner
    return table


def mirror_mean(tokens, mirrored, codes):
    table = torch.arange(codes)
    for code in tokens.unique().tolist():
        table[code] = mirrored.flip(2)[tokens == code].float().mean().round().long()
    return table


def shares_of(own, beside, codes):
    seen = torch.bincount(own.flatten(), minlength=codes)
    return torch.bincount(own[beside], minlength=codes) / seen.clamp(min=1)


def beside_by_slices(tokens, ink, codes):
    return shares_of(tokens[:, :, :-1], ink[:, :, 1:], codes)


def beside_by_loop(tokens, ink, codes):
    shares = torch.zeros(codes)
    for code in range(codes):
        here = tokens[:, :, :-1] == code
        if here.any():
            shares[code] = ink[:, :, 1:][here].float().mean()
    return shares


def beside_by_weights(tokens, ink, codes):
    own = tokens[:, :, :-1].flatten()
    hits = torch.bincount(own, weights=ink[:, :, 1:].flatten().double(), minlength=codes)
    return hits / torch.bincount(own, minlength=codes).clamp(min=1)


def find_by_one_picture(tokens, orders, fit):
    return min(orders, key=lambda name: fit(tokens[:1, orders[name].argsort()]))


RIGHT = {
    "04.find_order": [find_by_min, find_by_scatter, find_by_list, find_by_one_picture],
    "04.mirror_table": [mirror_by_bincount, mirror_by_loop, mirror_by_dict],
    "04.ink_beside": [beside_by_slices, beside_by_loop, beside_by_weights],
    "04.flatten": [
        lambda grid: grid.flatten(1),
        flatten_by_loop,
        flatten_by_cat,
    ],
    "04.unflatten": [
        lambda tokens, rows, cols: tokens.reshape(-1, rows, cols),
        unflatten_by_slices,
        unflatten_by_loop,
    ],
    "04.place": [
        lambda i, cols: (i // cols, i % cols),
        lambda i, cols: divmod(i, cols),
        place_by_counting,
        lambda i, cols: np.unravel_index(i, (99, cols)),
    ],
}

WRONG = {
    "04.find_order": [
        (find_without_inverse, "inverse"),
        (lambda tokens, orders, fit: max(orders, key=lambda n: fit(tokens[:, orders[n].argsort()])), "largest"),
        (lambda tokens, orders, fit: "by columns", "whatever the order"),
        (lambda tokens, orders, fit: min(fit(tokens[:, o.argsort()]) for o in orders.values()), "a number"),
        (lambda tokens, orders, fit: min((fit(tokens[:, orders[n].argsort()]), n) for n in orders), "a pair"),
        (lambda tokens, orders, fit: orders[find_by_min(tokens, orders, fit)], "tensor"),
        (find_all_but_last, "all the orders"),
        (find_as_grid, "shape"),
        (lambda tokens, orders, fit: "rows", "no name"),
    ],
    "04.mirror_table": [
        (mirror_unflipped, "turn the rows"),
        (mirror_upside_down, "up and down"),
        (mirror_back, "table back"),
        (lambda tokens, mirrored, codes: mirror_by_bincount(tokens, mirrored.flip(1), codes), "half a turn"),
        (mirror_with_zeros, "never occur"),
        (mirror_last, "last partner"),
        (mirror_mean, "names"),
        (lambda tokens, mirrored, codes: torch.arange(codes), "changes nothing"),
        (lambda tokens, mirrored, codes: mirror_by_loop(tokens, mirrored, 12), "written in"),
    ],
    "04.ink_beside": [
        (lambda tokens, ink, codes: shares_of(tokens[:, :, 1:], ink[:, :, :-1], codes), "left neighbor"),
        (lambda tokens, ink, codes: shares_of(tokens, ink, codes), "cell itself"),
        (lambda tokens, ink, codes: shares_of(tokens[:, :-1], ink[:, 1:], codes), "below"),
        (lambda tokens, ink, codes: shares_of(tokens[:, 1:], ink[:, :-1], codes), "above"),
        (lambda tokens, ink, codes: shares_of(tokens[:, :, :-2], ink[:, :, 2:], codes), "two columns"),
        (lambda t, ink, codes: shares_of(t[:, :, 1:-1], ink[:, :, 2:] | ink[:, :, :-2], codes), "both sides"),
        (lambda tokens, ink, codes: shares_of(tokens[:, :, 1:], ink[:, :, 1:], codes), "cut the last column"),
        (lambda tokens, ink, codes: shares_of(tokens, ink.roll(-1, 2), codes), "edge"),
        (lambda tokens, ink, codes: torch.bincount(tokens[:, :, :-1][ink[:, :, 1:]], minlength=codes), "You count"),
        (
            lambda tokens, ink, codes: (
                torch.bincount(tokens[:, :, :-1][ink[:, :, 1:]], minlength=codes)
                / torch.bincount(tokens.flatten(), minlength=codes).clamp(min=1)
            ),
            "last column",
        ),
        (
            lambda tokens, ink, codes: (
                torch.bincount(tokens[:, :, :-1][ink[:, :, 1:]], minlength=codes)
                / torch.bincount(tokens[:, :, :-1].flatten(), minlength=codes)
            ),
            "0 / 0",
        ),
        (
            lambda tokens, ink, codes: (
                torch.bincount(tokens[:, :, :-1][ink[:, :, 1:]], minlength=codes) / ink[:, :, 1:].sum()
            ),
            "not by all the ink",
        ),
        (lambda tokens, ink, codes: shares_of(tokens[:, :, :-1], ~ink[:, :, 1:], codes), "without ink"),
    ],
    "04.flatten": [
        (lambda grid: grid.transpose(1, 2).flatten(1), "column by column"),
        (lambda grid: grid.reshape(-1), "flatten the batch"),
        (lambda grid: grid.flatten(0, 1), "batch and the rows"),
        (lambda grid: grid, "grid as it was"),
        (lambda grid: grid.flip(2).flatten(1), "right to left"),
        (lambda grid: grid.permute(1, 2, 0).reshape(len(grid), -1), "mixed up"),
        (lambda grid: grid.reshape(-1, 64), "written in"),
        (lambda grid: grid[0].reshape(1, -1), "first picture"),
        (lambda grid: grid.flatten(1).sort(dim=1).values, "sorted"),
        (lambda grid: grid.reshape(1, -1), "one long row"),
        (lambda grid: grid.numpy().reshape(len(grid), -1), "later cells need"),
        (lambda grid: grid.flip(1).flatten(1), "bottom"),
        (lambda grid: torch.stack([g.flatten() for g in grid])[:, :, None], "length 1"),
        (lambda grid: grid.float().flatten(1), "whole numbers"),
    ],
    "04.unflatten": [
        (lambda tokens, rows, cols: tokens.reshape(-1, cols, rows), "swapped"),
        (lambda tokens, rows, cols: tokens.reshape(-1, cols, rows).transpose(1, 2), "column by column"),
        (lambda tokens, rows, cols: tokens.reshape(rows, cols), "batch forgotten"),
        (lambda tokens, rows, cols: tokens.reshape(rows, cols, -1).permute(2, 0, 1), "mixed up"),
        (lambda tokens, rows, cols: tokens.reshape(-1, rows, cols).squeeze(0), "loses its first axis"),
        (lambda tokens, rows, cols: tokens.reshape(-1, rows, cols).transpose(1, 2), "mirrored"),
        (lambda tokens, rows, cols: tokens.reshape(-1, rows, cols).flip(1), "upside"),
        (lambda tokens, rows, cols: tokens.reshape(-1, rows * cols), "row that came in"),
        (lambda tokens, rows, cols: tokens.resize_(len(tokens), rows, cols), "in place"),
        (lambda tokens, rows, cols: tokens.reshape(-1, 3, 4), "written in"),
        (lambda tokens, rows, cols: tokens.reshape(-1, rows, cols).flip(2), "mirrored"),
        (lambda tokens, rows, cols: tokens[:1].reshape(1, rows, cols), "first picture"),
        (lambda tokens, rows, cols: tokens.reshape(-1, rows, cols).permute(0, 2, 1), "mirrored"),
    ],
    "04.place": [
        (lambda i, cols: (i % cols, i // cols), "swapped"),
        (lambda i, cols: (i // cols + 1, i % cols + 1), "counted from 0: the first"),
        (lambda i, cols: (i / cols, i % cols), "whole division"),
        (lambda i, cols: ((i - 1) // cols, (i - 1) % cols), "one from i"),
        (lambda i, cols: (i // cols, i - cols), "one row's length"),
        (lambda i, cols: (i // 8, i % 8), "8 columns"),
        (lambda i, cols: (round(i / cols), i % cols), "round"),
        (lambda i, cols: (i // cols, i // cols), "divide for the column"),
        (lambda i, cols: (i // (cols - 1), i % (cols - 1)), "cols - 1"),
        (lambda i, cols: i // cols, "two whole numbers"),
        (lambda i, cols: (i // cols * 8, i % cols * 8), "pixels"),
        (lambda i, cols: (i // cols, cols - 1 - i % cols), "from the right"),
        (lambda i, cols: (i // cols, i % cols + 1), "counted from 0"),
        (lambda i, cols: divmod(cols, i) if i else (0, 0), "other way round"),
        (lambda i, cols: (i // cols, i - i // cols), "for each row"),
        (lambda i, cols: (-(-i // cols), i % cols), "round the row up"),
    ],
}
