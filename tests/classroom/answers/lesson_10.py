"""Answers to lesson 10, right and wrong."""

import math

import torch

from dalle_lessons.training.trainer import TrainConfig


def by_cross_entropy(words, codes):
    text, image = (torch.nn.functional.cross_entropy(torch.zeros(1, n), torch.tensor([0])) for n in (words, codes))
    return text / 8 + 7 * image / 8


def by_power(words, codes):
    return math.log(words ** (1 / 8) * codes ** (7 / 8))


def by_cases(step, steps, warmup, min_lr_ratio):
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / (steps - warmup)
    return min_lr_ratio + (1 - min_lr_ratio) * (1 + math.cos(math.pi * done)) / 2


def by_recipe(step, steps, warmup, min_lr_ratio):
    return TrainConfig(steps=steps, warmup=warmup, min_lr_ratio=min_lr_ratio).lr_multiplier(step)


def by_square(step, steps, warmup, min_lr_ratio):
    if step + 1 <= warmup:
        return torch.tensor((step + 1) / warmup)
    angle = torch.tensor((step - warmup) / (steps - warmup)) * torch.pi / 2
    return min_lr_ratio * angle.sin() ** 2 + angle.cos() ** 2


def late_start(step, steps, warmup, min_lr_ratio):
    return step / warmup if step < warmup else by_cases(step, steps, warmup, min_lr_ratio)


def whole_cosine(step, steps, warmup, min_lr_ratio):
    wave = 0.5 * (1 + math.cos(math.pi * step / steps))
    return (step + 1) / warmup if step < warmup else min_lr_ratio + (1 - min_lr_ratio) * wave


def no_warmup(step, steps, warmup, min_lr_ratio):
    return min_lr_ratio + (1 - min_lr_ratio) * 0.5 * (1 + math.cos(math.pi * step / steps))


def flat_warmup(step, steps, warmup, min_lr_ratio):
    return 1.0 if step < warmup else by_cases(step, steps, warmup, min_lr_ratio)


def line(step, steps, warmup, min_lr_ratio):
    done = (step - warmup) / (steps - warmup)
    return (step + 1) / warmup if step < warmup else min_lr_ratio + (1 - min_lr_ratio) * (1 - done)


def no_half(step, steps, warmup, min_lr_ratio):
    done = (step - warmup) / (steps - warmup)
    return (step + 1) / warmup if step < warmup else min_lr_ratio + (1 - min_lr_ratio) * math.cos(math.pi * done)


def degrees(step, steps, warmup, min_lr_ratio):
    done = (step - warmup) / (steps - warmup)
    return (
        (step + 1) / warmup if step < warmup else min_lr_ratio + (1 - min_lr_ratio) * 0.5 * (1 + math.cos(180 * done))
    )


def added(step, steps, warmup, min_lr_ratio):
    done = (step - warmup) / (steps - warmup)
    return (step + 1) / warmup if step < warmup else min_lr_ratio + 0.5 * (1 + math.cos(math.pi * done))


RIGHT = {
    "10.first_loss": [lambda w, c: math.log(w) / 8 + 7 * math.log(c) / 8, by_cross_entropy, by_power],
    "10.lr_multiplier": [by_cases, by_recipe, by_square],
    "10.causes": ["dac", "D, A, C", ["d", "a", "c"], {"B": "a", "A": "d", "C": "c"}],
}
WRONG = {
    "10.first_loss": [
        (lambda w, c: math.log2(w) / 8 + 7 * math.log2(c) / 8, "bits"),
        (lambda w, c: 7 * math.log(w) / 8 + math.log(c) / 8, "exchanged"),
        (lambda w, c: math.log(c), "image's part alone"),
        (lambda w, c: math.log(w) + math.log(c), "weights are missing"),
        (lambda w, c: (math.log(w) + math.log(c)) / 2, "count alike"),
        (lambda w, c: math.log(w + c), "stay apart"),
        (lambda w, c: 1 / 8 / w + 7 / 8 / c, "chance"),
        (lambda w, c: math.log(1 / w) / 8 + 7 * math.log(1 / c) / 8, "sign"),
        (lambda w, c: 0.0, "For 352"),
    ],
    "10.lr_multiplier": [
        (late_start, "does nothing"),
        (whole_cosine, "after the warm-up"),
        (no_warmup, "no warm-up"),
        (flat_warmup, "grows"),
        (line, "straight line"),
        (lambda step, steps, warmup, min_lr_ratio: by_cases(step, steps, warmup, 0.0), "falls to 0"),
        (no_half, "below 0"),
        (degrees, "radians"),
        (added, "1 - final"),
        (lambda step, steps, warmup, min_lr_ratio: min(1, (step + 1) / warmup), "cosine is missing"),
    ],
    "10.causes": [
        ("aac", "A's loss falls faster"),
        ("cac", "by heart"),
        ("ddc", "sees the answers"),
        ("dcc", "draw them apart"),
        ("daa", "held-out line"),
        ("dad", "near 0"),
        ("da", "three letters"),
        (3, "three letters"),
        ({"A": "d"}, "each of the three"),
    ],
}
