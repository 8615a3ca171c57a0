"""One training a folder: a second one would overwrite what the first one writes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

LOCK = ".training.lock"
HOLDER = ".training.process"  # its number; older versions of filelock empty the lock itself (tox-dev/filelock#591)
ORPHANS = 60.0  # seconds; those that a process has forked hold its lock until they notice that it is gone


@contextmanager
def training_lock(folder: Path, patience: float = 0.0) -> Iterator[None]:
    """Hold the folder for this process alone, and make it if it is missing.

    The system frees the lock when the process ends, however it ends, and those that it has forked (which read shards
    for it) have ended too; the file itself may stay and means nothing. patience: seconds to wait for that.
    Raises ValueError with one sentence if another process trains there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK, timeout=patience)
    try:
        lock.acquire()
    except Timeout:
        raise ValueError(busy(folder)) from None
    try:
        with suppress(OSError):  # a full disk: then the number is not told
            (folder / HOLDER).write_text(f"{os.getpid()}\n", encoding="ascii")
        yield
    finally:
        with suppress(OSError):
            (folder / HOLDER).unlink()
        lock.release()


def refuse_locked(folder: Path, patience: float = 0.0) -> None:
    """Raises ValueError with one sentence if another process trains in this folder at this moment, and so many seconds
    later."""
    if not (folder / LOCK).is_file():
        return
    try:
        with FileLock(folder / LOCK, timeout=patience):
            pass
    except Timeout:
        raise ValueError(busy(folder)) from None


def busy(folder: Path) -> str:
    number = ""
    with suppress(OSError, ValueError):
        number = f" (process {int((folder / HOLDER).read_text(encoding='ascii'))})"
    return f"Another training{number} is writing into {folder}: wait until it ends, stop it, or name another --out."
