"""In which precision a training computes: how many bits its products have, and what fewer of them need."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)
DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Inside, products are computed in this precision ("float32": all is) and sums where it matters in float32; the
    weights stay float32 (Micikevicius et al. 2018)."""
    return torch.autocast(device.type, DTYPES.get(precision), enabled=precision in DTYPES)


def gradient_scaler(device: torch.device, precision: str) -> torch.amp.GradScaler:
    """What keeps float16's gradients from becoming 0: the loss is multiplied by a scale, the gradients are divided by
    it, and the scale shrinks when one overflows (paper, section 2.4, where each block has its own). bfloat16 has the
    exponents of float32 and needs none: there and in float32 it does nothing."""
    return torch.amp.GradScaler(device.type, enabled=precision == "float16")


def choose_precision(
    device: torch.device, model: M, loss_fn: Callable[[M, random.Random, float], dict[str, Tensor]]
) -> str:
    """What "auto" means on this device."""
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    return "float32" if device.type == "mps" else faster_precision(model, loss_fn)


def product_seconds(dtype: torch.dtype) -> float:
    """Seconds that one product of two 256x256 matrices takes on the processor."""
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
        with autocast(torch.device("cpu"), precision):
            loss = loss_fn(model, random.Random(0), 0.0)["total"]
        loss.backward()
        seconds[precision] = time.perf_counter() - begin
    model.zero_grad(set_to_none=True)
    torch.set_rng_state(rng)
    model.load_state_dict(before)  # a forward pass may change it: the vector quantizer replaces dead codes
    return "bfloat16" if seconds["bfloat16"] < seconds["float32"] else "float32"
