"""A training step whose gradients are carried in 16 bits, its parts in an order that is handed over: lesson 16."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..model.dalle import DALLE


def carry_in_16_bits(model: DALLE) -> DALLE:
    """The model; from now on, the gradient that comes back to each of its blocks goes through float16."""

    def pass_on(block: nn.Module, given: object, out: Tensor) -> None:
        out.register_hook(lambda gradient: gradient.half().float())

    for block in model.transformer.blocks:
        block.register_forward_hook(pass_on)
    return model


def take_step(order: str, model: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor, scale: float, clip: float):
    """The parts of exercise 5 in this order. -> were all gradients finite?

    b: multiply the loss by the scale; e: the backward pass; d: divide the gradients by the scale; f: if one is not
    finite, leave the step out; c: shorten the gradient of all weights to the length `clip`; a: the optimizer's step.
    """
    weights, fine = list(model.parameters()), True
    optimizer.zero_grad()
    for part in order:
        if part == "b":
            loss = loss * scale
        elif part == "e":
            loss.backward()
        elif part == "c":
            nn.utils.clip_grad_norm_(weights, clip)
        else:
            gradients = [weight.grad for weight in weights if weight.grad is not None]
            if part == "d":
                for gradient in gradients:
                    gradient.div_(scale)
            elif part == "f":
                fine = all(bool(gradient.isfinite().all()) for gradient in gradients)
            elif fine:
                optimizer.step()
    return fine


def settle(gradient: Tensor, scale: float = 2.0**13, growth: float = 2**0.25, rounds: int = 400) -> float:
    """The last scale at which all of a gradient was finite in float16: it grows while all is, and shrinks when not.

    (In the paper it grows by 2 ** (1 / 1000) a step.)
    """
    largest, good = gradient.abs().max(), scale
    for _ in range(rounds):
        fine = bool((largest * scale).half().isfinite())
        good, scale = (scale, scale * growth) if fine else (good, scale / 2**0.5)
    return good
