"""Lesson 01: a caption grows word by word, and fewer and fewer pictures fit it."""

from __future__ import annotations

import math

import ipywidgets as widgets

from ...datasets import Pairs
from ...datasets.shapes_check import compare, parse
from ..figures import image_grid
from ..markup import Markup
from .base import Frame, Stepper

SHOWN = 6  # pictures in a frame


class GrowingScene(Stepper):
    """Each step adds words to the caption in the text field, and shows training pictures that fit it so far.

    pairs: of the shapes world, with their scenes in `rows`.
    """

    title = "A caption grows"
    strip = 3

    def __init__(self, pairs: Pairs, caption: str):
        self.pairs = pairs
        self.caption = widgets.Text(
            value=caption,
            description="caption",
            continuous_update=False,
            layout={"width": "480px"},
            style={"description_width": "initial"},
        )
        self.caption.observe(lambda change: self.begin(), "value")
        self.problem = Markup()
        self.read()
        super().__init__((self.caption, self.problem))

    def begin(self) -> None:
        self.read()
        self.renew()

    def read(self) -> None:
        """The captions on the way from a bare noun to the caption in the field, one word or object more each time."""
        self.problem.value = ""
        chain = []
        try:
            caption = " ".join(self.caption.value.split())
            while caption:
                chain.append((caption, parse(caption)))
                caption = shorter(caption)
        except ValueError as error:
            self.problem.say(str(error))
        if not self.caption.value.strip():
            self.problem.say("There is no caption: write for example 'a small red circle above a big blue square'.")
        self.starts = chain[::-1]
        self.fitting = [list(range(len(self.pairs)))]
        for _, constraints in self.starts:
            self.fitting.append([i for i in self.fitting[-1] if self.fits(i, constraints)])  # a word more: fewer
        self.length = len(self.fitting)

    def fits(self, i: int, constraints) -> bool:
        """Does picture i show what is asked? One object may be any of those in the picture: "a square" says no more."""
        objects = self.pairs.metadata[i].objects
        shown = [(one,) for one in objects] if len(constraints.objects) == 1 else [objects]
        return any(compare(some, constraints).all_right for some in shown)

    def frame(self, i: int) -> Frame:
        count, whole = len(self.fitting[i]), len(self.pairs)
        picture = self.picture(i)
        if i == 0:
            return Frame(picture, f"No word yet: all {whole} pictures fit. Here are {SHOWN} of them.")
        options = sorted({count, count // 4, count * 3 + 1})
        start, before = self.starts[i - 1][0], len(self.fitting[i - 1])
        return Frame(
            picture,
            f"<b>{start}</b>: {count} of {whole} training pictures fit.",
            question=f"{before} pictures fit so far. “{start}”: how many of them still fit?",
            choices=tuple(str(n) for n in options),
            answer=options.index(count),
            because=how_much_it_says(before, count),
            hidden=self.picture(i - 1),
        )

    def picture(self, i: int):
        said = self.starts[i - 1][0] if i else "(no word)"
        some = self.fitting[i][:SHOWN]
        if not some:
            blank = self.pairs.pictures[:1] * 0 + 235
            return image_grid(blank, ["none fits"], SHOWN, said, f"No picture fits: {said}.")
        alt = f"{len(some)} pictures that fit: {said}."
        return image_grid(self.pairs.pictures[some], cols=SHOWN, title=said, alt=alt)


def how_much_it_says(before: int, count: int) -> str:
    """So many times fewer pictures, in bits: each halving is one."""
    if count == 0:
        return f"Of {before} none fits."
    if count == before:
        return f"All {before} still fit: among so few, these words say nothing more."
    times = before / count
    return f"{before} / {count} = {times:.1f} times fewer: what was added says {math.log2(times):.1f} bits."


def shorter(caption: str) -> str:
    """A caption with one adjective less, or without its second object or its place; "" for a bare noun."""
    words = caption.split()
    tries = [words[:i] + words[i + 1 :] for i in reversed(range(len(words)))]
    tries += [words[:i] for i in reversed(range(len(words)))]
    for fewer in tries:
        try:
            parse(" ".join(fewer))
        except ValueError:
            continue
        return " ".join(fewer)
    return ""
