"""Answers to lesson 00, right and wrong, written from the student's copy alone."""

import torch

# ---- right ----


def by_list(scores, length):
    tokens = []
    for _ in range(length):
        probabilities = scores(tokens).softmax(dim=0)
        tokens.append(int(torch.multinomial(probabilities, 1)))
    return tokens


def as_tensor(scores, length):
    tokens = torch.empty(0, dtype=torch.int64)
    while len(tokens) < length:
        tokens = torch.cat((tokens, torch.multinomial(torch.softmax(scores(tokens), 0), 1)))
    return tokens


def by_gumbel(scores, length):
    tokens = ()
    for _ in range(length):
        logits = scores(list(tokens))
        tokens += (int((logits - torch.empty_like(logits).exponential_().log()).argmax()),)
    return tokens


def of_tensors(scores, length):
    tokens = []
    for _ in range(length):
        tokens.append(torch.multinomial(scores(tokens).exp(), 1))  # which need not add up to 1
    return tokens


# ---- wrong ----


def greedy(scores, length):
    tokens = []
    for _ in range(length):
        tokens.append(int(scores(tokens).argmax()))
    return tokens


def asked_once(scores, length):
    probabilities = scores([]).softmax(dim=0)
    return torch.multinomial(probabilities, length, replacement=True).tolist()


def never_grows(scores, length):
    return [int(torch.multinomial(scores([]).softmax(dim=0), 1)) for _ in range(length)]


def last_alone(scores, length):
    tokens = []
    for _ in range(length):
        tokens.append(int(torch.multinomial(scores(tokens[-1:]).softmax(dim=0), 1)))
    return tokens


def no_softmax(scores, length):
    tokens = []
    for _ in range(length):
        tokens.append(int(torch.multinomial(scores(tokens), 1)))
    return tokens


def softmax_twice(scores, length):
    tokens = []
    for _ in range(length):
        tokens.append(int(torch.multinomial(scores(tokens).softmax(dim=0).softmax(dim=0), 1)))
    return tokens


def equal_chances(scores, length):
    return [int(torch.randint(len(scores([])), ())) for _ in range(length)]


def one_too_many(scores, length):
    tokens = [int(torch.multinomial(scores([]).softmax(dim=0), 1))]
    for _ in range(length):
        tokens.append(int(torch.multinomial(scores(tokens).softmax(dim=0), 1)))
    return tokens


def starts_at_zero(scores, length):
    tokens = [0]
    for _ in range(length):
        tokens.append(int(torch.multinomial(scores(tokens).softmax(dim=0), 1)))
    return tokens[1:]


def last_token_only(scores, length):
    return by_list(scores, length)[-1]


def prints(scores, length):
    by_list(scores, length)


def returns_too_early(scores, length):
    tokens = []
    for _ in range(length):
        tokens.append(int(torch.multinomial(scores(tokens).softmax(dim=0), 1)))
        return tokens


def never_asks(scores, length):
    return torch.randint(6, (length,)).tolist()


def too_cold(scores, length):
    tokens = []
    for _ in range(length):
        tokens.append(int(torch.multinomial((2 * scores(tokens)).softmax(dim=0), 1)))
    return tokens


def probabilities_of_codes(scores, length):
    tokens, likely = [], []
    for _ in range(length):
        probabilities = scores(tokens).softmax(dim=0)
        tokens.append(int(torch.multinomial(probabilities, 1)))
        likely.append(0.5 * float(probabilities[tokens[-1]]))
    return likely


PARTS = {"a": "decoder", "b": "tokenizer", "c": "ranking", "d": "transformer", "e": "sampling"}
DREW = {"a": "DALL·E 2", "b": "DALL·E", "c": "Parti", "d": "DALL·E mini"}


def by_exp(scores, length):  # torch.multinomial divides by the sum
    tokens = []
    for _ in range(length):
        tokens.append(torch.multinomial(scores(tokens).exp(), 1).item())
    return tokens


def places_when_sorted(scores, length):
    tokens = []
    for _ in range(length):
        probabilities, _codes = scores(tokens).softmax(dim=0).sort(descending=True)
        tokens.append(int(torch.multinomial(probabilities, 1)))
    return tokens


