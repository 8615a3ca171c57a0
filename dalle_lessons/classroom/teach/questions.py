"""`dalle-lessons teach questions`: what the lessons ask, for Moodle, for other systems, and on paper.

They come from `data/questions`; the reason of each answer becomes its feedback.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ...model.atomic import replace_file
from .gift import to_gift
from .moodle_xml import to_moodle_xml
from .paper import to_paper
from .pdf import print_pages
from .quiz import quizzes


def questions(
    folder: str | Path, lessons: Sequence[str] | None = None, say: Callable[[str], object] = print
) -> list[Path]:
    """Writes questions.gift, questions.xml (Moodle) and questions.html (to print) into `folder`, and questions.pdf if a
    browser that can print is found; returns them.

    Raises FileExistsError, before anything is written, for a file that is there already.
    """
    folder, found = Path(folder).expanduser(), quizzes(lessons)
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"“{folder}” is a file; name a folder for the questions.")
    texts = {
        folder / "questions.gift": to_gift(found),
        folder / "questions.xml": to_moodle_xml(found),
        folder / "questions.html": to_paper(found),
    }
    for path in (*texts, folder / "questions.pdf"):
        if path.exists():
            raise FileExistsError(f"“{path}” is there already: move it away, or name another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        replace_file(path, lambda temporary, text=text: temporary.write_text(text, encoding="utf-8", newline="\n"))
    number = sum(len(quiz.questions) for quiz in found)
    say(f"Written to {folder}: {number} questions as {', '.join(path.name for path in texts)}.")
    return [*texts, *print_pages([folder / "questions.html"], say)]
