"""All of it together: Playground.

A widget's callback holds up the kernel until it returns, and no other click is heard meanwhile. So a drawing is made in
a thread of its own, and after each token it looks whether it is to stop.
"""

from __future__ import annotations

import html
import random
from pathlib import Path
from typing import cast

import ipywidgets as widgets

from ...datasets.emoji import emoji
from ...datasets.pairs import Pairs
from ...datasets.shapes import shapes
from ...pipeline.drawing import Drawing, Drawings
from ...pipeline.text_to_image import TextToImage
from ..figures import image_grid
from ..markup import Markup, image, said, style
from ..pictures import to_picture
from .chips import STYLE, button, row
from .drawing import Drawer
from .echo import Echo
from .examples import Examples
from .game import CHOICES, Game
from .look_into import neighbors_of, save, saved_words, score_of, tokens_of
from .words import Known, colored, known_from, some_captions, split_style

WORLDS = {  # what is drawn first, and what the drawings are compared with
    "emoji": ("a cartoon of a rocket", lambda: emoji("train")),
    "shapes": ("a small red circle above a big blue square", lambda: shapes("train", 4000)),
}
# The two finishes of one illustrator's drawings: the edit model keeps the lines from the one to the other.
OTHER_FINISH = {"illustration": ("sketch", "Only its lines"), "sketch": ("illustration", "Color it in")}


