"""Checks of lesson 06: fed, target and what counts; the weighted loss; completing; the leak."""

from __future__ import annotations

import torch
from torch import Tensor

from . import CheckFailed, as_number, as_tensor, as_tokens, call, check_gradient, describe, diagnose, exercise, same

PAD, SEP = 0, 9


@exercise("06.inputs_and_targets")
def inputs_and_targets(answer):
    """answer(sequence, pad, sep): (B, S) -> what is fed, the target, and whether it counts, each (B, S-1)."""
    sequence = torch.tensor([[1, 5, 6, 0, 0, 9, 13], [1, 7, 8, 2, 0, 9, 14], [1, 4, 0, 0, 0, 9, 18]])
    given = call(answer, sequence, PAD, SEP, shown="sequences of shape (3, 7), pad, sep")
    if not isinstance(given, tuple | list) or len(given) != 3:
        raise CheckFailed("Give three tensors: what is fed, the target, and which targets count.")
    fed, target, counts = given
    if all(isinstance(t, Tensor) for t in given) and fed.shape == target.shape == (3, 7):
        if same(fed, target):
            raise CheckFailed("Input and target are the same: each slot sees its own answer; shift the target by one.")
        if same(fed, sequence) and same(target, sequence.roll(-1, 1)):
            raise CheckFailed("The last slot would have to say the first token again: leave the last input and it out.")
        if same(fed[:, 1:], sequence[:, :-1]) and same(target, sequence):
            raise CheckFailed(
                "You put something in front of the start token: feed the row as it is, without its last one."
            )
        raise CheckFailed("Of 7 tokens 6 can be predicted, each from those before: all have shape (3, 6).")
    others = {
        (2, 7): "You cut the batch: keep all of its rows, and cut the columns, [:, …].",
        (3, 5): "Two tokens are cut off, so the target is two steps ahead: cut one, and go one step.",
        (6,): "Only the first row of the batch is left: keep all rows, [:, …].",
        (3, 1): "Only the last token has to be predicted: every slot must predict the token after it, (3, 6).",
        (3,): "Only one column is left: every slot must predict the token after it, (3, 6).",
    }
    fed = as_tokens(fed, (3, 6), "What is fed", others)
    target = as_tokens(target, (3, 6), "The target", others)
    right = sequence[:, :-1], sequence[:, 1:]
    if same(fed, right[1]) and same(target, right[0]):
        raise CheckFailed("The two are swapped: first what is fed, without the last token; then the target.")
    if same(fed, target):
        raise CheckFailed("Input and target are the same: each slot sees its own answer; shift the target by one.")
    diagnose(fed, right[0], {"The first token is never fed: keep it, drop the last.": right[1]}, "The input is wrong.")
    turned = {"The targets stand in reversed order: the first slot must predict the second token.": right[1].flip(1)}
    diagnose(
        target, right[1], turned, "The target of slot i is the token at i + 1: the sequence without its first token."
    )
    yield "fed and target"
    if isinstance(counts, Tensor) and counts.numel() == 1:
        raise CheckFailed("You count how many count: give True or False for each target, shape (3, 6).")
    whole = {(3, 7): "There are 6 targets and you marked 7 tokens: ask about the targets, not about the sequence."}
    counts = as_tensor(counts, (3, 6), "What counts", whole, lists=False).double()
    pads, seps = target == PAD, target == SEP
    mistakes = {
        "You ask what is fed; what counts depends on the target: a slot that is fed a word may have to say PAD.": (
            (fed != PAD) & (fed != SEP)
        ),
        "You ask what is fed, and whether that is a pad; what counts depends on the target.": fed != PAD,
        "[SEP] counts in yours: it always stands at the same slot, so there is nothing to learn from it.": ~pads,
        "Pads count in yours: nothing is to be learned from how a short caption is filled up.": ~seps,
        "Everything counts in yours: leave out PAD and [SEP] (with | between two !=, one of them is always true: &).": (
            torch.ones_like(pads)
        ),
        "It is the wrong way round: True where a target counts.": pads | seps,
        "Nothing counts in yours: no target is PAD and [SEP] at once.": torch.zeros_like(pads),
        "Only the picture's tokens count in yours: the words of the caption do, too.": target > SEP,
        "Only the words count in yours: the picture's tokens do, too.": ~pads & (target < SEP),
    }
    diagnose(counts, (~pads & ~seps).double(), mistakes, "A target counts if it is neither PAD nor [SEP].")
    if given[2].dtype != torch.bool:
        raise CheckFailed("What counts should be True or False, since later cells choose by it; yours are numbers.")


