"""Checks of lesson 13: going on from given tokens, which parts can be given first, filling in, an editor's loss."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from . import CheckFailed, as_tokens, call, check_gradient, describe, diagnose, exercise, same


@exercise("13.go_on")
def go_on(answer) -> None:
    """answer(next_logits, given, length): keep the given tokens (n,), add the likeliest until there are `length`."""
    seen: list[tuple[int, ...]] = []

    def next_logits(tokens):  # the likeliest token is one more than the sum of those before, modulo 7
        seen.append(tuple(int(t) for t in tokens))
        logits = torch.zeros(7)
        logits[(sum(seen[-1]) + 1) % 7] = 2.0
        return logits

    def truth(given: list[int], length: int) -> list[int]:
        tokens = list(given)
        while len(tokens) < length:
            tokens.append((sum(tokens) + 1) % 7)
        return tokens

    for given in ([3, 5], [], [2]):
        seen.clear()
        start = torch.tensor(given, dtype=torch.int64)
        value = call(answer, next_logits, start, 6, shown=f"next_logits, {given}, 6")
        count = len(value) if hasattr(value, "__len__") else -1
        if count == 6 - len(given) and given:
            raise CheckFailed("Only the new tokens come back: the given ones belong to the picture, in front of them.")
        if count == 6 + len(given) and given:
            raise CheckFailed("`length` counts the whole picture, given tokens included: you draw that many new ones.")
        value = as_tokens(value, (6,), "The tokens")
        right = truth(given, 6)
        if value[: len(given)].tolist() != given:
            if value.tolist() == truth([], 6):
                raise CheckFailed(
                    "The given tokens are replaced by the model's own: keep them, and draw only what follows."
                )
            raise CheckFailed("The given tokens have changed: they are kept as they are, and stand first.")
        if value.tolist() != right:
            if any(len(tokens) < len(given) for tokens in seen):
                raise CheckFailed(
                    "The model must see the given tokens from the first new one on: feed them before you draw."
                )
            if value.tolist()[len(given) :] == truth([], 6)[: 6 - len(given)]:
                raise CheckFailed("The new tokens do not follow from the given ones: feed these to the model too.")
            if len({tokens for tokens in seen}) < len(seen):
                raise CheckFailed("The model sees the same tokens again and again: add each new token before the next.")
            raise CheckFailed(
                f"After {given} the likeliest tokens are {right[len(given) :]}, not {value[len(given) :].tolist()}."
            )


@exercise("13.can_be_given")
def can_be_given(answer) -> None:
    """answer(known): (rows, cols) bool, the known cells -> can they simply be given, as the first tokens?"""
    top = torch.zeros(4, 4, dtype=torch.bool)
    top[:2] = True
    left, broken, part = torch.zeros_like(top), top.clone(), top.clone()
    left[:, :2] = True
    broken[0, 3] = False
    part[2, :2] = True
    cases = (
        ("the top half", top, True, "The first rows of tokens come first in raster order: they can be given."),
        ("the left half", left, False, "After the left of row 0 the right of row 0 is to be drawn, before the left of "
         "row 1: the left half is no beginning of the sequence."),
        ("two rows and half of the next", part, True, "A row need not be whole: what counts is that all known tokens "
         "come before all unknown ones."),
        ("the top half with a hole", broken, False, "There is an unknown token between known ones: what comes after it "
         "cannot be given first."),
        ("the bottom half", top.flip(0), False, "The bottom comes last: the model would have to draw the top without "
         "having seen it."),
        ("nothing", torch.zeros_like(top), True, "With nothing known, all is drawn: that is an ordinary drawing."),
        ("everything", torch.ones_like(top), True, "If all is known, nothing is left to draw, and nothing is wrong."),
    )  # fmt: skip
    for name, known, truth, sentence in cases:
        value = call(answer, known, shown=name)
        if isinstance(value, torch.Tensor) and value.numel() != 1:
            raise CheckFailed(f"The answer should be True or False, but it is {describe(value)}.")
        if bool(value) != truth:
            raise CheckFailed(f"For {name} it should be {truth}. {sentence}")


CODES = 7  # of the little model on which fill_in is tried
HIDDEN = 6  # the code that stands under hidden cells


@exercise("13.fill_in")
def fill_in(answer) -> None:
    """answer(next_logits, choose, tokens, known): (B, N) tokens, (N,) bool -> (B, N), known ones kept, others drawn."""
    seen: list[Tensor] = []

    def next_logits(tokens):  # the likeliest code is one more than the sum of those before, modulo 5
        if not isinstance(tokens, Tensor) or tokens.ndim != 2:
            raise CheckFailed(f"next_logits takes a tensor (B, n), all tokens so far, not {describe(tokens)}.")
        seen.append(tokens.clone())
        return 2.0 * F.one_hot((tokens.sum(dim=1) + 1) % 5, CODES)

    def choose(logits):
        return logits.argmax(dim=-1)

    def truth(tokens: Tensor, known: Tensor) -> Tensor:
        out = tokens[:, :0]
        for i in range(tokens.shape[1]):
            drawn = (out.sum(dim=1) + 1) % 5
            out = torch.cat((out, (tokens[:, i] if known[i] else drawn)[:, None]), dim=1)
        return out

    given = torch.tensor([[1, 3, 0, 2, 4, 1], [2, 2, 4, 0, 3, 3]])
    for name, mask in (
        ("a hole in the middle", [True, True, False, False, True, True]),
        ("a hidden beginning", [False, False, True, True, True, True]),
        ("a hidden end", [True, True, True, False, False, False]),
        ("every second one hidden", [True, False, True, False, True, False]),
        ("nothing known", [False] * 6),
    ):
        known = torch.tensor(mask)
        tokens = given.masked_fill(~known, HIDDEN)
        seen.clear()
        value = call(answer, next_logits, choose, tokens, known, shown=f"…, {name}")
        alone = tuple((2, int(n)) for n in {int((~known).sum()), int(known.sum())} - {0, 6})
        others = dict.fromkeys(alone, "Some tokens are missing: the whole picture comes back, known and drawn ones.")
        others |= {(6,): "There are B pictures, and each stays a line of its own: (B, N)."}
        value = as_tokens(value, (2, 6), "What comes back", others)
        right = truth(tokens, known)
        if torch.equal(value, right):
            continue
        free = truth(tokens, torch.zeros_like(known))
        if not torch.equal(value[:, known], tokens[:, known]):
            if torch.equal(value, free):
                raise CheckFailed("All is drawn, and the known tokens are gone: where a token is known, force it.")
            if torch.equal(value, truth(tokens, ~known)):
                raise CheckFailed("It is the wrong way round: `known` is True where the token is to be kept.")
            raise CheckFailed(f"With {name}, a known token has changed: where known[i] is True, it stays tokens[:, i].")
        if (value == HIDDEN).any():
            raise CheckFailed(f"With {name}, a hidden token came back as it was: where known[i] is False, draw one.")
        if any((some[:, : len(known)] == HIDDEN).any() for some in seen):
            raise CheckFailed(
                "The model sees the tokens that are hidden: feed it what you have so far, known or drawn."
            )
        if torch.equal(value, torch.where(known, tokens, free)):
            raise CheckFailed(
                "The known tokens are put in after all has been drawn, so the drawn ones follow from others: force "
                "each at its turn, before the next is drawn."
            )
        first = int((~known).nonzero()[0])
        if any(some.shape[1] < first for some in seen) and torch.equal(value[:, first], free[:, 0]):
            raise CheckFailed("The drawn tokens do not follow from the known ones before them: feed these too.")
        where = int((value != right).any(dim=0).nonzero()[0])
        raise CheckFailed(
            f"With {name}, token {where} should follow from the {where} before it, known and drawn ones: "
            f"{right[:, where].tolist()}, not {value[:, where].tolist()}."
        )


@exercise("13.edit_loss")
def edit_loss(answer) -> None:
    """answer(model, text, top, bottom): (B, T), (B, n), (B, n) int64 -> nats a token of the bottom, a 0-d tensor."""
    torch.manual_seed(0)
    batch, n, codes = 3, 4, 5
    text, top = torch.zeros(batch, 2, dtype=torch.int64), torch.randint(codes, (batch, n))
    bottom = (top + torch.randint(1, codes, (batch, n))) % codes
    weight = torch.randn(codes, codes, requires_grad=True)  # code before -> logits of the code after it
    fed: list[Tensor] = []

    class Model:
        """As a DALL·E: logits i are of image token i, given those before it; the last token is never fed."""

        config = None

        def __call__(self, words, tokens):
            if not isinstance(tokens, Tensor) or tokens.ndim != 2:
                raise CheckFailed(f"The model takes one tensor of image tokens, (B, 2n), not {describe(tokens)}.")
            fed.append(tokens.clone())
            before = F.pad(tokens[:, :-1], (1, 0))
            return torch.zeros(len(tokens), 1, 9), weight[before] + 0.1 * torch.arange(tokens.shape[1])[:, None].sin()

        def loss(self, *_):
            raise CheckFailed("model.loss weighs text and the whole picture: here only the bottom counts. Take logits.")

    model = Model()
    value = call(answer, model, text, top, bottom, shown="model, text, top, bottom")
    if not fed:
        raise CheckFailed("The model is never asked: call model(text, tokens), which gives two kinds of logits.")
    tokens = fed[-1]
    if tokens.shape[1] != 2 * n:
        raise CheckFailed(
            f"The model was fed {tokens.shape[1]} image tokens of {2 * n}: top and bottom, joined along dim 1, are one "
            "picture, twice as tall."
        )
    if not torch.equal(tokens, torch.cat((top, bottom), dim=1)):
        if torch.equal(tokens, torch.cat((bottom, top), dim=1)):
            raise CheckFailed("Bottom and top are exchanged: what is given comes first in the sequence.")
        raise CheckFailed("The model should be fed all tokens of the top, then all of the bottom, joined along dim 1.")
    logits = model(text, tokens)[1].detach()
    nll = F.cross_entropy(logits.transpose(1, 2), tokens, reduction="none")  # (B, 2n)
    late = F.cross_entropy(logits[:, n - 1 : -1].transpose(1, 2), bottom)
    early = F.cross_entropy(logits[:, n + 1 :].transpose(1, 2), bottom[:, :-1])
    mistakes: dict[str, object] = {
        "The top counts too: it is given, and need not be predicted. Only the bottom's tokens carry loss.": nll.mean(),
        "That is the top's loss: it is the bottom that is to be drawn.": nll[:, :n].mean(),
        "Logits i are already of token i, given those before it: no shift by one.": late,
        "Logits i are of token i, not of the token before it: no shift by one.": early,
        "The logits of the top are compared with the tokens of the bottom.": F.cross_entropy(
            logits[:, :n].transpose(1, 2), bottom
        ),
        "Nats a token are a mean, not a sum over all tokens.": nll[:, n:].sum(),
        "A mean over tokens and pictures alike: this is the sum over a picture's tokens.": nll[:, n:].sum(1).mean(),
        "The sign: a loss is minus the logarithm of the probability.": -nll[:, n:].mean(),
        "cross_entropy does the softmax itself: give it the logits.": F.cross_entropy(
            logits[:, n:].softmax(-1).transpose(1, 2), bottom
        ),
    }
    truth = nll[:, n:].mean()
    if isinstance(value, Tensor) and value.ndim > 0 and same(value.detach().mean(), truth):
        raise CheckFailed(f"One number is asked for, the mean, but it is {describe(value)}: leave the reduction on.")
    diagnose(value, truth, mistakes, f"The bottom costs {float(truth):.4f} nats a token here, not what came back.")
    check_gradient(lambda w: answer(_Through(w), text, top, bottom), weight)


class _Through:
    """A model of one table of logits, through which a gradient must come back."""

    def __init__(self, weight: Tensor):
        self.weight = weight

    def __call__(self, words: Tensor, tokens: Tensor) -> tuple[None, Tensor]:
        return None, self.weight[F.pad(tokens[:, :-1], (1, 0))]
