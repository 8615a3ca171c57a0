"""The worked answers: they stand once, in the lessons themselves, between `### BEGIN SOLUTION` and `### END SOLUTION`.

An answer is found by its check: the cell `check("02.nearest_code", nearest_code)` says which expression is the answer,
and the last cell with a solution before it says how it is made.
"""

from __future__ import annotations

import ast
import json
from functools import cache
from typing import Any

from ...model.files import notebooks_dir


@cache
def worked_answers(lesson: str) -> dict[str, tuple[str, str]]:
    """Of lesson "02": exercise -> (the cell with the worked answer, the expression that is checked)."""
    found: dict[str, tuple[str, str]] = {}
    for path in sorted(notebooks_dir().glob(f"{lesson}_*.ipynb")):
        solution = ""
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] != "code":
                continue
            if "### BEGIN SOLUTION" in source:
                solution = source
            for name, expression in checks_in(source):
                found[name] = (solution, expression)
    return found


def checks_in(source: str) -> list[tuple[str, str]]:
    """(exercise, the expression checked) of each `check("…", …)` in a cell that is plain Python."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a cell with a magic
        return []
    return [
        (node.args[0].value, ast.unparse(node.args[1]))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "check"
        and len(node.args) == 2
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    ]


def make_worked(name: str, names: dict[str, Any]) -> Any:
    """The worked answer of an exercise, made among `names`, the variables of the lesson; changes none of them.

    Raises ValueError where the lesson has no such exercise, or where a cell that it builds on has not been run.
    """
    lesson = name.split(".")[0]
    known = worked_answers(lesson)
    if name not in known:
        raise ValueError(f"Lesson {lesson} has no exercise {name!r} with a worked answer.")
    return run_worked(name, *known[name], names)


def run_worked(name: str, cell: str, expression: str, names: dict[str, Any]) -> Any:
    """What the expression gives after the cell with the worked answer, both run among `names`; changes none of them."""
    scope = dict(names)
    try:
        exec(compile(cell, f"<the worked answer of {name}>", "exec"), scope)  # the course's own code
        return eval(expression, scope)
    except NameError as error:
        raise ValueError(
            f"The worked answer of {name} builds on {error.name!r}: run the lesson's cells from the top first."
        ) from None
