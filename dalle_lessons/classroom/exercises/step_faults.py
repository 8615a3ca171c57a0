"""A training step on a tiny model, in order and with each usual fault: what lesson 10's checks compare with."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ...training.muon import Muon


class _Inside(nn.Module):
    def __init__(self, matrix: Tensor):
        super().__init__()
        self.blocks = nn.ParameterList([nn.Parameter(matrix)])


class Tiny(nn.Module):
    """Two matrices and a loss with two parts that pull in different directions; the gradient is longer than 1. Its
    parameters are called as DALLE's are, one inside a block and one outside."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.transformer = _Inside(torch.randn(3, 4, generator=generator))
        self.head = nn.Parameter(torch.randn(4, 2, generator=generator))

    def loss(self, x: Tensor) -> dict[str, Tensor]:
        """x: (B, 3) -> its loss, as DALLE's: "image" and "text" and the weighted "total"."""
        out = x @ self.transformer.blocks[0] @ self.head
        text, image = (out[:, 0] - 3).pow(2).mean(), 4 * (out[:, 1] + 2).pow(2).mean()
        return {"text": text, "image": image, "total": text / 8 + 7 * image / 8}


def two_kinds(model: Tiny) -> list[torch.optim.Optimizer]:
    """An optimizer for each matrix, both with momentum, so that a step shows what the steps before did."""
    inner, head = model.parameters()
    return [torch.optim.SGD([head], lr=0.3, momentum=0.9), torch.optim.Adam([inner], lr=0.3)]


def as_in_the_lesson(model: Tiny) -> list[torch.optim.Optimizer]:
    """The optimizers that the lesson makes: AdamW, and Muon for the matrix inside the block."""
    groups = [{"params": [model.head], "weight_decay": 0.01}]
    muon = Muon(model.transformer.parameters(), weight_decay=0.01)
    return [torch.optim.AdamW(groups, betas=(0.9, 0.99)), muon]


def batches(count: int) -> list[Tensor]:
    """`count` batches (5, 3)."""
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(5, 3, generator=generator) for _ in range(count)]


def weights(model: nn.Module) -> Tensor:
    """All weights as one vector, a copy."""
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()]).clone()


Part = Callable[[Tiny, list, dict[str, Tensor], float], None]


def _empty(model, optimizers, loss, rate) -> None:
    for optimizer in optimizers:
        optimizer.zero_grad()


def _backward(model, optimizers, loss, rate) -> None:
    loss["total"].backward()


def _backward_of_image(model, optimizers, loss, rate) -> None:
    loss["image"].backward()


def _clip(model, optimizers, loss, rate) -> None:
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)


def _clip_each(model, optimizers, loss, rate) -> None:
    for parameter in model.parameters():
        nn.utils.clip_grad_norm_(parameter, 1.0)


def _clip_values(model, optimizers, loss, rate) -> None:
    nn.utils.clip_grad_value_(model.parameters(), 1.0)


def _set_rate(model, optimizers, loss, rate) -> None:
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate


def _move(model, optimizers, loss, rate) -> None:
    for optimizer in optimizers:
        optimizer.step()


def _move_first(model, optimizers, loss, rate) -> None:
    optimizers[0].step()


def _move_last(model, optimizers, loss, rate) -> None:
    optimizers[-1].step()


IN_ORDER = (_empty, _backward, _clip, _set_rate, _move)
FAULTS: dict[str, tuple[Part, ...]] = {
    "The gradients are never emptied, so those of all earlier steps add up: zero_grad() before backward().": (
        *(_backward, _clip, _set_rate, _move),
    ),
    "The weights move by a gradient that is not clipped: clip_grad_norm_(…, 1.0) between backward() and step().": (
        *(_empty, _backward, _set_rate, _move),
    ),
    "Each matrix is clipped by itself: hand over all of model.parameters() at once, for the length of all together.": (
        *(_empty, _backward, _clip_each, _set_rate, _move),
    ),
    "Each number is clipped by itself, which changes the direction: clip_grad_norm_ shortens all of it.": (
        *(_empty, _backward, _clip_values, _set_rate, _move),
    ),
    'The rate is not set: group["lr"] = rate, for each group of each optimizer.': (_empty, _backward, _clip, _move),
    "The rate is set after the step, so each step has the rate of the one before: set it first.": (
        *(_empty, _backward, _clip, _move, _set_rate),
    ),
    'The gradient is that of the image\'s loss alone: backward() of loss["total"], the text counts too.': (
        *(_empty, _backward_of_image, _clip, _set_rate, _move),
    ),
    "Only the first optimizer moves its weights: step() for each of them.": (
        *(_empty, _backward, _clip, _set_rate, _move_first),
    ),
    "Only the last optimizer moves its weights: step() for each of them, inside the loop.": (
        *(_empty, _backward, _clip, _set_rate, _move_last),
    ),
}
RATES = (0.05, 0.2, 0.1)


def weights_after(parts: tuple[Part, ...]) -> Tensor:
    """The weights of the tiny model after three steps that consist of these parts."""
    model = Tiny()
    optimizers = two_kinds(model)
    for x, rate in zip(batches(len(RATES)), RATES, strict=True):
        loss = model.loss(x)
        for part in parts:
            part(model, optimizers, loss, rate)
    return weights(model)


def loop(model: Tiny, steps: int, rate_at: Callable[[int], float], anew: bool = False) -> Tensor:
    """The weights of `model` after so many steps in order. anew: are the optimizers made anew at each step, so that
    they remember nothing?"""
    optimizers = as_in_the_lesson(model)
    for step, x in enumerate(batches(steps)):
        if anew:
            optimizers = as_in_the_lesson(model)
        loss = model.loss(x)
        for part in IN_ORDER:
            part(model, optimizers, loss, rate_at(step))
    return weights(model)
