"""A batch, and how it is divided: several processes, or several passes of one, learn from it what one pass would."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from .synced import gather_rows


@dataclass
class Batch:
    """What one step learns from, drawn before anything is computed."""

    #: Tensors with a row an example, which are divided.
    rows: dict[str, Tensor]
    #: What is known of all rows together, which every part needs whole.
    whole: dict[str, Tensor] = field(default_factory=dict)
    #: Among how many processes the batch was divided before it was drawn: the rows are those of this one alone.
    ranks: int = 1

    def to(self, device: torch.device) -> Batch:
        """The same batch on a device. Single numbers stay on the CPU, from where they can be read without waiting."""

        def moved(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
            return {name: t.to(device, non_blocking=True) if t.ndim else t for name, t in tensors.items()}

        return Batch(moved(self.rows), moved(self.whole), self.ranks)

    def part(self, share: Share) -> Batch:
        """The rows of a share, and what is known of all."""
        mine = Share(share.index % (share.count // self.ranks), share.count // self.ranks)
        return Batch({name: mine.of(tensor) for name, tensor in self.rows.items()}, self.whole, self.ranks)


@dataclass(frozen=True)
class Share:
    """Which part of a batch is computed here; by default all of it. The loss of a batch is the mean of its shares'."""

    #: From 0 to `count` - 1.
    index: int = 0
    #: Parts of the batch, each as large.
    count: int = 1

    def of(self, rows: Tensor) -> Tensor:
        """(B, …) -> this share's rows, in order: about B / count."""
        return rows.tensor_split(self.count)[self.index]

    def scale(self, here: Tensor, everywhere: Tensor) -> Tensor:
        """What a mean over `here` things of this share is multiplied by, so that the mean over the shares is the mean
        over all `everywhere` things of the batch. 1 where the share is all of it. Both int64, scalars."""
        return here * self.count / everywhere.clamp_min(1)

    def all_rows(self, here: Tensor, total: int) -> Tensor:
        """This share's rows of something that was computed, of which the batch has `total` -> those of all shares, in
        order, each of them in a process of its own; gradients flow back to where a row was computed."""
        return here if self.count == 1 else gather_rows(here, self.index, self.count, total)


WHOLE = Share()  # all of it
