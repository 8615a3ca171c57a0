"""Checks of lesson 05: the most frequent pair, and a merge applied."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from . import Mistake, call, describe, exercise


def as_pair(value, what: str) -> tuple[int, ...]:
    try:
        pair = tuple(int(v) for v in value)
    except (TypeError, ValueError):
        raise Mistake(f"{what} should be a pair of token numbers, and it is {describe(value)}.") from None
    if len(pair) != 2:
        raise Mistake(f"{what} should be a pair, two numbers; this has {len(pair)}.")
    return pair


@exercise("05.most_frequent_pair")
def most_frequent_pair(answer) -> None:
    """answer(words): {tuple of tokens: how often the word occurs} -> the most frequent pair; of equals the smallest."""
    words = {(1, 2, 3): 2, (7, 8): 9, (1, 2, 9): 2, (1, 2): 3, (5, 6, 5, 6, 5, 6, 5): 2, (4,): 50, (0, 3): 1}
    # 7-8: 9 times; 1-2: 7; 5-6: 6; 6-5: 6. Counted once a word: 1-2: 3. The frequent single token 4 has no pair.
    pair = as_pair(call(answer, dict(words), shown="words"), "The answer")
    plain = Counter(p for word in words for p in pairwise(word))
    if pair == (7, 8):
        pass
    elif pair == plain.most_common(1)[0][0]:
        raise Mistake("You count each word once: a word that occurs 9 times counts 9 times.")
    elif pair == (8, 7):
        raise Mistake("The pair is turned round: the left token comes first.")
    elif pair == (4, 4) or 4 in pair:
        raise Mistake("Single tokens are counted: count two that stand next to each other.")
    elif pair == (0, 3):
        raise Mistake("You take the smallest pair: take the most frequent one, and the smallest only among equals.")
    else:
        raise Mistake(f"The most frequent pair is (7, 8), 9 times; yours is {pair}.")
    pair = as_pair(call(answer, {(5, 6, 5, 6): 2, (9, 9): 3}, shown="a word with a pair twice"), "The answer")
    if pair != (5, 6):
        raise Mistake("A pair that stands twice in a word counts twice: (5, 6) occurs 4 times in {(5, 6, 5, 6): 2}.")
    pair = as_pair(call(answer, {(8, 1): 3, (2, 9): 3, (2, 7): 3}, shown="three pairs, equally often"), "The answer")
    if pair == (8, 1):
        raise Mistake("Of equally frequent pairs the smallest is wanted, here (2, 7), not the first that was seen.")
    if pair != (2, 7):
        raise Mistake(f"Of equally frequent pairs the smallest is wanted: (2, 7), not {pair}.")


@exercise("05.merge")
def merge(answer) -> None:
    """answer(word, pair, new): every occurrence of the pair, from the left, becomes the token `new`."""
    cases = (
        ((1, 2, 3), (1, 2), 9, (9, 3)),
        ((3, 1, 2), (1, 2), 9, (3, 9)),
        ((1, 2, 1, 2), (1, 2), 9, (9, 9)),
        ((1, 1, 1), (1, 1), 9, (9, 1)),
        ((2, 1), (1, 2), 9, (2, 1)),
        ((5,), (1, 2), 9, (5,)),
    )
    for word, pair, new, truth in cases:
        given = call(answer, word, pair, new, shown=f"{word}, {pair}, {new}")
        try:
            given = tuple(int(v) for v in given)
        except (TypeError, ValueError):
            raise Mistake(f"The merged word should be a row of token numbers, and it is {describe(given)}.") from None
        if given == truth:
            continue
        if given == word and truth != word:
            raise Mistake("The word comes back unchanged: put the new token where the pair stood.")
        if word == (1, 1, 1):
            raise Mistake("(1, 1, 1) with (1, 1) -> 9 is (9, 1): go from the left, and use no token twice.")
        if given == (9, 1, 2):
            raise Mistake("Only the first occurrence is merged: merge them all.")
        if word == (2, 1):
            raise Mistake("The order counts: (2, 1) is not the pair (1, 2).")
        if len(given) == len(word) or (len(given) > len(truth) and 9 in given):
            raise Mistake("The new token takes the place of both: the word gets shorter by one for each merge.")
        if word[-1] == 3 or word == (5,):
            raise Mistake(f"Something at the end is lost: {word} should become {truth}, and yours is {given}.")
        raise Mistake(f"{word} with {pair} -> {new} should become {truth}, and yours is {given}.")
