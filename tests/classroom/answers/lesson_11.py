"""Answers to lesson 11, right and wrong, written from the student's copy alone."""

import math

import torch


def draw_with_a_case(logits, noise, temperature):
    if temperature == 0:
        return logits.argmax()
    return (logits / temperature + noise).argmax()


def draw_scaled_noise(logits, noise, temperature):
    return int(torch.argmax(logits + temperature * noise))


def draw_by_loop(logits, noise, temperature):
    best, highest = 0, -math.inf
    for code, (score, extra) in enumerate(zip(logits.tolist(), noise.tolist(), strict=False)):
        total = score if temperature == 0 else score / temperature + extra
        if total > highest:
            best, highest = code, total
    return best


def draw_divides_both(logits, noise, temperature):
    if temperature == 0:
        return logits.argmax()
    return ((logits + noise) / temperature).argmax()


def draw_multiplies(logits, noise, temperature):
    if temperature == 0:
        return logits.argmax()
    return (logits * temperature + noise).argmax()


def draw_divides_by_zero(logits, noise, temperature):
    return (logits / temperature + noise).argmax()


def draw_noise_on_chances(logits, noise, temperature):
    if temperature == 0:
        return logits.argmax()
    return ((logits / temperature).softmax(dim=0) + noise).argmax()


def draw_own_dice(logits, noise, temperature):
    if temperature == 0:
        return logits.argmax()
    return torch.multinomial((logits / temperature).softmax(dim=0), 1)[0]


def draw_greedy(logits, noise, temperature):
    return logits.argmax()


def draw_returns_score(logits, noise, temperature):
    if temperature == 0:
        return logits.max()
    return (logits / temperature + noise).max()


def draw_zero_as_one(logits, noise, temperature):
    return (logits / (temperature or 1) + noise).argmax()


def draw_in_place(logits, noise, temperature):
    if temperature == 0:
        return logits.argmax()
    logits /= temperature
    logits += noise
    return logits.argmax()


def draw_noise_twice(logits, noise, temperature):
    if temperature == 0:
        return logits.argmax()
    return (logits / temperature - (-noise.log()).log()).argmax()


def top_p_by_sorting(logits, p):
    chances, order = logits.softmax(dim=0).sort(descending=True)
    before = chances.cumsum(dim=0) - chances
    out = torch.full_like(logits, -torch.inf)
    kept = order[before < p]
    out[kept] = logits[kept]
    return out


def top_p_by_loop(logits, p):
    chances = logits.softmax(dim=0).tolist()
    kept, reached = set(), 0.0
    for code in sorted(range(len(chances)), key=lambda code: -chances[code]):
        if reached >= p:
            break
        kept.add(code)
        reached += chances[code]
    return torch.stack([x if code in kept else torch.full_like(x, -torch.inf) for code, x in enumerate(logits)])


def top_p_by_searching(logits, p):
    order = logits.argsort(descending=True)
    reached = logits.softmax(dim=0)[order].cumsum(dim=0)
    count = int((reached < p).sum()) + 1
    mask = torch.ones_like(logits, dtype=torch.bool)
    mask[order[:count]] = False
    return logits.masked_fill(mask, -torch.inf)


def sorted_chances(logits):
    return logits.softmax(dim=0).sort(descending=True)


def put_back(logits, kept):
    out = torch.full_like(logits, -torch.inf)
    out[kept] = logits[kept]
    return out


def stops_short(logits, p):
    chances, order = sorted_chances(logits)
    return put_back(logits, order[chances.cumsum(dim=0) <= p])


def one_too_many(logits, p):
    chances, order = sorted_chances(logits)
    count = int((chances.cumsum(dim=0) < p).sum()) + 2
    return put_back(logits, order[:count])


def each_chance_above_p(logits, p):
    return logits.masked_fill(logits.softmax(dim=0) < p, -torch.inf)


def relative_to_the_best(logits, p):
    chances = logits.softmax(dim=0)
    return logits.masked_fill(chances < p * chances.max(), -torch.inf)


def not_put_back(logits, p):
    ordered = logits.sort(descending=True).values
    chances = ordered.softmax(dim=0)
    return ordered.masked_fill(chances.cumsum(dim=0) - chances >= p, -torch.inf)


