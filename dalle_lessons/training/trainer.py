"""One training loop for all models: it can be killed at any step, and goes on to the same weights bit for bit."""

from __future__ import annotations

import csv
import math
import random
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, cast, runtime_checkable

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from tqdm.auto import tqdm

from ..datasets.shard_stream import ShardStream
from ..model.atomic import replace_file
from ..model.devices import peak_memory, pick_device
from ..model.threads import available_cores
from . import checkpoint_folders, distributed
from .checkpoints import read_checkpoint, write_checkpoint
from .distributed import ALONE, Processes, placed_like, replace_parameters, whole
from .identity import refuse_differences
from .memory import keep_freed_memory
from .optimizers import make_optimizers, moving_average
from .precision import autocast, choose_precision, gradient_scaler
from .shares import Share
from .step import Divisible, LossFn, LossOf, randomness
from .stop_signals import stop_requests
from .train_config import TrainConfig

LOG = "log.csv"

M = TypeVar("M", bound=nn.Module)


class NonFiniteLoss(RuntimeError):
    """The loss is no longer a number. The last checkpoint is from before."""


@runtime_checkable
class Constrained(Protocol):
    """A model with limits for its parameters."""

    def constrain(self) -> None:
        """Put back within its limits what a step has moved beyond them."""
        ...


