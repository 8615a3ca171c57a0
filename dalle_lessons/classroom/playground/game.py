"""Guess the caption, a game for two: one lets the model draw one of four captions, the other says which it was."""

from __future__ import annotations

import html
from collections.abc import Callable

import ipywidgets as widgets

from ..markup import LIVE, Markup
from .chips import button, row

CHOICES = 4


class Game(widgets.VBox):
    """Four buttons, what to do now, and the score.

    captions: gives four captions, other ones each time. draw: draws one without saying which. reveal: shows which it
    was. choose: which of the four is drawn when players leave it to the dice.
    """

    def __init__(
        self,
        captions: Callable[[], list[str]],
        draw: Callable[[str], None],
        reveal: Callable[[], None],
        choose: Callable[[list[str]], str],
    ):
        self.captions, self.draw, self.reveal, self.choose = captions, draw, reveal, choose
        self.right, self.rounds = [0, 0], [0, 0]  # of player 1 and of player 2, when they guess
        self.drawer, self.hidden = 0, ""
        self.status = Markup()
        self.buttons = [button("", "", lambda n=n: self.press(n)) for n in range(CHOICES)]
        self.dice = button("Choose for me", "Let the dice choose, so that one can play alone", self.choose_for_me)
        self.again = button("Next round", "Four other captions, and the players swap", self.next_round, "primary")
        self.end = button("End the game", "Close the game; the score is kept until then", self.leave)
        more = row(self.dice, self.again, self.end)
        super().__init__([Markup("<h3>Guess the caption</h3>"), self.status, row(*self.buttons), more])
        self.add_class("dalle-game")
        self.layout.display = "none"

    def begin(self) -> None:
        """A new game; the score starts at nothing."""
        self.right, self.rounds, self.drawer = [0, 0], [0, 0], 0
        self.layout.display = "flex"
        self._ask()

    def next_round(self) -> None:
        self.drawer = 1 - self.drawer
        self._ask()

    def leave(self) -> None:
        """Close the game. A drawing under way goes on, with its caption shown."""
        self.layout.display = "none"
        if self.hidden:
            self.hidden = ""
            self.reveal()

    def choose_for_me(self) -> None:
        self._let_draw(self.choose(self.choices))

    def press(self, n: int) -> None:
        """Button n: the drawer's choice, and then the other player's guess."""
        if self.hidden:
            self._guess(self.choices[n])
        else:
            self._let_draw(self.choices[n])

    def _ask(self) -> None:
        self.hidden, self.choices = "", self.captions()
        for one, caption in zip(self.buttons, self.choices, strict=False):
            one.description, one.disabled, one.button_style = caption, False, ""
        for one in self.buttons[len(self.choices) :]:  # a world with fewer captions
            one.layout.display = "none"
        self.dice.layout.display, self.again.layout.display = "inline-block", "none"
        self._name(f"Player {self.drawer + 1} draws this:")
        self._say(f"Player {2 - self.drawer}, look away. Player {self.drawer + 1}, click what is to be drawn.")

    def _let_draw(self, caption: str) -> None:
        self.hidden = caption
        self.dice.layout.display = "none"
        self._name(f"Player {2 - self.drawer} guesses:")
        self._say(f"Player {2 - self.drawer}, which of the four is it? You may say so before it is finished.")
        self.draw(caption)

    def _guess(self, guess: str) -> None:
        guesser, truth = 1 - self.drawer, self.hidden
        self.rounds[guesser] += 1
        self.right[guesser] += guess == truth
        for one, caption in zip(self.buttons, self.choices, strict=False):
            one.disabled = True
            if caption == truth:
                one.description, one.button_style = f"✓ {caption}", "success"
            elif caption == guess:
                one.description, one.button_style = f"✗ {caption}", "danger"
        self.again.layout.display = "inline-block"
        self.hidden = ""
        self._say(f"{'Right' if guess == truth else 'Not quite'}: it is {truth}. {self.score()}")
        self.reveal()

    def score(self) -> str:
        """Who guessed how many, and what mere luck would give."""
        each = ", ".join(f"player {n + 1}: {self.right[n]} of {self.rounds[n]}" for n in range(2) if self.rounds[n])
        luck = sum(self.rounds) / len(self.choices)
        return f"Guessed right, {each}. Blind guessing would give about {luck:g} of {sum(self.rounds)}."

    def _name(self, before: str) -> None:
        for one, caption in zip(self.buttons, self.choices, strict=False):
            one.tooltip = f"{before} {caption}"

    def _say(self, text: str) -> None:
        self.status.value = f"{LIVE}<b>{html.escape(text)}</b></div>"