class Playground(widgets.VBox):
    """Caption, examples and settings; nine pictures that grow and are ranked; what stands behind each; a game.

    model: what draws. training: the pictures it learned from, if there is something to compare with. caption: the first
    to be drawn, at once, so that the page shows something. folder: where saved pictures go, made when first needed.
    """

    def __init__(self, model: TextToImage, training: Pairs | None, caption: str, folder: str | Path = "drawings"):
        self.model, self.training, self.folder = model, training, Path(folder).absolute()
        self.known: Known = known_from(training, model.tokenizer)
        self.drawings, self.chosen = Drawings(), cast("Drawing | None", None)
        self.subject, self.hidden = "", False  # what is drawn, and is it to be guessed?
        self.dice = random.Random()
        self.drawer, self.echo = Drawer(self), Echo()
        self.draw, self.stop, self.wait = self.drawer.draw, self.drawer.stop, self.drawer.wait
        self._controls(caption)
        self._tiles()
        self._panel()
        self.game = Game(self._four_captions, self._draw_hidden, self._reveal, self.dice.choice)
        top = row(self.caption, self.draw_button, self.stop_button, self.surprise, self.play_game)
        settings = row(self.seed, self.another, self.temperature, self.guidance, self.candidates)
        head = [Markup("<h2>Say what it should draw</h2>"), top, self.words, self.examples, settings]
        parts = {"head": [*head, self.game, self.progress, self.status, self.echo]}
        parts["left"] = [self.headline, self.grid, row(self.keep_all), self.saved_all]
        boxes = [widgets.VBox(inside).add_class(f"dalle-{name}") for name, inside in parts.items()]
        page = widgets.VBox([*boxes, self.panel]).add_class("dalle-page")
        super().__init__([style(STYLE), page])
        self.add_class("dalle-playground")
        self.draw()
        self.wait()

    def _controls(self, caption: str) -> None:
        def setting(kind, name: str, value, **more):
            style = {"description_width": "85px"}
            return kind(value=value, description=name, layout={"width": "175px"}, style=style, **more)

        wide = {"width": "480px", "max_width": "98%"}
        hint = "a style and a thing, such as: a cartoon of a rocket" if self.known.styles else "what should be drawn"
        self.caption = widgets.Text(value=caption, placeholder=hint, description="caption", layout=wide)
        self.draw_button = button("Draw", "Draw nine pictures of the caption", self.draw, "primary")
        self.stop_button = button("Stop", "Stop drawing", self.stop)
        self.play_game = button("A game for two", "Guess the caption: one draws, the other guesses", self.begin_game)
        self.play_game.layout.display = "inline-block" if len(self.known.captions) >= CHOICES else "none"
        self.another = button("Another seed", "Draw with the next seed", self.draw_another)
        self.seed = setting(widgets.BoundedIntText, "seed", 0, min=0, max=2**31)
        self.temperature = setting(widgets.BoundedFloatText, "temperature", 1.0, min=0, max=3, step=0.1)
        self.guidance = setting(widgets.BoundedFloatText, "guidance", 0.0, min=-1, max=5, step=0.5)
        self.candidates = setting(widgets.Dropdown, "candidates", 32, options=(9, 32, 64, 128))
        self.progress = widgets.IntProgress(
            layout={"width": "480px", "max_width": "calc(100% - 4px)", "height": "10px"}
        )
        self.status, self.words, self.headline = Markup(), Markup(), Markup()
        # Enter in the caption's field. (on_submit would do the same, but is to be dropped from ipywidgets.)
        self.caption.on_msg(lambda _, content, buffers: content.get("event") == "submit" and self.draw())
        self.caption.observe(self.drawer.note_letter, "value")
        self.examples = Examples(self.caption, self.known, self.draw, self.dice)
        self.surprise = button("Surprise me", "Draw a caption that the dice choose", self.examples.surprise)
        self.caption.observe(lambda _: self._caption_changed(), "value")
        self._caption_changed()

    def _caption_changed(self) -> None:
        self.words.value = colored(self.caption.value, self.known, self.model.tokenizer)
        self.examples.mark()

    def _tiles(self) -> None:
        self.pictures = [Markup() for _ in range(9)]
        self.buttons = [button("–", "No picture yet", lambda n=n: self.look_at(n)) for n in range(9)]
        tiles = [widgets.VBox(both) for both in zip(self.pictures, self.buttons, strict=True)]
        self.grid = widgets.GridBox(tiles).add_class("dalle-tiles")
        self.keep_all = button("Save these nine", "Save the nine pictures in one, signed and marked", self.save_all)
        self.saved_all = Markup()

    def _panel(self) -> None:
        self.keep = button("Save this one", "Save this picture, signed and marked", self.save, "primary")
        self.more = button("More like this", "Keep its first lines of tokens, draw the rest anew", self.more_like_this)
        most = self.model.dalle.config.rows
        style, layout = {"description_width": "initial"}, {"width": "270px"}
        bounds = {"min": 1, "max": most - 1, "value": most // 2}
        self.rows = widgets.IntSlider(description="lines kept", style=style, layout=layout, **bounds)
        self.sketch = button("", "", self.draw_in_other_finish)
        self.shut = button("Close", "Close this picture", self.close_panel)
        self.saved, self.details, self.near, self.about = Markup(), Markup(), Markup(), Markup()
        parts = [self.about, row(self.keep, self.sketch, self.shut), self.saved, row(self.more, self.rows)]
        self.panel = widgets.VBox([*parts, self.details, self.near], layout={"display": "none"})
        self.panel.add_class("dalle-panel")

    def draw_another(self) -> None:
        self.seed.value += 1
        self.draw()

    def more_like_this(self) -> None:
        """Keep the chosen picture's first lines, and draw the rest; with the next seed, as the same brings the same."""
        if self.chosen is not None:
            self.seed.value += 1
            self.drawer.complete(self.chosen, self.rows.value)

    def draw_in_other_finish(self) -> None:
        """Draw the chosen picture again: an illustration's lines, or a sketch in color; then that one is chosen."""
        if self.chosen is not None and (other := self.other_finish(self.chosen)):
            self.drawer.edit(self.chosen, other[0])

    def other_finish(self, drawing: Drawing) -> tuple[str, str] | None:
        """What the edit model can do with a picture: (style, name of the button), None for nothing."""
        return OTHER_FINISH.get(split_style(drawing.caption, self.known.styles)[0]) if self.model.editor else None

    def begin_game(self) -> None:
        self.game.leave()
        self.game.begin()

    def _four_captions(self) -> list[str]:
        return some_captions(self.known, CHOICES, self.dice)

    def _draw_hidden(self, caption: str) -> None:
        self.drawer.draw_hidden(caption, self.dice.randrange(1000))

    def _reveal(self) -> None:
        self.hidden = False
        self.headline.value = f"<h3>{html.escape(self.subject)}</h3>"
        self.show_drawings()

    def look_at(self, n: int) -> None:
        """Choose picture n, best first: show its tokens, and the training pictures most like it."""
        if n < len(self.drawings) and not self.hidden:
            self.show_chosen(self.drawings[n], f"Picture {n + 1}")

    def close_panel(self) -> None:
        self.chosen, self.panel.layout.display = None, "none"

    def save(self) -> Path | None:
        """Write the chosen picture, marked and signed. -> where it is; None if none is chosen."""
        return self._save(self.chosen, self.saved, "this picture")

    def save_all(self) -> Path | None:
        """Write the pictures shown as one, marked and signed. -> where it is; None if there are none."""
        shown = None if self.hidden or not self.drawings else self.drawings
        return self._save(shown, self.saved_all, f"{len(self.drawings)} pictures")

    def _save(self, what: Drawing | Drawings | None, place: Markup, name: str) -> Path | None:
        if what is None:
            return None
        try:
            path = save(what, self.folder)
        except (OSError, ValueError) as error:  # a folder that cannot be written, a full disk
            place.value = said(f"It could not be saved: {error}")
            return None
        place.value = f'<div class="dalle-said">{saved_words(path, name)}</div>'
        self.say(f"Saved: {path.name}, in {path.parent}.")
        return path

    def say(self, text: str) -> None:
        self.status.value = said(text)

    def clear(self, caption: str) -> None:
        """What was shown goes: other pictures are coming."""
        self.drawings, self.subject = Drawings(), caption
        self.close_panel()
        self.saved.value = self.saved_all.value = ""
        self.headline.value = f"<h3>{html.escape('a hidden caption' if self.hidden else caption)}</h3>"
        for picture, one in zip(self.pictures, self.buttons, strict=True):
            picture.value, one.description, one.tooltip, one.disabled = "", "…", "Not drawn yet", True
        self.keep_all.disabled = True

    def show_growing(self, images) -> None:
        """Unfinished pictures, PIL."""
        for n, (drawn, picture) in enumerate(zip(images, self.pictures, strict=False), start=1):
            picture.value = image(to_picture(drawn, f"Candidate {n}, being drawn"))

    def show_drawings(self) -> None:
        """The ranked pictures under their caption; of a hidden one, no word of it."""
        if not self.drawings:
            return
        caption = "a hidden caption" if self.hidden else self.subject
        clip = self.model.clip is not None
        for n, (drawing, picture, one) in enumerate(zip(self.drawings, self.pictures, self.buttons, strict=False), 1):
            picture.value = image(to_picture(drawing.image, f"Picture {n} for: {caption}"))
            one.description, one.disabled = f"{n}: {drawing.score:.2f}", self.hidden
            one.tooltip = f"Look into picture {n}, {score_of(drawing, clip)}, index {drawing.index}"
        for picture, one in list(zip(self.pictures, self.buttons, strict=True))[len(self.drawings) :]:
            picture.value, one.description = "", "–"
        self.keep_all.disabled = self.hidden

    def show_chosen(self, drawing: Drawing, name: str, source: Drawing | None = None) -> None:
        """Look into a drawing; source: what it was drawn from."""
        self.chosen, self.saved.value = drawing, ""
        other = None if source else self.other_finish(drawing)
        self.sketch.layout.display = "inline-block" if other else "none"
        if other:
            self.sketch.description, self.sketch.tooltip = other[1], f"Draw it again as {other[0]}, with the edit model"
        self.more.disabled = self.rows.disabled = source is not None
        words = f"{name}: seed {drawing.seed}, index {drawing.index}, "
        words += score_of(drawing, source is None and self.model.clip is not None)
        self.about.value = f"<h3>{html.escape(name)}</h3>{said(words)}"
        drawn_from = image(to_picture(source.image, "It was drawn from this")) if source else ""
        self.details.value = (f'<div class="dalle-near">{drawn_from}<br>drawn from this</div>' if source else "") + (
            tokens_of(drawing, name)
        )
        self.near.value = neighbors_of(drawing, self.training)
        self.panel.layout.display = "flex"
        self.keep.focus()  # on a narrow page the panel lies below

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        if not self.drawings:  # the first caption was refused
            return bundle
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        alt = f"The playground: 9 ranked drawings of “{self.drawings[0].caption}”. Run this cell to play."
        titles = [f"{n}: {drawing.score:.2f}" for n, drawing in enumerate(self.drawings, start=1)]
        still = image_grid([d.image for d in self.drawings], titles, 3, self.drawings[0].caption, alt, side=1.4)
        data = {**data, "image/png": still.base64(), "text/plain": alt}
        return data, {**metadata, "image/png": {"alt": alt}}


def open_playground(name: str = "emoji", folder: str | Path = "drawings", device: str = "auto") -> Playground:
    """The playground of bundled weights, with their training pictures, or of other weights, without.

    device: see `pick_device`."""
    caption, training = WORLDS.get(name, ("", lambda: None))
    return Playground(TextToImage.from_pretrained(name, device), training(), caption, folder)
