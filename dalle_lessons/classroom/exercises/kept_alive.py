"""While a check runs code of students, nothing in it ends the notebook's process: that becomes an exception."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from ..shell import running_shell

#: The deepest recursion while a check runs; Jupyter's own limit. A higher one that a student sets lets an endless
#: recursion fill the memory, or the stack, which ends the process.
DEEPEST = 3000
ENDS = ("_exit", "abort", "kill", "killpg")  # of os: they end this process, or may


def ends(*arguments: object, **named: object) -> NoReturn:
    raise SystemExit


@contextmanager
def kept_alive() -> Iterator[None]:
    """In this block, what would end the process raises SystemExit, and endless recursion RecursionError.

    `exit()` is among it, which in a notebook is Jupyter's: it shuts the kernel down when the cell is done.
    """
    kernel = running_shell()
    limit, set_limit = sys.getrecursionlimit(), sys.setrecursionlimit
    theirs = {name: getattr(os, name) for name in ENDS if hasattr(os, name)}
    for name in theirs:
        setattr(os, name, ends)
    if kernel is not None:
        kernel.ask_exit = ends
    sys.setrecursionlimit = lambda deepest: set_limit(min(deepest, DEEPEST))
    set_limit(min(limit, DEEPEST))
    try:
        yield
    finally:
        for name, function in theirs.items():
            setattr(os, name, function)
        if kernel is not None:
            del kernel.ask_exit
        sys.setrecursionlimit = set_limit
        set_limit(limit)
