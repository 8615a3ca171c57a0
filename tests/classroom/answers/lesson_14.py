"""Answers to lesson 14, right and wrong."""

import math

import torch

from dalle_lessons.evaluation.metrics import share

Z = 1.96


def by_formula(hits, n):
    p = hits / n
    middle = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    return middle - half, middle + half


def by_roots(hits, n):
    """The two shares p for which hits/n is just 1.96 standard errors away: a quadratic equation."""
    observed = hits / n
    a, b, c = 1 + Z**2 / n, -(2 * observed + Z**2 / n), observed**2
    root = math.sqrt(b * b - 4 * a * c)
    return [(-b - root) / (2 * a), (-b + root) / (2 * a)]


def by_library(hits, n):
    found = share((torch.arange(n) < hits).float())
    return torch.tensor([found["low"], found["high"]])


def simple(hits, n):
    p = hits / n
    half = Z * math.sqrt(p * (1 - p) / n)
    return p - half, p + half


def around_p(hits, n):
    low, high = by_formula(hits, n)
    return hits / n - (high - low) / 2, hits / n + (high - low) / 2


def middle_and_half(hits, n):
    low, high = by_formula(hits, n)
    return (low + high) / 2, (high - low) / 2


def one_error(hits, n):
    middle, half = middle_and_half(hits, n)
    return middle - half / Z, middle + half / Z


def not_shrunk(hits, n):
    middle, half = middle_and_half(hits, n)
    half *= 1 + Z**2 / n
    return middle - half, middle + half


def in_percent(hits, n):
    return [100 * end for end in by_formula(hits, n)]


def with_sets(asked, known):
    things, styles = {thing for thing, _ in known}, {style for _, style in known}
    return asked not in known and asked[0] in things and asked[1] in styles


def with_any(asked, known):
    thing, style = asked
    return any(t == thing for t, _ in known) and any(s == style for _, s in known) and (thing, style) not in known


def with_lists(asked, known):
    if asked in known:
        return False
    parts = list(zip(*known, strict=True))
    return all(part in seen for part, seen in zip(asked, parts, strict=True))


def thing_seen(asked, known):
    return asked not in known and asked[0] in {thing for thing, _ in known}


def style_seen(asked, known):
    return asked not in known and asked[1] in {style for _, style in known}


def parts_seen(asked, known):
    return asked[0] in {thing for thing, _ in known} and asked[1] in {style for _, style in known}


def anywhere(asked, known):
    words = {word for pair in known for word in pair}
    return asked not in known and asked[0] in words and asked[1] in words


def with_masks(equal, asked, least):
    hit = equal >= least
    own = torch.tensor([bool(a >= 0 and row[a]) for row, a in zip(hit, asked, strict=True)])
    return own.sum(), (hit.any(1) & ~own).sum(), (~hit.any(1)).sum()


def with_loop(equal, asked, least):
    counts = [0, 0, 0]
    for shares, wanted in zip(equal.tolist(), asked.tolist(), strict=True):
        if wanted != -1 and shares[wanted] >= least:
            counts[0] += 1
        elif max(shares) >= least:
            counts[1] += 1
        else:
            counts[2] += 1
    return counts


def with_gather(equal, asked, least):
    own = (equal.gather(1, asked.clamp_min(0)[:, None]).squeeze(1) >= least) & (asked >= 0)
    copies = int((equal.amax(dim=1) >= least).sum())
    return torch.tensor([int(own.sum()), copies - int(own.sum()), len(equal) - copies])


def last_column(equal, asked, least):
    own = equal[torch.arange(len(asked)), asked] >= least
    some = equal.amax(dim=1) >= least
    return own.sum(), (some & ~own).sum(), (~some).sum()


def more_than(equal, asked, least):
    return with_loop(equal, asked, least + 1e-9)


def nearest_only(equal, asked, least):
    some, own = equal.amax(dim=1) >= least, equal.argmax(dim=1) == asked
    return (some & own).sum(), (some & ~own).sum(), (~some).sum()


def cells(equal, asked, least):
    recalled, _, new = with_loop(equal, asked, least)
    return recalled, int((equal >= least).sum()) - recalled, new


def twice(equal, asked, least):
    recalled, strayed, new = with_loop(equal, asked, least)
    return recalled, recalled + strayed, new


def in_shares(equal, asked, least):
    return [count / len(equal) for count in with_loop(equal, asked, least)]


def new_first(equal, asked, least):
    return with_loop(equal, asked, least)[::-1]


def percent(equal, asked, least):
    return with_loop(equal, asked, 100 * least)