class Trainer(Generic[M]):
    """Model, optimizers, average and random states; all that a checkpoint must hold."""

    def __init__(
        self,
        model: M,
        loss_fn: LossFn[M] | Divisible,
        train_config: TrainConfig,
        out: str | Path | None,
        identity: dict[str, Any] | None = None,
        device: str | torch.device = "cpu",
        compiled: bool = False,
        stream: ShardStream | None = None,
        processes: Processes = ALONE,
        sharded: bool = False,
    ):
        """loss_fn: an objective, or a function that draws a batch and gives its loss. out: folder of checkpoint and
        log, or None: nothing is written. identity: what else, beside the configuration, must be the same when the
        training is resumed; it goes into the checkpoint. device: where it computes; the model moves there. compiled:
        by `torch.compile`, which takes a minute or two before the first step and pays in long trainings on a graphics
        card. stream: what `loss_fn` reads from, if its data are shards. processes: those that share the training, each
        of which makes such a trainer. sharded: whether each keeps a part of every weight, instead of all of them.

        Raises ValueError with one sentence for a batch that cannot be divided into equal parts as was asked for.
        """
        self.device, self.processes, self.sharded = pick_device(device), processes, sharded
        self.model, self.loss_fn, self.train_config = model.to(self.device), loss_fn, train_config
        self.parts = processes.count * train_config.accumulate
        if self.parts > 1 and not isinstance(loss_fn, Divisible):
            raise ValueError("A loss function draws its batch itself: set accumulate to 1, or give an objective.")
        if train_config.batch % self.parts:
            raise ValueError(f"A batch of {train_config.batch} cannot be computed in {self.parts} equal parts.")
        self.identity: dict[str, Any] = {"train_config": asdict(train_config), **(identity or {})}
        self.out = None if out is None else Path(out)
        self.average = AveragedModel(self.model, multi_avg_fn=moving_average(train_config.ema))
        self.average.train()  # it changes too: its weights are no longer those that were loaded (`weights_sha256`)
        self.loss_of: nn.Module = LossOf(self.model)
        if compiled:
            self.loss_of.compile()
        if processes.count > 1:
            self.loss_of = distributed.divide(self.loss_of, self.model, self.average, self.device, loss_fn, sharded)
        self.optimizers = make_optimizers(self.model, train_config)
        self.step = 0
        self.seconds = 0.0
        self.rng = random.Random(train_config.seed)
        self.precision = train_config.precision  # "auto" until it has been chosen
        self.scaler = gradient_scaler(self.device, self.precision)
        self.log: list[dict[str, float]] = []
        self.sums: dict[str, float] = {}  # of the parts of the loss, over the `since` steps after the log's last line
        self.since = 0
        self.stream = stream
        self.unsaved: OSError | None = None  # why the last attempt to save failed, if it did

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

    def must_be_finite(self, what: str, value: float) -> None:
        if not math.isfinite(value):
            lr = self.train_config.lr
            raise NonFiniteLoss(
                f"The {what} is {value} at step {self.step}: the learning rate ({lr:g}) is probably too high; start "
                f"again in another folder with --lr {lr / 3:.1g} or another smaller one."
            )

    def take_precision(self, precision: str) -> None:
        self.precision, self.scaler = precision, gradient_scaler(self.device, precision)

    def passes(self) -> dict[str, float]:
        """Draw a batch, and go forward and backward through it, part by part. -> the parts of its loss."""
        count, progress = self.train_config.accumulate, self.step / self.train_config.steps
        if isinstance(self.loss_fn, Divisible):
            batch = self.loss_fn.draw(self.rng, progress).to(self.device)  # the same in all processes
        sums: dict[str, Tensor] = {}
        for i in range(count):
            share = Share(self.processes.rank * count + i, self.parts)
            with autocast(self.device, self.precision):
                if isinstance(self.loss_fn, Divisible):
                    with randomness(self.train_config.seed, self.step, share.index):
                        parts = self.loss_of(self.loss_fn, batch.part(share), share)
                else:
                    parts = self.loss_fn(self.model, self.rng, progress)
            self.scaler.scale(parts["total"] / count).backward()
            for name, value in parts.items():
                sums[name] = sums.get(name, 0) + value.detach().float() / count
        values = self.processes.mean(torch.stack(list(sums.values())))
        return dict(zip(sums, values.tolist(), strict=True))  # fetched at once

    def one_step(self) -> dict[str, float]:
        """Loss, gradient, update. Returns the parts of the loss. Raises NonFiniteLoss."""
        lr_multiplier = self.train_config.lr_multiplier(self.step)
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        values = self.passes()
        self.must_be_finite("loss", values["total"])
        for optimizer in self.optimizers:
            self.scaler.unscale_(optimizer)
        norm = float(whole(nn.utils.clip_grad_norm_(self.model.parameters(), self.train_config.clip)))
        # In float16 a scale that was too large is made smaller, and this step is left out; else it would spoil the
        # weights, and a checkpoint keep them.
        if not (self.scaler.is_enabled() and self.scaler.get_scale() > 1):
            self.must_be_finite("gradient", norm)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * lr_multiplier
            self.scaler.step(optimizer)
        self.scaler.update()
        if isinstance(self.model, Constrained):
            self.model.constrain()
        self.average.update_parameters(self.model)  # copies the buffers too
        self.step += 1
        return values

    def costs(self) -> dict[str, float]:
        """How far the training is, the seconds that it took, and the most memory, in megabytes, where that is known."""
        memory = peak_memory(self.device)
        costs: dict[str, float] = {"step": self.step, "seconds": round(self.seconds, 1)}
        return costs if memory is None else {**costs, "memory_mb": round(memory / 1e6)}

    def run(self, minutes: float | None = None, progress: bool = True, log_every: int = 20) -> M:
        """Train to the last step, or until the minutes are over or the user interrupts.

        -> the averaged model, in evaluation mode. progress: show a bar. log_every: steps between two lines of the log.
        Where nothing can be saved, the training goes on and says so; `unsaved` then holds the last error.
        """
        self.model.train()
        keep_freed_memory()
        if self.step == 0 and self.precision == "auto":
            loss_fn = self.loss_fn.loss if isinstance(self.loss_fn, Divisible) else self.loss_fn
            alone = self.processes.count == 1  # a process among others cannot go through its model by itself
            chosen = choose_precision(self.device, self.model, loss_fn) if alone or self.device.type == "cuda" else ""
            self.take_precision(chosen or "float32")
            if self.stream is not None:
                self.stream.rewind()  # what was measured with is not passed over
        begin = saved = time.perf_counter()
        before = self.seconds
        speaks = progress and self.processes.first
        bar = tqdm(
            total=self.train_config.steps,
            initial=self.step,
            desc=self.precision,
            unit="step",
            disable=not speaks,
            mininterval=1.0,
        )
        with bar, stop_requests(answer=speaks) as stop:
            while self.step < self.train_config.steps:
                values = self.one_step()
                now = time.perf_counter()
                self.seconds = before + now - begin
                for name, value in values.items():
                    self.sums[name] = self.sums.get(name, 0.0) + value
                self.since += 1
                bar.update()
                if self.step % log_every == 0 or self.step == self.train_config.steps:
                    means = {name: total / self.since for name, total in self.sums.items()}
                    skipped = {} if self.stream is None else self.stream.counts()
                    self.log.append({**self.costs(), **means, **skipped})
                    bar.set_postfix(loss=f"{means['total']:.4f}")
                    self.sums, self.since = {}, 0
                due, over, stopped = self.processes.any(
                    now - saved > self.train_config.save_every,
                    minutes is not None and now - begin > 60 * minutes,
                    bool(stop),
                    device=self.device,
                )
                if due:
                    self.try_to_save()
                    saved = now
                if over or stopped:
                    break
            self.try_to_save()
        if self.sharded:
            replace_parameters(self.average.module, lambda name, parameter: whole(parameter))
        return cast(M, self.average.module).eval()  # AveragedModel says of its copy only that it is a module


def train(
    model: M,
    loss_fn: LossFn[M] | Divisible,
    train_config: TrainConfig,
    out: str | Path | None = None,
    resume: bool = False,
    minutes: float | None = None,
    progress: bool = True,
    device: str | torch.device = "cpu",
) -> M:
    """Train `model` and return its averaged copy, in evaluation mode; with `out`, checkpoint and log there.

    resume: go on from the checkpoint in `out`. minutes: stop cleanly after so many, resumable.
    Raises NonFiniteLoss if the loss stops being a number, FileNotFoundError or ValueError if there is nothing to
    resume.
    """
    torch.manual_seed(train_config.seed)
    trainer = Trainer(model, loss_fn, train_config, out, device=device)
    if resume:
        trainer.load()
    return trainer.run(minutes, progress)
