"""How long a training is and how it steps: what is the same for all models."""

from __future__ import annotations

import math
from dataclasses import dataclass

PRECISIONS = ("float32", "bfloat16", "float16", "auto")


@dataclass(frozen=True)
class TrainConfig:
    """Length, learning rate and precision of a training.

    Raises ValueError with one sentence for a value beyond its limits.
    """

    #: Number of steps, each of which is one batch; at least 1.
    steps: int = 1000
    #: Examples in a batch, of all processes together; at least 1.
    batch: int = 64
    #: In how many parts, one after another, a batch is computed, each with a part of the memory; a divisor of `batch`.
    accumulate: int = 1
    #: Peak learning rate of AdamW, after the warm-up; above 0.
    lr: float = 1e-3
    #: Steps over which the learning rate rises linearly to its peak; 0 for none.
    warmup: int = 100
    #: Learning rate after the last step, as a share of the peak, in [0, 1]; a cosine leads there.
    min_lr_ratio: float = 0.05
    #: AdamW's two decay rates, of the mean gradient and of the mean squared gradient, each in [0, 1).
    betas: tuple[float, float] = (0.9, 0.99)
    #: By what share of the learning rate each step shrinks matrices; 0 or more.
    weight_decay: float = 0.01
    #: Peak learning rate of Muon (Jordan et al. 2024) for the matrices and kernels inside blocks; None: AdamW for all.
    muon_lr: float | None = None
    #: Largest norm of the gradient of all parameters together; a longer one is shortened to it. Above 0.
    clip: float = 1.0
    #: Decay of the moving average of the weights, between 0 and 1. The averaged weights are the ones that are saved.
    ema: float = 0.995
    #: "float32", "bfloat16", "float16", or "auto": on a graphics card bfloat16 where it has that, else float16; on a
    #: processor whichever of the first two is faster there, measured before the first step.
    precision: str = "float32"
    #: Seed of all random numbers; from 0 to 2^63 - 1.
    seed: int = 0
    #: Seconds between two checkpoints; 0 for one after each step.
    save_every: float = 120.0
    #: Processes that read and decode shards beside each one that trains; 0: that one does.
    workers: int = 0

    def __post_init__(self) -> None:
        limits = {  # field: (is it within its limits, what the limits are)
            "steps": (self.steps >= 1, "at least 1"),
            "batch": (self.batch >= 1, "at least 1"),
            "accumulate": (self.accumulate >= 1, "at least 1"),
            "lr": (0 < self.lr < math.inf, "a number above 0"),
            "warmup": (self.warmup >= 0, "0 or more"),
            "min_lr_ratio": (0 <= self.min_lr_ratio <= 1, "from 0 to 1"),
            "betas": (all(0 <= beta < 1 for beta in self.betas), "from 0 to less than 1"),
            "weight_decay": (0 <= self.weight_decay < math.inf, "0 or more"),
            "muon_lr": (self.muon_lr is None or 0 < self.muon_lr < math.inf, "a number above 0, or None"),
            "clip": (self.clip > 0, "above 0"),
            "ema": (0 < self.ema < 1, "between 0 and 1"),
            "precision": (self.precision in PRECISIONS, f"one of {', '.join(PRECISIONS)}"),
            "seed": (0 <= self.seed < 2**63, "from 0 to 2^63 - 1"),
            "save_every": (self.save_every >= 0, "0 or more"),
            "workers": (self.workers >= 0, "0 or more"),
        }
        for name, (good, limit) in limits.items():
            if not good:
                raise ValueError(f"The training's {name} must be {limit}, got {getattr(self, name)!r}.")
        if self.batch % self.accumulate:
            raise ValueError(f"A batch of {self.batch} cannot be computed in {self.accumulate} equal parts.")

    def lr_multiplier(self, step: int) -> float:
        """The learning rate at a step (counted from 0) as a share of its peak: linear warm-up, then a cosine."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        progress = min(1.0, (step - self.warmup) / max(1, self.steps - self.warmup))
        return self.min_lr_ratio + (1 - self.min_lr_ratio) * 0.5 * (1 + math.cos(math.pi * progress))
