"""Pretended students hand in two lessons each, and get what they deserve."""

import csv
import json
import re
import zipfile
from functools import cache
from pathlib import Path

import pytest

from dalle_lessons.classroom.exercises.worked import worked_answers
from dalle_lessons.classroom.student_copy import for_student
from dalle_lessons.classroom.teach.assignment import keys, lesson_path, read_assignment, split_lessons
from dalle_lessons.classroom.teach.grade import grade
from dalle_lessons.classroom.teach.light import free_names, light_statements
from dalle_lessons.classroom.teach.plan import lesson_of, make_plan
from dalle_lessons.classroom.teach.process import Limits, grade_notebook
from dalle_lessons.classroom.teach.submissions import read_submissions

LESSONS = ("02", "05")
SHORT = Limits(seconds=4, megabytes=4096)
ANSWERS = Path(__file__).parent / "answers"
LOUD = """
import functools, sys, warnings

def loud(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        print("at work", file=sys.stderr)
        warnings.warn("this is slow")
        return function(*arguments)
    return wrapper

{name} = loud({name})
"""
OVERWRITES = """
import torch
import dalle_lessons
from dalle_lessons.classroom import exercises
from dalle_lessons.classroom.exercises import lesson_02, lesson_05

def check(*arguments):
    print("Right.")

def nothing(*arguments, **options):
    return 9, ""

for module in (exercises, lesson_02, lesson_05, dalle_lessons):
    for known in ("check", "score", "parts_passed", "diagnose", "same", "as_tokens", "call"):
        setattr(module, known, nothing)
torch.equal = torch.allclose = torch.Tensor.equal = lambda *arguments, **options: True

def {name}(*arguments):
    return arguments[0]
"""


def handed_out(lesson: str) -> dict:
    path = lesson_path(lesson)
    return for_student(json.loads(path.read_text(encoding="utf-8")))


def put(notebook: dict, exercise: str, source: str) -> None:
    """Write an answer into its cell."""
    key = next(e.answer for e in read_assignment(exercise[:2]).exercises if e.name == exercise)
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == key:
            cell["source"] = source


