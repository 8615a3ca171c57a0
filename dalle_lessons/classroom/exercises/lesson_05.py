"""Checks of lesson 05: the most frequent pair, a merge applied, a word encoded, tokens decoded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import combinations, pairwise

from . import CheckFailed, call, describe, exercise
from .bpe import Learned, count, first_that_fits, in_order, leftmost_first, longest_first, most, until_one_fails

PAST_THE_END = "You look one token past the end of the word: its last token has no neighbor to the right."


def call_on_words(answer: Callable, *arguments, shown: str):
    """`call`, with a sentence of its own for an index behind a word's end."""
    try:
        return call(answer, *arguments, shown=shown)
    except CheckFailed as failed:
        if "IndexError" in str(failed):
            raise CheckFailed(PAST_THE_END) from None
        raise


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
    given = [as_pair(call_on_words(answer, dict(words), shown=name)) for name, words in cases.items()]
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


def as_row(given, what: str) -> tuple[int, ...]:
    """What should be a word's tokens -> a tuple of them; else a CheckFailed."""
    try:
        return tuple(int(v) for v in given)
    except (TypeError, ValueError):
        raise CheckFailed(f"{what} should be a sequence of token numbers, and it is {describe(given)}.") from None


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
                (1, 2, 9, 7): f"You put the new token in and keep both old ones. {shorter}.",
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
        (
            (11, 2, 3),
            (1, 2),
            (11, 2, 3),
            {
                (19, 3): "You join digits: as text “11 2” holds “1 2”, but the token 11 is not the token 1.",
                (1, 9, 3): "You join digits: as text “112” holds “12”, but the token 11 is not the token 1.",
            },
        ),
        (
            (7, 1, 2, 30),
            (1, 2),
            (7, 9, 30),
            {(7, 9, 3, 0): "You take 30 apart into 3 and 0: a token is one number, however many digits it has."},
        ),
    )
    for word, pair, truth, mistakes in cases:
        given = call_on_words(answer, word, pair, 9, shown=f"{word}, {pair}, 9")
        row = as_row(given, "The merged word")
        if row != truth:
            otherwise = f"{word} with {pair} -> 9 should become {truth}, and yours is {row}."
            raise CheckFailed(mistakes.get(row, otherwise))
        if not isinstance(given, tuple):
            raise CheckFailed(
                f"You give {describe(given)}, which cannot be a key of a dictionary of words: give a tuple."
            )


@exercise("05.encode")
def encode(answer) -> None:
    """answer(word, learned): the merges [((token, token), new), …] applied to the word's bytes, in order."""
    merges: Learned = [((2, 3), 256), ((1, 2), 257), ((256, 4), 258), ((257, 3), 259), ((5, 5), 260), ((258, 6), 261)]
    other: Learned = [((1, 2), 256), ((2, 3), 257), ((256, 257), 258), ((4, 1), 259), ((257, 4), 260)]
    inner: Learned = [((3, 4), 256), ((2, 3), 257), ((2, 256), 258)]  # leftmost first never comes to 258
    words = ((1, 2, 3), (1, 2, 3, 4, 6), (5, 5, 5, 2, 3), (2, 3, 4, 2, 3, 4), (1, 2, 2, 3), (4, 1, 2, 3, 4), (7,), ())
    cases = [(word, learned) for learned in (merges, other, inner) for word in words]
    mistakes: dict[str, Callable[[tuple[int, ...], Learned], tuple[int, ...]]] = {
        "The bytes come back as they were: join the pairs that were learned.": lambda word, learned: word,
        "You take the longest piece that fits, from the left: does it cut the training words as `cut` has them?": (
            longest_first
        ),
        "You take the longest piece that fits, from the right: learning went by the order of merges, not by length.": (
            lambda word, learned: longest_first(word, learned, from_right=True)
        ),
        "You apply the merges from the last learned to the first: later ones build on earlier ones.": (
            lambda word, learned: in_order(word, reversed(learned))
        ),
        "You join the leftmost pair that was ever learned: of all pairs in the word, the first learned goes first.": (
            leftmost_first
        ),
        "You stop after the first merge that fits: go on through all of them.": first_that_fits,
        "You stop at the first merge that finds no pair in the word: pass over it, and go on with the next.": (
            until_one_fails
        ),
        "You apply each merge at one place only: a pair may stand in the word several times.": (
            lambda word, learned: in_order(word, learned, first_only=True)
        ),
        "The last merge that was learned is left out.": lambda word, learned: in_order(word, learned[:-1]),
        "The first merge that was learned is left out.": lambda word, learned: in_order(word, learned[1:]),
    }
    given = []
    for word, learned in cases:
        result = call_on_words(answer, word, list(learned), shown=f"{word}, learned")
        row = as_row(result, "The encoded word")
        if not isinstance(result, tuple):
            raise CheckFailed(
                f"The encoded word should be a tuple of tokens, as `merge` gives it, not {describe(result)}."
            )
        given.append(row)
    truth = [in_order(word, learned) for word, learned in cases]
    if given == truth:
        return
    for sentence, wrong in mistakes.items():
        if given == [wrong(word, learned) for word, learned in cases]:
            raise CheckFailed(sentence)
    (word, learned), right, yours = next(case for case in zip(cases, truth, given, strict=True) if case[1] != case[2])
    raise CheckFailed(f"With learned = {learned}, the word {word} should become {right}, and yours is {yours}.")


