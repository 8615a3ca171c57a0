"""Answers to lesson 03, right and wrong."""

import math

import torch
import torch.nn.functional as F


def gumbel(u):
    return -torch.log(-torch.log(u))


def exponential_race(logits, u):
    """The code whose exponential clock rings first."""
    return (-torch.log(u) / logits.softmax(-1)).argmin(-1)


def by_rows(logits, u):
    return [int((row + gumbel(v)).argmax()) for row, v in zip(logits, u, strict=True)]


def by_loop(logits):
    total = 0.0
    for row in logits.double():
        for log_q in row.log_softmax(0).tolist():
            total += math.exp(log_q) * (log_q + math.log(len(row)))
    return total / len(logits)


def by_library(logits):
    uniform = torch.full_like(logits, 1 / logits.shape[-1])
    return F.kl_div(uniform.log(), logits.log_softmax(-1), reduction="batchmean", log_target=True)


def q(logits):
    return logits.softmax(-1)


RIGHT = {
    "03.gumbel_max": [lambda logits, u: (logits + gumbel(u)).argmax(-1), exponential_race, by_rows],
    "03.kl_to_uniform": [
        by_loop,
        by_library,
        lambda logits: math.log(logits.shape[-1]) - torch.distributions.Categorical(logits=logits).entropy().mean(),
    ],
    "03.kl_weight": [
        lambda beta, factor: beta / (3 * factor**2),
        lambda beta, factor: torch.tensor(beta) / (3 * factor * factor),
        lambda beta, f: beta / len([0 for _ in range(f) for _ in range(f) for _ in "RGB"]),
    ],
}
WRONG = {
    "03.gumbel_max": [
        (lambda logits, u: (logits + u).argmax(-1), "Gumbel noise"),
        (lambda logits, u: (logits + torch.log(-torch.log(u))).argmax(-1), "minus"),
        (lambda logits, u: (logits - torch.log(u)).argmax(-1), "exponential"),
        (lambda logits, u: logits.argmax(-1), "no noise"),
        (lambda logits, u: gumbel(u).argmax(-1), "noise alone"),
        (lambda logits, u: logits + gumbel(u), "argmax"),
        (lambda logits, u: (q(logits) + gumbel(u)).argmax(-1), "softmax before"),
        (lambda logits, u: (logits + gumbel(u)).argmax(0), "shape"),
    ],
    "03.kl_to_uniform": [
        (lambda logits: -(q(logits) * q(logits).log()).sum(-1).mean(), "entropy"),
        (lambda logits: -(q(logits) * q(logits).log()).sum(-1).mean() - math.log(logits.shape[-1]), "sign"),
        (lambda logits: (q(logits) * (q(logits).log() + math.log(logits.shape[-1]))).mean(), "sum over the codes"),
        (lambda logits: (q(logits) * (q(logits).log() + math.log(logits.shape[-1]))).sum(), "mean"),
        (lambda logits: (q(logits) * (q(logits).log() + math.log(logits.shape[-1]))).sum(-1), "mean"),
        (lambda logits: (q(logits) * q(logits).log()).sum(-1).mean(), "ln K"),
        (lambda logits: -math.log(logits.shape[-1]) - logits.log_softmax(-1).mean(), "other way"),
        (lambda logits: (q(logits) * (q(logits).log() + math.log(logits.shape[-1]))).sum(-1).mean(), "log 0|NaN"),
    ],
    "03.kl_weight": [
        (lambda beta, factor: beta / factor**2, "three|red"),
        (lambda beta, factor: beta / (3 * factor), "square"),
        (lambda beta, factor: beta * 3 * factor**2, "divide"),
        (lambda beta, factor: beta, "itself"),
        (lambda beta, factor: beta / 3, "not heeded"),
        (lambda beta, factor: 6.6 / 192, "For beta"),
    ],
}
