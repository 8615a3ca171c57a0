"""Checks of lesson 12, on hard negatives: captions whose colors are swapped, and a loss that learns from them."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F

from ...datasets.scenes import COLORS
from . import CheckFailed, as_number, call, check_gradient, describe, diagnose, exercise

TWICE = "You take the softmax twice: cross_entropy wants logits and has a softmax of its own."
CAPTIONS = (
    "a small red circle above a big blue square",
    "a big orange cross left of a big pink triangle",
    "a big green square below a small black cross",
    "a small blue triangle right of a small blue circle",
)


def mend(caption: str, order: Callable[[list[str], int, int], object]) -> str:
    """A caption whose words were changed; order is told where the two colors stand."""
    words = caption.split()
    order(words, *(i for i, word in enumerate(words) if word in COLORS))
    return " ".join(words)


def exchange(words: list[str], i: int, j: int) -> None:
    words[i], words[j] = words[j], words[i]


@exercise("12.swap_colors")
def swap_colors(answer) -> None:
    """answer(caption of two things): the same caption, the two colors having changed places."""
    given = []
    for caption in CAPTIONS:
        value = call(answer, caption, shown=repr(caption))
        if isinstance(value, (list, tuple)):
            raise CheckFailed("That is a list of words: join them to one caption, with spaces between them.")
        if not isinstance(value, str):
            raise CheckFailed(f"The answer should be a caption, but it is {describe(value)}.")
        given.append(value)

    def second(words, i, j):
        words[i] = words[j]

    def first(words, i, j):
        words[j] = words[i]

    def phrases(words, i, j):
        exchange(words, i - 1, j - 1)
        exchange(words, i, j)

    def things(words, i, j):
        phrases(words, i, j)
        exchange(words, i + 1, j + 1)

    mistakes = {
        "The caption comes back as it was: a string cannot be changed, make a new one.": lambda words, i, j: None,
        "Both things have the second color now: the first color was gone before it was needed. Keep it.": second,
        "Both things have the first color now: the second color was gone before it was needed. Keep it.": first,
        "You swap the sizes, too: the colors alone.": phrases,
        "You swap both things whole: that swaps the relation. The colors alone.": things,
        "You swap the shapes: the colors are wanted.": lambda words, i, j: exchange(words, i + 1, j + 1),
        "You swap the sizes: the colors are wanted.": lambda words, i, j: exchange(words, i - 1, j - 1),
        "You turn the order of all words round: only the two colors change places.": lambda words, i, j: (
            words.reverse()
        ),
        "The colors are gone.": lambda words, i, j: (words.pop(j), words.pop(i)),
    }
    truth = [mend(caption, exchange) for caption in CAPTIONS]
    tidy = [" ".join(value.split()) for value in given]
    if tidy == truth:
        if given != truth:
            raise CheckFailed("One space between words, and none at the ends: the caption must read as before.")
        return
    for sentence, order in mistakes.items():
        if tidy == [mend(caption, order) for caption in CAPTIONS]:
            raise CheckFailed(sentence)
    caption, value = next((c, v) for c, v, t in zip(CAPTIONS, tidy, truth, strict=True) if v != t)
    raise CheckFailed(f"Of “{caption}” you make “{value[:80]}”: its two colors should change places, and no more.")


@exercise("12.hard_loss")
def hard_loss(answer) -> None:
    """answer(images, texts, wrong, scale): the loss, where each picture tells its caption from `wrong` (K, D) too."""
    generator = torch.Generator().manual_seed(2)
    a, b, wrong = (F.normalize(torch.randn(n, 4, generator=generator), dim=1) for n in (5, 5, 3))
    value = as_number(call(answer, a, b, wrong, 3.0, shown="images, texts, wrong, 3.0"), "The loss")
    truth, logits, extra = torch.arange(5), 3.0 * a @ b.T, 3.0 * a @ wrong.T
    of_captions = F.cross_entropy(logits.T, truth)
    wider = F.cross_entropy(torch.cat((logits, extra), 1), truth)
    plain = F.cross_entropy(logits, truth)
    right = (wider + of_captions) / 2
    mistakes = {
        "The swapped captions are not used.": (plain + of_captions) / 2,
        "Only the pictures' direction is left: captions must find their pictures as before.": wider,
        "Both directions are added: take their mean.": 2 * right,
        "The swapped captions lack the scale.": (
            F.cross_entropy(torch.cat((logits, extra / 3), 1), truth) + of_captions
        )
        / 2,
        "The scale is not used.": (
            F.cross_entropy(torch.cat((logits, extra), 1) / 3, truth) + F.cross_entropy(logits.T / 3, truth)
        )
        / 2,
        "The swapped captions stand first, so that number i is another caption: put them behind the right ones.": (
            F.cross_entropy(torch.cat((extra, logits), 1), truth) + of_captions
        )
        / 2,
        "You take the right captions out: each picture chooses among those and the swapped ones.": (
            torch.cat((logits.diag()[:, None], extra), 1).log_softmax(1)[:, 0].mul(-1).mean() + of_captions
        )
        / 2,
        "In the captions' direction the swapped captions choose, too: no picture is theirs, so leave them out there.": (
            wider + F.cross_entropy(torch.cat((logits, extra), 1).T, torch.arange(8) % 5)
        )
        / 2,
        "Each picture tells its caption from its own swapped one alone: let it choose among all captions.": (
            F.softplus(extra.diag() - logits.diag()[:3]).mean()
        ),
        "You push the swapped captions away in a term of their own: let them compete in the same softmax.": (
            (plain + of_captions) / 2 + extra.mean()
        ),
        "The sign is turned: the loss is minus the logarithm, so it is positive.": -right,
        TWICE: (F.cross_entropy(torch.cat((logits, extra), 1).softmax(1), truth) + of_captions) / 2,
        "You take the softmax twice, in both directions: cross_entropy wants logits.": (
            F.cross_entropy(torch.cat((logits, extra), 1).softmax(1), truth)
            + F.cross_entropy(logits.T.softmax(1), truth)
        )
        / 2,
    }
    diagnose(value, right, mistakes, f"Here it is {float(right):.4f}; yours: {value:.4f}.")
    check_gradient(answer, a, b, wrong, torch.tensor(3.0))
