"""Checks of lesson 01: find the leak, draw from memory, see whose ink it is, choose what dominates."""

from __future__ import annotations

import torch
from torch import Tensor

from . import CheckFailed, as_number, as_tensor, call, describe, diagnose, exercise
from .every_pair import compares_every_pair

EVERY_PAIR = (
    "It finds the right ones, but compares every held-out picture with every one of train: this lesson has over 20 "
    "million such pairs, which takes many minutes, or more memory than you have. What of a picture can be looked up in "
    "a set or a dict?"
)


@exercise("01.leaks")
def leaks(answer) -> None:
    """answer(train, held_out): uint8 pictures (N, 3, H, W), (M, 3, H, W) -> which of held_out are in train."""
    generator = torch.Generator().manual_seed(0)
    train = torch.randint(0, 256, (12, 3, 4, 4), dtype=torch.uint8, generator=generator)
    held_out = torch.randint(0, 256, (11, 3, 4, 4), dtype=torch.uint8, generator=generator)
    train[9] = train[7]  # twice in train
    held_out[1], held_out[4], held_out[5], held_out[8] = train[7], train[0], train[7], train[8]  # 1 and 5 are equal
    held_out[0] = train[6].roll(1, 0)  # the same in other colors
    held_out[2, 0] = train[5, 0]  # the same red
    held_out[3] = train[2]
    held_out[3, 0, 0, 0] ^= 1  # nearly the same
    held_out[6] = train[3].flip(-1)  # the same pixels in other places
    held_out[10] = held_out[9]  # equal, but in train is neither
    given = call(answer, train, held_out, shown="train, held_out")
    if isinstance(given, bool | int) or (isinstance(given, torch.Tensor) and given.ndim == 0):
        raise CheckFailed("You say whether, or how many: give the places of the held-out pictures, as a list.")
    if isinstance(given, set | dict):
        raise CheckFailed(
            f"Later cells take the first few of the places, and {describe(given)} has no order: give a list."
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
        "You find all: a picture counts if all its pixels are equal (all), not if some are (any).": list(range(11)),
        "You find none: compare pixels, each held-out picture with every one of train (in a set or a dict, two "
        "tensors are never equal).": [],
        "Pictures 0 and 6 have the same values in other places, so the same sum: keep where each value stands.": [
            *(0, 1, 4, 5, 6, 8)
        ],
        "Picture 6 has the same pixels in other places: keep where each pixel stands.": [1, 4, 5, 6, 8],
        "Picture 0 has red, green and blue exchanged, so the same mean over colors: compare all three.": [
            *(0, 1, 4, 5, 8)
        ],
        "Picture 2 has the red of a training picture, but another green and blue: compare all of it.": [1, 2, 4, 5, 8],
        "Picture 3 differs in one value: only pictures that are equal in every pixel count here.": [1, 3, 4, 5, 8],
        "You stop at the first leak: is the return inside the loop?": [1],
        "Those are the pictures that do not leak: turn the condition round.": [0, 2, 3, 6, 7, 9, 10],
        "Held-out pictures 9 and 10 are equal to each other, but train has neither: compare with train alone.": [
            *(1, 4, 5, 8, 9, 10)
        ],
        "Held-out pictures 1 and 5 are equal, and both are in train: a dict over held_out keeps one of them.": [
            4,
            5,
            8,
        ],
    }
    if sorted(given) != given or len(set(given)) < len(given):
        raise CheckFailed("A place is listed once for every copy in train, or out of order: give each once, ascending.")
    diagnose(given, [1, 4, 5, 8], mistakes, f"The leaked pictures are 1, 4, 5 and 8, and you find {given}.")
    if compares_every_pair(answer):
        raise CheckFailed(EVERY_PAIR)


CAPTIONS = (
    "a sketch of a cat",
    "a cartoon of a waving hand: dark skin tone",
    "a cartoon of a waving hand: light skin tone",
    "a sketch of a waving hand",
    "a cartoon of a rocket",
    "a sketch of a man: bald",
    "a sketch of a man: light skin tone, beard",
    "a sketch of a dog house",
    "a sketch of a dog",
)
ASKED = (
    "a cartoon of a waving hand: medium skin tone",
    "a cartoon of a cat",
    "a sketch of a waving hand: dark skin tone",
    "a sketch of a cat",
    "a cartoon of a waving hand",
    "a sketch of a man",
    "a cartoon of a rocket ship",
    "a sketch of a dog",
)


