"""The figures of lesson 15: planted bias, what amplifies it, filters, who is drawn, and the signature.

Those of the world of names are in `named_world`, the worlds with a planted bias in `social_worlds`, who is drawn in
`who_is_drawn`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from textwrap import fill

import torch
from torch import Tensor

from ...datasets.images import to_image
from ...evaluation.metrics import wilson
from ..figures import BLUE, GRAY, GREEN, ORANGE, RED, frame, image_grid, new_figure
from ..figures import show as as_picture
from ..guesses import Outcome
from ..pictures import Picture
from . import (
    figure,
    misuse_15,  # noqa: F401 # registers its figures
    named_world,  # noqa: F401 # registers its figures
    people_15,  # noqa: F401 # registers its figures
)
from .shares_14 import small
from .social_worlds import (
    SEEDS,
    colors_of_squares,
    drawn,
    next_token,
    perfect_model,
    perfectly,
    pictures,
    true_grid,
    what_is_seen,
)

SEED_COLORS = (BLUE, ORANGE, GREEN)


def _dots(ax, y: float, values: Sequence[float], ends: Sequence[tuple[float, float]], name: bool) -> None:
    """One dot for each training with its interval, one below the other around y."""
    for k, (value, end) in enumerate(zip(values, ends, strict=True)):
        at = y + 0.22 * (k - 1)
        ax.plot(end, [at, at], color=SEED_COLORS[k], linewidth=2)
        ax.plot(value, at, "o", color=SEED_COLORS[k], markersize=4, label=f"training {k}" if name else None)


def _rows(ax, names: Sequence[str], xlabel: str) -> None:
    ax.set(yticks=range(len(names)), ylim=(len(names) - 0.5, -0.5))
    ax.set_yticklabels(names, fontsize=8)
    ax.set_xlabel(xlabel, fontsize=8)
    ax.tick_params(axis="x", labelsize=8)
    ax.grid(axis="x", alpha=0.25)


def share_of(counts: Counter, name: str) -> float:
    return counts[name] / counts.total()


@figure("15.planted")
def planted(data: Sequence[Counter], found: Sequence[Counter], outcome: Outcome) -> Picture:
    """data, found: for each training the colors of squares in its pairs and in its drawings of "a square"."""
    panel = new_figure(9.4, 3.0)
    left, right = panel.subfigures(1, 2, width_ratios=(1.45, 1), squeeze=False).flatten()
    axes = left.subplots(2, 8)
    for row, world in zip(axes, ("even", "planted"), strict=True):
        for ax, image in zip(row, pictures(drawn(world, "square")[0][:8]), strict=True):
            frame(ax, to_image(image[:, 9:23, 9:23]))
        row[0].set_ylabel(world, fontsize=9)
    ax = right.subplots()
    for line, counts in enumerate((data, found)):
        values = [100 * share_of(one, "red") for one in counts]
        ends = [
            (v, v) if not line else _percent(one["red"], one.total()) for v, one in zip(values, counts, strict=True)
        ]
        _dots(ax, line, values, ends, not line)
    _rows(ax, ("in the data\n(all counted)", "drawn\n(95% of 512)"), "red among the squares of the planted world, %")
    ax.legend(fontsize=8, loc="upper left")
    ax.set_xlim(60, 100)
    panel.suptitle(f"“A square”: how many are red, in the planted world? {outcome}", fontsize=10)
    alt = (
        "Eight drawings of “a square” from the even world, in many colors, and eight from the planted one; beside them "
        "the share of red in the data and in the drawings, for three trainings."
    )
    return as_picture(panel, alt)


def _percent(hits: float, n: int) -> tuple[float, float]:
    low, high = wilson(hits / n, n)
    return 100 * low, 100 * high


@figure("15.amplified")
def amplified(data: Sequence[Counter], found: Sequence[Counter], mean: float, half: float) -> Picture:
    """The amplification of each training, its mean and interval over trainings, and that of one pile of drawings."""
    each = [100 * (share_of(b, "red") - share_of(a, "red")) for a, b in zip(data, found, strict=True)]
    if max(map(abs, each)) > 10:
        raise ValueError("The drawings in data/social are not those of this lesson: get them anew.")
    pile = sum(found, Counter())
    p, n = share_of(pile, "red"), pile.total()
    pooled, narrow = 100 * (p - share_of(sum(data, Counter()), "red")), 196 * (p * (1 - p) / n) ** 0.5
    panel = new_figure(7.6, 2.3)
    ax = panel.subplots()
    _dots(ax, 0, each, [(v, v) for v in each], True)
    for y, middle, wide in ((1, 100 * mean, 100 * half), (2, pooled, narrow)):
        ax.errorbar(middle, y, xerr=wide, fmt="s", color="black", capsize=4, markersize=5)
    _rows(
        ax,
        ("each training", "three trainings,\nthree trials", f"one pile of {n:,}\n(too narrow)"),
        "red in the drawings minus red in the data, points",
    )
    ax.axvline(0, color=GRAY, linewidth=1)
    ax.legend(fontsize=8, loc="lower left")
    ax.set_title(f"amplification: {100 * mean:+.1f} ± {100 * half:.1f} points, by trainings", fontsize=10)
    alt = (
        "The amplification of three trainings around zero, with a wide interval by trainings, a narrow one by drawings."
    )
    return as_picture(panel, alt)


@figure("15.guided")
def guided(
    answer: Callable[[dict, dict, float], dict], guidances: Sequence[float], outcome: Outcome, world: str = "planted"
) -> Picture:
    """answer(asked, nothing, g): the student's table of what is drawn. Left, red with the picture as one token, and
    token by token, in three worlds; right, why: how much the caption explains each color's first token."""
    red = true_grid("square", "red")
    panel = new_figure(9.4, 3.6)
    left, right = panel.subplots(1, 2, width_ratios=(1.15, 1))
    for seed in SEEDS:
        asked, nothing = perfect_model(world, seed, "square")
        whole, plain = ({(grid,): p for grid, p in table.items()} for table in (asked, nothing))
        lines = (
            ([100 * answer(whole, plain, g)[(red,)] for g in guidances], "--", "o"),
            ([100 * answer(asked, nothing, g)[red] for g in guidances], "-", "s"),
        )
        for (values, dash, mark), way in zip(lines, ("whole picture at once", "token by token"), strict=True):
            left.plot(guidances, values, dash, marker=mark, color=SEED_COLORS[seed], label=f"{way}, world {seed}")
    left.set_xlabel("guidance", fontsize=8)
    left.set_ylabel("red, %", fontsize=8)
    left.set_xticks(guidances)
    left.grid(axis="y", linewidth=0.5)
    left.tick_params(labelsize=8)
    panel.legend(*left.get_legend_handles_labels(), fontsize=8, ncols=3, loc="outside lower center")
    left.set_title("a perfect model draws “a square”", fontsize=9)
    asked, nothing = (next_token(table, ()) for table in perfect_model(world, 0, "square"))
    colors = [color for color in ("red", "black", "green", "pink", "yellow", "orange", "blue")]
    ratio = [asked[true_grid("square", c)[0]] / nothing[true_grid("square", c)[0]] for c in colors]
    bars = right.barh(colors, ratio, color=[RED if c == "red" else BLUE for c in colors])
    right.bar_label(bars, [f"× {value:.2f}" for value in ratio], fontsize=8, padding=3)
    right.invert_yaxis()
    right.margins(x=0.2)
    right.tick_params(labelsize=8)
    right.set_title("its first token: how much likelier by “a square”?", fontsize=9)
    panel.suptitle(f"Guidance 1, token by token: red comes … {outcome}", fontsize=10)
    alt = (
        "Left, the share of red against guidance: level if the picture is one token, rising token by token. Right, "
        "how much likelier the caption makes each color's first token: equal for most colors, less for two."
    )
    return as_picture(panel, alt)


