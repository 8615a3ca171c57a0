"""Answers to lesson 15, right and wrong."""

from statistics import pstdev, stdev

import numpy as np
import torch

from dalle_lessons.classroom.lesson_figures.social_worlds import next_token


def gaps_of(data, drawn, what):
    return [b[what] / b.total() - a[what] / a.total() for a, b in zip(data, drawn, strict=True)]


def by_trainings(data, drawn, what):
    gaps = gaps_of(data, drawn, what)
    return sum(gaps) / 3, 4.30 * stdev(gaps) / 3**0.5


def with_numpy(data, drawn, what):
    gaps = np.array(gaps_of(data, drawn, what))
    return [gaps.mean(), 4.30 * gaps.std(ddof=1) / np.sqrt(len(gaps))]


def with_torch(data, drawn, what):
    gaps = torch.tensor(gaps_of(data, drawn, what))
    return gaps.mean(), 4.30 * gaps.std() / 3**0.5


def other_mean(change):
    return lambda data, drawn, what: (change(data, drawn, what), by_trainings(data, drawn, what)[1])


def other_half(change):
    return lambda data, drawn, what: (by_trainings(data, drawn, what)[0], change(data, drawn, what))


def one_pile(data, drawn, what):
    (a, n), (b, m) = ((sum(c[what] for c in x), sum(c.total() for c in x)) for x in (data, drawn))
    return b / m - a / n


def every_drawing(data, drawn, what):
    n = sum(c.total() for c in drawn)
    p = sum(c[what] for c in drawn) / n
    return 1.96 * (p * (1 - p) / n) ** 0.5


def guided(asked, nothing, g, power=1.0, normalize=True, first_only=False):
    drawn = {}
    for grid in asked:
        p = 1.0
        for i, token in enumerate(grid):
            a, b = next_token(asked, grid[:i]), next_token(nothing, grid[:i])
            strength = 0.0 if first_only and i else g
            weight = {t: a[t] ** power * (a[t] / b[t]) ** strength for t in a}
            p *= weight[token] / (sum(weight.values()) if normalize else 1)
        drawn[grid] = p
    return drawn


def by_recursion(asked, nothing, g, begun=(), p=1.0):
    if begun in asked:
        return {begun: p}
    a, b = next_token(asked, begun), next_token(nothing, begun)
    weight = {t: a[t] ** (1 + g) / b[t] ** g for t in a}
    found = {}
    for token, w in weight.items():
        found |= by_recursion(asked, nothing, g, (*begun, token), p * w / sum(weight.values()))
    return found


def with_logits(asked, nothing, g):
    drawn = {}
    for grid in asked:
        log_p = torch.zeros((), dtype=torch.float64)
        for i in range(len(grid)):
            a, b = next_token(asked, grid[:i]), next_token(nothing, grid[:i])
            tokens = list(a)
            with_it = torch.tensor([a[t] for t in tokens], dtype=torch.float64).log()
            without = torch.tensor([b[t] for t in tokens], dtype=torch.float64).log()
            log_p = log_p + (with_it + g * (with_it - without)).log_softmax(0)[tokens.index(grid[i])]
        drawn[grid] = log_p.exp()
    return drawn


def whole_picture(asked, nothing, g):
    weight = {x: asked[x] * (asked[x] / nothing[x]) ** g for x in asked}
    return {x: w / sum(weight.values()) for x, w in weight.items()}


def last_left_out(asked, nothing, g):
    drawn = {}
    for grid in asked:
        p = 1.0
        for i, token in enumerate(grid[:-1]):
            a, b = next_token(asked, grid[:i]), next_token(nothing, grid[:i])
            weight = {t: a[t] * (a[t] / b[t]) ** g for t in a}
            p *= weight[token] / sum(weight.values())
        drawn[grid] = p
    return drawn


def all_grids(asked, nothing, g):
    return {**dict.fromkeys(nothing, 0.0), **guided(asked, nothing, g)}


def solved(seen, errors):
    return torch.linalg.solve(errors.T, seen)


