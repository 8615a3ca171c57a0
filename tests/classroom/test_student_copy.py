"""The student's copy of the lessons: without answers, and with new text when there is some."""

import copy
import errno
import json
import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from dalle_lessons.classroom import student_copy

ROOT = Path(__file__).resolve().parents[2]
ANSWER = """\
def nearest(x):
    ### BEGIN SOLUTION
    best = x.argmin()
    ### END SOLUTION
    return best"""


def lesson() -> dict:
    picture = new_output("display_data", {"image/png": "aGk=", "text/plain": "<Figure>"})
    cells = [
        new_markdown_cell("# A lesson"),
        new_code_cell("show()", execution_count=1, outputs=[picture]),
        new_code_cell(ANSWER, execution_count=2, outputs=[new_output("stream", text="the answer is 4\n")]),
        new_code_cell("1", execution_count=3, outputs=[new_output("execute_result", {"text/plain": "1"})]),
        new_markdown_cell("Because …", metadata={"nbgrader": {"solution": True, "grade": True}}),
        new_code_cell("a = 4", execution_count=4, metadata={"nbgrader": {"solution": True}}),
        new_code_cell("check(a)\n### BEGIN HIDDEN TESTS\nassert a == 4\n### END HIDDEN TESTS", execution_count=5),
    ]
    cells[3]["outputs"][0]["execution_count"] = 3
    return json.loads(nbformat.writes(new_notebook(cells=cells)))


@pytest.fixture
def course(tmp_path, monkeypatch):
    source = tmp_path / "course"
    (source / "figures").mkdir(parents=True)
    (source / "00_first.ipynb").write_text(json.dumps(lesson()), encoding="utf-8")
    (source / "figures" / "map.png").write_bytes(b"png")
    (source / ".ipynb_checkpoints").mkdir()
    (source / ".ipynb_checkpoints" / "old.ipynb").write_text("{}")
    (source / "first_solution.py").write_text("answer = 4")
    monkeypatch.setattr(student_copy, "notebooks_dir", lambda: source)
    return source


def test_student_gets_stubs_in_place_of_solutions():
    cells = student_copy.for_student(lesson())["cells"]
    sources = ["".join(cell["source"]) for cell in cells]
    assert "argmin" not in sources[2] and "### " not in sources[2]
    assert sources[2].splitlines()[1:3] == [
        "    # your code here",
        '    raise NotImplementedError("Write your code in this cell, then run it again.")',
    ]
    assert sources[2].endswith("    return best")
    compile(sources[2], "cell", "exec")
    assert sources[4] == student_copy.TEXT_STUB
    assert "a = 4" not in sources[5] and "# your code here" in sources[5]
    assert sources[6] == "check(a)"


def test_student_gets_no_output_unless_folded_and_never_that_of_an_exercise():
    cells = student_copy.for_student(lesson())["cells"]
    assert all(cell["outputs"] == [] for cell in cells if cell["cell_type"] == "code")
    folded = student_copy.for_student(lesson(), outputs="folded")["cells"]
    assert folded[1]["outputs"][0]["data"]["image/png"] == "aGk="
    assert folded[1]["metadata"]["jupyter"] == {"outputs_hidden": True}
    assert folded[2]["outputs"] == []
    assert folded[3]["outputs"][0]["execution_count"] is None
    assert all(cell["execution_count"] is None for cell in cells + folded if cell["cell_type"] == "code")


def test_run_all_goes_on_behind_an_open_exercise_and_its_check():
    notebook = lesson()
    notebook["cells"][6]["source"] = 'check("02.nearest", nearest)'
    cells = student_copy.for_student(notebook)["cells"]
    assert [n for n, cell in enumerate(cells) if "raises-exception" in cell["metadata"].get("tags", [])] == [2, 5, 6]


def test_a_value_that_is_asked_for_waits_as_three_dots():
    notebook = lesson()
    notebook["cells"][5]["source"] = "### BEGIN SOLUTION\nletters = 'bca'\ncount = 3\n### END SOLUTION"
    source = "".join(student_copy.for_student(notebook)["cells"][5]["source"])
    assert source == "# your code here\nletters = ...\ncount = ..."


def test_what_waits_above_for_a_value_is_not_overwritten_below():
    notebook = lesson()
    notebook["cells"][5]["source"] = "a = {'x': ...}\n### BEGIN SOLUTION\na = {'x': 3}\nb = 4\n### END SOLUTION"
    source = "".join(student_copy.for_student(notebook)["cells"][5]["source"])
    assert source == "a = {'x': ...}\n# your code here\nb = ..."
    notebook["cells"][5]["source"] = "a = 1\n### BEGIN SOLUTION\na = 3\n### END SOLUTION"
    assert "".join(student_copy.for_student(notebook)["cells"][5]["source"]).endswith("\na = ...")


