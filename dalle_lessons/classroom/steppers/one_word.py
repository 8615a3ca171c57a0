"""Lesson 14: one caption, one word changed at a time, always with the same noise: what does the drawing heed?"""

from __future__ import annotations

import html
from collections.abc import Callable

import ipywidgets as widgets
from PIL import Image
from torch import Tensor

from ...datasets.images import to_image
from ...datasets.scenes import COLORS, SHAPES, SIZES
from ...datasets.shapes_check import detect
from ...model.sampling import sample
from ...model.sequence import unflatten
from ...pipeline.text_to_image import TextToImage
from ..figures import new_figure, show
from ..lesson_figures.shares_14 import GAP, TILE, strips
from ..markup import Markup
from .base import Frame, Stepper

SHOWN = 6  # drawings of a caption
NONSENSE = "zzqx"  # stands in the new word's place, as a control
NUMBERS = {"one": 1, "two": 2, "three": 3}
PLURALS = {f"{shape}{'es' if shape.endswith('s') else 's'}": shape for shape in SHAPES}
LUCK = 3  # of SHOWN: a difference up to this is no surprise (Fisher's exact test, one-sided, 5%)


def changed_word(before: str, after: str) -> tuple[str, str]:
    """The one word in which two captions differ, as (old, new); "a" and "an" are the same word, and so are "circle" and
    "circles".

    Raises ValueError with one sentence if they differ in none, in several, or in their number of words.
    """
    same = PLURALS | {"an": "a"}
    old, new = (caption.lower().split() for caption in (before, after))
    pairs = [(a, b) for a, b in zip(old, new, strict=False) if same.get(a, a) != same.get(b, b)]
    if len(old) != len(new) or len(pairs) != 1:
        raise ValueError(f"Change exactly one word of “{before}”: “{after}” does not do that.")
    return pairs[0]


def shows(picture: Tensor, word: str) -> bool:
    """Does a drawing of shapes (3, 32, 32) show a word: a color, a shape, a size (or "tiny", "huge"), a number?

    Raises ValueError with one sentence for a word of which the checker of the shapes can see nothing.
    """
    seen = detect(picture)
    size = (PLURALS | {"tiny": "small", "little": "small", "huge": "big", "large": "big"}).get(word, word)
    if word in NUMBERS:
        return len(seen) == NUMBERS[word]
    for name, values in (("color", COLORS), ("shape", SHAPES), ("size", SIZES)):
        if size in values:
            return any(getattr(thing, name) == size for thing in seen)
    known = ", ".join([*COLORS, *SHAPES, *SIZES, "tiny", "huge", *NUMBERS])
    raise ValueError(f"The checker cannot see whether “{word}” is drawn. It can see: {known}.")


