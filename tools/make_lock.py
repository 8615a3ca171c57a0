"""Writes constraints.txt, one exact version of everything that the package and all its extras need, and the README's
table of the machines that it serves.

    make lock          (or: python tools/make_lock.py; --upgrade takes the newest versions, --check writes nothing)

The same versions must serve every machine that a class brings. So uv resolves for each of them, whatever machine this
is, and takes packages alone that are built for it (wheels): a class has no compiler. Then all are to get the versions
that the pickiest one takes; where they cannot, a line says for whom it is meant. A machine that must be served and
cannot be is an error, and nothing is written.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
LOCK, README = ROOT / "constraints.txt", ROOT / "README.md"
TORCH = "2.13.0"  # what the lessons' outputs and minutes were made with; pyproject.toml allows a range

# Wheels of PyTorch for Linux bring CUDA's libraries along; its CPU build and the other systems do not have them.
ONLY_WITH_CUDA = re.compile(r"^(nvidia-|cuda-|triton$|pytorch-triton)")

HEADER = """\
# The lock: the exact versions that `make draw`, `make test`, `make lab` and environment.yml install, for the core and
# every extra at once, on every machine of the README's table. Made by `make lock`; do not edit by hand.
# CUDA's libraries, which PyTorch brings along on Linux, are not in it.
"""
BEGIN, END = "<!-- machines: written by `make lock` -->\n", "<!-- end of machines -->"


@dataclass(frozen=True)
class Machine:
    name: str  #: as the README calls it
    platform: str  #: as uv calls it
    marker: str  #: how a line of the lock is meant for such machines alone
    pythons: tuple[str, ...]  #: oldest first
    needed: bool = True  #: whether the lock must serve it


PYTHONS = ("3.11.9", "3.12", "3.13", "3.14")
LINUX = 'sys_platform == "linux" and platform_machine == "{}"'
DARWIN = 'sys_platform == "darwin" and platform_machine == "{}"'
WINDOWS = 'sys_platform == "win32" and platform_machine == "{}"'
MACHINES = (
    # Debian 12 has 3.11.2 as its own Python, and packages that ask for 3.11.5 would shut it out: hence first.
    Machine("Linux, x86-64", "x86_64-unknown-linux-gnu", LINUX.format("x86_64"), ("3.11.2", *PYTHONS)),
    Machine("Windows, x86-64", "x86_64-pc-windows-msvc", WINDOWS.format("AMD64"), PYTHONS),
    Machine("macOS 14 or newer, Apple silicon", "aarch64-apple-darwin", DARWIN.format("arm64"), PYTHONS),
    Machine("Linux, ARM", "aarch64-unknown-linux-gnu", LINUX.format("aarch64"), PYTHONS),
    # For these there is no PyTorch that is new enough, and the table says so; should that change, it will say that.
    Machine("macOS, Intel", "x86_64-apple-darwin", DARWIN.format("x86_64"), PYTHONS, needed=False),
    Machine("Windows, ARM", "aarch64-pc-windows-msvc", WINDOWS.format("ARM64"), PYTHONS, needed=False),
)
MACOS = "14.0"  # PyTorch's wheels for macOS ask for it

Versions = dict[str, str]  # of a package, by its name


def wanted() -> list[str]:
    """The package's requirements and those of all its extras, as pyproject.toml has them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    lines = project["dependencies"] + [line for extra in extras for line in extra]
    return [line for line in lines if not line.startswith(project["name"])]  # an extra may name another: see `test`


def resolve(requirements: list[str], machine: Machine, python: str, preferred: Versions) -> Versions:
    """{name: version} of what is installed on such a machine. preferred: taken wherever that is possible.

    Raises ValueError with uv's own words where it is not.
    """
    with tempfile.TemporaryDirectory() as folder:
        wishes, pins = Path(folder) / "wishes.in", Path(folder) / "pins.txt"
        wishes.write_text("\n".join(requirements), encoding="utf-8")
        pins.write_text("".join(f"{name}=={version}\n" for name, version in preferred.items()), encoding="utf-8")
        command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--only-binary", ":all:"]
        command += ["--no-annotate", "--no-header", "--python-platform", machine.platform, "--python-version", python]
        environment = {"MACOSX_DEPLOYMENT_TARGET": MACOS, **os.environ}
        command += [str(wishes), "--output-file", str(pins)]  # what is in there already is what uv prefers
        done = subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8")
        if done.returncode:
            raise ValueError(done.stderr.strip())
        found = dict(line.split("==") for line in pins.read_text(encoding="utf-8").split() if "==" in line)
    return {name: version for name, version in found.items() if not ONLY_WITH_CUDA.match(name)}


def lock_lines(found: dict[tuple[Machine, str], Versions]) -> list[str]:
    """The lock's lines, by name: one for each package, or one for each group of machines that gets another version.

    Raises ValueError where neither the kind of machine nor the Python alone decides which.
    """
    lines = []
    for name in sorted({name for versions in found.values() for name in versions}):
        by_version: dict[str, list[tuple[Machine, str]]] = {}
        for target, versions in found.items():
            if name in versions:
                by_version.setdefault(versions[name], []).append(target)
        if len(by_version) == 1:
            lines.append(f"{name}=={next(iter(by_version))}")
            continue
        markers = by_key(by_version, lambda target: target[0].marker)
        markers = markers or by_key(by_version, lambda target: python_marker(target[1]))
        if markers is None:
            told = "; ".join(f"{v}: {', '.join(f'{m.name} {p}' for m, p in ts)}" for v, ts in by_version.items())
            raise ValueError(f"{name} differs in a way that a lock cannot hold: {told}.")
        lines += [f"{name}=={version} ; {marker}" for version, marker in markers.items()]
    return lines


