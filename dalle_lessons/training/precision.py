"""Which precision is faster on this machine."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


def product_seconds(dtype: torch.dtype) -> float:
    """Seconds that one product of two 256x256 matrices takes here."""
    matrix = torch.ones(256, 256, dtype=dtype)
    torch.mm(matrix, matrix)  # the first one warms up
    begin = time.perf_counter()
    torch.mm(matrix, matrix)
    return time.perf_counter() - begin


def faster_precision(model: M, loss_fn: Callable[[M, random.Random, float], dict[str, Tensor]]) -> str:
    """Measure two forward and backward passes in each precision: bfloat16 is faster on some processors only.

    -> "float32" or "bfloat16". Weights, buffers and the random state stay as they were.
    """
    if product_seconds(torch.bfloat16) > 5 * product_seconds(torch.float32):
        return "float32"  # on processors without instructions for it, the passes below would take minutes
    rng, before = torch.get_rng_state(), {name: t.clone() for name, t in model.state_dict().items()}
    seconds: dict[str, float] = {}
    for precision in ("float32", "bfloat16", "float32", "bfloat16"):  # the first pass of each warms up
        begin = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            loss = loss_fn(model, random.Random(0), 0.0)["total"]
        loss.backward()
        seconds[precision] = time.perf_counter() - begin
    model.zero_grad(set_to_none=True)
    torch.set_rng_state(rng)
    model.load_state_dict(before)  # a forward pass may change it: the vector quantizer replaces dead codes
    return "bfloat16" if seconds["bfloat16"] < seconds["float32"] else "float32"
