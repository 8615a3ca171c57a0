"""Lesson 14: one caption, one word changed at a time, always with the same noise: what does the drawing heed?"""

from __future__ import annotations

import ipywidgets as widgets
from torch import Tensor

from ...datasets.images import to_image
from ...model.sampling import sample
from ...model.sequence import unflatten
from ...pipeline.text_to_image import TextToImage
from ..figures import frame, new_figure, show
from ..markup import Markup
from .base import Frame, Stepper

SHOWN = 4  # drawings of a caption


def changed_word(before: str, after: str) -> tuple[str, str]:
    """The one word in which two captions differ, as (old, new); "a" and "an" are the same word.

    Raises ValueError with one sentence if they differ in none, in several, or in their number of words.
    """
    old, new = (["a" if word == "an" else word for word in caption.lower().split()] for caption in (before, after))
    pairs = [pair for pair in zip(old, new, strict=False) if pair[0] != pair[1]]
    if len(old) != len(new) or len(pairs) != 1:
        raise ValueError(f"Change exactly one word of “{before}”: “{after}” does not do that.")
    return pairs[0]


class OneWord(Stepper):
    """Each step changes one word and keeps the noise. Guess first in how many drawings the change will be seen; the
    system's CLIP decides: does it find the new caption fitter than the old one for the new drawing?

    system: the models, a CLIP among them. captions: each differs from the one before in one word. The text field takes
    a caption of the reader's, one word from the last, as one more step.
    """

    title = "One word at a time"
    strip = 3

    def __init__(self, system: TextToImage, captions: list[str]):
        if system.clip is None:
            raise ValueError("This stepper asks CLIP whether a change is seen: give a system that has one.")
        if len(captions) < 2:
            raise ValueError("Give at least two captions, each one word from the one before.")
        self.system, self.clip, self.captions = system, system.clip, list(captions)
        self.words = [changed_word(*pair) for pair in zip(captions, captions[1:], strict=False)]
        self.kept: dict[tuple[str, int], tuple[Tensor, Tensor]] = {}
        self.next = widgets.Text(
            placeholder="change one word of the last caption",
            description="one more",
            continuous_update=False,
            layout={"width": "480px"},
        )
        self.seed = widgets.BoundedIntText(value=0, min=0, max=10**6, description="seed", layout={"width": "160px"})
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
            self.system.tokenizer.encode([caption])
        except ValueError as error:
            self.problem.say(str(error))
            return
        self.problem.value = ""
        self.captions.append(caption)
        self.words.append(words)
        self.renew()
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

    def heeded(self, i: int) -> int:
        """In how many of the new drawings CLIP finds the new caption of step i fitter than the old one."""
        images = self.drawings(self.captions[i + 1])[1]
        old, new = (self.clip.score(images, [caption] * SHOWN) for caption in self.captions[i : i + 2])
        return int((new > old).sum())

    def frame(self, i: int) -> Frame:
        old, new = self.words[i]
        count = self.heeded(i)
        tokens = [self.drawings(caption)[0] for caption in self.captions[i : i + 2]]
        same = float((tokens[0] == tokens[1]).float().mean())
        return Frame(
            self.picture(i, True),
            f"“{old}” → “{new}”: CLIP sees the change in {count} of {SHOWN} drawings; {same:.0%} of the tokens stayed.",
            question=f"“{old}” becomes “{new}”. In how many of {SHOWN} drawings will CLIP see the change?",
            choices=("none", "some", "all"),
            answer=int(count > 0) + int(count == SHOWN),
            hidden=self.picture(i, False),
        )

    def picture(self, i: int, answered: bool):
        """Above, the drawings of the old caption; below, those of the new one, or question marks."""
        figure = new_figure(5.6, 3.3)
        lines = list(figure.subfigures(2, 1, squeeze=False)[:, 0])
        for line, caption in enumerate(self.captions[i : i + 2]):
            lines[line].suptitle(caption, fontsize=9)
            for n, ax in enumerate(lines[line].subplots(1, SHOWN)):
                if line and not answered:
                    ax.text(0.5, 0.5, "?", fontsize=18, ha="center", va="center")
                    ax.set_xticks([])
                    ax.set_yticks([])
                    ax.set_aspect("equal")
                else:
                    frame(ax, to_image(self.drawings(caption)[1][n]))
        below = f"{SHOWN} of “{self.captions[i + 1]}”" if answered else "those of the next caption, still to come"
        return show(figure, f"{SHOWN} drawings of “{self.captions[i]}”, and below {below}.")
