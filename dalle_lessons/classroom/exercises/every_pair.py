"""Whether an answer compares every picture with every other, or finds equal ones by a key."""

from __future__ import annotations

import time

import torch
from torch import Tensor
from torch.utils import _pytree
from torch.utils._python_dispatch import TorchDispatchMode

from . import call


class Work(TorchDispatchMode):
    """Counts the numbers that PyTorch reads or writes, the same on every machine; views are free."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if not func.is_view:
            tensors = [x for x in _pytree.tree_leaves((args, kwargs, result)) if isinstance(x, Tensor)]
            self.numbers += max((x.numel() for x in tensors), default=0)
        return result


def compares_every_pair(answer) -> bool:
    """Does the work grow with the number of pairs of pictures, and not with the number of pictures?

    What PyTorch does is counted. What NumPy or Python does is timed, twice on equally many numbers: few large pictures,
    and sixteen times as many of a sixteenth of the size. With keys that takes about as long, and with pairs sixteen
    times as long.
    """
    train, held_out = _random_pictures(400, 16), _random_pictures(40, 16)
    with Work() as work:
        call(answer, train, held_out, shown="400 pictures, 40 pictures")
    if work.numbers > 20 * (train.numel() + held_out.numel()):  # all pairs: 36 times or more
        return True
    small, large = (min(_seconds(answer, count, side) for _ in range(3)) for count, side in ((400, 64), (25, 256)))
    return small > 0.05 and small > 5 * large


def _random_pictures(count: int, side: int) -> Tensor:
    generator = torch.Generator().manual_seed(count)
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=generator)


def _seconds(answer, count: int, side: int) -> float:
    """Of computing, not of waiting."""
    train = _random_pictures(count, side)
    begin = time.process_time()
    call(answer, train, train.flip(0), shown=f"{count} pictures, {count} pictures")
    return time.process_time() - begin
