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


def leaks_as_tensor(train, held_out):
    return (held_out[:, None] == train[None]).flatten(2).all(2).any(1).nonzero().flatten()


def leaks_as_set(train, held_out):
    return {i for i in range(len(held_out)) for picture in train if torch.equal(held_out[i], picture)}


def leaks_by_hash(train, held_out):
    known = set()
    for picture in train:
        known.add(hash(tuple(picture.flatten().tolist())))
    return [i for i, picture in enumerate(held_out) if hash(tuple(picture.flatten().tolist())) in known]


def leaks_by_sum_first(train, held_out):
    by_sum = {}
    for i, total in enumerate(train.flatten(1).sum(1).tolist()):
        by_sum.setdefault(total, []).append(i)
    found = []
    for i, total in enumerate(held_out.flatten(1).sum(1).tolist()):
        if any(torch.equal(train[j], held_out[i]) for j in by_sum.get(total, ())):
            found.append(i)
    return found


def leaks_by_numpy_loop(train, held_out):
    known, asked = train.numpy(), held_out.numpy()
    return [i for i in range(len(asked)) if (known == asked[i]).all(axis=(1, 2, 3)).any()]


def leaks_by_bytes_again_and_again(train, held_out):
    return [
        i
        for i, picture in enumerate(held_out)
        if any(picture.numpy().tobytes() == other.numpy().tobytes() for other in train)
    ]


def equal_mean_over_colors(train, held_out):
    known = {picture.float().mean(0).numpy().tobytes() for picture in train}
    return [i for i, picture in enumerate(held_out) if picture.float().mean(0).numpy().tobytes() in known]


def equal_sum(train, held_out):
    known = {int(picture.sum()) for picture in train}
    return [i for i, picture in enumerate(held_out) if int(picture.sum()) in known]


def key(caption):
    return caption.split(":")[0]


def memory_by_dict(captions, asked):
    table = {}
    for i, caption in enumerate(captions):
        if key(caption) not in table:
            table[key(caption)] = i
    return [table.get(key(caption)) for caption in asked]


def memory_by_index(captions, asked):
    known = [caption.partition(":")[0] for caption in captions]
    return [known.index(key(caption)) if key(caption) in known else None for caption in asked]


def memory_backwards(captions, asked):
    table = {key(caption): i for i, caption in reversed(list(enumerate(captions)))}
    return tuple(table[key(caption)] if key(caption) in table else None for caption in asked)


def memory_keeps_last(captions, asked):
    table = {key(caption): i for i, caption in enumerate(captions)}
    return [table.get(key(caption)) for caption in asked]


def memory_whole_captions(captions, asked):
    table = {caption: i for i, caption in enumerate(captions)}
    return [table.get(caption) for caption in asked]


def memory_cuts_one_side(captions, asked):
    table = {caption: i for i, caption in enumerate(captions)}
    return [table.get(key(caption)) for caption in asked]


def memory_by_beginning(captions, asked):
    found = []
    for wanted in asked:
        fits = [i for i, caption in enumerate(captions) if key(wanted).startswith(key(caption))]
        found.append(fits[0] if fits else None)
    return found


def memory_by_longer(captions, asked):
    found = []
    for wanted in asked:
        fits = [i for i, caption in enumerate(captions) if caption.startswith(key(wanted))]
        found.append(fits[0] if fits else None)
    return found


def memory_without_style(captions, asked):
    def thing(caption):
        return key(caption).split(" of ")[1]

    known = [thing(caption) for caption in captions]
    return [known.index(thing(caption)) if thing(caption) in known else None for caption in asked]


def memory_of_zero(captions, asked):
    return [found or None for found in memory_by_dict(captions, asked)]


def memory_never_none(captions, asked):
    return [found or 0 for found in memory_by_dict(captions, asked)]


def memory_minus_one(captions, asked):
    return [-1 if found is None else found for found in memory_by_dict(captions, asked)]


def memory_of_captions(captions, asked):
    return [None if found is None else captions[found] for found in memory_by_dict(captions, asked)]


def memory_leaves_out(captions, asked):
    return [found for found in memory_by_dict(captions, asked) if found is not None]


def memory_all_that_fit(captions, asked):
    return [[i for i, caption in enumerate(captions) if key(caption) == key(wanted)] for wanted in asked]


def ink(pictures):
    return (pictures < 128).all(1)


def ink_by_masks(sketches, others):
    return (ink(sketches) & ink(others)).flatten(1).sum(1) / ink(sketches).flatten(1).sum(1)


def ink_by_loop(sketches, others):
    return [(ink(a[None]) & ink(b[None])).sum().item() / ink(a[None]).sum().item() for a, b in zip(sketches, others)]  # noqa: B905


def ink_by_brightest(sketches, others):
    mine, theirs = (pictures.amax(dim=1).lt(128).float() for pictures in (sketches, others))
    return (mine * theirs).sum(dim=(1, 2)) / mine.sum(dim=(1, 2))


def ink_of_all(sketches, others):
    return (ink(sketches) & ink(others)).sum() / ink(sketches).sum()


def ink_by_mean(sketches, others):
    mine, theirs = (pictures.float().mean(1) < 128 for pictures in (sketches, others))
    return (mine & theirs).sum((1, 2)) / mine.sum((1, 2))


def ink_by_channel(sketches, others):
    mine, theirs = sketches < 128, others < 128
    return (mine & theirs).sum((1, 2, 3)) / mine.sum((1, 2, 3))


def weight_by_algebra(rows, share):
    with_tone = sum(row["skin_tone"] != "" for row in rows)
    without = len(rows) - with_tone
    return share * without / (with_tone - share * with_tone)


