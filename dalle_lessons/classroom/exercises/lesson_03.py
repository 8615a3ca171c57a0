"""Checks of lesson 03: the race (Gumbel-max), the soft choice, KL to uniform, its weight per pixel, causes."""

from __future__ import annotations

import math

import torch

from . import CheckFailed, as_number, as_tensor, as_tokens, call, check_gradient, diagnose, exercise, same


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
        "That is exponential noise: in the race a wait is -log(u), and not u; beside logits take the logarithm once "
        "more, -log(-log(u)).": (logits - torch.log(u)).argmax(-1),
        "You multiply the probabilities by u, which is no race: divide the waits, -log(u), by them, and take the "
        "smallest.": (logits + torch.log(u)).argmax(-1),
        "You use no noise, so the same code always wins: add the noise before the argmax.": logits.argmax(-1),
        "All codes come up alike, as from the noise alone: add it to the logits; softmax is over the codes, dim=-1.": (
            gumbel.argmax(-1)
        ),
        "You take softmax before you add the noise: the noise belongs to the logits themselves.": (
            logits.softmax(-1) + gumbel
        ).argmax(-1),
        "You take the last clock to ring: the first one wins, which has the smallest time and the largest sum.": (
            logits + gumbel
        ).argmin(-1),
        "You multiply the waiting time by the probability: a likelier code rings sooner, so divide.": (
            -torch.log(u) * logits.softmax(-1)
        ).argmin(-1),
        "You leave the logits out of the race: each code's clock runs at a speed of its own.": (-torch.log(u)).argmax(
            -1
        ),
        "You divide by the logits: the clock's speed is the probability, their softmax.": (
            -torch.log(u) / logits
        ).argmin(-1),
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
        others = torch.cat((u[:, :1], u[:, 1:].flip(0)), dim=1)
        if same(call(answer, logits, others, shown="logits, other u"), given):
            raise CheckFailed(
                "A sample it is, but from one u of each row: here every code has a clock of its own, so that the "
                "choice can be made soft later; use all of u."
            )
        shares = torch.bincount(given.long().clamp(0, 3), minlength=4) / 4000
        if (shares - chances).abs().max() < 0.04 and ((given >= 0) & (given < 4)).all():
            return  # another right way to turn u into a sample
    diagnose(given, truth, mistakes, "The codes should come up with the chances of softmax(logits), and they do not.")


