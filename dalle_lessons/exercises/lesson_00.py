"""Check of lesson 00: which part of the pipeline made this failure?"""

from __future__ import annotations

from . import Mistake, exercise

PARTS = ("tokeniser", "transformer", "sampling", "decoder", "ranking")
TRUTH = {"a": "decoder", "b": "transformer", "c": "ranking", "d": "sampling", "e": "tokeniser"}
HINTS = {
    "a": "the tokens come from the true picture, so nothing was guessed: what turns tokens into pixels?",
    "b": "it was certain of the wrong thing: what gives the chances?",
    "c": "a good picture was among the candidates: what chose another one?",
    "d": "the chances were good, and an unlikely token was drawn: what draws?",
    "e": "the caption never reached the model as it was typed: what makes tokens of text?",
}


@exercise("00.which_part")
def which_part(answer) -> None:
    """answer: {failure's letter: name of the part}."""
    if not isinstance(answer, dict):
        raise Mistake('Give a dictionary, such as {"a": "decoder", "b": …}, with one part for each failure.')
    answer = {str(key).lower(): str(value).strip().lower() for key, value in answer.items()}
    for letter, truth in TRUTH.items():
        if letter not in answer:
            raise Mistake(f"Failure {letter} has no answer yet: name one of {', '.join(PARTS)}.")
        given = answer[letter]
        given = {"tokenizer": "tokeniser", "clip": "ranking", "dvae": "decoder", "sampler": "sampling"}.get(
            given, given
        )
        if given not in PARTS:
            raise Mistake(f"{given!r} is no part of the pipeline: name one of {', '.join(PARTS)}.")
        if given != truth:
            raise Mistake(f"Failure {letter} is not made by the {given}: {HINTS[letter]}")
