"""Styles and things to click, below the caption."""

from __future__ import annotations

import random
from collections.abc import Callable

import ipywidgets as widgets

from .chips import button, chips
from .words import Known, some_captions, split_style, with_style


class Examples(widgets.VBox):
    """A row of styles, the one of the caption marked, and a row of things. A click writes the caption, and draws it.

    caption: the field that is written. draw: draws what stands there.
    """

    def __init__(self, caption: widgets.Text, known: Known, draw: Callable[[], None], dice: random.Random):
        self.caption, self.known, self.draw, self.dice = caption, known, draw, dice
        self.things = list(known.favorites)
        self._marked: str | None = None
        super().__init__()
        self.mark()

    @property
    def style(self) -> str:
        """The style that the caption begins with, "" if with none."""
        return split_style(self.caption.value, self.known.styles)[0]

    def mark(self) -> None:
        """Mark the caption's style. To be called when the caption has changed."""
        if self.style != self._marked:
            self._marked = self.style
            self._show()

    def _show(self) -> None:
        things = chips("It knows:", self.things, self.take_thing)
        things.children = (*things.children, button("More …", "Show other examples", self.other_things))
        rows = [chips("Style:", (*self.known.styles, ""), self.take_style, self.style)] if self.known.styles else []
        self.children = (*rows, things)

    def take_style(self, style: str) -> None:
        """Draw the caption's thing, if it names one, in this style, "" for none."""
        self.caption.value = with_style(self.caption.value, style, self.known.styles)
        if split_style(self.caption.value, self.known.styles)[1]:
            self.draw()

    def take_thing(self, thing: str) -> None:
        """Draw this thing in the caption's style; a whole caption as it is; a word of a model without training captions
        is added to the caption, and not yet drawn."""
        if not self.known.count:
            self.caption.value = f"{self.caption.value} {thing}".strip()
            return
        self.caption.value = with_style(thing, self.style, self.known.styles) if self.style else thing
        self.draw()

    def other_things(self) -> None:
        """Other examples, by chance."""
        self.things = self.dice.sample(self.known.things, min(len(self.known.favorites), len(self.known.things)))
        self._show()

    def surprise(self) -> None:
        """Draw a caption that the dice choose."""
        self.caption.value = some_captions(self.known, 1, self.dice)[0]
        self.draw()
