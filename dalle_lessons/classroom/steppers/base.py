"""The base of all steppers: frames to go through, back and forth, each with a question before its answer."""

from __future__ import annotations

import html
import io
from collections.abc import Callable
from dataclasses import dataclass, field

import ipywidgets as widgets
from PIL import Image

from ..figures import frame
from ..markup import LIVE, Markup
from ..pictures import Picture, beside, stacked

CHOICES = "abcdefgh"


@dataclass(frozen=True)
class Frame:
    """One step. text: below the picture, short; it may hold the tags of markup.TAGS, all others are letters. With a
    question, `hidden` is shown first (if given, else the picture itself), and picture and text come once the reader has
    chosen; answer: index of the right choice; because: why it is right, with the quantity that decides; a text that
    ends in it is shown without it below a verdict, which says it already."""

    picture: Picture
    text: str
    question: str = ""
    choices: tuple[str, ...] = ()
    answer: int = 0
    because: str = ""
    hidden: Picture | None = field(default=None, repr=False)


class Stepper(widgets.VBox):
    """Play, back, forward, a slider, a picture, a text. A subclass gives `length` and `frame(i)`.

    Buttons answer to click, Enter and Space. Without a kernel (on GitHub, in HTML) a strip of key frames stands in.
    """

    title = "Stepper"
    length: int  # how many frames there are; set before the base's __init__
    strip = 3  # frames in the strip
    tall = True  # its frames stand below each other, not side by side

    def __init__(self, controls: tuple[widgets.Widget, ...] = (), seconds: float = 1.2):
        self._frames: dict[int, Frame] = {}
        self._open: set[int] = set()  # frames whose question is answered
        self._verdicts: dict[int, str] = {}  # frame -> what was said to the guess
        self.guesses = self.right = 0
        self._play = widgets.Play(interval=int(1000 * seconds), min=0, max=0, show_repeat=False)
        self._slider = widgets.IntSlider(
            min=0, max=0, description="step", readout=False, continuous_update=False, layout={"width": "240px"}
        )
        self._place = Markup()  # the one counter: the slider itself counts from 0
        self.back = widgets.Button(description="◀ Back", tooltip="Back: one step", layout={"width": "90px"})
        self.forward = widgets.Button(description="Forward ▶", tooltip="Forward: one step", layout={"width": "100px"})
        self._picture = widgets.Image(format="png", layout={"max_width": "100%", "align_self": "flex-start"})
        self._text = Markup()
        self._question = Markup()
        self._buttons = widgets.HBox(layout={"flex_flow": "row wrap"})
        self._score = Markup()
        widgets.jslink((self._play, "value"), (self._slider, "value"))
        self._slider.observe(lambda change: self.show(), "value")
        self.back.on_click(lambda _: self.go(self._slider.value - 1))
        self.forward.on_click(lambda _: self.go(self._slider.value + 1))
        bar = widgets.HBox(
            [self._play, self.back, self.forward, self._slider, self._place], layout={"flex_flow": "row wrap"}
        )
        super().__init__(
            [*controls, bar, self._question, self._buttons, self._score, self._picture, self._text],
            layout={"border": "1px solid #BBBBBB", "padding": "8px"},
        )
        self.add_class("dalle-stepper")
        self.renew()

    # ---- what a subclass says ----

    def frame(self, i: int) -> Frame:
        """Frame i, 0 <= i < length; made when first looked at."""
        raise NotImplementedError

    # ---- what it may call ----

    def renew(self, keep: bool = False) -> None:
        """What is stepped through has changed: begin anew, at the first frame or, with `keep`, where the reader is."""
        self._frames.clear()
        self._open.clear()
        self._verdicts.clear()
        place = min(self.position, max(0, self.length - 1)) if keep else 0
        self._play.max = self._slider.max = max(0, self.length - 1)
        if self._slider.value != place:
            self._slider.value = place  # shows it
        else:
            self.show()

    def go(self, i: int) -> None:
        """To frame i, or as near as there is one."""
        self._slider.value = min(max(i, 0), self._slider.max)

    # ---- the workings ----

    @property
    def position(self) -> int:
        return self._slider.value

    def get(self, i: int) -> Frame:
        if i not in self._frames:
            self._frames[i] = self.frame(i)
        return self._frames[i]

    def show(self) -> None:
        """Draw the current frame: question first, if it has one that is still open."""
        i = self.position
        frame = self.get(i)
        asks = bool(frame.question) and i not in self._open
        picture = (frame.hidden or frame.picture) if asks else frame.picture
        self._picture.value = picture.png
        self._place.value = f"{LIVE}<b>{i + 1} of {self._slider.max + 1}</b></div>"
        words = html.escape(picture.alt)
        text = "Answer the question to see this step." if asks else frame.text
        if i in self._verdicts and frame.because:  # which the verdict says: not a second time
            text = text.removesuffix(frame.because).rstrip()
        # Screen readers are told of a change (aria-live) and get the picture in words.
        self._text.value = f"{LIVE}{text}<details><summary>The picture in words</summary>{words}</details></div>"
        self._question.value = f"<b>{frame.question}</b>" if asks else ""
        # Verdict and count stand where the buttons were clicked; on a step without a verdict, the count alone.
        count = f"{self.right} of {self.guesses} guesses right so far." if self.guesses else ""
        self._score.value = f"{LIVE}{self._verdicts[i]} {count}</div>" if i in self._verdicts else count
        buttons = [self._choice(frame, i, n) for n in range(len(frame.choices))] if asks else []
        if asks:
            show = widgets.Button(description="Show me", tooltip="Show the answer without a guess")
            show.on_click(lambda _: self._then_on(lambda: self.reveal(i)))
            buttons.append(show)
        self._buttons.children = buttons

    def _choice(self, frame: Frame, i: int, n: int) -> widgets.Button:
        button = widgets.Button(description=frame.choices[n], tooltip=f"Guess {frame.choices[n]}")
        button.layout.width = "auto"
        button.on_click(lambda _: self._then_on(lambda: self.guess(n, i)))
        return button

    def _then_on(self, do: Callable[[], None]) -> None:
        """The buttons of a question go with it: the keyboard goes on at Forward, not at the top of the page."""
        do()
        self.forward.focus()

    def guess(self, n: int, i: int | None = None) -> None:
        """Choose answer n to the question of frame i (the current one)."""
        i = self.position if i is None else i
        frame = self.get(i)
        self.guesses += 1
        self.right += n == frame.answer
        verdict = "Right." if n == frame.answer else f"Not quite: {frame.choices[frame.answer]}."
        self._verdicts[i] = f"<b>{html.escape(verdict)}</b> {frame.because}".strip()
        self.reveal(i)

    def reveal(self, i: int | None = None) -> None:
        """Show a frame whose question stands before it."""
        self._open.add(self.position if i is None else i)
        self.show()

    # ---- where no kernel runs ----

    def key_frames(self) -> list[int]:
        """The frames of the strip, spread evenly."""
        count = min(self.strip, self.length)
        return sorted({round(k * (self.length - 1) / max(1, count - 1)) for k in range(count)})

    def static(self) -> Picture:
        """A strip of key frames as one PNG, with the text that stands in for it."""
        join = stacked if self.tall else beside
        strip = join(*(self.get(i).picture for i in self.key_frames())).open()
        buffer = io.BytesIO()
        strip.convert("P", palette=Image.Palette.ADAPTIVE, colors=128).save(buffer, format="PNG", optimize=True)
        numbers = ", ".join(str(i + 1) for i in self.key_frames())
        return Picture(buffer.getvalue(), f"{self.title}: steps {numbers} of {self.length}. Run this cell to step.")

    def _repr_mimebundle_(self, **kwargs):
        return with_still(super()._repr_mimebundle_(**kwargs) or {}, self.static())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.length} steps)"


def unknown(ax, size: tuple[int, int]) -> None:
    """A question mark where a picture of `size` (width, height) will stand, on the same axes, so that nothing jumps."""
    frame(ax, Image.new("RGB", size, "white"))
    ax.text(0.5, 0.5, "?", fontsize=26, ha="center", va="center", transform=ax.transAxes)


def with_still(bundle: dict | tuple[dict, dict], still: Picture) -> tuple[dict, dict]:
    """A widget's mimebundle, with a still picture for readers without a kernel -> (data, metadata)."""
    data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
    data = {**data, "image/png": still.base64(), "text/plain": still.alt}
    return data, {**metadata, "image/png": {"alt": still.alt}}
