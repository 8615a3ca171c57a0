"""Checks of lesson 04 on what is counted of each code: which one stands for it in a mirror, and what is beside it."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from . import CheckFailed, as_tensor, as_tokens, call, diagnose, exercise, same


@exercise("04.mirror_table")
def mirror_table(answer) -> Iterator[str]:
    """answer(tokens, mirrored, codes): (N, rows, cols) twice -> (codes,)."""
    chooser = torch.Generator().manual_seed(0)
    codes, unseen = 12, (4, 9)
    seen = torch.tensor([k for k in range(codes) if k not in unseen])
    truth = torch.arange(codes)
    truth[seen] = seen.roll(3)  # no code is its mirror image's mirror image: so the two directions differ
    tokens = seen[torch.randint(len(seen), (60, 4, 6), generator=chooser)]
    strange = torch.rand(tokens.shape, generator=chooser) < 0.35
    other = seen[torch.randint(len(seen), tokens.shape, generator=chooser)]
    mirrored = torch.where(strange, other, truth[tokens]).flip(2)
    shown = "tokens and mirrored of shape (60, 4, 6), codes = 12"
    given = as_tokens(call(answer, tokens, mirrored, codes, shown=shown), (codes,), "The table")

    def votes(a, b):
        return torch.bincount((a * codes + b).flatten(), minlength=codes * codes).reshape(codes, codes)

    def table(counts, empty=None):
        made = counts.argmax(dim=1)
        return torch.where(counts.sum(dim=1) > 0, made, torch.arange(codes) if empty is None else empty)

    turned = mirrored.flip(2)
    last = torch.arange(codes)
    for a, b in zip(tokens.flatten().tolist(), turned.flatten().tolist(), strict=True):
        last[a] = b
    mean = torch.arange(codes)
    for k in seen.tolist():
        mean[k] = int(turned[tokens == k].float().mean().round())
    mistakes = {
        "You compare each cell with the same cell of the mirror image: what stood on the left now stands on the right, "
        "so turn the rows of `mirrored` round first.": table(votes(tokens, mirrored)),
        "You flip up and down: the mirror exchanges left and right, the last axis.": table(
            votes(tokens, mirrored.flip(1))
        ),
        "You flip both ways, which is half a turn: the mirror exchanges left and right alone.": table(
            votes(tokens, mirrored.flip(1, 2))
        ),
        "That is the table back: from the mirrored code to the code; the index should be the code of `tokens`.": table(
            votes(turned, tokens)
        ),
        "Codes that never occur become code 0: nothing is known of them, so let them stay as they are.": table(
            votes(tokens, turned), torch.zeros(codes, dtype=torch.int64)
        ),
        "You keep the last partner that you saw: take the one that is seen most often.": last,
        "You average the numbers of codes, but they are names: take the partner that is seen most often.": mean,
        "The table changes nothing: each code stands for itself.": torch.arange(codes),
    }
    otherwise = "Some codes get another partner than the one that stands in their place most often."
    diagnose(given, truth, mistakes, otherwise)
    yield "the most frequent partner"
    one = torch.tensor([[[1, 2, 2]]])
    given = call(answer, one, torch.tensor([[[0, 0, 1]]]), 5, shown="one picture, codes = 5")
    given = as_tokens(given, (5,), "The table")
    diagnose(given, torch.tensor([0, 1, 0, 3, 4]), {}, "With 5 codes it fails: is a number of codes written in?")


@exercise("04.ink_beside")
def ink_beside(answer) -> Iterator[str]:
    """answer(tokens, ink, codes): (N, rows, cols) int64 and bool -> (codes,) shares."""
    chooser = torch.Generator().manual_seed(0)
    codes, unseen = 6, 4
    tokens = torch.randint(codes - 1, (30, 3, 5), generator=chooser)
    tokens[tokens == unseen] = 5
    ink = torch.rand(tokens.shape, generator=chooser) < 0.15 + 0.12 * tokens.roll(1, 2)
    given = call(answer, tokens, ink, codes, shown="tokens and ink of shape (30, 3, 5), codes = 6")
    given = as_tensor(given, (codes,), "The shares", lists=False)

    def shares(own, beside, empty=0.0):
        seen = torch.bincount(own.flatten(), minlength=codes)
        hits = torch.bincount(own[beside], minlength=codes)
        return torch.where(seen > 0, hits / seen.clamp(min=1), empty)

    own, right = tokens[:, :, :-1], ink[:, :, 1:]
    truth = shares(own, right)
    hits = torch.bincount(own[right], minlength=codes)
    if torch.isnan(given.float()[unseen]):
        raise CheckFailed("A code that never occurs gets 0 / 0: let its share be 0.")
    if given.dtype == torch.bool or same(given, hits):
        raise CheckFailed("You count: divide by how often each code stands there at all.")
    mistakes = {
        "You look at the left neighbor: the right one of the cell in column c stands in column c + 1.": shares(
            tokens[:, :, 1:], ink[:, :, :-1]
        ),
        "You look at the ink in the cell itself, not in its right neighbor.": shares(tokens, ink),
        "You look at the cell below: the right neighbor is in the same row.": shares(tokens[:, :-1], ink[:, 1:]),
        "You look at the cell above: the right neighbor is in the same row.": shares(tokens[:, 1:], ink[:, :-1]),
        "You look two columns on: the right neighbor of the cell in column c stands in column c + 1.": shares(
            tokens[:, :, :-2], ink[:, :, 2:]
        ),
        "You look at both sides: only the right neighbor is asked for.": shares(
            tokens[:, :, 1:-1], ink[:, :, 2:] | ink[:, :, :-2]
        ),
        "You cut the first column off both, so you look at the ink in the cell itself: cut the last column off "
        "`tokens`.": shares(tokens[:, :, 1:], ink[:, :, 1:]),
        "The last column has no right neighbor, and you count it with those that have one.": hits
        / torch.bincount(tokens.flatten(), minlength=codes).clamp(min=1),
        "At the right edge you look at the left one of the same row: leave the last column out.": shares(
            tokens, ink.roll(-1, 2)
        ),
        "That is which part of the ink each code stands beside: divide by how often the code occurs, not by all the "
        "ink.": hits / hits.sum(),
        "You divide by all cells: divide by how often each code occurs.": hits / own.numel(),
        "That is the share without ink: turn the condition round.": torch.where(
            torch.bincount(own.flatten(), minlength=codes) > 0, 1 - truth, 0.0
        ),
    }
    diagnose(given, truth, mistakes, "Some shares differ: which part of a code's cells has ink on the right?")
    yield "the shares"
    given = call(answer, torch.tensor([[[2, 2, 0]]]), torch.tensor([[[False, True, False]]]), 3, shown="one row")
    diagnose(as_tensor(given, (3,), "The shares"), torch.tensor([0, 0, 0.5]), {}, "With 3 codes in one row it fails.")
