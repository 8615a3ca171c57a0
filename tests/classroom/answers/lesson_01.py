"""Answers to lesson 01, right and wrong, written from the student's copy alone."""

from collections import Counter

import torch


def leaks_by_bytes(train, held_out):
    known = {picture.numpy().tobytes() for picture in train}
    return [i for i, picture in enumerate(held_out) if picture.numpy().tobytes() in known]


def leaks_by_comparing(train, held_out):
    found = []
    for i in range(len(held_out)):
        equal = (train == held_out[i]).flatten(1).all(dim=1)
        if equal.any():
            found.append(i)
    return found


def leaks_by_unique(train, held_out):
    both = torch.cat((train, held_out)).flatten(1)
    _, group = torch.unique(both, dim=0, return_inverse=True)
    return torch.isin(group[len(train) :], group[: len(train)]).nonzero().flatten().tolist()


def places_in_train(train, held_out):
    return [i for i, picture in enumerate(train) if any(torch.equal(picture, other) for other in held_out)]


def how_many_leak(train, held_out):
    return sum(any(torch.equal(picture, other) for other in train) for picture in held_out)


def same_place_only(train, held_out):
    return [i for i, (one, other) in enumerate(zip(train, held_out, strict=False)) if torch.equal(one, other)]


def in_operator_of_tensors(train, held_out):
    return [i for i, picture in enumerate(held_out) if picture in train]


def tensors_in_a_set(train, held_out):
    known = set(train)
    return [i for i, picture in enumerate(held_out) if picture in known]


def nearly_equal(train, held_out):
    close = []
    for i, picture in enumerate(held_out):
        if any((other.float() - picture.float()).abs().mean() < 2 for other in train):
            close.append(i)
    return close


def once_for_each_match(train, held_out):
    return [i for i, picture in enumerate(held_out) for other in train if torch.equal(picture, other)]


def mask_not_places(train, held_out):
    return [any(torch.equal(picture, other) for other in train) for picture in held_out]


def each_picture_once(train, held_out):
    place = {picture.numpy().tobytes(): i for i, picture in enumerate(held_out)}
    return sorted(place[key] for key in {picture.numpy().tobytes() for picture in train} if key in place)


def share_by_loop(rows):
    variants = 0
    for row in rows:
        if row["skin_tone"] != "":
            variants += 1
    return variants / len(rows)


def share_by_tensor(rows):
    return torch.tensor([bool(row["skin_tone"]) for row in rows]).float().mean()


def share_by_counter(rows):
    counts = Counter(row["skin_tone"] for row in rows)
    return 1 - counts[""] / sum(counts.values())


def share_not_returned(rows):
    print(sum(bool(row["skin_tone"]) for row in rows) / len(rows))


def leaks_as_tensor(train, held_out):
    return (held_out[:, None] == train[None]).flatten(2).all(2).any(1).nonzero().flatten()


def leaks_as_set(train, held_out):
    return {i for i in range(len(held_out)) for picture in train if torch.equal(held_out[i], picture)}


RIGHT = {
    "01.leaks": [
        leaks_by_bytes,
        leaks_by_comparing,
        leaks_by_unique,
        leaks_as_tensor,
    ],
    "01.share_of_variants": [
        share_by_loop,
        share_by_tensor,
        share_by_counter,
    ],
}

WRONG = {
    "01.leaks": [
        (places_in_train, "places in train"),
        (how_many_leak, "how many"),
        (same_place_only, "same place"),
        (in_operator_of_tensors, r"\(any\)"),
        (tensors_in_a_set, "never equal"),
        (nearly_equal, "one value"),
        (once_for_each_match, "once for every copy"),
        (mask_not_places, "True and False"),
        (each_picture_once, "dict over held_out"),
        (leaks_as_set, "no order"),
    ],
    "01.share_of_variants": [
        (lambda rows: sum(bool(row["skin_tone"]) for row in rows), "how many"),
        (lambda rows: 100 * sum(bool(row["skin_tone"]) for row in rows) / len(rows), "percent"),
        (lambda rows: sum(row["skin_tone"] == "" for row in rows) / len(rows), "without a skin tone"),
        (lambda rows: sum(row["skin_tone"] is not None for row in rows) / len(rows), "not None"),
        (lambda rows: sum(bool(row["skin_tone"]) for row in rows) // len(rows), "Whole division"),
        (
            lambda rows: (
                sum(bool(row["skin_tone"]) for row in rows) / max(1, sum(not row["skin_tone"] for row in rows))
            ),
            "those without",
        ),
        (lambda rows: len({row["skin_tone"] for row in rows if row["skin_tone"]}) / len(rows), "different tones"),
        (share_not_returned, "print"),
        (lambda rows: [row["skin_tone"] for row in rows], "a number"),
    ],
}
