"""The course in a browser: JupyterLab on a student's copy of the lessons, and the playground as a page of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from ..model.files import weights_dir
from ..model.machine import hint
from ..model.threads import in_a_hub
from .student_copy import student


def open_lab(folder: Path) -> None:
    """Open JupyterLab on the student's copy of the lessons in `folder`, made if missing; returns when it has ended.

    Raises ImportError where JupyterLab is not installed, and RuntimeError where it failed, with one sentence.
    """
    if find_spec("jupyterlab") is None:
        raise ImportError(f"JupyterLab is not installed: {hint('lab')}.")
    student(folder)
    if in_a_hub():
        print(f"This is a JupyterHub, which is JupyterLab already: open the folder {folder} in its list of files.")
        return
    command = [sys.executable, "-m", "jupyterlab", str(folder)]
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # JupyterLab refuses that; in a container it is the usual user
        print("You are root here: whatever runs in a lesson may change all of this machine.")
        command.append("--allow-root")
    report_end("JupyterLab", run_server(command))


def open_page(model: str, port: int, browser: bool, device: str = "auto") -> None:
    """Serve the playground to this machine alone; returns when it has ended. browser: whether to open one. device: see
    `pick_device`.

    Raises ImportError where Voila is not installed, FileNotFoundError where the model is not there, ValueError where
    the device is not, and RuntimeError where the page failed, with one sentence.
    """
    if find_spec("voila") is None:
        raise ImportError(f"The page needs Voila; play inside lesson 17, or {hint('play')}.")
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
        command = [sys.executable, "-m", "dalle_lessons.classroom.page", str(page)]
        command += ["--Voila.ip=127.0.0.1", f"--port={port}"]
        report_end("The page", run_server(command if browser else [*command, "--no-browser"]))


def one_cell(source: str) -> dict:
    """The smallest notebook with one code cell."""
    cell = {"cell_type": "code", "id": "play", "metadata": {}, "execution_count": None, "outputs": []}
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return {"cells": [{**cell, "source": source}], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}


def run_server(command: Sequence[str]) -> int:
    """Run a program until it ends. -> its exit code, or minus the number of the signal that ended it.

    A signal that ends this process (`kill`, a closed terminal) ends the program too.
    """
    with started(command) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:  # Ctrl-C reaches the program too, which asks whether to end, and ends by itself
                continue


@contextmanager
def started(command: Sequence[str]) -> Iterator[subprocess.Popen]:
    """A program that SIGTERM and SIGHUP end, and through it this process, which waits for it."""
    mine = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():  # only the main thread may receive signals
        mine = []
    process: subprocess.Popen | None = None
    asked = False

    def end(*_: object) -> None:
        nonlocal asked
        asked = True
        if process is not None:
            process.terminate()

    before = {number: signal.signal(number, end) for number in mine}  # first: a signal may come while it is starting
    try:
        with subprocess.Popen(command) as process:
            if asked:
                process.terminate()
            yield process
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
