"""Answers to lesson 16, right and wrong."""

import torch

from dalle_lessons.model.dalle import DALLE


def summed(c):
    w = c.width
    blocks = c.layers * (12 * w * w + 13 * w)
    tables = (c.vocab_size + 2 * c.text_length + 1 + c.codes + c.rows + c.cols) * w
    return blocks + 2 * w + tables + (w + 1) * (c.vocab_size + c.codes)


def counted(c):
    with torch.device("meta"):
        return sum(p.numel() for p in DALLE(c).parameters())


def in_parts(c):
    w = c.width
    attention, mlp, norms = 4 * (w * w + w), 8 * w * w + 5 * w, 4 * w
    text = c.vocab_size * w + c.text_length * w + c.text_length * w
    image = w + c.codes * w + c.rows * w + c.cols * w
    heads = [n * w + n for n in (c.vocab_size, c.codes)]
    return torch.tensor(c.layers * (attention + mlp + norms) + 2 * w + text + image + sum(heads))


def blocks(c):
    return c.layers * (12 * c.width**2 + 13 * c.width)


def scaled(gradient, scale):
    return (gradient * scale).half().float() / scale


def with_to(gradient, scale):
    return (scale * gradient).to(torch.float16).to(torch.float32) * (1 / scale)


def one_by_one(gradient, scale):
    return torch.tensor([float((g * scale).half()) / scale for g in gradient])


def drawing(n, text, image, cached):
    fed = text + image - 1 if cached else text * image + image * (image - 1) // 2
    return 2 * n * fed


def drawing_by_sum(n, text, image, cached):
    return 2 * n * (text + image - 1) if cached else sum(2 * n * (text + k) for k in range(image))


def drawing_by_loop(n, text, image, cached):
    total, held = 0, 0
    for k in range(image):
        now = text + k
        total += 2.0 * n * (now - held if cached else now)
        held = now
    return total


def energy(flops, peak, used, watts, overhead):
    return flops / (peak * used) * watts * overhead / 3.6e6


def energy_by_joules(flops, peak, used, watts, overhead):
    joules = watts * overhead * flops / peak / used
    return joules / 1000 / 3600


def energy_by_hours(flops, peak, used, watts, overhead):
    hours = flops / (used * peak) / 3600
    return torch.tensor(hours * watts / 1000 * overhead, dtype=torch.float64)


RIGHT = {
    "16.dalle_parameters": [summed, counted, in_parts],
    "16.drawing_flops": [drawing, drawing_by_sum, drawing_by_loop],
    "16.kilowatt_hours": [energy, energy_by_joules, energy_by_hours],
    "16.order": ["bedfca", "befdca", "BEDCFA", "b, e, d, f, c, a"],
    "16.through_half": [scaled, with_to, one_by_one],
}
WRONG = {
    "16.dalle_parameters": [
        (blocks, "blocks alone"),
        (lambda c: summed(c) - (c.width + 1) * (c.vocab_size + c.codes), "heads are missing"),
        (lambda c: summed(c) - c.vocab_size - c.codes, "biases are missing"),
        (lambda c: summed(c) - 2 * c.width, "last norm"),
        (lambda c: summed(c) - c.text_length * c.width, "pads are missing"),
        (lambda c: summed(c) + (c.rows * c.cols - c.rows - c.cols) * c.width, "row and a column"),
        (lambda c: summed(c) - c.layers * 13 * c.width, "13 C"),
        (lambda c: 12 * c.width**2, "For width"),
        (lambda c: summed(c) - c.width * (c.vocab_size + c.codes), "heads' matrices"),
        (lambda c: summed(c) - c.width, "half of the last norm"),
        (lambda c: summed(c) - c.width + 1, "one number"),
        (lambda c: summed(c) - (c.layers - 1) * (12 * c.width**2 + 13 * c.width), "one block"),
    ],
    "16.drawing_flops": [
        (lambda n, t, k, c: 6 * n * (t + k - 1), "not 6"),
        (lambda n, t, k, c: 2 * n * (t + k), "fed to nobody"),
        (lambda n, t, k, c: 2 * n * k, "caption's tokens"),
        (lambda n, t, k, c: n * (t + k - 1), "two operations"),
        (lambda n, t, k, c: 2 * n * (t + k - 1), "costs more"),
        (lambda n, t, k, c: drawing(n, t, k, True) if c else 2 * n * k * (t + k), "will ever be there"),
        (lambda n, t, k, c: drawing(n, t, k, True) if c else 2 * n * sum(range(k)), "leave the caption out"),
        (lambda n, t, k, c: drawing(n, t, k, True) if c else 2 * n * sum(t + i for i in range(1, k + 1)), "alone"),
        (lambda n, t, k, c: drawing(n, t, k, not c), "without a cache"),
        (lambda n, t, k, c: drawing(n, t, k, True) if c else 2 * n * (t + k) ** 2, "Image token k"),
    ],
    "16.kilowatt_hours": [
        (lambda f, p, u, w, o: f / (p * u) * w * o, "joules"),
        (lambda f, p, u, w, o: f / (p * u) * w * o / 3600, "watt-hours"),
        (lambda f, p, u, w, o: f / (p * u) * w * o / 1000, "kilowatt-seconds"),
        (lambda f, p, u, w, o: f / (p * u) / 60 * w / 1000 * o, "not 60"),
        (lambda f, p, u, w, o: f / (p * u) * w / 3.6e6, "overhead is missing"),
        (lambda f, p, u, w, o: f / (p * u) * w / o / 3.6e6, "more, not less"),
        (lambda f, p, u, w, o: f / p * w * o / 3.6e6, "take the peak"),
        (lambda f, p, u, w, o: f / p * u * w * o / 3.6e6, "more seconds"),
        (lambda f, p, u, w, o: f / (p * u) / 3600, "in hours"),
    ],
    "16.order": [
        ("ebdfca", "after the backward pass"),
        ("becdfa", "still scaled"),
        ("beafdc", "still scaled"),
        ("bedfac", "clip after the step"),
        ("bedcaf", "after the step"),
        ("bdefca", "before the backward pass has made"),
        ("bedfc", "a is missing"),
        ("bedfcaa", "once"),
        (list("bedfca"), "as text"),
    ],
    "16.through_half": [
        (lambda g, scale: g, "Nothing was lost"),
        (lambda g, scale: g.half().float() * scale / scale, "unscaled"),
        (lambda g, scale: ((g * scale).half() / scale).float(), "before you divide"),
        (lambda g, scale: (g * scale).half().float(), "still scaled"),
        (lambda g, scale: (g / scale).half().float() * scale, "divide first"),
        (lambda g, scale: (g * scale).bfloat16().float() / scale, "bfloat16"),
        (lambda g, scale: (g * scale).half() / scale, "32 bits"),
        (lambda g, scale: (g.half() * scale).float() / scale, "unscaled"),
        (lambda g, scale: g * scale / scale, "Nothing was lost"),
        (lambda g, scale: (g.half() / scale).float() * scale, "in this order"),
    ],
}
