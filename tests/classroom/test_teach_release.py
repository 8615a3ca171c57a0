"""Lessons as an nbgrader course: what students get, what is skipped, and that hidden checks cannot be overwritten."""

import contextlib
import io
import json
import sys
from fnmatch import fnmatch
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from traitlets.config import Config

from dalle_lessons.classroom.student_copy import for_student
from dalle_lessons.classroom.teach.assignment import lesson_path, source_of, split_lessons
from dalle_lessons.classroom.teach.guard import fresh_exercises
from dalle_lessons.classroom.teach.release import BEGIN, CONFIG, SKIP, for_nbgrader, release, with_tasks
from dalle_lessons.cli import main

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def untouched():
    """The hidden lines import the exercises anew: afterwards the others are back."""
    with fresh_exercises("02", 25):
        yield


def original(lesson: str) -> dict:
    return json.loads(lesson_path(lesson).read_text(encoding="utf-8"))


def grade_like_nbgrader(notebook: dict, answers: dict[str, str]) -> tuple[list[float], str]:
    """The last value of each check's cell, after all cells that are not skipped; and what was printed.

    nbgrader puts its own checks, hidden lines among them, into what students hand in. Cells that fail do not end it.
    """
    import ast

    names, points, said = {"__name__": "__main__"}, [], io.StringIO()
    for cell in notebook["cells"]:
        marks = cell["metadata"].get("nbgrader", {})
        if cell["cell_type"] != "code" or SKIP in cell["metadata"].get("tags", []):
            continue
        tree = ast.parse(answers.get(marks.get("grade_id"), source_of(cell)))
        last = tree.body.pop() if marks.get("grade") else None
        with contextlib.redirect_stdout(said), contextlib.suppress(Exception):
            exec(compile(tree, "cell", "exec"), names)
            if last is not None:
                points.append(eval(compile(ast.Expression(last.value), "cell", "eval"), names))
    return points, said.getvalue()


@pytest.mark.parametrize("lesson", split_lessons(None))
def test_students_get_neither_solutions_nor_hidden_lines(lesson):
    source = for_nbgrader(original(lesson))
    assert any(BEGIN in source_of(cell) for cell in source["cells"])
    handed, usual = for_student(source), for_student(original(lesson))
    assert [source_of(cell) for cell in handed["cells"]] == [source_of(cell) for cell in usual["cells"]]
    assert "make_worked" not in json.dumps(handed["cells"])


def test_heavy_cells_are_skipped_and_those_that_answers_need_are_not():
    cells = {cell["id"]: cell for cell in for_nbgrader(original("02"))["cells"]}
    skipped = {name for name, cell in cells.items() if SKIP in cell["metadata"].get("tags", [])}
    assert {"02-22", "02-26", "02-25", "02-38"} <= skipped  # trainings, figures, a stepper
    assert not {"02-42", "02-10", "02-11", "02-29", "02-30"} & skipped  # imports, answers, checks


@pytest.mark.slow
@pytest.mark.parametrize("lesson", ["02", "05"])
def test_right_answers_get_all_points(lesson, monkeypatch):
    monkeypatch.setenv("DALLE_LESSONS_RECORD", "")
    points, _ = grade_like_nbgrader(for_nbgrader(original(lesson)), {})
    assert points == [1, 1, 1, 1]


@pytest.mark.slow
def test_who_overwrites_the_check_gains_nothing_and_the_reason_is_said(monkeypatch):
    monkeypatch.setenv("DALLE_LESSONS_RECORD", "")
    from dalle_lessons.classroom import exercises

    monkeypatch.setattr(exercises, "call", exercises.call)  # put back afterwards
    cheat = """
from dalle_lessons.classroom import exercises
check = score = make_worked = exercises.call = lambda *arguments, **options: 1.0
def merge(word, pair, new):
    return word"""
    points, said = grade_like_nbgrader(for_nbgrader(original("05")), {"05-merge": cheat, "05-decode": "decode = 3"})
    assert points == [1, 0, 1, 0]  # `encode` was given a working merge
    assert said.count("Not yet: ") == 2 and "should be a function" in said


