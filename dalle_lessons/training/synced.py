"""What looks at the rows of all processes: sums with gradients, batch norms, codebooks."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..model.quantizer import VectorCodebook


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, here: Tensor) -> Tensor:
        return summed(here)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return summed(gradients[0])


def summed(here: Tensor) -> Tensor:
    everywhere = here.contiguous().clone()
    torch.distributed.all_reduce(everywhere)
    return everywhere


def total(here: Tensor) -> Tensor:
    """The sum over all processes. Each of them goes on to compute with it, so the gradients are summed likewise."""
    return _Sum.apply(here)  # pyright: ignore[reportReturnType] # of `apply` the stubs say nothing


def gather_rows(here: Tensor, index: int, count: int, rows: int) -> Tensor:
    """This process's share of the rows of a batch -> (rows, …), those of all processes, in order; with gradients.

    here: the rows of share `index` of `count`, as `Tensor.tensor_split` divides them.
    """
    first = sum(len(part) for part in torch.arange(rows).tensor_split(count)[:index])
    around = [0, 0] * (here.ndim - 1) + [first, rows - first - len(here)]
    return total(F.pad(here, around))


def gather(here: Tensor) -> Tensor:
    """(n, …), as many in each process -> (count · n, …): those of all, in order; without gradients."""
    parts = [torch.empty_like(here) for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather(parts, here.contiguous())
    return torch.cat(parts)


class SyncedBatchNorm(nn.BatchNorm2d):
    """In training, mean and variance over the rows of all processes. (PyTorch's `SyncBatchNorm` has no CPU part.)"""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        x = input.float()
        count = total(x.new_tensor([x.numel() / x.shape[1]]))
        mean = total(x.sum((0, 2, 3))) / count  # (C,)
        centered = x - mean[:, None, None]
        variance = total(centered.square().sum((0, 2, 3))) / count  # (C,)
        with torch.no_grad():
            assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
            if self.num_batches_tracked is not None:
                self.num_batches_tracked += 1
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centered * scale[:, None, None] + self.bias[:, None, None]).to(input.dtype)


class SyncedCodebook(VectorCodebook):
    """Counts the codes of all processes, moves dead ones to features of all, and the others to the mean of those of all
    that choose them: in all processes alike."""

    def update_usage(self, tokens: Tensor, decay: float = 0.98) -> None:
        super().update_usage(gather(tokens), decay)

    def replace_dead_codes(self, z: Tensor, threshold: float = 0.1) -> None:
        if (self.usage < threshold).any():
            super().replace_dead_codes(gather(z), threshold)
            torch.distributed.broadcast(self.vectors.weight.data, 0)  # each has drawn others
            if self.moving_average:
                torch.distributed.broadcast(self.sums, 0)

    def sums_of_codes(self, z: Tensor, tokens: Tensor) -> Tensor:
        """For each process the mean over all of them: it is divided by the number of features of one."""
        return summed(super().sums_of_codes(z, tokens)) / torch.distributed.get_world_size()

    def soft_share(self, scores: Tensor) -> Tensor:
        return total(super().soft_share(scores)) / torch.distributed.get_world_size()


def look_at_all_rows(model: nn.Module) -> None:
    """From now on the batch norms and codebooks of this model do."""
    for part in model.modules():
        if type(part) is nn.BatchNorm2d:
            part.__class__ = SyncedBatchNorm  # the same weights and buffers, under the same names
        if type(part) is VectorCodebook:
            part.__class__ = SyncedCodebook
