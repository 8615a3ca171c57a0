"""`dalle-lessons teach usb`: a stick from which a class installs the course without a network."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ...model.files import PACKAGE
from .usb_pip import ask, pip
from .usb_scripts import SCRIPTS

PROJECT, EXTRAS, WHEELS = "dalle-lessons", ("lab", "play"), "wheels"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


@dataclass(frozen=True)
class System:
    """A kind of machine."""

    #: As people call it.
    name: str
    #: What it says of itself in requirements: sys_platform, platform_system, os_name, platform_machine.
    says: tuple[str, str, str, str]
    #: Which packages run there, as pip calls it.
    tags: tuple[str, ...]


LINUX_TAGS = ("_2_28", "_2_27", "_2_26", "_2_24", "_2_17", "2014", "2010", "1")
SYSTEMS = {
    "win": System("Windows, x86-64", ("win32", "Windows", "nt", "AMD64"), ("win_amd64",)),
    "mac": System("macOS 14 or newer, Apple silicon", ("darwin", "Darwin", "posix", "arm64"), ("macosx_14_0_arm64",)),
    "linux": System(
        "Linux, x86-64", ("linux", "Linux", "posix", "x86_64"), tuple(f"manylinux{tag}_x86_64" for tag in LINUX_TAGS)
    ),
}


def chosen(text: str, among: Collection[str], option: str) -> list[str]:
    """Names with commas between them -> the names. Raises ValueError with one sentence for another than `among`."""
    names = [part.strip() for part in text.split(",") if part.strip()]
    if not names or not set(names) <= set(among):
        raise ValueError(f"{option} takes {', '.join(among)}, with commas between them, and not {text!r}.")
    return names


def environment_of(system: System, python: str) -> dict[str, str]:
    """What a Python on such a machine says of itself, as requirements ask for it."""
    here = {name: str(value) for name, value in default_environment().items()}
    here["sys_platform"], here["platform_system"], here["os_name"], here["platform_machine"] = system.says
    here["python_version"], here["python_full_version"] = python, f"{python}.9"
    return here


def locked(lock: Path, environment: dict[str, str]) -> dict[str, str]:
    """{name: version} of the lock's lines that are meant for such a machine."""
    lines = [line for line in lock.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    pins = [Requirement(line) for line in lines]
    meant = [pin for pin in pins if pin.marker is None or pin.marker.evaluate(environment)]
    return {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in meant}


def requirements_of(name: str, extras: frozenset[str], environment: dict[str, str]) -> Iterator[Requirement]:
    """What an installed package needs on such a machine, with some of its extras. Of a package that is not installed
    here, which only other systems need, nothing is known: nothing."""
    try:
        lines = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return
    for requirement in map(Requirement, lines):
        marker = requirement.marker
        if marker is None or any(marker.evaluate(environment | {"extra": extra}) for extra in ("", *extras)):
            yield requirement


def needed(lock: Path, system: System, python: str) -> list[str]:
    """Lines "name==version": all that a lesson needs on such a machine, the course itself apart.

    Raises ValueError with one sentence for a package that the lock does not hold.
    """
    environment = environment_of(system, python)
    pins = locked(lock, environment)
    seen: set[tuple[str, frozenset[str]]] = set()
    todo = [(PROJECT, frozenset(EXTRAS))]
    while todo:
        name, extras = todo.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        for requirement in requirements_of(name, extras, environment):
            todo.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    names = sorted({name for name, _ in seen} - {PROJECT})
    if missing := [name for name in names if name not in pins and not name.startswith(("nvidia-", "cuda-", "triton"))]:
        raise ValueError(f"The lock does not hold {', '.join(missing)}: run make lock, then again.")
    return [f"{name}=={pins[name]}" for name in names if name in pins]


def not_here() -> list[str]:
    """What the course names for its lessons and its playground, and what is not installed here: what such a package
    needs in turn would then be missing on the stick, unnoticed."""
    here = {name: str(value) for name, value in default_environment().items()}
    wished = {canonicalize_name(r.name) for r in requirements_of(PROJECT, frozenset((*EXTRAS, "sign")), here)}
    return sorted(wished - {canonicalize_name(str(found.name)) for found in metadata.distributions()})


def this_system() -> str | None:
    """Which of SYSTEMS this machine is, if any."""
    here = default_environment()
    says = (here["sys_platform"], here["platform_system"], here["os_name"], here["platform_machine"])
    return next((key for key, system in SYSTEMS.items() if system.says == says), None)


def megabytes(files: Sequence[Path]) -> int:
    return round(sum(file.stat().st_size for file in files) / 1e6)


def fetch(folder: Path, lock: Path, system: System, python: str, torch_index: str | None) -> None:
    """Download what such a machine needs into the stick's folder of wheels. torch_index: where PyTorch comes from."""
    tags = [word for tag in system.tags for word in ("--platform", tag)]
    how = [
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--python-version",
        python,
        "--implementation",
        "cp",
        *tags,
    ]
    wishes = needed(lock, system, python)
    torch = [wish for wish in wishes if torch_index and wish.startswith("torch==")]
    for index, lines in ((torch_index, torch), (None, [wish for wish in wishes if wish not in torch])):
        where = ["--index-url", index] if index else []
        if lines:
            pip("download", *how, *where, "--dest", str(folder / WHEELS), *lines)


def try_out(folder: Path) -> None:
    """Install from the stick, without a network, into a place that is thrown away, and draw. Raises RuntimeError."""
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / "venv"
        venv.create(home, with_pip=True)
        python = str(home / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
        wish = f"{PROJECT}[{','.join(EXTRAS)}]"
        pip("install", "--quiet", "--no-index", "--find-links", str(folder / WHEELS), wish, python=python, alone=True)
        out = Path(place) / "drawing.png"
        draw = [python, "-m", "dalle_lessons", "draw", "a cartoon of a red heart", "--images", "1"]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(
            [*draw, "--candidates", "1", "--out", str(out)], cwd=place, capture_output=True, text=True, env=environment
        )
        if done.returncode or not out.is_file():
            raise RuntimeError(f"What was installed from the stick does not draw: {done.stderr.strip()[-300:]}")


def usb(
    folder: Path, systems: Sequence[str], pythons: Sequence[str], torch_index: str | None, say: Callable[[str], object]
) -> None:
    """Write the stick's folder: packages for the systems and Pythons, the course, scripts that install it, the site.

    systems: of SYSTEMS. pythons: of PYTHONS. torch_index: where Linux gets a PyTorch without CUDA's gigabytes.
    Raises ValueError or RuntimeError with one sentence; what was downloaded stays, and the next call goes on from it.
    """
    top = PACKAGE.parent
    lock = top / "constraints.txt"
    if not (lock.is_file() and (top / "pyproject.toml").is_file()):
        raise ValueError(
            "A stick is made from a clone of the repository, whose constraints.txt says which version of each package "
            "goes on it: here is the installed package alone. Clone it, then make lab and make play there, then again."
        )
    if "linux" in systems and torch_index is None:
        raise ValueError("For Linux, name PyTorch's CPU index (--torch-index, as in the README): else gigabytes come.")
    if missing := not_here():
        raise ValueError(
            "What a stick needs is read from packages that are installed here, and these are not: "
            f"{', '.join(missing)}. Install the package with its `lab` and `play` extras: make lab, make play."
        )
    say("Asking for the packages ...")
    ask("numpy", None)
    if "linux" in systems:
        ask("torch", torch_index)
    (folder / WHEELS).mkdir(parents=True, exist_ok=True)
    say("The course itself ...")
    pip("wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder / WHEELS), str(top))
    for key in systems:
        for python in pythons:
            say(f"{SYSTEMS[key].name}, Python {python} ...")
            index = torch_index if key == "linux" else None
            fetch(folder, lock, SYSTEMS[key], python, index)
        for name, text in SCRIPTS[key].items():
            path = folder / name
            path.write_text(
                text.replace("PYTHONS", " ".join(pythons)), encoding="utf-8", newline="\r\n" if key == "win" else "\n"
            )
            path.chmod(0o755)
    (folder / "README.txt").write_text(SCRIPTS["all"]["README.txt"].replace("PYTHONS", " or ".join(pythons)), "utf-8")
    if importlib.util.find_spec("myst_nb") is None:
        say("The site is left out: make site-tools, then again, brings it.")
    else:
        say("The site ...")
        made = subprocess.run([sys.executable, str(top / "tools" / "make_site.py"), str(folder / "site")])
        if made.returncode:
            say("The site is left out: it could not be made, for the reason above.")
    here, python = this_system(), f"{sys.version_info.major}.{sys.version_info.minor}"
    if here in systems and python in pythons:
        say("Installing from it, without a network, and drawing ...")
        try_out(folder)
        say("It installs and draws.")
    else:
        say(f"It was not tried: it holds nothing for this system with Python {python}.")
    files = [path for path in folder.rglob("*") if path.is_file()]
    packages = megabytes([path for path in files if path.parent.name == WHEELS])
    say(f"{megabytes(files)} MB in {folder.absolute()}, of these {packages} MB of packages.")
