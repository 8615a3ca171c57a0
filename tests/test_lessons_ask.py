"""Lessons that ask before they tell: a guess stands before its answer, no cell gives an outcome away, nobody is stuck.

Held to this is every lesson that opens with the map of the course.
"""

import ast
import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from dalle_lessons.classroom import lesson_figures
from dalle_lessons.classroom.bank import lesson_texts
from dalle_lessons.classroom.exercises.worked import checks_in
from dalle_lessons.classroom.recall import recall_questions
from dalle_lessons.classroom.student_copy import GOES_ON, for_student

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
MOST_LINES, MOST_COLUMNS, MOST_CELLS, FEWEST_QUESTIONS = 12, 88, 20, 10
# The long training of a lesson, cut short in the empty copy (nbval runs it whole). Cells that measure how far it came
# may then refuse it, with the sentence that TOO_SHORT finds.
SHORTER = {"10": ("STEPS, pupil = 480", "STEPS, pupil = 40")}
TOO_SHORT = re.compile("restart the kernel|Restart and run all")
NOT_COUNTED = ("### BEGIN SOLUTION", "### END SOLUTION", "import ", "from ")  # among the lines of a cell


def code_cells(path: Path) -> list[dict]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def asks(path: Path) -> bool:
    return any("course_map(" in "".join(cell["source"]) for cell in code_cells(path))


ASKING = [path for path in sorted(NOTEBOOKS.glob("*.ipynb")) if asks(path)]
each_lesson = pytest.mark.parametrize("path", ASKING, ids=lambda path: path.stem)


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("[0-9]*.ipynb")), ids=lambda path: path.stem)
def test_no_text_behind_an_exercise_prints_a_line_that_solves_it(path):
    """Who scrolls to "What to remember" would have it."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    for place, cell in enumerate(cells):
        behind = ["".join(c["source"]).replace(" ", "") for c in cells[place:] if c["cell_type"] == "markdown"]
        for solution in re.findall("### BEGIN SOLUTION\n(.*?)### END SOLUTION", "".join(cell["source"]), re.S):
            for line in re.findall(r"^ *(?:return |\w+ = )?(.{12,}?)(?:  #.*)?$", solution, re.M):
                assert not [text for text in behind if line.replace(" ", "") in text], f"{cell['id']}: {line}"


def tree(source: str) -> ast.Module:
    """A cell as Python; lines that are commands of Jupyter or of a shell are left out."""
    return ast.parse("\n".join("pass" if line.startswith(("%", "!")) else line for line in source.splitlines()))


def calls(source: str, function: str) -> list[str]:
    """The ids with which a cell calls a function of the kit: guess("02.codes") -> "02.codes"."""
    return [
        str(node.args[0].value)
        for node in ast.walk(tree(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == function
        and node.args
        and isinstance(node.args[0], ast.Constant)
    ]


def tells(source: str) -> list[str]:
    """What in a cell's source says how its experiment comes out."""
    found = ["an alternative text"] if re.search(r"\balt\s*=", source) else []
    for node in ast.walk(tree(source)):
        if isinstance(node, ast.Assert) and node.msg is not None:
            found.append("an assertion's message")
        if isinstance(node, ast.Assert) and any(
            isinstance(op, (ast.Lt, ast.LtE, ast.Gt, ast.GtE))
            for part in ast.walk(node.test)
            if isinstance(part, ast.Compare)
            for op in part.ops
        ):
            found.append("an assertion of what is larger")
    return found


