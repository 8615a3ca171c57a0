"""nbgrader's settings for this course."""

from __future__ import annotations

from typing import Any


def settle(config: Any) -> None:
    """Set in nbgrader's configuration (traitlets' Config, as `get_config()` returns it) what this course needs, and
    let it grade a notebook in which a student has copied a graded cell."""
    config.CourseDirectory.course_id = "dalle"
    # A whole file that is an answer stays with the teacher.
    config.CourseDirectory.ignore = ["*_solution.py", ".ipynb_checkpoints", "*.pyc", "__pycache__"]
    # What students hand in beside a notebook is theirs: nbgrader would put the frame back in its place.
    config.Autograde.exclude_overwriting = {"18_capstone": ["my_dalle.py"]}
    config.Execute.timeout = 120  # seconds for a cell; a check has a limit of its own, and takes less
    config.ClearSolutions.code_stub = {
        "python": '# your code here\nraise NotImplementedError("Write your code in this cell, then run it again.")'
    }
    # For `nbgrader zip_collect` of the zip in which Moodle hands out all submissions.
    config.FileNameCollectorPlugin.named_regexp = (
        r".*[\\/](?P<student_id>[^\\/]+)_\d+_assignsubmission_file_[\\/](?P<file_id>.*)"
    )
    allow_copied_marks()


def allow_copied_marks() -> None:
    """A student who copies a cell copies its mark. nbgrader empties the mark of one of the two, and then refuses the
    notebook for it, as if it were an old one: from now on the empty mark is taken off."""
    try:
        from nbgrader.preprocessors import DeduplicateIds  # pyright: ignore[reportMissingImports]
    except ImportError:  # the settings are read where nbgrader is not installed
        return
    empty_the_mark = DeduplicateIds.preprocess_cell

    def take_it_off(self, cell, resources, place):
        cell, resources = empty_the_mark(self, cell, resources, place)
        if cell.metadata.get("nbgrader") == {}:
            del cell.metadata["nbgrader"]
        return cell, resources

    DeduplicateIds.preprocess_cell = take_it_off
