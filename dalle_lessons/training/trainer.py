"""One training loop for all models: it can be killed at any step, and goes on to the same weights bit for bit."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast, runtime_checkable

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from tqdm.auto import tqdm

from ..datasets.shard_stream import ShardStream
from ..model.devices import peak_memory, pick_device
from . import distributed
from .distributed import ALONE, Processes, replace_parameters, whole
from .memory import keep_freed_memory
from .optimizers import make_optimizers, moving_average
from .precision import autocast, choose_precision
from .shares import Share
from .step import Divisible, LossFn, LossOf, randomness
from .stop_signals import stop_requests
from .train_config import TrainConfig
from .training_state import TrainingState

M = TypeVar("M", bound=nn.Module)


class NonFiniteLoss(RuntimeError):
    """The loss is no longer a number. The last checkpoint is from before."""


@runtime_checkable
class Constrained(Protocol):
    """A model with limits for its parameters."""

    def constrain(self) -> None:
        """Put back within its limits what a step has moved beyond them."""
        ...


class Trainer(TrainingState[M]):
    """The state of a training, and the steps that change it."""

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
        place = pick_device(device)
        model = model.to(place)
        self.loss_fn, self.sharded = loss_fn, sharded
        self.parts = processes.count * train_config.accumulate
        if self.parts > 1 and not isinstance(loss_fn, Divisible):
            raise ValueError("A loss function draws its batch itself: set accumulate to 1, or give an objective.")
        if train_config.batch % self.parts:
            raise ValueError(f"A batch of {train_config.batch} cannot be computed in {self.parts} equal parts.")
        average = AveragedModel(model, multi_avg_fn=moving_average(train_config.ema))
        average.train()  # it changes too: its weights are no longer those that were loaded (`weights_sha256`)
        self.loss_of: nn.Module = LossOf(model)
        if compiled:
            self.loss_of.compile()
        if processes.count > 1:
            self.loss_of = distributed.divide(self.loss_of, model, average, place, loss_fn, sharded)
        optimizers = make_optimizers(model, train_config)
        super().__init__(model, average, optimizers, train_config, out, identity, place, stream, processes)

    def must_be_finite(self, what: str, value: float) -> None:
        if not math.isfinite(value):
            lr = self.train_config.lr
            raise NonFiniteLoss(
                f"The {what} is {value} at step {self.step}: the learning rate ({lr:g}) is probably too high; start "
                f"again in another folder with --lr {lr / 3:.1g} or another smaller one."
            )

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
