"""Checks of lesson 03: the Gumbel-max trick, KL to uniform, its weight per pixel."""

from __future__ import annotations

import math

import torch

from . import CheckFailed, as_number, as_tokens, call, check_gradient, diagnose, exercise, same


@exercise("03.gumbel_max")
def gumbel_max(answer) -> None:
    """answer(logits, u): (N, K), uniform numbers (N, K) in (0, 1) -> (N,) codes, drawn from softmax(logits)."""
    generator = torch.Generator().manual_seed(0)
    chances = torch.tensor([0.1, 0.2, 0.3, 0.4])
    u = torch.rand(4000, 4, generator=generator).clamp(1e-6, 1 - 1e-6)
    logits = (chances.log() + 3.0).expand(4000, 4)  # a constant more changes no chance
    gumbel = -torch.log(-torch.log(u))
    given = call(answer, logits, u, shown="logits, u")
    if isinstance(given, torch.Tensor) and same(given, (logits + gumbel).max(-1).values):
        raise CheckFailed("You give the largest sum: its place is the code, argmax and not max.")
    others = {
        (4000, 4): "You give a number for every code: end with argmax over the codes (dim=-1).",
        (4,): "You search along the wrong axis: each row of logits draws one code, argmax over the codes (dim=-1).",
        (4000, 1): "The shape is (N, 1), and (N,) is wanted: keep no dimension (keepdim).",
    }
    given = as_tokens(given, (4000,), "The codes", others)
    base_2 = -torch.log2(-torch.log2(u))
    mistakes = {
        "You add the uniform numbers as they are: turn them into Gumbel noise, -log(-log(u)), first.": (
            logits + u
        ).argmax(-1),
        "One minus sign is missing: Gumbel noise is -log(-log(u)).": (logits + torch.log(-torch.log(u))).argmax(-1),
        "That is exponential noise, -log(u): take the logarithm once more, -log(-log(u)).": (
            logits - torch.log(u)
        ).argmax(-1),
        "You use no noise, so the same code always wins: add the noise before the argmax.": logits.argmax(-1),
        "You use the noise alone, so all codes come up alike: add it to the logits.": gumbel.argmax(-1),
        "You take softmax before you add the noise: the noise belongs to the logits themselves.": (
            logits.softmax(-1) + gumbel
        ).argmax(-1),
        "You take the smallest: the largest sum wins, argmax.": (logits + gumbel).argmin(-1),
        "You multiply the logits by the noise: add it.": (logits * gumbel).argmax(-1),
        "You use logarithms of base 2: Gumbel noise needs the natural one.": (logits + base_2).argmax(-1),
        "That is the way with the cumulative sum, which needs one u for a row, and you compare with another for each "
        "code: add Gumbel noise and take the argmax.": (logits.softmax(-1).cumsum(-1) < u).sum(-1).clamp(max=3),
    }
    truth = (logits + gumbel).argmax(-1)
    if not same(given, truth) and not any(same(given, wrong) for wrong in mistakes.values()):
        if not same(
            call(answer, logits, u.flip(0), shown="logits, other u"), given.flip(0)
        ):  # all rows of logits are equal
            raise CheckFailed(
                "You draw with noise of your own: make it of the u that is given, so that all draw the same."
            )
        shares = torch.bincount(given.long().clamp(0, 3), minlength=4) / 4000
        if (shares - chances).abs().max() < 0.04 and ((given >= 0) & (given < 4)).all():
            return  # another right way to turn u into a draw
    diagnose(given, truth, mistakes, "The codes should come up with the chances of softmax(logits), and they do not.")


