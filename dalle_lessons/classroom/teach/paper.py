"""Questions to print: a page for each lesson, and the key behind all of them, with the reasons."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_lowercase

from ..bank import Question
from .moodle_xml import with_code
from .pdf import PAPER
from .quiz import Quiz

STYLE = (
    PAPER
    + """
body { font: 11pt/1.4 Georgia, "DejaVu Serif", serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; color: #000;
       background: #fff; }
h1 { font-size: 1.3rem; } .name { border-bottom: 1px solid #000; display: inline-block; width: 60%; }
ol.questions > li { margin-bottom: 1rem; break-inside: avoid; } ol.choices { list-style: lower-alpha; }
code { font-size: .95em; } .key li { break-inside: avoid; }
@media print { section { break-before: page; } section:first-of-type { break-before: auto; } }
@media print { body { margin: 0; padding: 0; max-width: none; } }
"""
)


def to_paper(quizzes: Sequence[Quiz]) -> str:
    """One HTML file that needs no other: print it from any browser, without the last part for the class."""
    sheets = "".join(_sheet(quiz) for quiz in quizzes)
    keys = "".join(_key(quiz) for quiz in quizzes)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Questions: DALL·E in lessons</title>\n'
        f"<style>{STYLE}</style></head><body>\n{sheets}"
        f'<section class="key"><h1>Key: for the teacher alone</h1>\n{keys}</section></body></html>\n'
    )


def _sheet(quiz: Quiz) -> str:
    items = "".join(_question(question) for question in quiz.questions)
    name = '<p>Name: <span class="name">&nbsp;</span></p>'
    return f'<section><h1>{with_code(quiz.title)}</h1>\n{name}\n<ol class="questions">\n{items}</ol></section>\n'


def _question(question: Question) -> str:
    choices = "".join(f"<li>{with_code(choice.text)}</li>" for choice in question.shuffled())
    return f'<li>{with_code(question.ask)}<ol class="choices">{choices}</ol></li>\n'


def _key(quiz: Quiz) -> str:
    items = []
    for question in quiz.questions:
        choices = list(zip(ascii_lowercase, question.shuffled(), strict=False))
        right = "".join(f"<b>{letter}</b>: {with_code(c.because)}" for letter, c in choices if c.right)
        wrong = "".join(f"<br>not {letter}: {with_code(c.because)}" for letter, c in choices if not c.right)
        items.append(f"<li>{right}{wrong}</li>\n")
    return f"<h2>{with_code(quiz.title)}</h2>\n<ol>{''.join(items)}</ol>\n"
