"""Checks of lesson 06: inputs and targets, what may be seen, the weighted loss."""

from __future__ import annotations

import torch

from . import CheckFailed, as_number, as_tokens, call, check_gradient, diagnose, exercise, same


@exercise("06.inputs_and_targets")
def inputs_and_targets(answer) -> None:
    """answer(sequence): (B, S) -> what is fed (B, S-1) and what must be said (B, S-1)."""
    sequence = torch.tensor([[1, 5, 6, 9, 3], [1, 7, 8, 2, 4], [1, 4, 6, 0, 8]])
    given = call(answer, sequence, shown="sequences of shape (3, 5)")
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise CheckFailed("Give two tensors: what is fed, and what must be said.")
    fed, target = given
    if all(isinstance(t, torch.Tensor) for t in given) and fed.shape == target.shape == (3, 5):
        if same(fed, target):
            raise CheckFailed("Input and target are the same: each slot sees its own answer; shift the target by one.")
        if same(fed, sequence) and same(target, sequence.roll(-1, 1)):
            raise CheckFailed("The last slot would have to say the first token again: leave the last input and it out.")
        if same(fed[:, 1:], sequence[:, :-1]) and same(target, sequence):
            raise CheckFailed(
                "You put something in front of the start token: feed the row as it is, without its last one."
            )
        raise CheckFailed("Of 5 tokens 4 can be predicted, each from those before: both have shape (3, 4).")
    others = {
        (2, 5): "You cut the batch: keep all of its rows, and cut the columns, [:, …].",
        (3, 3): "Two tokens are cut off, so the target is two steps ahead: cut one, and go one step.",
        (4,): "Only the first row of the batch is left: keep all rows, [:, …].",
        (3, 1): "Only the last token has to be said: every slot must say the token after it, (3, 4).",
    }
    fed = as_tokens(fed, (3, 4), "What is fed", others)
    target = as_tokens(target, (3, 4), "The target", others)
    right = sequence[:, :-1], sequence[:, 1:]
    if same(fed, right[1]) and same(target, right[0]):
        raise CheckFailed("The two are swapped: first what is fed, without the last token; then the target.")
    if same(fed, target):
        raise CheckFailed("Input and target are the same: each slot sees its own answer; shift the target by one.")
    diagnose(fed, right[0], {"The first token is never fed: keep it, drop the last.": right[1]}, "The input is wrong.")
    turned = {"The targets stand in reversed order: the first slot must say the second token.": right[1].flip(1)}
    diagnose(
        target, right[1], turned, "The target of slot i is the token at i + 1: the sequence without its first token."
    )


@exercise("06.may_see")
def may_see(answer) -> None:
    """answer(sequence, t): the tokens (B, t) that are known when token t is to be said."""
    sequence = torch.arange(32).reshape(4, 8)
    for t in (3, 1, 5):
        given = call(answer, sequence, t, shown=f"sequence, {t}")
        hidden = sequence.clone()
        hidden[:, t:] = 0
        mistakes = {
            f"Token {t} itself is among them: the model would see its answer. It may see those before.": (
                sequence[:, : t + 1]
            ),
            "The token just before is missing: all tokens before it may be seen.": sequence[:, : t - 1],
            "You cut the batch: keep all rows, and the first t columns.": sequence[:t],
            "The answer and the tokens after it: the model may see only those before.": sequence[:, t:],
            "Those are the tokens that come after: the model may see only those before.": sequence[:, t + 1 :],
            "That is only the token before: a bigram. All tokens before it may be seen.": sequence[:, t - 1 : t],
            "You count t from the end of the row: count from its start.": sequence[:, :-t],
            "The first token is left out: it is known, too.": sequence[:, 1:t],
            "All but the answer: what comes after it is not known yet, either.": torch.cat(
                (sequence[:, :t], sequence[:, t + 1 :]), dim=1
            ),
            "That is the answer, the token that is to be said: give those before it.": sequence[:, t],
            "Everything is seen, the answer too: only the tokens before it may be.": sequence,
            "The row keeps its length, with zeros for what comes: leave those columns out; 0 is a token, too.": hidden,
            "That is a mask of what may be seen: give the tokens.": torch.arange(8) < t,
        }
        if isinstance(given, torch.Tensor):
            diagnose(
                given, sequence[:, :t], mistakes, f"These are not the first {t} tokens of each row, shape (4, {t})."
            )
        as_tokens(given, (4, t), f"What may be seen before token {t}")


@exercise("06.weighted_loss")
def weighted_loss(answer) -> None:
    """answer(text_nats, is_pad, image_nats): 1/8 of the mean over text tokens that count + 7/8 of the image's mean."""
    text = torch.tensor([[2.0, 4.0, 100.0], [6.0, 100.0, 200.0]])
    pad = torch.tensor([[False, False, True], [False, True, True]])
    image = torch.tensor([[1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 2.0, 2.0]])
    given = call(answer, text, pad, image, shown="text_nats, is_pad, image_nats")
    if isinstance(given, torch.Tensor) and given.shape == (2,):
        raise CheckFailed("You give one loss for each pair: one number for the whole batch is wanted.")
    value = as_number(given, "The loss")
    t, i, padded = 4.0, 2.0, text.mean().item()
    mistakes = {
        "Pads are counted: leave them out of the text's mean.": padded / 8 + 7 * i / 8,
        "Pads are set to 0 but still counted in the mean: divide by the number of text tokens that are no pads.": (
            12 / 6 / 8 + 7 * i / 8
        ),
        "The first pad of a caption is counted: no pad carries loss, not even the first.": 212 / 5 / 8 + 7 * i / 8,
        "The weights are swapped: 1/8 for the text, 7/8 for the image.": 7 * t / 8 + i / 8,
        "The weights are missing: 1/8 for the text, 7/8 for the image.": t + i,
        "The image's weight, 7/8, is missing.": t / 8 + i,
        "That is the mean of both: weigh with 1/8 and 7/8.": (t + i) / 2,
        "The weights are 1/7 and 6/7 here: of eight parts the image has seven, so 1/8 and 7/8.": t / 7 + 6 * i / 7,
        "That is the mean over all tokens together: take the two means first, then weigh them.": (12 + 16) / 11,
        "You weigh each token and take one mean over text and image: take the two means first, then weigh them.": (
            (12 / 8 + 7 * 16 / 8) / 11
        ),
        "You take the pads instead of the text: turn is_pad round with ~.": 400 / 3 / 8 + 7 * i / 8,
        "You sum where a mean is wanted.": 12 / 8 + 7 * 16 / 8,
        "The text is missing: add 1/8 of its mean.": 7 * i / 8,
        "You average each caption first, then the captions: take one mean over all text tokens of the batch.": (
            4.5 / 8 + 7 * i / 8
        ),
    }
    diagnose(
        value, t / 8 + 7 * i / 8, mistakes, f"It should be {t / 8 + 7 * i / 8:.4f} here, and yours is {value:.4f}."
    )
    check_gradient(answer, text, pad, image)