@exercise("03.kl_to_uniform")
def kl_to_uniform(answer) -> None:
    """answer(logits): (N, K) -> mean over N of KL(softmax || uniform), nats."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(6, 5, generator=generator) * 2
    log_q = logits.log_softmax(-1)
    q = log_q.exp()
    entropy = -(q * log_q).sum(-1)
    each = math.log(5) - entropy
    given = call(answer, logits, shown="logits")
    if isinstance(given, torch.Tensor) and given.shape == (6,):
        raise CheckFailed("You give one number for each position: take the mean over them.")
    value = as_number(given, "The divergence")
    over_positions, clamped, mean_q = logits.log_softmax(0), logits.clamp_min(1e-9), q.mean(0)
    mistakes = {
        "That is the entropy: the divergence from uniform is ln K minus it.": entropy.mean(),
        "The sign is turned: KL is ln K minus the entropy, and never below 0.": -each.mean(),
        "That is the mean over codes too: sum over the codes, mean over the positions.": each.mean() / 5,
        "You sum over the positions: take their mean.": each.sum(),
        "That is in bits: use the natural logarithm.": each.mean() / math.log(2),
        "ln K is missing: the logarithm of the uniform chance, -ln K, is part of the divergence.": -entropy.mean(),
        "ln K has the wrong sign: ln(q · K) is ln q plus ln K.": (-entropy - math.log(5)).mean(),
        "That is KL the other way round, from uniform to q: weigh with q, not with 1/K.": (-log_q.mean(-1)).mean()
        - math.log(5),
        "You use the logits in place of log q: take log_softmax first.": (q * logits).sum(-1).mean() + math.log(5),
        "You take the logits for chances: they become chances by a softmax.": (
            (clamped * (clamped.log() + math.log(5))).sum(-1).mean()
        ),
        "The softmax runs over the positions: each row's chances, over the codes, must sum to 1 (dim=-1).": (
            (over_positions.exp() * (over_positions + math.log(5))).sum(-1).mean()
        ),
        "You take ln N, of the number of positions: K is the number of codes, the last axis.": (
            math.log(6) - entropy.mean()
        ),
        "You average the chances first: take the divergence of each position, then their mean.": (
            math.log(5) - torch.special.entr(mean_q).sum()
        ),
    }
    diagnose(
        value, each.mean(), mistakes, f"For these logits it should be {each.mean():.4f}, and yours is {value:.4f}."
    )
    if not same(as_number(call(answer, torch.zeros(2, 9)), "For equal logits, the divergence"), 0.0):
        raise CheckFailed(
            "For equal logits q is uniform already, so the divergence must be 0, for any number of codes."
        )
    if not same(call(answer, torch.eye(4) * 200, shown="very sure logits"), math.log(4)):
        raise CheckFailed("For very sure logits it should be ln K: log(softmax) is log 0 there, so take log_softmax.")
    check_gradient(answer, logits, what="The divergence")


@exercise("03.kl_weight")
def kl_weight(answer) -> None:
    """answer(beta, factor): weight of the mean KL over positions if the reconstruction is a mean over pixels."""
    cases = ((6.6, 8), (6.6, 4), (1.0, 2))
    for beta, factor in cases:
        value = as_number(call(answer, beta, factor, shown=f"{beta}, {factor}"), "The weight")
        mistakes = {
            "A pixel has three values, red, green and blue: divide by 3 · factor².": beta / factor**2,
            "A position covers factor · factor pixels: divide by the factor's square.": beta / (3 * factor),
            "You multiply: a token's KL is shared among the pixel values that it stands for, so divide.": beta
            * 3
            * factor**2,
            "The factor is not heeded: how many pixel values does one token stand for?": beta / 3,
            "You give beta itself: it must be divided by the pixel values that one token stands for.": beta,
            "You square the 3, too: a token stands for factor² pixels of 3 values each.": beta / (3 * factor) ** 2,
            "Brackets are missing: beta / 3 * factor**2 multiplies by the square.": beta / 3 * factor**2,
            "Whole division, //, rounds the weight down to 0: use /.": beta // (3 * factor**2),
            "The fraction is turned over: beta stands above.": 3 * factor**2 / beta,
            "You use 6.6 whatever beta is: use the argument.": 6.6 / (3 * factor**2),
            "You use the factor 8 whatever the factor is: use the argument.": beta / 192,
        }
        truth = beta / (3 * factor**2)
        diagnose(
            value, truth, mistakes, f"For beta {beta} and factor {factor} it is {truth:.5f}, not {value:.5f}.", 1e-6
        )
