"""Batches that are sampled at the same time, each on a core of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Event

import torch
from torch import Tensor

OnToken = Callable[[int, Tensor, Tensor], None]
Job = Callable[[OnToken], Tensor]


class Abandoned(Exception):
    """Ends a job whose result nobody waits for any more."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Each operation of PyTorch takes one thread inside, and afterwards as many as before."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def side_by_side(jobs: list[Job], on_token: OnToken) -> list[Tensor]:
    """The results of the jobs, which run at the same time on the CPU.

    The operations of one new slot are too small to share between cores. So each job has one core and none waits for
    another; and its sums do not depend on how many cores there are. A job calls the function that it is handed after
    each token; `on_token` is called with the same in the calling thread, for all jobs in turn. What it raises ends all.
    """
    with one_thread():
        calls: SimpleQueue[tuple[int, Tensor, Tensor] | None] = SimpleQueue()
        abandoned = Event()

        def tell(i: int, tokens: Tensor, logits: Tensor) -> None:
            if abandoned.is_set():
                raise Abandoned
            calls.put((i, tokens, logits))

        def work(job: Job) -> Tensor:
            try:
                torch.set_num_threads(1)  # it counts for each thread apart
                return job(tell)
            finally:
                calls.put(None)

        with ThreadPoolExecutor(len(jobs)) as pool:
            try:
                results = [pool.submit(work, job) for job in jobs]
                for _ in jobs:
                    while (call := calls.get()) is not None:
                        on_token(*call)
                return [result.result() for result in results]
            finally:
                abandoned.set()