def _shift(tokens: Tensor, weights: Tensor | None, scores: Tensor | None, base: float) -> tuple[float, tuple]:
    """Red among squares minus `base`, in points, and its 95% interval; with weights (N,) of the ranks of scores (N,):
    minus red among the same squares, unranked."""
    colors = [name for name, n in colors_of_squares(tokens).items() for _ in range(n)]
    if weights is None or scores is None:
        hits = colors.count("red")
        low, high = _percent(hits, len(colors))
        return 100 * (hits / len(colors) - base), (low - 100 * base, high - 100 * base)
    seen = what_is_seen(tokens)
    red = torch.tensor([kind == ("square", "red") for kind in seen]).double()
    square = torch.tensor([kind[0] == "square" for kind in seen]).double()
    by_rank = weights.double().sort().values
    generator = torch.Generator().manual_seed(0)
    draws = torch.cat((torch.arange(len(seen))[None], torch.randint(len(seen), (400, len(seen)), generator=generator)))
    order = draws.gather(1, scores[draws].argsort(dim=1, stable=True))  # (401, N): worst first
    share = (by_rank * red[order]).sum(1) / (by_rank * square[order]).sum(1)
    share = share - red[order].sum(1) / square[order].sum(1)  # beside the same drawings as they come
    low, high = torch.quantile(share[1:], torch.tensor([0.025, 0.975], dtype=torch.double)).tolist()
    return 100 * float(share[0]), (100 * low, 100 * high)


