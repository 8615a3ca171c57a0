"""Checks of lesson 01: find the leak, count what dominates."""

from __future__ import annotations

import torch

from . import CheckFailed, as_number, call, describe, diagnose, exercise


@exercise("01.leaks")
def leaks(answer) -> None:
    """answer(train, held_out): uint8 pictures (N, 3, H, W), (M, 3, H, W) -> which of held_out are in train."""
    generator = torch.Generator().manual_seed(0)
    train = torch.randint(0, 256, (12, 3, 4, 4), dtype=torch.uint8, generator=generator)
    held_out = torch.randint(0, 256, (9, 3, 4, 4), dtype=torch.uint8, generator=generator)
    train[9] = train[7]  # twice in train
    held_out[1], held_out[4], held_out[5], held_out[8] = train[7], train[0], train[7], train[8]  # 1 and 5 are equal
    held_out[2, 0] = train[5, 0]  # the same red
    held_out[3] = train[2]
    held_out[3, 0, 0, 0] ^= 1  # nearly the same
    held_out[6] = train[3].flip(-1)  # the same pixels in other places
    given = call(answer, train, held_out, shown="train, held_out")
    if isinstance(given, bool | int) or (isinstance(given, torch.Tensor) and given.ndim == 0):
        raise CheckFailed("You say whether, or how many: give the places of the held-out pictures, as a list.")
    if isinstance(given, set | dict):
        raise CheckFailed(
            f"Later cells take the first five of the places, and {describe(given)} has no order: give a list."
        )
    if not isinstance(given, torch.Tensor | list | tuple):
        raise CheckFailed(f"The answer should be a list of places, and it is {describe(given)}.")
    given = given.flatten().tolist() if isinstance(given, torch.Tensor) else list(given)
    if any(isinstance(i, torch.Tensor) and i.numel() > 1 for i in given):
        raise CheckFailed("You give the pictures themselves: give their places in held_out.")
    if any(isinstance(i, bool) for i in given):
        raise CheckFailed("You give True and False for each picture: give the places where it is True.")
    try:
        given = [int(i) for i in given]
    except (TypeError, ValueError):
        raise CheckFailed(
            "You give pairs, and not places: give one list of numbers, the places in held_out alone."
        ) from None
    mistakes = {
        "Those are the places in train: the places in held_out are asked for.": [0, 7, 8, 9],
        "You compare only pictures at the same place in both: compare each held-out picture with every one of train.": [
            8
        ],
        "You find all: a picture counts if all its pixels are equal (all), not if some are (any).": list(range(9)),
        "You find none: compare pixels, each held-out picture with every one of train (in a set or a dict, two "
        "tensors are never equal).": [],
        "Picture 6 has the same pixels in other places, so the same sum: compare pixel by pixel.": [1, 4, 5, 6, 8],
        "Picture 2 has the red of a training picture, but another green and blue: compare all of it.": [1, 2, 4, 5, 8],
        "Picture 3 differs in one value: only pictures that are equal in every pixel count here.": [1, 3, 4, 5, 8],
        "You stop at the first leak: is the return inside the loop?": [1],
        "Those are the pictures that do not leak: turn the condition round.": [0, 2, 3, 6, 7],
        "Held-out pictures 1 and 5 are equal, and both are in train: a dict over held_out keeps one of them.": [
            4,
            5,
            8,
        ],
    }
    if sorted(given) != given or len(set(given)) < len(given):
        raise CheckFailed("A place is listed once for every copy in train, or out of order: give each once, ascending.")
    diagnose(given, [1, 4, 5, 8], mistakes, f"The leaked pictures are 1, 4, 5 and 8, and you find {given}.")


@exercise("01.share_of_variants")
def share_of_variants(answer) -> None:
    """answer(rows): of the rows of captions.csv, which share has a skin tone?"""
    tones = ["", "", "", "", "", "dark", "dark", "medium-dark", "light", "light", "light", "medium"]
    rows = [{"skin_tone": tone, "name": "hand" if tone else "cat"} for tone in tones]
    value = as_number(call(answer, rows, shown="twelve rows, seven with a skin tone"), "The share")
    mistakes = {
        "That is how many: divide by the number of rows.": 7,
        "That is in percent: give a share between 0 and 1.": 700 / 12,
        "That is the share without a skin tone: turn the condition round.": 5 / 12,
        'You count all rows: the column is always there, and if there is no tone it is "", which is not None.': 1,
        "You divide the rows with a tone by those without: divide by all.": 7 / 5,
        "Whole division, //, rounds a share down to 0: use /.": 0,
        "You count the different tones: count the rows that have one.": 4 / 12,
        "You count one tone only: all tones count.": 2 / 12,
        "You count the tones with “dark” in their name only: all tones count.": 3 / 12,
    }
    diagnose(value, 7 / 12, mistakes, f"Seven of these twelve rows have a skin tone; yours is {value:.3f}.", 1e-6)