def inverted(seen, errors):
    return seen @ torch.linalg.inv(errors)


def least_squares(seen, errors):
    return np.linalg.lstsq(errors.numpy().T, seen.numpy(), rcond=None)[0].tolist()


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
    "15.amplification": [by_trainings, with_numpy, with_torch],
    "15.guided": [guided, by_recursion, with_logits],
    "15.corrected": [solved, inverted, least_squares],
    "15.unsigned": [bayes, by_counting, by_what_is_left],
}
WRONG = {
    "15.amplification": [
        (other_mean(lambda *x: -by_trainings(*x)[0]), "exchanged"),
        (other_mean(lambda *x: 100 * by_trainings(*x)[0]), "percentage points"),
        (other_mean(one_pile), "one pile"),
        (other_mean(lambda a, b, w: sum(c[w] / c.total() for c in b) / 3), "alone"),
        (
            other_mean(
                lambda a, b, w: sum((d[w] / d.total()) / (c[w] / c.total()) for c, d in zip(a, b, strict=True)) / 3
            ),
            "ratio",
        ),
        (other_mean(lambda *x: sum(map(abs, gaps_of(*x))) / 3), "sign"),
        (other_mean(lambda *x: sum(gaps_of(*x))), "sum over the trainings"),
        (other_half(every_drawing), "clusters"),
        (other_half(lambda *x: 1.96 * stdev(gaps_of(*x)) / 3**0.5), "Student"),
        (other_half(lambda *x: 4.30 * pstdev(gaps_of(*x)) / 3**0.5), "n - 1"),
        (other_half(lambda *x: 4.30 * stdev(gaps_of(*x))), "one training"),
        (other_half(lambda *x: 4.30 * stdev(gaps_of(*x)) / 3), "not by 3"),
        (lambda *x: by_trainings(*x)[0], "two numbers"),
    ],
    "15.guided": [
        (whole_picture, "whole picture at once"),
        (lambda a, n, g: guided(a, n, g, normalize=False), "not normalized"),
        (lambda a, n, g: guided(a, n, g, first_only=True), "Only the first"),
        (lambda a, n, g: dict(a), "without guidance"),
        (lambda a, n, g: guided(a, n, -g), "exchanged"),
        (lambda a, n, g: guided(a, n, g, power=0.0), "itself is missing"),
        (last_left_out, "last token"),
        (all_grids, "grids of `asked`"),
        (lambda a, n, g: guided(a, n, g)[next(iter(a))], "dict"),
    ],
    "15.corrected": [
        (lambda seen, errors: torch.linalg.solve(errors, seen), "wrong way round"),
        (lambda seen, errors: seen @ errors, "second time"),
        (lambda seen, errors: seen / errors.diagonal(), "diagonal"),
        (lambda seen, errors: (seen / errors.diagonal()) / (seen / errors.diagonal()).sum(), "diagonal"),
        (lambda seen, errors: seen, "nothing is corrected"),
        (lambda seen, errors: 100 * solved(seen, errors), "percentages"),
        (lambda seen, errors: solved(seen, errors)[0], "shape"),
    ],
    "15.unsigned": [
        (lambda made, kept: 0.0, "does not prove"),
        (lambda made, kept: made, "Some information"),
        (lambda made, kept: made * (1 - kept), "and\\* unsigned"),
        (lambda made, kept: 1 - kept, "others are unsigned"),
        (lambda made, kept: 1 - bayes(made, kept), "camera"),
        (lambda made, kept: bayes(made, 1 - kept), "1 - kept"),
        (lambda made, kept: 100 * bayes(made, kept), "between 0 and 1"),
        (lambda made, kept: made * kept / (made * kept + 1 - made), "not unsigned"),
        (lambda made, kept: made * (1 - kept) / (made * (1 - kept) + (1 - made) * (1 - kept)), "Some information"),
        (lambda made, kept: made * (1 - kept) / (made * (1 - kept) + (1 - made) * kept), "below the line"),
    ],
}