@figure("15.amplifiers")
def amplifiers(
    data: Sequence[Counter], best_of: Callable[[Tensor], Tensor], scores: Mapping[str, list[Tensor]]
) -> Picture:
    """data: colors of squares in each training's pairs; best_of(scores (512,)) -> the chance of each to be the best;
    scores: which CLIP -> its scores of each training's drawings."""
    base = [share_of(one, "red") for one in data]
    settings: dict[str, tuple[str, dict]] = {
        "as it comes": ("", {}),
        **{f"temperature {t}": (f", temperature {t}", {"temperature": t}) for t in (0.5, 0.75, 1.25)},
        **{f"guidance {g}": (f", guidance {g}", {"guidance": float(g)}) for g in (1, 3)},
    }
    panel = new_figure(8.6, 4.6)
    ax = panel.subplots()
    for y, (asked, options) in enumerate(settings.values()):
        found = [_shift(tokens, None, None, base[s]) for s, tokens in enumerate(drawn("planted", f"square{asked}"))]
        _dots(ax, y, [v for v, _ in found], [e for _, e in found], not y)
        theory = [100 * (perfectly("planted", s, **options) - base[s]) for s in SEEDS]
        ax.plot(sum(theory) / 3, y, "D", color="black", markersize=6, label=None if y else "the perfect model")
    for name, parts in scores.items():
        y = len(settings)
        found = [_shift(t, best_of(parts[s]), parts[s], base[s]) for s, t in enumerate(drawn("planted", "square"))]
        _dots(ax, y, [v for v, _ in found], [e for _, e in found], False)
        settings[f"best of 8 by the CLIP\nof {name} world *"] = ("", {})
    if not 12 < sum(100 * (perfectly("planted", s, temperature=0.5) - base[s]) for s in SEEDS) / 3 < 25:
        raise ValueError("The counts in data/social are not those of this lesson: get them anew.")
    _rows(
        ax,
        list(settings),
        "red drawn minus red in the training's own data, points (95%); * minus as it comes",
    )
    ax.axvline(0, color=GRAY, linewidth=1)
    panel.legend(fontsize=8, ncols=4, loc="outside lower center")
    ax.set_title("What shifts the share of red, in three trainings", fontsize=10)
    alt = (
        "The shift of red under eight ways of drawing, three trainings each, and of the perfect model: much for a "
        "low temperature and for the CLIP of the planted world, down for a high temperature, some for guidance."
    )
    return as_picture(panel, alt)


@figure("15.filtered")
def filtered(
    found: Mapping[str, Sequence[tuple[int, int]]],
    blue: Mapping[str, Sequence[tuple[int, int]]],
    left_over: float,
    outcome: Outcome,
) -> Picture:
    """found: a row's name -> (hits, n) of each training, for "a thing"; blue: likewise for "a blue square"; left_over:
    the share of squares in the filtered data."""
    panel = new_figure(9.6, 4.0)
    axes = panel.subplots(1, 2, width_ratios=(1.3, 1))
    for ax, rows, text in zip(axes, (found, blue), ("“a thing”", "“a blue square”"), strict=True):
        for y, counts in enumerate(rows.values()):
            _dots(ax, y, [100 * h / n for h, n in counts], [_percent(h, n) for h, n in counts], not y)
        _rows(ax, list(rows), f"of 512 drawings of {text}, %")
    axes[0].axvline(25, color=RED, linewidth=1, label="squares before the filter")
    axes[0].axvline(100 * left_over, color=RED, linewidth=1, linestyle="--", label="squares left in the data")
    panel.legend(*axes[0].get_legend_handles_labels(), fontsize=8, ncols=5, loc="outside lower center")
    axes[1].set_xlim(60, 102)
    axes[1].set_title("a blue square, as asked for", fontsize=9)
    panel.suptitle(f"The filter takes what is red. Squares then? {outcome}", fontsize=10)
    alt = (
        "Left, squares and red things among drawings of “a thing” in the planted, filtered, reweighted world. Right, "
        "how often a blue square comes when asked for, in the even and in the planted world."
    )
    return as_picture(panel, alt)


@figure("15.filters")
def filters(images: Tensor, names: Sequence[str], taken: Mapping[str, Sequence[int]], unwanted: set[str]) -> Picture:
    """images (N, 3, H, W) with names; taken: filter -> which ones it takes, in its order; unwanted: what should go."""
    marks = [f"{'✓ ' if names[i] in unwanted else ''}{fill(names[i], 12)}" for part in taken.values() for i in part]
    shown = [i for part in taken.values() for i in part]
    sets = {name: {names[i] for i in part} for name, part in taken.items()}
    either, both = set.union(*sets.values()), set.intersection(*sets.values())
    counts = {**sets, "either": either, "both": both}
    title = ";  ".join(
        f"{name}: {len(part & unwanted)} of {len(unwanted)}, and {len(part - unwanted)} others"
        for name, part in counts.items()
    )
    alt = "Above, the pictures that a filter by words takes; below, as many that a filter by CLIP takes."
    return small(image_grid(images[shown], marks, max(len(p) for p in taken.values()), title, alt, 0.95))
