"""Checks of lesson 15: amplification over trainings, guidance of a perfect model, corrected counts, unsigned files."""

from __future__ import annotations

from collections import Counter
from statistics import pstdev, stdev

import torch

from ..lesson_figures.social_worlds import next_token
from . import CheckFailed, as_number, as_tensor, call, diagnose, exercise


@exercise("15.amplification")
def amplification(answer) -> None:
    """answer(data, drawn, what): three Counters each -> (mean over the trainings of the share of `what` in drawn minus
    its share in data, half the width of its 95% interval)."""
    cases = (
        ([(80, 20), (160, 40), (30, 10)], [(57, 3), (70, 30), (36, 4)]),
        ([(30, 70), (20, 30), (10, 90)], [(1, 19), (30, 10), (8, 72)]),
        ([(6, 2), (5, 5), (9, 1)], [(0, 40), (11, 9), (3, 17)]),  # what is never drawn stands in no count
    )
    for before, after in cases:
        data, drawn = ([Counter({"red": r, "blue": b} if r else {"blue": b}) for r, b in x] for x in (before, after))
        shown = f"{before}, {after} (red, others), 'red'"
        value = call(answer, data, drawn, "red", shown=shown)
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise CheckFailed("Give two numbers, (mean, half).")
        mean = as_number(value[0], "The mean")
        trios = [(a[0], sum(a), b[0], sum(b)) for a, b in zip(before, after, strict=True)]
        gaps = [b / m - a / n for a, n, b, m in trios]
        truth = sum(gaps) / 3
        a, n, b, m = (sum(column) for column in zip(*trios, strict=True))
        mistakes = {
            "Data and drawings are exchanged: it is above 0 if `what` is more frequent in the drawings.": -truth,
            "Those are percentage points: give a difference of shares, between -1 and 1.": 100 * truth,
            "Counts of unequal numbers of pictures cannot be compared: divide each by its own total first.": (b - a)
            / 3,
            "Both counts are divided by one total: each has its own.": sum((b - a) / n for a, n, b, _ in trios) / 3,
            "Both counts are divided by the number of drawings: each has its own total.": sum(
                (b - a) / m for a, _, b, m in trios
            )
            / 3,
            "That is the share in the drawings alone: subtract the share in the data.": sum(b / m for *_, b, m in trios)
            / 3,
            "That is a ratio of shares: here we want the difference, so that 0 means no amplification.": sum(
                (b / m) / (a / n) for a, n, b, m in trios
            )
            / 3,
            "Divide by all counts, not by those of the others.": sum(
                b / max(m - b, 1) - a / (n - a) for a, n, b, m in trios
            )
            / 3,
            "All trainings are thrown into one pile, where the largest counts most: take each difference, then the "
            "mean.": b / m - a / n,
            "That loses the sign: a training that softens the bias has an amplification below 0.": sum(map(abs, gaps))
            / 3,
            "That is the sum over the trainings: divide by their number.": 3 * truth,
        }
        diagnose(mean, truth, mistakes, f"For {shown} the mean is {truth:.3f}.")
        half = as_number(value[1], "Half the width")
        spread, p = stdev(gaps), b / m
        right = 4.30 * spread / 3**0.5
        mistakes = {
            "That counts every drawing as a trial: the trainings are the clusters, and their spread is what counts.": (
                1.96 * (p * (1 - p) / m) ** 0.5
            ),
            "1.96 is for many trials: with three, Student's t is 4.30.": 1.96 * spread / 3**0.5,
            "That is the interval of one training: their mean is surer, divide by the root of 3.": 4.30 * spread,
            "That is the standard error: multiply it by 4.30.": spread / 3**0.5,
            "That is the standard deviation: multiply it by 4.30 and divide by the root of 3.": spread,
            "The deviation is divided by n: with so few values divide by n - 1 (stdev, not pstdev).": 4.30
            * pstdev(gaps)
            / 3**0.5,
            "Divide by the root of 3, not by 3.": 4.30 * spread / 3,
            "That is the whole width: give half of it.": 2 * right,
            "That is the upper end: give half the width alone.": truth + right,
            "That is the variance: take its root first.": 4.30 * spread**2 / 3**0.5,
        }
        diagnose(half, right, mistakes, f"For {shown} half the width is {right:.3f}.")


