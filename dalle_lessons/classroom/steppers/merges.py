"""Lesson 05: a caption's letters grow together, one merge after another."""

from __future__ import annotations

from itertools import pairwise

import ipywidgets as widgets

from ...model.tokenizer import TextTokenizer, normalize
from ..figures import sequence
from .base import Frame, Stepper

SPACE = "Ġ"  # how byte-level BPE writes a space


class Merges(Stepper):
    """Each step applies the next merge to the caption in the text field: guess which pair it joins.

    tokenizer: whose merges are used, in the order in which they were learned.
    """

    title = "One merge at a time"
    strip = 3

    def __init__(self, tokenizer: TextTokenizer, caption: str):
        self.tokenizer = tokenizer
        self.caption = widgets.Text(value=caption, description="caption", continuous_update=False)
        self.caption.observe(lambda change: self.begin(), "value")
        self.cut()
        super().__init__((self.caption,))

    def begin(self) -> None:
        self.cut()
        self.renew()

    def cut(self) -> None:
        """All states of the caption, from bytes to tokens: at each step the pair that was learned first is joined,
        wherever it stands."""
        words = self.tokenizer.tokenizer.pre_tokenizer.pre_tokenize_str(normalize(self.caption.value)[:60] or "a")
        state = [list(word) for word, _ in words]
        self.states: list[list[list[str]]] = [state]
        self.joined: list[tuple[str, str]] = [("", "")]  # the first state was joined from nothing
        while pairs := {p for word in state for p in pairwise(word) if p in self.tokenizer.ranks}:
            best = min(pairs, key=self.tokenizer.ranks.__getitem__)
            state = [join(word, best) for word in state]
            self.states.append(state)
            self.joined.append(best)
        self.length = len(self.states)

    def choices(self, i: int) -> list[tuple[str, str]]:
        """Up to three pairs that stand in state i - 1, the one that is joined among them, in alphabetical order."""
        others = {p for word in self.states[i - 1] for p in pairwise(word)} - {self.joined[i]}
        known = sorted(others, key=lambda p: (self.tokenizer.ranks.get(p, 10**9), p))
        return sorted([self.joined[i], *known[:2]])

    def frame(self, i: int) -> Frame:
        picture = self.picture(i)
        if i == 0:
            return Frame(picture, f"{count(self.states[0])} bytes, each a token. {SPACE} stands for a space.")
        left, right = self.joined[i]
        rank = self.tokenizer.ranks[self.joined[i]]
        options = self.choices(i)
        return Frame(
            picture,
            f"<b>{left}</b> and <b>{right}</b> become <b>{left + right}</b>: merge number {rank + 1} of all that were "
            f"learned. {count(self.states[i])} tokens are left.",
            question="Which pair is joined next? (The one that was learned first: the most frequent.)",
            choices=tuple(f"{a} + {b}" for a, b in options),
            answer=options.index(self.joined[i]),
            hidden=self.picture(i - 1),
        )

    def picture(self, i: int):
        boxes = [(piece, "text") for word in self.states[i] for piece in word]
        words = " ".join(" ".join(word) for word in self.states[i])
        return sequence([boxes], title=f"after {i} merges", alt=f"The caption in {len(boxes)} pieces: {words}.")


def join(word: list[str], pair: tuple[str, str]) -> list[str]:
    """The word with every occurrence of the pair joined, from the left."""
    out: list[str] = []
    for piece in word:
        if out and (out[-1], piece) == pair:
            out[-1] += piece
        else:
            out.append(piece)
    return out


def count(state: list[list[str]]) -> int:
    return sum(map(len, state))