def newest_first(scores, length):
    tokens = []
    for _ in range(length):
        tokens.insert(0, int(torch.multinomial(scores(tokens).softmax(dim=0), 1)))
    return tokens


def all_at_once(scores, length):
    return torch.multinomial(scores([]).softmax(dim=0), length, replacement=True).tolist()


RIGHT = {
    "00.draw_tokens": [by_list, as_tensor, by_gumbel, of_tensors, by_exp],
    "00.which_part": [
        PARTS,
        ["decoder", "tokenizer", "ranking", "transformer", "sampling"],
        {"A": "Decoder", "B": "Tokenizer", "C": "CLIP ranks", "D": "Transformer", "E": "Sampling"},
        {"a": "encoder", "b": "text tokens", "c": "CLIP", "d": "model", "e": "dice"},
    ],
    "00.which_system": [
        DREW,
        ["DALL·E 2", "DALL·E", "Parti", "DALL·E mini"],
        {"a": "DALL-E 2", "b": "DALL-E", "c": "parti", "d": "Craiyon"},
        {"a": "dalle2", "b": "dalle", "c": "Parti", "d": "dalle-mini"},
    ],
}

WRONG = {
    "00.draw_tokens": [
        (greedy, "throw the dice"),
        (asked_once, "all your tokens come from the scores of the first"),
        (never_grows, "all your tokens come from the scores of the first"),
        (last_alone, "the last token alone"),
        (no_softmax, "take the softmax"),
        (softmax_twice, "asked anew"),
        (equal_chances, "scores of the first one"),
        (one_too_many, "one too many"),
        (starts_at_zero, r"scores\(\[\]\)"),
        (last_token_only, "a list of tokens"),
        (prints, "print is not to return"),
        (returns_too_early, "is `length` used"),
        (never_asks, "never asks"),
        (too_cold, "nothing more"),
        (probabilities_of_codes, "not its probability"),
        ([1, 2, 3], "should be a function"),
        (places_when_sorted, "not codes"),
        (newest_first, "end of the list"),
        (all_at_once, "scores of the first one"),
    ],
    "00.which_part": [
        ({**PARTS, "a": "sampling", "e": "decoder"}, "took likely patches"),
        ({**PARTS, "a": "transformer", "d": "decoder"}, "took likely patches"),
        ({**PARTS, "b": "transformer"}, "compare what it reads"),
        ({**PARTS, "b": "ranking", "c": "tokenizer"}, "compare what it reads"),
        ({**PARTS, "c": "sampling"}, "among finished pictures"),
        ({**PARTS, "d": "sampling", "e": "transformer"}, "found no patch likely"),
        ({**PARTS, "e": "transformer"}, "far down the list"),
        ({**PARTS, "e": "decoder"}, "far down the list"),
        ({"a": "decoder", "b": "tokenizer", "c": "ranking", "d": "transformer"}, "no answer yet"),
        (["tokenizer", "transformer", "sampling", "decoder", "ranking"], "list of the parts"),
        ("decoder", "a dictionary"),
        ({**PARTS, "b": "magic"}, "no part"),
        ({"a": ..., "b": ..., "c": ..., "d": ..., "e": ...}, "no answer yet"),
    ],
    "00.which_system": [
        ({**DREW, "a": "DALL·E", "b": "DALL·E 2"}, "by diffusion"),
        ({**DREW, "a": "Parti", "c": "DALL·E 2"}, "by diffusion"),
        ({**DREW, "b": "DALL·E mini", "d": "DALL·E"}, "best of 512"),
        ({**DREW, "b": "DALL·E 2"}, "best of 512"),
        ({**DREW, "c": "DALL·E 2"}, "20 billion"),
        ({**DREW, "d": "DALL·E"}, "small enough"),
        ({**DREW, "d": "Midjourney"}, "no system of the list"),
        ("DALL·E", "a dictionary"),
        ({"a": ..., "b": ..., "c": ..., "d": ...}, "no answer yet"),
    ],
}