def by_key(by_version: dict[str, list], key: Callable[[tuple[Machine, str]], str]) -> Versions | None:
    """{version: marker} if the marker of a target alone decides which version it gets; else None."""
    keys = {version: {key(target) for target in targets} for version, targets in by_version.items()}
    if sum(map(len, keys.values())) != len(set().union(*keys.values())):
        return None
    return {version: " or ".join(sorted(markers)) for version, markers in keys.items()}


def python_marker(python: str) -> str:
    """3.11.2 and 3.11.9 are told apart; the others stand for all their patches."""
    return {
        "3.11.2": 'python_full_version < "3.11.9"',
        "3.11.9": 'python_full_version >= "3.11.9" and python_version == "3.11"',
    }.get(python, f'python_version == "{python}"')


def machine_table(served: dict[tuple[str, str], bool]) -> str:
    """The README's table. served: (machine's name, Python) -> whether the lock can be installed there."""
    lines = [f"| | {' | '.join(f'Python {p}' for p in ('3.11', *PYTHONS[1:]))} |", "|---" * (len(PYTHONS) + 1) + "|"]
    for machine in MACHINES:
        cells = ["yes" if served[machine.name, python] else "**no**" for python in PYTHONS]
        lines.append(f"| {machine.name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def resolve_all(preferred: Versions) -> tuple[list[str], str]:
    """(the lock's lines, the README's table); says how it goes. Raises ValueError where a machine is left out."""
    found, served = resolve_round(preferred)
    modest = lowest(found)
    if any(versions[name] != modest[name] for versions in found.values() for name in versions):
        print("Once more, so that all get the versions that the pickiest one takes:", flush=True)
        found, served = resolve_round({**preferred, **modest})
    return lock_lines(found), machine_table(served)


def resolve_round(preferred: Versions) -> tuple[dict[tuple[Machine, str], Versions], dict[tuple[str, str], bool]]:
    """Every machine, several at a time: most of it is waiting. -> what each gets; who is served, by name and Python.

    Raises ValueError where a machine is left out that must be served.
    """
    requirements = [f"torch=={TORCH}", *wanted()]
    targets = [(machine, python) for machine in MACHINES for python in machine.pythons]

    def attempt(target: tuple[Machine, str]) -> Versions | ValueError:
        try:
            return resolve(requirements, *target, preferred)
        except ValueError as error:
            return error

    found, served, holes = {}, {}, []
    with ThreadPoolExecutor(6) as pool:
        for (machine, python), result in zip(targets, pool.map(attempt, targets), strict=True):
            served[machine.name, python] = not isinstance(result, ValueError)
            if not isinstance(result, ValueError):
                found[machine, python] = result
            elif machine.needed:
                holes.append(f"{machine.name}, Python {python}:\n{result}")
            print(f"{'yes' if served[machine.name, python] else 'no':>3}  {machine.name}, Python {python}", flush=True)
    if holes:
        raise ValueError("\n\n".join(["The lock would leave these out:", *holes]))
    return found, served


def lowest(found: dict[tuple[Machine, str], Versions]) -> Versions:
    """Of each package the lowest version that a machine got."""
    versions: dict[str, set[str]] = {}
    for got in found.values():
        for name, version in got.items():
            versions.setdefault(name, set()).add(version)
    return {name: min(them, key=Version) for name, them in versions.items()}


def locked() -> Versions:
    """What the lock holds now; of a package with several lines, the first."""
    lines = LOCK.read_text(encoding="utf-8").splitlines() if LOCK.exists() else []
    pins = [line.split(" ; ")[0].split("==") for line in lines if "==" in line and not line.startswith("#")]
    return dict(reversed(pins))


def main() -> None:
    parser = argparse.ArgumentParser(description="Write constraints.txt and the README's table of machines.")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions, not those locked so far")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the lock or the table is not true")
    options = parser.parse_args()
    try:
        lines, table = resolve_all({} if options.upgrade else locked())
    except ValueError as error:
        sys.exit(str(error))
    lock = HEADER + "".join(f"{line}\n" for line in lines)
    readme = README.read_text(encoding="utf-8")
    before, rest = readme.split(BEGIN)
    readme_now = before + BEGIN + table + END + rest.split(END, 1)[1]
    if options.check:
        stale = [path.name for path, text in ((LOCK, lock), (README, readme_now)) if path.read_text("utf-8") != text]
        sys.exit(f"Not true any more: {', '.join(stale)}; run: make lock" if stale else 0)
    LOCK.write_text(lock, encoding="utf-8")
    README.write_text(readme_now, encoding="utf-8")
    print(f"constraints.txt: {len(lines)} lines, torch {TORCH}")


if __name__ == "__main__":
    main()
