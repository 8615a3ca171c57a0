"""Is this machine ready for the lessons, and how fast is it?

    dalle-lessons doctor
    dalle-lessons doctor --report      # the same, with what else a person who helps must know

The lessons state minutes of computing, measured on two cores of one machine. The last check does a small piece of the
same kind of work here and says by what factor this machine differs, and why, if it is far slower.

Torch and Jupyter are imported by the checks alone: where one cannot be loaded, the others still look.
"""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from ..model.machine import hint, no_torch, no_way_in
from ..model.memory import memory
from ..model.threads import available_cores, cpu_quota, in_a_hub

SLOW = 3.0  # times the stated minutes: from there on a lesson no longer fits its hour
GIB = 2**30
NEEDED_MEMORY = 3.5 * GIB  # a machine sold with 4 GB reports a little less
CORE = ("torch", "numpy", "pillow", "tokenizers", "safetensors", "huggingface_hub")
LESSONS = ("jupyterlab", "ipywidgets", "jupyterlab_widgets", "ipykernel", "matplotlib")
NEEDED_MODELS = ("dvae", "dalle")  # of the bundled emoji world: without these two nothing can be drawn


@dataclass(frozen=True)
class Check:
    name: str
    ok: bool
    text: str  # what was found; where it is not well, also what to do


def doctor(report: bool = False) -> bool:
    """Prints every check, one a line; returns whether all is well. report: also what to paste into a question to
    people who help; it holds no name of a person or of a folder in their home."""
    well = True
    looks = (check_python, check_torch, check_devices, check_memory, check_widgets, check_kernel, check_weights)
    for look in (*looks, check_speed):
        try:
            check = look()
        except (ImportError, OSError) as error:  # torch cannot be loaded; the rest can still be looked at
            check = Check(look.__name__.removeprefix("check_"), False, no_torch(error))
        well = well and check.ok
        print(without_home(f"{'ok' if check.ok else 'NO':>4}  {check.name}: {check.text}"), flush=True)
    print("All is well." if well else "What is marked NO needs a look first.")
    if report:
        print(without_home("\n".join(["", "```", *report_lines(), "```", "Paste all of this into your question."])))
    return well


def report_lines() -> list[str]:
    """What else a person who helps must know, one a line."""
    loads = ", ".join(f"{load:.1f}" for load in os.getloadavg()) if hasattr(os, "getloadavg") else "not known"
    quota = cpu_quota()
    lines = [f"system: {platform.platform()}", f"Python: {sys.version.split(' (')[0]}, {sys.executable}"]
    lines += [f"cores: {os.cpu_count()}, usable {available_cores()}, quota {'none' if quota is None else quota}"]
    lines += [f"load: {loads}", f"hub: {in_a_hub()}"]
    settings = {name: os.environ[name] for name in sorted(os.environ) if name.startswith(("OMP_", "MKL_", "LESSONS_"))}
    lines += [f"{name}={value}" for name, value in settings.items()]
    for name in ("dalle-lessons", *CORE, *LESSONS, "voila", "c2pa-python"):
        try:
            lines.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            lines.append(f"{name} is not installed")
    return lines


def without_home(text: str) -> str:
    """The same text in which the home folder, which often holds a person's name, is ~."""
    home = os.path.expanduser("~")
    return text.replace(home, "~") if len(home) > 1 else text


# ---- The checks -----------------------------------------------------------------------------------------------------


def check_python() -> Check:
    reason = no_way_in()
    text = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return Check("Python", not reason, f"{text}. {reason}" if reason else text)


def check_torch() -> Check:
    import torch

    ok = tuple(int(part) for part in torch.__version__.split(".")[:2]) >= (2, 9)  # the oldest that was tried
    text = f"{torch.__version__}, {torch.get_num_threads()} thread(s) on {available_cores()} core(s)"
    return Check("PyTorch", ok, text if ok else text + "; version 2.9 or newer is needed")


def check_devices() -> Check:
    from ..model.devices import describe, devices_here, pick_device

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
    for name in LESSONS:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check("lessons", False, f"{', '.join(missing)} missing; {hint('lab')}")
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


def check_kernel() -> Check:
    """Do the lessons run in this Python? They name the kernel "python3", which may be another one's."""
    try:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    except ImportError:
        return Check("kernel", True, "not known without Jupyter")
    try:
        python = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return Check("kernel", False, f"Jupyter has no kernel “python3”; {hint('lab')}")
    if os.path.isabs(python) and os.path.realpath(python) != os.path.realpath(sys.executable):
        make = f'"{sys.executable}" -m ipykernel install --user --name dalle-lessons --display-name "DALL-E in lessons"'
        return Check(
            "kernel", False, f"lessons start in another Python, {python}; type: {make}, and choose that kernel"
        )
    return Check("kernel", True, "python3, of this Python")


def check_speed() -> Check:
    from . import speed

    factor = speed.measure() / speed.REFERENCE_SECONDS
    text = f"lessons take about {factor:.1f} × the stated minutes on this machine"
    if factor < 2:
        return Check("speed", True, text)
    return Check("speed", factor <= SLOW, f"{text}; {why_slow()}")


def why_slow() -> str:
    """The likely cause, and what helps."""
    import torch

    threads, cores, quota = torch.get_num_threads(), available_cores(), cpu_quota()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    machine = os.cpu_count() or 1
    if threads > cores:
        return f"{threads} threads take turns on {cores} core(s): set OMP_NUM_THREADS={cores}"
    if load > machine + 0.5:  # this work itself may be a part of it
        return (
            f"other programs use the processor ({load:.1f} wait for its {machine} core(s)): close them, "
            "or set OMP_NUM_THREADS=1, with which lessons suffer less from them"
        )
    if quota is not None and quota < 2:
        return f"this container may use {quota:.1f} core(s) only: ask whoever runs it for 2"
    if cores < 2:
        return "it has one core for the lessons, which were measured on two: plan for it"
    return "nothing else seems to run, so its processor is slow: plan for it, and plug a laptop in"


if __name__ == "__main__":
    sys.exit(not doctor(report="--report" in sys.argv))
