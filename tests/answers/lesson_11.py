"""Answers to lesson 11, right and wrong."""

import torch


def draw_by_loop(logits, noise, temperature):
    best, place = -float("inf"), None
    for k in range(len(logits)):
        value = float(logits[k]) if temperature == 0 else float(logits[k]) / temperature + float(noise[k])
        if value > best:
            best, place = value, k
    return place


def scaled_noise(logits, noise, temperature):
    return (logits + temperature * noise).argmax()


def top_p_by_loop(logits, p):
    chances, out, total = logits.softmax(0), torch.full_like(logits, -torch.inf), 0.0
    for k in chances.argsort(descending=True).tolist():
        out[k] = logits[k]
        total += float(chances[k])
        if total >= p:
            break
    return out


def top_p_by_sort(logits, p):
    ordered, order = logits.softmax(0).sort(descending=True)
    before = ordered.cumsum(0) - ordered
    keep = torch.zeros_like(logits, dtype=torch.bool)
    keep[order[before < p]] = True
    return logits.masked_fill(~keep, -torch.inf)


def top_p_by_threshold(logits, p):
    chances = logits.softmax(0)
    more_likely = torch.stack([chances[chances > c].sum() for c in chances])
    return torch.where(more_likely < p, logits, torch.tensor(-torch.inf))


def one_too_few(logits, p):
    ordered, order = logits.softmax(0).sort(descending=True)
    keep = torch.zeros_like(logits, dtype=torch.bool)
    keep[order[ordered.cumsum(0) <= p]] = True
    return logits.masked_fill(~keep, -torch.inf)


def unsorted_mask(logits, p):
    ordered = logits.softmax(0).sort(descending=True).values
    return logits.masked_fill(ordered.cumsum(0) - ordered >= p, -torch.inf)


def rarest(logits, p):
    ordered, order = logits.softmax(0).sort()
    keep = torch.zeros_like(logits, dtype=torch.bool)
    keep[order[ordered.cumsum(0) - ordered < p]] = True
    keep[1] = False
    return logits.masked_fill(~keep, -torch.inf)


RIGHT = {
    "11.draw": [
        lambda logits, noise, t: int(logits.argmax()) if t == 0 else int((logits / t + noise).argmax()),
        draw_by_loop,
        scaled_noise,
    ],
    "11.top_p": [top_p_by_loop, top_p_by_sort, top_p_by_threshold],
    "11.cache_numbers": [
        lambda layers, width, slots: 2 * layers * width * slots,
        lambda layers, width, slots: torch.zeros(2, layers, slots, width).numel(),
        lambda layers, width, slots: sum(width + width for _ in range(layers) for _ in range(slots)),
    ],
}
WRONG = {
    "11.draw": [
        (lambda logits, noise, t: (logits * t + noise).argmax(), "multiply"),
        (lambda logits, noise, t: ((logits + noise) / max(t, 1e-9)).argmax(), "noise as well"),
        (lambda logits, noise, t: logits.argmax(), "leave the noise out"),
        (lambda logits, noise, t: (logits / t + noise).max(), "argmax"),
        (lambda logits, noise, t: (logits / (t + 1e-3) + noise).argmax() if t else 2, "temperature 0"),
        (lambda logits, noise, t: logits / t + noise, "one number"),
        (lambda logits, noise, t: (logits / t + noise).argmin(), "draw code"),
    ],
    "11.top_p": [
        (one_too_few, "One code too few"),
        (unsorted_mask, "sorted order"),
        (lambda logits, p: logits.masked_fill(logits.softmax(0) < p, -torch.inf), "own chance"),
        (lambda logits, p: logits.masked_fill(top_p_by_loop(logits, p).isneginf(), 0.0), "exp"),
        (lambda logits, p: logits, "Nothing"),
        (lambda logits, p: top_p_by_loop(logits, p).softmax(0).log(), "changed"),
        (rarest, "rarest"),
        (lambda logits, p: top_p_by_loop(logits, p).isneginf(), "Nothing|changed|dropped"),
    ],
    "11.cache_numbers": [
        (lambda layers, width, slots: layers * width * slots, "Keys alone"),
        (lambda layers, width, slots: 3 * layers * width * slots, "Queries"),
        (lambda layers, width, slots: 2 * width * slots, "layer"),
        (lambda layers, width, slots: layers * slots**2, "weights of attention"),
        (lambda layers, width, slots: 2 * layers * width, "slots seen so far"),
        (lambda layers, width, slots: 2 * layers * width * (slots - 1), "it is"),
    ],
}
