"""On which device a model computes: a graphics card by CUDA, an Apple chip's by MPS, or the processor."""

from __future__ import annotations

import re
import sys

import torch

NAMES = "auto, cpu, cuda, cuda:1 or mps"  # what may be asked for, as sentences say it


def devices_here() -> list[torch.device]:
    """The devices that PyTorch finds on this machine, the one that "auto" takes first, the processor always last."""
    found = (
        [torch.device("cuda", index) for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    )
    if torch.backends.mps.is_available():
        found.append(torch.device("mps"))
    return [*found, torch.device("cpu")]


def pick_device(name: str | torch.device = "auto") -> torch.device:
    """The device of that name: "auto", "cpu", "cuda", "cuda:1" (counted from 0) or "mps".

    "auto" takes CUDA where it is, else MPS, else the processor; "cuda" alone is the card that PyTorch works on at
    present (`torch.cuda.current_device`), the first if nobody has chosen one. Raises ValueError with one sentence for
    a name that is none, and for a device that is not there.
    """
    name = str(name)
    if not re.fullmatch(r"auto|cpu|cuda|cuda:\d+|mps(:0)?", name):
        raise ValueError(f"There is no device {name!r}: name one of {NAMES}.")
    here = devices_here()
    if name in ("auto", "cuda") and here[0].type == "cuda":
        return torch.device("cuda", torch.cuda.current_device())
    if name == "auto":
        return here[0]
    wanted = torch.device("mps" if name == "mps:0" else name)
    if wanted not in here:
        raise ValueError(
            f"There is no device {name!r} here, only {', '.join(map(str, here))}: name one of these, or auto."
        )
    return wanted


def describe(device: torch.device) -> str:
    """A device's name, and for a graphics card its maker's and its memory: "cuda:0 (NVIDIA L4, 22 GiB)"."""
    if device.type != "cuda":
        return str(device)
    properties = torch.cuda.get_device_properties(device)
    return f"{device} ({properties.name}, {properties.total_memory / 2**30:.0f} GiB)"


def peak_memory(device: torch.device) -> int | None:
    """Bytes: the most that tensors took on the card so far; on the processor, the most that this process took. None
    where neither is known."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if device.type == "mps":  # which keeps no record of the most
        return torch.mps.driver_allocated_memory()
    if sys.platform == "win32":
        return None
    import resource  # not there on Windows

    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else 1024 * largest  # macOS counts bytes, Linux KiB
