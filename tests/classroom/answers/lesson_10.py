"""Answers to lesson 10, right and wrong."""

import copy
import math

import torch
from torch import nn

from dalle_lessons.training.muon import Muon
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


def cut_off(step, steps, warmup, min_lr_ratio):
    return max(min_lr_ratio, by_cases(step, steps, warmup, 0.0))


def quarter(step, steps, warmup, min_lr_ratio):
    wave = math.cos(math.pi / 2 * (step - warmup) / (steps - warmup))
    return (step + 1) / warmup if step < warmup else min_lr_ratio + (1 - min_lr_ratio) * wave


def late_start(step, steps, warmup, min_lr_ratio):
    return step / warmup if step < warmup else by_cases(step, steps, warmup, min_lr_ratio)


def whole_cosine(step, steps, warmup, min_lr_ratio):
    wave = 0.5 * (1 + math.cos(math.pi * step / steps))
    return (step + 1) / warmup if step < warmup else min_lr_ratio + (1 - min_lr_ratio) * wave


def no_warmup(step, steps, warmup, min_lr_ratio):
    return min_lr_ratio + (1 - min_lr_ratio) * 0.5 * (1 + math.cos(math.pi * step / steps))


def falls_by(done_of, rises=lambda step, warmup: step < warmup, half=0.5):
    """The schedule with another idea of which share of the fall is done, of when it begins, or of the half."""

    def schedule(step, steps, warmup, min_lr_ratio):
        if rises(step, warmup):
            return (step + 1) / warmup
        wave = half * (1 + math.cos(math.pi * done_of(step, steps, warmup)))
        return min_lr_ratio + (1 - min_lr_ratio) * wave

    return schedule


def in_order(step, steps, warmup):
    return (step - warmup) / (steps - warmup)


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


def one_step(model, optimizers, loss, rate):
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss["total"].backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
    return loss["image"].item()


def by_hand(model, optimizers, loss, rate):
    parameters = list(model.parameters())
    gradients = torch.autograd.grad(loss["total"], parameters)
    length = torch.stack([g.pow(2).sum() for g in gradients]).sum().sqrt()
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient * min(1.0, 1.0 / (float(length) + 1e-6))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate
    _ = [optimizer.step() for optimizer in optimizers]
    return float(loss["image"])


def empties_last(model, optimizers, loss, rate):
    model.zero_grad()
    loss["total"].backward()
    torch.nn.utils.clip_grad_norm_(list(model.parameters()), max_norm=1)
    for optimizer in optimizers:
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
    return loss["image"].detach()


def step_of(*parts, gives=lambda loss: loss["image"].item()):
    """A step that does these parts in this order."""

    def step(model, optimizers, loss, rate):
        do = {
            "empty": lambda: [o.zero_grad() for o in optimizers],
            "backward": lambda: loss["total"].backward(),
            "image": lambda: loss["image"].backward(),
            "clip": lambda: nn.utils.clip_grad_norm_(model.parameters(), 1.0),
            "each": lambda: [nn.utils.clip_grad_norm_(p, 1.0) for p in model.parameters()],
            "values": lambda: nn.utils.clip_grad_value_(model.parameters(), 1.0),
            "rate": lambda: [g.update(lr=rate) for o in optimizers for g in o.param_groups],
            "move": lambda: [o.step() for o in optimizers],
            "last": lambda: optimizers[-1].step(),
            "first": lambda: optimizers[0].step(),
        }
        for part in parts:
            do[part]()
        return gives(loss)

    return step


def make_optimizers(model):
    inner = [p for name, p in model.named_parameters() if ".blocks." in name and p.ndim == 2]
    rest = [p for name, p in model.named_parameters() if not (".blocks." in name and p.ndim == 2)]
    matrices, vectors = [p for p in rest if p.ndim >= 2], [p for p in rest if p.ndim < 2]
    decay, no_decay = {"params": matrices, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}
    return [torch.optim.AdamW([decay, no_decay], betas=(0.9, 0.99), fused=True), Muon(inner, weight_decay=0.01)]


@torch.no_grad()
def follow(average, model, n, most=0.99):
    keep = min(most, (1 + n) / (10 + n)) if n else 0.0
    for mine, theirs in zip(average.parameters(), model.parameters(), strict=True):
        mine.lerp_(theirs, 1 - keep)


def while_loop(model, steps, draw_batch, peak, warmup, watch):
    average = copy.deepcopy(model)
    optimizers, done = make_optimizers(model), 0
    while done < steps:
        nats = by_hand(model, optimizers, draw_batch(model), peak * by_recipe(done, steps, warmup, 0.05))
        follow(average, model, done)
        done += 1
        watch(done, model, average, nats)
    return average


def copies_late(model, steps, draw_batch, peak, warmup, watch):
    optimizers, average = make_optimizers(model), None
    for step in range(steps):
        nats = one_step(model, optimizers, draw_batch(model), peak * by_recipe(step, steps, warmup, 0.05))
        if average is None:
            average = copy.deepcopy(model)
        follow(average, model, step)
        watch(step + 1, model, average, nats)
    return average


def one_batch(model, steps, draw_batch, peak, warmup, watch):
    average, loss = copy.deepcopy(model), draw_batch(model)
    for step in range(steps):
        loss["total"].backward(retain_graph=True)
        follow(average, model, step)
        watch(step + 1, model, average, loss["image"].item())
    return average


def loop_that(copies=True, follows="after"):
    """The loop, with or without a copy, whose average follows after each step, before it, or never."""

    def loop(model, steps, draw_batch, peak, warmup, watch):
        optimizers, average = make_optimizers(model), copy.deepcopy(model) if copies else model
        for step in range(steps):
            if follows == "before":
                follow(average, model, step)
            nats = one_step(model, optimizers, draw_batch(model), peak * by_recipe(step, steps, warmup, 0.05))
            if follows == "after":
                follow(average, model, step)
            watch(step + 1, model, average, nats)
        return average

    return loop


