"""A time limit for code of students, in the thread that runs it: what never ends is stopped; the notebook goes on."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

AGAIN = 0.05  # seconds after which code is interrupted again that has caught an interruption
GENTLE = 50  # so many lines may follow an interruption while it is handled: `with` and `finally` clean up


@dataclass
class Limit:
    """One that is on, in one thread."""

    frame: FrameType  # the function that holds the `with`: what it calls is limited
    interrupted: int = 0
    lines: int = 0  # reached after an interruption
    at: dict[FrameType, int] = field(default_factory=dict)  # the lines that the last one interrupted
    leaving: FrameType | None = None  # an exception passes through: what handles it, or cleans up, comes next


limits: dict[int, Limit] = {}  # by thread


class TimeUp(BaseException):
    """Not an Exception, so that the usual `except Exception` of the code that is stopped lets it through.

    A bare `except:` catches it all the same. So, once one exists, the next line that is reached in that code raises
    another, which is mostly outside of its `try`. (Python makes it in the thread that is interrupted, at the latest
    when it is caught.)
    """

    def __init__(self) -> None:
        super().__init__()
        limit = limits.get(threading.get_ident())
        caller = sys._getframe(1)
        while caller is not None and caller.f_code.co_filename == __file__:  # what raises it
            caller = caller.f_back
        frames = limited(caller, limit)
        if not frames or limit is None:
            return
        # Each time a little else, for code that catches everything in several ways: one function fewer, and not at the
        # lines that were interrupted (a list comprehension that cleans up comes by its line once more), or there, too.
        first = limit.interrupted % len(frames)
        limit.interrupted += 1
        limit.at = {frame: frame.f_lineno for frame in frames} if limit.interrupted % 3 else {}
        limit.leaving = frames[0]
        if sys.gettrace() is None:  # a debugger keeps its own
            sys.settrace(no_trace)
        for frame in frames[first:]:
            frame.f_trace = raise_at_a_line


def limited(frame: FrameType | None, limit: Limit | None) -> list[FrameType] | None:
    """The calls that run inside a limit, the innermost first, without the function that holds it; None where it is not
    limited code that runs, but what begins or ends the limit, or what uses its results."""
    frames: list[FrameType] = []
    while limit is not None and frame is not None and frame is not limit.frame:
        if frame.f_code.co_filename == __file__ or (not frames and frame.f_code.co_filename == contextlib.__file__):
            return None
        frames.append(frame)
        frame = frame.f_back
    return None if limit is None or frame is None else frames


def no_trace(frame: FrameType, event: str, argument: object) -> None:
    """The functions that are called from here on are not traced."""


def raise_at_a_line(frame: FrameType, event: str, argument: object) -> Callable[..., object]:
    limit = limits.get(threading.get_ident())
    if event == "exception" and limit is not None:
        limit.leaving = frame
    if event == "line" and limit is not None:
        limit.lines += 1
        handled = frame is limit.leaving or isinstance(sys.exc_info()[1], TimeUp)
        limit.leaving = None
        if (not handled or limit.lines > GENTLE) and frame.f_lineno != limit.at.get(frame):
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
    me, holder = threading.get_ident(), sys._getframe(1)
    while holder.f_back is not None and holder.f_code.co_filename == contextlib.__file__:
        holder = holder.f_back
    around, limits[me] = limits.get(me), Limit(holder)
    try:
        with by_alarm(seconds) if signals else by_another_thread(seconds):
            yield
    except TimeUp:
        raise CheckFailed(sentence) from None
    finally:
        del limits[me]
        if around is not None:
            limits[me] = around


@contextmanager
def by_alarm(seconds: float) -> Iterator[None]:
    """By a signal, which ends a wait too."""

    me = threading.get_ident()

    def ring(number, frame) -> None:
        if limited(frame, limits.get(me)) is not None:
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
                if not done.is_set() and limited(sys._current_frames().get(me), limits.get(me)) is not None:
                    interrupt(here, ctypes.py_object(TimeUp))
            pause = AGAIN

    def end() -> None:
        with lock:
            done.set()
        # One that is on its way arrives in this loop, and not later. (To take it back, by None in its place, would
        # leave a mark set in Python 3.11 and make every debugger stand still.)
        for _ in range(2):
            pass

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
