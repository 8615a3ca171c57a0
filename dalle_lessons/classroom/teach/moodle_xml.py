"""Questions in Moodle's XML, and back, to see that it is right."""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence

from ..bank import Choice, Question
from .quiz import Quiz


def to_moodle_xml(quizzes: Sequence[Quiz]) -> str:
    """All questions, each lesson in a category of its own; one answer can be chosen, and Moodle shuffles them."""
    top = ET.Element("quiz")
    for quiz in quizzes:
        category = ET.SubElement(ET.SubElement(top, "question", type="category"), "category")
        ET.SubElement(category, "text").text = f"$course$/top/DALL·E in lessons/{quiz.title}"
        for name, question in quiz.named():
            top.append(_element(name, question))
    ET.indent(top, " ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(top, encoding="unicode")}\n'


def from_moodle_xml(text: str) -> list[tuple[str, Question]]:
    """(name, question) of each question with choices. Raises ValueError where one is not as Moodle wants it."""
    found = []
    for element in ET.fromstring(text).iter("question"):
        if element.get("type") == "category":
            continue
        name = element.findtext("name/text")
        choices = tuple(
            Choice(
                _plain(answer.findtext("text")),
                _plain(answer.findtext("feedback/text")),
                answer.get("fraction") == "100",
            )
            for answer in element.iter("answer")
        )
        if element.get("type") != "multichoice" or not name or sum(choice.right for choice in choices) != 1:
            raise ValueError(f"“{name}” is no question with one right answer.")
        found.append((name, Question(_plain(element.findtext("questiontext/text")), choices)))
    return found


def with_code(text: str) -> str:
    """Plain text as HTML; what stands between backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(" ".join(str(text).split()), quote=False))


def _element(name: str, question: Question) -> ET.Element:
    element = ET.Element("question", type="multichoice")
    ET.SubElement(ET.SubElement(element, "name"), "text").text = name
    _text(element, "questiontext", question.ask)
    for tag, value in (("defaultgrade", "1"), ("penalty", "0.3333333"), ("single", "true")):
        ET.SubElement(element, tag).text = value
    for tag, value in (("shuffleanswers", "true"), ("answernumbering", "abc")):
        ET.SubElement(element, tag).text = value
    for choice in question.shuffled():
        answer = ET.SubElement(element, "answer", fraction="100" if choice.right else "0", format="html")
        ET.SubElement(answer, "text").text = with_code(choice.text)
        _text(answer, "feedback", choice.because)
    return element


def _text(parent: ET.Element, tag: str, text: str) -> None:
    ET.SubElement(ET.SubElement(parent, tag, format="html"), "text").text = with_code(text)


def _plain(text: str | None) -> str:
    return html.unescape(re.sub(r"</?code>", "`", text or ""))
