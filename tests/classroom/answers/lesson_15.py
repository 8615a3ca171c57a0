"""Answers to lesson 15, right and wrong."""

import math

import torch

from dalle_lessons.evaluation.metrics import share


def difference(data, drawn, what):
    return drawn[what] / sum(drawn.values()) - data[what] / sum(data.values())


def with_get(data, drawn, what):
    before, after = (counts.get(what, 0) / sum(counts.values()) for counts in (data, drawn))
    return torch.tensor(after - before)


def by_listing(data, drawn, what):
    both = [[name == what for name in counts.elements()] for counts in (drawn, data)]
    return sum(both[0]) / len(both[0]) - sum(both[1]) / len(both[1])


def wilson(hits, n, z=1.96):
    p = hits / n
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)


def with_counts(hits, n):
    z = 1.959964
    middle = (hits + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * (hits * (n - hits) / n + z * z / 4) ** 0.5
    return torch.tensor([middle - half, middle + half])


def from_the_library(hits, n):
    found = share(torch.tensor([1.0] * hits + [0.0] * (n - hits)))
    return [found["low"], found["high"]]


def two_errors(hits, n):
    p = hits / n
    half = 1.96 * math.sqrt(p * (1 - p) / n)
    return p - half, p + half


def no_last_division(hits, n, z=1.96):
    p = hits / n
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return middle - half, middle + half


def no_root(hits, n, z=1.96):
    p = hits / n
    middle, half = p + z * z / (2 * n), z * (p * (1 - p) / n + z * z / (4 * n * n))
    return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)


def bayes(made, kept):
    unsigned = made * (1 - kept)
    return unsigned / (unsigned + 1 - made)


def by_counting(made, kept):
    pictures = 10_000
    lost = pictures * made * (1 - kept)
    return lost / (pictures * (1 - made) + lost)


def by_what_is_left(made, kept):
    return torch.tensor(1 - (1 - made) / (1 - made * kept))


RIGHT = {
    "15.amplification": [difference, with_get, by_listing],
    "15.wilson": [wilson, with_counts, from_the_library],
    "15.unsigned": [bayes, by_counting, by_what_is_left],
}
WRONG = {
    "15.amplification": [
        (lambda a, b, w: -difference(a, b, w), "exchanged"),
        (lambda a, b, w: 100 * difference(a, b, w), "percentage points"),
        (lambda a, b, w: b[w] - a[w], "unequal numbers"),
        (lambda a, b, w: b[w] / sum(b.values()), "alone"),
        (lambda a, b, w: (b[w] / sum(b.values())) / (a[w] / sum(a.values())), "ratio"),
        (lambda a, b, w: (b[w] - a[w]) / sum(a.values()), "one total"),
        (lambda a, b, w: 0.0, "it is"),
    ],
    "15.wilson": [
        (two_errors, "two standard errors"),
        (lambda h, n: wilson(h, n)[::-1], "High comes before low"),
        (no_last_division, "1 \\+ z²/n is missing"),
        (lambda h, n: wilson(h, n, 1.0), "95%"),
        (lambda h, n: [n * end for end in wilson(h, n)], "divide by n"),
        (no_root, "square root"),
        (lambda h, n: wilson(h, n)[0], "shape"),
    ],
    "15.unsigned": [
        (lambda made, kept: 0.0, "does not prove"),
        (lambda made, kept: made, "Some information"),
        (lambda made, kept: made * (1 - kept), "and\\* unsigned"),
        (lambda made, kept: 1 - kept, "others are unsigned"),
        (lambda made, kept: 1 - bayes(made, kept), "camera"),
        (lambda made, kept: bayes(made, 1 - kept), "1 - kept"),
        (lambda made, kept: 100 * bayes(made, kept), "between 0 and 1"),
    ],
}
