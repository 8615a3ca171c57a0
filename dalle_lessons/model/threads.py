"""How many cores a computation may use, and how its threads wait for each other.

PyTorch reads these settings from the environment when it is imported: call the functions before that.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

HUB_THREADS = 2  # with which the lessons' minutes were measured


def available_cores(root: Path = Path("/")) -> int:
    """The cores that this process may use, at least 1: those of the machine, less those that it is kept from.

    A process may be bound to some cores, and a container often has a quota (Linux, control groups: so much time of all
    cores together), which PyTorch does not see: on a server of 64 cores it would start 64 threads that take turns
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
    quotas = [quota for group in groups_of("cpu", root) for quota in (quota_of(group),) if quota is not None]
    return min(quotas, default=None)


def groups_of(controller: str, root: Path = Path("/")) -> list[Path]:
    """The folders of the control groups that limit this process, its own and those around it: of version 2, and of
    version 1 for this controller ("cpu", "memory"). Both can be there at once."""
    top = root / "sys/fs/cgroup"
    groups = [top, top / controller]  # a container sees its own group as the top
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # not Linux
        lines = []
    for line in lines:
        _, controllers, own = line.split(":", 2)
        if controllers == "":  # version 2, which has one line
            groups += parents(top / own.lstrip("/"), top)
        elif controller in controllers.split(","):  # version 1: a folder for each controller, or several together
            for name in (controllers, controller):
                groups += parents(top / name / own.lstrip("/"), top / name)
    return list(dict.fromkeys(groups))


def parents(group: Path, top: Path) -> list[Path]:
    """A control group and those around it, below `top`."""
    return [folder for folder in (group, *group.parents) if folder.is_relative_to(top)]


def quota_of(group: Path) -> float | None:
    """The quota in cores that the files of one control group state, of version 2 or 1; None if it has no limit."""
    try:
        if (group / "cpu.max").is_file():
            time, period = (int(part) for part in (group / "cpu.max").read_text().split())
        else:
            time, period = (int((group / f"cpu.cfs_{part}_us").read_text()) for part in ("quota", "period"))
    except (OSError, ValueError):  # no such file, or "max": no limit
        return None
    return time / period if time > 0 else None


def wait_quietly() -> None:
    """Let threads that wait for others sleep, unless the user has decided otherwise.

    They would spin, that is, keep their core busy in order to go on a little sooner. Where two programs share the
    cores, as in a class on one server, each then takes from the other what it needs itself: ten times slower was seen.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def limit_threads(root: Path = Path("/")) -> None:
    """Let PyTorch, here and in programs that this one starts, use no more threads than it has cores, unless the user
    has decided otherwise. Without a quota PyTorch finds the best number itself, but on a server of a class: there all
    users see all cores, and each one's threads would take turns with everybody's. Two are worth having there."""
    if cpu_quota(root) is not None or in_a_hub():
        cores = available_cores(root)
        os.environ.setdefault("OMP_NUM_THREADS", str(min(cores, HUB_THREADS) if in_a_hub() else cores))


def in_a_hub() -> bool:
    """Does this run on a JupyterHub, a server that many share?"""
    return "JUPYTERHUB_USER" in os.environ or "JUPYTERHUB_SERVICE_PREFIX" in os.environ
