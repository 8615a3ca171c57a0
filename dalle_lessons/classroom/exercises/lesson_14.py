"""Checks of lesson 14: an interval, clusters drawn again, which captions test generalization, and a table of copies."""

from __future__ import annotations

import math

import torch

from . import CheckFailed, as_number, call, describe, diagnose, exercise

Z = 1.959964


def wilson(hits: float, n: float, z: float = Z) -> tuple[float, float]:
    """(middle, half the width) of Wilson's interval."""
    p = hits / n
    shrink = 1 + z * z / n
    return (p + z * z / (2 * n)) / shrink, z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / shrink


@exercise("14.interval")
def interval(answer) -> None:
    """answer(hits, n): Wilson's 95% interval as (low, high)."""
    for hits, n in ((9, 10), (30, 100), (0, 12), (8, 8)):
        value = call(answer, hits, n, shown=f"{hits}, {n}")
        if isinstance(value, dict) or not hasattr(value, "__len__") or len(value) != 2:
            raise CheckFailed(f"Give two numbers, (low, high); yours is {describe(value)}.")
        low, high = (as_number(end, "Each end") for end in value)
        p, (middle, half) = hits / n, wilson(hits, n)
        simple = math.sqrt(p * (1 - p) / n)
        shrink = 1 + Z * Z / n
        narrow, wide, round_z = (wilson(hits, n, z) for z in (1.0, 1.644854, 2.0))
        unshrunk = math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) * Z
        mistakes = {
            "That is p plus and minus 1.96 standard errors: near 0 and 1 it promises too much, or leaves [0, 1].": (
                p - Z * simple,
                p + Z * simple,
            ),
            "You give high first: low, then high.": (middle + half, middle - half),
            "You give the middle and half the width: add and subtract them.": (middle, half),
            "The z is missing: half the width is 1.96 of those roots.": (middle - half / Z, middle + half / Z),
            "With z = 1 that is a 68% interval: 95% need z = 1.96.": (narrow[0] - narrow[1], narrow[0] + narrow[1]),
            "That z gives a 90% interval: 95% need z = 1.96.": (wide[0] - wide[1], wide[0] + wide[1]),
            "You round z to 2: take 1.96.": (round_z[0] - round_z[1], round_z[0] + round_z[1]),
            "The middle is not p itself: it is drawn towards one half.": (p - half, p + half),
            "Both middle and half the width are divided by 1 + z²/n.": (
                middle * shrink - unshrunk,
                middle * shrink + unshrunk,
            ),
            "Half the width is divided by 1 + z²/n, too.": (middle - unshrunk, middle + unshrunk),
            "Under the root stands p (1 - p) / n + z²/(4n²): the second term is missing.": (
                middle - Z * simple / shrink,
                middle + Z * simple / shrink,
            ),
            "Under the root it is z² / (4n²): the n there is squared.": (
                middle - Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n)) / shrink,
                middle + Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n)) / shrink,
            ),
            "That is Wald's interval, cut off at 0 and 1: at 0 of 12 it claims certainty. The middle moves, too.": (
                max(0.0, p - Z * simple),
                min(1.0, p + Z * simple),
            ),
            "Mind the brackets: both numerators are whole sums, divided by 1 + z²/n.": (
                p + Z * Z / (2 * n) / shrink - half,
                p + Z * Z / (2 * n) / shrink + half,
            ),
            "In shares, not in percent: between 0 and 1.": (100 * (middle - half), 100 * (middle + half)),
        }
        diagnose(
            (low, high),
            (middle - half, middle + half),
            mistakes,
            f"For {hits} of {n} it is ({middle - half:.4f}, {middle + half:.4f}); yours: ({low:.4f}, {high:.4f}).",
            1e-3,
        )


@exercise("14.resampled")
def resampled(answer) -> None:
    """answer(hits, groups, picks): (N,) 0 or 1, (N,) int64, (K,) int64 -> the share right among all trials of the
    picked groups, each as often as it was picked."""
    hits = torch.tensor([1.0, 1, 1, 1, 0, 0, 1, 0, 0, 0], dtype=torch.float64)
    groups = torch.tensor([0, 0, 2, 0, 1, 1, 1, 2, 3, 3])
    for picks in ([0, 1, 2, 3], [0, 0, 3, 2], [1, 1, 1, 2], [3, 3, 3, 3]):
        chosen = torch.tensor(picks)
        value = call(answer, hits, groups, chosen, shown=f"hits, groups, {picks}")
        if isinstance(value, torch.Tensor) and value.numel() > 1:
            raise CheckFailed(
                f"One share is asked for, of all picked trials together, but it is {describe(value)}: take the mean."
            )
        number = as_number(value, "The share")
        each = [hits[groups == k] for k in range(4)]
        taken = torch.cat([each[k] for k in picks])
        means = torch.stack([part.mean() for part in each])
        mistakes = {
            "A group that was picked twice counts twice, with all of its trials; yours counts it once.": torch.cat(
                [each[k] for k in sorted(set(picks))]
            ).mean(),
            "That is the share of all trials, whatever was picked.": hits.mean(),
            "The picks are numbers of groups, not of single trials.": hits[chosen].mean(),
            "That is the mean of the groups' shares: a group with many trials must count for more.": means[
                chosen
            ].mean(),
            "That is how many are right, not which share of the trials.": taken.sum(),
            "Divide by the trials that were picked, not by all N.": taken.sum() / len(hits),
            "Divide by the number of picked trials, not of picked groups.": taken.sum() / len(picks),
            "That is the share of wrong ones.": 1 - taken.mean(),
            "In shares, not in percent: between 0 and 1.": 100 * taken.mean(),
        }
        truth = float(taken.mean())
        diagnose(
            number,
            truth,
            mistakes,
            f"Of groups {picks} {int(taken.sum())} of {len(taken)} trials are right, {truth:.3f}.",
        )


