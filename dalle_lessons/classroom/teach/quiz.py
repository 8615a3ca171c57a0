"""The questions of a lesson, as they stand in `data/questions`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..bank import Question, lesson_texts, questions_dir

PREREQUISITES = "prerequisites"  # what students should know before the first lesson


@dataclass(frozen=True)
class Quiz:
    """The questions of one lesson."""

    lesson: str
    title: str  #: "Lesson 02"
    questions: tuple[Question, ...]

    def named(self) -> list[tuple[str, Question]]:
        """Each question with a short name of its own, such as "02.1"."""
        return [(f"{self.lesson}.{number}", question) for number, question in enumerate(self.questions, 1)]


def quizzes(lessons: Sequence[str] | None = None) -> list[Quiz]:
    """The questions of these lessons; without any named, all there are, first those on what is assumed.

    Raises ValueError with one sentence for a lesson without questions.
    """
    known = {path.stem for path in questions_dir().glob("*.yaml")}
    order = sorted(known - {PREREQUISITES})
    order = [PREREQUISITES, *order] if PREREQUISITES in known else order
    found = []
    for lesson in dict.fromkeys(lessons or order):
        if lesson not in known or not lesson_texts(lesson).questions:
            raise ValueError(f"There are no questions for “{lesson}”; there are some for {', '.join(order)}.")
        title = "Before the first lesson" if lesson == PREREQUISITES else f"Lesson {lesson}"
        found.append(Quiz(lesson, title, lesson_texts(lesson).questions))
    return found
