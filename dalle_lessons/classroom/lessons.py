"""The tidy executed form in which the lessons are kept; for authors.

python -m dalle_lessons.classroom.lessons        # (`make notebooks`): run every lesson and tidy it
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..model.files import notebooks_dir

if TYPE_CHECKING:
    from nbclient import NotebookClient

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


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


def client_of(notebook: Any, folder: Path, timeout: int) -> "NotebookClient":
    """What runs a notebook, as nbformat holds it, in a fresh kernel that works in `folder`. timeout: seconds a cell may
    take. Raises ImportError where nbclient is missing."""
    from nbclient import NotebookClient  # lazy: a student's copy is made without Jupyter

    # Times of running would differ at every run, and so would a stream's cuts: hence these two settings.
    return NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name=KERNEL["name"],
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder.resolve())}},
        extra_arguments=["--log-level=ERROR"],  # the kernel's remarks on its own connection are no news
    )


def execute_and_normalize(paths: Sequence[str | Path], timeout: int = 600) -> list[Path]:
    """Runs each lesson from a fresh kernel, tidies it, and writes it back if that changed it; returns the changed ones.

    Needs the `lab` extra and nbclient. A lesson that fails is left as it was.
    """
    import nbformat  # lazy: a student's copy is made without Jupyter

    changed = []
    for path in map(Path, paths):
        print(f"{path.name} … ", end="", flush=True)
        before = path.read_text(encoding="utf-8")
        notebook = nbformat.reads(before, as_version=4)
        client_of(notebook, path.parent, timeout).execute()
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


def main() -> None:
    paths = [Path(argument) for argument in sys.argv[1:]] or sorted(notebooks_dir().glob("*.ipynb"))
    if not paths:
        sys.exit("There is no lesson to run.")
    changed = execute_and_normalize(paths)
    print(f"{len(paths)} run, {len(changed)} changed.")


if __name__ == "__main__":
    main()
