"""A copy of the lessons for a student to work in: no solutions, no outputs, and new text when the course has some.

dalle-lessons student my-lessons
dalle-lessons student my-lessons --update
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..model.atomic import replace_file
from ..model.files import notebooks_dir
from .exercises.worked import checks_in
from .lessons import to_text

STUB = '# your code here\n{indent}raise NotImplementedError("Write your code in this cell, then run it again.")'
TEXT_STUB = "*Write your answer here.*"
WORKED = "_solution.py"  # a whole file that is an answer ends so: it stays with the course
GOES_ON = "raises-exception"  # Jupyter's tag: "Run all" goes on where such a cell raises
NEW_VERSION, LATER = "new-version", "-new"  # tag, and end of the id, of a cell that an update put below the student's
MANIFEST = ".copied_lessons.json"  # in the copy: {file: {cell id: hash of its source as it was copied}}
OUTPUTS = ("none", "folded")

# The comments by which nbgrader knows a solution and a hidden test; a region runs to the END of the same kind.
BEGIN = re.compile(r"^(?P<indent>\s*)### BEGIN (?P<kind>SOLUTION|HIDDEN TESTS)\s*$")
END = re.compile(r"^\s*### END (?P<kind>SOLUTION|HIDDEN TESTS)\s*$")


@dataclass
class Copied:
    """What happened to each file of a copy."""

    written: list[Path] = field(default_factory=list)
    updated: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    unreadable: list[Path] = field(default_factory=list)
    newer: list[Path] = field(default_factory=list)  # of those kept: the course has changed since they were copied

    def print(self, folder: Path, update: bool) -> None:
        """One line for each kind of thing that happened."""
        if self.written:
            print(f"Copied to {folder}: {_count(self.written)}.")
        if self.updated:
            print(
                f"Updated in {folder}: {_count(self.updated)}. What you changed is as it was; a new version of such a "
                "cell stands below it."
            )
        if self.kept:
            hint = "" if update else " (--update brings new text into them and keeps your work)"
            print(f"Kept in {folder} as you left them: {_count(self.kept)}{hint}.")
        if self.newer:
            names = ", ".join(path.name for path in self.newer)
            print(f"The course is newer than your copy of {names}: add --update.")
        for path in self.unreadable:
            print(f"{path} is no notebook that can be read, and was left alone: rename it to get a fresh copy.")


def student(folder: str | Path, update: bool = False, outputs: str = "none") -> Copied:
    """Copies the lessons into `folder`, without solutions; a file that is there already is kept, or with `update`
    brought up to date cell by cell (see `merge`). Prints what it did.

    outputs: "none", or "folded": the course's own outputs, hidden until they are clicked.
    Raises FileExistsError or ValueError with one sentence for a folder that is none, or the course's own.
    """
    source, folder = notebooks_dir(), Path(folder).expanduser()
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"“{folder}” is a file; name a folder for the lessons.")
    if folder.resolve() == source or source in folder.resolve().parents:
        raise ValueError(f"“{folder}” holds the lessons themselves; name another folder for the student's copy.")
    if outputs not in OUTPUTS:
        raise ValueError(f"Outputs can be {' or '.join(OUTPUTS)}, not {outputs!r}.")
    done = Copied()
    manifest = _read_manifest(folder)
    for original in sorted(source.rglob("*")):
        part = original.relative_to(source)
        hidden = any(name.startswith((".", "__")) for name in part.parts)
        if original.is_dir() or hidden or original.name.endswith(WORKED):
            continue
        copy, name = folder / part, part.as_posix()
        if original.suffix != ".ipynb":
            if copy.exists():
                done.kept.append(copy)
            else:
                copy.parent.mkdir(parents=True, exist_ok=True)
                replace_file(copy, lambda path, original=original: path.write_bytes(original.read_bytes()))
                done.written.append(copy)
            continue
        fresh = for_student(json.loads(original.read_text(encoding="utf-8")), str(part), outputs)
        copied = {cell["id"]: _digest(cell) for cell in fresh["cells"]}
        if copy.exists() and not update:
            done.kept.append(copy)
            if manifest.get(name, copied) != copied:
                done.newer.append(copy)
            continue
        target, kind = fresh, done.written
        if copy.exists():
            try:
                mine = json.loads(copy.read_text(encoding="utf-8"))
                target = merge(mine, fresh, manifest.get(name, {}))
            except (ValueError, KeyError, TypeError, AttributeError):
                done.unreadable.append(copy)
                continue
            kind = done.kept if target == mine else done.updated
        else:  # recorded first: a full disk leaves no copy that nobody knows to be untouched
            _write_manifest(folder, {**manifest, name: copied})
        if kind is not done.kept:
            copy.parent.mkdir(parents=True, exist_ok=True)
            text = to_text(target)
            replace_file(copy, lambda path, text=text: path.write_text(text, encoding="utf-8", newline="\n"))
        kind.append(copy)
        manifest[name] = copied
    if folder.is_dir():
        _write_manifest(folder, manifest)
    done.print(folder, update)
    return done


def for_student(notebook: dict[str, Any], name: str = "notebook", outputs: str = "none") -> dict[str, Any]:
    """The same notebook without solutions; changes nothing in the one given.

    Outputs go too, since they would answer what a lesson asks; with outputs="folded" they stay, hidden until clicked,
    but for those of an exercise. The numbers beside the cells go everywhere, so that `[ ]` means: not yet run by you.
    A cell that may raise as long as an exercise is open, the exercise or its check, does not stop "Run all".
    """
    notebook = json.loads(json.dumps(notebook))  # a deep copy
    for number, cell in enumerate(notebook["cells"]):
        source, answered = _without_solution("".join(cell["source"]), f"{name}, cell {number}")
        grading = cell["metadata"].get("nbgrader", {})
        if grading.get("solution") and not answered:  # nbgrader's rule: with no region marked, all of it is the answer
            source, answered = (_stub("", source) if cell["cell_type"] == "code" else TEXT_STUB), True
        cell["source"] = source.splitlines(keepends=True)
        if cell["cell_type"] != "code":
            continue
        cell["execution_count"] = None
        asks = answered or bool(grading.get("grade")) or bool(checks_in(source))
        if outputs == "none" or asks:
            cell["outputs"] = []
        elif cell["outputs"]:
            cell["metadata"]["jupyter"] = {"outputs_hidden": True}
        for output in cell["outputs"]:
            if output["output_type"] == "execute_result":
                output["execution_count"] = None
        if asks:
            cell["metadata"]["tags"] = sorted({*cell["metadata"].get("tags", []), GOES_ON})
    return notebook


def merge(mine: dict[str, Any], fresh: dict[str, Any], copied: dict[str, str]) -> dict[str, Any]:
    """A worked-on notebook with the new text of `fresh`; nothing that the student wrote is lost.

    copied: hash of each cell's source as it was first copied. A cell that the student did not change takes the new
    text; one that was changed stays, and the new version stands below it if there is one. The student's own cells stay
    behind the cell they stood behind.
    """
    cells = {cell.get("id"): cell for cell in mine["cells"]}
    new = {cell["id"]: cell for cell in fresh["cells"]}
    mine_only: dict[str | None, list[dict[str, Any]]] = {}  # cell id -> the student's cells that follow it
    before = None
    for cell in mine["cells"]:
        if cell.get("id") in new:
            before = cell["id"]
        elif _is_own(cell, copied):
            mine_only.setdefault(before, []).append(cell)
    merged = list(mine_only.get(None, []))
    for name, cell in new.items():
        merged += _newest(cells.get(name), cells.get(f"{name}{LATER}"), cell, copied.get(name))
        merged += mine_only.get(name, [])
    return {**fresh, "cells": merged}


def _newest(
    mine: dict[str, Any] | None, version: dict[str, Any] | None, fresh: dict[str, Any], copied: str | None
) -> list[dict[str, Any]]:
    """One cell after an update: the student's, the new one, or both. version: what an earlier update put below it."""
    if mine is None:
        return [fresh]
    if "".join(mine["source"]) == "".join(fresh["source"]):
        return [mine]  # with the outputs of the student's own run
    if _digest(mine) == copied:
        return [fresh]
    if copied == _digest(fresh):  # the student's work on a cell that is not new
        return [mine, version] if version is not None and _digest(version) == copied else [mine]
    return [mine, {**fresh, "id": f"{fresh['id']}{LATER}", "metadata": {"tags": [NEW_VERSION]}}]


