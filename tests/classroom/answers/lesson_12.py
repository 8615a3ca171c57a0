"""Answers to lesson 12, right and wrong, written from the student's copy alone."""

import math

import torch
import torch.nn.functional as F


def chance_by_cross_entropy(batch):
    return F.cross_entropy(torch.zeros(batch, batch), torch.arange(batch))


def loss_by_cross_entropy(images, texts, scale):
    logits = scale * images @ texts.T
    labels = torch.arange(len(images))
    return (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2


def loss_by_diagonal(images, texts, scale):
    logits = images @ texts.T * scale
    rows, columns = logits.log_softmax(dim=1), logits.log_softmax(dim=0)
    return -(rows.diagonal() + columns.diagonal()).mean() / 2


def loss_by_loop(images, texts, scale):
    total, pairs = 0, len(images)
    for i in range(pairs):
        right = scale * images[i].dot(texts[i])
        total = total + torch.logsumexp(scale * (texts @ images[i]), dim=0) - right
        total = total + torch.logsumexp(scale * (images @ texts[i]), dim=0) - right
    return total / (2 * pairs)


def only_rows(images, texts, scale):
    return F.cross_entropy(scale * images @ texts.T, torch.arange(len(images)))


def sum_of_directions(images, texts, scale):
    return 2 * loss_by_cross_entropy(images, texts, scale)


def scale_forgotten(images, texts, scale):
    return loss_by_cross_entropy(images, texts, 1.0)


def divided_by_scale(images, texts, scale):
    return loss_by_cross_entropy(images, texts, 1 / scale)


def all_labels_zero(images, texts, scale):
    logits = scale * images @ texts.T
    labels = torch.zeros(len(images), dtype=torch.long)
    return (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2


def softmax_twice(images, texts, scale):
    logits = scale * images @ texts.T
    labels = torch.arange(len(images))
    rows, columns = logits.softmax(dim=1), logits.T.softmax(dim=1)
    return (F.cross_entropy(rows, labels) + F.cross_entropy(columns, labels)) / 2


def forgotten_minus(images, texts, scale):
    return -loss_by_cross_entropy(images, texts, scale)


def right_pairs_only(images, texts, scale):
    return -(scale * (images * texts).sum(dim=1)).mean()


def one_softmax_over_all(images, texts, scale):
    logits = scale * images @ texts.T
    return -logits.flatten().log_softmax(dim=0).reshape(logits.shape).diagonal().mean()


def each_cell_yes_or_no(images, texts, scale):
    logits = scale * images @ texts.T
    return F.binary_cross_entropy_with_logits(logits, torch.eye(len(images)))


def mean_of_all_cells(images, texts, scale):
    logits = scale * images @ texts.T
    return -(logits.log_softmax(dim=1) + logits.log_softmax(dim=0)).mean() / 2


def best_by_max(scores, n):
    return max(range(n), key=lambda i: float(scores[i]))


def best_by_loop(scores, n):
    best = 0
    for i in range(1, n):
        if scores[i] > scores[best]:
            best = i
    return best


RIGHT = {
    "12.chance": [
        lambda batch: math.log(batch),
        lambda batch: -torch.tensor(1 / batch).log(),
        chance_by_cross_entropy,
    ],
    "12.contrastive_loss": [
        loss_by_cross_entropy,
        loss_by_diagonal,
        loss_by_loop,
    ],
    "12.best_of": [
        lambda scores, n: scores[:n].argmax(),
        best_by_max,
        best_by_loop,
    ],
}

WRONG = {
    "12.chance": [
        (lambda batch: math.log2(batch), "bits"),
        (lambda batch: 1 / batch, "chance of being right"),
        (lambda batch: 2 * math.log(batch), "averaged, not added"),
        (lambda batch: -math.log(batch), "sign"),
        (lambda batch: math.log(2), "right and wrong"),
        (lambda batch: math.log(batch - 1), "B - 1"),
        (lambda batch: 1 - 1 / batch, "wrong guesses"),
        (lambda batch: math.log(96), "96"),
        (lambda batch: 0.0, "certainty"),
    ],
    "12.contrastive_loss": [
        (only_rows, "Only one direction"),
        (sum_of_directions, "directions are added"),
        (divided_by_scale, "divide by the scale"),
        (all_labels_zero, "labels"),
        (softmax_twice, "softmax twice"),
        (forgotten_minus, "sign"),
        (one_softmax_over_all, "One softmax"),
        (each_cell_yes_or_no, "yes or no"),
        (mean_of_all_cells, "diagonal"),
        (scale_forgotten, "scale is not used"),
        (right_pairs_only, "win against"),
        (lambda images, texts, scale: loss_by_cross_entropy(images, texts, scale).item(), "leave float"),
        (lambda images, texts, scale: loss_by_cross_entropy(images, texts, scale).detach(), "no gradient"),
    ],
    "12.best_of": [
        (lambda scores, n: scores.argmax(), "all candidates"),
        (lambda scores, n: scores[:n].max(), "best score"),
        (lambda scores, n: scores[: n + 1].argmax(), "too many"),
        (lambda scores, n: scores[: n - 1].argmax() if n > 1 else 0, "too few"),
        (lambda scores, n: scores[:n].argmax() + 1, "from 1"),
        (lambda scores, n: scores.topk(n).indices, "n best of all"),
        (lambda scores, n: scores[-n:].argmax(), "last n"),
        (lambda scores, n: scores.sort(descending=True).values[:n].argmax(), "sort first"),
        (lambda scores, n: scores[:n].abs().argmax(), "amount"),
        (lambda scores, n: scores[:n].argmin(), "worst"),
        (lambda scores, n: scores[:n], "its place"),
    ],
}
