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


RIGHT = {
    "16.dalle_parameters": [summed, counted, in_parts],
    "16.training_flops": [
        lambda n, s, b, t: 6 * n * s * b * t,
        lambda n, s, b, t: sum(6.0 * n * b * t for _ in range(s)),
        lambda n, s, b, t: torch.tensor((2 + 4) * n * (s * b * t), dtype=torch.float64),
    ],
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
    ],
    "16.training_flops": [
        (lambda n, s, b, t: 2 * n * s * b * t, "forward pass alone"),
        (lambda n, s, b, t: 3 * n * s * b * t, "two operations"),
        (lambda n, s, b, t: 6 * n * b * t, "one step"),
        (lambda n, s, b, t: 6 * n * s * b, "not tokens"),
        (lambda n, s, b, t: 6 * n * s * t, "batch is missing"),
        (lambda n, s, b, t: 6 * n * s * b * t**2, "not squared"),
    ],
    "16.through_half": [
        (lambda g, scale: g, "Nothing was lost"),
        (lambda g, scale: g.half().float() * scale / scale, "unscaled"),
        (lambda g, scale: ((g * scale).half() / scale).float(), "before you divide"),
        (lambda g, scale: (g * scale).half().float(), "still scaled"),
        (lambda g, scale: (g / scale).half().float() * scale, "divide first"),
        (lambda g, scale: (g * scale).bfloat16().float() / scale, "bfloat16"),
        (lambda g, scale: (g * scale).half() / scale, "32 bits"),
    ],
}