@exercise("01.from_memory")
def from_memory(answer) -> None:
    """answer(captions, asked): for each caption asked, the first of captions that is the same up to the colon."""
    given = call(answer, list(CAPTIONS), list(ASKED), shown="captions, asked")
    if not isinstance(given, list | tuple):
        raise CheckFailed(f"Give a list with an entry for each caption that is asked, not {describe(given)}.")
    given = list(given)
    if any(isinstance(found, str) for found in given):
        raise CheckFailed("You give captions: give the index of the caption, by which its picture is found.")
    if any(isinstance(found, list | tuple | set) for found in given):
        raise CheckFailed("You give all that fit: a memory draws one picture, that of the first.")
    if any(isinstance(found, bool) for found in given):
        raise CheckFailed("You say whether something fits: give the index of the first that does.")
    if len(given) != len(ASKED):
        raise CheckFailed(
            f"Eight captions are asked, and you give {len(given)} entries: where nothing fits, the entry is None."
        )
    if -1 in given:
        raise CheckFailed("Where nothing fits, give None: -1 would be the last picture.")
    known = {
        "You compare whole captions: what follows the colon is a detail, and is left out on both sides.": [
            *(None, None, None, 0, None, None, None, 8)
        ],
        "You cut what is asked at the colon, but not the captions that are remembered, or the other way round.": [
            *(None, None, 3, 0, None, None, None, 8)
        ],
        "Two training captions can be the same up to the colon: the first counts, and yours keeps the last.": [
            *(2, None, 3, 0, 2, 6, None, 8)
        ],
        "The style is a part of what is asked: a cartoon is not right where a sketch is asked.": [
            *(1, 0, 1, 0, 1, 5, None, 8)
        ],
        "A rocket ship is no rocket: compare with ==, or by a key of a dict, not with `in` or `startswith`.": [
            *(1, None, 3, 0, 1, 5, 4, 8)
        ],
        "Where nothing fits you give 0, and 0 is a picture: give None.": [1, 0, 3, 0, 1, 5, 0, 8],
        "Index 0 is a picture too: `or` and a bare `if` take 0 for nothing, so ask `is None`.": [
            *(1, None, 3, None, 1, 5, None, 8)
        ],
    }
    for sentence, wrong in known.items():
        if given == wrong:
            raise CheckFailed(sentence)
    if given[-1] == 7:
        raise CheckFailed(
            "A dog house is no dog: compare with ==, or by a key of a dict, not with `in` or `startswith`."
        )
    for asked, found, truth in zip(ASKED, given, [1, None, 3, 0, 1, 5, None, 8], strict=True):
        if found != truth:
            raise CheckFailed(f"For “{asked}” the answer is {truth}, and yours is {found}.")


def _ink(pictures: Tensor) -> Tensor:
    return (pictures < 128).all(1)


