"""Checks of lesson 11: a draw at any temperature, top-p, what the cache holds."""

from __future__ import annotations

import torch

from . import Mistake, as_number, as_tensor, call, diagnose, exercise, same


@exercise("11.draw")
def draw(answer) -> None:
    """answer(logits, noise, temperature): (K,), (K,) -> the code drawn by Gumbel-max; at 0 the likeliest."""
    logits, noise = torch.tensor([1.0, 2.0, 0.5, 1.9]), torch.tensor([0.3, -0.5, 2.0, 0.2])
    cases = ((1.0, 2), (0.2, 3), (0.05, 1), (5.0, 2))
    for temperature, truth in cases:
        given = as_number(call(answer, logits, noise, temperature, shown=f"logits, noise, {temperature}"), "The code")
        if given == truth:
            continue
        if given not in (0, 1, 2, 3):
            raise Mistake(f"The code should be a place in the logits, 0 to 3, and is {given:g}: argmax, not max.")
        if given == int((logits * temperature + noise).argmax()):
            raise Mistake("You multiply by the temperature: divide, so that a low one makes the logits count for more.")
        if given == int(((logits + noise) / temperature).argmax()):
            raise Mistake("You divide the noise as well, and then the temperature changes nothing: divide the logits.")
        if given == int(logits.argmax()):
            raise Mistake("You leave the noise out: the likeliest code would always win.")
        if given == int((logits.softmax(0) / temperature + noise).argmax()):
            raise Mistake("You divide the chances: the temperature divides the logits, before any softmax.")
        raise Mistake(f"At temperature {temperature} these logits and this noise draw code {truth}, not {given:g}.")
    given = as_number(call(answer, logits, noise, 0, shown="logits, noise, 0"), "The code at temperature 0")
    if given != 1:
        raise Mistake("At temperature 0 the likeliest code wins, whatever the noise: do not divide by 0, ask first.")


@exercise("11.top_p")
def top_p(answer) -> None:
    """answer(logits, p): (K,) -> (K,) logits, -inf outside the smallest set of codes that together reach p."""
    chances = torch.tensor([0.1, 0.4, 0.05, 0.3, 0.15])
    logits = chances.log() + 1.0
    given = as_tensor(call(answer, logits, 0.75, shown="logits of five codes, 0.75"), (5,), "The logits")
    kept = ~torch.isneginf(given)
    if torch.isnan(given).any():
        raise Mistake("There are NaNs: set dropped logits to -inf, and leave the others as they are.")
    if kept.all():
        if (given == 0).any():
            raise Mistake("Dropped codes get 0, and exp(0) is a chance like any other: set them to minus infinity.")
        raise Mistake("Nothing is dropped: with p = 0.75 three of the five codes stay.")
    truth = torch.tensor([False, True, False, True, True])
    mistakes = {
        "One code too few: the one with which the sum reaches p belongs to the set.": torch.tensor(
            [False, True, False, True, False]
        ),
        "You keep the rarest codes: begin with the likeliest.": torch.tensor([True, False, True, True, True]),
        "You keep codes by their own chance: add the chances up, from the largest.": chances >= 0.75,
        "The mask stands in the sorted order: bring it back to the order of the codes.": torch.tensor(
            [True, True, True, False, False]
        ),
        "The kept and the dropped are exchanged.": ~truth,
        "One code too many: stop as soon as the sum reaches p.": torch.tensor([True, True, False, True, True]),
    }
    diagnose(kept, truth, mistakes, "With chances .4 .3 .15 .1 .05 and p = 0.75 the first three stay.")
    if not same(given[truth], logits[truth]):
        raise Mistake("The kept logits have changed: leave them as they are, only the others become -inf.")
    sure = as_tensor(call(answer, torch.tensor([9.0, 0.0, 0.0]), 0.5, shown="a very likely code, 0.5"), (3,))
    if torch.isneginf(sure).all():
        raise Mistake("If the likeliest code alone is above p, it must stay: at least one code always does.")
    if not same(~torch.isneginf(sure), torch.tensor([True, False, False])):
        raise Mistake("A code that reaches p alone should stay alone.")


@exercise("11.cache_numbers")
def cache_numbers(answer) -> None:
    """answer(layers, width, slots): numbers in the KV cache of one picture."""
    for layers, width, slots in ((2, 8, 10), (6, 256, 92)):
        value = as_number(call(answer, layers, width, slots, shown=f"{layers}, {width}, {slots}"), "The number")
        mistakes = {
            "Keys alone are half of it: values are kept too.": layers * width * slots,
            "Queries are not kept: a slot's query is used once, when the slot is new. Keys and values: 2.": 3
            * layers
            * width
            * slots,
            "Each layer has keys and values of its own: multiply by the layers.": 2 * width * slots,
            "Not the weights of attention, slots by slots, but the vectors of each slot.": layers * slots * slots,
            "All slots seen so far are kept, not the last alone: multiply by the slots.": 2 * layers * width,
        }
        truth = 2 * layers * width * slots
        diagnose(value, truth, mistakes, f"For {layers} layers of width {width} and {slots} slots it is {truth}.", 1e-9)
