"""Three questions at the start of a lesson, about earlier ones; three at its end, about itself.

What is asked for again after days is kept longer (**retrieval practice**, **spacing**: Roediger and Karpicke 2006).
"""

from __future__ import annotations

import html

import ipywidgets as widgets

from .bank import Question, lesson_texts
from .markup import LIVE, Markup, with_text

BACK = (1, 3, 6)  # lessons back
OWN = 3  # the first questions of a lesson's file close it; the later ones come back in later lessons


def recall_questions(lesson: str, when: str) -> list[tuple[str, Question]]:
    """(the lesson that it is about, the question), at most three. when: "start" or "end".

    The same every time, so that a class can speak about them.
    """
    if when == "end":
        return [(lesson, question) for question in lesson_texts(lesson).questions[:OWN]]
    if when != "start":
        raise ValueError(f"Recall at the “start” or at the “end” of a lesson, not at {when!r}.")
    asked = []
    for place, back in enumerate(BACK):
        earlier = f"{int(lesson) - back:02d}"
        questions = lesson_texts(earlier).questions[OWN:] if int(lesson) >= back else ()
        if questions:
            asked.append((earlier, questions[place % len(questions)]))
    return asked


class Recall(widgets.VBox):
    """Questions below each other; each shows its verdict, with the reason, beside its buttons."""

    def __init__(self, lesson: str, when: str):
        self.asked = recall_questions(lesson, when)
        self.right: dict[int, bool] = {}  # question -> was the first answer right
        self._verdicts = [Markup() for _ in self.asked]
        self._score = Markup()
        boxes = [self._box(number) for number in range(len(self.asked))]
        super().__init__([*boxes, self._score], layout={"border": "1px solid #BBBBBB", "padding": "8px"})
        self.add_class("dalle-recall")

    def _box(self, number: int) -> widgets.VBox:
        lesson, question = self.asked[number]
        text = Markup(f"<b>{number + 1}.</b> {html.escape(question.ask)} <i>(lesson {lesson})</i>")
        buttons = []
        for place, choice in enumerate(question.shuffled()):
            button = widgets.Button(description=choice.text, tooltip=f"Answer: {choice.text}", layout={"width": "auto"})
            button.on_click(lambda _, place=place: self.answer(number, place))
            buttons.append(button)
        return widgets.VBox([text, widgets.HBox(buttons, layout={"flex_flow": "row wrap"}), self._verdicts[number]])

    def answer(self, number: int, place: int) -> None:
        """Choose answer `place` to question `number`; the first answer counts."""
        choice = self.asked[number][1].shuffled()[place]
        self.right.setdefault(number, choice.right)
        verdict = "Right." if choice.right else "No."
        self._verdicts[number].value = f"{LIVE}<b>{verdict}</b> {html.escape(choice.because)}</div>"
        self._score.value = f"{sum(self.right.values())} of {len(self.right)} right at the first try."

    def _repr_mimebundle_(self, **kwargs):
        return with_text(super()._repr_mimebundle_(**kwargs) or {}, repr(self))

    def __repr__(self) -> str:
        lines = [
            f"{number}. {question.ask} [{' / '.join(choice.text for choice in question.shuffled())}]"
            for number, (_, question) in enumerate(self.asked, 1)
        ]
        return "\n".join(lines) or "No questions yet."


def recall(lesson: str, when: str = "start") -> Recall:
    """The questions of lesson "07" at its "start" (about lessons 06, 04 and 01) or at its "end" (about itself)."""
    return Recall(lesson, when)
