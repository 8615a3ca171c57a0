"""Checks of lesson 13: going on from given tokens, what priming computes, which parts can be given first."""

from __future__ import annotations

import torch

from . import CheckFailed, as_number, as_tensor, call, describe, diagnose, exercise


@exercise("13.go_on")
def go_on(answer) -> None:
    """answer(next_logits, given, length): keep the given tokens (n,), add the likeliest until there are `length`."""
    seen: list[tuple[int, ...]] = []

    def next_logits(tokens):  # the likeliest token is one more than the sum of those before, modulo 7
        seen.append(tuple(int(t) for t in tokens))
        logits = torch.zeros(7)
        logits[(sum(seen[-1]) + 1) % 7] = 2.0
        return logits

    def truth(given: list[int], length: int) -> list[int]:
        tokens = list(given)
        while len(tokens) < length:
            tokens.append((sum(tokens) + 1) % 7)
        return tokens

    for given in ([3, 5], [], [2]):
        seen.clear()
        start = torch.tensor(given, dtype=torch.int64)
        value = call(answer, next_logits, start, 6, shown=f"next_logits, {given}, 6")
        count = len(value) if hasattr(value, "__len__") else -1
        if count == 6 - len(given) and given:
            raise CheckFailed("Only the new tokens come back: the given ones belong to the picture, in front of them.")
        if count == 6 + len(given) and given:
            raise CheckFailed("`length` counts the whole picture, given tokens included: you draw that many new ones.")
        value = as_tensor(value, (6,), "The tokens")
        right = truth(given, 6)
        if value[: len(given)].tolist() != given:
            if value.tolist() == truth([], 6):
                raise CheckFailed(
                    "The given tokens are replaced by the model's own: keep them, and draw only what follows."
                )
            raise CheckFailed("The given tokens have changed: they are kept as they are, and stand first.")
        if value.tolist() != right:
            if any(len(tokens) < len(given) for tokens in seen):
                raise CheckFailed(
                    "The model must see the given tokens from the first new one on: feed them before you draw."
                )
            if value.tolist()[len(given) :] == truth([], 6)[: 6 - len(given)]:
                raise CheckFailed("The new tokens do not follow from the given ones: feed these to the model too.")
            if len({tokens for tokens in seen}) < len(seen):
                raise CheckFailed("The model sees the same tokens again and again: add each new token before the next.")
            raise CheckFailed(
                f"After {given} the likeliest tokens are {right[len(given) :]}, not {value[len(given) :].tolist()}."
            )


@exercise("13.slots_fed")
def slots_fed(answer) -> None:
    """answer(text_length, given): slots that the model computes before the first new token can be drawn."""
    for text_length, given in ((28, 32), (16, 0), (10, 5)):
        value = as_number(call(answer, text_length, given, shown=f"{text_length}, {given}"), "The number of slots")
        mistakes = {
            "One slot too few: [SEP] has one of its own, and the last given token is fed as well, since the first new "
            "token is predicted from its slot.": text_length + given,
            "The new token is not fed yet: it is what comes out.": text_length + given + 2,
            "Text slots are computed too: the caption is fed first.": given + 1,
        }
        truth = text_length + 1 + given
        diagnose(value, truth, mistakes, f"{text_length} text slots, [SEP] and {given} given tokens are {truth}.", 1e-9)


@exercise("13.can_be_given")
def can_be_given(answer) -> None:
    """answer(known): (rows, cols) bool, the known cells -> can they simply be given, as the first tokens?"""
    top = torch.zeros(4, 4, dtype=torch.bool)
    top[:2] = True
    left, broken, part = torch.zeros_like(top), top.clone(), top.clone()
    left[:, :2] = True
    broken[0, 3] = False
    part[2, :2] = True
    cases = (
        ("the top half", top, True, "The first rows of tokens come first in raster order: they can be given."),
        ("the left half", left, False, "After the left of row 0 the right of row 0 is to be drawn, before the left of "
         "row 1: the left half is no beginning of the sequence."),
        ("two rows and half of the next", part, True, "A row need not be whole: what counts is that all known tokens "
         "come before all unknown ones."),
        ("the top half with a hole", broken, False, "There is an unknown token between known ones: what comes after it "
         "cannot be given first."),
        ("the bottom half", top.flip(0), False, "The bottom comes last: the model would have to draw the top without "
         "having seen it."),
        ("nothing", torch.zeros_like(top), True, "With nothing known, all is drawn: that is an ordinary drawing."),
        ("everything", torch.ones_like(top), True, "If all is known, nothing is left to draw, and nothing is wrong."),
    )  # fmt: skip
    for name, known, truth, sentence in cases:
        value = call(answer, known, shown=name)
        if isinstance(value, torch.Tensor) and value.numel() != 1:
            raise CheckFailed(f"The answer should be True or False, but it is {describe(value)}.")
        if bool(value) != truth:
            raise CheckFailed(f"For {name} it should be {truth}. {sentence}")
