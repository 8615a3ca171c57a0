"""Gates on the lessons as files. Whether they run and give the same outputs again is for nbval, in the same `pytest`.

nbval compares a cell that was never run with nothing, so a stripped notebook would be green there; here it is not.
"""

import copy
import json
import re
from pathlib import Path

import nbformat
import pytest

from conftest import minutes
from dalle_lessons.classroom import lessons, student_copy

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# All that are planned, as the README lists them: lessons link ahead.
MAP = re.findall(r"^\| (\d\d) (\w+) \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.M)
LESSONS = [f"{number}_{name}" for number, name in MAP]

MOST_LINES = 14  # of a code cell
MOST_BYTES = 1_500_000
MOST_IGNORED = 2  # cells whose output nbval does not compare: live training
CELL_ID = re.compile(r"\d\d-\d\d")  # lesson and number: ids that Jupyter makes up differ at each rewrite


def problems(notebook: dict) -> list[str]:
    """What is wrong with a lesson as a file, one sentence each."""
    found = []
    code = [(n, cell) for n, cell in enumerate(notebook["cells"]) if cell["cell_type"] == "code"]
    if not code:
        found.append("has no code cell")
    for count, (n, cell) in enumerate(code, start=1):
        source = "".join(cell["source"])
        lines = source.count("\n") + 1
        if not source.strip():
            found.append(f"cell {n} is empty")
        if cell["execution_count"] != count:
            found.append(f"cell {n} should have run as number {count}, but has {cell['execution_count']}")
        if any(output["output_type"] == "error" for output in cell["outputs"]):
            found.append(f"cell {n} ended in an error")
        if lines > MOST_LINES:
            found.append(f"cell {n} has {lines} lines; {MOST_LINES} are the most")
        if has_mark(cell, "skip") or has_mark(cell, "raises-exception"):
            found.append(f"cell {n} asks nbval not to run it, or to expect an error")
        found += [f"cell {n} shows a picture without a text" for output in cell["outputs"] if speechless(output)]
    for n, cell in enumerate(notebook["cells"]):
        if not CELL_ID.fullmatch(cell.get("id", "")):
            found.append(f"cell {n} has the id {cell.get('id')!r}, which is not like 02-07")
    prose = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown"]
    if sum(len(re.findall(r"^# ", text, re.M)) for text in prose) != 1:
        found.append("should have one top heading")
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", "\n".join(prose)):
        if link.removesuffix(".ipynb") not in LESSONS:
            found.append(f"links to {link}, which is no lesson")
    if not prose or minutes(prose[0]) is None:
        found.append("should say in its first cell: **Time:** N minutes of work, M minutes of computing.")
    ignored = sum(has_mark(cell, "ignore-output") for _, cell in code)
    if ignored > MOST_IGNORED:
        found.append(f"{ignored} cells ignore their output; {MOST_IGNORED} are the most")
    if lessons.normalize(copy.deepcopy(notebook)) != notebook:
        found.append("is not normalized")
    size = len(lessons.to_text(notebook).encode())
    if size > MOST_BYTES:
        found.append(f"is {size / 1e6:.1f} MB big; {MOST_BYTES / 1e6} MB are the most")
    return [f"{sentence} (run: make notebooks)" if "normal" in sentence else sentence for sentence in found]


def speechless(output: dict) -> bool:
    """Is this a picture without alternative text?"""
    data = output.get("data", {})
    text = "".join(data.get("text/plain", ""))
    return "image/png" in data and (not text.strip() or bool(re.match(r"<(Figure|PIL|IPython)", text)))


def has_mark(cell: dict, mark: str) -> bool:
    """Does the cell carry this mark of nbval, as a comment or as a tag?"""
    if "# NBVAL_" + mark.replace("-", "_").upper() in "".join(cell["source"]):
        return True
    tags = cell["metadata"].get("tags", [])
    return f"nbval-{mark}" in tags or (mark == "raises-exception" and mark in tags)


def test_there_are_lessons():
    assert NOTEBOOKS, "notebooks/ holds no lesson"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_lesson_as_a_file(path):
    text = path.read_text(encoding="utf-8")
    notebook = json.loads(text)
    nbformat.validate(nbformat.from_dict(notebook))
    assert problems(notebook) == []
    assert text == lessons.to_text(notebook), "not written as Jupyter writes it (run: make notebooks)"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_solution_is_left_in_the_students_copy(path):
    notebook = student_copy.for_student(json.loads(path.read_text(encoding="utf-8")), path.name)
    nbformat.validate(nbformat.from_dict(notebook))
    assert "### BEGIN" not in json.dumps(notebook)
    assert all(cell["execution_count"] is None for cell in notebook["cells"] if cell["cell_type"] == "code")


# ---- the checker itself, on a small notebook that is in order, and with one thing broken at a time ----


def small() -> dict:
    cells = [
        nbformat.v4.new_markdown_cell(
            "# A lesson\n**Time:** 5 minutes of work, 0.5 minutes of computing.\n[back](02_codebook.ipynb)"
        ),
        nbformat.v4.new_code_cell(
            "1 + 1", execution_count=1, outputs=[nbformat.v4.new_output("execute_result", {"text/plain": "2"})]
        ),
        nbformat.v4.new_code_cell("x = 3", execution_count=2),
    ]
    cells[1]["outputs"][0]["execution_count"] = 1
    for n, cell in enumerate(cells):
        cell["id"] = f"99-{n:02d}"
    return lessons.normalize(json.loads(nbformat.writes(nbformat.v4.new_notebook(cells=cells))))


def test_a_lesson_in_order_passes():
    assert problems(small()) == []


def spoil(change) -> list[str]:
    notebook = small()
    change(notebook, *notebook["cells"][1:])
    return problems(notebook)


SPOILT = {
    "never run": (lambda nb, a, b: b.update(execution_count=None), "cell 2 should have run as number 2, but has None"),
    "run twice": (lambda nb, a, b: a.update(execution_count=3), "cell 1 should have run as number 1, but has 3"),
    "error": (
        lambda nb, a, b: b["outputs"].append({"output_type": "error", "ename": "E", "evalue": "", "traceback": []}),
        "cell 2 ended in an error",
    ),
    "long": (lambda nb, a, b: b.update(source=["x\n"] * 14 + ["x"]), "cell 2 has 15 lines; 14 are the most"),
    "empty": (lambda nb, a, b: b.update(source=[]), "cell 2 is empty"),
    "skipped": (
        lambda nb, a, b: b["metadata"].update(tags=["nbval-skip"]),
        "cell 2 asks nbval not to run it, or to expect an error",
    ),
    "metadata": (lambda nb, a, b: b["metadata"].update(scrolled=True), "is not normalized (run: make notebooks)"),
    "widget": (
        lambda nb, a, b: a["outputs"][0]["data"].update({lessons.WIDGET_VIEW: {}}),
        "is not normalized (run: make notebooks)",
    ),
    "ignored": (
        lambda nb, a, b: nb["cells"].extend(
            {**b, "id": f"99-0{n}", "execution_count": n, "source": ["# NBVAL_IGNORE_OUTPUT"]} for n in (3, 4, 5)
        ),
        "3 cells ignore their output; 2 are the most",
    ),
    "speechless": (
        lambda nb, a, b: a["outputs"][0]["data"].update({"image/png": "", "text/plain": "<Figure size 640x480>"}),
        "cell 1 shows a picture without a text",
    ),
    "two titles": (lambda nb, a, b: nb["cells"][0]["source"].append("\n# Again"), "should have one top heading"),
    "link": (
        lambda nb, a, b: nb["cells"][0]["source"].append("[x](02_codebok.ipynb)"),
        "links to 02_codebok.ipynb, which is no lesson",
    ),
    "no time": (
        lambda nb, a, b: nb["cells"][0].update(source=["# A lesson"]),
        "should say in its first cell: **Time:** N minutes of work, M minutes of computing.",
    ),
    "id": (lambda nb, a, b: b.update(id="3f2a"), "cell 2 has the id '3f2a', which is not like 02-07"),
    "big": (lambda nb, a, b: nb["cells"][0]["source"].append("x" * 1_600_000), "is 1.6 MB big; 1.5 MB are the most"),
    "no code": (lambda nb, a, b: nb.update(cells=nb["cells"][:1]), "has no code cell"),
}


@pytest.mark.parametrize("what", SPOILT)
def test_a_lesson_with_one_thing_broken_is_refused(what):
    change, sentence = SPOILT[what]
    assert spoil(change) == [sentence]


# ---- no network ----


def test_a_kernel_that_reaches_for_the_network_is_refused(tmp_path):
    """Lessons run in kernels of their own; conftest.py blocks their sockets too, but for the kernel's own."""
    from nbclient import NotebookClient

    source = "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=1)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    NotebookClient(
        notebook, kernel_name="python3", allow_errors=True, resources={"metadata": {"path": tmp_path}}
    ).execute()
    (output,) = notebook.cells[0].outputs
    assert output.output_type == "error" and "reached for the network" in output.evalue


def test_the_minutes_are_read():
    assert minutes("**Time:** 50 minutes of work, 1.5 minutes of computing.") == (50.0, 1.5)
    assert minutes("**Time:** long") is None
