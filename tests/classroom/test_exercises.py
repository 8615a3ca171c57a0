"""The checks of the exercises, against right answers written in several ways and wrong ones that students give.

The answers of lesson NN stand in answers/lesson_NN.py: RIGHT = {exercise: [answers]}, and WRONG = {exercise: [(answer,
a pattern that a sentence naming the mistake contains)]}.
"""

import importlib.util
import json
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from dalle_lessons.classroom import exercises
from dalle_lessons.classroom.exercises import CheckFailed, check
from dalle_lessons.model.files import notebooks_dir

LEAST_RIGHT, LEAST_WRONG, LEAST_NAMED = 3, 5, 0.8
# Mistakes that fail with another sentence than the one that names them; all others are named.
UNNAMED = {
    ("01.tone_weight", "share round"),
    ("04.mirror_table", "written in"),
    ("04.place", "counted from 0"),
    ("05.decode", "middle of a character"),
    ("06.complete", "All rows"),
    ("06.complete", "by the logits"),
    ("06.weighted_loss", "turn ~counts"),
    ("07.causal_mask", "square"),
    ("07.masked_softmax", "future still gets a share"),
    ("07.merge", "needs|shape|rows of its own|four"),
    ("11.log_probability", "400 places"),
    ("12.fair_loss", "share the answer"),
    ("13.go_on", "again and again"),
    ("14.resampled", "not by all N"),
    ("15.guided", "without guidance"),
    ("16.through_half", "in this order"),
    ("19.one_step", "shares are exchanged"),
}


