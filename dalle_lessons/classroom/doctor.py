"""Is this machine ready for the lessons, and how fast is it?

    dalle-lessons doctor
    python -m dalle_lessons.classroom.doctor --calibrate    # for authors: prints REFERENCE_SECONDS anew

The lessons state minutes of computing, measured on two cores of one machine. The last check does a small piece of the
same kind of work here and says by what factor this machine differs.
"""

import os
import platform
import statistics
import sys
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from torch import nn

from ..model.devices import describe, devices_here, pick_device
from ..model.threads import available_cores

# Seconds of one `work()` on the machine on which the lessons' minutes were measured, with two threads and nothing else
# running. To measure it anew, on that machine when it is idle: python -m dalle_lessons.classroom.doctor --calibrate
REFERENCE_SECONDS = 0.194  # four runs gave 0.190 to 0.201, with PyTorch 2.13.0

ROUNDS, PATIENCE = 11, 5.0  # the median of so many counts, or of as many as fit into so many seconds

GIB = 2**30
NEEDED_MEMORY = 3.5 * GIB  # a machine sold with 4 GB reports a little less
NEEDED_MODELS = ("dvae", "dalle")  # of the bundled emoji world: without these two nothing can be drawn


@dataclass(frozen=True)
class Check:
    name: str
    ok: bool
    text: str  # what was found; where it is not well, also what to do


def doctor() -> bool:
    """Prints every check, one a line; returns whether all is well."""
    well = True
    for look in (check_python, check_torch, check_devices, check_memory, check_widgets, check_weights, check_speed):
        check = look()
        well = well and check.ok
        print(f"{'ok' if check.ok else 'NO':>4}  {check.name}: {check.text}", flush=True)
    print("All is well." if well else "What is marked NO needs a look first.")
    return well


# ---- The checks -----------------------------------------------------------------------------------------------------


def check_python() -> Check:
    ok = sys.version_info >= (3, 11)
    text = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return Check("Python", ok, text if ok else text + "; version 3.11 or newer is needed")


def check_torch() -> Check:
    ok = tuple(int(part) for part in torch.__version__.split(".")[:2]) >= (2, 9)  # the oldest that was tried
    text = f"{torch.__version__}, {torch.get_num_threads()} thread(s) on {available_cores()} core(s)"
    return Check("PyTorch", ok, text if ok else text + "; version 2.9 or newer is needed")


def check_devices() -> Check:
    here = ", ".join(describe(device) for device in devices_here())
    return Check("devices", True, f"{here}; taken unless another is named: {pick_device()}")


def check_memory() -> Check:
    found = memory()
    if found is None:
        return Check("memory", True, "this system does not say how much it has; 4 GB are enough")
    ok = found >= NEEDED_MEMORY
    text = f"{found / GIB:.1f} GiB"
    return Check("memory", ok, text if ok else text + "; the lessons that train need 4 GB")


def check_widgets() -> Check:
    found, missing = [], []
    for name in ("jupyterlab", "ipywidgets", "jupyterlab_widgets", "ipykernel", "matplotlib"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check("lessons", False, f"{', '.join(missing)} missing; pip install 'dalle-lessons[lab]' brings it")
    return Check("lessons", True, ", ".join(found))


def check_weights() -> Check:
    from ..model.files import data_dir

    try:
        folder = data_dir() / "weights"
    except FileNotFoundError as error:
        return Check("weights", False, str(error))
    missing = [name for name in NEEDED_MODELS if not (folder / "emoji" / name / "model.safetensors").is_file()]
    if missing:
        return Check("weights", False, f"{', '.join(missing)} missing in {folder / 'emoji'}; install the package again")
    models = sorted(path.parent.relative_to(folder).as_posix() for path in folder.glob("*/*/model.safetensors"))
    return Check("weights", True, ", ".join(models))


def check_speed() -> Check:
    if not REFERENCE_SECONDS:
        return Check("speed", True, "not known: the reference machine was not measured")
    factor = measure() / REFERENCE_SECONDS
    text = f"lessons take about {factor:.1f} × the stated minutes on this machine"
    # Slow is not ill: it only means more patience, or closing what else is running.
    return Check("speed", True, text if factor < 2 else text + "; close what else is running, and plan for it")


# ---- What they look at ----------------------------------------------------------------------------------------------


def memory() -> int | None:
    """Bytes of memory that this process may use, or None where the system does not say."""
    if sys.platform == "win32":
        return _windows_memory()
    try:
        found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None
    try:  # a container on a shared server often has far less than the machine: Linux writes its limit here
        return min(found, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):  # not there, or "max"
        return found


def _windows_memory() -> int | None:
    import ctypes

    class Status(ctypes.Structure):  # MEMORYSTATUSEX, as Windows defines it
        _fields_ = [("length", ctypes.c_uint32), ("load", ctypes.c_uint32)] + [
            (name, ctypes.c_uint64)
            for name in ("total", "free", "total_page", "free_page", "total_virtual", "free_virtual", "extended")
        ]

    status = Status(length=ctypes.sizeof(Status))
    return status.total if ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)) else None


class Small(nn.Module):
    """About the mixture of the lessons: convolutions on a picture, then a transformer on its tokens.

    It stands alone, and must not change: REFERENCE_SECONDS belongs to exactly this work.
    """

    def __init__(self):
        super().__init__()
        self.picture = nn.Sequential(  # (B, 3, 32, 32) -> (B, 128, 8, 8)
            nn.Conv2d(3, 64, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(64, 128, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(128, 128, 3, padding=1),
        )
        layer = nn.TransformerEncoderLayer(128, 4, 512, dropout=0.0, batch_first=True, norm_first=True)
        self.tokens = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
        self.head = nn.Linear(128, 1024)

    def forward(self, images):
        tokens = self.picture(images).flatten(2).transpose(1, 2)  # (B, 128, 8, 8) -> (B, 64, 128)
        return self.head(self.tokens(tokens))  # (B, 64, 1024)


def work(steps: int = 4) -> float:
    """Seconds that a fixed small training takes here, with as many threads as PyTorch takes in the lessons."""
    random_state = torch.get_rng_state()  # looking at a machine must not change what is drawn afterwards
    torch.manual_seed(0)
    model = Small()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    images, targets = torch.rand(16, 3, 32, 32), torch.randint(0, 1024, (16 * 64,))
    torch.set_rng_state(random_state)
    start = time.perf_counter()
    for _ in range(steps):
        loss = nn.functional.cross_entropy(model(images).flatten(0, 1), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return time.perf_counter() - start


def measure() -> float:
    """Seconds of one `work()`: the median of a few, so that one interrupted by something else does not matter."""
    work()  # does not count: the first one also loads code and asks for memory
    times = [work()]
    while len(times) < ROUNDS and sum(times) < PATIENCE:
        times.append(work())
    return statistics.median(times)


if __name__ == "__main__":
    if "--calibrate" in sys.argv:
        torch.set_num_threads(2)
        print(f"REFERENCE_SECONDS = {measure():.3f}")
    else:
        sys.exit(not doctor())