@exercise("06.weighted_loss")
def weighted_loss(answer) -> None:
    """answer(text_nats, counts, image_nats): 1/8 of the mean over text targets that count + 7/8 of the image's mean."""
    text = torch.tensor([[2.0, 4.0, 100.0], [6.0, 100.0, 200.0]])
    counts = torch.tensor([[True, True, False], [True, False, False]])
    image = torch.tensor([[1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 2.0, 2.0]])
    given = call(answer, text, counts, image, shown="text_nats, counts, image_nats")
    if isinstance(given, Tensor) and given.shape == (2,):
        raise CheckFailed("You give one loss for each pair: one number for the whole batch is wanted.")
    value = as_number(given, "The loss")
    t, i, padded = 4.0, 2.0, text.mean().item()
    right = t / 8 + 7 * i / 8
    mistakes = {
        "Pads are counted: leave them out of the text's mean.": padded / 8 + 7 * i / 8,
        "Pads are set to 0 but still counted in the mean: divide by the number of text targets that count.": (
            12 / 6 / 8 + 7 * i / 8
        ),
        "The first pad of a caption is counted: no pad carries loss, not even the first.": 212 / 5 / 8 + 7 * i / 8,
        "The weights are swapped: 1/8 for the text, 7/8 for the image.": 7 * t / 8 + i / 8,
        "The weights are missing: 1/8 for the text, 7/8 for the image.": t + i,
        "The image's weight, 7/8, is missing.": t / 8 + i,
        "The weights are 1 and 7: they are eighths, 1/8 and 7/8.": 8 * right,
        "That is the mean of both: weigh with 1/8 and 7/8.": (t + i) / 2,
        "The weights are 1/7 and 6/7 here: of eight parts the image has seven, so 1/8 and 7/8.": t / 7 + 6 * i / 7,
        "That is the mean over all tokens together: take the two means first, then weigh them.": (12 + 16) / 11,
        "You weigh each token and take one mean over text and image: take the two means first, then weigh them.": (
            (12 / 8 + 7 * 16 / 8) / 11
        ),
        "The weights are 1/7 and 1 here: of eight parts the image has seven, so 1/8 and 7/8.": t / 7 + i,
        "The sign is turned: nats are -ln of a probability already, so a loss of them has no minus.": -right,
        "You take whole rows where a target counts: text_nats[counts] takes the targets alone.": (
            text[counts.nonzero()].mean() / 8 + 7 * i / 8
        ),
        "The image's nats are summed for each picture: take the mean over all its tokens.": t / 8 + 7 * 8 / 8,
        "You take the pads instead of the text: turn the mask round with ~.": 400 / 3 / 8 + 7 * i / 8,
        "You sum where a mean is wanted.": 12 / 8 + 7 * 16 / 8,
        "The text is missing: add 1/8 of its mean.": 7 * i / 8,
        "The image is missing: add 7/8 of its mean.": t / 8,
        "You average each caption first, then the captions: take one mean over all text tokens of the batch.": (
            4.5 / 8 + 7 * i / 8
        ),
    }
    diagnose(value, right, mistakes, f"It should be {right:.4f} here, and yours is {value:.4f}.")
    check_gradient(answer, text, counts, image)


def _steep(sequence: Tensor) -> Tensor:
    """A model that is sure: after a sequence comes the sum of its tokens, modulo 7. (B, S) -> logits (B, S, 7)."""
    return 60.0 * torch.nn.functional.one_hot(sequence.cumsum(1) % 7, 7).float()


@exercise("06.complete")
def complete(answer):
    """answer(model, sequence, length, generator): the sequence, continued up to `length` tokens by sampling."""
    start = torch.tensor([[1, 3], [2, 2], [5, 6]])
    given = call(answer, _steep, start, 6, torch.Generator().manual_seed(0), shown="model, sequence, 6, generator")
    sure = {"first": start, "argmin": start, "alone": start[:, -1:], "at": start}
    for _ in range(4):
        sure["first"] = torch.cat((sure["first"], start[:, :1] % 7), dim=1)
        sure["alone"] = torch.cat((sure["alone"], sure["alone"][:, -1:] % 7), dim=1)
        sure["at"] = torch.cat((sure["at"], sure["at"].sum(1, keepdim=True) % 7), dim=1)
    right = sure["at"]
    others = {
        (3, 4): "Only the new tokens come back: give the whole sequence, the given tokens first.",
        (3, 8): "Six tokens were added: `length` says how long the whole is in the end.",
        (3, 7): "One token too many: stop as soon as the sequence has `length` tokens.",
        (3, 5): "One token too few: go on until the sequence has `length` tokens.",
        (3, 3): "One token was added, and then it ended: repeat until the sequence has `length` tokens.",
        (3, 2): "The sequence comes back as it was: join each new token to it, and go on from there.",
    }
    given = as_tokens(given, (3, 6), "The completed sequence", others)
    mistakes = {
        "The first slot's logits are used each time: the next token is predicted at the last slot, [:, -1].": (
            sure["first"]
        ),
        "The model is fed the last token alone, which does for a bigram; others look further back: feed the whole.": (
            torch.cat((start, sure["alone"][:, 1:]), dim=1)
        ),
        "The new tokens stand in front: join them at the end.": torch.cat((right[:, 2:], start), dim=1),
        "The same token is added each time: feed the model the sequence as it has grown.": torch.cat(
            (start, right[:, 2:3].expand(3, 4)), dim=1
        ),
    }
    diagnose(given[:, :2], start, {}, "The tokens that were given should stand at the beginning, unchanged.")
    diagnose(
        given,
        right,
        mistakes,
        "Other tokens come than the model is sure of: do you take the logits of the last slot?",
    )
    yield "continues"
    logits = torch.tensor([0.6, 0.3, 0.1]).log() + 1.0

    def loose(sequence: Tensor) -> Tensor:
        return logits.expand(*sequence.shape, 3)

    def run(seed: int) -> Tensor:
        first = torch.zeros(1500, 1, dtype=torch.int64)
        return as_tokens(call(answer, loose, first, 3, torch.Generator().manual_seed(seed)), (1500, 3))[:, 1:]

    drawn = run(0)
    share = torch.bincount(drawn.flatten(), minlength=3)[:3] / drawn.numel()
    if share.max() == 1:
        raise CheckFailed("You always take the likeliest token: sample by the probabilities, with torch.multinomial.")
    if (drawn == drawn[:1]).all():
        raise CheckFailed("All rows of the batch get the same token: sample one for each row.")
    if torch.equal(drawn[:, 0], drawn[:, 1]):
        raise CheckFailed(
            "Each new token repeats the dice of the one before: use the generator as it comes, and set no seed in the "
            "loop."
        )
    wrong = {
        "All tokens come equally often: softmax makes probabilities of the logits.": [1 / 3] * 3,
        "You sample by the logits: softmax turns them into probabilities first.": logits.clamp_min(0)
        / logits.clamp_min(0).sum(),
    }
    diagnose(
        share,
        torch.tensor([0.6, 0.3, 0.1]),
        wrong,
        "Tokens come in other shares than the model's .6, .3, .1: is the softmax over the last dimension?",
        0.06,
    )
    yield "samples"
    if not torch.equal(drawn, run(0)):
        raise CheckFailed("Twice the same seed, and other tokens: hand the generator on to torch.multinomial.")


