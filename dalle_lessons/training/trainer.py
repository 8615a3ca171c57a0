"""One training loop for all models: it can be killed at any step, and goes on to the same weights bit for bit."""

from __future__ import annotations

import csv
import math
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from tqdm.auto import tqdm

from ..model.atomic import replace_file
from .muon import Muon

CHECKPOINT, LOG = "checkpoint.pt", "log.csv"


@dataclass(frozen=True)
class TrainConfig:
    """steps, batch: how long. lr: of AdamW at its peak; warm-up, then a cosine to `min_lr_ratio` of it. muon_lr: if given,
    the matrices of the blocks are trained by Muon (Jordan et al. 2024). clip: largest norm of the gradient.
    ema: decay of the averaged weights, which are the ones that are saved. precision: "float32", "bfloat16", or "auto",
    whichever is faster here. save_every: seconds between checkpoints."""

    steps: int = 1000
    batch: int = 64
    lr: float = 1e-3
    warmup: int = 100
    min_lr_ratio: float = 0.05
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.01
    muon_lr: float | None = None
    clip: float = 1.0
    ema: float = 0.995
    precision: str = "float32"
    seed: int = 0
    save_every: float = 120.0

    def lr_multiplier(self, step: int) -> float:
        """The learning rate at a step, as a share of the peak: linear warm-up, then cosine."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.min_lr_ratio + (1 - self.min_lr_ratio) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


# What a model learns from in one step: (model, random state, share of the training done) -> the loss and its parts.
LossFn = Callable[[nn.Module, random.Random, float], dict[str, Tensor]]


class NonFiniteLoss(RuntimeError):
    """The loss is no longer a number. The last checkpoint is from before."""


def make_optimizers(model: nn.Module, train_config: TrainConfig) -> list[torch.optim.Optimizer]:
    """AdamW for all, or Muon for the matrices inside transformer blocks and AdamW for the rest.

    Weight decay is for matrices alone: shrinking a bias or a norm has no use.
    """
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    inner = {name for name, p in named if train_config.muon_lr and p.ndim == 2 and ".blocks." in f".{name}"}
    rest = [p for name, p in named if name not in inner]
    groups = [
        {"params": [p for p in rest if p.ndim >= 2], "weight_decay": train_config.weight_decay},
        {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW([g for g in groups if g["params"]], lr=train_config.lr, betas=train_config.betas)
    ]
    if inner:
        matrices = [p for name, p in named if name in inner]
        optimizers.append(Muon(matrices, lr=train_config.muon_lr, weight_decay=train_config.weight_decay))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers


def moving_average(decay: float):
    """An exponential moving average that starts quickly: at first it forgets the untrained weights, later it hardly
    moves. The decay after n steps is the smaller of `decay` and (1 + n) / (10 + n)."""

    @torch.no_grad()
    def update(average: list[Tensor], current: list[Tensor], steps: Tensor) -> None:
        now = min(decay, (1 + int(steps)) / (10 + int(steps)))
        for mine, theirs in zip(average, current, strict=True):
            mine.lerp_(theirs, 1 - now)

    return update


def product_seconds(dtype: torch.dtype) -> float:
    """Seconds that one product of two 256x256 matrices takes here."""
    matrix = torch.ones(256, 256, dtype=dtype)
    for _ in range(2):  # the first one warms up
        begin = time.perf_counter()
        matrix @ matrix
    return time.perf_counter() - begin


def faster_precision(model: nn.Module, loss_fn: LossFn) -> str:
    """Measure two forward and backward passes in each precision: bfloat16 is faster on some processors only."""
    if product_seconds(torch.bfloat16) > 5 * product_seconds(torch.float32):
        return "float32"  # on processors without instructions for it, the passes below would take minutes
    rng, before = torch.get_rng_state(), {name: t.clone() for name, t in model.state_dict().items()}
    seconds = {}
    for precision in ("float32", "bfloat16", "float32", "bfloat16"):  # the first pass of each warms up
        begin = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            loss = loss_fn(model, random.Random(0), 0.0)["total"]
        loss.backward()
        seconds[precision] = time.perf_counter() - begin
    model.zero_grad(set_to_none=True)
    torch.set_rng_state(rng)
    model.load_state_dict(before)  # a forward pass may change it: the vector quantizer revives codes
    return min(seconds, key=seconds.get)


class Trainer:
    """Model, optimizers, average and random states; all that a checkpoint must hold."""

    def __init__(self, model: nn.Module, loss_fn: LossFn, train_config: TrainConfig, out: str | Path | None):
        self.model, self.loss_fn, self.train_config = model, loss_fn, train_config
        self.out = None if out is None else Path(out)
        self.optimizers = make_optimizers(model, train_config)
        self.average = AveragedModel(model, multi_avg_fn=moving_average(train_config.ema))
        self.step = 0
        self.seconds = 0.0
        self.rng = random.Random(train_config.seed)
        self.precision = train_config.precision
        self.log: list[dict] = []
        self.sums: dict[str, float] = {}  # of the parts of the loss, over the `since` steps after the log's last line
        self.since = 0

    def checkpoint(self) -> dict:
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "seconds": self.seconds,
            "torch_rng": torch.get_rng_state(),
            "python_rng": self.rng.getstate(),
            "precision": self.precision,
            "threads": torch.get_num_threads(),
            "train_config": asdict(self.train_config),
            "log": self.log,
            "sums": self.sums,
            "since": self.since,
        }

    def save(self) -> None:
        """Write checkpoint and log, each in one step."""
        if self.out is None:
            return
        self.out.mkdir(parents=True, exist_ok=True)
        state = self.checkpoint()
        replace_file(self.out / CHECKPOINT, lambda path: torch.save(state, path))
        if self.log:
            replace_file(self.out / LOG, self.write_log)

    def write_log(self, path: Path) -> None:
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.log[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.log)

    def load(self) -> None:
        """Take up the checkpoint of `out`. Raises FileNotFoundError or ValueError with one sentence."""
        if self.out is None:
            raise ValueError("To resume, name the folder that holds the checkpoint.")
        path = self.out / CHECKPOINT
        if not path.exists():
            raise FileNotFoundError(f"There is nothing to resume in {self.out}: start without --resume.")
        state = torch.load(path, weights_only=True)
        if {**state["train_config"], "save_every": 0} != {**asdict(self.train_config), "save_every": 0}:
            raise ValueError(f"{self.out} was trained with another recipe: resume with the same preset and options.")
        try:
            self.model.load_state_dict(state["model"])
        except RuntimeError as error:
            raise ValueError(f"{self.out} holds another model: resume with the same preset and options.") from error
        self.average.load_state_dict(state["average"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.seconds = state["step"], state["seconds"]
        self.log, self.sums, self.since = state["log"], state["sums"], state["since"]
        self.precision = state["precision"]
        version, internal, gauss = state["python_rng"]
        self.rng.setstate((version, tuple(internal), gauss))
        torch.set_num_threads(state["threads"])  # another number of threads adds in another order
        torch.set_rng_state(state["torch_rng"])

    def must_be_finite(self, what: str, value: float) -> None:
        if not math.isfinite(value):
            raise NonFiniteLoss(
                f"The {what} is {value} at step {self.step}: the learning rate ({self.train_config.lr:g}) is probably too "
                "high; start again with a smaller one."
            )

    def one_step(self) -> dict[str, float]:
        """Loss, gradient, update. Returns the parts of the loss. Raises NotFinite."""
        lr_multiplier = self.train_config.lr_multiplier(self.step)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.precision == "bfloat16"):
            parts = self.loss_fn(self.model, self.rng, self.step / self.train_config.steps)
        values = {name: float(value.detach()) for name, value in parts.items()}
        self.must_be_finite("loss", values["total"])
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        parts["total"].backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.train_config.clip)
        self.must_be_finite("gradient", float(norm))  # or this step would spoil the weights, and a checkpoint keep them
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * lr_multiplier
            optimizer.step()
        self.average.update_parameters(self.model)  # copies the buffers too
        self.step += 1
        return values

    def run(self, minutes: float | None = None, progress: bool = True, log_every: int = 20) -> nn.Module:
        """Train to the last step, or until the minutes are over or the user interrupts; returns the averaged model."""
        self.model.train()
        if self.step == 0 and self.precision == "auto":
            self.precision = faster_precision(self.model, self.loss_fn)
        begin = saved = time.perf_counter()
        before = self.seconds
        stop = []

        def ask_to_stop(*_) -> None:  # asked once: the step is finished and saved, never half of it; twice: at once
            if stop:
                raise KeyboardInterrupt
            stop.append(True)

        main = threading.current_thread() is threading.main_thread()  # only there may signals be handled
        handlers = {s: signal.signal(s, ask_to_stop) for s in (signal.SIGINT, signal.SIGTERM) if main}
        bar = tqdm(total=self.train_config.steps, initial=self.step, unit="step", disable=not progress, mininterval=1.0)
        try:
            while self.step < self.train_config.steps and not stop:
                values = self.one_step()
                now = time.perf_counter()
                self.seconds = before + now - begin
                for name, value in values.items():
                    self.sums[name] = self.sums.get(name, 0.0) + value
                self.since += 1
                bar.update()
                if self.step % log_every == 0 or self.step == self.train_config.steps:
                    means = {name: total / self.since for name, total in self.sums.items()}
                    self.log.append({"step": self.step, "seconds": round(self.seconds, 1), **means})
                    bar.set_postfix(loss=f"{means['total']:.4f}")
                    self.sums, self.since = {}, 0
                if now - saved > self.train_config.save_every:
                    self.save()
                    saved = now
                if minutes is not None and now - begin > 60 * minutes:
                    break
        finally:
            bar.close()
            for which, handler in handlers.items():
                signal.signal(which, handler)
        self.save()
        return self.average.module.eval()


def train(
    model: nn.Module,
    loss_fn: LossFn,
    train_config: TrainConfig,
    out: str | Path | None = None,
    resume: bool = False,
    minutes: float | None = None,
    progress: bool = True,
) -> nn.Module:
    """Train `model` and return its averaged copy, in evaluation mode; with `out`, checkpoint and log there.

    resume: go on from the checkpoint in `out`. minutes: stop cleanly after so many, resumable.
    Raises NotFinite if the loss stops being a number, FileNotFoundError or ValueError if there is nothing to resume.
    """
    torch.manual_seed(train_config.seed)
    trainer = Trainer(model, loss_fn, train_config, out)
    if resume:
        trainer.load()
    return trainer.run(minutes, progress)