def test_each_row_of_the_capstone_s_table_has_a_cell_for_its_points():
    before = original("18")
    cells = with_tasks(before)["cells"]
    assert before == original("18") and cells[: len(before["cells"])] == before["cells"]
    marks = [cell["metadata"]["nbgrader"] for cell in cells if "nbgrader" in cell["metadata"]]
    tasks = [mark for mark in marks if mark.get("task")]
    assert len(tasks) == 9 and sum(mark["points"] for mark in tasks) == 86
    assert sum(mark.get("points", 0) for mark in marks) == 100
    assert len({mark["grade_id"] for mark in marks}) == len(marks) and len({cell["id"] for cell in cells}) == len(cells)
    assert all(cell["cell_type"] == "markdown" and source_of(cell) for cell in cells[-9:])


def test_a_copied_cell_keeps_no_empty_mark(monkeypatch):
    """With a stand-in that does what nbgrader 0.9.6 does to the second of two equal marks."""

    class DeduplicateIds:
        def preprocess_cell(self, cell, resources, place):
            cell.metadata["nbgrader"] = {} if place else cell.metadata["nbgrader"]
            return cell, resources

    module = SimpleNamespace(DeduplicateIds=DeduplicateIds)
    monkeypatch.setitem(sys.modules, "nbgrader", SimpleNamespace(preprocessors=module))
    monkeypatch.setitem(sys.modules, "nbgrader.preprocessors", module)
    exec(CONFIG, {"get_config": lambda: Config()})
    cells = [SimpleNamespace(metadata={"nbgrader": {"grade_id": "02-revive"}, "tags": []}) for _ in range(2)]
    for place, cell in enumerate(cells):
        assert DeduplicateIds().preprocess_cell(cell, "resources", place) == (cell, "resources")
    assert [cell.metadata for cell in cells] == [{"nbgrader": {"grade_id": "02-revive"}, "tags": []}, {"tags": []}]


def test_files_that_students_write_are_not_replaced_by_the_frames(tmp_path):
    """nbgrader copies the source's files over those that were handed in, unless it is told not to."""
    release(tmp_path, ["18"], say=lambda line: None)
    config = Config()
    exec((tmp_path / "nbgrader_config.py").read_text(encoding="utf-8"), {"get_config": lambda: config})
    kept = config.Autograde.exclude_overwriting
    for assignment in (tmp_path / "source").iterdir():
        given = {path.name for path in assignment.iterdir() if path.suffix != ".ipynb"}
        hidden = {name for name in given if any(fnmatch(name, p) for p in config.CourseDirectory.ignore)}
        assert given - hidden == set(kept[assignment.name]) == {"my_dalle.py"} and hidden


def test_the_command_writes_a_course_and_overwrites_nothing(tmp_path):
    result = CliRunner().invoke(main, ["teach", "release", str(tmp_path / "course"), "--lessons", "02, 7"])
    assert result.exit_code == 0, result.output
    written = {path.relative_to(tmp_path / "course").as_posix() for path in (tmp_path / "course").rglob("*.*")}
    assert written == {
        "nbgrader_config.py",
        "source/02_codebook/02_codebook.ipynb",
        "source/07_attention/07_attention.ipynb",
    }
    config = (tmp_path / "course" / "nbgrader_config.py").read_text(encoding="utf-8")
    assert config == (ROOT / "teach" / "nbgrader_config.py").read_text(encoding="utf-8"), "what teach/README.md names"
    (tmp_path / "course" / "nbgrader_config.py").write_text("# mine")
    with pytest.raises(FileExistsError, match="is there already"):
        release(tmp_path / "course", ["05", "02"])
    assert not (tmp_path / "course" / "source" / "05_text_tokens").exists()
    release(tmp_path / "course", ["05"], say=lambda line: None)
    assert (tmp_path / "course" / "nbgrader_config.py").read_text() == "# mine"
    for wrong in ("77", "../x", ""):
        result = CliRunner().invoke(main, ["teach", "release", str(tmp_path / "other"), "--lessons", wrong])
        assert result.exit_code == 1 and not (tmp_path / "other").exists()
        assert "There is no lesson" in result.output or "Name at least one" in result.output
    result = CliRunner().invoke(main, ["teach", "grade", str(tmp_path / "none"), "--csv", str(tmp_path / "g.csv")])
    assert result.exit_code == 1 and "There is no" in result.output