class OneWord(Stepper):
    """Each step changes one word and keeps the noise. Guess first in how many drawings the new word will be seen; a
    checker counts. As a control it counts the same in drawings with a nonsense word in its place: what is seen there,
    the word did not bring about.

    system: the models. captions: each differs from the one before in one word. seen: (picture (3, H, W), word) -> is
    the word to be seen? By default the checker of the shapes. The text field takes a caption of the reader's, one word
    from the last, as one more step.
    """

    title = "One word at a time"
    strip = 1

    def __init__(self, system: TextToImage, captions: list[str], seen: Callable[[Tensor, str], bool] = shows):
        if len(captions) < 2:
            raise ValueError("Give at least two captions, each one word from the one before.")
        self.system, self.seen, self.captions = system, seen, list(captions)
        self.words = [changed_word(*pair) for pair in zip(captions, captions[1:], strict=False)]
        self.kept: dict[tuple[str, int], tuple[Tensor, Tensor]] = {}
        wide = {"style": {"description_width": "initial"}}
        self.next = widgets.Text(
            placeholder="change one word of the last caption",
            description="one more",
            continuous_update=False,
            layout={"width": "480px"},
            **wide,
        )
        self.seed = widgets.BoundedIntText(
            value=0, min=0, max=10**6, description="seed", layout={"width": "160px"}, **wide
        )
        self.problem = Markup()
        self.next.observe(lambda change: self.append(), "value")
        self.seed.observe(lambda change: self.renew(keep=True), "value")
        super().__init__((widgets.HBox([self.next, self.seed]), self.problem), seconds=2.0)

    @property
    def length(self) -> int:
        return len(self.words)

    def append(self) -> None:
        """The text field's caption as one more step, and to it; or say why not."""
        caption = self.next.value.strip()
        if not caption:
            return
        try:
            words = changed_word(self.captions[-1], caption)
            for text in (caption, control(caption, words[1])):
                self.system.tokenizer.encode([text])
            self.seen(self.drawings(self.captions[-1])[1][0], words[1])
        except ValueError as error:
            self.problem.say(str(error))
            return
        self.problem.value = ""
        self.captions.append(caption)
        self.words.append(words)
        self.renew(keep=True)
        self.go(self.length - 1)

    def drawings(self, caption: str) -> tuple[Tensor, Tensor]:
        """Image tokens (SHOWN, N) and pixels (SHOWN, 3, H, W) in [0, 1], with the noise of the seed."""
        key = caption, self.seed.value
        if key not in self.kept:
            c = self.system.dalle.config
            text = self.system.tokenizer.encode([caption]).expand(SHOWN, -1)  # (SHOWN, T)
            tokens = sample(self.system.dalle, text, self.seed.value)
            self.kept[key] = tokens, self.system.dvae.decode(unflatten(tokens, c.rows, c.cols))
        return self.kept[key]

    def count(self, caption: str, word: str) -> int:
        """In how many drawings of a caption a word is to be seen."""
        return sum(self.seen(picture, word) for picture in self.drawings(caption)[1])

    def frame(self, i: int) -> Frame:
        old, new = self.words[i]
        after = self.captions[i + 1]
        counts = [self.count(caption, new) for caption in (self.captions[i], after, control(after, new))]
        safe_old, safe_new = html.escape(old), html.escape(new)
        because = (
            f"“{safe_new}” is seen in {counts[1]} of {SHOWN} drawings of the new caption, in {counts[0]} of the old "
            f"one, and in {counts[2]} with the nonsense word “{NONSENSE}” in its place."
        )
        return Frame(
            self.picture(i, True),
            because,
            question=f"“{safe_old}” becomes “{safe_new}”. In how many of {SHOWN} drawings will “{safe_new}” be seen?",
            choices=("none", "some", "all"),
            answer=int(counts[1] > 0) + int(counts[1] == SHOWN),
            because=f"{because} {verdict(counts[1] - counts[2])}".strip(),
            hidden=self.picture(i, False),
        )

    def picture(self, i: int, answered: bool):
        """The drawings of the old caption, of the new one and of the control, or question marks."""
        before, after = self.captions[i : i + 2]
        lines = (before, after, control(after, self.words[i][1]))
        figure = new_figure(6.4, 4.3)
        for part, caption in zip(figure.subfigures(3, 1, squeeze=False)[:, 0], lines, strict=True):
            part.suptitle(caption, fontsize=9)
            ax, shown = part.subplots(), caption == before or answered
            pictures = list(map(to_image, self.drawings(caption if shown else before)[1]))
            blank = [Image.new("RGB", picture.size, "white") for picture in pictures]
            strips(ax, [("", pictures if shown else blank)])
            for n in range(0 if shown else SHOWN):
                ax.text(n * (TILE + GAP) + TILE / 2, TILE / 2, "?", fontsize=26, ha="center", va="center")
        below = f"{SHOWN} of “{after}” and of the control" if answered else "those of the next caption, still to come"
        return show(figure, f"{SHOWN} drawings of “{before}”, and below {below}.")


def verdict(more: int) -> str:
    """What it means that so many more of SHOWN drawings show the new word than the nonsense word in its place."""
    if more <= 0:
        return "So the word did no more than one that means nothing."
    return f"Of {SHOWN}, a difference of {more} may be luck." if more <= LUCK else ""


def control(caption: str, word: str) -> str:
    """The caption with the nonsense word in place of a word."""
    return " ".join(NONSENSE if part.lower() == word else part for part in caption.split())
