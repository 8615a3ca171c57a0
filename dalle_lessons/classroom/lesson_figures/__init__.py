"""The figures of the lessons, by id: `show("02.reconstructions", model, pictures)`.

A lesson's cell names what is shown and hands over its own results; how it is drawn, and the text that stands in for it,
stand in `lesson_NN.py` here, so that no cell's source says how an experiment comes out. A figure that answers a guess
takes its `Outcome` (see `guesses.answered`) and draws what was guessed beside what it is.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable
from pathlib import Path

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
    lesson = name.split(".")[0]
    if (Path(__file__).parent / f"lesson_{lesson}.py").exists():
        importlib.import_module(f".lesson_{lesson}", __name__)
    if name not in FIGURES:
        near = difflib.get_close_matches(name, FIGURES, n=1, cutoff=0.4)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"There is no figure {name!r}.{hint}")
    return FIGURES[name](*arguments, **options)