whole_loop = loop_that()


def anew(model, steps, draw_batch, peak, warmup, watch):
    average = copy.deepcopy(model)
    for step in range(steps):
        nats = one_step(model, make_optimizers(model), draw_batch(model), peak * by_recipe(step, steps, warmup, 0.05))
        follow(average, model, step)
        watch(step + 1, model, average, nats)
    return average


def from_one(model, steps, draw_batch, peak, warmup, watch):
    optimizers, average = make_optimizers(model), copy.deepcopy(model)
    for step in range(1, steps + 1):
        share = by_recipe(min(step, steps - 1), steps, warmup, 0.05)
        nats = one_step(model, optimizers, draw_batch(model), peak * share)
        follow(average, model, step)
        watch(step, model, average, nats)
    return average


def one_rate(model, steps, draw_batch, peak, warmup, watch):
    optimizers, average, rate = make_optimizers(model), copy.deepcopy(model), peak
    for step in range(steps):
        nats = one_step(model, optimizers, draw_batch(model), rate)
        follow(average, model, step)
        watch(step + 1, model, average, nats)
    return average


def silent(model, steps, draw_batch, peak, warmup, watch):
    return whole_loop(model, steps, draw_batch, peak, warmup, lambda *seen: None)


def gives_the_model(model, steps, draw_batch, peak, warmup, watch):
    whole_loop(model, steps, draw_batch, peak, warmup, watch)
    return copy.deepcopy(model)


def one_too_few(model, steps, draw_batch, peak, warmup, watch):
    return whole_loop(model, steps - 1, draw_batch, peak, warmup, watch)


RIGHT = {
    "10.train_step": [one_step, by_hand, empties_last],
    "10.train": [whole_loop, while_loop, copies_late],
    "10.first_loss": [lambda w, c: math.log(w) / 8 + 7 * math.log(c) / 8, by_cross_entropy, by_power],
    "10.lr_multiplier": [by_cases, by_recipe, by_square],
    "10.causes": ["ecda", "E, C, D, A", ["e", "c", "d", "a"], {"B": "c", "A": "e", "C": "d", "D": "a"}],
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
        (falls_by(lambda step, steps, warmup: (step + 1 - warmup) / (steps - warmup)), "One step early"),
        (falls_by(lambda step, steps, warmup: (step - warmup) / (steps - warmup - 1)), "ends one step early"),
        (falls_by(in_order, lambda step, warmup: step <= warmup), "not <="),
        (falls_by(in_order, half=1.0), "half is missing"),
        (lambda step, steps, warmup, min_lr_ratio: by_cases(step, steps, warmup, 0.0), "falls to 0"),
        (no_half, "below 0"),
        (degrees, "radians"),
        (added, "1 - min_lr_ratio"),
        (cut_off, "do not cut"),
        (quarter, "quarter of a wave"),
        (lambda step, steps, warmup, min_lr_ratio: min(1, (step + 1) / warmup), "cosine is missing"),
    ],
    "10.causes": [
        ("acda", "too long steps jump"),
        ("ccda", "draw the two apart"),
        ("edda", "near 0"),
        ("eada", "held-out line"),
        ("ecca", "by heart"),
        ("ecea", "any caption"),
        ("ecdd", "sees the answers"),
        ("ecdc", "draw them apart"),
        ("ecd", "four letters"),
        (3, "four letters"),
        ({"A": "d"}, "each of the four"),
    ],
    "10.train_step": [
        (step_of("backward", "clip", "rate", "move"), "never emptied"),
        (step_of("backward", "empty", "clip", "rate", "move"), "no zero_grad"),
        (step_of("empty", "backward", "rate", "move"), "not clipped"),
        (step_of("empty", "backward", "rate", "move", "clip"), "between backward"),
        (step_of("empty", "clip", "backward", "rate", "move"), "not clipped"),
        (step_of("empty", "backward", "each", "rate", "move"), "by itself"),
        (step_of("empty", "backward", "values", "rate", "move"), "direction"),
        (step_of("empty", "backward", "clip", "move"), "rate is not set"),
        (step_of("empty", "backward", "clip", "move", "rate"), "one before"),
        (step_of("empty", "image", "clip", "rate", "move"), "image's loss alone"),
        (step_of("empty", "backward", "clip", "rate", "last"), "last optimizer"),
        (step_of("empty", "backward", "clip", "rate", "first"), "first optimizer"),
        (step_of("empty", "rate", "move", "backward", "clip"), "moved"),
        (step_of("empty", "backward", "clip", "rate"), "moved"),
        (
            step_of("empty", "backward", "clip", "rate", "move", gives=lambda loss: loss["total"].item()),
            "not the total",
        ),
        (step_of("empty", "backward", "clip", "rate", "move", gives=lambda loss: loss["image"]), "graph"),
        (step_of("empty", "backward", "clip", "rate", "move", gives=lambda loss: None), "None"),
    ],
    "10.train": [
        (one_batch, "again and again"),
        (loop_that(copies=False, follows="never"), "copy of its own"),
        (loop_that(follows="never"), "never follows"),
        (loop_that(follows="before"), "lags"),
        (anew, "made anew"),
        (from_one, "counted from 0"),
        (one_rate, "stays at its peak"),
        (lambda m, n, d, p, w, watch: whole_loop(m, n, d, 1.0, w, watch), "share of the peak"),
        (silent, "watch should"),
        (gives_the_model, "average that followed"),
        (one_too_few, "7 batches"),
    ],
}