def _running(sequence: Tensor) -> Tensor:
    """A model whose slot i has seen tokens 0 … i. (B, S) -> logits (B, S, 11)."""
    seen = sequence.cumsum(dim=1).float().unsqueeze(-1)
    return torch.sin(seen * torch.arange(1, 12) + sequence.float().unsqueeze(-1))


@exercise("06.leak")
def leak(answer) -> None:
    """answer(model, sequence): (B, S) -> logits (B, S-1, tokens), and the target of each (B, S-1)."""
    sequence = torch.tensor([[1, 4, 2, 7, 5, 3], [1, 6, 9, 8, 2, 10]])
    given = call(answer, _running, sequence, shown="model, sequences of shape (2, 6)")
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise CheckFailed("Give two tensors, as before: the logits, and the target of each.")
    logits, target = given
    if isinstance(logits, Tensor) and isinstance(target, Tensor):
        full = _running(sequence)
        known = {
            "Nothing has changed: change token 3, and the logits of target 3 change too, as they come from a slot that "
            "was fed token 3.": (full[:, 1:], sequence[:, 1:]),
            "Now all 6 slots have a target, and each was fed it: the leak is still there.": (full, sequence),
            "Both begin one earlier now, and still each slot has its own token as target: move one of the two alone.": (
                full[:, :-1],
                sequence[:, :-1],
            ),
            "Now each slot must predict the token before it, which it has seen, too: the target lies one step ahead.": (
                full[:, 1:],
                sequence[:, :-1],
            ),
            "Now the target lies two steps ahead: no answer is seen, but neither is the token just before it.": (
                full[:, :-2],
                sequence[:, 2:],
            ),
            "The last slot would have to say the first token: it has no target, so leave it out.": (
                full,
                sequence.roll(-1, 1),
            ),
            "The answer is hidden, and so is all else: the model is still to see the tokens before it.": (
                _running(torch.zeros_like(sequence))[:, :-1],
                sequence[:, 1:],
            ),
        }
        for sentence, (wrong_logits, wrong_target) in known.items():
            if same(logits, wrong_logits) and same(target, wrong_target):
                raise CheckFailed(sentence)
        if logits.ndim == 3 and target.ndim == 2 and logits.shape[1] != target.shape[1]:
            raise CheckFailed(
                f"There are logits at {logits.shape[1]} slots and {target.shape[1]} targets: each slot needs its one."
            )
    target = as_tokens(target, (2, 5), "The target")
    logits = as_tensor(logits, (2, 5, 11), "The logits", lists=False)
    diagnose(
        target,
        sequence[:, 1:],
        {},
        "The targets were right: the sequence without its first token.",
    )
    for t in range(1, 6):
        changed = sequence.clone()
        changed[:, t] = (changed[:, t] + 1) % 11
        after = call(answer, _running, changed)[0]
        if not same(logits[:, t - 1], after[:, t - 1]):
            raise CheckFailed(f"Change token {t}, and the logits of target {t} change too: it is still seen.")
    diagnose(
        logits,
        _running(sequence)[:, :-1],
        {},
        f"The logits of target t should be those of slot t - 1, and yours are {describe(logits)} from other slots.",
    )
