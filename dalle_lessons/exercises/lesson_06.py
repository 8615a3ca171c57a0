"""Checks of lesson 06: inputs and targets, what may be seen, the weighted loss."""

from __future__ import annotations

import torch

from . import Mistake, as_number, as_tensor, call, diagnose, exercise, same


@exercise("06.inputs_and_targets")
def inputs_and_targets(answer) -> None:
    """answer(sequence): (B, S) -> what is fed (B, S-1) and what must be said (B, S-1)."""
    sequence = torch.tensor([[1, 5, 6, 9, 3], [1, 7, 8, 2, 4]])
    given = call(answer, sequence, shown="sequences of shape (2, 5)")
    try:
        fed, target = given
    except (TypeError, ValueError):
        raise Mistake("Give two tensors: what is fed, and what must be said.") from None
    if all(isinstance(t, torch.Tensor) for t in (fed, target)) and fed.shape == target.shape == (2, 5):
        if same(fed, sequence) and same(target, sequence):
            raise Mistake("Input and target are the same: each slot sees its own answer; shift the target by one.")
        if same(target, sequence.roll(-1, 1)):
            raise Mistake("The last slot would have to say the first token again: leave the last input and it out.")
        raise Mistake("Of 5 tokens 4 can be predicted, each from those before: both have shape (2, 4).")
    fed, target = as_tensor(fed, (2, 4), "What is fed"), as_tensor(target, (2, 4), "The target")
    right = sequence[:, :-1], sequence[:, 1:]
    if same(fed, right[1]) and same(target, right[0]):
        raise Mistake("The two are swapped: first what is fed, without the last token; then the target.")
    if same(fed, target):
        raise Mistake("Input and target are the same: each slot sees its own answer; shift the target by one.")
    diagnose(fed, right[0], {"The first token is never fed: keep it, drop the last.": right[1]}, "The input is wrong.")
    diagnose(target, right[1], {}, "The target of slot i is the token at i + 1: the sequence without its first token.")


@exercise("06.may_see")
def may_see(answer) -> None:
    """answer(sequence, t): the tokens (B, t) that are known when token t is to be said."""
    sequence = torch.arange(12).reshape(2, 6)
    for t in (1, 3, 5):
        given = call(answer, sequence, t, shown=f"sequence, {t}")
        if isinstance(given, torch.Tensor) and given.shape == (2, t + 1) and same(given, sequence[:, : t + 1]):
            raise Mistake(f"Token {t} itself is among them: the model would see its answer. It may see those before.")
        if isinstance(given, torch.Tensor) and given.shape == (2, 1):
            if t > 1:
                raise Mistake("That is only the token before: a bigram. All tokens before it may be seen.")
        if isinstance(given, torch.Tensor) and same(given, sequence[:, t:]):
            raise Mistake("Those are the tokens that come after: the model may see only those before.")
        if isinstance(given, torch.Tensor) and same(given, sequence[:t]):
            raise Mistake("You cut the batch: keep all rows, and the first t columns.")
        if isinstance(given, torch.Tensor) and given.shape == (2, 6):
            raise Mistake(f"Everything is seen, the answer too: only the tokens before token {t} may be.")
        given = as_tensor(given, (2, t), f"What may be seen before token {t}")
        diagnose(given, sequence[:, :t], {}, f"These are not the first {t} tokens of each row.")


@exercise("06.weighted_loss")
def weighted_loss(answer) -> None:
    """answer(text_nats, is_pad, image_nats): 1/8 of the mean over text tokens that count + 7/8 of the image's mean."""
    text = torch.tensor([[2.0, 4.0, 100.0], [6.0, 100.0, 100.0]])
    pad = torch.tensor([[False, False, True], [False, True, True]])
    image = torch.tensor([[1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 2.0, 2.0]])
    value = as_number(call(answer, text, pad, image, shown="text_nats, is_pad, image_nats"), "The loss")
    t, i, padded = 4.0, 2.0, text.mean().item()
    mistakes = {
        "Pads are counted: leave them out of the text's mean.": padded / 8 + 7 * i / 8,
        "Pads are set to 0 but still counted in the mean: divide by the number of text tokens that are no pads.": (
            12 / 6 / 8 + 7 * i / 8
        ),
        "The weights are swapped: 1/8 for the text, 7/8 for the image.": 7 * t / 8 + i / 8,
        "The weights are missing: 1/8 for the text, 7/8 for the image.": t + i,
        "That is the mean of both: weigh with 1/8 and 7/8.": (t + i) / 2,
        "That is the mean over all tokens together: take the two means first, then weigh them.": (12 + 16) / 11,
        "You take the pads instead of the text: turn is_pad round with ~.": 100 / 8 + 7 * i / 8,
        "You sum where a mean is wanted.": 12 / 8 + 7 * 16 / 8,
        "The text is missing: add 1/8 of its mean.": 7 * i / 8,
        "You average each caption first, then the captions: take one mean over all text tokens of the batch.": (
            4.5 / 8 + 7 * i / 8
        ),
    }
    diagnose(
        value, t / 8 + 7 * i / 8, mistakes, f"It should be {t / 8 + 7 * i / 8:.4f} here, and yours is {value:.4f}."
    )
