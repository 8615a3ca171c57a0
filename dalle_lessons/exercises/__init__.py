"""Checks for the exercises: `check("02.nearest_code", answer)` says nothing if the answer is right.

Otherwise it raises `Mistake`, one sentence that names what was probably misunderstood. The checks of lesson NN stand in
`lesson_NN.py`; they look at what an answer does, never at how it is written.
"""

from __future__ import annotations

import difflib
import importlib
import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

CHECKS: dict[str, Callable] = {}


class Mistake(AssertionError):
    """What is wrong with an answer, in one sentence. Notebooks show the sentence alone, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"Not yet: {self}"]


def exercise(name: str) -> Callable[[Callable], Callable]:
    """Registers a function as the check of the exercise `name` ("02.nearest_code")."""

    def register(function: Callable) -> Callable:
        CHECKS[name] = function
        return function

    return register


def check(name: str, answer) -> None:
    """Check an answer: a function, a number, a tensor, or what else the exercise asks for.

    Returns None if it is right; raises `Mistake` if not, and ValueError if there is no such exercise.
    """
    lesson = name.split(".")[0]
    if (Path(__file__).parent / f"lesson_{lesson}.py").exists():
        importlib.import_module(f".lesson_{lesson}", __name__)
    if name not in CHECKS:
        near = difflib.get_close_matches(name, CHECKS, n=1, cutoff=0.4)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"There is no exercise {name!r}.{hint}")
    if answer is None or answer is ...:
        raise Mistake("There is no answer yet: run your cell first, and let it give something other than None.")
    CHECKS[name](answer)


def call(function: Callable, *arguments, shown: str = ""):
    """What the student's function gives; a Mistake with one sentence if it cannot be called or fails.

    Tensors are handed over as copies, so that a function that changes its arguments harms nobody else.
    `shown`: how the call reads in the sentence.
    """
    if not callable(function):
        raise Mistake(
            f"The answer should be a function, but it is {describe(function)}: hand it over without calling it."
        )
    name = getattr(function, "__name__", "your function")
    copies = [a.detach().clone().requires_grad_(a.requires_grad) if isinstance(a, Tensor) else a for a in arguments]
    try:
        result = function(*copies)
    except NotImplementedError:
        raise Mistake(f"{name} is still empty: write your code in place of the line that raises.") from None
    except Exception as error:
        where = f"{name}({shown})" if shown else name
        raise Mistake(f"{where} stopped with {type(error).__name__}: {error}") from None
    if result is None:
        raise Mistake(f"{name} gives None: does it end with a return?")
    return result


def describe(value) -> str:
    """A value in a few words: its shape if it is a tensor, else its type."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)} and type {str(value.dtype).removeprefix('torch.')}"
    article = "an" if type(value).__name__[0] in "aeiou" else "a"
    return f"{article} {type(value).__name__}"


def as_number(value, what: str = "The answer") -> float:
    """A Python or NumPy number, or a tensor with one element -> float; else a Mistake."""
    if isinstance(value, Tensor) and value.numel() != 1:
        raise Mistake(f"{what} should be one number, but it is {describe(value)}.")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise Mistake(f"{what} should be a number, but it is {describe(value)}.") from None
    if math.isnan(number):
        raise Mistake(f"{what} is NaN: somewhere 0 is divided by 0, or multiplied by the logarithm of 0.")
    return number


def as_tensor(value, shape: tuple[int, ...], what: str = "The answer") -> Tensor:
    """A tensor, array or list of this shape -> tensor; else a Mistake that says both shapes."""
    if not isinstance(value, Tensor):
        try:
            value = torch.as_tensor(value)
        except (TypeError, ValueError, RuntimeError):
            raise Mistake(f"{what} should be a tensor of shape {shape}, but it is {describe(value)}.") from None
    if tuple(value.shape) != tuple(shape):
        raise Mistake(f"{what} should have the shape {tuple(shape)}, but has {tuple(value.shape)}.")
    return value


def same(value, truth, tolerance: float = 1e-4) -> bool:
    """Are two numbers or tensors of one shape equal, but for rounding?"""
    value, truth = torch.as_tensor(value).double(), torch.as_tensor(truth).double()
    return value.shape == truth.shape and torch.allclose(value, truth, rtol=tolerance, atol=tolerance, equal_nan=True)


def diagnose(value, truth, mistakes: dict[str, object], otherwise: str, tolerance: float = 1e-4) -> None:
    """Nothing if the value is the truth; else a Mistake: the sentence of the first wrong value that it equals.

    mistakes: sentence -> what that misunderstanding would give.
    """
    if same(value, truth, tolerance):
        return
    for sentence, wrong in mistakes.items():
        if same(value, wrong, tolerance):
            raise Mistake(sentence)
    raise Mistake(otherwise)
