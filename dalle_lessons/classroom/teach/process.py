"""A process of its own for each notebook, with limits; and another one where a student's code has ended it."""

from __future__ import annotations

import contextlib
import functools
import json
import multiprocessing
import queue
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..exercises import share
from ..exercises.worked import worked_answers
from .assignment import Assignment, Exercise
from .plan import Plan, Step
from .worker import Job, work

START = 180.0  # seconds for a new process to import the library, on a machine with much else to do
NOT_THERE = "There is no answer: its cell is not in the notebook."
TAKEN = "Taken by rescue, not solved: it counts no points."
ENDED = "Your code ended the whole program, by an exit or a crash, so nothing of it could be checked."
KEPT = "Your code ran for more than {:g} seconds and did not let itself be stopped: does a loop in it never end?"


@dataclass(frozen=True)
class Limits:
    """What the code of a student may take."""

    seconds: float = 25.0  #: for a cell, and for a check
    megabytes: int = 4096


@dataclass(frozen=True)
class Result:
    """What an exercise came to."""

    exercise: Exercise
    points: float
    sentence: str  #: why these are not all points, "" if they are


@dataclass
class Graded:
    """What a notebook came to."""

    results: list[Result]
    notes: list[str] = field(default_factory=list)  #: for the teacher: what the notebook tried to do
    rescued: frozenset[str] = frozenset()  #: exercises for which a cell of it calls `rescue`


@functools.cache
def _context() -> Any:
    """How processes begin: on Linux as copies of one that has imported the library, elsewhere anew."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    often = ("guesses", "recall", "figures", "lesson_figures", "course_map", "steppers")
    context.set_forkserver_preload([f"{__package__}.worker", *(f"dalle_lessons.classroom.{name}" for name in often)])
    return context


def grade_notebook(plan: Plan, assignment: Assignment, limits: Limits) -> Graded:
    """The points of a notebook.

    A cell or an answer that ends its process, or does not let itself be stopped, loses its points; another process goes
    on with the rest. Raises RuntimeError where a process does not even begin.
    """
    run = _Run(plan, assignment, limits)
    while not run.finished:
        run.start_process()
    results = []
    for exercise in assignment.exercises:
        points, sentence = run.scored.get(exercise.name, (0.0, NOT_THERE))
        if not points and exercise.name in plan.rescued:
            sentence = TAKEN
        results.append(Result(exercise, points, sentence))
    return Graded(results, list(dict.fromkeys(run.notes)), plan.rescued)


class _Run:
    def __init__(self, plan: Plan, assignment: Assignment, limits: Limits):
        self.plan, self.assignment, self.limits = plan, assignment, limits
        self.scored: dict[str, tuple[float, str]] = {}
        self.skipped: set[int] = set()
        self.ended: dict[str, str] = {}  # exercise -> how the process ended in the cell of its answer
        self.notes: list[str] = []
        self.finished = not plan.steps
        self.patience = START  # seconds after which a silent process is ended

    def start_process(self) -> None:
        """Run what is left in a new process, until it is through or ends."""
        worked = {name: self._worked(name) for name, (_, sentence) in self.scored.items() if sentence}
        with tempfile.TemporaryDirectory(prefix="grading-", ignore_cleanup_errors=True) as folder:
            job = Job(
                secrets.token_hex(16),
                self.assignment.lesson,
                self.plan.steps,
                frozenset(self.skipped),
                worked,
                folder,
                self.limits.seconds,
                self.limits.megabytes,
            )
            ours, theirs = _context().Pipe()
            process = _context().Process(target=work, args=(theirs, job), daemon=True)
            process.start()
            theirs.close()
            try:
                self._listen(ours, job.word)
            finally:
                process.kill()
                process.join()
                ours.close()

    def _listen(self, pipe: Any, word: str) -> None:
        now: Step | None = None
        done, self.patience = 0, START
        for message in _messages(pipe, word, lambda: self.patience):
            state = message.get("state")
            if state is None:  # the process is gone, or has been silent for too long
                if now is None:
                    raise RuntimeError("A process for grading did not begin; `dalle-lessons doctor` may say why.")
                return self._break_off(now, ENDED if message["gone"] else KEPT.format(self.limits.seconds))
            self.notes += message.get("notes", [])
            # Each statement may take so many seconds, and of an exercise the expression and the check.
            if state == "begins":
                now = step = self.plan.steps[message["step"]]
                self.patience = self.limits.seconds * (2 if step.kind == "score" else len(step.texts)) + 5
            elif state == "scored" and now is not None and now.exercise is not None:
                exercise, sentence = now.exercise, str(message["sentence"])
                sentence = self.ended.get(exercise.name, sentence) if sentence else ""
                self.skipped.add(now.number)
                self.scored[exercise.name] = (0.0 if sentence else exercise.points, sentence)
                if message["sentence"]:
                    done = message["done"]
                    with contextlib.suppress(OSError):  # it may be gone, and a message will say so
                        pipe.send_bytes(json.dumps(self._worked(exercise.name)).encode())
            elif state == "ended" and now is not None and now.exercise is not None:
                exercise, (_, sentence) = now.exercise, self.scored[now.exercise.name]
                points = share(exercise.points, done, max(done, message["total"])) if done else 0.0
                self.scored[exercise.name] = (points, sentence)
            elif state == "finished":
                self.finished = True
                return None
        return None

    def _break_off(self, step: Step, sentence: str) -> None:
        """The process ended in this step: it is left out from now on."""
        self.skipped.add(step.number)
        if step.exercise is not None:
            self.scored.setdefault(step.exercise.name, (0.0, sentence))
        self.ended |= dict.fromkeys(step.exercises, sentence)

    def _worked(self, name: str) -> tuple[str, str]:
        return worked_answers(self.assignment.lesson)[name]


def _messages(pipe: Any, word: str, patience: Callable[[], float]) -> Iterator[dict[str, Any]]:
    """What the process tells; at last one without a state: gone, or silent for longer than it may be.

    A thread reads, since a student's code may write half a message, for the rest of which nobody should wait.
    """
    told: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def read() -> None:
        try:
            while True:
                told.put(pipe.recv_bytes())
        except (EOFError, OSError):
            told.put(None)

    threading.Thread(target=read, daemon=True).start()
    until = time.monotonic() + patience()
    while True:
        try:
            text = told.get(timeout=max(0.0, until - time.monotonic()))
            message = {"gone": True, "word": word} if text is None else json.loads(text)
        except queue.Empty:
            message = {"gone": False, "word": word}
        except ValueError:
            continue
        if isinstance(message, dict) and message.get("word") == word:
            yield message
            until = time.monotonic() + patience()
