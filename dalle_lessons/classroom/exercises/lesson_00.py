"""Check of lesson 00: which part of the pipeline made this failure?"""

from __future__ import annotations

from . import CheckFailed, exercise

PARTS = ("tokenizer", "transformer", "sampling", "decoder", "ranking")
NICKNAMES = {"tokenizer": "tokenizer", "clip": "ranking", "dvae": "decoder", "sampler": "sampling"}
TRUTH = {"a": "decoder", "b": "transformer", "c": "ranking", "d": "sampling", "e": "tokenizer"}
HINTS = {
    "a": "the image tokens were the picture's own, so nothing was guessed, and no caption was cut into tokens. What "
    "turns image tokens into pixels?",
    "b": "it had never seen a wombat and was certain of a bear, so this was no bad luck, and the bear was painted as "
    "the tokens said. What gives the chances?",
    "c": "a good picture was among the candidates, painted and finished, and it was not the one shown. What chooses "
    "among finished pictures?",
    "d": "the chances were good, and an unlikely token was drawn, by bad luck. What throws the dice?",
    "e": "the capitals were gone before the model read the caption, so it could not learn them. What makes tokens of "
    "text?",
}


@exercise("00.which_part")
def which_part(answer) -> None:
    """answer: {failure's letter: name of the part}, or the five parts in the order of the failures."""
    if isinstance(answer, list | tuple):
        if list(answer) == list(PARTS):
            raise CheckFailed("That is the list of the parts, in the order of the pipeline: name one for each failure.")
        answer = dict(zip(TRUTH, answer, strict=False))
    if not isinstance(answer, dict):
        raise CheckFailed(
            'One answer for all five failures? Give a dictionary, {"a": "decoder", "b": …}, with a part for each.'
        )
    answer = {str(key).lower(): value for key, value in answer.items()}
    for letter, truth in TRUTH.items():
        if answer.get(letter) in (None, ...):
            raise CheckFailed(f"Failure {letter} has no answer yet: name one of {', '.join(PARTS)}.")
        given = str(answer[letter]).strip().lower()
        given = NICKNAMES.get(given, given)
        if given not in PARTS:
            raise CheckFailed(f"{given!r} is no part of the pipeline: name one of {', '.join(PARTS)}.")
        if given != truth:
            raise CheckFailed(f"Failure {letter} is not made by the {given}: {HINTS[letter]}")