TABLES: tuple[tuple[dict, dict], ...] = (  # (asked, nothing): grid -> probability
    (
        {(1, 2): 0.5, (3, 4): 0.5},
        {(1, 2): 0.2, (3, 4): 0.2, (3, 5): 0.6},
    ),
    (
        {(1, 2, 3): 0.6, (1, 2, 4): 0.1, (5, 2, 3): 0.2, (6, 6, 6): 0.1},
        {(1, 2, 3): 0.15, (1, 2, 4): 0.2, (5, 2, 3): 0.1, (6, 6, 6): 0.05, (5, 7, 7): 0.2, (1, 8, 8): 0.3},
    ),
)


@exercise("15.guided")
def guided(answer) -> None:
    """answer(asked, nothing, g): two tables grid -> probability -> the table of guided drawing, token by token."""
    for (asked, nothing), g in ((TABLES[0], 1.0), (TABLES[1], 1.0), (TABLES[1], 2.5), (TABLES[0], 0.0)):
        shown = f"{asked}, {nothing}, {g}"
        value = call(answer, dict(asked), dict(nothing), g, shown=shown)
        if not isinstance(value, dict) or set(value) != set(asked):
            raise CheckFailed(
                "Give a dict with the grids of `asked` as keys: no others can be drawn with this caption."
            )
        grids = list(asked)
        found = torch.tensor([as_number(value[grid], "Each probability") for grid in grids]).double()
        truth = _guided(asked, nothing, g)
        whole = [asked[x] * (asked[x] / nothing[x]) ** g for x in grids]
        mistakes = {
            "That is the whole picture at once, where nothing changes: go token by token, and normalize at each.": (
                [x / sum(whole) for x in whole]
            ),
            "The weights are not normalized: at each token divide by the sum over all tokens that can come there.": (
                _guided(asked, nothing, g, normalized=False)
            ),
            "Only the first token is guided: each one is.": _guided(asked, nothing, g, guided_places=1),
            "That draws as without guidance: the weight of a token is a · (a / b) ** g.": [asked[x] for x in grids],
            "a and b are exchanged in the quotient: guidance strengthens what the caption makes likelier.": (
                _guided(asked, nothing, -g)
            ),
            "The factor a itself is missing: a · (a / b) ** g.": _guided(asked, nothing, g, plain=0.0),
            "That takes the probabilities of the whole grid at each token: use worlds.next_token of what is drawn.": (
                _places(asked, nothing, g)
            ),
            "The last token is left out of the product.": _guided(asked, nothing, g, guided_places=None, short=True),
        }
        tensors = {sentence: torch.tensor(x).double() for sentence, x in mistakes.items()}
        best = truth[0]
        diagnose(found, torch.tensor(truth).double(), tensors, f"For {shown} it is {best:.3f} for {grids[0]}.", 1e-3)


def _guided(
    asked: dict,
    nothing: dict,
    g: float,
    normalized: bool = True,
    guided_places: int | None = None,
    plain: float = 1.0,
    short: bool = False,
) -> list[float]:
    """The table of guided drawing; the options make the mistakes that are named."""
    drawn = []
    for grid in asked:
        p = 1.0
        for i, token in enumerate(grid[:-1] if short else grid):
            a, b = next_token(asked, grid[:i]), next_token(nothing, grid[:i])
            strength = g if guided_places is None or i < guided_places else 0.0
            weight = {t: a[t] ** plain * (a[t] / b[t]) ** strength for t in a}
            p *= weight[token] / (sum(weight.values()) if normalized else 1.0)
        drawn.append(p)
    return drawn


def _places(asked: dict, nothing: dict, g: float) -> list[float]:
    """As if what stands at a place did not depend on the tokens before."""
    drawn = []
    for grid in asked:
        p = 1.0
        for i, token in enumerate(grid):
            a, b = (next_token({(x[i],): 0.0 for x in t} | _sums(t, i), ()) for t in (asked, nothing))
            weight = {t: a[t] * (a[t] / b[t]) ** g for t in a}
            p *= weight[token] / sum(weight.values())
        drawn.append(p)
    return drawn