@pytest.mark.parametrize("path", sorted(ROOT.glob("notebooks/[0-9][0-9]_*.ipynb")), ids=lambda path: path.stem)
def test_no_lesson_gives_a_name_two_values_where_it_waits_for_one(path):
    for cell in student_copy.for_student(json.loads(path.read_text(encoding="utf-8")))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code" and "# your code here" in source:
            names = re.findall(r"^(\w+) = ", source, re.M)
            assert len(names) == len(set(names)), (cell["id"], source)


def test_making_a_copy_leaves_the_lesson_alone():
    original = lesson()
    before = copy.deepcopy(original)
    student_copy.for_student(original)
    assert original == before


@pytest.mark.parametrize(
    "source", ["### BEGIN SOLUTION\nx", "x\n### END SOLUTION", "### BEGIN SOLUTION\n### END HIDDEN TESTS"]
)
def test_unbalanced_solution_is_named(source):
    notebook = lesson()
    notebook["cells"][2]["source"] = source
    with pytest.raises(ValueError, match="02_codebook.ipynb, cell 2: “###"):
        student_copy.for_student(notebook, "02_codebook.ipynb")


def test_student_copies_everything_but_hidden_files_and_worked_solutions(course, tmp_path, capsys):
    folder = tmp_path / "deep" / "my-lessons"
    done = student_copy.student(folder)
    assert [path.relative_to(folder).as_posix() for path in done.written] == ["00_first.ipynb", "figures/map.png"]
    assert done.kept == done.updated == done.unreadable == []
    assert f"Copied to {folder}: 1 lesson(s) and 1 other file(s)." in capsys.readouterr().out


def test_students_work_is_never_overwritten(course, tmp_path, capsys):
    folder = tmp_path / "my-lessons"
    student_copy.student(folder)
    (folder / "00_first.ipynb").write_text("my work")
    (folder / "figures" / "map.png").unlink()
    done = student_copy.student(str(folder))
    assert (folder / "00_first.ipynb").read_text() == "my work"
    assert [path.name for path in done.written] == ["map.png"]
    assert [path.name for path in done.kept] == ["00_first.ipynb"]
    assert "as you left them: 1 lesson(s) (--update" in capsys.readouterr().out
    assert [path.name for path in student_copy.student(folder, update=True).unreadable] == ["00_first.ipynb"]
    assert (folder / "00_first.ipynb").read_text() == "my work"
    assert "no notebook that can be read" in capsys.readouterr().out


def test_a_lesson_that_is_newer_than_its_copy_is_named(course, tmp_path, capsys):
    (course / "01_second.ipynb").write_text(json.dumps(lesson()), encoding="utf-8")
    folder = tmp_path / "my-lessons"
    student_copy.student(folder)
    change(folder / "01_second.ipynb", c1="my work")
    assert student_copy.student(folder).newer == [] and "The course is newer" not in capsys.readouterr().out
    change(course / "00_first.ipynb", c1="show_better()")
    assert [path.name for path in student_copy.student(folder).newer] == ["00_first.ipynb"]
    assert "The course is newer than your copy of 00_first.ipynb: add --update." in capsys.readouterr().out
    student_copy.student(folder, update=True)
    assert student_copy.student(folder).newer == [] and sources_of(folder / "00_first.ipynb")[1] == "show_better()"


def test_a_name_that_the_course_no_longer_has_says_what_to_do():
    """In a kernel, as in a notebook: all ways to ask for a name; nothing is said of what is not the course's."""
    asked = [
        "from dalle_lessons import renamed",
        "from dalle_lessons.classroom.steppers import Renamed",
        "import dalle_lessons.renamed",
        "from json import renamed",
        "exec('from dalle_lessons import renamed', {'__name__': 'dalle_lessons.classroom.bank'})",
    ]
    notebook = new_notebook(cells=[new_code_cell(line) for line in asked])
    NotebookClient(notebook, timeout=120, allow_errors=True).execute()
    said = [str(cell.outputs) for cell in notebook.cells]
    assert all("renamed" in text.lower() and "ImportError" in text or "ModuleNotFoundError" in text for text in said)
    assert ["dalle-lessons student FOLDER --update" in text for text in said] == [True, True, True, False, False]