@exercise("01.ink_seen")
def ink_seen(answer) -> None:
    """answer(sketches, others): uint8 (N, 3, H, W) twice -> of each sketch, the share of its ink that is ink there."""
    generator = torch.Generator().manual_seed(1)
    sketches = torch.randint(0, 256, (4, 3, 6, 6), dtype=torch.uint8, generator=generator)
    others = torch.randint(0, 256, (4, 3, 6, 6), dtype=torch.uint8, generator=generator)
    sketches, others = (torch.where(torch.rand(4, 1, 6, 6, generator=generator) < 0.5, p // 2, p)
                        for p in (sketches, others))  # fmt: skip
    sketches[:, :, 0, 0] = 128  # just no ink any more
    given = call(answer, sketches, others, shown="sketches, others")
    wrong_shapes = {
        (): "One number for all sketches: sum over height and width alone, not over the pictures.",
        (4, 3): "You have one share a channel: a pixel is ink if all three channels are dark, so `all(1)` comes first.",
        (4, 6, 6): "You say for each pixel whether it is seen: count them, for each sketch.",
        (4, 6): "You sum over one side of the picture: sum over height and width.",
    }
    value = as_tensor(given, (4,), "The share", wrong_shapes).double()
    a, b = _ink(sketches), _ink(others)

    def share(top: Tensor, bottom: Tensor) -> Tensor:
        return top.flatten(1).sum(1) / bottom.flatten(1).sum(1)

    any_a, any_b = ((p < 128).any(1) for p in (sketches, others))
    mean_a, mean_b = (p.float().mean(1) < 128 for p in (sketches, others))
    sum_a, sum_b = (p.sum(1) < 128 for p in (sketches, others))
    upto_a, upto_b = ((p <= 128).all(1) for p in (sketches, others))
    truth = share(a & b, a)
    mistakes = {
        "A channel of 128 is not below 128: < in place of <=.": share(upto_a & upto_b, upto_a),
        "You add the three channels up: a pixel is ink if each of them is below 128.": share(sum_a & sum_b, sum_a),
        "All shares are the same, taken over all sketches at once: count the ink of each sketch alone.": (
            (a & b).sum() / a.sum()
        ).expand(4),
        "You divide by the ink of the other picture: by the sketch's own, since its lines are asked for.": share(
            a & b, b
        ),
        "You divide by the ink of both together: by the sketch's own alone.": share(a & b, a | b),
        "You divide by all pixels: by the sketch's ink alone.": share(a & b, torch.ones_like(a)),
        "That is how many pixels: divide by the sketch's ink.": share(a & b, a[:, :1, :1] | True),
        "That is in percent: give a share between 0 and 1.": 100 * truth,
        "One dark channel is not ink: red is dark in green and blue. Ask for all three.": share(any_a & any_b, any_a),
        "You take the mean over the channels, by which pure red is ink: ask that all three are dark.": share(
            mean_a & mean_b, mean_a
        ),
        "You count each channel by itself: a pixel is ink if all three are dark (`all(1)`).": share(
            (sketches < 128) & (others < 128), sketches < 128
        ),
        "That is the share that is new: turn it round.": 1 - truth,
        "You count what is white in both: ink is dark, below 128.": share(~a & ~b, ~a),
        "You count where both are the same, white included: count ink of the sketch alone.": share(
            a == b, torch.ones_like(a)
        ),
    }
    shown = ", ".join(f"{x:.2f}" for x in truth.tolist())
    diagnose(value, truth, mistakes, f"For these four sketches the shares are {shown}; yours are others.", 1e-5)


@exercise("01.tone_weight")
def tone_weight(answer) -> None:
    """answer(rows, share): the weight of a row with a skin tone, so that these make up `share` of what is sampled."""
    for tones, share in ((7, 0.2), (7, 0.5), (3, 0.1)):
        rows = [{"skin_tone": ("dark", "light")[i % 2] if i < tones else "", "name": "x"} for i in range(12)]
        shown = f"twelve rows, {tones} with a skin tone, {share}"
        value = as_number(call(answer, rows, share, shown=shown), "The weight")
        others = 12 - tones
        mistakes = {
            "That is the share itself: with this weight their share would be another, since it depends on how many "
            "rows there are of each kind.": share,
            "You divide the share that is wanted by the share they have: but if they weigh less, the whole weighs less "
            "too.": share * 12 / tones,
            "You leave out how many rows there are of each kind.": share / (1 - share),
            "That is what all of them together should weigh: divide by how many they are.": share
            * others
            / (1 - share),
            "You count the different skin tones: count the rows that have one.": share * 10 / ((1 - share) * 2),
            "You count the different skin tones, and none as one of them: count the rows that have one.": (
                share * 9 / ((1 - share) * 3)
            ),
            "You have exchanged those with a tone and those without.": share * tones / ((1 - share) * others),
            "With this weight the others would have that share: turn the share round.": (1 - share)
            * others
            / (share * tones),
            "That is the share of rows that have a skin tone: which weight gives the share that is wanted?": tones / 12,
            "Your weight makes them as many as the others, whatever share is wanted: use `share`.": others / tones,
        }
        truth = share * others / ((1 - share) * tones)
        if share == 0.5:  # here several of them are the same as the truth
            mistakes = {}
        reached = value * tones / (value * tones + others) if value * tones + others else 0.0
        otherwise = (
            f"With weight {value:.3f}, {tones} rows with a tone make up {reached:.3f} of what is sampled beside "
            f"{others} without, and {share} is wanted."
        )
        diagnose(value, truth, mistakes, otherwise, 1e-6)
