"""The playground (lesson 17, and `dalle-lessons play`): a caption in, the nine best drawings out; look into one.

A widget's callback holds up the kernel until it returns, and no other click is heard meanwhile. So a drawing is made in
a thread of its own, and after each token it looks whether it is to stop.
"""

from __future__ import annotations

import threading
import time
import warnings
from pathlib import Path
from typing import cast

import ipywidgets as widgets
import torch

from ..datasets.emoji import emoji
from ..datasets.images import to_image, to_tensor
from ..datasets.pairs import Pairs
from ..datasets.shapes import shapes
from ..model.sampling import SAMPLING_BATCH
from ..pipeline.drawing import Drawing, Drawings, about
from ..pipeline.image_files import file_name, save_png
from ..pipeline.provenance import UnsignedWarning, can_sign, unsigned_sentence
from ..pipeline.text_to_image import StopDrawing, TextToImage
from .figures import image_grid, token_grid
from .markup import Markup, image, said, style
from .pictures import to_picture

WORLDS = {  # what is drawn first, and what the drawings are compared with
    "emoji": ("a sketch of a cat face", lambda: emoji("train")),
    "shapes": ("a small red circle above a big blue square", lambda: shapes("train", 4000)),
}
# The button below a picture reaches over it, so that a click on the picture counts.
STYLE = """.dalle-playground img { max-width: 100%; }
.dalle-tiles > * { position: relative; align-items: center; overflow: hidden; }
.dalle-tiles > :focus-within { outline: 2px solid #0072B2; outline-offset: -2px; }
.dalle-tiles img { width: 128px; image-rendering: pixelated; }
.dalle-tiles button { position: static; width: 128px; }
.dalle-tiles button::after { content: ""; position: absolute; inset: 0; cursor: pointer; }"""


