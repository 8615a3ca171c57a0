"""What runs in the process of a student: the steps of a plan, one after another, each told before and after.

`work` is called in a new process and ends it. What it tells goes through a pipe, as JSON with a word that only both
ends know: what a student's code writes there is not believed.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import multiprocessing
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from ...model.files import notebooks_dir
from ..exercises.time_limit import time_limit
from ..exercises.worked import run_worked
from .guard import CELL, EXERCISES, Guard, fresh_exercises, watch
from .plan import Step

NO_MEMORY = re.compile(r"stopped with MemoryError|can't allocate memory")
CHANGED = "The answer changes the program that checks it, so it counts no points."


@dataclass(frozen=True)
class Job:
    """What a process is asked to do."""

    word: str  #: by which the other end knows our messages
    lesson: str
    steps: tuple[Step, ...]
    #: numbers of steps that are left out: they ended an earlier process, or are scored already
    skipped: frozenset[int]
    #: worked answers (exercise, cell, expression) by which those replace theirs that were scored, and are not right
    worked: dict[str, tuple[str, str]]
    folder: str  #: an empty one, to work in
    seconds: float  #: for a cell, and for a check
    megabytes: int


def work(pipe: Connection, job: Job) -> None:
    """Do the job, and end the process."""
    vars(multiprocessing.current_process())["_args"] = ()  # nobody else needs to know the word
    try:
        _Student(pipe, job).run()
    finally:
        os._exit(0)  # whatever threads the student's code has left


class _Student:
    def __init__(self, pipe: Connection, job: Job):
        self.pipe, self.job = pipe, job
        _prepare(job, pipe.fileno())
        importlib.import_module(f"{EXERCISES}.lesson_{job.lesson}")  # with all that it needs: the guard knows it then
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.errors: dict[str, str] = {}  # exercise -> how its cell ended
        self.guard = Guard()
        self.refused = watch(Path(job.folder), notebooks_dir())

    def run(self) -> None:
        self._tell(state="ready")
        for step in self.job.steps:
            if step.number in self.job.skipped:
                if step.exercise and step.exercise.name in self.job.worked:
                    self._replace(step, *self.job.worked[step.exercise.name])
                continue
            self._tell(state="begins", step=step.number)
            if step.kind == "score":
                self._score(step)
            else:
                self._run(step)
                self._tell(state="ended", step=step.number, notes=self._notes())
        self._tell(state="finished")

    def _run(self, step: Step) -> None:
        """A cell. One that is no answer may fail: an answer that needs it will say so."""
        for text in step.texts:
            sentence = _limited(lambda text=text: exec(_compiled(text), self.names), self.job.seconds, "Your cell")
            if step.kind == "answer":
                self.errors |= dict.fromkeys(step.exercises, sentence)

    def _score(self, step: Step) -> None:
        exercise = step.exercise
        assert exercise is not None
        notes, done, changed = self._notes(), 0, False
        answer: list[Any] = []
        sentence = _limited(lambda: answer.append(eval(exercise.expression, self.names)), self.job.seconds, "Your cell")
        if sentence:
            missing = f"There is no answer: no cell gives {exercise.expression} a value."
            sentence = self.errors.get(exercise.name) or missing
        else:
            with fresh_exercises(self.job.lesson, self.job.seconds) as (exercises, changed_inside):
                found: list[tuple[int, str]] = []
                stopped = _limited(
                    lambda: found.append(exercises.parts_passed(exercise.name, answer[0])), None, "Your answer"
                )  # the check has a limit of its own
                changed = changed_inside()
            done, sentence = found[0] if found else (0, stopped)
            if NO_MEMORY.search(sentence):
                sentence = f"The answer needs more memory than the {self.job.megabytes} MB that grading allows."
        changed = bool(self.guard.restore()) or changed
        if changed:
            done, sentence = 0, CHANGED
        notes += self._notes()
        self._tell(state="scored", step=step.number, done=done, sentence=sentence, notes=notes)
        if sentence:
            cell, expression = json.loads(self.pipe.recv_bytes())
            total = self._replace(step, cell, expression)
            self._tell(state="ended", step=step.number, total=total, notes=[])

    def _replace(self, step: Step, cell: str, expression: str) -> int:
        """Goes on with the worked answer where the student's is not right, as the lesson does; returns its parts."""
        name, total = step.exercise.name if step.exercise else "", 0
        try:
            worked = run_worked(name, cell, expression, self.names)
            with fresh_exercises(self.job.lesson, self.job.seconds) as (exercises, _):
                total, _ = exercises.parts_passed(name, worked)
        except Exception:  # the worked answer builds on what the student has deleted
            return 0
        if expression.isidentifier():
            self.names[expression] = worked
        return total

    def _notes(self) -> list[str]:
        changed = self.guard.restore()
        put_back = [f"changes {', '.join(changed[:3])}, which was put back"] if changed else []
        return put_back + [f"was refused: {sentence}" for sentence in self.refused()]

    def _tell(self, **message: Any) -> None:
        self.pipe.send_bytes(json.dumps({"word": self.job.word, **message}).encode())


def _prepare(job: Job, ours: int) -> None:
    """Silence, an empty folder, and limits. ours: the file number of the pipe."""
    os.chdir(job.folder)
    sys.path[:] = [path for path in sys.path if path]  # not the folder in which the student's code may write
    sys.dont_write_bytecode = True
    os.environ |= {"DALLE_LESSONS_RECORD": "", "HF_HUB_OFFLINE": "1", "MPLBACKEND": "agg"}
    os.environ |= dict.fromkeys(("TMPDIR", "TEMP", "TMP", "TORCHINDUCTOR_CACHE_DIR"), job.folder)
    tempfile.tempdir = None  # to be looked up anew
    if sys.platform == "linux":  # where the numbers of the process that this is a copy of are open still
        os.closerange(3, ours)
        os.closerange(ours + 1, 256)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    sys.stdin, sys.stdout, sys.stderr = io.StringIO(), open(os.devnull, "w"), open(os.devnull, "w")
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no such limit
        import resource

        most = job.megabytes * 2**20
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _compiled(text: str) -> Any:
    from .light import parse

    return compile(parse(text), CELL, "exec")


def _limited(what: Callable[[], object], seconds: float | None, who: str) -> str:
    """Runs it, for so many seconds at most; how it ended, as a sentence, "" if well."""
    too_long = f"{who} ran for more than {seconds or 0:g} seconds and was stopped: does a loop in it never end?"
    try:
        with time_limit(seconds, too_long) if seconds else contextlib.nullcontext():
            what()
    except SyntaxError as error:
        line = f" (line {error.lineno})" if error.lineno else ""
        return f"{who} is no valid Python: {error.msg}{line}."
    except SystemExit:
        return f"{who} calls exit(), which would end the whole program: leave it out."
    except BaseException as error:
        if type(error).__name__ == "CheckFailed":
            return str(error)
        if isinstance(error, NotImplementedError) and "not implemented for" not in str(error):  # PyTorch says that
            return f"{who} is still empty: write your code in place of the line that raises."
        why = " ".join(str(error).split())[:160]
        return f"{who} stopped with {type(error).__name__}: {why}".rstrip(": ") + ("" if why.endswith(".") else ".")
    return ""
