"""Checks for the exercises: `check("02.nearest_code", answer)` says “Right.” if the answer is right.

Otherwise it raises `CheckFailed`, one sentence that names what was probably misunderstood. The checks of lesson NN are
in `lesson_NN.py`; they look at what an answer does, never at how it is written. A check may be a generator that yields
the name of each part as the answer passes it: `score` gives points for these.
"""

from __future__ import annotations

import contextlib
import io
import math
import re
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

from ..bank import lesson_texts
from ..by_lesson import find_by_name
from .kept_alive import kept_alive
from .time_limit import time_limit

SECONDS = 25  # for a check: the slowest takes a few with a right answer, and nbgrader stops a cell after 30
CHECKS: dict[str, Callable[..., Iterator[str] | None]] = {}
passed: dict[str, object] = {}  # exercise -> the answer of this session that passed its check


class CheckFailed(AssertionError):
    """What is wrong with an answer, in one sentence. Notebooks show the sentence alone, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"Not yet: {self}"]


def exercise(name: str) -> Callable[[Callable], Callable]:
    """Registers a function as the check of the exercise `name` ("02.nearest_code")."""

    def register(function: Callable) -> Callable:
        CHECKS[name] = function
        return function

    return register


def check(name: str, answer, quiet: bool = False) -> None:
    """Check an answer: a function, a number, a tensor, or what else the exercise asks for.

    Prints “Right.” and a sentence if it is right (nothing with `quiet`); raises `CheckFailed` if not, and ValueError if
    there is no such exercise. What the answer writes to stderr is not shown: the sentence is what counts.
    """
    for _ in _parts(name, answer):
        pass
    passed[name] = answer
    if not quiet:
        lesson, _, short = name.partition(".")
        text = lesson_texts(lesson).exercises.get(short)
        print("Right." if text is None or not text.praise else f"Right. {text.praise}")


def score(name: str, answer, points: float = 1.0) -> float:
    """Points for an answer, by the parts of its check that it passes: all of them, or a share rounded down to a half.

    For a grader, whose cell ends in it; prints the sentence of the check where something is missing.
    """
    from .help import lesson_names  # here, since these build on `check`
    from .worked import make_worked

    done, mistake = parts_passed(name, answer)
    if not mistake:
        return points
    print(f"Not yet: {mistake}")
    total, _ = parts_passed(name, make_worked(name, lesson_names()))
    return share(points, done, total)


def parts_passed(name: str, answer) -> tuple[int, str]:
    """How many parts of its check an answer passes, and the sentence of the check, "" for a right answer."""
    done = 0
    try:
        for _ in _parts(name, answer):
            done += 1
    except CheckFailed as mistake:
        return done, str(mistake)
    return done, ""


def share(points: float, done: int, total: int) -> float:
    """The points for an answer that is not right and passes `done` of `total` parts, rounded down to a half."""
    return math.floor(2 * points * done / (total + 1)) / 2


def _parts(name: str, answer) -> Iterator[str]:
    """Runs the check of an exercise, and yields each part that the answer passes."""
    of_exercise = find_by_name(CHECKS, __name__, name, "exercise")
    if answer is None or answer is ...:
        raise CheckFailed("There is no answer yet: run your cell first, and let it give something other than None.")
    too_long = f"Your answer ran for more than {SECONDS} seconds and was stopped: does a loop in it never end?"
    with contextlib.redirect_stderr(io.StringIO()), time_limit(SECONDS, too_long), kept_alive():
        try:
            result = of_exercise(answer)
            if result is not None:
                yield from result
        except SystemExit:
            raise CheckFailed("Your answer calls exit(), which would end the whole program: leave it out.") from None


def call(function: Callable, *arguments, shown: str = "", copies: bool = True):
    """What the student's function gives; a Mistake with one sentence if it cannot be called, fails, or changes a tensor
    that it was given.

    Tensors are handed over as copies, so that such a function harms nobody else; with `copies=False` as they are, so
    that gradients reach them. `shown`: how the call reads in the sentence.
    """
    if not callable(function):
        raise CheckFailed(
            f"The answer should be a function, but it is {describe(function)}: hand it over without calling it."
        )
    name = getattr(function, "__name__", "your function")
    before = [a.detach().clone().requires_grad_(a.requires_grad) if isinstance(a, Tensor) else a for a in arguments]
    given = [b.detach().clone().requires_grad_(b.requires_grad) if isinstance(b, Tensor) else b for b in before]
    given = given if copies else arguments
    try:
        result = function(*given)
    except NotImplementedError as error:
        lacking = re.search(r"not implemented for '(\w+)'", str(error))  # PyTorch's words; an empty cell says others
        if lacking:
            where = f"{name}({shown})" if shown else name
            raise CheckFailed(
                f"{where} stopped: PyTorch cannot compute this with tensors of type {lacking[1].lower()}. Turn them "
                "into floats first, with `.float()`."
            ) from None
        raise CheckFailed(f"{name} is still empty: write your code in place of the line that raises.") from None
    except CheckFailed:  # from a function that the check handed over: its sentence says it all
        raise
    except SystemExit:
        raise CheckFailed(f"{name} calls exit(), which would end the whole program: return a value instead.") from None
    except RecursionError:
        raise CheckFailed(f"{name} calls itself again and again without end: when should it stop?") from None
    except Exception as error:
        where = f"{name}({shown})" if shown else name
        misfit = re.match(r"shape '(\[.*\])' is invalid for input of size (\d+)", str(error))
        if misfit:
            raise CheckFailed(
                f"{where} has {misfit[2]} numbers, and they cannot take the shape {misfit[1]}: is a size written in "
                "that should come from the arguments, or the batch forgotten?"
            ) from None
        why = " ".join(str(error).split())[:160]  # one line, and no longer than a sentence
        raise CheckFailed(f"{where} stopped with {type(error).__name__}: {why}") from None
    if result is None:
        raise CheckFailed(f"{name} gives None: does it end with a return? (To print is not to return.)")
    if any(isinstance(b, Tensor) and not torch.equal(a, b) for a, b in zip(given, before, strict=True)):
        raise CheckFailed(
            f"{name} changes a tensor that it was given, in place, and others still need it: make a new one."
        )
    return result


def describe(value) -> str:
    """A value in a few words: its shape if it is a tensor, else its type."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)} and type {str(value.dtype).removeprefix('torch.')}"
    if type(value).__module__ == "torch.return_types" and hasattr(value, "indices"):  # of min, max, sort, topk
        name = type(value).__name__
        alone = f", `arg{name}` the indices alone" if name in ("min", "max", "sort") else ""
        return f"a pair of values and indices (`{name}` gives both{alone})"
    article = "an" if type(value).__name__[0] in "aeiou" else "a"
    return f"{article} {type(value).__name__}"