def _is_own(cell: dict[str, Any], copied: dict[str, str]) -> bool:
    """Did the student write this cell, or change it, that the new lesson does not have?"""
    name = cell.get("id", "")
    if NEW_VERSION in cell.get("metadata", {}).get("tags", []):
        name = name.removesuffix(LATER)  # an earlier update's: as long as nobody changed it, `_newest` sees to it
    return _digest(cell) != copied.get(name)


def _digest(cell: dict[str, Any]) -> str:
    return hashlib.sha256("".join(cell["source"]).encode()).hexdigest()[:16]


def _read_manifest(folder: Path) -> dict[str, dict[str, str]]:
    """What was copied before; nothing known, every cell counts as changed by the student, and none is replaced."""
    try:
        read = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


def _write_manifest(folder: Path, manifest: dict[str, dict[str, str]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(manifest, indent=1, sort_keys=True) + "\n"
    replace_file(folder / MANIFEST, lambda path: path.write_text(text, encoding="utf-8", newline="\n"))


def _stub(indent: str, solution: str, waiting: Sequence[str] = ()) -> str:
    """What stands in a solution's place: inside a function a line that raises; else names that wait for a value.

    waiting: names that wait above it already, which a second line would overwrite after they were filled in.
    """
    if not indent:
        names = _assigned(solution)
        if names:
            return "\n".join(["# your code here", *(f"{name} = ..." for name in names if name not in waiting)])
    return STUB.format(indent=indent)


def _assigned(source: str, waiting: bool = False) -> list[str]:
    """The plain names that code at the top of a cell gives values to, if it does nothing but that at the end.

    waiting: only those whose value is, or holds, three dots.
    """
    try:
        body = ast.parse(source).body
    except SyntaxError:  # a cell with a magic
        return []
    if any(isinstance(node, (ast.FunctionDef, ast.ClassDef)) for node in body):
        return []
    given = [node for node in body if isinstance(node, ast.Assign)]
    if waiting:
        given = [n for n in given if any(isinstance(v, ast.Constant) and v.value is ... for v in ast.walk(n.value))]
    targets = [target for node in given for target in node.targets]
    return list(dict.fromkeys(target.id for target in targets if isinstance(target, ast.Name)))


def _without_solution(source: str, where: str) -> tuple[str, bool]:
    """(source with a stub for each solution and without hidden tests, whether there was any solution)."""
    kept: list[str] = []
    region: list[str] = []
    kind, indent, answered = None, "", False
    for line in source.splitlines():
        begin, end = BEGIN.match(line), END.match(line)
        if begin and kind is None:
            kind, indent, region = begin["kind"], begin["indent"], []
        elif end and end["kind"] == kind:
            if kind == "SOLUTION":
                answered = True
                kept.append(indent + _stub(indent, "\n".join(region), _assigned("\n".join(kept), waiting=True)))
            kind = None
        elif begin or end:
            raise ValueError(f"{where}: “{line.strip()}” stands where no such region can begin or end.")
        elif kind is None:
            kept.append(line)
        else:
            region.append(line)
    if kind is not None:
        raise ValueError(f"{where}: “### BEGIN {kind}” has no “### END {kind}”.")
    return "\n".join(kept), answered


def _count(files: list[Path]) -> str:
    lessons = sum(path.suffix == ".ipynb" for path in files)
    other = len(files) - lessons
    return f"{lessons} lesson(s)" + (f" and {other} other file(s)" if other else "")
