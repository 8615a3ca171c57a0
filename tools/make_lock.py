"""Writes constraints.txt: one exact version of everything that the package and all its extras need.

    make lock          (or: python tools/make_lock.py)

pip resolves, and installs nothing. The lock holds names and versions only, so it serves Linux, macOS and Windows: what
only one system needs (CUDA's libraries, Windows' colorama) is left out, and pip picks its version there.
"""

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TORCH = "2.13.0"  # what the lessons' outputs and minutes were made with; pyproject.toml allows a range

# Wheels of PyTorch for Linux bring CUDA's libraries along; its CPU build and the other systems do not have them.
ONLY_WITH_CUDA = re.compile(r"^(nvidia-|cuda-|triton$|pytorch-triton)")

HEADER = """\
# The lock: the exact versions that `make draw`, `make test`, `make lab` and environment.yml install, for the core and
# every extra at once. Made by `make lock` with Python {python}; do not edit by hand.
# What only one system needs (CUDA's libraries, Windows' colorama and the like) is not in it.
"""


def wanted() -> list[str]:
    """The package's requirements and those of all its extras, as pyproject.toml has them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    lines = project["dependencies"] + [line for extra in extras for line in extra]
    return [line for line in lines if not line.startswith(project["name"])]  # an extra may name another: see `test`


def resolve(requirements: list[str]) -> dict[str, str]:
    """{name: version} of everything that pip would install into an empty environment."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        subprocess.run([*command, "--report", str(report), *requirements], check=True)
        installs = json.loads(report.read_text(encoding="utf-8"))["install"]
    versions = {}
    for item in installs:
        name = re.sub(r"[-_.]+", "-", item["metadata"]["name"]).lower()
        if not ONLY_WITH_CUDA.match(name):
            versions[name] = item["metadata"]["version"].split("+")[0]  # 2.13.0+cpu and 2.13.0 are one release
    return versions


def main() -> None:
    versions = resolve([f"torch=={TORCH}", *wanted()])
    lines = [f"{name}=={version}\n" for name, version in sorted(versions.items())]
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    (ROOT / "constraints.txt").write_text(HEADER.format(python=python) + "".join(lines), encoding="utf-8")
    print(f"constraints.txt: {len(lines)} packages locked, torch {versions['torch']}")


if __name__ == "__main__":
    main()
