"""The commands of the course: `student`, `lab`, `play`, `doctor`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from .options import device_option


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--update", is_flag=True, help="Bring new text into a copy that is there; what you changed stays.")
@click.option("--with-outputs", "outputs", type=click.Choice(["none", "folded"]), default="none", show_default=True)
def student(folder: Path, update: bool, outputs: str) -> None:
    """Copy the lessons into FOLDER, without solutions and outputs, overwriting nothing."""
    from ..classroom.student_copy import student as copy

    copy(folder, update, outputs)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default="my-lessons")
def lab(folder: Path) -> None:
    """Open JupyterLab on your own copy of the lessons (in FOLDER, made if missing)."""
    from ..classroom.serve import open_lab

    open_lab(folder)


@click.command()
@click.option("--model", default="emoji", show_default=True, help="Bundled weights or a folder.")
@click.option("--port", default=8866, show_default=True, help="Where the page is served.")
@device_option
@click.option("--browser/--no-browser", default=True, help="Open it in a browser at once.")
def play(model, port, device, browser) -> None:
    """Open the playground as a page of its own, for this machine only; what you save goes into the folder drawings."""
    from ..classroom.serve import open_page

    open_page(model, port, browser, device)


@click.command()
@click.option("--report", is_flag=True, help="Print also what to paste into a question to people who help.")
def doctor(report) -> None:
    """Check that this machine is ready, and compare its speed with the computing times that the lessons state.

    Ends with 0 if all is well, and with 1 if not.
    """
    from ..classroom.doctor import doctor as check

    sys.exit(0 if check(report) else 1)
