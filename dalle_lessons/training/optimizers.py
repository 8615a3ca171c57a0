"""What moves the weights, and what averages them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from .muon import Muon
from .train_config import TrainConfig


def make_optimizers(model: nn.Module, train_config: TrainConfig) -> list[torch.optim.Optimizer]:
    """AdamW for all parameters, or Muon for the matrices inside transformer blocks and the kernels inside residual
    blocks, and AdamW for the rest.

    Weight decay is for matrices alone: shrinking a bias or a norm has no use. Each group keeps its peak learning rate
    as `peak`.
    """
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    inner = {name for name, p in named if train_config.muon_lr and is_inner(f".{name}", p)}
    rest = [p for name, p in named if name not in inner]
    groups = [
        {"params": [p for p in rest if p.ndim >= 2], "weight_decay": train_config.weight_decay},
        {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW([g for g in groups if g["params"]], lr=train_config.lr, betas=train_config.betas, fused=True)
    ]
    if train_config.muon_lr and inner:
        matrices = [p for name, p in named if name in inner]
        optimizers.append(Muon(matrices, lr=train_config.muon_lr, weight_decay=train_config.weight_decay))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers


def is_inner(name: str, parameter: Tensor) -> bool:
    """Does the parameter of this name (with a dot before it) lie inside a block, where Muon may move it?"""
    return (".blocks." in name and parameter.ndim == 2) or (".branch." in name and parameter.ndim == 4)


def moving_average(decay: float) -> Callable[[Any, Any, Tensor | int], None]:
    """An exponential moving average that starts quickly: at first it forgets the untrained weights, later it hardly
    moves. The decay after n steps is the smaller of `decay` and (1 + n) / (10 + n). -> what `AveragedModel` calls."""

    @torch.no_grad()
    def update(average: Iterable[Tensor], current: Iterable[Tensor], steps: Tensor | int) -> None:
        now = min(decay, (1 + int(steps)) / (10 + int(steps)))
        torch._foreach_lerp_(list(average), list(current), 1 - now)  # pyright: ignore[reportPrivateImportUsage]

    return update