@exercise("03.soft_choice")
def soft_choice(answer) -> None:
    """answer(logits, noise, codes, temperature): (B, K, rows, cols) twice, (K, D), number -> (B, D, rows, cols)."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 5, 3, 4, generator=generator) * 2
    noise = -torch.log(-torch.log(torch.rand(2, 5, 3, 4, generator=generator).clamp(1e-6, 1 - 1e-6)))
    codes, temperature = torch.randn(5, 6, generator=generator), 0.5

    def mix(weights):
        return torch.einsum("bkhw,kd->bdhw", weights, codes)

    shown = "logits, noise, codes, 0.5"
    given = call(answer, logits, noise, codes, temperature, shown=shown)
    shapes = {
        (2, 5, 3, 4): "You give the weights: mix the codes with them, the sum over k of weight k times code k.",
        (2, 3, 4, 6): "The numbers of a code stand last, and the decoder wants them second: (B, D, rows, cols).",
        (2, 3, 4): "You give one code's number for each position: a mixture of all the codes is wanted.",
        (2, 6): "You summed over the positions too: each keeps a mixture of its own.",
    }
    given = as_tensor(given, (2, 6, 3, 4), "The mixtures", shapes)
    total = logits + noise
    one_hot = torch.nn.functional.one_hot(total.argmax(1), 5).movedim(-1, 1).float()
    mistakes = {
        "That is the hard choice, the winner alone: softmax in place of argmax lets gradients through.": mix(one_hot),
        "The softmax runs over the wrong axis: the weights of a position add up to 1 over the codes, dim=1.": [
            mix((total / temperature).softmax(dim)) for dim in (0, 2, 3)
        ],
        "You divide the logits alone by the temperature: divide the sum of logits and noise.": mix(
            (logits / temperature + noise).softmax(1)
        ),
        "You divide the noise alone by the temperature: divide the sum of logits and noise.": mix(
            (logits + noise / temperature).softmax(1)
        ),
        "You multiply by the temperature: divide, so that a small one makes the differences large.": mix(
            (total * temperature).softmax(1)
        ),
        "The temperature is not heeded: divide logits + noise by it.": mix(total.softmax(1)),
        "You divide after the softmax, so the weights do not add up to 1: divide inside.": mix(
            total.softmax(1) / temperature
        ),
        "The noise is missing: without it, nothing is sampled.": mix((logits / temperature).softmax(1)),
        "You subtract the noise: add it.": mix(((logits - noise) / temperature).softmax(1)),
        "You take softmax before you add the noise: the noise belongs to the logits themselves.": [
            mix(((logits.softmax(1) + noise) / temperature).softmax(1)),
            mix(logits.softmax(1) + noise),
        ],
        "You use the noise alone: add it to the logits.": mix((noise / temperature).softmax(1)),
        "These are weights without softmax: they must be positive and add up to 1.": [
            mix(total / temperature),
            mix(total),
        ],
    }
    single = {
        sentence: wrong if not isinstance(wrong, list) else next((w for w in wrong if same(given, w)), wrong[0])
        for sentence, wrong in mistakes.items()
    }
    truth = mix((total / temperature).softmax(1))
    if not same(given, call(answer, logits, noise, codes, temperature, shown=shown)):
        raise CheckFailed("You draw noise of your own, so it comes out differently each time: use the noise given.")
    diagnose(
        given, truth, single, "Each position should get the sum over k of softmax((logits + noise) / t)[k] · code k."
    )
    check_gradient(lambda z: call(answer, z, noise, codes, temperature, copies=False).sum(), logits, what="The mixture")


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
        "ln K and the entropy have different units: use the natural logarithm for both.": (
            math.log2(5) - entropy.mean()
        ),
        "You take the K of the lesson, 64 codes: take it from the shape of these logits, whose last axis has 5.": (
            math.log(64) - entropy.mean()
        ),
        "ln K is missing: the logarithm of the uniform chance, -ln K, is part of the divergence.": -entropy.mean(),
        "ln K has the wrong sign: ln(q · K) is ln q plus ln K.": (-entropy - math.log(5)).mean(),
        "That is KL the other way round, from uniform to q: weigh with q, not with 1/K.": (-log_q.mean(-1)).mean()
        - math.log(5),
        "F.kl_div(a, b) is KL(b || a), so q comes second; and its mean is over codes, too: sum over them.": (
            (-log_q.mean(-1)).mean() - math.log(5)
        )
        / 5,
        "You pay for the likeliest code alone, ln K + ln of the largest q: weigh all codes, each with its q.": (
            math.log(5) + log_q.amax(-1).mean()
        ),
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
            "You use the factor 4 whatever the factor is: use the argument.": beta / 48,
            "That divides by all the values of a 32x32 picture; but your KL is a mean over its positions already, not "
            "their sum: how many values does one position stand for?": beta / 3072,
            "That is half of it: 3 · factor² values, each counted once.": beta / (6 * factor**2),
            "You use the factor 8 whatever the factor is: use the argument.": beta / 192,
        }
        truth = beta / (3 * factor**2)
        diagnose(
            value, truth, mistakes, f"For beta {beta} and factor {factor} it is {truth:.5f}, not {value:.5f}.", 1e-6
        )


SYMPTOMS = {
    "nothing": "its error is the lowest of the four, and its tokens pay some nats, but not all",
    "beta 0": "then nothing speaks against being sure, and the KL goes up to nearly ln K",
    "not divided": "then the KL is pushed to zero, to the last digit, within some tens of steps",
    "cold start": "then the KL lies near zero for hundreds of steps, and only later begins to rise",
}


@exercise("03.causes")
def causes(answer) -> None:
    """answer: {"A": cause, …, "D": cause}, of the four causes in `SYMPTOMS`."""
    truth = {"A": "cold start", "B": "nothing", "C": "not divided", "D": "beta 0"}
    if not isinstance(answer, dict):
        raise CheckFailed(
            'The answer should be a dict like {"A": "nothing", …}: a cause for each of the four trainings.'
        )
    missing = [letter for letter in truth if answer.get(letter) in (None, ...)]
    if missing:
        raise CheckFailed(f"There is no cause yet for {', '.join(missing)}.")
    extra = set(map(str, answer)) - set(truth)
    if extra:
        raise CheckFailed(f"There are four trainings, A to D, and none called {', '.join(sorted(extra))}.")
    for said in answer.values():
        if said not in SYMPTOMS:
            raise CheckFailed(f"{said!r} is none of the causes: {', '.join(SYMPTOMS)}.")
    if len(set(answer.values())) < len(truth):
        twice = next(said for said in SYMPTOMS if list(answer.values()).count(said) > 1)
        raise CheckFailed(f"“{twice}” stands there more than once: each cause belongs to one training.")
    for letter, said in answer.items():
        if said != truth[letter]:
            raise CheckFailed(f"{letter} is not “{said}”: {SYMPTOMS[said]}. Look at {letter} again.")
