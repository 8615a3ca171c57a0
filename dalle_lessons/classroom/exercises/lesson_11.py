"""Checks of lesson 11: how likely a picture is, a draw at any temperature, top-p, one step with a cache."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...model.transformer import Attention
from . import CheckFailed, as_number, as_tensor, call, diagnose, exercise, same
from .one_step import STEP_MISTAKES, attention_step


@exercise("11.log_probability")
def log_probability(answer) -> None:
    """answer(logits, tokens): (B, N, K), (B, N) -> (B,), ln of the probability of each picture."""
    generator = torch.Generator().manual_seed(0)
    logits, tokens = torch.randn(3, 5, 4, generator=generator), torch.randint(4, (3, 5), generator=generator)
    at = tokens[..., None]

    def summed(logs: Tensor, at: Tensor = at) -> Tensor:
        return logs.gather(-1, at)[..., 0].sum(-1)

    logs, shown = logits.log_softmax(-1), "logits, tokens"
    given = as_tensor(
        call(answer, logits, tokens, shown=shown),
        (3,),
        "The logarithms",
        {
            (3, 5): "You give a number for each token: a picture is likely if all of them are, so add them up.",
            (): "You give one number for all pictures together: add up over the places of each picture alone.",
            (5,): "You add up over the pictures: add up over the places of each picture.",
            (
                3,
                5,
                4,
            ): "You give a number for every code: take that of the token which stands in the picture, by gather.",
            (3, 4): "You give a number for every code: take that of the token which stands in the picture, by gather.",
        },
        lists=False,
    )
    truth = summed(logs)
    mistakes = {
        "You take the mean over the places: the probability of a picture is a product, and its logarithm a sum.": truth
        / 5,
        "The sign: logarithms of probabilities are negative or 0. (What you give is the loss, summed.)": -truth,
        "That is the loss of a token: here the sum over the places is asked for, with its negative sign.": -truth / 5,
        "You add up logits: they are scores, and become logarithms of probabilities by log_softmax.": summed(logits),
        "You add up probabilities: they are multiplied, so add up their logarithms.": summed(logs.exp()),
        "That is the probability itself: its logarithm is asked for.": truth.exp(),
        "softmax over the places: the probabilities of the codes at one place add up to 1, so dim=-1.": summed(
            logits.log_softmax(1)
        ),
        "softmax over the pictures: the probabilities of the codes at one place add up to 1, so dim=-1.": summed(
            logits.log_softmax(0)
        ),
        "You shift by one: the logits at place i are those of token i already.": summed(logs[:, :-1], at[:, 1:]),
        "You take the likeliest code at each place: take the one that stands in the picture.": logs.amax(-1).sum(-1),
        "log2 gives bits: nats are asked for, the natural logarithm.": truth / math.log(2),
    }
    otherwise = "The sums are others: log_softmax over the codes, each picture's token, and the sum over its places."
    diagnose(given, truth, mistakes, otherwise)
    logits = torch.zeros(1, 3, 4)
    logits[0, 1, 2] = 200.0
    given = call(answer, logits, torch.zeros(1, 3, dtype=torch.int64), shown="a very rare token")
    if not same(given, logits.log_softmax(-1)[..., 0].sum(-1)):
        raise CheckFailed(
            "A token with a logit far below the others: its probability is rounded to 0, and ln 0 is -inf; log_softmax "
            "never takes this way."
        )
    given = call(answer, torch.zeros(1, 400, 8), torch.zeros(1, 400, dtype=torch.int64), shown="a long picture")
    if not same(given, torch.tensor([-400 * math.log(8)])):
        raise CheckFailed(
            "With 400 places it goes wrong: the product of so many probabilities is too small for a float, and becomes "
            "0; add up logarithms."
        )


@exercise("11.draw")
def draw(answer) -> None:
    """answer(logits, noise, temperature): (K,), (K,) -> the code drawn by Gumbel-max; at 0 the likeliest."""
    generator = torch.Generator().manual_seed(0)
    cases = []  # twenty draws at four temperatures
    for temperature in (1.0, 0.3, 0.6, 2.0) * 5:
        logits = torch.randn(6, generator=generator)
        cases.append((logits, -torch.rand(6, generator=generator).log().neg().log(), temperature))

    def code(logits, noise, temperature) -> float:
        given = call(answer, logits, noise, temperature, shown=f"logits, noise, {temperature}")
        if isinstance(given, torch.Tensor) and given.shape == logits.shape:
            raise CheckFailed("You give a number for every code: one code should be drawn, argmax.")
        return as_number(given, "The code")

    given = [code(*case) for case in cases]
    strange = [c for c in given if c not in range(6)]
    if strange:
        raise CheckFailed(f"The code should be a place in the logits, 0 to 5, and is {strange[0]:g}: argmax, not max.")
    truth = [int((x / t + g).argmax()) for x, g, t in cases]
    mistakes = {
        "The temperature works the wrong way round: you multiply the logits by it, or divide the noise. Divide the "
        "logits, so that a low one makes them count for more.": [(x * t + g).argmax() for x, g, t in cases],
        "You divide the noise as well, and then the temperature changes nothing: divide the logits alone.": [
            (x + g).argmax() for x, g, t in cases
        ],
        "You leave the noise out: the likeliest code would always win.": [x.argmax() for x, g, t in cases],
        "You add the noise to chances: it belongs to the logits, divided by the temperature, without a softmax.": [
            ((x / t).softmax(0) + g).argmax() for x, g, t in cases
        ],
        "You divide the chances: the temperature divides the logits, before any softmax.": [
            (x.softmax(0) / t + g).argmax() for x, g, t in cases
        ],
        "You take the noise away: add it.": [(x / t - g).argmax() for x, g, t in cases],
        "You take the smallest: the largest sum wins, argmax.": [(x / t + g).argmin() for x, g, t in cases],
        "The noise is Gumbel noise already: add it as it is, without logarithms.": [
            (x / t - (-g.log()).log()).argmax() for x, g, t in cases
        ],
    }
    otherwise = "The drawn codes are others: divide the logits by the temperature, add the noise, take the argmax."
    if [code(*case) for case in cases] != given:
        otherwise = (
            "You throw dice of your own: use the noise that is given, so that the same noise draws the same code."
        )
    diagnose(given, truth, mistakes, otherwise)
    logits, noise = torch.tensor([0.5, 2.0, 0.2, 1.9]), torch.tensor([0.3, -0.5, 1.6, 0.9])
    mistakes = {
        "You divide by 0, and everything is infinite: at temperature 0 the likeliest code wins, so ask first.": 0,
        "At temperature 0 the noise alone decides: the likeliest code, the largest logit, should win.": 2,
        "You take temperature 0 for 1: at 0 the likeliest code wins, whatever the noise.": 3,
    }
    diagnose(code(logits, noise, 0), 1, mistakes, "At temperature 0 the likeliest code wins, whatever the noise.")


@exercise("11.top_p")
def top_p(answer) -> None:
    """answer(logits, p): (K,) -> (K,) logits, -inf outside the smallest set of codes that together reach p."""
    chances = torch.tensor([0.055, 0.22, 0.025, 0.31, 0.065, 0.11, 0.045, 0.075, 0.06, 0.035])
    logits = chances.log() + 1.0
    ordered, order = chances.sort(descending=True)  # .31 .22 .11 .075 …: two reach 0.4, four reach 0.7

    def keep(codes) -> torch.Tensor:
        kept = torch.zeros(10, dtype=torch.bool)
        kept[codes] = True
        return kept

    for p, enough in ((0.4, 2), (0.7, 4)):
        others = {(enough,): "You give the kept logits alone: the shape stays, with -inf in the place of the others."}
        given = call(answer, logits, p, shown=f"logits of ten codes, {p}")
        given = as_tensor(given, (10,), "The logits", others, lists=False)
        if torch.isnan(given).any():
            raise CheckFailed("There are NaNs: set dropped logits to -inf, and leave the others as they are.")
        truth = keep(order[:enough])
        if same(given, torch.where(truth, chances, 0) / chances[truth].sum()):
            raise CheckFailed(
                "You give chances: give logits, those of the kept codes as they were and -inf for the others."
            )
        if (given == 0).sum() == 10 - enough:
            raise CheckFailed("Dropped codes get 0, and exp(0) is a chance like any other: set them to minus infinity.")
        kept = ~torch.isneginf(given)
        if kept.sum() == enough and same(given[:enough], logits[order[:enough]]):
            raise CheckFailed("The logits come back in sorted order: bring them back to the order of the codes.")
        near = chances >= p * chances.max()
        alone = "You compare each code's own chance with a limit: add the chances up, from the largest."
        mistakes = {
            "Nothing is dropped: are they chances (softmax), sorted from the largest, and added up until p?": keep(
                order
            ),
            "One code too few: the one with which the sum reaches p belongs to the set.": keep(order[: enough - 1]),
            "One code too many: stop as soon as the sum reaches p.": keep(order[: enough + 1]),
            alone: chances >= p,
            alone + " (1 - p is no limit either.)": chances >= 1 - p,
            "You keep what is near the best code (top-p is not min-p): add the chances up, from the largest.": near,
            "You keep the share p of the codes: their chances should reach p, not their number.": keep(
                order[: int(p * 10)]
            ),
            "You keep the rarest codes and drop the likeliest: begin with the likeliest.": ~truth,
            "You add up the chances in the order of the codes: sort them first, from the largest.": (
                chances.cumsum(0) - chances < p
            ),
            "The mask stands in the sorted order: bring it back to the order of the codes.": keep(range(enough)),
        }
        diagnose(kept, truth, mistakes, f"With chances .31 .22 .11 .075 … and p = {p} the {enough} likeliest stay.")
        if not same(given[truth], logits[truth]):
            raise CheckFailed("The kept logits have changed: leave them as they are, only the others become -inf.")
    sure = call(answer, torch.tensor([9.0, 0.0, 0.0]), 0.5, shown="a very likely code, 0.5")
    sure = as_tensor(sure, (3,), "The logits", lists=False)
    if torch.isneginf(sure).all():
        raise CheckFailed("If the likeliest code alone is above p, it must stay: at least one code always does.")
    if not same(~torch.isneginf(sure), torch.tensor([True, False, False])):
        raise CheckFailed("A code that reaches p alone should stay alone.")
    equal = call(answer, torch.zeros(4), 0.5, shown="four equally likely codes, 0.5")
    if int((~torch.isneginf(as_tensor(equal, (4,), "The logits", lists=False))).sum()) == 3:
        raise CheckFailed(
            "Two codes of probability 0.25 reach 0.5 exactly, and you keep a third: a code stays if those before it "
            "have *not yet* reached p, so compare with <, not <=."
        )


@exercise("11.decode_step")
def decode_step(answer) -> None:
    """answer(layer, x, keys, values): see `attention_step`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer, x = Attention(12, 3), 2 * torch.randn(2, 6, 12)
    with torch.no_grad():
        layer.key.weight.mul_(3)  # so that looks differ
        _steps(answer, layer, x)


