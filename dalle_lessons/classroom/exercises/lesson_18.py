"""Checks of lesson 18: the parts of the student's own DALL·E, whatever they are made of.

Each takes the student's own file, untrained, and looks at what one part of it does: a world that repeats, text that
comes back, a choice that passes gradients, a mask that lets nobody look ahead, a loss that is the paper's sum, a
sampler that draws from the model, a checker that tells right from wrong. (`stage_one_18` and `stage_two_18` hold the
checks of the two networks.)
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor

from . import CheckFailed, as_number, call, describe, exercise
from . import stage_one_18 as stage_one_18
from . import stage_two_18 as stage_two_18
from .own_file_18 import pair, part_of, tokenizer_of, tokens, words_first, world_of

TRUE, TOLD = 200, 0.98  # pictures for the checker, and the share of true ones that it should pass
NOISE = 10 ** (-26 / 20)  # 26 dB: about what a small dVAE leaves on its pictures


@exercise("18.world")
def world(own: Any) -> None:
    """own.world(count, seed) -> pictures (count, 3, H, W) in [0, 1], and captions, a list of as many."""
    make = part_of(own, "world")
    first, again, other = (call(make, 12, seed, shown=f"12, {seed}") for seed in (0, 0, 1))
    for drawn in (first, again, other):
        pictures, captions = pair(drawn, "two things from your world: the pictures and their captions")
        if not isinstance(pictures, Tensor) or pictures.ndim != 4 or len(pictures) != 12 or pictures.shape[1] != 3:
            shape = describe(pictures)
            raise CheckFailed(f"The pictures should be a tensor of shape (12, 3, H, W), colors first, but are {shape}.")
        if not pictures.is_floating_point() or not 0 <= pictures.min() <= pictures.max() <= 1:
            raise CheckFailed("The pictures should be float numbers from 0 to 1: divide what PIL gives by 255.")
        if len(captions) != 12 or not all(isinstance(caption, str) and caption.strip() for caption in captions):
            raise CheckFailed("There should be a caption, a string with words in it, for each of the 12 pictures.")
    if not torch.equal(first[0], again[0]) or list(first[1]) != list(again[1]):
        raise CheckFailed("The same seed gave another world: draw all chance from one random.Random(seed).")
    if torch.equal(first[0], other[0]):
        raise CheckFailed("Another seed gave the same pictures: the seed is not used.")
    if len(first[0].unique(dim=0)) < 4 or len(set(first[1])) < 4:
        raise CheckFailed(
            "There are fewer than four different pictures or captions among twelve: there is little to learn."
        )


@exercise("18.checker")
def checker(own: Any) -> None:
    """own.right(picture, caption) -> bool: passes true pairs, and refuses pictures that do not show what is said."""
    right = part_of(own, "right")
    pictures, captions = world_of(own, TRUE, 7)

    def share(shown: Tensor, said: list[str]) -> float:
        passed = [
            call(right, picture, caption, shown="picture, caption")
            for picture, caption in zip(shown, said, strict=True)
        ]
        if not all(isinstance(value, (bool, int)) or getattr(value, "ndim", 1) == 0 for value in passed):
            raise CheckFailed(f"right should give True or False for one picture, but gives {describe(passed[0])}.")
        return sum(map(bool, passed)) / len(passed)

    found = share(pictures, captions)
    if found < TOLD:
        raise CheckFailed(
            f"Your checker passes {found:.0%} of {TRUE} true pictures: what it refuses there it would refuse of a "
            "perfect model. Look at those, and make it milder."
        )
    for name, blank in (("gray", pictures.new_full((20, *pictures.shape[1:]), 0.5)), ("black", pictures[:20] * 0)):
        if share(blank, captions[:20]) > 0.5:
            raise CheckFailed(f"Your checker passes {name} pictures: it should look for what the caption says.")
    moved = share(pictures.roll(1, dims=0), captions)
    if moved > 0.5:
        raise CheckFailed(
            f"Given another caption's picture, your checker still says True in {moved:.0%}: it hears too little of "
            "what a caption says."
        )
    noise = NOISE * torch.randn(pictures[:100].shape, generator=torch.Generator().manual_seed(0))
    drawn = share((pictures[:100] + noise).clamp(0, 1), captions[:100])
    if drawn < 0.8:
        raise CheckFailed(
            f"Your checker passes {found:.0%} of true pictures, but {drawn:.0%} of the same ones under a little noise "
            "(26 dB, about what a dVAE leaves): it would refuse good drawings. Compare the mean of a spot with all "
            "colors, and take the nearest."
        )
    _one_word(share, pictures, captions)


def _one_word(share: Any, pictures: Tensor, captions: list[str]) -> None:
    """Captions that differ in a single word, by that word and the one behind it: are some never told apart?"""
    ways: dict[tuple[str, ...], list[tuple[int, int]]] = {}  # (a word, another, the next one) -> (picture, caption)
    split = [caption.lower().split() for caption in captions]
    alike: dict[tuple, list[int]] = {}  # a caption with one word left out -> those that have a word there
    for i, words in enumerate(split):
        for n in range(len(words)):
            alike.setdefault((n, *words[:n], None, *words[n + 1 :]), []).append(i)
    for (n, *_), those in alike.items():
        for i, j in itertools.permutations(those, 2):
            if split[i][n] != split[j][n]:
                key = (*sorted((split[i][n], split[j][n])), *split[i][n + 1 : n + 2])
                ways.setdefault(key, []).append((i, j))
    tried = [pairs[:4] for pairs in ways.values() if len(pairs) >= 4]
    deaf = [pairs for pairs in tried if share(pictures[[i for i, _ in pairs]], [captions[j] for _, j in pairs]) == 1]
    if len(deaf) > max(2, len(tried) / 4):
        i, j = deaf[0][0]
        raise CheckFailed(
            f"It hears too little: a picture of “{captions[i]}” passes for “{captions[j]}” as well, and so it is with "
            f"{len(deaf)} of {len(tried)} ways to change one word. Look for each part that a caption can say."
        )


@exercise("18.tokenizer")
def tokenizer(own: Any) -> None:
    """own.Tokenizer(captions, c): encode(list) -> (B, T) int64, decode(rows) -> list, size: how many tokens."""
    captions = world_of(own, 64)[1]
    made = tokenizer_of(own, captions)
    captions = list(dict.fromkeys(captions))  # each once
    rows = tokens(call(made.encode, captions, shown="captions"), len(captions), "What encode gives")
    back = call(made.decode, rows, shown="rows")
    for caption, found in zip(captions, back, strict=False):
        if str(found).split() != caption.lower().split():
            shown = "".join(letter if letter.isprintable() else "�" for letter in str(found))
            raise CheckFailed(f"What goes in should come out: “{caption}” came back as “{shown}”.")
    if len(back) != len(captions):
        raise CheckFailed(f"{len(captions)} captions went in, and {len(back)} came back.")
    alone = tokens(call(made.encode, captions[:1], shown="one caption"), 1, "What encode gives")
    if alone.shape[1] != rows.shape[1] or not torch.equal(alone[0], rows[0]):
        raise CheckFailed("A caption alone and in a list should give the same row: pad to one fixed length T.")
    words = words_first(captions)[:8]
    short = tokens(call(made.encode, words, shown="single words"), len(words), "What encode gives")
    until = [_said_at(made, row, word) for row, word in zip(short, words, strict=True)]
    every = torch.cat((rows, short))
    if len(every[:, 0].unique()) > 1 or (every == every[0, 0]).sum(dim=1).max() > 1:
        raise CheckFailed(
            "Rows should begin with the same token, start of text, which occurs nowhere else: the first word is "
            "predicted from it."
        )
    for row, end, word in zip(short, until, words, strict=True):
        if len(row[end + 1 :].unique()) > 1:  # an end of text may stand before them
            raise CheckFailed(f"Behind “{word}” there should be one and the same token, PAD, up to the end of the row.")
    size = as_number(made.size, "size")
    if size <= int(every.max()):
        raise CheckFailed(f"size is {size:.0f}, but there is a token {int(every.max())}: count the special tokens too.")
    try:
        made.encode([" ".join(captions * 50)])
    except ValueError:
        return
    except Exception as error:
        raise CheckFailed(f"A caption that is too long should raise ValueError, not {type(error).__name__}.") from None
    raise CheckFailed("A caption that is far too long was cut in silence: raise a ValueError that says so.")


def _said_at(made: Any, row: Tensor, word: str) -> int:
    """After how many tokens a row (T,) has said its one word; a Mistake if only the last one does."""
    beginnings = [call(made.decode, row[None, :k], shown="the first tokens")[0] for k in range(1, len(row) + 1)]
    said = [str(text).strip() for text in beginnings]
    until = said.index(word) + 1 if word in said else len(row)
    if until == len(row):
        raise CheckFailed(
            f"The row of “{word}” says it only with its last token: pads stand in front. Put them behind the caption, "
            "so that each word keeps its slot, however long the caption is."
        )
    return until
