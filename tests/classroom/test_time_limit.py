"""Whatever an answer catches, and in whichever thread it runs, the limit ends it, and leaves nothing behind."""

import contextlib
import sys
import threading
import time

import pytest
import torch

from dalle_lessons.classroom.exercises import CheckFailed
from dalle_lessons.classroom.exercises.time_limit import limits, time_limit


def loops():
    while True:
        pass


def catches():
    while True:
        try:
            sum(range(50))
        except:  # noqa: E722
            pass


def catches_in_a_function():
    def inner():
        try:
            sum(range(50))
        except:  # noqa: E722
            pass

    while True:
        try:
            inner()
        except BaseException:
            continue


def catches_around_a_comprehension():
    while True:
        # fmt: off
        try: [x for x in range(10**6)]  # noqa: E701
        except: pass  # noqa: E701, E722
        # fmt: on


def suppresses():
    while True:
        with contextlib.suppress(BaseException):
            sum(range(50))


def goes_on_after_all():
    exec("while True:\n try:\n  sum(range(50))\n finally:\n  continue", {})


ANSWERS = [loops, catches, catches_in_a_function, catches_around_a_comprehension, suppresses, goes_on_after_all]


def stopped(answer) -> list[str]:
    """What ends the answer, and what is left behind."""
    found = []
    try:
        with time_limit(0.05, "stopped"):
            answer()
    except BaseException as error:
        found.append(f"{type(error).__name__}: {error}")
    try:
        time.sleep(0.2)
    except BaseException as error:
        found.append(f"later {type(error).__name__}")
    return found + [f"{name} stays" for name, it in (("a trace", sys.gettrace()), ("a limit", limits)) if it]


def in_a_thread(work, *arguments) -> list[str]:
    found = []
    thread = threading.Thread(target=lambda: found.extend(work(*arguments)), daemon=True)
    thread.start()
    thread.join(30)
    return found if not thread.is_alive() else ["it never ends"]


@pytest.mark.skipif(sys.gettrace() is not None, reason="a debugger keeps its own trace")
@pytest.mark.filterwarnings("ignore:'continue' in a 'finally' block:SyntaxWarning")
@pytest.mark.parametrize("answer", ANSWERS)
def test_it_is_stopped_in_both_ways_one_after_the_other(answer):
    """In Python 3.11, taking back an exception that had not arrived made the next trace stand still, in any thread."""
    begin = time.monotonic()
    for _ in range(2):
        assert in_a_thread(stopped, answer) == ["CheckFailed: stopped"]
        assert stopped(answer) == ["CheckFailed: stopped"]
    assert time.monotonic() - begin < 30


def without_gradients():
    with torch.no_grad():
        loops()


@pytest.mark.parametrize("where", [lambda work, *arguments: work(*arguments), in_a_thread], ids=["here", "in a thread"])
def test_what_the_answer_had_opened_is_closed(where):
    def work():
        return [*stopped(without_gradients), f"gradients: {torch.is_grad_enabled()}"]

    assert where(work) == ["CheckFailed: stopped", "gradients: True"]


def test_a_limit_within_another_is_the_one_that_counts():
    with time_limit(60, "the outer one"):
        with pytest.raises(CheckFailed, match="the inner one"), time_limit(0.05, "the inner one"):
            loops()
        assert len(limits) == 1
    assert not limits


def test_whoever_is_done_in_time_is_left_alone():
    with time_limit(0.1, "stopped"):
        found = sum(range(10))
    time.sleep(0.2)
    assert found == 45 and sys.gettrace() is None