def read(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TOOL = read(Path(__file__).resolve().parents[2] / "tools" / "make_teach_pages.py")
FOR_TEACHERS = (TOOL.TEACH / "misconceptions.md").read_text(encoding="utf-8")
FILES = [read(path) for path in sorted((Path(__file__).parent / "answers").glob("lesson_*.py"))]
RIGHT = {name: answers for file in FILES for name, answers in file.RIGHT.items()}
WRONG = {name: answers for file in FILES for name, answers in file.WRONG.items()}


def without_digits(sentence: str) -> str:
    """Digits differ a little from processor to processor."""
    return re.sub(r"\d+(?:[.,]\d+)*", "N", sentence)


def asked() -> list[str]:
    """The exercises that the lessons check."""
    names = []
    for path in sorted(notebooks_dir().glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            names += re.findall(r'^check\("([^"]+)"', "".join(cell["source"]), re.M)
    return names


def test_every_exercise_has_answers_and_a_check():
    assert set(asked()) == set(RIGHT) == set(WRONG)
    assert len(asked()) == len(set(asked()))
    for name in RIGHT:
        assert len(RIGHT[name]) >= LEAST_RIGHT and len(WRONG[name]) >= LEAST_WRONG, name


@pytest.mark.parametrize("name", sorted(RIGHT))
def test_right_answers_pass(name):
    for answer in RIGHT[name]:
        assert check(name, answer) is None


@pytest.mark.parametrize("name", sorted(WRONG))
def test_wrong_answers_fail_and_most_are_named(name):
    named, said = [], set()
    for answer, pattern in WRONG[name]:
        with pytest.raises(CheckFailed) as caught:
            check(name, answer)
        sentence = str(caught.value)
        said.add(TOOL.as_text(TOOL.as_said(caught.value)))
        assert "\n" not in sentence and len(sentence) < 300
        named.append(bool(re.search(pattern, sentence, re.I)))
    missed = [pattern for (_, pattern), hit in zip(WRONG[name], named, strict=True) if not hit]
    assert sum(named) / len(named) >= LEAST_NAMED, f"{name}: no sentence says {missed}"
    assert {(name, pattern) for pattern in missed} <= UNNAMED
    # If the page tells something else: python tools/make_teach_pages.py --lessons and the lesson's number.
    told = TOOL.sentences(FOR_TEACHERS, name)
    assert {without_digits(sentence) for sentence in said} == {without_digits(sentence) for sentence in told}


def test_a_mistake_shows_as_one_sentence():
    assert CheckFailed("It is wrong.")._render_traceback_() == ["Not yet: It is wrong."]


def test_an_unknown_exercise_names_the_nearest():
    with pytest.raises(ValueError, match="nearest_code"):
        check("02.nearest_cod", lambda z, c: z)
    with pytest.raises(ValueError, match="There is no exercise"):
        check("99.nothing", 1)


def test_what_a_student_breaks_becomes_a_sentence():
    def empty(z, codebook):
        raise NotImplementedError

    def broken(z, codebook):
        return z @ codebook

    def endless(z, codebook):
        return endless(z, codebook)

    for answer, pattern in (
        (None, "no answer yet"),
        (3, "should be a function"),
        (empty, "still empty"),
        (broken, r"broken\(z, codebook\) stopped with RuntimeError"),
        (lambda z, codebook: None, "gives None"),
        (lambda z, codebook: sys.exit(), r"calls exit\(\)"),
        (endless, "calls itself again and again"),
    ):
        with pytest.raises(CheckFailed, match=pattern):
            check("02.nearest_code", answer)


ENDS = """
import os, signal, sys, time
from dalle_lessons import check

def leaves(z, codebook):
    {line}

def recurs(z, codebook):
    return recurs(z, codebook)

def recurs_in_c(z, codebook):
    return max([z], key=lambda row: recurs_in_c(row, codebook))

begin = time.monotonic()
{before}
try:
    check("02.nearest_code", {answer})
except AssertionError as error:
    print(error)
soon = time.monotonic() - begin < 20
print("goes on", soon, sys.getrecursionlimit(), os._exit.__name__, sys.setrecursionlimit.__name__)
"""


@pytest.mark.parametrize(
    ("line", "before", "answer", "said"),
    [
        ("os._exit(3)", "", "leaves", "leaves calls exit()"),
        ("os.abort()", "", "leaves", "leaves calls exit()"),
        ("os.kill(os.getpid(), signal.SIGTERM)", "", "leaves", "leaves calls exit()"),
        ("pass", "sys.setrecursionlimit(10**9)", "recurs", "recurs calls itself again and again without end"),
        ("pass", "sys.setrecursionlimit(10**9)", "recurs_in_c", "recurs_in_c calls itself again and again"),
        ("sys.setrecursionlimit(10**9); return recurs(z, codebook)", "", "leaves", "leaves calls itself again"),
    ],
)
def test_an_answer_ends_no_process(line, before, answer, said):
    """In a process of its own, with as much memory as a laptop has. What the check takes over is given back."""
    code = ENDS.format(line=line, before=before, answer=answer)
    if sys.platform == "linux":
        code = "import resource\nresource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))\n" + code
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done
    sentence, left = done.stdout.splitlines()
    assert sentence.startswith(said)
    assert left == f"goes on True {10**9 if before else 1000} _exit setrecursionlimit"


def test_exit_in_an_answer_leaves_the_kernel_alive():
    """In a notebook `exit` is Jupyter's own: it shuts the kernel down when the cell is done."""
    answer = "def f(z, codebook):\n    exit()\n\nfrom dalle_lessons import check\ncheck('02.nearest_code', f)"
    notebook = new_notebook(cells=[new_code_cell(answer), new_code_cell("print('still here')")])
    NotebookClient(notebook, timeout=120, allow_errors=True).execute()
    assert "f calls exit(), which would end the whole program" in str(notebook.cells[0].outputs)
    assert "still here" in str(notebook.cells[1].outputs)


def never_ends(z, codebook):
    while True:
        pass


def catches_all(z, codebook):
    for _ in range(10**12):
        try:
            z.sum().item()
        except:  # noqa: E722
            pass


def sleeps(z, codebook):
    time.sleep(600)


@pytest.mark.parametrize("answer", [never_ends, catches_all, sleeps])
def test_an_answer_that_never_ends_is_stopped(answer, monkeypatch):
    if answer is sleeps and not hasattr(signal, "SIGALRM"):
        pytest.skip("On Windows a sleep is not interrupted.")
    monkeypatch.setattr(exercises, "SECONDS", 0.3)
    begin = time.monotonic()
    with pytest.raises(CheckFailed, match="ran for more than 0.3 seconds and was stopped"):
        check("02.nearest_code", answer)
    assert time.monotonic() - begin < 10
    assert sys.gettrace() is None
    time.sleep(0.7)  # nothing rings later


@pytest.mark.parametrize("answer", [never_ends, catches_all])
def test_it_is_stopped_in_other_threads_and_without_signals_too(answer, monkeypatch):
    """As on Windows, and where a check runs in a thread."""
    monkeypatch.setattr(exercises, "SECONDS", 0.3)
    found = []

    def work():
        try:
            check("02.nearest_code", answer)
        except CheckFailed as error:
            found.append(str(error))
        time.sleep(0.7)
        found.append("goes on")

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(30)
    assert len(found) == 2 and "was stopped" in found[0]


def test_numbers_and_tensors_of_all_sorts_are_read():
    assert exercises.as_number(torch.tensor([2.5])) == 2.5
    assert exercises.as_tensor([[1, 2]], (1, 2)).shape == (1, 2)
    for value, pattern in ((torch.ones(2), "one number"), ("x", "should be a number"), (float("nan"), "NaN")):
        with pytest.raises(CheckFailed, match=pattern):
            exercises.as_number(value)
    with pytest.raises(CheckFailed, match=r"shape \(2, 2\), but has \(1, 2\)"):
        exercises.as_tensor([[1, 2]], (2, 2))
    with pytest.raises(CheckFailed, match="should be a tensor"):
        exercises.as_tensor("x", (2,))
