"""Lesson 05: a caption's bytes grow together, one merge after another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import ipywidgets as widgets

from ...model.tokenizer import normalize
from ..figures import show
from ..markup import Markup
from ..pictures import Picture
from ..spans import FONT, draw_spans, lines_needed, points_axes, spoken, written
from .base import Frame, Stepper

LONGEST = 200  # bytes of a text: the picture of more would be taller than a screen
LISTED = 12  # pairs whose counts are shown; of more, the most frequent ones
OFFERED = 4  # pairs to choose from
WIDTH, MARGIN = 8.6, 8.0  # inches; points
SIZES = (22, 17, 13)  # of the letters: the largest with which the text fits in a line
Pair = tuple[bytes, bytes]


class Merges(Stepper):
    """Each step joins one pair in the text of the field, wherever it stands: guess which, by the counts that are shown.

    merges: (left, right, how often it was counted when it was learned), in the order in which they were learned.
    """

    title = "One merge at a time"
    strip = 3

    def __init__(self, merges: Sequence[tuple[bytes, bytes, int]], caption: str):
        self.counts: dict[Pair, int] = {(left, right): times for left, right, times in merges}
        self.order: dict[Pair, int] = {(left, right): n for n, (left, right, _) in enumerate(merges, 1)}
        self.caption = widgets.Text(
            value=caption,
            description="your text",
            continuous_update=False,
            style={"description_width": "initial"},
            layout={"width": "80%"},
        )
        self.remark = Markup()
        self.cut(caption)
        self.caption.observe(lambda change: self.begin(), "value")
        super().__init__((self.caption, self.remark))

    def begin(self) -> None:
        """Step through the text in the field, if it can be: else say why not, and keep the one before."""
        text = normalize(self.caption.value)
        size = len(text.encode())
        if not text:
            self.remark.say("There is no letter in it: type a word. Below is still the text before.")
        elif size > LONGEST:
            self.remark.say(
                f"This text has {size} bytes, and {LONGEST} fit in the picture: shorten it. Below is still the text "
                "before."
            )
        else:
            self.remark.say("" if text == self.caption.value else f"Read as: {text}")
            self.cut(text)
            self.renew()

    def cut(self, text: str) -> None:
        """All states of the text, from bytes to what no merge joins: at each step the pair that was learned first."""
        state = [[bytes([byte]) for byte in f" {word}".encode()] for word in normalize(text).split()]
        self.states: list[list[list[bytes]]] = [state]
        self.joined: list[Pair] = [(b"", b"")]  # the first state was joined from nothing
        while pairs := known_pairs(state, self.order):
            best = min(pairs, key=self.order.__getitem__)
            state = [join(word, best) for word in state]
            self.states.append(state)
            self.joined.append(best)
        self.length = len(self.states)

    def frame(self, i: int) -> Frame:
        size = sum(map(len, self.states[i]))
        if i == 0:
            return Frame(self.picture(0), f"{size} bytes, each a token. ␣ is the space before a word.")
        pair = self.joined[i]
        left = (
            "No pair is left that was learned: these are the tokens." if i == self.length - 1 else f"{size} tokens now."
        )
        text = f"<b>{name(pair)}</b> became one piece, in the frame: merge {self.order[pair]} of {len(self.order)}. "
        pairs = known_pairs(self.states[i - 1], self.order)
        others = sorted((p for p in pairs if p != pair), key=self.order.__getitem__)
        if not others:
            return Frame(self.picture(i), f"{text}It was the only pair here that was ever learned. {left}")
        second = others[0]
        because = f"{name(pair)} was counted {times(self.counts[pair])}, {name(second)} {times(self.counts[second])}"
        if self.counts[pair] == self.counts[second]:
            because += f"; of equals, the one learned first: merge {self.order[pair]} before {self.order[second]}"
        options = sorted([pair, *others[: OFFERED - 1]], key=pairs.index)
        return Frame(
            self.picture(i),
            text + left,
            question="Which pair is joined next? Below stands how often each was counted in the captions.",
            choices=tuple(name(p) for p in options),
            answer=options.index(pair),
            because=f"{because}.",
            hidden=self.picture(i - 1, counts=True),
        )

    def picture(self, i: int, counts: bool = False) -> Picture:
        """State i, the piece that was made last in a frame; with `counts`, how often its pairs were counted."""
        pieces = [piece for word in self.states[i] for piece in word]
        new = b"".join(self.joined[i])
        room = 72 * WIDTH - 2 * MARGIN
        pairs = known_pairs(self.states[i], self.order)
        listed = sorted(sorted(pairs, key=self.order.__getitem__)[:LISTED], key=pairs.index) if counts else []
        rows = -(-len(listed) // 4)
        letters = [byte for word in self.states[0] for byte in word]
        size = next((size for size in SIZES if lines_needed(letters, room, size) == 1), SIZES[-1])
        bottom = lines_needed(pieces, room, size) * 1.8 * size + 2 * MARGIN
        more = f"and {len(pairs) - LISTED} that were counted less often" if counts and len(pairs) > LISTED else ""
        figure, ax = points_axes(WIDTH, (bottom + 15 * rows + (15 if more else 0) + (8 if counts else 0)) / 72)
        framed = {n for n, piece in enumerate(pieces) if piece == new}
        draw_spans(ax, (MARGIN, MARGIN), pieces, MARGIN + room, size=size, framed=framed)
        for n, pair in enumerate(listed):
            place = (MARGIN + n % 4 * room / 4, bottom + 15 * (n // 4) + 4)
            ax.text(
                *place,
                f"{name(pair)}: {self.counts[pair]:,}",
                fontsize=9,
                fontfamily=FONT,
                va="center",
                parse_math=False,
            )
        ax.text(MARGIN, bottom + 15 * rows + 4, more, fontsize=9, va="center")
        alt = f"The text in {len(pieces)} pieces: {spoken(pieces)}."
        if counts:
            alt += " Counted: " + ", ".join(f"{name(p)} {times(self.counts[p])}" for p in listed) + f" {more}."
        return show(figure, alt)


def name(pair: Pair) -> str:
    """A pair in letters: "␣c + a"."""
    return " + ".join(written(piece) for piece in pair)


def times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def known_pairs(state: list[list[bytes]], order: dict[Pair, int]) -> list[Pair]:
    """The pairs of neighbors in a state that were learned, each once, as they come in the text."""
    return list(dict.fromkeys(pair for word in state for pair in pairwise(word) if pair in order))


def join(word: list[bytes], pair: Pair) -> list[bytes]:
    """The word with every occurrence of the pair joined, from the left."""
    out: list[bytes] = []
    i = 0
    while i < len(word):
        if tuple(word[i : i + 2]) == pair:
            out.append(word[i] + word[i + 1])
            i += 2
        else:
            out.append(word[i])
            i += 1
    return out
