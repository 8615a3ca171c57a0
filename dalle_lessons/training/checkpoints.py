"""The files of a training that goes on after any end: the newest checkpoint, and the one before it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ..model.atomic import replace_file

CHECKPOINT, PREVIOUS = "checkpoint.pt", "checkpoint.previous.pt"


def begun(out: Path) -> bool:
    """Whether a checkpoint lies in this folder."""
    return any((out / name).exists() for name in (CHECKPOINT, PREVIOUS))


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


def read_checkpoint(out: Path, say: Callable[[str], object] = lambda line: None) -> dict[str, Any]:
    """The newest checkpoint of a folder that can be read, its tensors on the CPU. say: gets a sentence if that is the
    one before the newest. Raises FileNotFoundError or ValueError with one sentence."""
    if not begun(out):
        raise FileNotFoundError(f"There is nothing to resume in {out}: start without --resume.")
    try:
        return read_file(out / CHECKPOINT)
    except (ValueError, FileNotFoundError) as error:
        if not (out / PREVIOUS).exists():
            raise
        try:
            state = read_file(out / PREVIOUS)
        except ValueError:
            raise error from None
        say(f"{out / CHECKPOINT} cannot be read: taking the one before it, of step {state['step']}.")
        return state


def read_file(path: Path) -> dict[str, Any]:
    """One checkpoint. Raises FileNotFoundError or ValueError with one sentence."""
    if not path.is_file():
        raise FileNotFoundError(f"There is no {path.name} in {path.parent}.")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file may raise nearly anything while it is unpacked
        raise ValueError(f"{path} is damaged and cannot be resumed: start again in another folder.") from error
    if not isinstance(state, dict) or "identity" not in state:
        raise ValueError(f"{path} is of an earlier version of this library: start again in another folder.")
    return state
