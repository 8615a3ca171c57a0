"""Running and tidying a lesson."""

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from dalle_lessons.classroom import lessons


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
