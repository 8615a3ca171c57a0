"""The thread that draws for a playground, one thing at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol, cast

import ipywidgets as widgets

from ...datasets.emoji import with_article
from ...model.sampling import SAMPLING_BATCH
from ...pipeline.candidates import tokens_to_draw
from ...pipeline.drawing import Drawing, Drawings
from ...pipeline.text_to_image import StopDrawing, TextToImage
from .echo import Echo
from .game import Game
from .growing import watching
from .words import Known, warnings_of


class Page(Protocol):
    """What the drawer needs of a playground: fields to read, and places where a drawing is shown."""

    model: TextToImage
    known: Known
    game: Game
    caption: widgets.Text
    echo: Echo
    seed: Any
    temperature: Any
    guidance: Any
    candidates: Any
    progress: widgets.IntProgress
    stop_button: widgets.Button
    drawings: Drawings
    hidden: bool

    def say(self, text: str) -> None: ...
    def clear(self, caption: str) -> None: ...
    def show_growing(self, images) -> None: ...
    def show_drawings(self) -> None: ...
    def show_chosen(self, drawing: Drawing, name: str, source: Drawing | None = None) -> None: ...


class Drawer:
    """Draws what a playground's fields say, and shows it there. What is under way is stopped first."""

    def __init__(self, page: Page):
        self.page = page
        self._asked_to_stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._typed = False  # has the caption changed since it was read?

    def draw(self) -> None:
        """Draw the caption in the field, in a thread."""
        self.page.game.leave()  # what is drawn next has nothing to do with it
        self._begin(self._draw)

    def draw_hidden(self, caption: str, seed: int) -> None:
        """Draw a caption that is to be guessed, with a seed of its own: the one in the field stays."""
        self._begin(self._draw, caption, seed)

    def complete(self, drawing: Drawing, rows: int) -> None:
        """Keep the first rows of a drawing's tokens, and draw the rest."""
        self._begin(self._complete, drawing, rows)

    def edit(self, drawing: Drawing, style: str) -> None:
        """Draw a drawing again with the edit model, in a style."""
        self._begin(self._edit, drawing, style)

    def stop(self) -> None:
        """Ask the drawing under way to end after the token that it is at."""
        self._asked_to_stop.set()
        self.page.echo.give_up()

    def wait(self) -> None:
        """Until nothing is being drawn."""
        if self._thread is not None:
            self._thread.join()

    def _begin(self, work: Callable[..., None], *arguments) -> None:
        self.stop()
        self.wait()
        self._asked_to_stop.clear()

        def guarded() -> None:
            try:
                work(*arguments)
            except Exception as error:  # in a thread it would be printed somewhere, or lost
                expected = isinstance(error, (ValueError, StopDrawing))  # sentences for whoever types and clicks
                self.page.say(str(error) if expected else f"This went wrong: {type(error).__name__}: {error}")
            self.page.stop_button.disabled = True

        self._thread = threading.Thread(target=guarded, daemon=True)
        self._thread.start()

    def _draw(self, hidden_caption: str = "", seed: int | None = None) -> None:
        page = self.page
        caption = hidden_caption or self._settled_caption()
        if not caption.strip():
            page.caption.focus()
            raise ValueError("Type a caption first, or click one of the examples.")
        page.model.read(caption, page.model.dalle)  # too long a one is refused before anything goes away
        page.hidden = bool(hidden_caption)
        self._nine(caption, page.model.draw, (caption,), 0, seed)

    def _complete(self, drawing: Drawing, rows: int) -> None:
        given = rows * self.page.model.dalle.config.cols
        self._nine(drawing.caption, self.page.model.complete, (drawing.image, rows, drawing.caption), given)

    def _nine(
        self, caption: str, draw: Callable[..., Drawings], what: tuple, given: int, seed: int | None = None
    ) -> None:
        """Nine ranked pictures that grow. draw: the model's `draw` or `complete`; given: how many tokens are kept.
        seed: None for the one in its field."""
        page, model = self.page, self.page.model
        candidates = cast(int, page.candidates.value)  # one of the options: never None, as its type allows
        seed = page.seed.value if seed is None else seed
        options = {"temperature": page.temperature.value, "guidance": page.guidance.value}
        page.clear(caption)
        self._expect(tokens_to_draw(model.dalle, range(candidates), given))
        page.say(f"Drawing {candidates} candidates of {'a hidden caption' if page.hidden else f'“{caption}”'} …")
        watch, begin = watching(page.show_growing, model), time.perf_counter()

        def on_token(i, tokens, logits) -> None:
            watch(i, tokens, logits)
            self._token_drawn()

        page.drawings = draw(*what, images=9, candidates=candidates, seed=seed, on_token=on_token, **options)
        page.show_drawings()
        told, by = f"the best nine of {candidates}", "CLIP's score" if model.clip else "likelihood"
        if page.drawings.stopped:
            told = f"stopped: the best nine of {self._finished(given)}"
        kept = f" The first {given // model.dalle.config.cols} lines are kept." if given else ""
        strange = "" if page.hidden else warnings_of(caption, page.known)
        page.say(f"Seed {seed}: {told} by {by}, in {time.perf_counter() - begin:.1f} s.{kept} {strange}")

    def _finished(self, given: int) -> int:
        length = self.page.model.dalle.config.image_length - given
        return self.page.progress.value // length * SAMPLING_BATCH

    def _edit(self, source: Drawing, style: str) -> None:
        page = self.page
        if page.model.editor is None:  # the button is not there then
            raise ValueError("These weights hold no edit model.")
        self._expect(page.model.editor.config.image_length // 2)  # the lower half
        page.say(f"Drawing it again as {with_article(style)} …")
        drawn = page.model.edit(source.image, f"as {with_article(style)}", on_token=lambda *_: self._token_drawn())[0]
        page.show_chosen(drawn, f"Drawn again as {with_article(style)}", source)
        page.say(f"Drawn again as {with_article(style)}: the likeliest of 16.")

    def _expect(self, tokens: int) -> None:
        """So many tokens will be drawn, and may be stopped."""
        self.page.progress.value, self.page.progress.max = 0, tokens
        self.page.stop_button.disabled = False

    def _token_drawn(self) -> None:
        progress = self.page.progress
        progress.value += 1
        if self._asked_to_stop.is_set():
            raise StopDrawing(f"Stopped after {progress.value} of {progress.max} tokens: nothing is finished yet.")

    def _settled_caption(self) -> str:
        """The caption, once all of its letters have come."""
        if self._typed:
            self.page.echo.ask()
            self._typed = False
        return self.page.caption.value

    def note_letter(self, *_: object) -> None:
        """The caption has changed."""
        self._typed = True
