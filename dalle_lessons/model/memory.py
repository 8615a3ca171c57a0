"""How much memory this process may use, as the system says it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .threads import groups_of


def memory(root: Path = Path("/")) -> int | None:
    """Bytes of memory that this process may use: the machine's, or less where its container has a limit (Linux, control
    groups). None where the system does not say. root: where the system's files lie."""
    if sys.platform == "win32":
        return _windows_memory()
    try:
        found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None
    for group in groups_of("memory", root):
        for file in ("memory.max", "memory.limit_in_bytes"):  # version 2, version 1
            try:
                found = min(found, int((group / file).read_text()))
            except (OSError, ValueError):  # not there, or "max"
                continue
    return found


def _windows_memory() -> int | None:
    import ctypes

    class Status(ctypes.Structure):  # MEMORYSTATUSEX, as Windows defines it
        _fields_ = [("length", ctypes.c_uint32), ("load", ctypes.c_uint32)] + [
            (name, ctypes.c_uint64)
            for name in ("total", "free", "total_page", "free_page", "total_virtual", "free_virtual", "extended")
        ]

    status = Status(length=ctypes.sizeof(Status))
    return status.total if ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)) else None
