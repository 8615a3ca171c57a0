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


def merge_with_joined_text(word, pair, new):
    text = " ".join(map(str, word)).replace(f"{pair[0]} {pair[1]}", str(new))
    return tuple(int(token) for token in text.split())


def merge_digit_by_digit(word, pair, new):
    text = "".join(map(str, word)).replace(f"{pair[0]}{pair[1]}", str(new))
    return tuple(int(token) for token in text)


def merge_past_the_end(word, pair, new):
    out, i = [], 0
    while i < len(word):
        if (word[i], word[i + 1]) == pair:
            out.append(new)
            i += 2
        else:
            out.append(word[i])
            i += 1
    return tuple(out)


def merge_keeps_the_second(word, pair, new):
    out, i = [], 0
    while i < len(word):
        out.append(new if word[i : i + 2] == pair else word[i])
        i += 1
    return tuple(out)


def pair_past_the_end(words):
    counts = Counter()
    for word, times in words.items():
        for i in range(len(word)):
            counts[word[i], word[i + 1]] += times
    return counts.most_common(1)[0][0]


def pair_of_the_longest_count(words):
    counts = {}
    for word, times in words.items():
        for pair in pairwise(word):
            counts[pair] = times
    return min(counts, key=lambda pair: (-counts[pair], pair))


def two_frequent_tokens(words):
    counts = Counter()
    for word, times in words.items():
        for token in word:
            counts[token] += times
    return tuple(sorted(counts, key=lambda token: (-counts[token], token))[:2])


def encode_in_order(word, learned):
    for pair, new in learned:
        word = merge_by_walking(word, pair, new)
    return word


def encode_by_rank(word, learned):
    rank = {pair: (n, new) for n, (pair, new) in enumerate(learned)}
    while known := [pair for pair in pairwise(word) if pair in rank]:
        best = min(known, key=rank.__getitem__)
        word = merge_by_walking(word, best, rank[best][1])
    return word


def encode_by_recursion(word, learned):
    return encode_by_recursion(merge_by_walking(word, *learned[0]), learned[1:]) if learned else word


def spelled(learned):
    spell = {token: (token,) for token in range(256)}
    for (left, right), new in learned:
        spell[new] = spell[left] + spell[right]
    return spell


def encode_longest_first(word, learned):
    spell, out = spelled(learned), []
    while word:
        best = max((token for token in spell if word[: len(spell[token])] == spell[token]), key=lambda t: len(spell[t]))
        out.append(best)
        word = word[len(spell[best]) :]
    return tuple(out)


def encode_longest_from_the_right(word, learned):
    spell, out = spelled(learned), []
    while word:
        best = max(
            (token for token in spell if word[-len(spell[token]) :] == spell[token]), key=lambda t: len(spell[t])
        )
        out.insert(0, best)
        word = word[: -len(spell[best])]
    return tuple(out)


def encode_backwards(word, learned):
    return encode_in_order(word, learned[::-1])


def encode_leftmost(word, learned):
    known = dict(learned)
    i = 0
    while i < len(word) - 1:
        if word[i : i + 2] in known:
            word = (*word[:i], known[word[i : i + 2]], *word[i + 2 :])
            i = 0
        else:
            i += 1
    return word


def encode_one_merge(word, learned):
    for pair, new in learned:
        if pair in pairwise(word):
            return merge_by_walking(word, pair, new)
    return word


def encode_once_each(word, learned):
    for pair, new in learned:
        word = merge_the_first_only(word, pair, new)
    return word


def decode_by_join(tokens, pieces):
    return b"".join(pieces[token] for token in tokens).decode("utf-8")[1:]


def decode_by_sum(tokens, pieces):
    whole = b""
    for token in tokens:
        whole += pieces[token]
    return whole.decode().lstrip(" ")


def decode_by_list(tokens, pieces):
    numbers = [byte for token in tokens for byte in pieces[token]]
    return bytes(numbers).decode().strip()


def merge_beside_the_pair(word, pair, new):
    out, i = [], 0
    while i < len(word):
        fits = word[i : i + 2] == pair
        out += [*pair, new] if fits else [word[i]]
        i += 2 if fits else 1
    return tuple(out)


def encode_until_one_fails(word, learned):
    for pair, new in learned:
        merged = merge_by_walking(word, pair, new)
        if merged == word:
            return word
        word = merged
    return word


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
    "05.encode": [encode_in_order, encode_by_rank, encode_by_recursion],
    "05.decode": [decode_by_join, decode_by_sum, decode_by_list],
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
        (pair_past_the_end, "one token past the end"),
        (pair_of_the_longest_count, "overwrite the count"),
        (two_frequent_tokens, "two most frequent tokens"),
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
        (lambda word, pair, new: new, "sequence of token numbers"),
        (merge_with_joined_text, "token 11 is not the token 1"),
        (merge_digit_by_digit, "token 11 is not the token 1"),
        (merge_past_the_end, "one token past the end"),
        (merge_keeps_the_second, "second token of the pair stays"),
        (merge_beside_the_pair, "keep both old ones"),
    ],
    "05.encode": [
        (encode_longest_first, "longest piece that fits, from the left"),
        (encode_longest_from_the_right, "longest piece that fits, from the right"),
        (encode_backwards, "from the last learned"),
        (encode_leftmost, "leftmost pair"),
        (encode_one_merge, "stop after the first merge"),
        (encode_until_one_fails, "finds no pair"),
        (encode_once_each, "one place only"),
        (lambda word, learned: word, "as they were"),
        (lambda word, learned: encode_in_order(word, learned[:-1]), "last merge"),
        (lambda word, learned: list(encode_in_order(word, learned)), "a tuple"),
        (lambda word, learned: len(encode_in_order(word, learned)), "sequence of token numbers"),
    ],
    "05.decode": [
        (lambda tokens, pieces: "".join(pieces[token].decode() for token in tokens)[1:], "middle of a character"),
        (
            lambda tokens, pieces: "".join(pieces[t].decode(errors="replace") for t in tokens)[1:],
            "several bytes is lost",
        ),
        (
            lambda tokens, pieces: "".join(pieces[t].decode(errors="ignore") for t in tokens)[1:],
            "several bytes is lost",
        ),
        (lambda tokens, pieces: b"".join(pieces[token] for token in tokens), "You give bytes"),
        (lambda tokens, pieces: b"".join(pieces[token] for token in tokens).decode(), "still there"),
        (lambda tokens, pieces: decode_by_join(tokens, pieces).replace(" ", ""), "All spaces are gone"),
        (lambda tokens, pieces: b"".join(pieces[t] for t in tokens).decode("latin-1")[1:], "each byte for a character"),
        (lambda tokens, pieces: decode_by_join(tokens, pieces)[1:], "first letter is lost"),
        (
            lambda tokens, pieces: " ".join(decode_by_join([32, *[t]], pieces) for t in tokens),
            "middle of a character",
        ),
        (lambda tokens, pieces: [pieces[token] for token in tokens], "should be text"),
        (lambda tokens, pieces: decode_by_sum(tokens, pieces).encode().decode("ascii", "ignore"), "several bytes"),
        (lambda tokens, pieces: "".join(chr(token) for token in tokens)[1:], "should become"),
        (lambda tokens, pieces: " ".join(pieces[token].decode(errors="replace") for token in tokens)[1:], "spaces"),
    ],
}
