"""So that nobody is stuck: `hint`, `expected`, `rescue`, and `ready`, by which a lesson goes on.

hint("02.nearest_code")                                  # the next of three rungs
expected("02.nearest_code")                              # what a right answer gives
nearest_code = rescue("02.nearest_code")                 # a working one: taken, not solved
nearest_code = ready("02.nearest_code", nearest_code)    # yours if it is right, else a working one, with a notice
"""

from __future__ import annotations

import inspect
from typing import Any

from ..bank import Help, lesson_texts
from ..record import note, read_record
from . import CheckFailed, check, passed
from .worked import make_worked


def _help_of(name: str) -> Help:
    lesson, _, short = name.partition(".")
    return lesson_texts(lesson).exercises.get(short, Help())


def hint(name: str) -> None:
    """Print the next hint: where to look, the shape of the answer, pseudo-code. How many were read is recorded."""
    hints = _help_of(name).hints
    if not hints:
        raise ValueError(f"There is no hint for {name!r}: is it spelled as in the lesson's `check`?")
    number = min(read_record()["hints"].get(name, 0), len(hints) - 1)
    note("hints", name, number + 1)
    print(f"Hint {number + 1} of {len(hints)}: {hints[number]}")
    if number + 1 == len(hints):
        print(f"(That was the last one. A working answer: rescue({name!r}).)")


def expected(name: str) -> None:
    """Print what a right answer gives: in words, and for one example."""
    text = _help_of(name)
    if not text.expected:
        raise ValueError(f"Nothing is said about {name!r}: is it spelled as in the lesson's `check`?")
    print(text.expected)
    if text.example:
        names = lesson_names()
        answer = make_worked(name, names)
        called = getattr(answer, "__name__", name.partition(".")[2])
        print(f"{text.example} -> {eval(text.example, {**names, called: answer})}")  # the course's own


def rescue(name: str) -> Any:
    """A working answer, to go on with. It is recorded as taken, not solved."""
    answer = make_worked(name, lesson_names())
    note("rescues", name, True)
    return answer


def ready(name: str, answer: Any = None) -> Any:
    """The student's own answer where it passes its check, else the worked one, with a notice that says so."""
    if passed.get(name) is answer and answer is not None:
        return answer
    try:
        check(name, answer, quiet=True)
    except CheckFailed:
        worked = make_worked(name, lesson_names())
        note("rescues", name, True)
        print(f"{name}: taken, not solved. The lesson goes on with a working answer; come back to yours at any time.")
        return worked
    return answer


def lesson_names() -> dict[str, Any]:
    """The variables where the student's cell runs: of the nearest caller outside this package."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").startswith(__package__):
        frame = frame.f_back
    return {} if frame is None else frame.f_globals
