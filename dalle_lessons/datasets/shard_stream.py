"""Endless batches from shards, shuffled, and split so that in each pass every sample is seen once by one reader."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from .shard_samples import BadSample, Shards
from .shards import Sample, read_shards, webdataset

SHUFFLED = 1000  # samples that wait in a reader's memory, of which the next one is drawn
MOST_EMPTY_PASSES = 100  # of one reader in a row: others may have found something, and shards are dealt anew each pass


@dataclass(frozen=True)
class Position:
    """Where a reader stands. From the same position it goes on alike, to the last sample."""

    #: The pass over all shards, counted from 0; each has an order of its own.
    number: int = 0
    #: How many samples of this pass the reader has drawn, bad ones included.
    taken: int = 0
    #: How many samples, and rests of broken shards, could not be read so far.
    unreadable: int = 0
    #: How many captions had too many tokens so far.
    too_long: int = 0


@dataclass(frozen=True)
class Batch:
    """Samples that are learned from in one step."""

    #: Pictures, (B, 3, side, side) uint8, or image tokens, (B, rows, cols) int64.
    values: Tensor
    #: A caption of each.
    captions: list[str]
    #: Where its reader stands after it.
    position: Position


@dataclass(frozen=True)
class Order:
    """What is the same for all readers of a stream: the shards, and in which order they are read."""

    shards: Shards
    #: Samples in a batch.
    batch: int
    #: Of the order in which shards and samples come.
    seed: int
    #: Which captions may be learned from; None: all.
    fits: Callable[[str], bool] | None = None

    def one_pass(self, number: int, reader: int, readers: int, broken: Callable[[str], object]) -> Iterator[Sample]:
        """The part of a pass that one of `readers` reads, shuffled: whole shards, if there are enough for all of them;
        else every reader goes through all shards, and takes every `readers`-th sample."""
        paths = list(self.shards.paths)
        random.Random(f"{self.seed}, pass {number}").shuffle(paths)  # alike for all readers
        if len(paths) >= readers:
            samples = read_shards(paths[reader::readers], broken)
        else:
            samples = islice(read_shards(paths, broken), reader, None, readers)
        rng = random.Random(f"{self.seed}, pass {number}, reader {reader}")
        return webdataset().shuffle(SHUFFLED, initial=SHUFFLED, rng=rng)(samples)

    def batches(self, position: Position, reader: int, readers: int) -> Iterator[Batch]:
        """What a reader gives from a position on, without end. A batch may reach over the end of a pass.

        Raises ValueError with one sentence for tokens of another dVAE, and after many passes without a good sample.
        """
        lost = 0  # broken shards that were met, and are not yet counted in the position

        def broken(sentence: str) -> None:
            nonlocal lost
            lost += 1

        values, captions, empty = [], [], 0
        while empty < MOST_EMPTY_PASSES:
            empty, lost = empty + 1, 0
            samples = self.one_pass(position.number, reader, readers, broken)
            for _ in islice(samples, position.taken):  # seen before the training was cut off
                pass
            lost = 0  # what was met on the way is part of the position already
            for sample in samples:
                unreadable, too_long, lost = position.unreadable + lost, position.too_long, 0
                try:
                    value, caption = self.shards.decode(sample)
                    good = self.fits is None or self.fits(caption)
                    too_long += not good
                except BadSample:
                    good = False
                    unreadable += 1
                position = Position(position.number, position.taken + 1, unreadable, too_long)
                if not good:
                    continue
                empty = 0
                values.append(value)
                captions.append(caption)
                if len(values) == self.batch:
                    yield Batch(torch.stack(values), captions, position)
                    values, captions = [], []
            position = Position(position.number + 1, 0, position.unreadable + lost, position.too_long)
        raise ValueError(f"In {MOST_EMPTY_PASSES} passes over its part of the shards a reader found no sample to use.")


class Reader(IterableDataset):
    """What each worker process of a `DataLoader` runs: batches, or the error that ended them.

    positions: where this process's readers stand, one for each worker. turn: which of them the first worker is, so
    that batches come in the same turn as before the training was cut off.
    """

    def __init__(self, order: Order, positions: list[Position], turn: int, rank: int, ranks: int):
        self.order, self.positions, self.turn, self.rank, self.ranks = order, positions, turn, rank, ranks

    def __iter__(self) -> Iterator[Batch | ValueError]:
        worker = get_worker_info()
        mine = (self.turn + (0 if worker is None else worker.id)) % len(self.positions)
        reader, readers = self.rank * len(self.positions) + mine, self.ranks * len(self.positions)
        try:
            yield from self.order.batches(self.positions[mine], reader, readers)
        except ValueError as error:
            yield error  # raised in the process that asked: torch would wrap it in a worker's traceback


class ShardStream:
    """Batches without end, in an order that the seed decides.

    Ranks (the processes of `torchrun`) and their workers are readers, and each pass is split among them. workers:
    processes that read and decode beside this one; 0: this one does. What a checkpoint must hold is `state_dict`.
    """

    def __init__(self, order: Order, workers: int = 0, rank: int = 0, ranks: int = 1):
        self.order, self.workers, self.rank, self.ranks = order, workers, rank, ranks
        self.rewind()

    def rewind(self) -> None:
        """Go back to the first sample."""
        self.start([Position()] * max(1, self.workers), 0)

    def start(self, positions: list[Position], turn: int) -> None:
        """Begin at these positions of this process's readers, of which number `turn` gives the next batch."""
        self.positions, self.turn = list(positions), turn
        self.loader: Iterator[Batch | ValueError] | None = None

    def __next__(self) -> Batch:
        """Raises ValueError with one sentence if the shards hold nothing (more) that can be used."""
        if self.loader is None:
            reader = Reader(self.order, list(self.positions), self.turn, self.rank, self.ranks)
            own = torch.Generator()  # else the loader would draw from torch's random state, which a training repeats
            self.loader = iter(DataLoader(reader, batch_size=None, num_workers=self.workers, generator=own))
        found = next(self.loader)
        if isinstance(found, ValueError):
            raise found
        self.positions[self.turn] = found.position
        self.turn = (self.turn + 1) % len(self.positions)
        return found

    def counts(self) -> dict[str, float]:
        """`unreadable` samples and `too_long` captions that this process has met so far."""
        return {name: float(sum(getattr(p, name) for p in self.positions)) for name in ("unreadable", "too_long")}

    def state_dict(self) -> dict[str, Any]:
        """Where all readers of all ranks stand after the last batch. Each rank must call it, if there are several."""
        mine = [asdict(position) for position in self.positions]
        ranks = [mine]
        if self.ranks > 1:
            ranks = [[] for _ in range(self.ranks)]
            dist.all_gather_object(ranks, mine)
        return {"ranks": ranks, "turn": self.turn}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where the readers stood. If there are more or fewer now, they could not share what is left of the pass:
        a new one begins."""
        ranks = [[Position(**position) for position in positions] for positions in state["ranks"]]
        if [len(positions) for positions in ranks] == [len(self.positions)] * self.ranks:
            self.start(ranks[self.rank], state["turn"])
            return
        every = [position for positions in ranks for position in positions]
        begin = Position(max(position.number for position in every) + 1)
        counted = replace(begin, **{n: sum(getattr(p, n) for p in every) for n in ("unreadable", "too_long")})
        first = counted if self.rank == 0 else begin  # what was counted is counted on by one of them
        self.start([first, *[begin] * (len(self.positions) - 1)], 0)