def mask_of_sorted_on_unsorted(logits, p):
    chances, _ = sorted_chances(logits)
    return logits.masked_fill(chances.cumsum(dim=0) - chances >= p, -torch.inf)


def likeliest_last(logits, p):
    chances, order = logits.softmax(dim=0).sort()
    return put_back(logits, order[chances.cumsum(dim=0) - chances < p])


def unsorted_sums(logits, p):
    chances = logits.softmax(dim=0)
    return logits.masked_fill(chances.cumsum(dim=0) - chances >= p, -torch.inf)


def sums_of_logits(logits, p):
    ordered, order = logits.sort(descending=True)
    return put_back(logits, order[ordered.cumsum(dim=0) - ordered < p])


def zero_outside(logits, p):
    return top_p_by_sorting(logits, p).masked_fill(top_p_by_sorting(logits, p) == -torch.inf, 0.0)


def share_of_the_codes(logits, p):
    count = max(1, int(p * len(logits)))
    return put_back(logits, logits.topk(count).indices)


def cache_by_loop(layers, width, slots):
    numbers = 0
    for _ in range(layers):
        for _ in ("key", "value"):
            numbers += width * slots
    return numbers


def cache_by_shape(layers, width, slots):
    return torch.empty(layers, 2, slots, width, device="meta").numel()


def top_p_by_threshold(logits, p):
    chances = logits.softmax(dim=0)
    more_likely = torch.stack([chances[chances > c].sum() for c in chances])
    return torch.where(more_likely < p, logits, torch.tensor(-torch.inf))


RIGHT = {
    "11.draw": [
        draw_with_a_case,
        draw_scaled_noise,
        draw_by_loop,
    ],
    "11.top_p": [
        top_p_by_sorting,
        top_p_by_loop,
        top_p_by_searching,
        top_p_by_threshold,
    ],
    "11.cache_numbers": [
        lambda layers, width, slots: 2 * layers * width * slots,
        cache_by_loop,
        cache_by_shape,
    ],
}

WRONG = {
    "11.draw": [
        (draw_divides_both, "noise as well"),
        (draw_multiplies, "wrong way round"),
        (draw_divides_by_zero, "divide by 0"),
        (draw_noise_on_chances, "to chances"),
        (draw_own_dice, "dice of your own"),
        (draw_returns_score, "not max"),
        (draw_zero_as_one, "0 for 1"),
        (draw_in_place, "in place"),
        (draw_noise_twice, "already"),
        (draw_greedy, "noise out"),
        (lambda logits, noise, temperature: logits / (temperature or 1) + noise, "every code"),
    ],
    "11.top_p": [
        (stops_short, "too few"),
        (one_too_many, "too many"),
        (each_chance_above_p, "own chance"),
        (relative_to_the_best, "near the best"),
        (not_put_back, "back in sorted order"),
        (mask_of_sorted_on_unsorted, "mask stands"),
        (likeliest_last, "rarest"),
        (zero_outside, "get 0"),
        (share_of_the_codes, "share p"),
        (unsorted_sums, "sort them first"),
        (lambda logits, p: top_p_by_sorting(logits, p).softmax(dim=0).log(), "changed"),
        (lambda logits, p: logits, "Nothing is dropped"),
        (sums_of_logits, "chances"),
    ],
    "11.cache_numbers": [
        (lambda layers, width, slots: layers * width * slots, "Keys alone"),
        (lambda layers, width, slots: 3 * layers * width * slots, "Queries"),
        (lambda layers, width, slots: 2 * layers * width, "last alone"),
        (lambda layers, width, slots: 2 * width * slots, "Each layer"),
        (lambda layers, width, slots: 2 * layers * slots, "by the width"),
        (lambda layers, width, slots: 2 * layers * width * slots**2, "twice"),
        (lambda layers, width, slots: 8 * layers * width * slots, "bytes"),
        (lambda layers, width, slots: layers * width * slots * (slots + 1), "over the steps"),
        (lambda layers, width, slots: 2 * layers * width * (slots - 1), "last slot"),
        (lambda layers, width, slots: layers * slots**2, "weights of attention"),
    ],
}