def ignore_asked(equal, asked, least):
    """Every copy counts as recalled."""
    copies = int((equal.amax(dim=1) >= least).sum())
    return copies, 0, len(equal) - copies


def own_only(equal, asked, least):
    """What is not recalled is new."""
    recalled, strayed, new = with_loop(equal, asked, least)
    return recalled, 0, strayed + new


def no_root_term(hits, n):
    middle, _ = middle_and_half(hits, n)
    p = hits / n
    half = Z / (1 + Z**2 / n) * math.sqrt(p * (1 - p) / n)
    return middle - half, middle + half


def n_not_squared(hits, n):
    middle, _ = middle_and_half(hits, n)
    p = hits / n
    half = Z / (1 + Z**2 / n) * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n))
    return middle - half, middle + half


def clipped(hits, n):
    low, high = simple(hits, n)
    return max(0.0, low), min(1.0, high)


def bracket(hits, n):
    _, half = middle_and_half(hits, n)
    middle = hits / n + Z**2 / (2 * n) / (1 + Z**2 / n)
    return middle - half, middle + half


def with_cat(hits, groups, picks):
    return torch.cat([hits[groups == k] for k in picks]).mean()


def with_weights(hits, groups, picks):
    times = torch.bincount(picks, minlength=int(groups.max()) + 1)[groups].double()
    return (times * hits).sum() / times.sum()


def with_lists_of(hits, groups, picks):
    taken = [hit for k in picks.tolist() for hit, g in zip(hits.tolist(), groups.tolist(), strict=True) if g == k]
    return sum(taken) / len(taken)


def once(hits, groups, picks):
    return hits[torch.isin(groups, picks)].mean()


def mean_of_means(hits, groups, picks):
    return torch.stack([hits[groups == k].mean() for k in picks]).mean()


RIGHT = {
    "14.resampled": [with_cat, with_weights, with_lists_of],
    "14.interval": [by_formula, by_roots, by_library],
    "14.new_combination": [with_sets, with_any, with_lists],
    "14.read_copies": [with_masks, with_loop, with_gather],
}
WRONG = {
    "14.resampled": [
        (once, "counts once|counts it once"),
        (lambda hits, groups, picks: hits[picks].mean(), "not of single trials"),
        (mean_of_means, "mean of the groups"),
        (lambda hits, groups, picks: hits.mean(), "whatever was picked"),
        (lambda hits, groups, picks: torch.cat([hits[groups == k] for k in picks]), "take the mean"),
        (lambda hits, groups, picks: torch.cat([hits[groups == k] for k in picks]).sum(), "how many are right"),
        (lambda hits, groups, picks: torch.cat([hits[groups == k] for k in picks]).sum() / len(hits), "not by all N"),
        (
            lambda hits, groups, picks: torch.cat([hits[groups == k] for k in picks]).sum() / len(picks),
            "of picked groups",
        ),
        (lambda hits, groups, picks: 1 - with_cat(hits, groups, picks), "wrong ones"),
    ],
    "14.interval": [
        (simple, "promises too much"),
        (lambda hits, n: by_formula(hits, n)[::-1], "high first"),
        (middle_and_half, "half the width"),
        (one_error, "z is missing"),
        (around_p, "not p itself"),
        (not_shrunk, "divided by"),
        (in_percent, "percent"),
        (no_root_term, "second term"),
        (n_not_squared, "squared"),
        (clipped, "cut off|promises"),
        (bracket, "brackets"),
        (lambda hits, n: hits / n, "two numbers"),
    ],
    "14.new_combination": [
        (lambda asked, known: asked in known, "plain memory|exchanged"),
        (lambda asked, known: asked not in known, "no picture"),
        (parts_seen, "plain memory"),
        (thing_seen, "style that was in no picture"),
        (style_seen, "thing that was in no picture"),
        (anywhere, "exchanged"),
        (lambda asked, known: not with_sets(asked, known), "exchanged"),
        (lambda asked, known: True, "plain memory"),
        (lambda asked, known: False, "test wanted"),
        (lambda asked, known: asked[0] not in {t for t, _ in known}, "test wanted|plain memory|no picture"),
    ],
    "14.read_copies": [
        (last_column, "no picture was asked for"),
        (more_than, "0.9 itself"),
        (nearest_only, "equal two"),
        (cells, "cells"),
        (twice, "once"),
        (in_shares, "not shares"),
        (new_first, "order"),
        (percent, "a share"),
        (ignore_asked, "whether it equals the picture that was asked for"),
        (own_only, "not yet new"),
        (lambda equal, asked, least: int((equal >= least).sum()), "three counts"),
    ],
}