class Playground(widgets.VBox):
    """Caption, seed and so on; nine ranked pictures; and what stands behind each.

    model: what draws. training: the pictures it learned from, if there is something to compare with. caption: the first
    to be drawn, at once, so that the page shows something. folder: where saved pictures go, made when first needed.
    """

    def __init__(self, model: TextToImage, training: Pairs | None, caption: str, folder: str | Path = "drawings"):
        self.model, self.training, self.folder = model, training, Path(folder).absolute()
        self.drawings = Drawings()
        self.chosen: Drawing | None = None
        self._asked_to_stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._controls(caption)
        self._tiles_and_panel()
        top = (self.caption, self.draw_button, self.stop_button)
        settings = (self.seed, self.another, self.temperature, self.guidance, self.candidates)
        rows = [widgets.HBox(row, layout={"flex_flow": "row wrap"}) for row in (top, settings, (self.grid, self.panel))]
        super().__init__([style(STYLE), *rows[:2], self.progress, self.status, rows[2]])
        self.add_class("dalle-playground")
        self.draw()
        self.wait()

    def _controls(self, caption: str) -> None:
        def field(kind, name: str, value, **more):
            style = {"description_width": "85px"}
            return kind(value=value, description=name, layout={"width": "185px"}, style=style, **more)

        wide, hint = {"width": "min(480px, 70%)"}, "a style and a thing, such as: a cartoon of a red heart"
        self.caption = widgets.Text(value=caption, placeholder=hint, description="caption", layout=wide)
        self.draw_button = _button("Draw", "Draw nine pictures of the caption", self.draw, "primary")
        self.stop_button = _button("Stop", "Stop drawing", self.stop)
        self.another = _button("Another seed", "Draw with the next seed", self.draw_another)
        self.seed = field(widgets.BoundedIntText, "seed", 0, min=0, max=2**31)
        self.temperature = field(widgets.BoundedFloatText, "temperature", 1.0, min=0, max=3, step=0.1)
        self.guidance = field(widgets.BoundedFloatText, "guidance", 0.0, min=-1, max=5, step=0.5)
        self.candidates = field(widgets.Dropdown, "candidates", 32, options=(9, 32, 64, 128))
        self.progress = widgets.IntProgress(layout=wide)
        self.status = Markup()
        # Enter in the caption's field. (on_submit would do the same, but is to be dropped from ipywidgets.)
        self.caption.on_msg(lambda _, content, buffers: content.get("event") == "submit" and self.draw())

    def _tiles_and_panel(self) -> None:
        self.pictures = [Markup() for _ in range(9)]
        self.buttons = [_button("–", "No picture yet", lambda n=n: self.look_at(n)) for n in range(9)]
        tiles = [widgets.VBox(both) for both in zip(self.pictures, self.buttons, strict=True)]
        columns = {"grid_template_columns": "repeat(3, 144px)", "align_content": "flex-start"}
        self.grid = widgets.GridBox(tiles, layout=columns).add_class("dalle-tiles")
        self.sketch = _button("As a sketch", "Draw this picture again, as a sketch", self.draw_as_sketch)
        self.keep = _button("Save, signed", "Save this picture, signed and marked", self.save)
        note = "“As a sketch” needs an edit model (lesson 13); these weights hold none."
        if self.model.editor:
            note = "“As a sketch” keeps the lines of an illustration; of other styles it often makes another thing."
        self.sketch.disabled = self.model.editor is None
        self.saved, self.details = Markup(), Markup()
        parts = (widgets.HBox([self.sketch, self.keep]), Markup(note), self.saved, self.details)
        self.panel = widgets.VBox(parts, layout={"display": "none", "max_width": "460px", "margin": "0 0 0 16px"})

    def draw(self) -> None:
        """Draw what the fields say, in a thread; a drawing under way is stopped first."""
        self._begin(self._draw)

    def draw_another(self) -> None:
        self.seed.value += 1
        self.draw()

    def draw_as_sketch(self) -> None:
        """Draw the chosen picture again, as a sketch; then that one is chosen. Without a chosen one: nothing."""
        if self.chosen is not None:
            self._begin(self._edit, self.chosen)

    def stop(self) -> None:
        """Ask the drawing under way to end after the token that it is at."""
        self._asked_to_stop.set()

    def wait(self) -> None:
        """Until nothing is being drawn."""
        if self._thread is not None:
            self._thread.join()

    def look_at(self, n: int) -> None:
        """Choose picture n, best first: show its tokens, and the training pictures most like it."""
        if n < len(self.drawings):
            self._show(self.drawings[n], f"Picture {n + 1}")

    def save(self) -> Path | None:
        """Write the chosen picture, marked and signed. -> where it is; None if none is chosen."""
        chosen = self.chosen
        if chosen is None:
            return None
        path = self.folder / file_name(chosen.seed, chosen.caption, chosen.index)
        while path.exists():  # another temperature, say, gave another picture of the same name
            path = path.with_stem(f"{path.stem}_")
        with warnings.catch_warnings(action="ignore", category=UnsignedWarning):  # said on the page instead
            save_png(chosen.image, path, about(chosen.facts()), chosen.facts(), watermark=True)
        check = "Check it with: dalle-lessons verify" if can_sign() else unsigned_sentence()
        self.saved.value = said(f"Saved as {path}. {check}")
        return path

    def _begin(self, work, *arguments) -> None:
        self.stop()
        self.wait()
        self._asked_to_stop.clear()

        def guarded() -> None:
            try:
                work(*arguments)
            except Exception as error:  # in a thread it would be printed somewhere, or lost
                expected = isinstance(error, (ValueError, StopDrawing))  # sentences for whoever types and clicks
                self._say(str(error) if expected else f"This went wrong: {type(error).__name__}: {error}")
            self.stop_button.disabled = True

        self._thread = threading.Thread(target=guarded, daemon=True)
        self._thread.start()

    def _draw(self) -> None:
        caption = self._settled_caption()
        options = {"temperature": self.temperature.value, "guidance": self.guidance.value}
        seed = self.seed.value
        candidates = cast(int, self.candidates.value)  # one of the options: never None, as its type allows
        batches = -(-candidates // SAMPLING_BATCH)
        self._expect(batches * self.model.dalle.config.image_length)
        self._say(f"Drawing {candidates} candidates of “{caption}” …")
        begin = time.perf_counter()
        self.drawings = self.model.draw(caption, 9, candidates, seed, on_token=self._token_drawn, **options)
        seconds = time.perf_counter() - begin
        for n, (drawing, picture, button) in enumerate(zip(self.drawings, self.pictures, self.buttons, strict=True), 1):
            picture.value = image(to_picture(drawing.image, f"Picture {n} for: {caption}"))
            button.description = f"{n}: {drawing.score:.2f}"
            button.tooltip = f"Look into picture {n}, score {drawing.score:.2f}, index {drawing.index}"
        words = self.model.tokenizer
        read = " · ".join(words.decode(torch.tensor(words.pieces([caption])[0]).reshape(-1, 1)))
        said = f"the best nine of {candidates}"
        if self.drawings.stopped:
            finished = self.progress.value // self.model.dalle.config.image_length * SAMPLING_BATCH
            said = f"stopped: the best nine of {finished}"
        self._say(f"Seed {seed}: {said}, in {seconds:.1f} s. The model read: {read}")

    def _expect(self, tokens: int) -> None:
        """So many tokens will be drawn, and may be stopped."""
        self.progress.value, self.progress.max = 0, tokens
        self.stop_button.disabled = False

    def _say(self, text: str) -> None:
        self.status.value = said(text)

    def _settled_caption(self) -> str:
        """The caption once it stays the same: the message of Enter can overtake those of the last letters."""
        before = None
        while before != (before := self.caption.value):
            time.sleep(0.15)
        return before

    def _token_drawn(self, *_) -> None:
        self.progress.value += 1
        if self._asked_to_stop.is_set():
            raise StopDrawing(f"Stopped after {self.progress.value} of {self.progress.max} tokens.")

    def _edit(self, source: Drawing) -> None:
        if self.model.editor is None:  # the button is off then
            raise ValueError("These weights hold no edit model.")
        self._expect(self.model.editor.config.image_length // 2)  # the lower half
        self._say("Drawing it as a sketch …")
        drawn = self.model.edit(source.image, "as a sketch", on_token=self._token_drawn)[0]
        self._show(drawn, "Picture drawn as a sketch", source)
        self._say("Drawn as a sketch: the best of 16 by likelihood.")

    def _show(self, drawing: Drawing, name: str, source: Drawing | None = None) -> None:
        self.chosen, self.saved.value = drawing, ""
        words = f"{name}: seed {drawing.seed}, index {drawing.index}, score {drawing.score:.2f}"
        grid = token_grid(drawing.tokens, "its tokens", f"{name} under its grid of tokens.", image=drawing.image)
        images, titles = ([], []) if source is None else ([source.image], ["it was drawn from"])
        if self.training is not None:
            for i, far in zip(*nearest(to_tensor(drawing.image), self.training.pictures), strict=True):
                images.append(to_image(self.training.pictures[i]))
                titles.append(
                    f"in training, {far:.0f} away\n{self.training.caption(i, None)}".replace(" of ", "\nof ", 1)
                )
        self.details.value = said(words) + image(grid)
        if images:
            alt = f"Nearest to {name.lower()}: {'; '.join(titles)}.".replace("\n", " ")
            self.details.value += image(image_grid(images, titles, 2 if source else 3, alt=alt, side=1.5))
        self.panel.layout.display = "flex"

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


def nearest(image: torch.Tensor, pictures: torch.Tensor, count: int = 3) -> tuple[list[int], list[float]]:
    """image (3, H, W), pictures (N, 3, H, W), uint8 -> indices and distances of the nearest, in order. Distance: the
    root of the mean squared difference of color values, 0 to 255."""
    parts = pictures.split(512)  # all at once, as floats, would take four times their memory
    squared = torch.cat([(part.float() - image).square().mean(dim=(1, 2, 3)) for part in parts])  # (N,)
    found = squared.topk(min(count, len(squared)), largest=False)
    return found.indices.tolist(), found.values.sqrt().tolist()


def open_playground(name: str = "emoji", folder: str | Path = "drawings", device: str = "auto") -> Playground:
    """The playground of bundled weights, with their training pictures, or of other weights, without.

    device: see `pick_device`."""
    caption, training = WORLDS.get(name, ("", lambda: None))
    return Playground(TextToImage.from_pretrained(name, device), training(), caption, folder)


def _button(name: str, what: str, do, style: str = "") -> widgets.Button:
    button = widgets.Button(description=name, tooltip=what, button_style=style, layout={"width": "auto"})
    button.on_click(lambda _: do())
    return button
