"""Which cells of a handed-in notebook run, and when each exercise is scored."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..exercises.worked import checks_in
from .assignment import Assignment, Exercise, keys, source_of
from .light import bound_names, light_statements, parse

TAKEN = {"rescue", "ready"}  # what gives a worked answer


@dataclass(frozen=True)
class Step:
    """One thing that a student's process does: run statements one by one, or a whole cell, or score an exercise."""

    number: int
    kind: str  #: "light", "answer" or "score"
    texts: tuple[str, ...] = ()
    exercise: Exercise | None = None
    exercises: tuple[str, ...] = ()  #: of an answer: the names of what it answers


@dataclass(frozen=True)
class Plan:
    """The steps for one notebook, and what can be said of it before any of them runs."""

    steps: tuple[Step, ...]
    missing: frozenset[str]  #: exercises for which the notebook holds no cell with an answer
    rescued: frozenset[str]  #: exercises for which a cell calls `rescue`


def make_plan(notebook: dict[str, Any], assignment: Assignment) -> Plan:
    """Imports, definitions and plain values of all cells; of answers, all of the cell; each exercise behind its answer.

    An answer is known by nbgrader's id or by the cell's. A cell that the student added counts as an answer too if it
    binds the name that an exercise asks for. A check that was moved, changed or deleted makes no difference.
    """
    cells = [cell for cell in notebook["cells"] if cell.get("cell_type") == "code"]
    answers = [_answered(cell, assignment) for cell in cells]
    last: dict[str, int] = {}  # exercise -> the last cell that belongs to it
    for place, answered in enumerate(answers):
        for exercise in answered:
            last[exercise.name] = place
    missing = {exercise.name for exercise in assignment.exercises if exercise.name not in last}
    for place, cell in enumerate(cells):
        for name, _ in checks_in(source_of(cell)):
            if name in last:
                last[name] = max(last[name], place)
    steps: list[Step] = []
    for place, (cell, answered) in enumerate(zip(cells, answers, strict=True)):
        source, number = source_of(cell), len(steps)
        if answered:
            steps.append(Step(number, "answer", (source,), None, tuple(exercise.name for exercise in answered)))
        elif statements := light_statements(source):
            steps.append(Step(number, "light", tuple(statements)))
        for exercise in assignment.exercises:
            if last.get(exercise.name) == place:
                steps.append(Step(len(steps), "score", exercise=exercise))
    rescued = {name for cell in cells for name in _rescued(source_of(cell))}
    return Plan(tuple(steps), frozenset(missing), frozenset(rescued))


def lesson_of(notebook: dict[str, Any], file_name: str) -> str | None:
    """The lesson of a notebook: by the ids of its cells, else by the name of its file; None if neither tells."""
    found: dict[str, int] = {}
    for cell in notebook["cells"]:
        for key in keys(cell):
            if key[:2].isdigit() and key[2:3] == "-":
                found[key[:2]] = found.get(key[:2], 0) + 1
    if found:
        return max(found, key=lambda lesson: found[lesson])
    return file_name[:2] if file_name[:2].isdigit() and file_name[2:3] == "_" else None


def _answered(cell: dict[str, Any], assignment: Assignment) -> list[Exercise]:
    """The exercises that a cell answers."""
    for key in keys(cell):
        if key in assignment.answers:
            return assignment.answers[key]
    if any(key in assignment.cells for key in keys(cell)):
        return []  # another cell of the lesson
    source = source_of(cell)
    if any(name in TAKEN for name, _ in _calls(source)):
        return []
    bound = bound_names(source)
    return [exercise for exercise in assignment.exercises if exercise.binds and exercise.binds <= bound]


def _rescued(source: str) -> Iterator[str]:
    return (argument for name, argument in _calls(source) if name == "rescue" and argument)


def _calls(source: str) -> Iterator[tuple[str, str]]:
    """(the function, its first argument if that is a text) of each call in a cell."""
    try:
        nodes = list(ast.walk(parse(source)))
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            first = node.args[0] if node.args else None
            text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
            yield name, text