def change(path, **sources):
    """Give cells of a notebook another source: c1="…" for cell number 1."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for name, source in sources.items():
        notebook["cells"][int(name[1:])]["source"] = source
    path.write_text(json.dumps(notebook), encoding="utf-8")


def sources_of(path) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]


def test_update_brings_new_text_and_loses_nothing(course, tmp_path, capsys):
    folder = tmp_path / "my-lessons"
    student_copy.student(folder)
    mine, original = folder / "00_first.ipynb", course / "00_first.ipynb"
    # The student: answers the exercise, changes cell 3, and adds two cells, one of them behind the first.
    notebook = json.loads(mine.read_text(encoding="utf-8"))
    notebook["cells"][2]["source"] = "def nearest(x):\n    return x.min()"
    notebook["cells"][2]["outputs"] = [new_output("stream", text="mine")]
    notebook["cells"][3]["source"] = "1 + 1"
    notebook["cells"].insert(1, new_markdown_cell("my note"))
    notebook["cells"].append(new_code_cell("my_experiment()"))
    mine.write_text(nbformat.writes(nbformat.from_dict(notebook)), encoding="utf-8")
    # The course: a new title, a new cell 3, a new cell 1; the exercise is as it was.
    change(original, c0="# A better title", c1="show_better()", c3="2")
    done = student_copy.student(folder, update=True)
    assert [path.name for path in done.updated] == ["00_first.ipynb"] and "Updated" in capsys.readouterr().out
    sources = sources_of(mine)
    assert sources[:3] == ["# A better title", "my note", "show_better()"]
    assert sources[3:6] == ["def nearest(x):\n    return x.min()", "1 + 1", "2"]
    assert sources[6] == student_copy.TEXT_STUB and sources[9] == "my_experiment()" and len(sources) == 10
    cells = json.loads(mine.read_text(encoding="utf-8"))["cells"]
    assert "".join(cells[3]["outputs"][0]["text"]) == "mine"
    assert cells[5]["metadata"]["tags"] == [student_copy.NEW_VERSION]
    nbformat.validate(nbformat.from_dict(json.loads(mine.read_text(encoding="utf-8"))))
    # Again: nothing is new, and nothing changes.
    before = mine.read_bytes()
    assert mine in student_copy.student(folder, update=True).kept
    assert mine.read_bytes() == before
    # A still newer version takes the place of the one before, unless the student has changed that one.
    change(original, c3="3")
    student_copy.student(folder, update=True)
    assert sources_of(mine)[4:6] == ["1 + 1", "3"]
    change(mine, c5="3 + mine")
    change(original, c3="4")
    student_copy.student(folder, update=True)
    assert sources_of(mine)[4:7] == ["1 + 1", "4", "3 + mine"]


def test_update_drops_what_the_course_dropped_unless_the_student_changed_it(course, tmp_path):
    folder = tmp_path / "my-lessons"
    student_copy.student(folder)
    mine, original = folder / "00_first.ipynb", course / "00_first.ipynb"
    change(mine, c3="changed by me")
    notebook = json.loads(original.read_text(encoding="utf-8"))
    del notebook["cells"][1], notebook["cells"][2]  # the cells with show() and 1
    original.write_text(json.dumps(notebook), encoding="utf-8")
    student_copy.student(folder, update=True)
    assert "changed by me" in sources_of(mine) and "show()" not in sources_of(mine)


def test_without_a_record_of_the_copy_no_cell_is_replaced(course, tmp_path):
    folder = tmp_path / "my-lessons"
    student_copy.student(folder)
    (folder / student_copy.MANIFEST).unlink()
    change(course / "00_first.ipynb", c0="# New")
    student_copy.student(folder, update=True)
    assert sources_of(folder / "00_first.ipynb")[:2] == ["# A lesson", "# New"]


def test_a_full_disk_leaves_whole_lessons_that_are_known_to_be_untouched(course, tmp_path, monkeypatch):
    (course / "01_second.ipynb").write_text(json.dumps(lesson()), encoding="utf-8")
    folder, real = tmp_path / "my-lessons", os.replace

    def full(source, target):
        if str(target).endswith(("01_second.ipynb", "map.png")):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(OSError, match="no space left on the disk"):
            student_copy.student(folder)
    assert {path.name for path in folder.rglob("*.*")} == {"00_first.ipynb", student_copy.MANIFEST}
    assert len(sources_of(folder / "00_first.ipynb")) == 7
    student_copy.student(folder)
    for name in ("00_first.ipynb", "01_second.ipynb"):
        change(course / name, c0="# New")
    student_copy.student(folder, update=True)
    for name in ("00_first.ipynb", "01_second.ipynb"):  # nothing counts as changed by the student
        assert sources_of(folder / name)[0] == "# New" and len(sources_of(folder / name)) == 7


def test_folder_must_be_a_students_own(course, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError, match="is a file"):
        student_copy.student(tmp_path / "file")
    for folder in (course, course / "mine"):
        with pytest.raises(ValueError, match="name another folder"):
            student_copy.student(folder)
