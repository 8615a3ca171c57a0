"""The figures of the lessons, by id: `show("02.reconstructions", model, pictures)`.

A lesson's cell names what is shown and hands over its own results; how it is drawn, and the text that stands in for it,
stand in `lesson_NN.py` here, so that no cell's source says how an experiment comes out. A figure that answers a guess
takes its `Outcome` (see `guesses.answered`) and draws what was guessed beside what it is.
"""

from __future__ import annotations

from collections.abc import Callable

from ..by_lesson import find_by_name
from ..pictures import Picture

FIGURES: dict[str, Callable[..., Picture]] = {}


def figure(name: str) -> Callable[[Callable[..., Picture]], Callable[..., Picture]]:
    """Registers a function as the figure `name` ("02.reconstructions")."""

    def register(function: Callable[..., Picture]) -> Callable[..., Picture]:
        FIGURES[name] = function
        return function

    return register


def show(name: str, *arguments, **options) -> Picture:
    """Draw a lesson's figure from the lesson's own results; its function's docstring says which.

    Raises ValueError, naming the nearest, if there is no such figure.
    """
    return find_by_name(FIGURES, __name__, name, "figure")(*arguments, **options)
