"""Checks of lesson 15: amplification from counts, Wilson's interval, what a missing signature says."""

from __future__ import annotations

from collections import Counter

import torch

from ...evaluation.metrics import share
from . import CheckFailed, as_number, as_tensor, call, diagnose, exercise


@exercise("15.amplification")
def amplification(answer) -> None:
    """answer(data, drawn, what): counts by name, twice -> the share of `what` in drawn minus its share in data."""
    cases = (
        ({"red": 80, "blue": 20}, {"red": 57, "blue": 3}, "red"),
        ({"red": 30, "blue": 50, "green": 20}, {"blue": 10, "red": 1, "green": 9}, "red"),
        ({"red": 6, "blue": 2}, {"blue": 40}, "red"),  # what is never drawn stands in no count
    )
    for data, drawn, what in cases:
        shown = f"{data}, {drawn}, {what!r}"
        value = as_number(call(answer, Counter(data), Counter(drawn), what, shown=shown), "The amplification")
        n, m, a, b = sum(data.values()), sum(drawn.values()), data.get(what, 0), drawn.get(what, 0)
        mistakes = {
            "Data and drawings are exchanged: it is above 0 if `what` is more frequent in the drawings.": a / n - b / m,
            "Those are percentage points: give a difference of shares, between -1 and 1.": 100 * (b / m - a / n),
            "Counts of unequal numbers of pictures cannot be compared: divide each by its own total first.": b - a,
            "Both counts are divided by one total: each has its own.": (b - a) / n,
            "Both counts are divided by the number of drawings: each has its own total.": (b - a) / m,
            "That is the share in the drawings alone: subtract the share in the data.": b / m,
            "That is a ratio of shares: here we want the difference, so that 0 means no amplification.": (b / m)
            / (a / n),
            "Divide by all counts, not by those of the others.": b / max(m - b, 1) - a / (n - a),
        }
        diagnose(value, b / m - a / n, mistakes, f"For {shown} it is {b / m - a / n:.3f}.")


@exercise("15.wilson")
def wilson(answer) -> None:
    """answer(hits, n): Wilson's 95% interval -> (low, high)."""
    for hits, n in ((8, 10), (0, 32), (80, 100)):
        value = call(answer, hits, n, shown=f"{hits}, {n}")
        value = as_tensor(value, (2,), "The interval").double()
        truth = share(torch.tensor([1.0] * hits + [0.0] * (n - hits)))
        p, z = hits / n, 1.96
        half = z * (p * (1 - p) / n) ** 0.5
        middle, wide = p + z * z / (2 * n), z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
        mistakes = {
            "That is the share plus and minus two standard errors: for 0 of 32 it has no width at all.": (
                p - half,
                p + half,
            ),
            "High comes before low: give (low, high).": (truth["high"], truth["low"]),
            "The division by 1 + z²/n is missing: it pulls both ends back.": (middle - wide, middle + wide),
            "The middle is p + z²/(2n): the interval is not symmetric about p.": (
                (p - wide) / (1 + z * z / n),
                (p + wide) / (1 + z * z / n),
            ),
            "The width is not that of 95%: z is 1.96.": tuple(
                (p + 1 / (2 * n) + sign * (p * (1 - p) / n + 1 / (4 * n * n)) ** 0.5) / (1 + 1 / n) for sign in (-1, 1)
            ),
            "The term z²/(4n²) under the root is missing: without it 0 of 32 has hardly any width.": tuple(
                (middle + sign * half) / (1 + z * z / n) for sign in (-1, 1)
            ),
            "Those are numbers of pictures: divide by n.": (truth["low"] * n, truth["high"] * n),
            "The square root is missing.": tuple(
                (middle + sign * z * (p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n) for sign in (-1, 1)
            ),
        }
        tensors = {sentence: torch.tensor(wrong, dtype=torch.float64) for sentence, wrong in mistakes.items()}
        right = torch.tensor([truth["low"], truth["high"]], dtype=torch.float64)
        diagnose(value, right, tensors, f"For {hits} of {n} it is {truth['low']:.3f} to {truth['high']:.3f}.", 1e-3)


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