def weight_by_odds(rows, share):
    p = sum(bool(row["skin_tone"]) for row in rows) / len(rows)
    return (share / (1 - share)) / (p / (1 - p))


def weight_by_halving(rows, share):
    tones = [bool(row["skin_tone"]) for row in rows]
    low, high = 0.0, 1000.0
    for _ in range(80):
        middle = (low + high) / 2
        weights = [middle if tone else 1.0 for tone in tones]
        reached = sum(w for w, tone in zip(weights, tones, strict=True) if tone) / sum(weights)
        low, high = (middle, high) if reached < share else (low, middle)
    return middle


def tones_of(rows):
    return sum(bool(row["skin_tone"]) for row in rows)


def leaks_within_held_out(train, held_out):
    copies = Counter(picture.numpy().tobytes() for picture in torch.cat((train, held_out)))
    return [i for i, picture in enumerate(held_out) if copies[picture.numpy().tobytes()] > 1]


def ink_up_to_128(sketches, others):
    mine, theirs = ((pictures <= 128).all(1) for pictures in (sketches, others))
    return (mine & theirs).sum((1, 2)) / mine.sum((1, 2))


def ink_by_sum(sketches, others):
    mine, theirs = (pictures.sum(1) < 128 for pictures in (sketches, others))
    return (mine & theirs).sum((1, 2)) / mine.sum((1, 2))


def weight_by_kinds(rows, share):
    kinds = len({row["skin_tone"] for row in rows})
    return share * (len(rows) - kinds) / ((1 - share) * kinds)


RIGHT = {
    "01.leaks": [
        leaks_by_bytes,
        leaks_by_unique,
        leaks_by_hash,
        leaks_by_sum_first,
    ],
    "01.from_memory": [memory_by_dict, memory_by_index, memory_backwards],
    "01.ink_seen": [ink_by_masks, ink_by_loop, ink_by_brightest],
    "01.tone_weight": [weight_by_algebra, weight_by_odds, weight_by_halving],
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
        (equal_mean_over_colors, "mean over colors"),
        (equal_sum, "same sum"),
        (leaks_by_comparing, "million such pairs"),
        (leaks_as_tensor, "million such pairs"),
        (leaks_by_numpy_loop, "million such pairs"),
        (leaks_by_bytes_again_and_again, "million such pairs"),
        (leaks_within_held_out, "equal to each other"),
    ],
    "01.from_memory": [
        (memory_keeps_last, "keeps the last"),
        (memory_whole_captions, "whole captions"),
        (memory_cuts_one_side, "other way round"),
        (memory_by_beginning, "rocket ship"),
        (memory_by_longer, "dog house"),
        (memory_without_style, "style is a part"),
        (memory_of_zero, "Index 0"),
        (memory_never_none, "0 is a picture"),
        (memory_minus_one, "-1"),
        (memory_of_captions, "give captions"),
        (memory_leaves_out, "entries"),
        (memory_all_that_fit, "all that fit"),
        (lambda captions, asked: {c: memory_by_dict(captions, [c])[0] for c in asked}, "Give a list"),
    ],
    "01.ink_seen": [
        (ink_of_all, "One number for all"),
        (ink_up_to_128, "not below 128"),
        (ink_by_sum, "add the three channels up"),
        (lambda a, b: ((ink(a) & ink(b)).sum() / ink(a).sum()).expand(len(a)), "each sketch alone"),
        (ink_by_mean, "mean over the channels"),
        (ink_by_channel, "each channel by itself"),
        (lambda a, b: (ink(a) & ink(b)).sum((1, 2)) / ink(b).sum((1, 2)), "ink of the other picture"),
        (lambda a, b: (ink(a) & ink(b)).sum((1, 2)) / (ink(a) | ink(b)).sum((1, 2)), "both together"),
        (lambda a, b: (ink(a) & ink(b)).float().mean((1, 2)), "all pixels"),
        (lambda a, b: (ink(a) & ink(b)).sum((1, 2)), "how many pixels"),
        (lambda a, b: 100 * ink_by_masks(a, b), "percent"),
        (lambda a, b: 1 - ink_by_masks(a, b), "new"),
        (lambda a, b: ink(a) & ink(b), "for each pixel"),
        (lambda a, b: (ink(a) == ink(b)).float().mean((1, 2)), "both are the same"),
        (lambda a, b: ((a < 128) & (b < 128)).sum((2, 3)) / (a < 128).sum((2, 3)), "a channel"),
    ],
    "01.tone_weight": [
        (lambda rows, share: share, "share itself"),
        (weight_by_kinds, "different skin tones"),
        (lambda rows, share: share * len(rows) / tones_of(rows), "the whole weighs less"),
        (lambda rows, share: share / (1 - share), "leave out how many"),
        (lambda rows, share: share * (len(rows) - tones_of(rows)) / (1 - share), "divide by how many"),
        (lambda rows, share: share * tones_of(rows) / ((1 - share) * (len(rows) - tones_of(rows))), "exchanged"),
        (lambda rows, share: 1 / weight_by_odds(rows, share), "share round"),
        (lambda rows, share: tones_of(rows) / len(rows), "share of rows"),
        (lambda rows, share: (len(rows) - tones_of(rows)) / tones_of(rows), "as many as the others"),
        (lambda rows, share: 0.12, "is wanted"),
        (lambda rows, share: print(weight_by_odds(rows, share)), "print"),
        (lambda rows, share: [share for _ in rows], "a number"),
    ],
}