@exercise("05.decode")
def decode(answer) -> None:
    """answer(tokens, pieces): the text of a caption's tokens; pieces[token] is that token's bytes."""
    pieces = [bytes([byte]) for byte in range(256)] + [b" c", b"at", b" caf", " na\u00efve".encode()[:4]]
    cat = [256, 257]
    cases = (  # tokens, text
        (cat, "cat"),
        ([*cat, 256, 97, 102], "cat caf"),
        ([258, 0xC3, 0xA9], "caf\u00e9"),  # two tokens, one letter
        ([259, 0xAF, 118, 101, 32, 0xE7, 0x8C, 0xAB], "na\u00efve \u732b"),
        ([32, 115, 116, 97, 114, 115], "stars"),
    )
    for tokens, text in cases:
        shown = f"{tokens}, pieces"
        try:
            given = call(answer, list(tokens), list(pieces), shown=shown)
        except CheckFailed as failed:
            if "UnicodeDecodeError" in str(failed):
                raise CheckFailed(
                    "A piece can end in the middle of a character, as with “\u00e9”, which is two bytes: join the "
                    "bytes of all pieces first, and decode them once."
                ) from None
            if "IndexError" in str(failed):
                raise CheckFailed(
                    "You index something other than pieces[token]: each token is a place in it."
                ) from None
            raise
        if isinstance(given, bytes | bytearray):
            raise CheckFailed("You give bytes: decode() them, so that text comes back.")
        if not isinstance(given, str):
            raise CheckFailed(f"The answer should be text, and it is {describe(given)}.")
        if given == text:
            continue
        joined = b"".join(pieces[token] for token in tokens)
        mistakes = {
            joined.decode("latin-1").removeprefix(
                " "
            ): "You take each byte for a character: a character may be several bytes.",
            joined.decode("latin-1"): "You take each byte for a character: a character may be several bytes.",
            joined.decode(): "The space that was put in front of the caption is still there: take it away.",
            joined.decode()[2:]: "The caption's first letter is lost: only one space stands in front of it.",
            joined.decode()[:-1]: "The space that was put in comes first, not last.",
            joined.decode().replace(" ", ""): "All spaces are gone: only the one that was put in front should go.",
            joined.decode().rstrip("s").strip(): "Something at the end is lost.",
        }
        if "\ufffd" in given or given == joined.decode("ascii", "ignore").strip():
            raise CheckFailed(
                "A character of several bytes is lost: join the bytes of all pieces first, and decode them once."
            )
        if given.replace(" ", "") == text.replace(" ", ""):
            raise CheckFailed(
                mistakes.get(
                    given, f"The spaces are not where they were: it should be {text!r}, and yours is {given!r}."
                )
            )
        raise CheckFailed(mistakes.get(given, f"{tokens} should become {text!r}, and yours is {given!r}."))
