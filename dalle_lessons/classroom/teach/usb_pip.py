"""pip as `dalle-lessons teach usb` calls it: what it says, in one sentence, and indexes that do not answer."""

from __future__ import annotations

import os
import re
import subprocess
import sys

#: What pip says of a connection that failed; it warns of it before each further try.
NO_CONNECTION = re.compile(r"connection broken by|connection error|timed out|unable to connect", re.I)
#: For a question: seconds of silence until a try has failed, and tries after the first one. Downloads get the patience
#: that pip is set to, since a proxy may read a large file through before it hands it on.
PATIENCE = ("--timeout", "20", "--retries", "1")


def run_pip(*arguments: str, python: str = sys.executable, alone: bool = False) -> tuple[int, str]:
    """Run pip. alone: without this machine's settings of pip, which may name other places to look into.

    Returns its exit status and what it wrote to stderr."""
    environment = dict(os.environ)
    if alone:
        environment = {name: value for name, value in environment.items() if not name.startswith("PIP_")}
        environment["PIP_CONFIG_FILE"] = os.devnull
    command = [python, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace", env=environment)
    return done.returncode, done.stderr


def reason(stderr: str) -> str:
    """The last error of pip's, or the last line where none is called so."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")] or lines
    return errors[-1] if errors else "it said nothing."


def pip(*arguments: str, python: str = sys.executable, alone: bool = False) -> None:
    """Run pip, as run_pip does. Raises RuntimeError with one sentence where it fails."""
    status, stderr = run_pip(*arguments, python=python, alone=alone)
    if status and NO_CONNECTION.search(stderr):
        raise RuntimeError(f"pip {arguments[0]} failed; the network, or a package index, went silent: {reason(stderr)}")
    if status:
        raise RuntimeError(f"pip {arguments[0]} failed: {reason(stderr)}")


def ask(package: str, index: str | None) -> None:
    """Ask an index for a package, before minutes of downloads. index: its address; None: the one that pip is set to.

    Raises RuntimeError with one sentence, within a minute, if it does not answer or does not have the package.
    """
    address = ["--index-url", index] if index else []
    status, stderr = run_pip("index", "versions", package, "--quiet", *PATIENCE, *address)
    name = index or "that pip is set to"
    # A folder that pip is set to look into may have the package where the index is silent.
    if NO_CONNECTION.search(stderr) and (status or index):
        raise RuntimeError(f"The package index {name} does not answer: is there a network, and is the address right?")
    if status:
        raise RuntimeError(f"The package index {name} has no {package}: is the address right? {reason(stderr)}")
