"""Byte-pair encoding and what it is mistaken for, for the checks of lesson 05."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import pairwise

#: The merges, in the order in which they were learned: ((left token, right token), new token).
Learned = list[tuple[tuple[int, int], int]]


def count(words: dict, pairs_of: Callable[..., Iterable] = pairwise, weigh: bool = True) -> Counter:
    counts = Counter()
    for word, times in words.items():
        for pair in pairs_of(word):
            counts[pair] += times if weigh else 1
    return counts


def most(counts: Counter):
    return min(counts, key=lambda pair: (-counts[pair], pair))


def apply(word: tuple[int, ...], pair: tuple[int, int], new: int, first_only: bool = False) -> tuple[int, ...]:
    """The word with the pair replaced, from the left."""
    out, i, done = [], 0, False
    while i < len(word):
        if word[i : i + 2] == pair and not (first_only and done):
            out.append(new)
            i, done = i + 2, True
        else:
            out.append(word[i])
            i += 1
    return tuple(out)


def in_order(word: tuple[int, ...], learned: Iterable, first_only: bool = False) -> tuple[int, ...]:
    for pair, new in learned:
        word = apply(word, pair, new, first_only)
    return word


def longest_first(word: tuple[int, ...], learned: Learned, from_right: bool = False) -> tuple[int, ...]:
    """From one end, each time the longest piece that fits."""
    spelled: dict[int, tuple[int, ...]] = {}

    def spell(token: int) -> tuple[int, ...]:
        return spelled.get(token, (token,))

    for (left, right), new in learned:
        spelled[new] = spell(left) + spell(right)
    out: list[int] = []
    while word:
        fitting = {
            new: letters
            for new, letters in spelled.items()
            if (word[-len(letters) :] if from_right else word[: len(letters)]) == letters
        }
        best = max(fitting, key=lambda new: len(fitting[new]), default=word[-1] if from_right else word[0])
        size = len(spell(best))
        word, out = (word[:-size], [best, *out]) if from_right else (word[size:], [*out, best])
    return tuple(out)


def leftmost_first(word: tuple[int, ...], learned: Learned) -> tuple[int, ...]:
    """Again and again the first pair from the left that was learned at all."""
    known = dict(learned)
    while found := [i for i in range(len(word) - 1) if (word[i], word[i + 1]) in known]:
        i = found[0]
        word = (*word[:i], known[word[i], word[i + 1]], *word[i + 2 :])
    return word


def until_one_fails(word: tuple[int, ...], learned: Learned) -> tuple[int, ...]:
    """Merge after merge, up to the first whose pair does not stand in the word."""
    for pair, new in learned:
        merged = apply(word, pair, new)
        if merged == word:
            break
        word = merged
    return word


def first_that_fits(word: tuple[int, ...], learned: Learned) -> tuple[int, ...]:
    """One merge, and done."""
    return next((apply(word, pair, new) for pair, new in learned if apply(word, pair, new) != word), word)