def _steps(answer, layer: Attention, x: Tensor) -> None:
    """Six slots, one after another, from an empty cache on."""
    whole = layer(x, torch.ones(6, 6, dtype=torch.bool).tril())  # (2, 6, 12)
    keys = values = torch.zeros(2, 3, 0, 4)
    for i in (0, 1, 2):  # what is kept so far is made here, so that the first mistake is named
        _, keys, values = attention_step(layer, x[:, i], keys, values)
    for i in (3, 4, 5):
        shown = f"layer, x, keys and values of {i} slots"
        given = call(answer, layer, x[:, i], keys, values, shown=shown)
        if isinstance(given, Tensor):
            raise CheckFailed("You give one tensor: give three, the result, and keys and values with the new slot's.")
        if not isinstance(given, (tuple, list)) or len(given) != 3:
            raise CheckFailed("Give three tensors: the result (B, C), and keys and values with the new slot's.")
        out = as_tensor(
            given[0],
            (2, 12),
            "The result",
            {
                (
                    2,
                    1,
                    12,
                ): "The result should be (B, C), one vector for each row of the batch, and is (B, 1, C): leave "
                "the dimension of the one slot out again.",
                (2, 3, 1, 4): "The heads are still apart: put them side by side, (B, heads, 1, size) -> (B, C), then "
                "layer.project.",
            },
            lists=False,
        )
        wrong = {name: attention_step(layer, x[:, i], keys, values, name)[0] for name in STEP_MISTAKES}
        mistakes = {STEP_MISTAKES[name]: value for name, value in wrong.items()}
        otherwise = (
            "The result differs from that of the whole sequence at once: q, k, v of x; key and value behind the "
        )
        otherwise += "kept ones; scores, softmax, mixture, project."
        diagnose(out, whole[:, i], mistakes, otherwise)
        _, keys, values = attention_step(layer, x[:, i], old_keys := keys, old_values := values)
        for kept, truth, before, other, name in (
            (given[1], keys, old_keys, values, "keys"),
            (given[2], values, old_values, keys, "values"),
        ):
            others = {
                tuple(
                    before.shape
                ): f"The {name} that come back are those of before: give them with the new slot's, or "
                "the next step knows nothing of this one.",
                (2, 3, 1, 4): f"You give the new slot's {name} alone: give all, the kept ones first.",
            }
            kept = as_tensor(kept, tuple(truth.shape), f"The {name}", others, lists=False)
            front = torch.cat((truth[:, :, -1:], truth[:, :, :-1]), dim=2)
            diagnose(
                kept,
                truth,
                {
                    f"The new slot's {name} stand in front: they come last, in the order of the slots.": front,
                    "Keys and values come back in the other order: the result, keys, values.": other,
                },
                f"The result is right, but the {name} that come back are others: the kept ones, then the new slot's.",
            )
    empty = torch.zeros(2, 3, 0, 4)
    given = call(answer, layer, x[:, 0], empty, empty, shown="layer, x, and an empty cache")
    if not same(given[0], whole[:, 0]):
        raise CheckFailed("With an empty cache, the first slot, it goes wrong: it looks at itself alone.")
