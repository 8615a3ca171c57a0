"""Makes .venv, or brings it up to date, for one use of the project; what is there already is left alone.

    python3 tools/environment.py .venv lab          (what `make lab` does first)

Run with any Python 3 (the one that .venv is to have, the first time). Nothing is downloaded where all packages are
there at the lock's versions, whatever git has changed in other files; and a .venv that was moved or copied together
with its folder is mended, since it holds the old folder's name in many places.
"""

import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WINDOWS = os.name == "nt"
INDEX = "torch_index.txt"  # in .venv: where PyTorch was taken from


def main(venv, extra):
    venv = Path(os.path.abspath(str(venv)))
    python = venv / ("Scripts/python.exe" if WINDOWS else "bin/python")
    if not python.exists():
        make(venv, python)
    mend(venv)
    before, index = torch_index(venv), os.environ.get("TORCH_INDEX", "")
    if index and before is not None and before != index:
        print(
            "TORCH_INDEX comes too late: PyTorch is installed already. To take another one: make clean, and once more."
        )
    state = [str(python), __file__, "--state", extra]
    if subprocess.call(state):
        install(python, extra)
        if before is None:
            (venv / INDEX).write_text(index, encoding="utf-8")
        if subprocess.call(state):
            sys.exit("The packages were installed, and some are still not as the lock wants them: see above.")


def make(venv, python):
    """A new environment, of the Python that runs this."""
    reason = runpy.run_path(str(ROOT / "dalle_lessons" / "model" / "machine.py"))["no_way_in"]()
    if reason:
        sys.exit(reason)
    print(f"Making an environment of its own in {os.path.relpath(str(venv))} ...")
    sys.stdout.flush()
    shutil.rmtree(str(venv), ignore_errors=True)  # one whose Python is gone, or half of one
    if subprocess.call([sys.executable, "-m", "venv", str(venv)]) or not python.exists():
        shutil.rmtree(str(venv), ignore_errors=True)
        sys.exit("Python could not make an environment; on Debian and Ubuntu, install python3-venv.")


def mend(venv):
    """Write the folder's new name wherever the environment holds an old one; nothing where it stayed in its place."""
    config = (venv / "pyvenv.cfg").read_text(encoding="utf-8")
    command = re.search(r"^command = .* -m venv (?:--\S+ )*(.+)$", config, re.MULTILINE)
    if command is None or os.path.realpath(command.group(1)) == os.path.realpath(str(venv)):
        return
    was, now = os.path.dirname(command.group(1)), os.path.dirname(str(venv))
    print(f"This folder was {was}: writing its new name into {os.path.basename(str(venv))} ...")
    scripts = list((venv / ("Scripts" if WINDOWS else "bin")).iterdir())
    packages = [path for pattern in ("**/*.pth", "**/direct_url.json") for path in venv.glob(pattern)]
    for path in [*scripts, *packages, venv / "pyvenv.cfg"]:  # pyvenv.cfg last: until then nothing is mended
        if path.is_symlink() or not path.is_file():
            continue
        content = path.read_bytes()
        if was.encode() in content and b"\0" not in content:
            path.write_bytes(content.replace(was.encode(), now.encode()))


def torch_index(venv):
    """The TORCH_INDEX that the environment's PyTorch was installed with, "" without one; None where there is no
    PyTorch yet."""
    if not list(
        venv.glob("Lib/site-packages/torch-*.dist-info" if WINDOWS else "lib/*/site-packages/torch-*.dist-info")
    ):
        return None
    return (venv / INDEX).read_text(encoding="utf-8") if (venv / INDEX).exists() else ""


def install(python, extra):
    """The package and what the extra needs, at the lock's versions; PyTorch first, so that its index is asked for
    nothing else."""
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    pip += ["--constraint", str(ROOT / "constraints.txt")]
    index = os.environ.get("TORCH_INDEX")
    # PyTorch is not compiled ahead: most of its modules are never imported, and Python keeps what it compiled of the
    # others. Nor is what a drawing needs, which is little and soon imported.
    lean = [*pip, "--no-compile"]
    rest = [*(lean if extra == "sign" else pip), "--editable", f"{ROOT}[{extra}]"]
    steps = [(f"the package and what “{extra}” needs", rest)]
    if index or extra != "sign":
        torch = [*lean, *(["--extra-index-url", index] if index else []), "torch"]
        steps.insert(0, ("PyTorch (the first time: one large download)", torch))
    else:  # one call of pip is faster than two
        steps = [(f"PyTorch, the package and what “{extra}” needs (the first time: one large download)", rest)]
    for what, command in steps:
        print(f"Installing {what} ...")
        sys.stdout.flush()
        if subprocess.call(command):
            sys.exit("pip could not install it; what stands above says why. Once there is a network, try again.")


def state(extra):
    """Is all of the core and of an extra there, at the lock's versions, and does the package mean this folder? Run by
    the environment's own Python. -> what is not, or "" if all is well."""
    import tomllib
    from importlib.metadata import distribution, distributions

    from pip._vendor.packaging.requirements import Requirement
    from pip._vendor.packaging.utils import canonicalize_name

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    lock = {canonicalize_name(p.name): p.specifier for p in pins if p.marker is None or p.marker.evaluate()}
    there = {canonicalize_name(found.metadata["Name"]): found.version for found in distributions()}
    for name, version in there.items():
        if name in lock and not lock[name].contains(version):
            return f"{name} is there as {version}"
    todo = [*project["dependencies"], f"{project['name']}[{extra}]"]
    while todo:
        wanted = Requirement(todo.pop())
        name = canonicalize_name(wanted.name)
        if wanted.marker is not None and not wanted.marker.evaluate():
            continue
        if name not in there or not wanted.specifier.contains(there[name]):
            return f"{wanted} is not installed"
        if name == project["name"]:
            todo += [line for other in wanted.extras for line in project["optional-dependencies"][other]]
    if ROOT.as_uri() not in (distribution(project["name"]).read_text("direct_url.json") or ""):
        return "the package is installed from another folder"
    return ""


if __name__ == "__main__":
    if sys.argv[1] == "--state":
        sys.exit(1 if state(sys.argv[2]) else 0)
    main(sys.argv[1], sys.argv[2])
