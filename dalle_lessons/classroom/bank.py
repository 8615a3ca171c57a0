"""What a lesson asks a student, in words: `data/questions/NN.yaml`, one file a lesson, read by everything that asks.

    guesses:      # asked before the cell that answers (see `guesses`)
      codes_in_use: {question: …, low: 1, high: 128, unit: codes}
      colors: {question: …, choices: [kept, lost]}
    exercises:    # help with the exercises (see `exercises.help`)
      nearest_code: {praise: …, hints: [where to look, the shape of the answer, pseudo-code], expected: …, example: …}
    questions:    # a recall question: each answer with its reason, one of them right (see `recall`)
      - ask: …
        choices:
          - {text: …, right: true, because: …}
          - {text: …, because: …}

The teacher's kit makes its tests from the same questions.
"""

from __future__ import annotations

import difflib
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..model.files import data_dir


@dataclass(frozen=True)
class Choice:
    """One answer that can be chosen."""

    text: str
    #: Why it is right, or what whoever chooses it has probably misunderstood.
    because: str
    right: bool = False


@dataclass(frozen=True)
class Question:
    """A question with one right answer among several."""

    ask: str
    choices: tuple[Choice, ...]

    def shuffled(self) -> tuple[Choice, ...]:
        """The answers in an order that does not tell which is right: the same every time."""
        return tuple(random.Random(self.ask).sample(self.choices, len(self.choices)))


@dataclass(frozen=True)
class GuessText:
    """What is to be guessed: one of `choices`, or else a number from `low` to `high`."""

    question: str
    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 1.0
    #: What the number counts, for instance "codes"; "%" and "" are fine.
    unit: str = ""

    @property
    def is_number(self) -> bool:
        return not self.choices

    def refuse(self, value: object) -> str | None:
        """None if `value` can be a guess, else a sentence that says what can."""
        if self.choices:
            return None if value in self.choices else f"Choose one of: {', '.join(self.choices)}."
        if isinstance(value, (int, float)) and not isinstance(value, bool) and self.low <= value <= self.high:
            return None
        return f"Guess a number from {self.low:g} to {self.high:g}."


@dataclass(frozen=True)
class Help:
    """What helps with an exercise."""

    #: One sentence after "Right.": it opens the next thought.
    praise: str = ""
    #: Three rungs: where to look, the shape of the answer, pseudo-code.
    hints: tuple[str, ...] = ()
    #: What a right answer gives, in words.
    expected: str = ""
    #: A Python expression that calls the answer; `expected` shows what the worked answer gives for it.
    example: str = ""


@dataclass(frozen=True)
class LessonTexts:
    """All that one lesson asks."""

    guesses: dict[str, GuessText]
    exercises: dict[str, Help]
    questions: tuple[Question, ...]


def questions_dir() -> Path:
    """The folder with one YAML file a lesson."""
    return data_dir() / "questions"


@cache
def lesson_texts(lesson: str) -> LessonTexts:
    """What lesson "02" asks; a lesson without a file asks nothing.

    Raises ValueError with one sentence for a file that is not as the module's docstring says.
    """
    path = questions_dir() / f"{lesson}.yaml"
    if not path.is_file():
        return LessonTexts({}, {}, ())
    import yaml  # lazy: few who import the library ask questions

    try:
        read: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        unknown = set(read) - {"guesses", "exercises", "questions"}
        if unknown:
            raise ValueError(f"there is no part {', '.join(sorted(unknown))}")
        texts = LessonTexts(
            {name: _guess(fields) for name, fields in (read.get("guesses") or {}).items()},
            {name: _help(fields) for name, fields in (read.get("exercises") or {}).items()},
            tuple(_question(fields) for fields in read.get("questions") or ()),
        )
    except (yaml.YAMLError, TypeError, KeyError, ValueError, AttributeError) as error:
        raise ValueError(f"{path.name} cannot be read: {' '.join(str(error).split())}.") from None
    return texts


def _guess(fields: dict[str, Any]) -> GuessText:
    text = GuessText(**{**fields, "choices": tuple(str(choice) for choice in fields.get("choices", ()))})
    if text.is_number and not text.low < text.high:
        raise ValueError(f"“{text.question}” needs choices, or low and high")
    return text


def _help(fields: dict[str, Any]) -> Help:
    return Help(**{**fields, "hints": tuple(fields.get("hints", ()))})


def _question(fields: dict[str, Any]) -> Question:
    question = Question(fields["ask"], tuple(Choice(**choice) for choice in fields["choices"]))
    if sum(choice.right for choice in question.choices) != 1:
        raise ValueError(f"“{question.ask}” needs exactly one right answer")
    return question


def split_name(name: str, kind: str) -> tuple[str, str]:
    """ "02.nearest_code" -> ("02", "nearest_code"). kind: "guesses" or "exercises".

    Raises ValueError, naming the nearest, where the lesson asks no such thing.
    """
    lesson, _, short = name.partition(".")
    known = getattr(lesson_texts(lesson), kind)
    if short not in known:
        near = difflib.get_close_matches(short, known, n=1, cutoff=0.4)
        hint = f" Did you mean “{lesson}.{near[0]}”?" if near else ""
        raise ValueError(f"Lesson {lesson} has no “{short}” among its {kind}.{hint}")
    return lesson, short
