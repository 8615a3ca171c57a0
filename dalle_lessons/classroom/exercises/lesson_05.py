"""Checks of lesson 05: the most frequent pair, and a merge applied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import combinations, pairwise

from . import CheckFailed, call, describe, exercise


def as_pair(value) -> tuple[int, ...]:
    if isinstance(value, tuple | list) and len(value) == 2 and isinstance(value[0], tuple | list):
        raise CheckFailed("You give the count as well: the pair alone is wanted, two token numbers.")
    try:
        pair = tuple(int(v) for v in value)
    except (TypeError, ValueError):
        raise CheckFailed(f"The answer should be a pair of token numbers, and it is {describe(value)}.") from None
    if len(pair) != 2:
        raise CheckFailed(f"The answer should be a pair, two numbers; this has {len(pair)}.")
    if not isinstance(value, tuple):
        raise CheckFailed(f"The pair should be a tuple, as it stands in the words, and it is {describe(value)}.")
    return pair


def count(words: dict, pairs_of: Callable[..., Iterable] = pairwise, weigh: bool = True) -> Counter:
    counts = Counter()
    for word, times in words.items():
        for pair in pairs_of(word):
            counts[pair] += times if weigh else 1
    return counts


def most(counts: Counter):
    return min(counts, key=lambda pair: (-counts[pair], pair))


@exercise("05.most_frequent_pair")
def most_frequent_pair(answer) -> None:
    """answer(words): {tuple of tokens: how often the word occurs} -> the most frequent pair; of equals the smallest."""
    some = {(1, 3, 4, 7, 4, 3): 4, (4, 6, 4, 6): 2, (1, 2, 5): 4, (4, 5, 7, 5, 5, 7): 4, (3, 6, 3, 2, 4): 6}
    more = {(4, 5, 2): 2, (2, 3, 2, 1, 1, 6): 5, (2, 6, 3, 6, 3): 3, (2, 5, 2): 2, (4,): 50}
    shared = {(1, 2, 3): 2, (1, 2, 4): 2, (5, 6, 7): 3}
    equals = {(3, 8, 1): 3, (4, 2, 9): 3, (5, 2, 7): 3}
    mistakes = {  # what a misunderstanding makes of the words
        "You count each word once: a word that occurs 9 times counts 9 times.": lambda w: most(count(w, weigh=False)),
        "The last pair of each word is missed: a word of n tokens has n - 1 pairs.": lambda w: most(
            count(w, lambda word: pairwise(word[:-1]))
        ),
        "You take every second pair only: (6, 1, 2) holds (6, 1) and (1, 2), too.": lambda w: most(
            count(w, lambda word: zip(word[::2], word[1::2], strict=False))
        ),
        "A pair that stands twice in a word counts twice: (5, 6, 5, 6) holds (5, 6) two times.": lambda w: most(
            count(w, lambda word: set(pairwise(word)))
        ),
        "You count tokens that are not neighbors: a pair stands side by side.": lambda w: most(
            count(w, lambda word: combinations(word, 2))
        ),
        "The order counts: (1, 2) and (2, 1) are two pairs, not one.": lambda w: most(
            count(w, lambda word: (tuple(sorted(pair)) for pair in pairwise(word)))
        ),
        "You count pairs across the border of two words: a pair lies within a word.": lambda w: most(
            count({tuple(token for word, times in w.items() for token in word * times): 1})
        ),
        "You overwrite the count of a pair when another word has it too: add to it.": lambda w: most(
            Counter({pair: times for word, times in w.items() for pair in pairwise(word)})
        ),
        "Those are the two most frequent tokens: count two that stand next to each other.": lambda w: tuple(
            sorted((c := count(w, tuple)), key=lambda token: (-c[token], token))[:2]
        ),
        "That is the rarest pair: the most frequent is wanted.": lambda w: min(
            (c := count(w)), key=lambda pair: (c[pair], pair)
        ),
        "You take the smallest pair: take the most frequent one, and the smallest only among equals.": lambda w: min(
            count(w)
        ),
        "The pair is turned round: the left token comes first.": lambda w: most(count(w))[::-1],
        "Of equally frequent pairs you take the largest: the smallest is wanted, here (2, 7).": lambda w: max(
            (c := count(w)), key=lambda pair: (c[pair], pair)
        ),
        "Of equally frequent pairs you take the one that was met first: the smallest is wanted, here (2, 7).": (
            lambda w: count(w).most_common(1)[0][0]
        ),
    }
    cases = {
        "some words": some,
        "other words": more,
        "words that share a pair": shared,
        "six pairs, equally often": equals,
    }
    given = [as_pair(call(answer, dict(words), shown=name)) for name, words in cases.items()]
    truth = [most(count(words)) for words in cases.values()]
    if given != truth:
        for sentence, wrong in mistakes.items():
            if given == [wrong(words) for words in cases.values()]:
                raise CheckFailed(sentence)
        words, right, yours = next(
            case for case in zip(cases.values(), truth, given, strict=True) if case[1] != case[2]
        )
        raise CheckFailed(
            f"Of {words} the most frequent pair is {right}, {count(words)[right]} times; yours is {yours}."
        )


@exercise("05.merge")
def merge(answer) -> None:
    """answer(word, pair, new): every occurrence of the pair, from the left, becomes the token `new`; a tuple."""
    shorter = "The new token takes the place of both: the word gets shorter by one for each merge"
    cases: tuple[
        tuple[tuple[int, ...], tuple[int, int], tuple[int, ...], dict[tuple[int, ...], str]], ...
    ] = (  # word, pair, what it becomes, {another answer: its misunderstanding}
        (
            (1, 2, 7),
            (1, 2),
            (9, 7),
            {
                (1, 2, 7): "The word comes back unchanged: put the new token where the pair stood.",
                (9, 9, 7): f"You replace each token of the pair by itself. {shorter}.",
                (9, 2, 7): f"The second token of the pair stays. {shorter}.",
                (1, 9, 2, 7): f"You put the new token in and keep both old ones. {shorter}.",
                (9,): "Something at the end is lost: a last token that is in no pair stays as it is.",
                (3, 7): "You put the sum of the two tokens in: the new token is `new`.",
                (7,): "You take the pair out and put nothing in: the new token takes its place.",
            },
        ),
        (
            (7, 1, 2),
            (1, 2),
            (7, 9),
            {(7, 1, 2): "You look at every second place only: a pair may begin anywhere, here at the second token."},
        ),
        ((1, 2, 1, 2), (1, 2), (9, 9), {(9, 1, 2): "Only the first occurrence is merged: merge them all."}),
        (
            (1, 1, 1),
            (1, 1),
            (9, 1),
            {
                (1, 9): "You go from the right: from the left, (1, 1, 1) with (1, 1) -> 9 becomes (9, 1).",
                (9, 9): "You use the middle token of (1, 1, 1) for two pairs: pairs do not overlap, so it is (9, 1).",
            },
        ),
        ((2, 1), (1, 2), (2, 1), {(9,): "The order counts: (2, 1) is not the pair (1, 2)."}),
        ((5,), (1, 2), (5,), {}),
        ((), (1, 2), (), {}),
    )
    for word, pair, truth, mistakes in cases:
        given = call(answer, word, pair, 9, shown=f"{word}, {pair}, 9")
        try:
            row = tuple(int(v) for v in given)
        except (TypeError, ValueError):
            raise CheckFailed(
                f"The merged word should be a row of token numbers, and it is {describe(given)}."
            ) from None
        if row != truth:
            otherwise = f"{word} with {pair} -> 9 should become {truth}, and yours is {row}."
            raise CheckFailed(mistakes.get(row, otherwise))
        if not isinstance(given, tuple):
            raise CheckFailed(
                f"You give {describe(given)}, which cannot be a key of a dictionary of words: give a tuple."
            )
