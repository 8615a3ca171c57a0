"""Answers to lesson 01, right and wrong."""

import torch


def by_bytes(train, held_out):
    known = {picture.numpy().tobytes() for picture in train}
    return [i for i, picture in enumerate(held_out) if picture.numpy().tobytes() in known]


def by_loops(train, held_out):
    return {i for i in range(len(held_out)) for picture in train if torch.equal(held_out[i], picture)}


def equal(train, held_out):
    return (held_out[:, None] == train[None]).flatten(2).all(2)


RIGHT = {
    "01.leaks": [by_bytes, by_loops, lambda train, held_out: equal(train, held_out).any(1).nonzero().flatten()],
    "01.share_of_variants": [
        lambda rows: sum(bool(row["skin_tone"]) for row in rows) / len(rows),
        lambda rows: len([row for row in rows if row["skin_tone"] != ""]) / len(rows),
        lambda rows: torch.tensor([row["skin_tone"] != "" for row in rows]).float().mean(),
    ],
}
WRONG = {
    "01.leaks": [
        (lambda train, held_out: equal(train, held_out).any(0).nonzero().flatten(), "places in train"),
        (lambda train, held_out: equal(train, held_out).any(1), "True and False"),
        (lambda train, held_out: int(equal(train, held_out).any(1).sum()), "how many"),
        (lambda train, held_out: (held_out[:, None] == train).flatten(2).any(2).any(1).nonzero(), "any"),
        (
            lambda train, held_out: (
                ((held_out[:, None].float() - train).abs().flatten(2).max(2).values < 3).any(1).nonzero()
            ),
            "one value|every pixel",
        ),
        (lambda train, held_out: [i for i in range(6) if torch.equal(held_out[i], train[i])], "every one of train"),
        (lambda train, held_out: [1], "1 and 4"),
    ],
    "01.share_of_variants": [
        (lambda rows: sum(bool(row["skin_tone"]) for row in rows), "how many"),
        (lambda rows: 100 * sum(bool(row["skin_tone"]) for row in rows) / len(rows), "percent"),
        (lambda rows: sum(not row["skin_tone"] for row in rows) / len(rows), "without"),
        (lambda rows: sum(row["skin_tone"] is not None for row in rows) / len(rows), "empty"),
        (lambda rows: 3 / 2, "those without"),
        (lambda rows: [row["skin_tone"] for row in rows], "number"),
    ],
}