def drop(notebook: dict, key: str) -> None:
    notebook["cells"] = [c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") != key]


def notebook_of(student: str, lesson: str) -> dict:
    """What this student hands in."""
    notebook, exercises = handed_out(lesson), read_assignment(lesson).exercises
    worked = worked_answers(lesson)
    for place, exercise in enumerate(exercises):
        name, right = exercise.expression, worked[exercise.name][0]
        if student.startswith("wrong"):
            every = (ANSWERS / f"lesson_{lesson}.py").read_text(encoding="utf-8")
            put(notebook, exercise.name, f'{every}\n{name} = WRONG["{exercise.name}"][{student[-1]}][0]')
        elif student == "overwrites":
            put(notebook, exercise.name, OVERWRITES.format(name=name))
        elif student == "stderr":
            put(notebook, exercise.name, right + LOUD.format(name=name))
        elif student != "empty" and not (student == "half" and place > 1):
            put(notebook, exercise.name, right)
    first, second = exercises[0], exercises[1]
    if student == "syntax":
        put(notebook, first.name, f"def {first.expression}(words:\n    return (")
    elif student == "loop":
        put(notebook, first.name, f"def {first.expression}(*arguments):\n    while True:\n        pass")
    elif student == "exit" and lesson == "02":
        put(notebook, first.name, f"import os\n\ndef {first.expression}(*arguments):\n    os._exit(0)")
    elif student == "exit":
        put(notebook, first.name, "import os\n\nos._exit(0)")
    elif student == "deleted":
        drop(notebook, first.answer)
        drop(notebook, f"{second.answer}-check")
    elif student == "copies":  # the answer and its check, with their marks; the copies have ids of their own
        at = next(i for i, cell in enumerate(notebook["cells"]) if first.answer in keys(cell))
        copied = [{**cell, "id": f"copy-{n}"} for n, cell in enumerate(notebook["cells"][at : at + 2])]
        notebook["cells"][at + 2 : at + 2] = copied
    return notebook


STUDENTS = ["right", "wrong 0", "wrong 1", "wrong 2", "empty", "half", "syntax", "loop", "exit", "deleted"]
STUDENTS += ["overwrites", "stderr", "copies"]
ALL, NONE, BUT_FIRST = [1, 1, 1, 1], [0, 0, 0, 0], [0, 1, 1, 1]
DESERVED = {"right": ALL, "stderr": ALL, "copies": ALL, "half": [1, 1, 0, 0], "syntax": BUT_FIRST, "loop": BUT_FIRST}
DESERVED |= {"exit": BUT_FIRST, "deleted": BUT_FIRST}  # the others: NONE
FIRST_REASON = {
    "empty": "still empty",
    "syntax": "is no valid Python",
    "loop": "ran for more than 4 seconds and was stopped",
    "exit": "the whole program",
    "deleted": "its cell is not in the notebook",
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """What grading wrote for the zip of all submissions that Moodle made."""
    folder = tmp_path_factory.mktemp("grading")
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        for number, student in enumerate(STUDENTS, 4700):
            place = f"{student}_{number}_assignsubmission_file_"
            for lesson in LESSONS:
                archive.writestr(f"{place}/{lesson_path(lesson).name}", json.dumps(notebook_of(student, lesson)))
        record = {"hints": {"02.nearest_code": 2}, "rescues": {"02.revive": True}, "guesses": {}}
        archive.writestr("half_4705_assignsubmission_file_/my_guesses.json", json.dumps(record))
    grade(folder / "all.zip", folder / "grades.csv", None, SHORT, say=lambda line: None)
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS)
@pytest.mark.parametrize("student", STUDENTS)
def test_each_student_gets_what_it_deserves(graded, student, lesson):
    stem = read_assignment(lesson).stem
    mine = [r for r in rows(graded / "grades_details.csv") if r["student"] == student and r["lesson"] == stem]
    reasons = [row["reason"] for row in mine]
    assert [float(row["points"]) for row in mine] == DESERVED.get(student, NONE), reasons
    assert all(bool(row["reason"]) == (row["points"] == "0") for row in mine)
    assert FIRST_REASON.get(student, "") in reasons[0]
    if student == "exit":  # in a function it is held back; at the top of a cell it ends the process
        assert ("would end" if lesson == "02" else "ended") in reasons[0]
    noted = " ".join(row["for the teacher"] for row in mine)
    assert ("torch.equal" in noted) == (student == "overwrites"), noted
    if student.startswith("wrong"):
        from_file = wrong_patterns(lesson)
        named = [
            bool(re.search(from_file[row["exercise"]][int(student[-1])], row["reason"], re.IGNORECASE)) for row in mine
        ]
        assert sum(named) >= 3, reasons


@cache
def wrong_patterns(lesson: str) -> dict[str, list[str]]:
    scope: dict = {}
    exec((ANSWERS / f"lesson_{lesson}.py").read_text(encoding="utf-8"), scope)
    return {name: [pattern for _, pattern in answers] for name, answers in scope["WRONG"].items()}


@pytest.mark.slow
def test_moodle_gets_its_table_and_its_zip(graded):
    table = {row["Full name"]: row for row in rows(graded / "grades.csv")}
    assert set(table) == set(STUDENTS)
    assert table["right"]["Identifier"] == "Participant 4700" and table["right"]["Feedback comments"] == "All right."
    assert (table["half"]["Grade"], table["half"]["Maximum grade"]) == ("4", "8")
    assert "05.decode: " in table["half"]["Feedback comments"]
    with zipfile.ZipFile(graded / "grades_feedback.zip") as archive:
        pages = {name: archive.read(name).decode() for name in archive.namelist()}
    assert set(pages) == {f"{s}_{n}_assignsubmission_file_/feedback.html" for n, s in enumerate(STUDENTS, 4700)}
    page = pages["half_4705_assignsubmission_file_/feedback.html"]
    assert "half: 4 of 8 points" in page and "still empty" in page and "2 hint(s) read" in page
    assert "taken by rescue" in page and "http" not in page
    assert (graded / "grades_feedback" / "half_4705.html").read_text(encoding="utf-8") == page


@pytest.mark.slow
def test_nothing_of_the_teacher_is_overwritten(graded):
    before = (graded / "grades.csv").read_bytes()
    with pytest.raises(FileExistsError, match="is there already"):
        grade(graded / "all.zip", graded / "grades.csv")
    assert (graded / "grades.csv").read_bytes() == before
    with pytest.raises(ValueError, match="ends in .csv"):
        grade(graded / "all.zip", graded / "grades.xlsx")


CHEATS = {
    "looks at the caller": "import sys\ndef nearest_code(z, c):\n    return sys._getframe(2).f_locals['truth']",
    "takes it": "from dalle_lessons import rescue\nnearest_code = rescue('02.nearest_code')",
    "changes the check from within": "import sys\ndef nearest_code(z, c):\n    "
    "vars(sys.modules['dalle_lessons.classroom.exercises.lesson_02'])['diagnose'] = lambda *a: None\n    "
    "return (z[:, :1] * 0).long().flatten()",
    "changes PyTorch": "import torch\ntorch.equal = torch.allclose = lambda *a, **k: True\n"
    "def nearest_code(z, c):\n    return (z[:, 0] * 0).long()",
    "changes PyTorch from within": "import torch\ndef nearest_code(z, c):\n    "
    "torch.allclose = torch.equal = lambda *a, **k: True\n    return (z[:, 0] * 0).long()",
    "writes a file": "from pathlib import Path\nPath.home().joinpath('of_the_teacher').write_text('x')",
    "ends a cell": "exit()",
    "takes all memory": "import torch\ndef nearest_code(z, c):\n    return torch.ones(10**10).long()",
    "writes to the grader": "import os\nfor n in range(3, 40):\n    try: os.write(n, b'\\0\\0\\1')\n    "
    "except OSError: pass",
    "defines nothing": "nearest_codes = 3",
}


@pytest.mark.slow
@pytest.mark.parametrize("source", CHEATS.values(), ids=CHEATS)
def test_no_trick_gains_a_point_or_loses_another(source):
    notebook = notebook_of("right", "02")
    put(notebook, "02.nearest_code", source)
    found = grade_notebook(make_plan(notebook, read_assignment("02")), read_assignment("02"), SHORT)
    assert [result.points for result in found.results] == BUT_FIRST, found
    assert all(result.sentence.endswith((".", "?")) for result in found.results if result.sentence), found


@pytest.mark.slow
def test_a_later_answer_does_not_suffer_from_a_wrong_earlier_one():
    """As in the lesson, where `ready` puts a working `merge` in place of one that is not right."""
    notebook = notebook_of("right", "05")
    put(notebook, "05.merge", "def merge(word, pair, new):\n    return word")
    found = grade_notebook(make_plan(notebook, read_assignment("05")), read_assignment("05"), SHORT)
    assert [result.points for result in found.results] == [1, 0, 1, 1], found


@pytest.mark.slow
def test_half_an_answer_gets_half_its_points():
    notebook = notebook_of("right", "00")
    parts = {"a": "decoder", "b": "tokenizer", "c": "ranking", "d": "transformer", "e": "decoder"}  # e is wrong
    put(notebook, "00.which_part", f"broken = {parts}")
    found = grade_notebook(make_plan(notebook, read_assignment("00")), read_assignment("00"), SHORT)
    assert [result.points for result in found.results] == [2, 0.5, 1] and found.results[1].sentence, found


@pytest.mark.slow
@pytest.mark.parametrize("lesson", split_lessons(None))
def test_the_worked_answers_of_every_lesson_get_all_points(lesson):
    """From imports, definitions and answers alone: no lesson needs a training to be graded."""
    assignment = read_assignment(lesson)
    notebook = json.loads(lesson_path(lesson).read_text(encoding="utf-8"))
    found = grade_notebook(make_plan(notebook, assignment), assignment, Limits())
    assert not [result.sentence for result in found.results if result.sentence]
    assert sum(result.points for result in found.results) == assignment.points and not found.notes


def test_an_answer_in_a_cell_of_its_own_counts():
    notebook = notebook_of("empty", "02")
    own = {"cell_type": "code", "id": "mine", "metadata": {}, "source": "def revive(codebook, vectors, counts): ..."}
    notebook["cells"].append(own)
    plan = make_plan(notebook, read_assignment("02"))
    kinds = [(step.kind, step.exercise.name if step.exercise else step.exercises) for step in plan.steps[-2:]]
    assert kinds == [("answer", ("02.revive",)), ("score", "02.revive")]


def test_light_statements_leave_out_what_costs_time():
    source = (
        "import torch\n%matplotlib inline\nD, K = 8, 2 ** 7\nmodel = train()\nfor _ in range(9):\n    train()\ntrain()"
    )
    assert light_statements(source) == ["import torch", "D, K = (8, 2 ** 7)"]
    assert light_statements("def broken(:") == []
    assert free_names("def f(x):\n    y = x + K\n    return y") == {"K"}


def test_the_lesson_is_known_by_its_cells_or_by_its_name():
    assert lesson_of(handed_out("05"), "my work.ipynb") == "05"
    assert lesson_of({"cells": []}, "07_attention.ipynb") == "07"
    assert lesson_of({"cells": [{"id": "a1b2"}]}, "notes.ipynb") is None


def test_submissions_are_found_in_every_shape(tmp_path):
    empty = json.dumps({"cells": []})
    for name in ("anna/02_codebook.ipynb", "anna/.ipynb_checkpoints/02_codebook.ipynb", "02_bert.ipynb"):
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_text(empty, encoding="utf-8")
    (tmp_path / "folder" / "broken.ipynb").write_text("{", encoding="utf-8")
    found = {s.name: s for s in read_submissions(tmp_path / "folder")}
    assert set(found) == {"anna", "02_bert", "broken"} and list(found["anna"].notebooks) == ["02_codebook.ipynb"]
    assert "is no notebook" in found["broken"].unreadable["broken.ipynb"]
    with zipfile.ZipFile(tmp_path / "moodle.zip", "w") as archive:
        archive.writestr("Ann O_Neil_12_assignsubmission_file_02_codebook.ipynb", empty)  # older versions of Moodle
        archive.writestr("../../evil/02_codebook.ipynb", empty)
    [ann] = read_submissions(tmp_path / "moodle.zip")
    assert (ann.name, ann.identifier, ann.folder) == (
        "Ann O_Neil",
        "Participant 12",
        "Ann O_Neil_12_assignsubmission_file_",
    )
    with zipfile.ZipFile(tmp_path / "own.zip", "w") as archive:
        archive.writestr("class of May/anna/a.ipynb", empty)
        archive.writestr("class of May/bert/b.ipynb", empty)
    assert [s.name for s in read_submissions(tmp_path / "own.zip")] == ["anna", "bert"]
    with pytest.raises(FileNotFoundError, match="There is no"):
        read_submissions(tmp_path / "nowhere")
    (tmp_path / "bare").mkdir()
    with pytest.raises(ValueError, match="no notebook"):
        read_submissions(tmp_path / "bare")
