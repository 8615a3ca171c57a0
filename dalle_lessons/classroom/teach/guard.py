"""So that an answer is checked by the course's own code, whatever the student's notebook did before.

This makes cheating more work than the exercise; it is no prison. Code that is meant to do harm must not run at all.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

EXERCISES = "dalle_lessons.classroom.exercises"
FRESH = (EXERCISES, "dalle_lessons.classroom.bank", "dalle_lessons.classroom.by_lesson")
GUARDED = {"builtins", "contextlib", "dalle_lessons", "importlib", "inspect", "math", "random", "signal", "time"}
GUARDED |= {"torch", "_frozen_importlib", "_frozen_importlib_external"}
CELL = "<a cell of the notebook>"  # as which file the student's code is compiled
NO_PROCESS = {"os.exec", "os.fork", "os.forkpty", "os.kill", "os.killpg", "os.posix_spawn", "os.spawn", "os.startfile"}
NO_PROCESS |= {"os.system", "pty.spawn", "subprocess.Popen"}
NO_NETWORK = {"socket.bind", "socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.sendmsg"}
CHANGES_FILES = {"os.chmod", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate"}
CHANGES_FILES |= {"shutil.rmtree"}
LOOKS_INSIDE = {"ctypes.dlopen", "ctypes.dlsym", "gc.get_objects", "gc.get_referents", "gc.get_referrers"}
LOOKS_INSIDE |= {"object.__getattr__", "object.__setattr__", "sys._current_frames", "sys._getframe", "sys.setprofile"}
LOOKS_INSIDE |= {"sys.settrace"}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Guard:
    """The functions and classes of libraries, as they are when it is made: before a student's code runs."""

    def __init__(self) -> None:
        modules = {name: m for name, m in sys.modules.items() if name.split(".")[0] in GUARDED and _is_module(m)}
        self.modules = {name: (vars(module), _callables(vars(module))) for name, module in modules.items()}
        inner = {thing for _, held in self.modules.values() for thing in held.values() if _is_ours(thing)}
        self.classes = {kind: dict(vars(kind)) for kind in inner | _tensor_classes()}
        lists: list[Any] = [sys.path, sys.meta_path, sys.path_hooks]
        self.lists = [(found, list(found)) for found in lists]

    def restore(self) -> list[str]:
        """Puts back what was changed; returns its names. What PyTorch changes in itself, with its first optimizer for
        instance, stays."""
        changed = []
        for name, (now, before) in self.modules.items():
            for key, thing in before.items():
                if now.get(key) is not thing and not _by_torch(now.get(key), thing):
                    changed.append(f"{name}.{key}")
                    now[key] = thing
        for kind, before in self.classes.items():
            now = vars(kind)
            for key in [key for key in now if key not in before and callable(now[key]) and hasattr(kind.__base__, key)]:
                changed.append(f"{kind.__name__}.{key}")
                type.__delattr__(kind, key)
            for key, thing in before.items():
                if callable(thing) and now.get(key) is not thing and not _by_torch(now.get(key), thing):
                    changed.append(f"{kind.__name__}.{key}")
                    type.__setattr__(kind, key, thing)
        for found, before in self.lists:
            found[:] = before
        return changed


@contextmanager
def fresh_exercises(lesson: str, seconds: float) -> Iterator[tuple[ModuleType, Callable[[], bool]]]:
    """The exercises, imported anew, as long as the block runs: none of the student's code has ever held them.

    With them comes a function that says whether anything in them was changed since. seconds: the limit of a check.
    """
    names = [name for name in sys.modules if name.startswith(FRESH)]
    theirs = {name: sys.modules.pop(name) for name in names}
    package = vars(sys.modules["dalle_lessons.classroom"])
    before = dict(package)
    try:
        exercises = importlib.import_module(EXERCISES)
        importlib.import_module(f"{EXERCISES}.lesson_{lesson}")
        exercises.SECONDS = seconds  # type: ignore[attr-defined]
        fresh = [vars(module) for name, module in sys.modules.items() if name.startswith(FRESH)]
        held = [(now, _callables(now)) for now in fresh]
        yield exercises, lambda: any(now.get(key) is not thing for now, kept in held for key, thing in kept.items())
    finally:
        for name in [name for name in sys.modules if name.startswith(FRESH)]:
            del sys.modules[name]
        sys.modules.update(theirs)
        package.update(before)


def watch(folder: Path, solutions: Path) -> Callable[[], list[str]]:
    """From now on, this process starts no other, uses no network, reads no solution, and writes in `folder` alone.

    It cannot be switched off. Returns a function that says, and forgets, what was refused.
    """
    allowed, closed = os.path.realpath(folder) + os.sep, os.path.realpath(solutions) + os.sep
    refused: list[str] = []
    busy = False

    def refuse(sentence: str) -> None:
        refused.append(sentence)
        raise PermissionError(sentence)

    def outside(path: Any) -> bool:
        if not isinstance(path, (str, bytes, os.PathLike)) or os.fsdecode(path) == os.devnull:
            return False
        return not (os.path.realpath(os.fsdecode(path)) + os.sep).startswith(allowed)

    def look(event: str, arguments: tuple) -> None:
        if event == "open":
            path, mode, flags = arguments
            writes = any(c in mode for c in "wax+") if mode else bool((flags or 0) & WRITES)
            if writes and outside(path):
                refuse("Grading lets an answer write no files.")
            if not isinstance(path, int) and os.path.realpath(os.fsdecode(path)).startswith(closed):
                refuse("The course's solutions cannot be read here, and a rescued answer counts no points.")
        elif event in NO_PROCESS:
            refuse("Grading lets an answer start no other program.")
        elif event in NO_NETWORK:
            refuse("Grading lets an answer use no network.")
        elif event in CHANGES_FILES and any(map(outside, arguments[:2])):
            refuse("Grading lets an answer change no files.")
        elif event in LOOKS_INSIDE and _by_a_cell():
            refuse("Grading lets an answer look at its arguments, not at the program that calls it.")

    def hook(event: str, arguments: tuple) -> None:
        nonlocal busy
        if busy:
            return
        busy = True
        try:
            look(event, arguments)
        finally:
            busy = False

    def said() -> list[str]:
        found = list(dict.fromkeys(refused))
        refused.clear()
        return found

    sys.addaudithook(hook)
    return said


def _by_a_cell() -> bool:
    """Does the student's code itself do this, or `inspect` for it?"""
    frame = sys._getframe(3)  # this function, look, hook, who does it
    if os.path.basename(frame.f_code.co_filename) == "inspect.py" and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_filename == CELL


def _by_torch(now: Any, before: Any) -> bool:
    """Has PyTorch put another function of the same name in this place?"""
    if getattr(now, "__name__", None) != getattr(before, "__name__", ""):
        return False
    return str(getattr(now, "__module__", "")).startswith("torch") or hasattr(now, "hooked")  # an optimizer's step


def _is_module(thing: Any) -> bool:
    return isinstance(thing, ModuleType)


def _callables(held: dict[str, Any]) -> dict[str, Any]:
    return {key: thing for key, thing in held.items() if callable(thing)}


def _is_ours(thing: Any) -> bool:
    return isinstance(thing, type) and getattr(thing, "__module__", "").startswith("dalle_lessons.")


def _tensor_classes() -> set[type]:
    import torch

    kinds = (torch.Tensor, torch.nn.Parameter, torch.nn.Module, torch.Generator)
    return {kind for top in kinds for kind in top.__mro__ if kind is not object}
