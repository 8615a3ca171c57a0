"""The files of a training that goes on after any end: the newest checkpoint, and the one before it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ..model.atomic import replace_file
from .checkpoint_folders import FOLDER, FOLDER_BEFORE, REST, damaged

CHECKPOINT, PREVIOUS = "checkpoint.pt", "checkpoint.previous.pt"  # of one process; several write folders


def begun(out: Path) -> bool:
    """Whether a checkpoint lies in this folder."""
    return any((out / name).exists() for name in (CHECKPOINT, PREVIOUS, FOLDER, FOLDER_BEFORE))


def write_checkpoint(out: Path, state: dict[str, Any]) -> None:
    """Write the newest checkpoint; what was the newest stays as the one before.
    At every moment one of them is whole."""

    def write(path: Path) -> None:
        with open(path, "wb") as file:  # a file of Python's: of its own ones, PyTorch does not say what went wrong
            torch.save(state, file)
            os.fsync(file.fileno())  # whole on the disk, before an older one goes
        if (out / CHECKPOINT).exists():
            replace_file(out / PREVIOUS, lambda path: same_file(out / CHECKPOINT, path))

    replace_file(out / CHECKPOINT, write)


def same_file(source: Path, path: Path) -> None:
    """Give a file a second name; where the file system knows no such thing, a copy."""
    path.unlink(missing_ok=True)
    try:
        os.link(source, path)
    except OSError:
        shutil.copyfile(source, path)


def read_checkpoint(
    out: Path,
    say: Callable[[str], object] = lambda line: None,
    complete: Callable[[dict[str, Any]], dict[str, Any]] = lambda state: state,
) -> dict[str, Any]:
    """The newest checkpoint of a folder that can be read, its tensors on the CPU; of one that several processes wrote,
    they still lie in its `folder`, and `complete` may fetch them. say: gets a sentence if it is the one before the
    newest. Raises FileNotFoundError or ValueError with one sentence."""
    if not begun(out):
        raise FileNotFoundError(f"There is nothing to resume in {out}: start without --resume.")
    problems = []
    for names in ((CHECKPOINT, FOLDER), (PREVIOUS, FOLDER_BEFORE)):
        found = []
        for path in (out / name for name in names if (out / name).exists()):
            try:
                found.append(read_file(path / REST) | {"folder": path} if path.is_dir() else read_file(path))
            except ValueError as error:
                problems.append(error)
        for state in sorted(found, key=lambda state: state["step"], reverse=True):  # both kinds, if it ran both ways
            try:
                state = complete(state)
            except ValueError as error:
                problems.append(error)
                continue
            if names[0] == PREVIOUS:
                newest = out / (FOLDER if "folder" in state else CHECKPOINT)
                say(f"{newest} cannot be read: taking the one before it, of step {state['step']}.")
            return state
    raise problems[0]


def read_file(path: Path) -> dict[str, Any]:
    """One file of a checkpoint. Raises ValueError with one sentence."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file may raise nearly anything while it is unpacked
        raise damaged(path) from error
    if not isinstance(state, dict) or "identity" not in state:
        raise ValueError(f"{path} is of an earlier version of this library: start again in another folder.")
    return state
