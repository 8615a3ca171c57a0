"""The commands for the person in front of the class: `teach release`, `grade`, `questions`, `slides` and others."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def teach() -> None:
    """For teachers: hand out lessons, grade what comes back, print questions, fill a stick."""


@teach.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--lessons", help="Which, for instance 02,07; without it, all that can be graded.")
def release(folder: Path, lessons: str | None) -> None:
    """Write lessons into FOLDER as an nbgrader course, overwriting nothing.

    They hold the solutions and hidden checks, which `nbgrader generate_assignment` takes out for students.
    """
    from ..classroom.teach.assignment import split_lessons
    from ..classroom.teach.release import release as write

    write(folder, split_lessons(lessons), click.echo)


@teach.command()
@click.argument("submissions", type=click.Path(path_type=Path))
@click.option("--csv", "table", type=click.Path(path_type=Path), required=True, help="The table of grades to write.")
@click.option("--lessons", help="Which, for instance 02,07; without it, all that somebody handed in.")
@click.option("--seconds", type=click.FloatRange(min=0.1), default=25.0, show_default=True, help="Of a cell or check.")
@click.option("--memory", type=click.IntRange(min=1024), default=4096, show_default=True, help="In MB; not on Windows.")
def grade(submissions: Path, table: Path, lessons: str | None, seconds: float, memory: int) -> None:
    """Grade SUBMISSIONS, a folder of notebooks or the zip of all submissions from Moodle.

    Runs imports, answers and checks alone, each notebook in a process of its own. Writes the table for Moodle, one of
    details, a page of feedback for each student and, for Moodle, a zip of these. Overwrites nothing.

    Students' code runs under your account. Grading refuses it to write files or use the network, which stops accidents
    and no attack: if you do not trust it, grade under an account of its own.
    """
    from ..classroom.teach.assignment import split_lessons
    from ..classroom.teach.grade import grade as run
    from ..classroom.teach.process import Limits

    run(
        submissions, table, split_lessons(lessons) if lessons is not None else None, Limits(seconds, memory), click.echo
    )


@teach.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--lessons", help="Which, for instance prerequisites,02; without it, all.")
def questions(folder: Path, lessons: str | None) -> None:
    """Write the lessons' questions into FOLDER: GIFT, Moodle's XML, and a PDF (or HTML) to print, with a key.

    The twelve questions called "prerequisites" are for before the first lesson.
    """
    from ..classroom.teach.questions import questions as write

    named = None if lessons is None else [part.strip() for part in lessons.split(",") if part.strip()]
    write(folder, named, click.echo)


@teach.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--for", "systems", default="win,mac,linux", show_default=True, help="Which systems.")
@click.option("--python", "pythons", default="3.12", show_default=True, help="Which Pythons, for instance 3.12,3.13.")
@click.option("--torch-index", help="Where Linux gets a PyTorch without CUDA: see the README.")
def usb(folder: Path, systems: str, pythons: str, torch_index: str | None) -> None:
    """Fill FOLDER, a stick's, with all that a class needs to install the course without a network.

    It holds packages for each system, scripts that install them, and the site; at its end this system's are installed
    from it, and draw.
    """
    from ..classroom.teach import usb as stick

    chosen = stick.chosen(systems, stick.SYSTEMS, "--for"), stick.chosen(pythons, stick.PYTHONS, "--python")
    stick.usb(folder, *chosen, torch_index, click.echo)


@teach.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--lessons", help="Which, for instance 02,07; without it, all.")
def slides(folder: Path, lessons: str | None) -> None:
    """Write lessons as slides into FOLDER: one HTML file each, which needs no other file and no network.

    They come from the lessons' own text and figures, without answers to exercises. Arrow keys turn them, N shows the
    notes: the text of which a slide shows the essence.
    """
    from ..classroom.teach.slides import slides as write

    write(named_lessons(lessons), folder, click.echo)


@teach.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--lessons", help="Which, for instance 02,07; without it, all.")
def handout(folder: Path, lessons: str | None) -> None:
    """Write lessons on paper into FOLDER: guesses, exercises without their solutions, the questions at the end.

    One PDF each, printed by Chrome, Chromium or Edge where one is found, and the same as HTML for any browser.
    """
    from ..classroom.teach.handout import handout as write

    write(named_lessons(lessons), folder, click.echo)


@teach.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--lessons", help="Which, for instance 02,07; without it, all.")
@click.option("--svg", is_flag=True, help="Run the lessons, and write SVG, sharp at any size.")
def figures(folder: Path, lessons: str | None, svg: bool) -> None:
    """Write the figures of lessons into FOLDER, for your own slides, with a page that has their alternative texts.

    PNG as the lessons hold them, at once; with --svg in the minutes that the lessons compute.
    """
    from ..classroom.teach.figures import figures as write

    write(named_lessons(lessons), folder, svg, click.echo)


def named_lessons(lessons: str | None) -> list[str]:
    """The lessons that an option names, or all that there are."""
    from ..classroom.teach import assignment

    return assignment.lessons() if lessons is None else [part.strip() for part in lessons.split(",") if part.strip()]


@teach.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option(
    "--minutes", type=click.FloatRange(min=0, min_open=True), default=10.0, show_default=True, help="Of each."
)
def leaderboard(paths: tuple[Path, ...], minutes: float) -> None:
    """Rank capstones, files or folders of them, by what they draw right that never occurred in training.

    All learn the frame's houses, on two cores, in the same time. Students' code runs under your account, as in `grade`.
    Who trains on the unseen pairs wins, too: read the winner's file.
    """
    from ..classroom.teach.leaderboard import leaderboard as run

    run(paths, minutes, click.echo)
