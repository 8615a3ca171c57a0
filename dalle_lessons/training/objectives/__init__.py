"""What each model learns from: one objective a model."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import torch
from torch import Tensor, nn

from ...datasets import BUNDLED, Pairs, load
from ...datasets.shard_samples import Shards, open_shards
from ...datasets.shard_stream import ShardStream
from ...datasets.shards import is_shards
from ..shares import WHOLE, Batch, Share
from ..sources import Sources

M = TypeVar("M", bound=nn.Module)


def channels_last(model: M) -> M:
    """The same model in the layout that processors convolve fastest."""
    return model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] # not in PyTorch's stubs


class Objective(ABC, Generic[M]):
    """Builds a model for a data set, and says what it learns from in one step.

    Made directly from models, or by `prepare` from what the command was told. Then `build` once, and each step `draw`
    and `compute`; `loss` is both.
    """

    #: Whether every weight that is trained has a part in every loss.
    uses_all: ClassVar[bool] = True
    #: Whether the rows of a batch are compared with each other, so that one process cannot compute it in parts.
    compares_rows: ClassVar[bool] = False
    #: Whether the model's weights may be divided over processes.
    shardable: ClassVar[bool] = False

    preset: Any
    #: Where batches come from, if the data are shards; opened by `build`.
    stream: ShardStream | None = None

    @classmethod
    def check_data(cls, data: str) -> None:
        """Raises ValueError with one sentence for a data set that this model cannot learn from."""

    @classmethod
    def load_pairs(cls, data: str, side: int, styles: Sequence[str] | None = None) -> Pairs | Shards:
        """The pictures to train on, in memory; or shards, which are read as a stream. Those of a folder or of shards
        are made `side` pixels square. styles: as for `load`. Raises FileNotFoundError or ValueError with one
        sentence."""
        if data not in BUNDLED and is_shards(data):
            return open_shards(data, side)
        return load(data, size=side, styles=styles)

    @classmethod
    @abstractmethod
    def prepare(cls, preset: Any, sources: Sources) -> Self:
        """Load the weights that this training builds on. Raises FileNotFoundError or ValueError with one sentence where
        they are missing or do not fit; the data are not needed for that."""

    @abstractmethod
    def build(self, data: Pairs | Shards) -> M:
        """The model before its first step, and all that `loss` needs. Seeds torch's random state.

        Raises ValueError with one sentence for data that cannot be trained on.
        """

    @abstractmethod
    def draw(self, rng: random.Random, progress: float, training: bool = True) -> Batch:
        """A random batch. progress: share of the training done, in [0, 1). training: whether the text is cut at random
        where the preset says so. Captions vary by `rng`, all else by torch's random state on the CPU: so every process
        of a training draws the same."""

    @abstractmethod
    def compute(self, model: M, batch: Batch, share: Share = WHOLE) -> dict[str, Tensor]:
        """The loss on the rows of a batch, which may be a share of it: `total`, a scalar that is minimized, and its
        parts."""

    def loss(self, model: M, rng: random.Random, progress: float) -> dict[str, Tensor]:
        """The loss on one random batch: `total` and its parts."""
        return self.compute(model, self.draw(rng, progress, model.training))

    def fingerprint(self) -> dict[str, str]:
        """What must be the same when this training is resumed, beside preset and data, as far as it is known yet."""
        return {}

    def save_extras(self, out: Path) -> None:
        """Write what the weights are useless without, before the first step. Raises ValueError where another lies."""

    def finish(self, model: M) -> None:
        """What is left to do to the averaged model before it is saved."""
