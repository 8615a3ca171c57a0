"""Answers to lesson 12, right and wrong."""

import math

import torch
import torch.nn.functional as F


def by_hand(images, texts, scale):
    logits = scale * images @ texts.T
    rows = -logits.log_softmax(1).diag().mean()
    columns = -logits.log_softmax(0).diag().mean()
    return 0.5 * (rows + columns)


def by_loops(images, texts, scale):
    total, n = 0.0, len(images)
    for i in range(n):
        row = [math.exp(scale * float(images[i] @ texts[j])) for j in range(n)]
        column = [math.exp(scale * float(images[j] @ texts[i])) for j in range(n)]
        total -= math.log(row[i] / sum(row)) + math.log(column[i] / sum(column))
    return total / (2 * n)


def both(images, texts, scale):
    logits, truth = scale * images @ texts.T, torch.arange(len(images))
    return F.cross_entropy(logits, truth), F.cross_entropy(logits.T, truth)


RIGHT = {
    "12.contrastive_loss": [by_hand, by_loops, lambda a, b, s: sum(both(a, b, s)) / 2],
    "12.best_of": [
        lambda scores, n: scores[:n].argmax(),
        lambda scores, n: max(range(n), key=lambda i: scores[i]),
        lambda scores, n: int(scores[:n].sort(descending=True).indices[0]),
    ],
    "12.chance": [math.log, lambda b: -math.log(1 / b), lambda b: F.cross_entropy(torch.zeros(b, b), torch.arange(b))],
}
WRONG = {
    "12.contrastive_loss": [
        (lambda a, b, s: both(a, b, s)[0], "direction"),
        (lambda a, b, s: both(a, b, s)[1], "direction"),
        (lambda a, b, s: sum(both(a, b, s)), "mean"),
        (lambda a, b, s: by_hand(a, b, 1.0), "scale is not used"),
        (lambda a, b, s: by_hand(a, b, 1 / s), "divide"),
        (lambda a, b, s: -(s * a @ b.T).diag().mean(), "win against"),
        (lambda a, b, s: 5 * by_hand(a, b, s), "mean"),
    ],
    "12.best_of": [
        (lambda scores, n: scores[:n].max(), "best score"),
        (lambda scores, n: scores.argmax(), "first n"),
        (lambda scores, n: scores[:n].argmin(), "worst"),
        (lambda scores, n: scores[: n + 1].argmax(), "too many|count from 1|first n"),
        (lambda scores, n: scores[-n:].argmax(), "last n|first n|worst"),
        (lambda scores, n: scores[:n], "one number|best score"),
    ],
    "12.chance": [
        (lambda b: 1 / b, "chance"),
        (lambda b: -math.log(b), "sign"),
        (math.log2, "bits"),
        (lambda b: 2 * math.log(b), "B²"),
        (lambda b: math.log(b - 1), "B - 1"),
        (lambda b: 0.5, "For"),
    ],
}
