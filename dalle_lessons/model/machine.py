"""Can the lessons be installed on this machine at all? Where not: why, and what does work, before anything is loaded.

Any Python 3 runs this file, also one that is too old for the rest: the Makefile asks it first.
"""

import platform
import sys

OLDEST, TOO_NEW = (3, 11), (3, 15)  # as in pyproject.toml; there is PyTorch for those in between
MACOS = 14  # what PyTorch's wheels ask for


def no_way_in(system=None, machine=None, python=None, macos=None):
    """One sentence that says why the lessons cannot be installed here and what works instead; "" if they can.

    system, machine: as the module platform names them. python: (3, 12). macos: "14.1", or "". Each is this machine's
    own if not given.
    """
    system, machine = system or platform.system(), machine or platform.machine()
    python = tuple(python or sys.version_info)[:2]
    macos = platform.mac_ver()[0] if macos is None else macos
    if system == "Darwin" and machine == "x86_64":
        return (
            "There is no PyTorch of this age for Macs with an Intel processor: "
            "work in a Linux container or virtual machine on it, or on a server of your class."
        )
    if system == "Darwin" and macos and int(macos.split(".")[0]) < MACOS:
        return f"PyTorch needs macOS {MACOS} or newer, and this is {macos}: update macOS first."
    if system == "Windows" and machine.upper() == "ARM64":
        return "There is no PyTorch for Windows on ARM: install Linux beside it (wsl --install), and work in there."
    if not OLDEST <= python < TOO_NEW:
        here = ".".join(map(str, python))
        newest = f"{TOO_NEW[0]}.{TOO_NEW[1] - 1}"
        return (
            f"The lessons need Python 3.11 to {newest}, and this is {here}: "
            "install Python 3.12 beside it and name that one (make draw PYTHON=python3.12)."
        )
    return ""


def is_about_torch(error):
    """Did importing PyTorch raise this ImportError or OSError: because it is not there, or cannot be loaded?"""
    if getattr(error, "name", None) == "torch":
        return True
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__") == "torch":
            return True
        trace = trace.tb_next
    return False


def no_torch(error):
    """The sentence for the ImportError or OSError that importing PyTorch raised: why it is missing, and what to do."""
    if no_way_in():
        return no_way_in()
    if isinstance(error, ModuleNotFoundError) and error.name == "torch":
        return f"PyTorch is not installed: {pip_install(['torch'])}."
    why = " ".join(str(error).split())[:200]
    return f"PyTorch cannot be loaded ({why}): {pip_install(['--force-reinstall', 'torch'])}."


def missing(extra):
    """The packages of an extra that are not installed, as pip takes them ("voila>=0.5.7")."""
    from importlib.metadata import PackageNotFoundError, version

    absent = []
    for name, line in requirements(extra):
        try:
            version(name)
        except PackageNotFoundError:
            absent.append(line)
    return absent


def requirements(extra):
    """[(name, "name>=version")] of an extra and of those that it names, as the installed package states them."""
    import re
    from importlib.metadata import PackageNotFoundError, requires

    try:
        lines = requires("dalle-lessons") or []
    except PackageNotFoundError:  # on the path, but not installed: nothing is known
        return []
    found = []
    for line in lines:
        requirement, _, marker = line.partition(";")
        if re.sub(r"['\"\s]", "", marker) != f"extra=={extra}":
            continue
        name, others, bound = re.findall(r"^([\w.-]+)(?:\[(.*)\])?\s*(.*)$", requirement.strip())[0]
        if name == "dalle-lessons":
            found += [pair for other in others.split(",") for pair in requirements(other)]
        else:
            found.append((name, name + bound))
    return found


def hint(extra):
    """What to type so that the packages of an extra are there. It names the packages: ours is on no index, so that
    pip, told our name, would find nothing, or a stranger's."""
    packages = missing(extra) or [line for _, line in requirements(extra)]
    return pip_install(packages) if packages else f"install this package anew, with its extra “{extra}”"


def pip_install(packages):
    """ "type: python -m pip install …", with this Python, and at the lock's versions in a clone."""
    from pathlib import Path

    lock = Path(__file__).resolve().parents[2] / "constraints.txt"
    words = [sys.executable or "python", "-m", "pip", "install"]
    if (lock.parent / "pyproject.toml").is_file() and lock.is_file():
        words += ["--constraint", str(lock)]
    plain = set("-_./:\\=[]")
    quoted = [w if all(c.isalnum() or c in plain for c in w) else f'"{w}"' for w in [*words, *packages]]
    return f"type: {' '.join(quoted)}"


if __name__ == "__main__":
    sys.exit(no_way_in() or 0)
