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


def soft_by_einsum(logits, noise, codes, temperature):
    return torch.einsum("bkhw,kd->bdhw", ((logits + noise) / temperature).softmax(dim=1), codes)


def soft_by_matmul(logits, noise, codes, temperature):
    weights = F.softmax((logits + noise).permute(0, 2, 3, 1) / temperature, dim=-1)
    return (weights @ codes).permute(0, 3, 1, 2)


def soft_by_loop(logits, noise, codes, temperature):
    powers = torch.exp((logits + noise) / temperature)
    weights = powers / powers.sum(dim=1, keepdim=True)
    return sum(weights[:, k : k + 1] * codes[k].view(1, -1, 1, 1) for k in range(len(codes)))


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
    """A sample, but not by a race: where the cumulative sum passes one uniform number."""
    return (logits.softmax(dim=1).cumsum(dim=1) < u[:, :1]).sum(dim=1).clamp(max=logits.shape[1] - 1)


RIGHT = {
    "03.gumbel_max": [
        gumbel_max_as_written,
        gumbel_max_as_race,
        gumbel_max_by_loop,
        lambda logits, u: (logits - (-(1 - u).log()).log()).argmax(dim=1),  # 1 - u is as uniform as u
    ],
    "03.soft_choice": [
        soft_by_einsum,
        soft_by_matmul,
        soft_by_loop,
    ],
    "03.kl_to_uniform": [
        kl_from_log_softmax,
        lambda logits: math.log(logits.shape[1]) - Categorical(logits=logits).entropy().mean(),
        kl_by_distributions,
        kl_by_kl_div,
    ],
    "03.kl_weight": [
        lambda beta, factor: beta / (3 * factor**2),
        weight_step_by_step,
        weight_by_counting,
    ],
    "03.causes": [
        {"A": "cold start", "B": "nothing", "C": "not divided", "D": "beta 0"},
        {"D": "beta 0", "C": "not divided", "B": "nothing", "A": "cold start"},
        dict(zip("ABCD", ("cold start", "nothing", "not divided", "beta 0"), strict=True)),
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
        (lambda logits, u: (-u.log() / logits.softmax(dim=0)).argmin(dim=1), "over the codes, dim"),
        (lambda logits, u: gumbel_max_as_written(logits, u).tolist(), "later cells need"),
        (one_u_for_a_row, "one u of each row"),
        (lambda logits, u: (-u.log() / logits.softmax(dim=1)).argmax(dim=1), "last clock"),
        (lambda logits, u: (-u.log() * logits.softmax(dim=1)).argmin(dim=1), "divide"),
        (lambda logits, u: (-u.log() / logits).argmin(dim=1), "divide by the logits"),
        (lambda logits, u: (-u.log() / logits.softmax(dim=1)).min(dim=1).values, "whole numbers"),
        (lambda logits, u: (u / logits.softmax(dim=1)).argmin(dim=1), "a wait is"),
        (lambda logits, u: (u * logits.softmax(dim=1)).argmax(dim=1), "no race"),
    ],
    "03.soft_choice": [
        (lambda z, g, c, t: soft_by_einsum(z, 0 * g, c, t), "noise is missing"),
        (lambda z, g, c, t: soft_by_einsum(z, g, c, 1.0), "not heeded"),
        (lambda z, g, c, t: soft_by_einsum(z, g, c, 1 / t), "multiply"),
        (lambda z, g, c, t: soft_by_einsum(z / t, g, c, 1.0), "logits alone"),
        (lambda z, g, c, t: soft_by_einsum(z, g / t, c, 1.0), "noise alone by"),
        (lambda z, g, c, t: soft_by_einsum(z, -g, c, t), "subtract"),
        (lambda z, g, c, t: ((z + g) / t).softmax(dim=1), "mix the codes"),
        (lambda z, g, c, t: soft_by_einsum(z, g, c, t).permute(0, 2, 3, 1), "second"),
        (lambda z, g, c, t: torch.einsum("bkhw,kd->bdhw", ((z + g) / t).softmax(dim=-1), c), "wrong axis"),
        (lambda z, g, c, t: torch.einsum("bkhw,kd->bdhw", ((z + g) / t).softmax(dim=0), c), "wrong axis"),
        (lambda z, g, c, t: c[(z + g).argmax(dim=1)].permute(0, 3, 1, 2), "hard choice"),
        (lambda z, g, c, t: soft_by_einsum(z.detach(), g, c, t), "gradient"),
        (lambda z, g, c, t: soft_by_einsum(z.softmax(dim=1), g, c, t), "softmax before"),
        (lambda z, g, c, t: torch.einsum("bkhw,kd->bdhw", F.gumbel_softmax(z, t, dim=1), c), "noise of your own"),
    ],
    "03.kl_to_uniform": [
        (softmax_then_log, "log_softmax"),
        (lambda logits: math.log2(logits.shape[1]) - Categorical(logits=logits).entropy().mean(), "different units"),
        (lambda logits: math.log(64) - Categorical(logits=logits).entropy().mean(), "K of the lesson"),
        (lambda logits: math.log(len(logits)) - Categorical(logits=logits).entropy().mean(), "number of positions"),
        (lambda logits: kl_from_log_softmax(logits.mean(dim=0, keepdim=True)), "it should be"),
        (lambda logits: -Categorical(logits=logits).entropy().mean(), "ln K is missing"),
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
        (
            lambda logits: F.kl_div(logits.log_softmax(-1), torch.full_like(logits, 1 / logits.shape[1])),
            "q comes second",
        ),
        (lambda logits: math.log(logits.shape[1]) + logits.log_softmax(-1).amax(-1).mean(), "likeliest code alone"),
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
        (lambda beta, factor: beta / 48, "whatever the factor"),
        (lambda beta, factor: beta / (3 * 32 * 32), "mean over its positions"),
        (lambda beta, factor: beta / (6 * factor**2), "half of it"),
        (lambda beta, factor: 3 * factor**2 / beta, "turned over"),
    ],
    "03.causes": [
        ({"A": "not divided", "B": "nothing", "C": "cold start", "D": "beta 0"}, "A is not .not divided."),
        ({"A": "nothing", "B": "cold start", "C": "not divided", "D": "beta 0"}, "lowest"),
        ({"A": "cold start", "B": "beta 0", "C": "not divided", "D": "nothing"}, "nearly ln K"),
        ({"A": "cold start", "B": "nothing", "C": "not divided"}, "no cause yet for D"),
        ({"A": "cold start", "B": "nothing", "C": "not divided", "D": "not divided"}, "more than once"),
        ({"A": "cold", "B": "nothing", "C": "not divided", "D": "beta 0"}, "none of the causes"),
        (["cold start", "nothing", "not divided", "beta 0"], "dict"),
        ({"A": ..., "B": ..., "C": ..., "D": ...}, "no cause yet for A, B, C, D"),
    ],
}
