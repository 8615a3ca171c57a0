"""What one step computes: the loss of a batch, as a module that can be compiled and divided over processes."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn

from .shares import WHOLE, Batch, Share

M = TypeVar("M", bound=nn.Module)
# What a model learns from in one step: (model, random state, share of the training done) -> `total` and its parts.
LossFn = Callable[[M, random.Random, float], dict[str, Tensor]]


@runtime_checkable
class Divisible(Protocol):
    """A loss whose batch is drawn apart from what is computed on it, so that it can be divided: an `Objective`."""

    def draw(self, rng: random.Random, progress: float, training: bool = True) -> Batch: ...

    def compute(self, model: Any, batch: Batch, share: Share = WHOLE) -> dict[str, Tensor]: ...

    def loss(self, model: Any, rng: random.Random, progress: float) -> dict[str, Tensor]: ...


class LossOf(nn.Module):
    """A model and its loss as one module."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, loss: Divisible, batch: Batch, share: Share) -> dict[str, Tensor]:
        """The loss of a share of a batch: `total`, scalar, and its parts."""
        return loss.compute(self.model, batch, share)


@contextmanager
def randomness(*names: int) -> Iterator[None]:
    """Inside, torch's random numbers, on every device, are those of these numbers (a seed, a step, a share) alone; what
    is drawn afterwards does not depend on how many were taken. So a training needs no random state but the CPU's."""
    before = torch.get_rng_state()
    digest = hashlib.blake2b(repr(names).encode(), digest_size=8).digest()
    torch.manual_seed(int.from_bytes(digest, "little"))
    try:
        yield
    finally:
        torch.set_rng_state(before)
