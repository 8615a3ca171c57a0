"""The course in a browser: JupyterLab on a student's copy of the lessons, and the playground as a page of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from ..model.files import weights_dir
from .student_copy import student


def open_lab(folder: Path) -> None:
    """Open JupyterLab on the student's copy of the lessons in `folder`, made if missing; returns when it has ended.

    Raises ImportError where JupyterLab is not installed, and RuntimeError where it failed, with one sentence.
    """
    if find_spec("jupyterlab") is None:
        raise ImportError("JupyterLab is not installed: pip install 'dalle-lessons[lab]'.")
    student(folder)
    report_end("JupyterLab", run_server([sys.executable, "-m", "jupyter", "lab", str(folder)]))


def open_page(model: str, port: int, browser: bool, device: str = "auto") -> None:
    """Serve the playground to this machine alone; returns when it has ended. browser: whether to open one. device: see
    `pick_device`.

    Raises ImportError where Voila is not installed, FileNotFoundError where the model is not there, ValueError where
    the device is not, and RuntimeError where the page failed, with one sentence.
    """
    if find_spec("voila") is None:
        raise ImportError(
            "The page needs Voila: install it with pip install 'dalle-lessons[play]', or play inside lesson 17."
        )
    weights_dir(model, "dalle")  # where there are none, it says so before a page opens
    if device != "auto":
        from ..model.devices import pick_device

        pick_device(device)
    here = f"import os\n\nos.chdir({str(Path.cwd())!r})\n"  # folders are meant as seen from here
    playground = "from dalle_lessons.classroom.playground import open_playground"
    source = f"{here}{playground}\n\nopen_playground({model!r}, device={device!r})"
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "playground.ipynb"
        page.write_text(json.dumps(one_cell(source)), encoding="utf-8")
        command = [sys.executable, "-m", "voila", str(page), "--Voila.ip=127.0.0.1", f"--port={port}"]
        report_end("The page", run_server(command if browser else [*command, "--no-browser"]))


def one_cell(source: str) -> dict:
    """The smallest notebook with one code cell."""
    cell = {"cell_type": "code", "id": "play", "metadata": {}, "execution_count": None, "outputs": []}
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return {"cells": [{**cell, "source": source}], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}


def run_server(command: Sequence[str]) -> int:
    """Run a program until it ends. -> its exit code, or minus the number of the signal that ended it."""
    with subprocess.Popen(command) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:  # Ctrl-C reaches the program too, which asks whether to end, and ends by itself
                continue


def report_end(what: str, code: int) -> None:
    """Say how a server ended: that someone stopped it is no error. Raises RuntimeError with one sentence otherwise."""
    stopped = {getattr(signal, name): name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)}
    number = -code if code < 0 else code - 128  # a shell in between adds 128
    if number in stopped:
        print(f"{what} was stopped ({stopped[number]}).")
    elif code < 0:
        raise RuntimeError(f"{what} was ended by signal {-code}: the system may have run out of memory.")
    elif code:
        raise RuntimeError(f"{what} ended with an error (exit code {code}); what stands above says why.")
