"""Answers to lesson 17, right and wrong."""

import itertools
import math
import re
from collections import Counter

import torch


class Stop(Exception):
    pass


def with_nonlocal(show, stopped):
    done = 0

    def on_token(i, tokens, logits):
        nonlocal done
        done += 1
        show(done)
        if stopped():
            raise Stop

    return on_token


def with_counter(show, stopped):
    numbers = itertools.count(1)

    def on_token(*_):
        if stopped():
            raise KeyError("stopped")
        show(next(numbers))

    return on_token


class Watcher:
    def __init__(self, show, stopped):
        self.show, self.stopped, self.done = show, stopped, 0

    def __call__(self, i, tokens, logits):
        self.done += 1
        self.show(self.done)
        if self.stopped():
            raise Stop


def shows_i(show, stopped):
    def on_token(i, tokens, logits):
        show(i + 1)
        if stopped():
            raise Stop

    return on_token


def one_behind(show, stopped):
    numbers = itertools.count()

    def on_token(i, tokens, logits):
        show(next(numbers))
        if stopped():
            raise Stop

    return on_token


def returns_false(show, stopped):
    numbers = itertools.count(1)

    def on_token(i, tokens, logits):
        show(next(numbers))
        return not stopped()

    return on_token


def raises_what_is_not_there(show, stopped):
    numbers = itertools.count(1)

    def on_token(i, tokens, logits):
        show(next(numbers))
        if stopped():
            raise StopPainting  # noqa: F821

    return on_token


def forgets(show, stopped):
    def on_token(i, tokens, logits):
        done = 0
        done += 1
        show(done)
        if stopped():
            raise Stop

    return on_token


def always_stops(show, stopped):
    numbers = itertools.count(1)

    def on_token(i, tokens, logits):
        show(next(numbers))
        if stopped:  # the function, not what it says
            raise Stop

    return on_token


def shows_nothing(show, stopped):
    def on_token(i, tokens, logits):
        if stopped():
            raise Stop

    return on_token


def asks_once(show, stopped):
    numbers, over = itertools.count(1), stopped()

    def on_token(i, tokens, logits):
        show(next(numbers))
        if over:
            raise Stop

    return on_token


def calls_it(show, stopped):
    show(1)
    return 1


def no_arguments(show, stopped):
    numbers = itertools.count(1)

    def on_token():
        show(next(numbers))
        if stopped():
            raise Stop

    return on_token


def shows_once_at_the_end(show, stopped):
    def on_token(i, tokens, logits):
        if i == 3:
            show(i + 1)
        if stopped():
            raise Stop

    return on_token


def counts_the_pictures(show, stopped):
    numbers = itertools.count(1)

    def on_token(i, tokens, logits):
        show(next(numbers) * len(tokens))
        if stopped():
            raise Stop

    return on_token


def by_hand(before, after):
    lengths = []
    for old, new in zip(before.tolist(), after.tolist(), strict=True):
        pairs = list(zip(old, new, strict=True))
        lengths.append(next((n for n, (a, b) in enumerate(pairs) if a != b), len(pairs)))
    return lengths


def with_argmax(before, after):
    other = before != after
    return torch.where(other.any(dim=1), other.int().argmax(dim=1), before.shape[1])


def words(text):
    return re.findall(r"\w+", text.lower())


def seen_in(caption, captions):
    sets = [set(words(text)) for text in captions]
    return {word: sum(word in found for found in sets) for word in words(caption)}


def with_counter_of_sets(caption, captions):
    counts = Counter()
    for text in captions:
        counts.update(set(words(text)))
    return {word: counts[word] for word in words(caption)}


def only_seen(caption, captions):
    return {word: count for word, count in seen_in(caption, captions).items() if count}


def every_word(caption, captions):
    counts = Counter()
    for text in captions:
        counts.update(set(words(text)))
    return {**counts, **seen_in(caption, captions)}


def by_luck(hits, rounds, choices):
    p = 1 / choices
    return sum(math.comb(rounds, k) * p**k * (1 - p) ** (rounds - k) for k in range(hits, rounds + 1))


def by_enumeration(hits, rounds, choices):
    lucky = {(k, r): 0.0 for k in range(rounds + 1) for r in range(rounds + 1)}
    lucky[0, 0] = 1.0
    for r in range(rounds):
        for k in range(r + 1):
            lucky[k + 1, r + 1] += lucky[k, r] / choices
            lucky[k, r + 1] += lucky[k, r] * (choices - 1) / choices
    return sum(lucky[k, rounds] for k in range(hits, rounds + 1))


def by_torch(hits, rounds, choices):
    luck = torch.distributions.Binomial(rounds, torch.tensor(1 / choices))
    return luck.log_prob(torch.arange(hits, rounds + 1.0)).exp().sum()


