"""A time limit for code of students, in the thread that runs it: what never ends is stopped; the notebook goes on."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

AGAIN = 0.005  # seconds after which code is interrupted again that has caught an interruption
OURS = (__file__, contextlib.__file__)  # never interrupted: this code ends the limit


class TimeUp(BaseException):
    """Not an Exception, so that the usual `except Exception` of the code that is stopped lets it through.

    A bare `except:` catches it all the same. So, once one exists, the next line of that code raises another: the first
    line of the handler, which is outside of its `try`. (Python makes it in the thread that is interrupted, at the
    latest when it is caught.)
    """

    def __init__(self) -> None:
        super().__init__()
        if sys.gettrace() is None:  # a debugger keeps its own
            sys.settrace(no_trace)
        frame = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename not in OURS:
            frame.f_trace = raise_at_a_line
            frame = frame.f_back


def no_trace(frame: FrameType, event: str, argument: object) -> None:
    """The functions that are called from here on are not traced."""


def raise_at_a_line(frame: FrameType, event: str, argument: object) -> Callable[..., object]:
    if event == "line":
        raise TimeUp
    return raise_at_a_line


@contextmanager
def time_limit(seconds: float, sentence: str) -> Iterator[None]:
    """Interrupt the code of the block after so many seconds; then `CheckFailed` is raised with this sentence.

    Python code is interrupted everywhere. What waits outside Python (a sleep, one long computation of PyTorch) is
    interrupted in the main thread of Linux and macOS; elsewhere only once it comes back.
    """
    from . import CheckFailed

    signals = hasattr(signal, "SIGALRM") and threading.current_thread() is threading.main_thread()
    try:
        with by_alarm(seconds) if signals else by_another_thread(seconds):
            yield
    except TimeUp:
        raise CheckFailed(sentence) from None


@contextmanager
def by_alarm(seconds: float) -> Iterator[None]:
    """By a signal, which ends a wait too."""

    def ring(number, frame) -> None:
        if frame is None or frame.f_code.co_filename not in OURS:
            raise TimeUp

    def end() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        undisturbed(end)


@contextmanager
def by_another_thread(seconds: float) -> Iterator[None]:
    """By an exception that another thread raises in this one, between two of its steps."""
    me, done, lock = threading.get_ident(), threading.Event(), threading.Lock()
    interrupt, here = ctypes.pythonapi.PyThreadState_SetAsyncExc, ctypes.c_ulong(me)

    def watch() -> None:
        pause = seconds
        while not done.wait(pause):
            with lock:
                frame = sys._current_frames().get(me)
                if not done.is_set() and frame is not None and frame.f_code.co_filename not in OURS:
                    interrupt(here, ctypes.py_object(TimeUp))
            pause = AGAIN

    def end() -> None:
        with lock:
            done.set()
            interrupt(here, None)  # one that is on its way must not arrive later

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        undisturbed(end)


def undisturbed(end: Callable[[], None]) -> None:
    """Call `end`, and once more if the last interruption arrives just there."""
    while True:
        try:
            end()
            if sys.gettrace() is no_trace:
                sys.settrace(None)
            return
        except TimeUp:
            continue
