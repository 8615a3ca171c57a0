"""Answers to lesson 05, right and wrong."""

from collections import Counter
from itertools import pairwise


def counts(words):
    total = Counter()
    for word, times in words.items():
        for pair in pairwise(word):
            total[pair] += times
    return total


def by_sorting(words):
    return sorted(counts(words).items(), key=lambda item: (-item[1], item[0]))[0][0]


def by_loops(words):
    total = {}
    for word, times in words.items():
        for i in range(len(word) - 1):
            total[word[i], word[i + 1]] = total.get((word[i], word[i + 1]), 0) + times
    best = max(total.values())
    return min(pair for pair in total if total[pair] == best)


def merge_by_index(word, pair, new):
    out, i = [], 0
    while i < len(word):
        if word[i : i + 2] == pair:
            out.append(new)
            i += 2
        else:
            out.append(word[i])
            i += 1
    return tuple(out)


def merge_by_stack(word, pair, new):
    out = []
    for token in word:
        if out and (out[-1], token) == pair:
            out[-1] = new
        else:
            out.append(token)
    return out


def merge_by_recursion(word, pair, new):
    if len(word) < 2:
        return word
    if word[:2] == pair:
        return (new, *merge_by_recursion(word[2:], pair, new))
    return (word[0], *merge_by_recursion(word[1:], pair, new))


def first_only(word, pair, new):
    for i in range(len(word) - 1):
        if word[i : i + 2] == pair:
            return (*word[:i], new, *word[i + 2 :])
    return word


def drops_the_last(word, pair, new):
    out, i = [], 0
    while i < len(word) - 1:
        if word[i : i + 2] == pair:
            out.append(new)
            i += 2
        else:
            out.append(word[i])
            i += 1
    return tuple(out)


def keeps_both(word, pair, new):
    return tuple(new if word[i : i + 2] == pair else word[i] for i in range(len(word)))


def either_order(word, pair, new):
    out, i = [], 0
    while i < len(word):
        if set(word[i : i + 2]) == set(pair) and len(word[i : i + 2]) == 2:
            out.append(new)
            i += 2
        else:
            out.append(word[i])
            i += 1
    return tuple(out)


RIGHT = {
    "05.most_frequent_pair": [
        lambda words: min(counts(words), key=lambda pair: (-counts(words)[pair], pair)),
        by_sorting,
        by_loops,
    ],
    "05.merge": [merge_by_index, merge_by_stack, merge_by_recursion],
}
WRONG = {
    "05.most_frequent_pair": [
        (lambda words: Counter(p for w in words for p in pairwise(w)).most_common(1)[0][0], "once"),
        (lambda words: counts(words).most_common(1)[0][0], "smallest"),
        (lambda words: max(counts(words), key=lambda pair: (counts(words)[pair], pair)), "smallest"),
        (lambda words: by_sorting(words)[::-1], "turned"),
        (lambda words: min(counts(words)), "smallest pair"),
        (lambda words: counts(words)[by_sorting(words)], "pair of token numbers"),
        (
            lambda words: counts({w: n for w, n in words.items() if len(w) == len(set(w))}).most_common(1)[0][0],
            "twice|smallest",
        ),
    ],
    "05.merge": [
        (first_only, "first occurrence"),
        (drops_the_last, "lost"),
        (keeps_both, "shorter"),
        (either_order, "order"),
        (lambda word, pair, new: word, "unchanged"),
        (lambda word, pair, new: new, "row of token numbers"),
    ],
}
