"""Memory that one training step gives back serves the next."""

from __future__ import annotations

import ctypes
import os
import platform

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # glibc's malloc.h
OWN_SETTINGS = ("GLIBC_TUNABLES", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_MAX_", "MALLOC_MMAP_THRESHOLD_")


def keep_freed_memory() -> bool:
    """Let this process keep memory that it has freed, unless the user has decided otherwise in the environment.

    Large tensors are otherwise handed back to Linux as soon as they are freed, and each step asks for them again: a
    page at a time, each filled with zeros. A DALL·E of six layers and 284 slots, in batches of 32, did so 260,000 times
    a step.
    The process never holds more than its largest step did. -> whether it was done: with glibc (most of Linux) alone.
    """
    if platform.libc_ver()[0] != "glibc" or any(name in os.environ for name in OWN_SETTINGS):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # another allocator may have taken its place
    if mallopt is None:
        return False
    return bool(mallopt(M_MMAP_MAX, 0) and mallopt(M_TRIM_THRESHOLD, 2**31 - 1))
