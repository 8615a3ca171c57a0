"""Checkpoints that several processes write together, each its part, and any other number of them can read."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .distributed import Processes

FOLDER, FOLDER_BEFORE = "checkpoint", "checkpoint.previous"
REST = "rest.pt"  # in a folder: all that is no tensor of the model, its average or the optimizers


def named_tensors(
    model: nn.Module, average: nn.Module, optimizers: Sequence[torch.optim.Optimizer]
) -> dict[str, Tensor]:
    """What a checkpoint holds tensor by tensor, under names that do not depend on how many processes there are."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"average.{name}": tensor for name, tensor in average.state_dict().items()}
    for i, optimizer in enumerate(optimizers):
        for name, parameter in model.named_parameters():
            for slot, value in optimizer.state.get(parameter, {}).items():
                tensors[f"optimizer.{i}.{name}.{slot}"] = value
    return tensors


def write_folder(out: Path, tensors: dict[str, Tensor], rest: dict[str, Any], processes: Processes) -> None:
    """Write the newest checkpoint, all processes together; what was the newest stays as the one before.

    Raises OSError with one sentence, in all of them, if one could not write.
    """
    from torch.distributed.checkpoint.api import CheckpointException
    from torch.distributed.checkpoint.state_dict_saver import save

    temporary = out / processes.agree(f".{FOLDER}.{secrets.token_hex(8)}.part")
    try:
        save(tensors, checkpoint_id=temporary)
    except CheckpointException as error:  # raised in all processes, whichever failed
        raise OSError(f"{out / FOLDER} could not be written: {first_reason(error)}.") from error
    problem = None
    if processes.first:
        try:
            with open(temporary / REST, "wb") as file:
                torch.save(rest, file)
                os.fsync(file.fileno())
            move_into_place(out, temporary)
        except (OSError, RuntimeError) as error:
            problem = f"{out / FOLDER} could not be written: {error}."
    if problem := processes.agree(problem):
        raise OSError(problem)


def first_reason(error: Any) -> str:
    return str(next(iter(error.failures.values()))[0]) if getattr(error, "failures", None) else str(error)


def move_into_place(out: Path, temporary: Path) -> None:
    """Give a whole folder the newest one's name. A folder takes two moves to replace; whoever looks in between finds
    the one before."""
    if (out / FOLDER).exists():
        shutil.rmtree(out / FOLDER_BEFORE, ignore_errors=True)
        os.replace(out / FOLDER, out / FOLDER_BEFORE)
    os.replace(temporary, out / FOLDER)
    for left in out.glob(f".{FOLDER}.*.part"):  # of processes that were killed
        shutil.rmtree(left, ignore_errors=True)


def read_tensors(
    folder: Path,
    model: nn.Module,
    average: nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
    processes: Processes,
) -> dict[str, Any]:
    """The tensors of a folder, in the form in which one process keeps them (`model`, `average`, `optimizers`); where
    the model is divided, each is divided alike. Raises ValueError with one sentence for a damaged folder."""
    from torch.distributed.checkpoint.api import CheckpointException
    from torch.distributed.checkpoint.filesystem import FileSystemReader
    from torch.distributed.checkpoint.metadata import TensorStorageMetadata
    from torch.distributed.checkpoint.state_dict_loader import load

    like: dict[str, Tensor] = {f"model.{name}": t for name, t in model.state_dict().items()}
    like |= {f"average.{name}": t for name, t in average.state_dict().items()}
    parameters = dict(model.named_parameters())
    tensors: dict[str, Tensor] = {}
    try:
        for key, saved in FileSystemReader(folder).read_metadata().state_dict_metadata.items():
            if key.startswith("optimizer."):
                other = parameters.get(key.split(".", 2)[2].rpartition(".")[0])
            else:
                other = like.get(key)
            assert isinstance(saved, TensorStorageMetadata)
            if other is not None and other.shape == saved.size:
                tensors[key] = torch.zeros_like(other, requires_grad=False)
            else:  # an optimizer's count of steps; or another model, which is refused where it is loaded
                tensors[key] = torch.zeros(saved.size, dtype=saved.properties.dtype)
        load(tensors, checkpoint_id=folder, no_dist=processes.count == 1)
    except (Exception, CheckpointException) as error:  # a damaged file may raise nearly anything while it is unpacked
        raise damaged(folder) from error
    return {
        "model": under("model.", tensors),
        "average": under("average.", tensors),
        "optimizers": [state_of(opt, under(f"optimizer.{i}.", tensors), model) for i, opt in enumerate(optimizers)],
    }


def damaged(path: Path) -> ValueError:
    return ValueError(f"{path} is damaged and cannot be resumed: start again in another folder.")


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): tensor for key, tensor in tensors.items() if key.startswith(prefix)}


def state_of(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor], model: nn.Module) -> dict[str, Any]:
    """An optimizer's `state_dict` with these tensors, by names such as "embedding.image.weight.exp_avg", in it."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    state = optimizer.state_dict()
    order = [names[id(parameter)] for group in optimizer.param_groups for parameter in group["params"]]
    state["state"] = {i: under(f"{name}.", tensors) for i, name in enumerate(order)}
    state["state"] = {i: slots for i, slots in state["state"].items() if slots}
    return state
