"""Checks of lesson 10: the first loss, one step, the learning rate's schedule and the loop. That of four broken
trainings: see `broken_trainings_10`."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ...training.trainer import TrainConfig
from . import CheckFailed, as_number, as_tensor, call, describe, diagnose, exercise
from .broken_trainings_10 import causes
from .step_faults import FAULTS, IN_ORDER, RATES, Tiny, batches, loop, two_kinds, weights, weights_after

__all__ = ["causes"]  # registered there


@exercise("10.first_loss")
def first_loss(answer) -> None:
    """answer(words, codes): nats of the total loss while all text tokens and all codes seem equally likely."""
    for words, codes in ((352, 256), (16384, 8192)):
        value = as_number(call(answer, words, codes, shown=f"{words}, {codes}"), "The first loss")
        text, image = math.log(words), math.log(codes)
        truth = text / 8 + 7 * image / 8
        mistakes = {
            "That is in bits: this course counts nats, so take the natural logarithm.": truth / math.log(2),
            "That is the logarithm to base 10: nats need the natural one, math.log.": truth / math.log(10),
            "The weights are exchanged: 1/8 is the text's, 7/8 the image's.": 7 * text / 8 + image / 8,
            "That is the image's part alone: the total has 1/8 of the text's loss too.": image,
            "That is the text's part alone: the total is 1/8 of it and 7/8 of the image's.": text,
            "The weights are missing: 1/8 for the text, 7/8 for the image.": text + image,
            "The two parts do not count alike: 1/8 for the text, 7/8 for the image.": (text + image) / 2,
            "The two vocabularies stay apart: each slot chooses in its own, so there are two logarithms.": math.log(
                words + codes
            ),
            "Weigh the two logarithms, not the two sizes.": math.log(words / 8 + 7 * codes / 8),
            "That is a chance; the loss is minus its logarithm.": 1 / words / 8 + 7 / codes / 8,
            "The sign: a chance below 1 has a negative logarithm, and the loss is minus that.": -truth,
        }
        diagnose(value, truth, mistakes, f"For {words} text tokens and {codes} codes it is {truth:.3f} nats.")


@exercise("10.lr_multiplier")
def lr_multiplier(answer) -> None:
    """answer(step, steps, warmup, final): the learning rate as a share of its peak."""
    for steps, warmup, min_lr_ratio in ((40, 8, 0.1), (25, 5, 0.0)):
        given = [call(answer, step, steps, warmup, min_lr_ratio, shown=f"{step}, …") for step in range(steps)]
        value = torch.tensor([as_number(share, "The share") for share in given], dtype=torch.float64)
        step = torch.arange(steps, dtype=torch.float64)
        warm, done = step < warmup, (step - warmup) / (steps - warmup)
        rise = (step + 1) / warmup

        def after(fall, start=rise, warm=warm):
            return torch.where(warm, start, fall)

        wave = 0.5 * (1 + (math.pi * done).cos())
        whole = 0.5 * (1 + (math.pi * step / steps).cos())
        truth = after(min_lr_ratio + (1 - min_lr_ratio) * wave)

        def falling(done, least=min_lr_ratio, after=after):
            return after(least + (1 - least) * 0.5 * (1 + (math.pi * done).cos()))

        mistakes = {
            "Step 0 has rate 0, so it does nothing: begin with 1 / warmup.": after(
                min_lr_ratio + (1 - min_lr_ratio) * wave, step / warmup
            ),
            "The cosine begins after the warm-up: count its steps from there.": after(
                min_lr_ratio + (1 - min_lr_ratio) * whole
            ),
            "There is no warm-up: the first steps grow up to the peak.": min_lr_ratio + (1 - min_lr_ratio) * whole,
            "In the warm-up the rate grows: (step + 1) / warmup.": after(
                min_lr_ratio + (1 - min_lr_ratio) * wave, torch.ones_like(step)
            ),
            "One step early: at step `warmup` the fall is still at 1, so (step - warmup) of its steps are done.": (
                falling((step + 1 - warmup) / (steps - warmup))
            ),
            "The wave ends one step early: it is at `min_lr_ratio` when all steps are done, which is after the last.": (
                falling((step - warmup) / (steps - warmup - 1))
            ),
            "One step too long: the warm-up is over at step `warmup`, so it is step < warmup and not <=.": torch.where(
                step <= warmup, rise, truth
            ),
            "The half is missing: 1 + cosine goes from 2 to 0, and half of it from 1 to 0.": after(
                min_lr_ratio + (1 - min_lr_ratio) * 2 * wave
            ),
            "It falls along a straight line: the cosine is slow at first and at the end.": after(
                min_lr_ratio + (1 - min_lr_ratio) * (1 - done)
            ),
            "It falls to 0: it should end at `min_lr_ratio`.": after(wave),
            "At its start the fall is not at 1: the part that falls is 1 - min_lr_ratio.": after(min_lr_ratio + wave),
            "It falls below 0: half of (1 + cosine) goes from 1 to 0.": after(
                min_lr_ratio + (1 - min_lr_ratio) * (math.pi * done).cos()
            ),
            "math.cos takes radians: half a wave is math.pi.": after(
                min_lr_ratio + (1 - min_lr_ratio) * 0.5 * (1 + done.cos())
            ),
            "math.cos takes radians, not degrees: half a wave is math.pi.": after(
                min_lr_ratio + (1 - min_lr_ratio) * 0.5 * (1 + (180 * done).cos())
            ),
            "It stays at the peak after the warm-up: the cosine is missing.": after(torch.ones_like(step)),
            "It grows after the warm-up: the fall begins at 1 and ends at `min_lr_ratio`.": after(
                min_lr_ratio + (1 - min_lr_ratio) * (1 - wave)
            ),
            "It stands still at `min_lr_ratio` before the end: scale the wave, do not cut it off.": after(
                wave.clamp_min(min_lr_ratio)
            ),
            "That is a quarter of a wave, which ends steeply: half a wave is 0.5 * (1 + cos(π d)).": after(
                min_lr_ratio + (1 - min_lr_ratio) * (math.pi / 2 * done).cos()
            ),
            "A whole wave comes back up: half a wave ends low.": after(
                min_lr_ratio + (1 - min_lr_ratio) * 0.5 * (1 + (2 * math.pi * done).cos())
            ),
        }
        text = (
            f"With {steps} steps, {warmup} of them warm-up, it is 1 at the last step of the warm-up and at the next, "
            f"half-way down when half of the other steps are done, and {min_lr_ratio:g} when all are."
        )
        diagnose(as_tensor(value, (steps,)), truth, mistakes, text)


@exercise("10.train_step")
def train_step(answer) -> Iterator[str]:
    """answer(model, optimizers, loss, rate): one update of all weights -> the image's nats before it, a float."""
    model, shown = Tiny(), "model, optimizers, loss, rate"
    optimizers, given, nats, begin = two_kinds(model), [], [], weights(model)
    for x, rate in zip(batches(len(RATES)), RATES, strict=True):
        loss = model.loss(x)
        nats.append(float(loss["image"].detach()))
        totals = float(loss["total"].detach())
        try:
            given.append(call(answer, model, optimizers, loss, rate, shown=shown, copies=False))
        except CheckFailed as mistake:
            if "inplace" not in str(mistake):
                raise
            raise CheckFailed(
                "The weights move before backward(), which needs them as they were: first backward(), then step()."
            ) from None
    if torch.equal(weights(model), begin):
        raise CheckFailed(
            "After three steps no weight has moved: backward(), then step() of each, and no zero_grad() between."
        )
    diagnose(
        weights(model),
        weights_after(IN_ORDER),
        {sentence: weights_after(parts) for sentence, parts in FAULTS.items()},
        "After three steps the weights are not where they should be: empty, backward, clip, set the rate, step.",
    )
    yield "moves"
    if isinstance(given[-1], Tensor) and given[-1].requires_grad:
        raise CheckFailed(
            "The weights are right; but what you give back still holds the whole graph of the step, and the memory "
            'fills up: give a number, loss["image"].item().'
        )
    value = as_number(given[-1], "What it gives back")
    mistakes = {"The weights are right; give back the image's nats, not the total.": totals}
    diagnose(value, nats[-1], mistakes, 'The weights are right; give back loss["image"] of this step as a number.')


