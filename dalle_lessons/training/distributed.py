"""Many processes that share one training: who is who, what they tell each other, how a model is divided among them.

`torchrun --nproc-per-node N -m dalle_lessons train …` starts them. Each draws the same batch and computes its share of
it; gradients are averaged (data parallel), or each keeps a part of every weight as well (FSDP2, Zhao et al. 2023;
Rajbhandari et al. 2020). What PyTorch has for this is imported when several processes run, and only then.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import signature
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from .synced import look_at_all_rows

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """The processes of a training; by default this one alone."""

    #: Which one this is, from 0; number 0 writes and speaks for all.
    rank: int = 0
    #: How many there are.
    count: int = 1

    @property
    def first(self) -> bool:
        return self.rank == 0

    def mean(self, values: Tensor) -> Tensor:
        """The mean over all processes, the same in each."""
        if self.count > 1:
            torch.distributed.all_reduce(values)
            values /= self.count
        return values

    def any(self, *flags: bool, device: torch.device) -> list[bool]:
        """For each flag, whether a process has raised it."""
        if self.count == 1:
            return list(flags)
        raised = torch.tensor(flags, dtype=torch.float32, device=device)
        torch.distributed.all_reduce(raised)
        return (raised > 0).tolist()

    def agree(self, value: T) -> T:
        """What the first process says, in all of them."""
        if self.count == 1:
            return value
        said = [value]
        torch.distributed.broadcast_object_list(said)
        return said[0]


ALONE = Processes()


def started_by_torchrun() -> bool:
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def restarted() -> bool:
    """Whether torchrun started this process again, after one of its machine had died (`--max-restarts`)."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


def device_here(name: str) -> str:
    """Of several processes on one machine each takes a card of its own: "cuda" becomes "cuda:1" in the second one."""
    if started_by_torchrun() and name in ("auto", "cuda") and torch.cuda.is_available():
        return f"cuda:{os.environ['LOCAL_RANK']}"
    return name


@contextmanager
def processes(device: torch.device) -> Iterator[Processes]:
    """Those that torchrun started, connected with each other until the end, or by a group that is there already; this
    one alone where nobody did."""
    if not started_by_torchrun():
        yield ALONE
        return
    import torch.distributed as dist

    mine = not dist.is_initialized()
    if mine:
        connect(device)
    try:
        yield Processes(dist.get_rank(), dist.get_world_size())
        dist.barrier()  # nobody leaves while another still talks
    finally:
        if mine:
            dist.destroy_process_group()


def connect(device: torch.device) -> None:
    """Let the processes that torchrun started meet.

    Started again after one had died, they must not take the addresses that the dead ones have left for their own: the
    place where they meet stays, and PyTorch no longer keeps the attempts apart there (its issue 135712). On one machine
    the number of the attempt does; several count apart, and need TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 for torchrun.
    """
    import torch.distributed as dist
    from torch.distributed.distributed_c10d import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    if device.type == "cuda":
        torch.cuda.set_device(device)
    store, rank, count = next(rendezvous("env://"))
    if os.environ.get("GROUP_WORLD_SIZE", "1") == "1":
        store = PrefixStore(f"attempt {os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", store=store, rank=rank, world_size=count)


# ---- the model, divided ---------------------------------------------------------------------------------------------


def divide(
    loss_of: nn.Module, model: nn.Module, average: nn.Module, device: torch.device, loss: Any, sharded: bool
) -> nn.Module:
    """The loss of a model, made one that several processes compute together: each with all weights, or `sharded`, with
    a part of every weight of the model and of its average. -> what is called in the loss's place."""
    look_at_all_rows(model)
    if not sharded:
        return data_parallel(loss_of, getattr(loss, "uses_all", True))
    shard(loss_of, device)
    like = dict(model.named_parameters())
    replace_parameters(average, lambda name, tensor: placed_like(tensor, like[name.removeprefix("module.")]))
    return loss_of


def data_parallel(module: nn.Module, uses_all: bool = True) -> nn.Module:
    """The module with the same weights in all processes: backward() averages their gradients. uses_all: whether every
    weight that is trained has a part in every loss."""
    from torch.nn.parallel import DistributedDataParallel

    buffers = (
        "forward_sync_buffers"
        if "forward_sync_buffers" in signature(DistributedDataParallel).parameters
        else (
            "broadcast_buffers"  # its name before PyTorch 2.13
        )
    )  # they are the same in all processes anyway
    options: dict[str, Any] = {buffers: False, "find_unused_parameters": not uses_all}
    return DistributedDataParallel(module, **options)


def shard(module: nn.Module, device: torch.device) -> nn.Module:
    """The module with a part of every weight in each process: each block of a transformer is gathered when it is
    needed, and the rest of the module once a pass. Its parameters become `DTensor`s."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import FSDPModule, fully_shard

    mesh = init_device_mesh(device.type, (torch.distributed.get_world_size(),))
    blocks = [child for m in module.modules() if isinstance(m, nn.ModuleList) for child in m]
    for part in (*blocks, module):
        fully_shard(part, mesh=mesh)
    for part in module.modules():
        if isinstance(part, FSDPModule) and device.type == "cpu":
            part.set_force_sum_reduction_for_comms(True)  # gloo knows no average: PyTorch's issue 162338
    return module


def replace_parameters(module: nn.Module, new: Callable[[str, Tensor], Tensor]) -> None:
    """Put new(name, parameter) in the place of each parameter."""
    for prefix, part in module.named_modules():
        for name, parameter in list(part.named_parameters(recurse=False)):
            full = f"{prefix}.{name}" if prefix else name
            part.register_parameter(name, nn.Parameter(new(full, parameter.detach()), parameter.requires_grad))


def whole(tensor: Tensor) -> Tensor:
    """A tensor whose parts lie in several processes, in one piece in each of them; any other as it is."""
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor  # pyright: ignore[reportAttributeAccessIssue]


def placed_like(tensor: Tensor, other: Tensor) -> Tensor:
    """A whole tensor, divided as another one of the same shape is, if that is."""
    if not hasattr(other, "full_tensor") or tensor.shape != other.shape or hasattr(tensor, "full_tensor"):
        return tensor
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(other, DTensor)
    return distribute_tensor(tensor.to(other.device), other.device_mesh, other.placements)