def _sums(table: dict, i: int) -> dict:
    sums: dict = {}
    for grid, p in table.items():
        sums[(grid[i],)] = sums.get((grid[i],), 0.0) + p
    return sums


@exercise("15.corrected")
def corrected(answer) -> None:
    """answer(seen (3,), errors (3, 3)): t with t @ errors = seen."""
    tables = (
        [[0.8, 0.05, 0.15], [0.1, 0.85, 0.05], [0.02, 0.08, 0.9]],
        [[0.6, 0.4, 0.0], [0.0, 0.9, 0.1], [0.2, 0.0, 0.8]],
        [[1.0, 0.0, 0.0], [0.0, 0.9, 0.1], [0.0, 0.3, 0.7]],
    )
    shares = ([0.7, 0.1, 0.2], [0.2, 0.3, 0.5], [0.05, 0.15, 0.8])
    for rows, t in zip(tables, shares, strict=True):
        errors, truth = torch.tensor(rows), torch.tensor(t)
        seen = truth @ errors
        shown = f"{[round(x, 3) for x in seen.tolist()]}, {rows}"
        value = as_tensor(call(answer, seen.clone(), errors.clone(), shown=shown), (3,), "The shares").double()
        diagonal, other = errors.diagonal(), torch.linalg.solve(errors, seen)
        mistakes = {
            "The table is used the wrong way round: row i is what it is; what is seen of group j is column j.": other,
            "That adds the judge's errors a second time: solve for the shares that would be seen so.": seen @ errors,
            "That adds the errors, and the wrong way round: solve errors.T @ t = seen.": errors @ seen,
            "Dividing by the diagonal forgets those who come from other groups.": seen / diagonal,
            "Dividing by the diagonal forgets those who come from other groups, and the total does not mend that.": (
                seen / diagonal / (seen / diagonal).sum()
            ),
            "That is what the judge saw: nothing is corrected.": seen,
            "Those are the misses alone: solve for all three shares together.": seen - (1 - diagonal),
            "That turns the table round instead of inverting it.": errors.T @ (seen / errors.sum(0)),
            "Those are percentages: give shares that add up to 1.": 100 * truth,
        }
        doubles = {sentence: wrong.double() for sentence, wrong in mistakes.items()}
        diagnose(value, truth.double(), doubles, f"For {shown} it is {[round(x, 3) for x in t]}.", 1e-3)


@exercise("15.unsigned")
def unsigned(answer) -> None:
    """answer(made, kept): chance that a picture without credentials was made by a model, by Bayes' rule."""
    for made, kept in ((0.3, 0.1), (0.5, 0.8), (0.9, 0.5)):
        value = as_number(call(answer, made, kept, shown=f"{made}, {kept}"), "The chance")
        truth = made * (1 - kept) / (made * (1 - kept) + 1 - made)
        mistakes = {
            "A missing signature does not prove that no model made the picture: most lose it on their way.": 0.0,
            "Some information is in it: those that kept their credentials are no longer among these.": made,
            "That is the chance of being made *and* unsigned: divide by the chance of being unsigned at all.": (
                made * (1 - kept)
            ),
            "That is the share of made pictures that lost theirs: how many others are unsigned counts too.": 1 - kept,
            "That is the chance that a camera made it: take 1 minus this.": 1 - truth,
            "Made pictures that kept their credentials are not unsigned: take 1 - kept.": made
            * kept
            / (made * kept + 1 - made),
            "All other pictures are unsigned, not a part of them: add 1 - made.": made
            * (1 - kept)
            / (made * (1 - kept) + (1 - made) * (1 - kept)),
            "Those of no model are all unsigned: add 1 - made below the line.": made
            * (1 - kept)
            / (made * (1 - kept) + (1 - made) * kept),
        }
        if not 0 <= value <= 1:
            raise CheckFailed(f"A chance lies between 0 and 1, and this is {value:g}.")
        diagnose(
            value, truth, mistakes, f"For {made} and {kept} it is {truth:.3f}: unsigned and made, of all unsigned."
        )
