"""Checks of lesson 00: the loop that draws; which part is broken; which system drew this?"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor

from . import CheckFailed, call, describe, exercise

CODES = 6  # of the pretended model
BELOW = -2.0  # a score that is no probability


class Pretended:
    """A model that is nearly certain: after a token t comes t + 1, and the first is 2. It keeps what it was asked."""

    def __init__(self, sure: float = 30.0):
        self.sure, self.asked = sure, []

    def __call__(self, tokens) -> Tensor:
        try:
            tokens = [int(token) for token in tokens]
        except (TypeError, ValueError):
            raise CheckFailed(
                f"scores should get a list of the tokens so far, whole numbers, but it got {describe(tokens)}."
            ) from None
        self.asked.append(tokens)
        scores = torch.full((CODES,), BELOW)
        scores[(tokens[-1] + 1) % CODES if tokens else 2] += self.sure
        return scores


@exercise("00.draw_tokens")
def draw_tokens(answer):
    """answer: (scores, length) -> list of `length` tokens, each sampled from the softmax of scores(all before it)."""
    model = Pretended()
    tokens = drawn(answer, model, 9)
    if len(tokens) != 9:
        many = "one too many: is the last one asked for too?" if len(tokens) == 10 else "is `length` used?"
        raise CheckFailed(f"For length 9 your loop gives {len(tokens)} tokens: {many}")
    if not model.asked:
        raise CheckFailed("Your loop never asks `scores`: so it cannot know what the model finds likely.")
    if model.asked[0] != []:
        raise CheckFailed("At the first token nothing is drawn yet: begin by asking scores([]), an empty list.")
    if len(model.asked) == 1 or all(asked == [] for asked in model.asked):
        raise CheckFailed(
            "All your tokens come from the scores of the first one: after each token ask `scores` again, with the "
            "tokens so far."
        )
    if all(len(asked) <= 1 for asked in model.asked):
        raise CheckFailed("The model gets the last token alone, but it needs all tokens so far: hand over the list.")
    if any(later[: len(earlier)] != earlier for earlier, later in pairwise(model.asked)):
        raise CheckFailed(
            "The tokens that you hand over do not stay where they were: a new token goes to the end of the list."
        )
    if tokens == [0] * 9:
        raise CheckFailed(
            "You give places among the sorted probabilities, not codes: look up which code stands there, or do not "
            "sort at all."
        )
    if tokens != [(2 + i) % CODES for i in range(9)]:
        raise CheckFailed(
            "With a model that is nearly certain, other tokens come than it wants: do your probabilities come from "
            "scores(tokens).softmax(dim=0), asked anew for each token?"
        )
    yield "loop"
    many = [drawn(answer, Pretended(sure=1.0), 1)[0] for _ in range(600)]
    share = many.count(2) / len(many)  # e / (e + 5) = 0.352
    if share == 1:
        raise CheckFailed(
            "You always take the likeliest token, so one caption gives one picture: throw the dice instead."
        )
    if share < 0.26:
        raise CheckFailed(
            f"A token of probability 0.35 came in {share:.0%} of 600 throws, like all others: hand "
            "torch.multinomial the probabilities, not equal chances, and not the scores themselves."
        )
    if share > 0.45:
        raise CheckFailed(
            f"A token of probability 0.35 came in {share:.0%} of 600 throws: take the softmax of the scores once, over "
            "the codes, and nothing more."
        )


def drawn(answer, model: Pretended, length: int) -> list[int]:
    """What the loop gives, as whole numbers; else a sentence."""
    try:
        tokens = call(answer, model, length, shown="scores, length")
    except CheckFailed as error:
        if "probability tensor" in str(error):
            raise CheckFailed(
                "torch.multinomial got numbers below 0, so no probabilities: take the softmax of the scores first."
            ) from None
        raise
    if isinstance(tokens, Tensor):
        tokens = tokens.flatten().tolist()
    if not isinstance(tokens, list | tuple):
        raise CheckFailed(f"Your loop should return a list of tokens, but it returns {describe(tokens)}.")
    try:
        if any(float(token) != int(token) for token in tokens):
            raise CheckFailed(
                f"A token is the number of a code, a whole one, but there is {float(tokens[0]):.3g}: return what "
                "torch.multinomial gives, not its probability or score."
            )
        return [int(token) for token in tokens]
    except (TypeError, ValueError, RuntimeError):
        raise CheckFailed(
            f"Each token should be one whole number, but there is {describe(tokens[0])}: int(…) makes one of a tensor."
        ) from None


PARTS = ("tokenizer", "transformer", "sampling", "decoder", "ranking")
NICKNAMES = {
    "text tokens": "tokenizer",
    "text tokenizer": "tokenizer",
    "clip": "ranking",
    "clip ranks": "ranking",
    "dvae": "decoder",
    "encoder": "decoder",
    "codebook": "decoder",
    "encoder + codebook": "decoder",
    "sampler": "sampling",
    "dice": "sampling",
    "model": "transformer",
    "dalle": "transformer",
}
TRUTH = {"a": "decoder", "b": "tokenizer", "c": "ranking", "d": "transformer", "e": "sampling"}
EVIDENCE = {
    "a": "it read the whole caption and took likely patches, and yet what it painted is no picture. What comes after "
    "the tokens are chosen?",
    "b": "it draws good pictures of something else. Compare what it reads with what it was asked.",
    "c": "what it read, what it took and what it painted is in order, and a candidate with a higher score was there. "
    "What chooses among finished pictures?",
    "d": "it read the whole caption, and found no patch likely: it knows nothing to choose from. What gives the "
    "probabilities?",
    "e": "it knew which first patch is likely, and took others, far down the list. What chooses the patch?",
}


@exercise("00.which_part")
def which_part(answer):
    """answer: {machine's letter: name of the part}, or the five parts in the order of the machines."""
    if isinstance(answer, list | tuple) and list(answer) == list(PARTS):
        raise CheckFailed("That is the list of the parts, in the order of the pipeline: name one for each machine.")
    given = by_letter(answer, TRUTH, PARTS, NICKNAMES, "machine", "part of the pipeline")
    for letter, truth in TRUTH.items():
        if given[letter] != truth:
            raise CheckFailed(f"Machine {letter} is not broken in its {given[letter]}: {EVIDENCE[letter]}")
        yield letter


SYSTEMS = ("DALL·E", "DALL·E mini", "DALL·E 2", "Parti")
ALIASES = {
    **dict.fromkeys(("dall-e", "dalle", "dall e", "dall·e 1", "dall-e 1", "dalle 1", "dalle1"), "dall·e"),
    **dict.fromkeys(("dall-e mini", "dalle mini", "dalle-mini", "craiyon", "mini"), "dall·e mini"),
    **dict.fromkeys(("dall-e 2", "dalle 2", "dalle2", "dall·e2", "dalle-2"), "dall·e 2"),
}
DREW = {"a": "dall·e 2", "b": "dall·e", "c": "parti", "d": "dall·e mini"}
MARKS = {
    "a": "it is large, and sharp like a photograph, down to the folds of the suit. Which one paints by diffusion, up "
    "to 1,024 pixels wide?",
    "b": "it is small, an illustration, and fine details are smeared, as by a decoder that paints tokens; and it is "
    "good, as the best of 512 samples can be. Which one ranks that many?",
    "c": "there are words on it that can be read, and letters came right only with size. Which one has 20 billion "
    "parameters?",
    "d": "nine at once, faces like wax, made by everybody: which one was small enough to be given to everybody?",
}


@exercise("00.which_system")
def which_system(answer):
    """answer: {picture's letter: name of the system}, or the four systems in the order of the pictures."""
    names = tuple(name.lower() for name in SYSTEMS)
    given = by_letter(answer, DREW, names, ALIASES, "picture", "system of the list")
    for letter, truth in DREW.items():
        if given[letter] != truth:
            wrong = SYSTEMS[names.index(given[letter])]
            raise CheckFailed(f"Picture {letter} is not {wrong}’s: {MARKS[letter]}")
        yield letter


def by_letter(
    answer, truth: Mapping[str, str], allowed: tuple[str, ...], nicknames: Mapping[str, str], what: str, kind: str
) -> dict[str, str]:
    """An answer for each letter, in lower case, by its proper name; else a sentence."""
    if isinstance(answer, list | tuple):
        answer = dict(zip(truth, answer, strict=False))
    if not isinstance(answer, dict):
        raise CheckFailed(f'One answer for all? Give a dictionary, {{"a": "…", "b": …}}, with one for each {what}.')
    answer = {str(key).lower(): value for key, value in answer.items()}
    given = {}
    for letter in truth:
        if answer.get(letter) in (None, ..., "", "..."):
            raise CheckFailed(f"The {what} {letter} has no answer yet: name one of {', '.join(allowed)}.")
        name = str(answer[letter]).strip().lower()
        name = nicknames.get(name, name)
        if name not in allowed:
            raise CheckFailed(f"{name!r} is no {kind}: name one of {', '.join(allowed)}.")
        given[letter] = name
    return given
