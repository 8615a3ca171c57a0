"""Checks of lesson 11: a draw at any temperature, top-p, what the cache holds."""

from __future__ import annotations

import torch

from . import CheckFailed, as_number, as_tensor, call, diagnose, exercise, same


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


@exercise("11.cache_numbers")
def cache_numbers(answer) -> None:
    """answer(layers, width, slots): numbers in the KV cache of one picture."""
    for layers, width, slots in ((3, 8, 10), (6, 256, 92)):
        value = as_number(call(answer, layers, width, slots, shown=f"{layers}, {width}, {slots}"), "The number")
        each = layers * width * slots
        mistakes = {
            "Keys alone are half of it: values are kept too.": each,
            "Queries are not kept: a slot's query is used once, when the slot is new. Keys and values: 2.": 3 * each,
            "Each layer has keys and values of its own: multiply by the layers.": 2 * width * slots,
            "A key is a vector, not one number: multiply by the width.": 2 * layers * slots,
            "Slots are counted twice, as for the weights of attention: each slot keeps one key and one value.": (
                2 * each * slots
            ),
            "Not the weights of attention, slots by slots, but the vectors of each slot.": layers * slots * slots,
            "All slots seen so far are kept, not the last alone: multiply by the slots.": 2 * layers * width,
            "Those are bytes: numbers are asked for, whatever each takes.": 8 * each,
            "The matrices that make keys and values are no part of the cache: a key has `width` numbers.": (
                2 * each * width
            ),
            "You add the cache up over the steps: it only grows, so what is full at the end is all.": each
            * (slots + 1),
            "The last slot has a key and a value, too: all slots are filled.": 2 * layers * width * (slots - 1),
            "You add: every layer keeps `width` numbers for every slot, so multiply.": 2 * (layers + width + slots),
        }
        truth = 2 * each
        diagnose(value, truth, mistakes, f"For {layers} layers of width {width} and {slots} slots it is {truth}.", 1e-9)
