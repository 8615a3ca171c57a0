"""A notebook asks the course for a name that it does not have: most likely the copy is older than the course."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from .shell import running_shell

PACKAGE = __package__.split(".")[0] if __package__ else "dalle_lessons"
ADVICE = (
    "\nThe installed course has no such name. If this lesson was copied from another version of the course, "
    "`dalle-lessons student FOLDER --update` brings it up to date, and keeps your work."
)


def tell_in_notebooks() -> None:
    """In a notebook, let an import from the course that fails in a cell say what to do; elsewhere do nothing."""
    shell = running_shell()
    if shell is not None and not shell.custom_exceptions:  # another program's own are left alone
        shell.set_custom_exc((ImportError,), show)


def show(shell: Any, kind: type[ImportError], error: ImportError, trace: TracebackType, tb_offset: int | None = None):
    """The shell calls this with an ImportError: it is shown as always, with the advice where that fits."""
    last = trace
    while last.tb_next is not None:
        last = last.tb_next
    inside = last.tb_frame.f_globals.get("__name__", "").split(".")[0]  # a fault of the course's own is no old copy
    if (error.name or "").split(".")[0] == PACKAGE and inside == "__main__":
        error.msg = f"{error.msg}{ADVICE}"
    shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