@exercise("14.new_combination")
def new_combination(answer) -> None:
    """answer(asked, known): asked (thing, style), known a set of such pairs -> both parts seen, but not together."""
    known = {("cat", "sketch"), ("cat", "cartoon"), ("dog", "sketch"), ("sun", "icon")}
    cases = (
        (("cat", "sketch"), False, "This very pair is in training: a good drawing of it may be plain memory."),
        (("dog", "cartoon"), True, "Dogs were seen, cartoons were seen, no cartoon of a dog: that is the test wanted."),
        (("sun", "sketch"), True, "The sun was seen, sketches were seen, only not together: that is the test wanted."),
        (("radish", "sketch"), False, "A thing that was in no picture cannot be carried over: that tests a guess."),
        (("cat", "mosaic"), False, "A style that was in no picture cannot be carried over: that tests a guess."),
        (("radish", "mosaic"), False, "Neither part was ever seen: nothing learned can help."),
        (("icon", "sun"), False, "Thing and style are exchanged: a pair is (thing, style)."),
    )
    values = [bool(call(answer, asked, set(known), shown=f"{asked}, known")) for asked, _, _ in cases]
    truths = [truth for _, truth, _ in cases]
    if values == [not truth for truth in truths]:
        raise CheckFailed("True and False are exchanged: True means a test of generalization.")
    for value, (asked, truth, sentence) in zip(values, cases, strict=True):
        if value != truth:
            raise CheckFailed(f"{asked} should be {truth}. {sentence}")


@exercise("14.read_copies")
def read_copies(answer) -> None:
    """answer(equal, asked, least): (N, M) shares, (N,) int64 -> three counts: recalled, strayed, new."""
    equal = torch.tensor(
        [
            [0.95, 0.10, 0.20, 1.00],  # asked 0: recalled, though another picture is nearer still
            [0.10, 0.97, 0.20, 0.10],  # asked 1: recalled
            [0.30, 0.40, 0.90, 0.10],  # asked 2: recalled, just at the limit
            [0.96, 0.40, 0.30, 0.10],  # asked 0: recalled
            [0.30, 0.92, 0.20, 0.10],  # asked 0: strayed to picture 1
            [0.10, 0.20, 0.30, 0.97],  # asked nothing: strayed
            [0.93, 0.94, 0.10, 0.10],  # asked 3: strayed, to two pictures
            [0.60, 0.70, 0.80, 0.85],  # asked 3: new, though its own is the nearest
            [0.20, 0.10, 0.10, 0.10],  # asked nothing: new
        ],
        dtype=torch.float64,
    )
    asked, least = torch.tensor([0, 1, 2, 0, 0, -1, 3, 3, -1]), 0.9
    value = call(answer, equal, asked, least, shown="equal, asked, 0.9")
    if isinstance(value, dict) or not hasattr(value, "__len__") or len(value) != 3:
        raise CheckFailed(f"Give three counts, (recalled, strayed, new); yours is {describe(value)}.")
    counts = tuple(as_number(part, "Each count") for part in value)

    def read(hit, own, strayed=None) -> tuple[float, ...]:
        some = hit.any(dim=1)
        strayed = some & ~own if strayed is None else strayed
        return float(own.sum()), float(strayed.sum()), float((~some).sum())

    rows, hit = torch.arange(len(asked)), equal >= least
    own = hit[rows, asked] & (asked >= 0)
    best = equal.argmax(dim=1)
    truth = read(hit, own)
    strict = equal > least
    mistakes = {
        "-1 means that no picture was asked for, but as an index it is the last column.": read(hit, hit[rows, asked]),
        "At least 0.9 includes 0.9 itself.": read(strict, strict[rows, asked] & (asked >= 0)),
        "A drawing may equal two pictures: if the one asked for is among them, it is recalled.": read(
            hit, hit.any(dim=1) & (best == asked)
        ),
        "You count cells of the table: a drawing that equals two pictures is still one drawing.": (
            truth[0],
            float(hit.sum()) - truth[0],
            truth[2],
        ),
        "A recalled drawing has not strayed as well: each drawing counts once.": read(hit, own, hit.any(dim=1)),
        "The nearest picture is not yet a copy: the share must reach `least`.": read(hit, best == asked),
        "A copy is recalled or strayed: look up whether it equals the picture that was asked for.": (
            truth[0] + truth[1],
            0.0,
            truth[2],
        ),
        "A drawing that equals another picture than the one asked for is not yet new: it has strayed.": (
            truth[0],
            0.0,
            truth[1] + truth[2],
        ),
        "`least` is a share, like those in the table: nothing reaches it if it is taken for percent.": (
            0.0,
            0.0,
            float(len(asked)),
        ),
        "Counts are wanted, not shares of the drawings.": tuple(part / len(asked) for part in truth),
        "The order is recalled, strayed, new.": (truth[1], truth[0], truth[2]),
        "The order is recalled, strayed, new; yours begins with new.": truth[::-1],
    }
    said = ", ".join(f"{part:g}" for part in counts)
    diagnose(counts, truth, mistakes, f"Of these 9 drawings 4 are recalled, 3 strayed, 2 new; yours: {said}.")
