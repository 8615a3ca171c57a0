"""Answers to lesson 13, right and wrong."""

import torch


def by_loop(next_logits, given, length):
    tokens = given.clone()
    while len(tokens) < length:
        tokens = torch.cat((tokens, next_logits(tokens).argmax()[None]))
    return tokens


def with_a_list(next_logits, given, length):
    tokens = given.tolist()
    for _ in range(len(tokens), length):
        tokens.append(int(next_logits(torch.tensor(tokens, dtype=torch.int64)).argmax()))
    return tokens


def recursive(next_logits, given, length):
    if len(given) == length:
        return given
    return recursive(next_logits, torch.hstack((given, next_logits(given).max(0).indices)), length)


def overwrites(next_logits, given, length):
    return by_loop(next_logits, given[:0], length)


def new_alone(next_logits, given, length):
    return by_loop(next_logits, given, length)[len(given) :]


def too_many(next_logits, given, length):
    return by_loop(next_logits, given, length + len(given))


def not_fed(next_logits, given, length):
    return torch.cat((given, by_loop(next_logits, given[:0], length)))[:length]


def stale(next_logits, given, length):
    tokens = given.tolist()
    while len(tokens) < length:
        tokens.append(int(next_logits(given).argmax()))
    return tokens


def given_last(next_logits, given, length):
    return torch.cat((by_loop(next_logits, given, length)[len(given) :], given))


RIGHT = {
    "13.go_on": [by_loop, with_a_list, recursive],
    "13.slots_fed": [
        lambda t, n: t + 1 + n,
        lambda t, n: len([*range(t), "sep", *range(n)]),
        lambda t, n: sum((t, n, 1)),
    ],
    "13.can_be_given": [
        lambda known: bool((known.flatten().int().diff() <= 0).all()),
        lambda known: known.flatten()[: int(known.sum())].all(),
        lambda known: sorted(known.flatten().tolist(), reverse=True) == known.flatten().tolist(),
    ],
}
WRONG = {
    "13.go_on": [
        (overwrites, "replaced"),
        (new_alone, "Only the new"),
        (too_many, "whole picture"),
        (not_fed, "feed"),
        (stale, "again and again"),
        (given_last, "stand first"),
    ],
    "13.slots_fed": [
        (lambda t, n: t + n, "One slot too few"),
        (lambda t, n: t + n + 2, "not fed yet"),
        (lambda t, n: n + 1, "Text slots"),
        (lambda t, n: n, "are"),
        (lambda t, n: (t + 1) * n, "are"),
    ],
    "13.can_be_given": [
        (lambda known: True, "left half"),
        (lambda known: bool(known[0].all()), "hole|nothing|left"),
        (lambda known: bool((known.T.flatten().int().diff() <= 0).all()), "top half"),
        (lambda known: bool(known.flatten()[-1]), "top half"),
        (lambda known: known.all(dim=1), "True or False"),
        (lambda known: bool(known.all(dim=1).any()), "hole|nothing|left|bottom|two rows"),
    ],
}
