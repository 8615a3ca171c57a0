"""Has everything arrived that was typed before Enter?

A page sends the first new letter of a field at once, and holds the others back until the kernel has answered. Keys and
clicks are not held back, so Enter overtakes the letters before it, the more so the slower the machine. But messages
keep their order: if the kernel then asks the page for something, the letters are on their way before the answer.
"""

from __future__ import annotations

import threading

import ipywidgets as widgets

PATIENCE = 2.0  # seconds: where no page is open, as in a notebook that a program runs, nobody answers


class Echo(widgets.Play):
    """A player that is never seen. What a page answers with is its one step, from 0 to 1."""

    def __init__(self):
        super().__init__(min=0, max=1, layout={"display": "none"})
        self._heard = threading.Event()
        self.observe(self._hear, "value")

    def ask(self) -> None:
        """Wait until the page has answered; not in the kernel's own thread, which would not hear it."""
        self._heard.clear()
        self.value, self.playing = 0, True
        self._heard.wait(PATIENCE)
        self.playing = False

    def give_up(self) -> None:
        """Wait no longer."""
        self._heard.set()

    def _hear(self, change) -> None:
        if change["new"] == 1:
            self._heard.set()
