"""The lessons as files: a copy for a student to work in, and the tidy executed form in which they are kept.

dalle-lessons student my-lessons       # the student's copy
python -m dalle_lessons.classroom.lessons        # for authors (`make notebooks`): run every lesson and tidy it
"""

import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from ..model.files import notebooks_dir

STUB = '# your code here\n{indent}raise NotImplementedError("Write your code in this cell, then run it again.")'
TEXT_STUB = "*Write your answer here.*"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WORKED = "_solution.py"  # a whole file that is an answer ends so: it stays with the course

# The comments by which nbgrader knows a solution and a hidden test; a region runs to the END of the same kind.
BEGIN = re.compile(r"^(?P<indent>\s*)### BEGIN (?P<kind>SOLUTION|HIDDEN TESTS)\s*$")
END = re.compile(r"^\s*### END (?P<kind>SOLUTION|HIDDEN TESTS)\s*$")


# ---- The student's copy ---------------------------------------------------------------------------------------------


def student(folder: str | Path) -> tuple[list[Path], list[Path]]:
    """Copies the lessons into `folder`, without their solutions, and overwrites nothing that is there already.

    Prints what it did; returns (written, kept).
    """
    source, folder = notebooks_dir(), Path(folder)
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"“{folder}” is a file; name a folder for the lessons.")
    if folder.resolve() == source or source in folder.resolve().parents:
        raise ValueError(f"“{folder}” holds the lessons themselves; name another folder for the student's copy.")
    written, kept = [], []
    for original in sorted(source.rglob("*")):
        part = original.relative_to(source)
        if original.is_dir() or any(name.startswith((".", "__")) for name in part.parts):
            continue
        if original.name.endswith(WORKED):
            continue
        copy = folder / part
        if copy.exists():
            kept.append(copy)
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        if original.suffix == ".ipynb":
            text = to_text(for_student(json.loads(original.read_text(encoding="utf-8")), str(part)))
            copy.write_text(text, encoding="utf-8", newline="\n")
        else:
            copy.write_bytes(original.read_bytes())
        written.append(copy)
    if written:
        print(f"Copied to {folder}: {_count(written)}.")
    if kept:
        print(f"Kept in {folder} as you left them: {_count(kept)} (rename a file to get a fresh copy of it).")
    return written, kept


def for_student(notebook: dict, name: str = "notebook") -> dict:
    """The same notebook without solutions; changes nothing in the one given.

    Where the student is to write something, the output goes too, for it would give the answer away. All other outputs
    stay: a lesson can be read before anything runs, and the pictures show what a right answer will lead to. The
    numbers beside the cells go everywhere, so that `[ ]` means: not yet run by you.
    """
    notebook = json.loads(json.dumps(notebook))  # a deep copy
    for number, cell in enumerate(notebook["cells"]):
        source, answered = _without_solution("".join(cell["source"]), f"{name}, cell {number}")
        grading = cell["metadata"].get("nbgrader", {})
        if grading.get("solution") and not answered:  # nbgrader's rule: with no region marked, all of it is the answer
            source, answered = (STUB.format(indent="") if cell["cell_type"] == "code" else TEXT_STUB), True
        cell["source"] = source.splitlines(keepends=True)
        if cell["cell_type"] == "code":
            cell["execution_count"] = None
            if answered or grading.get("grade"):
                cell["outputs"] = []
            for output in cell["outputs"]:
                if output["output_type"] == "execute_result":
                    output["execution_count"] = None
    return notebook


def _without_solution(source: str, where: str) -> tuple[str, bool]:
    """(source with a stub for each solution and without hidden tests, whether there was any solution)."""
    kept, kind, answered = [], None, False
    for line in source.splitlines():
        begin, end = BEGIN.match(line), END.match(line)
        if begin and kind is None:
            kind = begin["kind"]
            if kind == "SOLUTION":
                answered = True
                kept.append(begin["indent"] + STUB.format(indent=begin["indent"]))
        elif end and end["kind"] == kind:
            kind = None
        elif begin or end:
            raise ValueError(f"{where}: “{line.strip()}” stands where no such region can begin or end.")
        elif kind is None:
            kept.append(line)
    if kind is not None:
        raise ValueError(f"{where}: “### BEGIN {kind}” has no “### END {kind}”.")
    return "\n".join(kept), answered


# ---- The form in which lessons are kept -----------------------------------------------------------------------------


def normalize(notebook: dict) -> dict:
    """Drops, in place, what differs from machine to machine or from run to run; returns the notebook.

    What stays: the kernel's name, tags, nbgrader's marks, and the outputs. A widget's live view goes, since nobody can
    press a dead widget; the still picture and the text that a stepper also gives take its place.
    """
    notebook["metadata"] = {"kernelspec": dict(KERNEL), "language_info": {"name": "python"}}
    for cell in notebook["cells"]:
        cell["metadata"] = {key: cell["metadata"][key] for key in ("nbgrader", "tags") if key in cell["metadata"]}
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET_VIEW, None)
            output.get("metadata", {}).pop(WIDGET_VIEW, None)
    return notebook


def to_text(notebook: dict) -> str:
    """A notebook as Jupyter writes it: one space of indentation, Unicode as it is, a newline at the end."""
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def execute_and_normalize(paths: Sequence[str | Path], timeout: int = 600) -> list[Path]:
    """Runs each lesson from a fresh kernel, tidies it, and writes it back if that changed it; returns the changed ones.

    Needs the `lab` extra and nbclient. A lesson that fails is left as it was.
    """
    import nbformat  # lazy: a student's copy is made without Jupyter
    from nbclient import NotebookClient

    changed = []
    for path in map(Path, paths):
        print(f"{path.name} … ", end="", flush=True)
        before = path.read_text(encoding="utf-8")
        notebook = nbformat.reads(before, as_version=4)
        # Times of running would differ at every run, and so would a stream's cuts: hence these two settings.
        client = NotebookClient(
            notebook,
            timeout=timeout,
            kernel_name=KERNEL["name"],
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": str(path.parent.resolve())}},
            extra_arguments=["--log-level=ERROR"],  # the kernel's remarks on its own connection are no news
        )
        client.execute()
        normalize(notebook)
        nbformat.validate(notebook)
        after = nbformat.writes(notebook)
        after = after if after.endswith("\n") else after + "\n"
        if after != before:
            half = path.with_suffix(".ipynb.part")  # a run that is broken off leaves no half-written lesson
            half.write_text(after, encoding="utf-8", newline="\n")
            os.replace(half, path)
            changed.append(path)
        print("changed" if after != before else "unchanged")
    return changed


def _count(files: list[Path]) -> str:
    lessons = sum(path.suffix == ".ipynb" for path in files)
    other = len(files) - lessons
    return f"{lessons} lesson(s)" + (f" and {other} other file(s)" if other else "")


def main() -> None:
    paths = [Path(argument) for argument in sys.argv[1:]] or sorted(notebooks_dir().glob("*.ipynb"))
    if not paths:
        sys.exit("There is no lesson to run.")
    changed = execute_and_normalize(paths)
    print(f"{len(paths)} run, {len(changed)} changed.")


if __name__ == "__main__":
    main()
