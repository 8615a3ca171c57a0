"""Checks of lesson 01: find the leak, count what dominates."""

from __future__ import annotations

import torch

from . import Mistake, as_number, call, describe, diagnose, exercise


@exercise("01.leaks")
def leaks(answer) -> None:
    """answer(train, held_out): uint8 pictures (N, 3, H, W), (M, 3, H, W) -> which of held_out are in train."""
    generator = torch.Generator().manual_seed(0)
    train = torch.randint(0, 256, (12, 3, 4, 4), dtype=torch.uint8, generator=generator)
    held_out = torch.randint(0, 256, (6, 3, 4, 4), dtype=torch.uint8, generator=generator)
    held_out[1], held_out[4] = train[7], train[0]
    held_out[3] = train[2]
    held_out[3, 0, 0, 0] ^= 1  # nearly the same is not the same
    given = call(answer, train, held_out, shown="train, held_out")
    try:
        found = sorted({int(i) for i in (given.flatten().tolist() if isinstance(given, torch.Tensor) else given)})
    except TypeError:
        if isinstance(given, bool | int):
            raise Mistake(
                "You say whether, or how many: give the places of the held-out pictures, as a list."
            ) from None
        raise Mistake(f"The answer should be a list of places, and it is {describe(given)}.") from None
    if isinstance(given, torch.Tensor) and given.dtype == torch.bool:
        raise Mistake("You give True and False for each picture: give the places where it is True.")
    if found == [1, 4]:
        return
    if found == [0, 7]:
        raise Mistake("Those are the places in train: the places in held_out are asked for.")
    if found == [1, 3, 4]:
        raise Mistake("Picture 3 differs in one value: only pictures that are equal in every pixel count here.")
    if found == []:
        raise Mistake("You find none, but two are there: compare each held-out picture with every one of train.")
    if found == list(range(6)):
        raise Mistake("You find all: a picture counts if all its pixels are equal (all), not if some are (any).")
    raise Mistake(f"The leaked pictures are 1 and 4, and you find {found}: compare whole pictures, each with each.")


@exercise("01.share_of_variants")
def share_of_variants(answer) -> None:
    """answer(rows): of the rows of captions.csv, which share has a skin tone?"""
    rows = [{"skin_tone": tone, "name": name} for tone, name in (("", "cat"), ("dark", "hand"), ("light", "hand"))]
    rows += [{"skin_tone": "", "name": "red apple"}, {"skin_tone": "dark", "name": "hand"}]
    value = as_number(call(answer, rows, shown="five rows, three with a skin tone"), "The share")
    mistakes = {
        "That is how many: divide by the number of rows.": 3.0,
        "That is in percent: give a share between 0 and 1.": 60.0,
        "That is the share without a skin tone: turn the condition round.": 0.4,
        "You count all rows: an empty skin_tone means none.": 1.0,
        "You divide the rows with a tone by those without: divide by all.": 1.5,
    }
    diagnose(value, 0.6, mistakes, f"Three of these five rows have a skin tone, so 0.6; yours is {value:.3f}.", 1e-6)
