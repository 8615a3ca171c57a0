"""Checks of lesson 17: what stays the same, which words are known, what is luck, progress and stop."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from math import comb

import torch

from . import CheckFailed, as_number, call, describe, exercise, same


@exercise("17.kept")
def kept(answer) -> Iterator[str]:
    """answer(before, after): (B, N) and (B, N) tokens -> (B,), how many tokens come before the first other one."""
    before = torch.randint(9, (5, 12), generator=torch.Generator().manual_seed(17))
    after = before.clone()
    for row, places in enumerate(((4,), (0,), (), (3, 4, 7), (11,))):
        after[row, list(places)] += 1
    after[3, 8:] = before[3, 8:]
    truth = torch.tensor([4, 0, 12, 3, 11])
    compare(call(answer, before, after, shown="before, after"), before, after, truth)
    yield "pictures that part somewhere"
    compare(call(answer, before, before, shown="before, before"), before, before, torch.full((5,), 12))
    yield "pictures that never part"
    two = torch.tensor([[1, 2, 3], [7, 8, 9]]), torch.tensor([[1, 5, 3], [7, 8, 9]])
    compare(call(answer, *two, shown="two pictures of three tokens"), *two, torch.tensor([1, 3]))


def compare(value, before: torch.Tensor, after: torch.Tensor, truth: torch.Tensor) -> None:
    size = len(before)
    try:
        given = torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError):
        raise CheckFailed(f"Give one number for each of the {size} pictures, not {describe(value)}.") from None
    if tuple(given.shape) == (before.shape[1],):
        raise CheckFailed("That is a number for each token: count along the tokens, dim=1, not across the pictures.")
    if tuple(given.shape) != (size,):
        raise CheckFailed(f"Give one number for each of the {size} pictures, a shape ({size},), not {describe(value)}.")
    equal = before == after
    first = (~equal).int().argmax(dim=1)
    run = equal.int().cumprod(dim=1).sum(dim=1)
    if same(given, truth):
        return
    mistakes = (
        (equal.sum(dim=1), "These are all the tokens that are equal, later ones too: stop at the first other one."),
        (first, "Right where the pictures part; but where they never do, argmax finds nothing and says 0."),
        (equal.int().argmax(dim=1), "That is the place of the first equal token: ask for the first one that differs."),
        ((~equal).sum(dim=1), "These are the tokens that differ: count the equal ones before the first of these."),
        (run + 1, "One too many: the first other token itself is not kept."),
        (torch.where(run < before.shape[1], run + 1, run), "One too many: the first other token itself is not kept."),
        (equal.all(dim=1), "That says whether they never part: count how many tokens come before they do."),
        (run.flip(0), "The numbers are right, but in the opposite order."),
        (torch.where(run < before.shape[1], run, -1), "Pictures that never part have kept all their tokens, not -1."),
        (torch.where(run < before.shape[1], run, run - 1), "Pictures that never part have kept all their tokens."),
        (
            equal.flip(1).int().cumprod(dim=1).sum(dim=1),
            "You count from the last token back: drawing begins at the first.",
        ),
    )
    for wrong, sentence in mistakes:
        if same(given, wrong):
            raise CheckFailed(sentence)
    row = int((given != truth).nonzero()[0])
    raise CheckFailed(
        f"Of {before[row].tolist()} and {after[row].tolist()}, the first {int(truth[row])} are equal; "
        f"you say {given[row].item():g}."
    )


SEEN = (
    "a cartoon of a red heart, love, red",
    "a sketch of a Cat face, pet",
    "an illustration of an artist palette, art, paint",
    "a sketch of a caterpillar, bug",
    "a flat icon of a woman: red hair, redhead",
)
WORDS = "A Red cat: art, NYU! art"


def seen(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


@exercise("17.seen_in")
def seen_in(answer) -> Iterator[str]:
    """answer(caption, captions): a dict from each word of the caption to how many of the captions hold it."""
    in_each = [set(seen(text)) for text in SEEN]
    truth = {word: sum(word in found for found in in_each) for word in seen(WORDS)}
    look_at_words(call(answer, WORDS, list(SEEN), shown=f"{WORDS!r}, five captions"), truth)
    yield "a caption with words seen and unseen"
    one = call(answer, "fox", ["a fox, fox, fox", "a firefox"], shown="'fox', two captions")
    look_at_words(one, {"fox": 1}, [["a fox, fox, fox"], ["a firefox"]])
    yield "a word that stands in one caption three times"
    look_at_words(call(answer, "a fox", [], shown="'a fox', no captions"), {"a": 0, "fox": 0})


def look_at_words(value, truth: dict[str, int], captions=SEEN) -> None:
    if not isinstance(value, dict):
        raise CheckFailed(f"Give a dict from each word to a number, not {describe(value)}.")
    given = {str(word): count for word, count in value.items()}
    if given == truth:
        return
    if any(not isinstance(count, (int, float)) or isinstance(count, bool) for count in given.values()):
        word = next(word for word, count in given.items() if not isinstance(count, int) or isinstance(count, bool))
        raise CheckFailed(f"{word!r} should have a number, how many captions hold it, not {describe(value[word])}.")
    if any(word != word.lower() for word in given):
        raise CheckFailed(
            "“Red” and “red” are one word to the model, which reads lower case: use words(…) on both sides."
        )
    if any(not re.fullmatch(r"\w+", word) for word in given):
        raise CheckFailed("A comma or an empty string is part of a word: cut with words(…), not with split().")
    if given and all(len(word) == 1 for word in given) and any(len(word) > 1 for word in truth):
        raise CheckFailed("You go through the letters of the caption: go through its words.")
    if missing := [word for word in truth if word not in given]:
        unseen = all(truth[word] == 0 for word in missing)
        raise CheckFailed(
            f"{missing[0]!r} is missing: " + ("a word that no caption holds has 0." if unseen else "count every word.")
        )
    if more := sorted(word for word in given if word not in truth):
        raise CheckFailed(f"{more[0]!r} is no word of the caption: count the words of the caption alone.")
    texts = [text if isinstance(text, str) else text[0] for text in captions]
    inside = {word: sum(word in text.lower() for text in texts) for word in truth}
    as_typed = {word: sum(word in re.findall(r"\w+", text) for text in texts) for word in truth}
    often = {word: sum(seen(text).count(word) for text in texts) for word in truth}
    by_spaces = {word: sum(word in text.lower().split() for text in texts) for word in truth}
    mistakes = (
        (inside, "“art” stands in “cartoon” too, but it is no word there: compare whole words."),
        (often, "A caption that holds a word twice counts once: how many captions hold it?"),
        (as_typed, "“Cat” and “cat” are one word to the model, which reads lower case: use words(…) on both sides."),
        (by_spaces, "“red,” with its comma was not found as “red”: cut the captions with words(…), not with split()."),
        ({word: int(count > 0) for word, count in truth.items()}, "Not whether, but in how many captions it stands."),
        ({word: count / max(1, len(texts)) for word, count in truth.items()}, "These are shares: give counts."),
    )
    for wrong, sentence in mistakes:
        if given == wrong:
            raise CheckFailed(sentence)
    word = next(word for word in truth if given[word] != truth[word])
    raise CheckFailed(f"{word!r} stands in {truth[word]} of the {len(texts)} captions; you count {given[word]}.")


@exercise("17.by_luck")
def by_luck(answer) -> Iterator[str]:
    """answer(hits, rounds, choices): the probability of at least so many hits, each 1 of `choices` by luck."""
    for hits, rounds, choices in ((3, 5, 4), (5, 5, 4), (1, 2, 2), (0, 5, 4), (7, 10, 3)):
        value = as_number(call(answer, hits, rounds, choices, shown=f"{hits}, {rounds}, {choices}"))
        look_at_luck(value, hits, rounds, choices)
        yield f"{hits} of {rounds}"


def exactly(hits: int, rounds: int, choices: int) -> Fraction:
    """The probability of exactly so many hits."""
    p = Fraction(1, choices)
    return comb(rounds, hits) * p**hits * (1 - p) ** (rounds - hits)


def look_at_luck(value: float, hits: int, rounds: int, choices: int) -> None:
    p = Fraction(1, choices)
    each = [exactly(k, rounds, choices) for k in range(rounds + 1)]
    truth = sum(each[hits:])
    if same(value, float(truth)):
        return
    mistakes = (
        (each[hits], "That is the probability of exactly so many hits: more hits would impress as much, so add them."),
        (sum(each[hits + 1 :]), "That is more than so many hits: “at least” includes that number itself."),
        (1 - truth, "That is the probability of fewer hits: you have the opposite."),
        (p**hits, "That is luck in so many given rounds: the hits may fall in any, and the others must be misses."),
        (p**hits * (1 - p) ** (rounds - hits), "One order of hits and misses: the hits may fall in any rounds."),
        (sum(p**k * (1 - p) ** (rounds - k) for k in range(hits, rounds + 1)),
         "One order of hits and misses each: the hits may fall in any rounds, comb(rounds, k) ways."),
        (sum(comb(rounds, k) * p**k for k in range(hits, rounds + 1)), "The other rounds must be misses, 1 - p each."),
        (Fraction(hits, rounds), "That is the share of hits: how probable is it to get as many by luck?"),
        (sum(exactly(k, rounds, 2) for k in range(hits, rounds + 1)), "Luck is right once in `choices`, not in two."),
        (100 * truth, "A probability lies from 0 to 1: this is in percent."),
    )  # fmt: skip
    for wrong, sentence in mistakes:
        if same(value, float(wrong)):
            raise CheckFailed(sentence)
    raise CheckFailed(
        f"At least {hits} of {rounds} by luck, with {choices} captions each time: {float(truth):.4f}, not {value:.4g}."
    )


@exercise("17.watcher")
def watcher(answer) -> None:
    """answer(show_done, stopped): a function for on_token(i, tokens, logits) that counts, shows, and raises to stop."""
    for length, chunks in ((4, 1), (3, 2)):
        shown: list = []
        on_token = made(answer, shown.append, lambda: False)
        for i in list(range(length)) * chunks:
            try:
                on_token(i, torch.zeros(2, i + 1, dtype=torch.int64), torch.zeros(2, 5))
            except Exception as error:
                raise CheckFailed(ended(on_token, error)) from None
        look_at_progress([float(n) for n in shown], length, chunks)
    asked: list = []
    shown = []
    on_token = made(answer, shown.append, lambda: bool(asked))
    for i in range(2):
        on_token(i, torch.zeros(2, i + 1, dtype=torch.int64), torch.zeros(2, 5))
    asked.append("stop")
    try:
        on_token(2, torch.zeros(2, 3, dtype=torch.int64), torch.zeros(2, 5))
    except NameError as error:
        raise CheckFailed(f"There is no such exception to raise when Stop was pressed: {error}.") from None
    except Exception:  # of whatever kind: it ends `sample`
        return
    raise CheckFailed(
        "Stop was pressed, and it goes on: `sample` heeds nothing that on_token returns, so only raising ends it; ask "
        "stopped() after each token."
    )


def ended(on_token, error: Exception) -> str:
    """Why a function for on_token may have ended though nobody pressed Stop."""
    if isinstance(error, TypeError) and "argument" in str(error):
        return "It is called as on_token(i, tokens, logits): let the function that you give back take these three."
    return f"Nobody pressed Stop, and it still ended with {type(error).__name__}: raise only if stopped()."


def made(answer, show, stopped):
    on_token = call(answer, show, stopped, shown="show_done, stopped")
    if not callable(on_token):
        raise CheckFailed(f"Give back a function that is called after each token, not {describe(on_token)}.")
    return on_token


def look_at_progress(shown: list[float], length: int, chunks: int) -> None:
    total = length * chunks
    if shown == [float(n) for n in range(1, total + 1)]:
        return
    if not shown:
        raise CheckFailed("Nothing is shown: call show_done(…) after each token.")
    if shown == [float(n) for n in range(total)]:
        raise CheckFailed(
            "One behind: on_token is called after the draw, so the first call means that 1 token is drawn."
        )
    if shown in ([float(i) for i in range(length)] * chunks, [float(i + 1) for i in range(length)] * chunks):
        raise CheckFailed(
            "It falls back: more than 32 candidates are drawn in chunks, and i starts anew in each; count for yourself."
        )
    if shown == [1.0] * total:
        raise CheckFailed("It stays at 1: the count must live outside of on_token, or it begins anew at each call.")
    if len(shown) < total:
        raise CheckFailed(f"After {total} tokens show_done was called {len(shown)} times: call it after every token.")
    raise CheckFailed(f"After {total} tokens in {chunks} chunk(s) it should have shown 1 to {total}, one by one.")
