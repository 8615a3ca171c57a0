"""Answers to lesson 05, right and wrong, written from the student's copy alone."""

from collections import Counter, defaultdict
from itertools import pairwise


def pair_by_counter(words):
    counts = Counter()
    for word, times in words.items():
        for pair in pairwise(word):
            counts[pair] += times
    return min(counts, key=lambda pair: (-counts[pair], pair))


def pair_by_index(words):
    counts = {}
    for word in words:
        for i in range(len(word) - 1):
            pair = (word[i], word[i + 1])
            counts[pair] = counts.get(pair, 0) + words[word]
    most = max(counts.values())
    return min(pair for pair, count in counts.items() if count == most)


def pair_by_sorting(words):
    counts = defaultdict(int)
    for word, times in words.items():
        for pair in zip(word, word[1:], strict=False):
            counts[pair] += times
    in_order = sorted(counts.items())
    in_order.sort(key=lambda item: item[1], reverse=True)
    return in_order[0][0]


def count_pairs(words):
    counts = Counter()
    for word, times in words.items():
        for pair in pairwise(word):
            counts[pair] += times
    return counts


def each_word_once(words):
    counts = Counter(pair for word in words for pair in pairwise(word))
    return min(counts, key=lambda pair: (-counts[pair], pair))


def largest_of_equals(words):
    counts = count_pairs(words)
    return max(counts, key=lambda pair: (counts[pair], pair))


def first_met_of_equals(words):
    return count_pairs(words).most_common(1)[0][0]


def across_words(words):
    row = [token for word, times in words.items() for _ in range(times) for token in word]
    counts = Counter(pairwise(row))
    return min(counts, key=lambda pair: (-counts[pair], pair))


def steps_of_two(words):
    counts = Counter()
    for word, times in words.items():
        for i in range(0, len(word) - 1, 2):
            counts[word[i], word[i + 1]] += times
    return min(counts, key=lambda pair: (-counts[pair], pair))


def once_in_each_word(words):
    counts = Counter()
    for word, times in words.items():
        for pair in set(pairwise(word)):
            counts[pair] += times
    return min(counts, key=lambda pair: (-counts[pair], pair))


def order_ignored(words):
    counts = Counter()
    for word, times in words.items():
        for pair in pairwise(word):
            counts[tuple(sorted(pair))] += times
    return min(counts, key=lambda pair: (-counts[pair], pair))


def pair_and_count(words):
    counts = count_pairs(words)
    best = min(counts, key=lambda pair: (-counts[pair], pair))
    return best, counts[best]


def last_pair_missed(words):
    counts = Counter()
    for word, times in words.items():
        for i in range(len(word) - 2):
            counts[word[i], word[i + 1]] += times
    return min(counts, key=lambda pair: (-counts[pair], pair))


def merge_by_walking(word, pair, new):
    out, i = [], 0
    while i < len(word):
        if word[i : i + 2] == pair:
            out.append(new)
            i += 2
        else:
            out.append(word[i])
            i += 1
    return tuple(out)


def merge_by_recursion(word, pair, new):
    if len(word) < 2:
        return tuple(word)
    if (word[0], word[1]) == tuple(pair):
        return (new, *merge_by_recursion(word[2:], pair, new))
    return (word[0], *merge_by_recursion(word[1:], pair, new))


def merge_by_string(word, pair, new):
    text = "".join(chr(token) for token in word)
    text = text.replace(chr(pair[0]) + chr(pair[1]), chr(new))
    return tuple(ord(sign) for sign in text)


def merge_the_first_only(word, pair, new):
    for i in range(len(word) - 1):
        if word[i : i + 2] == pair:
            return word[:i] + (new,) + word[i + 2 :]
    return word


def merge_from_the_right(word, pair, new):
    out, i = [], len(word)
    while i > 0:
        if i > 1 and word[i - 2 : i] == pair:
            out.append(new)
            i -= 2
        else:
            out.append(word[i - 1])
            i -= 1
    return tuple(reversed(out))


def merge_overlapping(word, pair, new):
    out, inside = [], False
    for i in range(len(word)):
        if word[i : i + 2] == pair:
            out.append(new)
            inside = True
        elif inside:
            inside = False
        else:
            out.append(word[i])
    return tuple(out)


def merge_single_tokens(word, pair, new):
    return tuple(new if token in pair else token for token in word)


def merge_either_order(word, pair, new):
    return merge_by_walking(merge_by_walking(word, pair, new), pair[::-1], new)


def merge_loses_the_end(word, pair, new):
    out, i = [], 0
    while i < len(word) - 1:
        if word[i : i + 2] == pair:
            out.append(new)
            i += 2
        else:
            out.append(word[i])
            i += 1
    return tuple(out)


def merge_as_list(word, pair, new):
    return list(merge_by_walking(word, pair, new))


def merge_even_places(word, pair, new):
    out = []
    for i in range(0, len(word), 2):
        out.extend([new] if word[i : i + 2] == pair else word[i : i + 2])
    return tuple(out)


def merge_joined_number(word, pair, new):
    return merge_by_walking(word, pair, pair[0] + pair[1])


RIGHT = {
    "05.most_frequent_pair": [
        pair_by_counter,
        pair_by_index,
        pair_by_sorting,
    ],
    "05.merge": [
        merge_by_walking,
        merge_by_recursion,
        merge_by_string,
    ],
}

WRONG = {
    "05.most_frequent_pair": [
        (each_word_once, "each word once"),
        (largest_of_equals, "the largest"),
        (first_met_of_equals, "met first"),
        (across_words, "border"),
        (steps_of_two, "every second pair"),
        (once_in_each_word, "twice in a word"),
        (order_ignored, "order counts"),
        (pair_and_count, "count as well"),
        (last_pair_missed, "last pair"),
        (lambda words: pair_by_counter(words)[::-1], "turned round"),
        (lambda words: min(count_pairs(words)), "smallest pair"),
        (lambda words: count_pairs(words)[pair_by_counter(words)], "pair of token numbers"),
        (lambda words: list(pair_by_counter(words)), "a tuple"),
    ],
    "05.merge": [
        (merge_the_first_only, "first occurrence"),
        (merge_from_the_right, "from the right"),
        (merge_overlapping, "middle token"),
        (merge_single_tokens, "by itself"),
        (merge_either_order, "order counts"),
        (merge_loses_the_end, "lost"),
        (merge_as_list, "give a tuple"),
        (merge_even_places, "every second place"),
        (merge_joined_number, "sum of"),
        (lambda word, pair, new: word, "unchanged"),
        (lambda word, pair, new: new, "row of token numbers"),
    ],
}
