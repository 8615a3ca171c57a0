"""Answers to lesson 03, right and wrong, written from the student's copy alone."""

import math

import torch
import torch.nn.functional as F
from torch.distributions import Categorical, kl_divergence


def gumbel_max_as_written(logits, u):
    return (logits - torch.log(-torch.log(u))).argmax(dim=-1)


def gumbel_max_as_race(logits, u):
    waiting = -u.log() / logits.softmax(dim=1)
    return waiting.min(dim=1).indices


def gumbel_max_by_loop(logits, u):
    codes = []
    for row, uniform in zip(logits.tolist(), u.tolist(), strict=False):
        sums = [score - math.log(-math.log(x)) for score, x in zip(row, uniform, strict=False)]
        codes.append(sums.index(max(sums)))
    return torch.tensor(codes)


def kl_from_log_softmax(logits):
    log_q = logits.log_softmax(dim=1)
    return (log_q.exp() * (log_q + math.log(logits.shape[1]))).sum(dim=1).mean()


def kl_by_distributions(logits):
    return kl_divergence(Categorical(logits=logits), Categorical(logits=torch.zeros_like(logits))).mean()


def kl_by_kl_div(logits):
    log_uniform = torch.full_like(logits, -math.log(logits.shape[-1]))
    return F.kl_div(log_uniform, F.log_softmax(logits, dim=-1), log_target=True, reduction="batchmean")


def softmax_then_log(logits):
    q = logits.softmax(dim=1)
    return (q * (q.log() + math.log(logits.shape[1]))).sum(dim=1).mean()


def kl_summed(logits):
    return kl_from_log_softmax(logits) * len(logits)


def kl_in_bits(logits):
    return kl_from_log_softmax(logits) / math.log(2)


def entropy_in_place_of_kl(logits):
    log_q = logits.log_softmax(dim=1)
    return -(log_q.exp() * log_q).sum(dim=1).mean()


def kl_turned_round(logits):
    log_q = logits.log_softmax(dim=1)
    return (-math.log(logits.shape[1]) - log_q).mean(dim=1).mean()


def kl_mean_over_codes(logits):
    log_q = logits.log_softmax(dim=1)
    return (log_q.exp() * (log_q + math.log(logits.shape[1]))).mean()


def softmax_over_positions(logits):
    log_q = logits.log_softmax(dim=0)
    return (log_q.exp() * (log_q + math.log(logits.shape[1]))).sum(dim=1).mean()


def kl_minus_ln_k(logits):
    log_q = logits.log_softmax(dim=1)
    return (log_q.exp() * (log_q - math.log(logits.shape[1]))).sum(dim=1).mean()


def kl_of_each_position(logits):
    log_q = logits.log_softmax(dim=1)
    return (log_q.exp() * (log_q + math.log(logits.shape[1]))).sum(dim=1)


def weight_step_by_step(beta, factor):
    values = 0
    for _ in range(factor):
        for _ in range(factor):
            values += 3
    return beta / values


def weight_by_counting(beta, factor):
    return torch.tensor(beta) / torch.empty(3, factor, factor).numel()


def one_u_for_a_row(logits, u):
    """Another right way to draw: where the cumulative sum passes one uniform number."""
    return (logits.softmax(dim=1).cumsum(dim=1) < u[:, :1]).sum(dim=1).clamp(max=logits.shape[1] - 1)


RIGHT = {
    "03.gumbel_max": [
        gumbel_max_as_written,
        gumbel_max_as_race,
        gumbel_max_by_loop,
        one_u_for_a_row,
    ],
    "03.kl_to_uniform": [
        kl_from_log_softmax,
        kl_by_distributions,
        kl_by_kl_div,
    ],
    "03.kl_weight": [
        lambda beta, factor: beta / (3 * factor**2),
        weight_step_by_step,
        weight_by_counting,
    ],
}

WRONG = {
    "03.gumbel_max": [
        (lambda logits, u: (logits - u.log()).argmax(dim=1), "exponential noise"),
        (lambda logits, u: (logits + (-u.log()).log()).argmax(dim=1), "minus sign"),
        (lambda logits, u: logits.argmax(dim=1), "no noise"),
        (lambda logits, u: (logits + u).argmax(dim=1), "as they are"),
        (lambda logits, u: (logits.softmax(dim=1) - (-u.log()).log()).argmax(dim=1), "softmax before"),
        (lambda logits, u: logits.softmax(dim=1).multinomial(1).flatten(), "of your own"),
        (lambda logits, u: (logits - (-u.log()).log()).argmax(dim=0), "wrong axis"),
        (lambda logits, u: (logits - (-u.log2()).log2()).argmax(dim=1), "base 2"),
        (lambda logits, u: (logits - (-u.log()).log()).max(dim=1).values, "largest sum"),
        (lambda logits, u: (-(-u.log()).log()).argmax(dim=1), "noise alone"),
        (lambda logits, u: gumbel_max_as_written(logits, u).tolist(), "later cells need"),
    ],
    "03.kl_to_uniform": [
        (softmax_then_log, "log_softmax"),
        (kl_summed, "sum over the positions"),
        (kl_in_bits, "bits"),
        (entropy_in_place_of_kl, "That is the entropy"),
        (kl_turned_round, "other way round"),
        (kl_mean_over_codes, "sum over the codes"),
        (softmax_over_positions, "runs over the positions"),
        (kl_minus_ln_k, "wrong sign"),
        (kl_of_each_position, "each position"),
        (lambda logits: kl_from_log_softmax(logits).item(), "leave float"),
        (lambda logits: kl_from_log_softmax(logits).detach(), "no gradient"),
    ],
    "03.kl_weight": [
        (lambda beta, factor: beta / factor**2, "three values"),
        (lambda beta, factor: beta / (3 * factor), "factor's square"),
        (lambda beta, factor: beta, "beta itself"),
        (lambda beta, factor: beta * 3 * factor**2, "You multiply"),
        (lambda beta, factor: beta / (3 * factor) ** 2, "square the 3"),
        (lambda beta, factor: beta / 3 * factor**2, "Brackets"),
        (lambda beta, factor: beta // (3 * factor**2), "Whole division"),
        (lambda beta, factor: 6.6 / (3 * factor**2), "whatever beta"),
        (lambda beta, factor: beta / 192, "whatever the factor"),
    ],
}