def uses(source: str) -> set[str]:
    """The names that a cell reads, but for those that it hands to `check` and `ready`."""
    kit = [
        node
        for node in ast.walk(tree(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("check", "ready")
    ]
    inside = {id(part) for node in kit for part in ast.walk(node)}
    return {
        node.id
        for node in ast.walk(tree(source))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in inside
    }


def asked(source: str) -> bool:
    """Is this a cell that only asks: an exercise, its check, a guess, a recall?"""
    return "### BEGIN SOLUTION" in source or source.startswith(("check(", "guess(", "recall("))


def problems(lesson: str, sources: list[str]) -> list[str]:
    """What is wrong with a lesson's code cells, one sentence each."""
    found, texts = [], lesson_texts(lesson)
    told = [source for source in sources if not asked(source)]
    if len(told) > MOST_CELLS:
        found.append(f"has {len(told)} code cells beside what it asks; {MOST_CELLS} are the most")
    guessed, answered, shown, exercises = set(), set(), set(), {}
    for n, source in enumerate(sources):
        lines = [line for line in source.splitlines() if not line.strip().startswith(NOT_COUNTED)]
        if len(lines) > MOST_LINES:
            found.append(f"code cell {n} has {len(lines)} lines; {MOST_LINES} are the most")
        found += [
            f"code cell {n} is {len(x)} columns wide: {x.strip()}" for x in source.splitlines() if len(x) > MOST_COLUMNS
        ]
        found += [f"code cell {n} gives the outcome away by {what}" for what in tells(source)]
        guessed |= set(calls(source, "guess"))
        found += [f"{name} is answered before it is asked" for name in calls(source, "answered") if name not in guessed]
        answered |= set(calls(source, "answered"))
        shown |= set(calls(source, "show"))
        for name, expression in exercises.items():
            if expression in uses(source) and name not in calls("\n".join(sources[: n + 1]), "ready"):
                found.append(f"code cell {n} uses {expression} without ready({name!r}, …)")
        exercises |= dict(checks_in(source))
    if guessed != answered or guessed != {f"{lesson}.{short}" for short in texts.guesses}:
        found.append("what is guessed, what is answered and what the lesson's texts ask differ")
    for name in exercises:
        text = texts.exercises.get(name.partition(".")[2])
        if text is None or not text.praise or not text.expected or len(text.hints) != 3:
            found.append(f"{name} has no help: praise, three hints, what is expected")
    if lesson != "00" and lesson not in calls(sources[1], "recall"):
        found.append("does not begin with recall, right after the map")
    if not re.search(rf'recall\("{lesson}", "end"\)', sources[-1]):
        found.append('does not end with recall(…, "end")')
    for name in shown:
        try:
            lesson_figures.find_by_name(lesson_figures.FIGURES, lesson_figures.__name__, name, "figure")
        except ValueError as error:
            found.append(str(error))
    unused = {name for name in lesson_figures.FIGURES if name.startswith(f"{lesson}.")} - shown
    found += [f"the figure {name} is shown nowhere" for name in sorted(unused)]
    return found


@each_lesson
def test_a_lesson_asks_before_it_tells(path):
    sources = ["".join(cell["source"]) for cell in code_cells(path)]
    assert problems(path.stem[:2], sources) == []


@each_lesson
def test_a_lesson_has_questions_enough(path):
    lesson = path.stem[:2]
    assert len(lesson_texts(lesson).questions) >= FEWEST_QUESTIONS and len(recall_questions(lesson, "end")) == 3


@pytest.mark.slow
@each_lesson
def test_run_all_reaches_the_end_of_an_empty_copy(path, tmp_path, monkeypatch):
    """With nothing filled in, every cell but the open exercises runs; each answer is taken with a notice, and what is
    expected of it can be shown."""
    monkeypatch.setenv("DALLE_LESSONS_RECORD", "")
    copied = json.dumps(for_student(json.loads(path.read_text(encoding="utf-8"))))
    whole, short = SHORTER.get(path.stem[:2], ("", ""))
    assert whole in copied
    copied = copied.replace(whole, short) if whole else copied
    notebook: Any = nbformat.reads(copied, as_version=4)  # it joins the lines of a source, which are a list in the file
    exercises = {name for cell in code_cells(path) for name, _ in checks_in("".join(cell["source"]))}
    readied = {name for cell in code_cells(path) for name in calls("".join(cell["source"]), "ready")}
    asked = "\n".join(f"expected({name!r})" for name in sorted(exercises))
    notebook.cells.append(nbformat.v4.new_code_cell(f"from dalle_lessons import expected\n{asked}"))
    client = NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": tmp_path}})
    client.allow_errors = bool(whole)
    client.execute()
    printed = ""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if output.output_type == "error":
                expected = GOES_ON in cell.metadata.get("tags", ()) or whole and TOO_SHORT.search(output.evalue)
                assert expected, f"{cell.source}\n{output.ename}: {output.evalue}"
            printed += output.get("text", "")
    assert all(f"{name}: taken, not solved." in printed for name in readied)


# ---- the gate itself, with one thing broken at a time ----

MAP, START, END = 'course_map("97")', 'recall("97")', 'recall("97", "end")'
EXERCISE = "def half(x):\n    return x / 2", 'check("97.half", half)'


@pytest.fixture
def lesson(tmp_path, monkeypatch):
    """Lesson 97, which asks one guess and one exercise."""
    from dalle_lessons.classroom import bank

    (tmp_path / "97.yaml").write_text(
        "guesses:\n  size: {question: 'How large?', low: 0, high: 9}\n"
        "exercises:\n  half: {praise: Now a third., hints: [a, b, c], expected: A half.}\n"
    )
    monkeypatch.setattr(bank, "questions_dir", lambda: tmp_path)
    monkeypatch.setitem(lesson_figures.FIGURES, "97.size", lambda outcome: None)
    bank.lesson_texts.cache_clear()
    yield [
        MAP,
        START,
        'guess("97.size")',
        'show("97.size", answered("97.size", 3))',
        *EXERCISE,
        'half = ready("97.half", half)\nhalf(4)',
        END,
    ]
    bank.lesson_texts.cache_clear()


BROKEN = {
    "alt": (
        3,
        'show("97.size", answered("97.size", 3), alt="it is 3")',
        "gives the outcome away by an alternative text",
    ),
    "message": (2, 'guess("97.size")\nassert ok, "small"', "gives the outcome away by an assertion's message"),
    "larger": (2, 'guess("97.size")\nassert a - b > 3', "gives the outcome away by an assertion of what is larger"),
    "no guess": (2, "pass", "97.size is answered before it is asked"),
    "no answer": (3, 'show("97.size", 3)', "what is guessed, what is answered"),
    "no ready": (6, "half(4)", "uses half without ready('97.half', …)"),
    "no help": (5, 'check("97.third", half)', "97.third has no help"),
    "no start": (1, "pass", "does not begin with recall"),
    "no end": (7, "pass", "does not end with recall"),
    "figure": (3, 'show("97.sise", answered("97.size", 3))', "Did you mean '97.size'?"),
    "long": (0, MAP + "\npass" * 12, "has 13 lines; 12 are the most"),
    "many": (6, None, "has 21 code cells beside what it asks"),
    "wide": (0, MAP + "  # " + "x" * 88, "columns wide"),
}


def test_the_gate_lets_a_lesson_in_order_pass(lesson):
    assert problems("97", lesson) == []


@pytest.mark.parametrize("what", BROKEN)
def test_the_gate_notices(lesson, what):
    n, source, sentence = BROKEN[what]
    lesson[n : n + 1] = [source] if source else [lesson[n]] * 18
    assert any(sentence in problem for problem in problems("97", lesson)), problems("97", lesson)
