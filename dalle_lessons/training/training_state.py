"""What a training is between two steps: model, optimizers, average and random states, saved and taken up again."""

from __future__ import annotations

import csv
import random
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel
from tqdm.auto import tqdm

from ..datasets.shard_stream import ShardStream
from ..model.atomic import replace_file
from ..model.threads import available_cores
from . import checkpoint_folders
from .checkpoints import read_checkpoint, write_checkpoint
from .distributed import Processes, placed_like
from .identity import refuse_differences
from .precision import gradient_scaler
from .train_config import TrainConfig

LOG = "log.csv"

M = TypeVar("M", bound=nn.Module)


class TrainingState(Generic[M]):
    """Model, optimizers, average and random states; all that a checkpoint must hold."""

    def __init__(
        self,
        model: M,
        average: AveragedModel,
        optimizers: list[torch.optim.Optimizer],
        train_config: TrainConfig,
        out: str | Path | None,
        identity: dict[str, Any] | None,
        device: torch.device,
        stream: ShardStream | None,
        processes: Processes,
    ):
        """Before the first step. device: where model, average and optimizers are. The rest: see `Trainer`."""
        self.model, self.average, self.optimizers, self.train_config = model, average, optimizers, train_config
        self.out = None if out is None else Path(out)
        self.identity: dict[str, Any] = {"train_config": asdict(train_config), **(identity or {})}
        self.device, self.stream, self.processes = device, stream, processes
        self.step = 0
        self.seconds = 0.0
        self.rng = random.Random(train_config.seed)
        self.take_precision(train_config.precision)  # "auto" until it has been chosen
        self.log: list[dict[str, float]] = []
        self.sums: dict[str, float] = {}  # of the parts of the loss, over the `since` steps after the log's last line
        self.since = 0
        self.unsaved: OSError | None = None  # why the last attempt to save failed, if it did

    def take_precision(self, precision: str) -> None:
        self.precision, self.scaler = precision, gradient_scaler(self.device, precision)

    def checkpoint(self) -> dict[str, Any]:
        """All but the tensors of model, average and optimizers."""
        return {
            "step": self.step,
            "seconds": self.seconds,
            "torch_rng": torch.get_rng_state(),
            "python_rng": self.rng.getstate(),
            "precision": self.precision,
            "scaler": self.scaler.state_dict(),
            "threads": torch.get_num_threads(),
            "identity": self.identity,
            "log": self.log,
            "sums": self.sums,
            "since": self.since,
            "stream": None if self.stream is None else self.stream.state_dict(),
        }

    def save(self) -> None:
        """Write checkpoint and log, each in one step; the checkpoint before stays beside the new one. Several processes
        do it together."""
        if self.out is None:
            return
        self.out.mkdir(parents=True, exist_ok=True)
        if self.processes.count > 1:
            tensors = checkpoint_folders.named_tensors(self.model, self.average, self.optimizers)
            checkpoint_folders.write_folder(self.out, tensors, self.checkpoint(), self.processes)
        else:
            tensors = {"model": self.model.state_dict(), "average": self.average.state_dict()}
            optimizers = [optimizer.state_dict() for optimizer in self.optimizers]
            write_checkpoint(self.out, {**tensors, "optimizers": optimizers, **self.checkpoint()})
        if self.log and self.processes.first:
            replace_file(self.out / LOG, self.write_log)

    def try_to_save(self) -> None:
        """As `save`; but a disk that is full, or a log that is open elsewhere, ends no training: it is said, and kept
        in `unsaved`. What was saved before stays."""
        try:
            self.save()
            self.unsaved = None
        except OSError as error:
            self.unsaved = error
            tqdm.write(f"{error} What was saved before is unharmed.", file=sys.stderr)

    def write_log(self, path: Path) -> None:
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(self.log[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.log)

    def load(self, say: Callable[[str], object] = print) -> None:
        """Take up the checkpoint of `out`. say: gets a sentence if the newest cannot be read and the one before it is
        taken. Raises FileNotFoundError or ValueError with one sentence."""
        if self.out is None:
            raise ValueError("To resume, name the folder that holds the checkpoint.")
        parts = self.model, self.average, self.optimizers, self.processes
        state = read_checkpoint(
            self.out,
            say,
            lambda s: s | checkpoint_folders.read_tensors(s["folder"], *parts) if "folder" in s else s,
        )
        refuse_differences(self.out, state["identity"], self.identity)
        try:
            for module, saved in ((self.model, state["model"]), (self.average, state["average"])):
                now = module.state_dict()
                module.load_state_dict({name: placed_like(t, now.get(name, t)) for name, t in saved.items()})
        except RuntimeError as error:
            raise ValueError(f"{self.out} holds another model: resume with the same preset and options.") from error
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
            for parameter, slots in optimizer.state.items():
                slots.update({name: placed_like(value, parameter) for name, value in slots.items()})
        self.step, self.seconds = state["step"], state["seconds"]
        self.log, self.sums, self.since = state["log"], state["sums"], state["since"]
        self.take_precision(state["precision"])
        self.scaler.load_state_dict(state["scaler"])
        version, internal, gauss = state["python_rng"]
        self.rng.setstate((version, tuple(internal), gauss))
        # Another number of threads adds in another order; but more threads than cores only wait for each other.
        torch.set_num_threads(min(state["threads"], available_cores()))
        torch.set_rng_state(state["torch_rng"])
        if self.stream is not None:
            self.stream.load_state_dict(state["stream"])