class _Watched:
    """A loop's batches and reports, as they were asked for."""

    def __init__(self, model: Tiny, steps: int):
        self.model, self.batches = model, batches(steps)
        self.drawn: list[Tensor] = []  # the weights when each batch was drawn
        self.seen: list[tuple] = []

    def draw_batch(self, model: Tiny) -> dict[str, Tensor]:
        self.drawn.append(weights(model))
        return model.loss(self.batches[min(len(self.drawn), len(self.batches)) - 1])

    def watch(self, done: int, model: nn.Module, average: nn.Module, nats: float) -> None:
        self.seen.append((done, model, average, nats, weights(model), weights(average)))


@exercise("10.train")
def train(answer) -> Iterator[str]:
    """answer(model, steps, draw_batch, peak, warmup, watch) -> the average: the loop, watched from outside."""
    steps, peak, warmup = 8, 0.1, 3
    model = Tiny()
    begin, seen = weights(model), _Watched(model, steps)
    average = call(
        answer,
        *(model, steps, seen.draw_batch, peak, warmup, seen.watch),
        shown=f"model, {steps}, draw_batch, {peak}, {warmup}, watch",
        copies=False,
    )
    if len(seen.drawn) == 1:
        raise CheckFailed("One batch is drawn, and learned again and again: draw a new one at each step, in the loop.")
    if len(seen.drawn) != steps:
        raise CheckFailed(f"With {steps} steps, {len(seen.drawn)} batches are drawn: one at each step.")
    if torch.equal(weights(model), begin):
        raise CheckFailed("The model has not moved: call train_step in each step.")

    def rate_at(step: int) -> float:
        return peak * TrainConfig(steps=steps, warmup=warmup, min_lr_ratio=0.05).lr_multiplier(step)

    mistakes = {
        "The optimizers are made anew at each step and forget what they learned of it: make them once, before.": loop(
            Tiny(), steps, rate_at, anew=True
        ),
        "The steps are counted from 0: the first rate is that of step 0.": loop(
            Tiny(), steps, lambda step: rate_at(min(step + 1, steps - 1))
        ),
        "The rate stays at its peak: it is peak * lr_multiplier(step, steps, warmup, 0.05).": loop(
            Tiny(), steps, lambda step: peak
        ),
        "lr_multiplier gives the share of the peak: the rate is peak times that.": loop(
            Tiny(), steps, lambda step: rate_at(step) / peak
        ),
        "The rate ends at 0.05 of its peak: lr_multiplier(step, steps, warmup, 0.05).": loop(
            Tiny(),
            steps,
            lambda step: peak * TrainConfig(steps=steps, warmup=warmup, min_lr_ratio=0).lr_multiplier(step),
        ),
    }
    otherwise = (
        f"After {steps} steps the weights are not where they should be: each step one batch and one train_step, at the "
        "rate peak * lr_multiplier(step, steps, warmup, 0.05)."
    )
    diagnose(weights(model), loop(Tiny(), steps, rate_at), mistakes, otherwise)
    yield "steps"
    if [entry[0] for entry in seen.seen] == list(range(steps)):
        raise CheckFailed("After the first step one step is done: watch(step + 1, …).")
    if [entry[0] for entry in seen.seen] != list(range(1, steps + 1)):
        raise CheckFailed("watch should be called after each step, with how many are done: watch(step + 1, …).")
    if average is model or any(entry[2] is entry[1] for entry in seen.seen):
        raise CheckFailed("The average is the model itself: make it a copy of its own first, copy.deepcopy(model).")
    if not isinstance(average, nn.Module):
        raise CheckFailed(f"Give back the average, a model; you give {describe(average)}.")
    truth, late = begin, begin  # late: what it would be, had it followed before each step
    for n, (entry, before) in enumerate(zip(seen.seen, seen.drawn, strict=True)):
        keep = min(0.99, (1 + n) / (10 + n)) if n else 0.0
        truth, late = truth.lerp(entry[4], 1 - keep), late.lerp(before, 1 - keep)
    last = seen.seen[-1][5]
    mistakes = {
        "The average never follows: call follow(average, model, step) in each step.": begin,
        "The average follows before the step, and so always lags by one: follow after train_step.": late,
        "The average is the model's last weights: it should follow slowly, from the first step on.": weights(model),
    }
    diagnose(last, truth, mistakes, "The average is not where it should be: follow(average, model, step) in each step.")
    if not torch.equal(weights(average), last):
        raise CheckFailed("Give back the average that followed, not another copy.")
