"""Answers to lesson 17, right and wrong."""

import itertools

import numpy as np


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


def by_loop(scores, count):
    left, chosen = scores.tolist(), []
    for _ in range(count):
        chosen.append(left.index(max(left)))
        left[chosen[-1]] = float("-inf")
    return chosen


AGAIN = {"a": "all", "b": "some", "c": "none", "d": "all", "e": "none"}

RIGHT = {
    "17.best": [
        lambda s, n: s.topk(n).indices,
        lambda s, n: sorted(range(len(s)), key=lambda i: -s[i])[:n],
        lambda s, n: np.argsort(-s.numpy())[:n],
        by_loop,
    ],
    "17.watcher": [with_nonlocal, with_counter, Watcher],
    "17.what_comes_again": [AGAIN, {k: v.upper() for k, v in AGAIN.items()}, {**AGAIN, "f": "?"}],
}
WRONG = {
    "17.best": [
        (lambda s, n: s.topk(n).values, "scores, not the numbers"),
        (lambda s, n: s.argsort()[:n], "worst"),
        (lambda s, n: s.argsort(descending=True), "ranked: keep the first"),
        (lambda s, n: s.argsort(descending=True).argsort()[:n], "rank of each candidate"),
        (lambda s, n: list(range(n)), "the first 9 drawn"),
        (lambda s, n: s.topk(n).indices.sort().values, "order in which they were drawn"),
        (lambda s, n: s.argsort()[-n:], "best comes last"),
        (lambda s, n: s[:n].argsort(descending=True), "rank them all"),
    ],
    "17.watcher": [
        (shows_i, "falls back"),
        (one_behind, "One behind"),
        (returns_false, "only raising ends it"),
        (forgets, "outside of on_token"),
        (always_stops, "only if stopped"),
        (shows_nothing, "Nothing is shown"),
        (asks_once, "after each token"),
        (calls_it, "Give back a function"),
    ],
    "17.what_comes_again": [
        ({**AGAIN, "a": "none"}, "a: nothing else"),
        ({**AGAIN, "b": "all"}, "b: the first 32"),
        ({**AGAIN, "b": "none"}, "b: the first 32"),
        ({**AGAIN, "c": "some"}, "c: another seed"),
        ({**AGAIN, "d": "some"}, "d: picture"),
        ({**AGAIN, "e": "all"}, "other weights"),
        ({**AGAIN, "e": "maybe"}, "say"),
        (["all"] * 5, "should be a dict"),
    ],
}
