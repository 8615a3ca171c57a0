"""Muon in float32: PyTorch's own computes in bfloat16, which processors without instructions for it do very slowly."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def orthogonalize(matrix: Tensor, rounds: int = 5) -> Tensor:
    """(A, B) float -> (A, B): the same directions, all about equally long (singular values of about 0.7 to 1.2).

    Each round puts a polynomial of every singular value in its place, by three products of matrices, and none has to be
    decomposed: Newton-Schulz, with the coefficients of Jordan et al. 2024. A matrix of zeros stays one.
    A round multiplies x by a symmetric matrix p, which depends on x·xᵀ alone. So where x is wide, the rounds multiply
    up the small matrices, and x itself only once: half the time for 256 x 1024.
    """
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T  # (few, many)
    x = wide / wide.norm().clamp_min(1e-7)
    if x.shape[1] < 2 * x.shape[0]:
        for _ in range(rounds):
            x = polynomial(x @ x.T) @ x
    else:
        square = x @ x.T  # (few, few), of the x of this round
        product = p = polynomial(square)
        for _ in range(rounds - 1):
            square = p @ square @ p  # (p·x)(p·x)ᵀ
            p = polynomial(square)
            product = p @ product  # of all rounds so far
        x = product @ x
    return x if wide is matrix else x.T


def polynomial(square: Tensor) -> Tensor:
    """What a round multiplies x by: a + b·s + c·s² of s = x·xᵀ, (few, few) float -> (few, few)."""
    a, b, c = 3.4445, -4.7750, 2.0315
    p = torch.addmm(square, square, square, beta=b, alpha=c)
    p.diagonal().add_(a)
    return p


class Muon(torch.optim.Optimizer):
    """For matrices alone: each step is the average gradient, orthogonalized (Jordan et al. 2024). A convolution's
    kernel is read as the matrix (outputs, inputs · height · width).

    A step is as long as AdamW's would be (Liu et al. 2025, section 2.2), so one learning rate suits both. What it
    computes is `torch.optim.Muon` with adjust_lr_fn="match_rms_adamw". Raises ValueError for what is no matrix.
    """

    def __init__(
        self, matrices: Iterable[nn.Parameter], lr: float = 1e-3, weight_decay: float = 0.01, momentum: float = 0.95
    ):
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})
        if any(p.ndim < 2 for group in self.param_groups for p in group["params"]):
            raise ValueError("Muon moves matrices alone: give biases and norms to AdamW.")

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            lr, momentum = group["lr"], group["momentum"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                average = self.state[p].setdefault("average", torch.zeros_like(p))
                average.lerp_(p.grad, 1 - momentum)
                ahead = p.grad.lerp(average, momentum)  # Nesterov: one step ahead
                update = orthogonalize(ahead.flatten(1)).view_as(p)
                p.mul_(1 - lr * group["weight_decay"])
                p.add_(update, alpha=-lr * 0.2 * max(p.shape[0], p[0].numel()) ** 0.5)