RIGHT = {
    "17.kept": [
        lambda a, b: (a == b).int().cumprod(dim=1).sum(dim=1),
        by_hand,
        with_argmax,
        lambda a, b: torch.cat((a != b, torch.ones(len(a), 1, dtype=torch.bool)), 1).float().argmax(1).numpy(),
    ],
    "17.seen_in": [
        seen_in,
        with_counter_of_sets,
        lambda c, t: {w: sum(w in words(x) for x in t) for w in words(c)},
        lambda c, t: {w: len([x for x in t if re.search(rf"\b{w}\b", x.lower())]) for w in words(c)},
    ],
    "17.by_luck": [
        by_luck,
        by_enumeration,
        by_torch,
    ],
    "17.watcher": [with_nonlocal, with_counter, Watcher],
}  # fmt: skip
WRONG = {
    "17.kept": [
        (lambda a, b: (a == b).sum(dim=1), "later ones too"),
        (lambda a, b: (a != b).int().argmax(dim=1), "argmax finds nothing"),
        (lambda a, b: (a == b).int().argmax(dim=1), "first one that differs"),
        (lambda a, b: (a != b).sum(dim=1), "tokens that differ"),
        (lambda a, b: (a == b).int().cumprod(dim=0).sum(dim=0), "along the tokens"),
        (lambda a, b: (a == b).int().cumprod(dim=1).sum(), "one number for each"),
        (lambda a, b: (a == b).int().cumprod(dim=1).sum(dim=1) + 1, "One too many"),
        (lambda a, b: (a == b).all(dim=1), "whether they never part"),
        (lambda a, b: (a == b).flip(1).int().cumprod(dim=1).sum(dim=1), "from the last token back"),
        (lambda a, b: torch.where((a != b).any(1), (a != b).int().argmax(1), -1), "not -1"),
        (lambda a, b: (a == b).int().cumprod(dim=1), "one number for each"),
        (lambda a, b: (a == b).float().mean(dim=1), "Of .* the first"),
    ],
    "17.seen_in": [
        (lambda c, t: {w: sum(w in x.lower() for x in t) for w in words(c)}, "cartoon"),
        (lambda c, t: {w: sum(words(x).count(w) for x in t) for w in words(c)}, "counts once"),
        (lambda c, t: {w: sum(w in re.findall(r"\w+", x) for x in t) for w in words(c)}, "one word to the model"),
        (
            lambda c, t: seen_in(c, t) and {w: sum(w in x.lower().split() for x in t) for w in words(c)},
            "with its comma",
        ),
        (lambda c, t: {w: sum(w.lower() in words(x) for x in t) for w in re.findall(r"\w+", c)}, "are one word"),
        (lambda c, t: {w: sum(w in words(x) for x in t) for w in c.lower().split()}, "comma"),
        (lambda c, t: {w: sum(w in x for x in t) for w in c.lower()}, "comma|letters"),
        (lambda c, t: {w: any(w in words(x) for x in t) for w in words(c)}, "should have a number"),
        (only_seen, "holds has 0"),
        (every_word, "no word of the caption"),
        (lambda c, t: list(seen_in(c, t).values()), "Give a dict"),
        (lambda c, t: {w: [x for x in t if w in words(x)] for w in words(c)}, "should have a number"),
        (lambda c, t: {w: int(n > 0) for w, n in seen_in(c, t).items()}, "Not whether"),
    ],
    "17.by_luck": [
        (lambda h, r, c: math.comb(r, h) / c**h * (1 - 1 / c) ** (r - h), "exactly"),
        (lambda h, r, c: by_luck(h + 1, r, c), "at least"),
        (lambda h, r, c: 1 - by_luck(h, r, c), "opposite"),
        (lambda h, r, c: (1 / c) ** h, "at least"),
        (lambda h, r, c: (1 / c) ** h * (1 - 1 / c) ** (r - h), "One order"),
        (lambda h, r, c: sum(math.comb(r, k) / c**k for k in range(h, r + 1)), "must be misses"),
        (lambda h, r, c: h / r, "share of hits"),
        (lambda h, r, c: by_luck(h, r, 2), "not in two"),
        (lambda h, r, c: 100 * by_luck(h, r, c), "percent"),
        (lambda h, r, c: r / c, "by luck"),
    ],
    "17.watcher": [
        (shows_i, "falls back"),
        (one_behind, "One behind"),
        (returns_false, "only raising ends it"),
        (raises_what_is_not_there, "no such exception"),
        (forgets, "outside of on_token"),
        (always_stops, "only if stopped"),
        (shows_nothing, "Nothing is shown"),
        (asks_once, "after each token"),
        (calls_it, "Give back a function"),
        (no_arguments, "take these three"),
        (shows_once_at_the_end, "after every token"),
        (counts_the_pictures, "one by one"),
    ],
}
