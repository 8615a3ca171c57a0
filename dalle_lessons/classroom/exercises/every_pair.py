"""Whether an answer compares every picture with every other, or finds equal ones by a key."""

from __future__ import annotations

import sys
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
    and sixteen times as many of a sixteenth of the size. With keys that takes about as long, and with pairs several
    times as long.
    """
    train, held_out = _random_pictures(400, 16), _random_pictures(40, 16)
    with Work() as work:
        call(answer, train, held_out, shown="400 pictures, 40 pictures")
    if work.numbers > 20 * (train.numel() + held_out.numel()):  # all pairs: 36 times or more
        return True
    small, large = _seconds(answer, 400, 64), _seconds(answer, 25, 256)
    return small > 0.01 and small > 3 * large  # seen: keys up to 1.5 times as long, pairs 6 and more


def _random_pictures(count: int, side: int) -> Tensor:
    generator = torch.Generator().manual_seed(count)
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=generator)


def _seconds(answer, count: int, side: int) -> float:
    """Of computing, not of waiting; the shortest of five, since nothing makes it shorter than it is."""
    train = _random_pictures(count, side)
    held_out, found = train.flip(0), []
    clock = time.perf_counter if sys.platform == "win32" else time.process_time  # there it ticks every 16 ms alone
    for _ in range(5):
        begin = clock()
        call(answer, train, held_out, shown=f"{count} pictures, {count} pictures")
        found.append(clock() - begin)
    return min(found)
