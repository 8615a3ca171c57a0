"""Predictions that count: `guess` before the cell that answers, `answered` in it.

    guess("02.codes_in_use")                  # a question with buttons, or a slider
    outcome = answered("02.codes_in_use", 6)  # "You said 60; it is 6."

What was guessed is kept in the student's own record (see `record`).
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets

from .bank import GuessText, lesson_texts, split_name
from .markup import Markup, said, with_text
from .record import note, read_record


@dataclass(frozen=True)
class Outcome:
    """A guess beside what it is."""

    guess: float | str | None
    truth: float | str
    unit: str = ""

    @property
    def right(self) -> bool | None:
        """Was a choice right? None for a number, and where nothing was guessed."""
        return None if self.guess is None or not isinstance(self.truth, str) else self.guess == self.truth

    def __str__(self) -> str:
        it_is = f"it is {_words(self.truth, self.unit)}"
        return f"You said {_words(self.guess, self.unit)}; {it_is}." if self.guess is not None else _sentence(it_is)


class Guess(widgets.VBox):
    """One question that waits for a guess. `value` is the guess, None before."""

    def __init__(self, name: str, text: GuessText, value: float | str | None):
        self.name, self.text, self.value = name, text, value
        self._said = Markup()
        question = Markup(f"<b>Your guess first:</b> {html.escape(text.question)}")
        super().__init__(
            [question, self._controls(), self._said], layout={"border": "1px solid #BBBBBB", "padding": "8px"}
        )
        self.add_class("dalle-guess")
        self._show()

    def _controls(self) -> widgets.HBox:
        if self.text.choices:
            return widgets.HBox(
                [self._button(choice, choice) for choice in self.text.choices], layout={"flex_flow": "row wrap"}
            )
        whole = float(self.text.low).is_integer() and float(self.text.high).is_integer() and self.text.high > 1
        kind = widgets.BoundedIntText if whole else widgets.BoundedFloatText
        start = {
            "min": self.text.low,
            "max": self.text.high,
            "value": self.text.low if self.value is None else self.value,
        }
        self.number = kind(**start, description=self.text.unit or "number", layout={"width": "220px"})
        return widgets.HBox([self.number, self._button("Guess", None)])

    def _button(self, label: str, value: str | None) -> widgets.Button:
        button = widgets.Button(description=label, tooltip=f"Guess: {label}", layout={"width": "auto"})
        button.on_click(lambda _: self.say(self.number.value if value is None else value))
        return button

    def say(self, value: float | str) -> None:
        """Guess `value`. Raises ValueError for what cannot be a guess."""
        refused = self.text.refuse(value)
        if refused:
            raise ValueError(refused)
        self.value = value
        note("guesses", self.name, {**read_record()["guesses"].get(self.name, {}), "guess": value})
        self._show()

    def _show(self) -> None:
        words = "Not guessed yet." if self.value is None else f"You said: {_words(self.value, self.text.unit)}."
        self._said.value = said(words)

    def _repr_mimebundle_(self, **kwargs):
        return with_text(super()._repr_mimebundle_(**kwargs) or {}, repr(self))

    def __repr__(self) -> str:
        if self.text.choices:
            return f"Your guess first: {self.text.question} ({' / '.join(self.text.choices)})"
        return f"Your guess first: {self.text.question} (a number from {self.text.low:g} to {self.text.high:g})"


def guess(name: str, value: float | str | None = None) -> Guess:
    """Ask for a prediction; shown in Jupyter as buttons or a field, and answered by `value` where there is no mouse.

    name: "02.codes_in_use", see `bank`. Raises ValueError for an unknown name or an impossible value.
    """
    lesson, short = split_name(name, "guesses")
    asked = Guess(name, lesson_texts(lesson).guesses[short], read_record()["guesses"].get(name, {}).get("guess"))
    if value is not None:
        asked.say(value)
    return asked


def answered(name: str, truth: float | str) -> Outcome:
    """What was guessed beside what it is; keeps both in the record. truth: a number, or one of the choices."""
    lesson, short = split_name(name, "guesses")
    text = lesson_texts(lesson).guesses[short]
    if text.choices and truth not in text.choices:
        raise ValueError(f"{truth!r} is none of the choices of {name}: {', '.join(text.choices)}.")
    guessed = read_record()["guesses"].get(name, {}).get("guess")
    if guessed is not None:
        note("guesses", name, {"guess": guessed, "truth": truth})
    return Outcome(guessed, truth, text.unit)


def _words(value: Any, unit: str) -> str:
    number = value if isinstance(value, str) else f"{value:.4g}"
    return f"{number}{unit}" if unit == "%" else f"{number} {unit}".strip()


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
