"""Questions in GIFT, the plain text that Moodle and many other systems import; and back, to see that it is right."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..bank import Choice, Question
from .quiz import Quiz

SPECIAL = re.compile(r"([\\~=#{}:])")
ENTRY = re.compile(
    r"^::(?P<name>(?:[^\\:]|\\.)+)::\[plain\](?P<ask>(?:[^\\{]|\\.)*)\{\n(?P<answers>.*?)\n\}$", re.M | re.S
)
ANSWER = re.compile(r"^\t(?P<sign>[=~])(?P<text>(?:[^\\#]|\\.)*)#(?P<because>(?:[^\\]|\\.)*)$")


def to_gift(quizzes: Sequence[Quiz]) -> str:
    """All questions, each lesson in a category of its own."""
    lines = []
    for quiz in quizzes:
        lines += [f"$CATEGORY: DALL·E in lessons/{quiz.title}", ""]
        for name, question in quiz.named():
            lines.append(f"::{_escaped(name)}::[plain]{_escaped(question.ask)} {{")
            for choice in question.shuffled():
                sign = "=" if choice.right else "~"
                lines.append(f"\t{sign}{_escaped(choice.text)}#{_escaped(choice.because)}")
            lines += ["}", ""]
    return "\n".join(lines)


def from_gift(text: str) -> list[tuple[str, Question]]:
    """(name, question) of each question in a text that `to_gift` made. Raises ValueError for a line that is none."""
    found = []
    for entry in ENTRY.finditer(text):
        choices = []
        for line in entry["answers"].split("\n"):
            answer = ANSWER.match(line)
            if answer is None:
                raise ValueError(f"{entry['name']}: “{line.strip()}” is no answer in GIFT.")
            choices.append(Choice(_plain(answer["text"]), _plain(answer["because"]), answer["sign"] == "="))
        found.append((_plain(entry["name"]), Question(_plain(entry["ask"]).removesuffix(" "), tuple(choices))))
    return found


def _escaped(text: str) -> str:
    """In one line, with a backslash before each letter that means something in GIFT."""
    return SPECIAL.sub(r"\\\1", " ".join(str(text).split()))


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
