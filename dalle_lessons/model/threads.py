"""How many cores a computation may use, and how its threads wait for each other.

PyTorch reads these settings from the environment when it is imported: call the functions before that.
"""

from __future__ import annotations

import math
import os
from pathlib import Path


def available_cores(root: Path = Path("/")) -> int:
    """The cores that this process may use, at least 1: those of the machine, less those that it is kept from.

    A process may be bound to some cores, and a container often has a quota (Linux, control groups v2: so much time of
    all cores together), which PyTorch does not see: on a server of 64 cores it would start 64 threads that take turns
    on two. root: where the system's files lie.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:  # macOS, Windows
        cores = os.cpu_count() or 1
    quota = cpu_quota(root)
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def cpu_quota(root: Path = Path("/")) -> float | None:
    """The quota of this process in cores (1.5: one and a half), the least of its control group and of those around it;
    None without one."""
    top = root / "sys/fs/cgroup"
    groups = [top]
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # not Linux
        lines = []
    for line in lines:
        if line.startswith("0::/"):  # version 2 has one line
            inner = top / line.removeprefix("0::/")
            groups += [group for group in (inner, *inner.parents) if group.is_relative_to(top)]
    quotas = []
    for group in groups:
        try:
            time, period = (group / "cpu.max").read_text().split()
            quotas.append(int(time) / int(period))
        except (OSError, ValueError):  # no such file, or "max": no limit in this group
            continue
    return min(quotas, default=None)


def wait_quietly() -> None:
    """Let threads that wait for others sleep, unless the user has decided otherwise.

    They would spin, that is, keep their core busy in order to go on a little sooner. Where two programs share the
    cores, as in a class on one server, each then takes from the other what it needs itself: ten times slower was seen.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def limit_threads(root: Path = Path("/")) -> None:
    """Let PyTorch, here and in programs that this one starts, use no more threads than it has cores, unless the user
    has decided otherwise. Without a quota PyTorch finds the best number itself."""
    if cpu_quota(root) is not None:
        os.environ.setdefault("OMP_NUM_THREADS", str(available_cores(root)))