def as_number(value, what: str = "The answer") -> float:
    """A Python or NumPy number, or a tensor with one element -> float; else a Mistake."""
    if isinstance(value, Tensor) and value.numel() != 1:
        raise CheckFailed(f"{what} should be one number, but it is {describe(value)}.")
    try:
        number = float(value.detach() if isinstance(value, Tensor) else value)
    except (TypeError, ValueError):
        raise CheckFailed(f"{what} should be a number, but it is {describe(value)}.") from None
    if math.isnan(number):
        raise CheckFailed(f"{what} is NaN: somewhere 0 is divided by 0, or multiplied by the logarithm of 0.")
    return number


def as_tensor(
    value, shape: tuple[int, ...], what: str = "The answer", others: dict[tuple, str] | None = None, lists: bool = True
) -> Tensor:
    """A tensor, array or list of this shape -> tensor; else a Mistake that says both shapes.

    others: wrong shape -> the sentence about what gives it. lists: is a list as good as a tensor?
    """
    if not isinstance(value, Tensor):
        try:
            made = torch.as_tensor(value)
        except (TypeError, ValueError, RuntimeError):
            raise CheckFailed(f"{what} should be a tensor of shape {shape}, but it is {describe(value)}.") from None
        if not lists:
            raise CheckFailed(f"{what} should be a tensor, since later cells need one, but it is {describe(value)}.")
        value = made
    if tuple(value.shape) != tuple(shape):
        otherwise = f"{what} should have the shape {tuple(shape)}, but has {tuple(value.shape)}."
        raise CheckFailed((others or {}).get(tuple(value.shape), otherwise))
    return value


def as_tokens(
    value, shape: tuple[int, ...], what: str = "The tokens", others: dict[tuple, str] | None = None
) -> Tensor:
    """A tensor of whole numbers of this shape -> itself; else a Mistake."""
    value = as_tensor(value, shape, what, others, lists=False)
    if value.is_floating_point() or value.dtype == torch.bool:
        kind = str(value.dtype).removeprefix("torch.")
        raise CheckFailed(f"{what} should be whole numbers that can index, int64, but they are of type {kind}.")
    return value


def check_gradient(function: Callable, *arguments, what: str = "The loss") -> None:
    """A Mistake if a loss that is right as a number is no 0-d tensor through which a gradient comes back."""
    arguments = [
        a.detach().clone().requires_grad_() if isinstance(a, Tensor) and a.is_floating_point() else a for a in arguments
    ]
    value = call(function, *arguments)
    if not isinstance(value, Tensor) or value.ndim > 0:
        raise CheckFailed(
            f"{what} is right as a number, but later cells need a tensor with no dimensions, and it is "
            f"{describe(value)}: leave float() and item() out."
        )
    if not value.requires_grad:
        raise CheckFailed(
            f"{what} is right, but no gradient comes back through it, and nothing could learn: no detach()."
        )


def same(value, truth, tolerance: float = 1e-4) -> bool:
    """Are two numbers or tensors of one shape equal, but for rounding?"""
    value, truth = (torch.as_tensor(v).detach().double() for v in (value, truth))
    return value.shape == truth.shape and torch.allclose(value, truth, rtol=tolerance, atol=tolerance, equal_nan=True)


def diagnose(value, truth, mistakes: Mapping[str, object], otherwise: str, tolerance: float = 1e-4) -> None:
    """Nothing if the value is the truth; else a Mistake: the sentence of the first wrong value that it equals.

    mistakes: sentence -> what that misunderstanding would give.
    """
    if same(value, truth, tolerance):
        return
    for sentence, wrong in mistakes.items():
        if same(value, wrong, tolerance):
            raise CheckFailed(sentence)
    raise CheckFailed(otherwise)
