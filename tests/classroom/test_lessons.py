"""The student's copy, and running and tidying a lesson."""

import copy
import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from dalle_lessons.classroom import lessons

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
    monkeypatch.setattr(lessons, "notebooks_dir", lambda: source)
    return source


def test_student_gets_stubs_in_place_of_solutions():
    cells = lessons.for_student(lesson())["cells"]
    sources = ["".join(cell["source"]) for cell in cells]
    assert "argmin" not in sources[2] and "### " not in sources[2]
    assert sources[2].splitlines()[1:3] == [
        "    # your code here",
        '    raise NotImplementedError("Write your code in this cell, then run it again.")',
    ]
    assert sources[2].endswith("    return best")
    compile(sources[2], "cell", "exec")
    assert sources[4] == lessons.TEXT_STUB
    assert "a = 4" not in sources[5] and "# your code here" in sources[5]
    assert sources[6] == "check(a)"


def test_student_keeps_pictures_but_not_the_outputs_of_exercises():
    cells = lessons.for_student(lesson())["cells"]
    assert cells[1]["outputs"][0]["data"]["image/png"] == "aGk="
    assert cells[2]["outputs"] == []
    assert cells[3]["outputs"][0]["execution_count"] is None
    assert all(cell["execution_count"] is None for cell in cells if cell["cell_type"] == "code")


def test_making_a_copy_leaves_the_lesson_alone():
    original = lesson()
    before = copy.deepcopy(original)
    lessons.for_student(original)
    assert original == before


@pytest.mark.parametrize(
    "source", ["### BEGIN SOLUTION\nx", "x\n### END SOLUTION", "### BEGIN SOLUTION\n### END HIDDEN TESTS"]
)
def test_unbalanced_solution_is_named(source):
    notebook = lesson()
    notebook["cells"][2]["source"] = source
    with pytest.raises(ValueError, match="02_codebook.ipynb, cell 2: “###"):
        lessons.for_student(notebook, "02_codebook.ipynb")


def test_student_copies_everything_but_hidden_files_and_worked_solutions(course, tmp_path, capsys):
    folder = tmp_path / "deep" / "my-lessons"
    written, kept = lessons.student(folder)
    assert [path.relative_to(folder).as_posix() for path in written] == ["00_first.ipynb", "figures/map.png"]
    assert kept == []
    assert f"Copied to {folder}: 1 lesson(s) and 1 other file(s)." in capsys.readouterr().out


def test_students_work_is_never_overwritten(course, tmp_path, capsys):
    folder = tmp_path / "my-lessons"
    lessons.student(folder)
    (folder / "00_first.ipynb").write_text("my work")
    (folder / "figures" / "map.png").unlink()
    written, kept = lessons.student(str(folder))
    assert (folder / "00_first.ipynb").read_text() == "my work"
    assert [path.name for path in written] == ["map.png"] and [path.name for path in kept] == ["00_first.ipynb"]
    assert "as you left them: 1 lesson(s) (rename" in capsys.readouterr().out


def test_folder_must_be_a_students_own(course, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError, match="is a file"):
        lessons.student(tmp_path / "file")
    for folder in (course, course / "mine"):
        with pytest.raises(ValueError, match="name another folder"):
            lessons.student(folder)


def test_running_a_lesson_fills_it_in_and_running_it_again_changes_nothing(tmp_path, capsys):
    path = tmp_path / "small.ipynb"
    cells = [
        new_markdown_cell("# Small"),
        new_code_cell("import os\nfor i in range(3):\n    print(i, flush=True)", metadata={"scrolled": True}),
        new_code_cell("import ipywidgets\nipywidgets.IntSlider()", metadata={"tags": ["mine"]}),
    ]
    path.write_text(nbformat.writes(new_notebook(cells=cells)), encoding="utf-8")
    assert lessons.execute_and_normalize([path]) == [path]
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert [cell["execution_count"] for cell in notebook["cells"][1:]] == [1, 2]
    assert len(notebook["cells"][1]["outputs"]) == 1  # the three lines are one stream
    assert set(notebook["cells"][2]["outputs"][0]["data"]) == {"text/plain"}
    assert notebook["cells"][1]["metadata"] == {} and notebook["cells"][2]["metadata"] == {"tags": ["mine"]}
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    assert path.read_text(encoding="utf-8") == lessons.to_text(notebook)
    assert lessons.execute_and_normalize([path]) == []
    assert "unchanged" in capsys.readouterr().out


def test_a_lesson_that_fails_is_left_as_it_was(tmp_path):
    path = tmp_path / "broken.ipynb"
    path.write_text(nbformat.writes(new_notebook(cells=[new_code_cell("1 / 0")])), encoding="utf-8")
    before = path.read_text(encoding="utf-8")
    with pytest.raises(Exception, match="ZeroDivisionError"):
        lessons.execute_and_normalize([path])
    assert path.read_text(encoding="utf-8") == before
