"""Lesson 12: the matrix of similarities, row by row (which caption?), then column by column (which picture?)."""

from __future__ import annotations

import html
from textwrap import fill

import ipywidgets as widgets
import torch
from torch import Tensor

from ...datasets.images import to_image
from ...model.clip import CLIP
from ..figures import frame, new_figure, rectangle, show
from ..markup import Markup
from .base import Frame, Stepper


class Matching(Stepper):
    """Goes through the rows and columns of CLIP's matrix for a few pairs: guess what fits, then see the numbers.

    images: (n, 3, H, W) in [0, 1], captions: n of them, pair i at place i; n at most about six. The reader may write
    another caption in place of one of them.
    """

    title = "Which fits which?"
    strip = 2

    def __init__(self, clip: CLIP, images: Tensor, captions: list[str]):
        self.clip, self.images, self.captions = clip, images, list(captions)
        self.true = list(captions)
        self.length = 2 * len(captions)
        wide = {"style": {"description_width": "initial"}, "continuous_update": False}
        self.which = widgets.Dropdown(
            options=[(f"caption {k + 1}", k) for k in range(len(captions))], layout={"width": "120px"}
        )
        self.words = widgets.Text(captions[0], description="reads", layout={"width": "430px"}, **wide)
        self.problem = Markup()
        self.compare()
        self.which.observe(lambda change: self.choose(), "value")
        self.words.observe(lambda change: self.rewrite(), "value")
        super().__init__((widgets.HBox([self.which, self.words], layout={"flex_flow": "row wrap"}), self.problem))

    def compare(self) -> None:
        """Read the captions anew. Raises ValueError for one that cannot be read."""
        if self.clip.tokenizer is None:
            raise ValueError("This CLIP has no tokenizer: load it with CLIP.from_pretrained, or give it one.")
        with torch.no_grad():
            texts = self.clip.encode_text(self.clip.tokenizer.encode(self.captions))
            self.similar = self.clip.encode_images(self.images) @ texts.T  # (n, n): picture i with caption j
            self.scale = float(self.clip.logit_scale)

    @property
    def rewritten(self) -> int:
        """The caption that may be written anew."""
        return int(self.which.value or 0)

    def choose(self) -> None:
        self.words.value = self.captions[self.rewritten]

    def rewrite(self) -> None:
        """Another caption in place of the chosen one; the place in the stepper is kept."""
        k, before = self.rewritten, list(self.captions)
        if self.words.value.strip() == before[k]:
            return
        self.problem.value = ""
        self.captions[k] = self.words.value.strip() or self.true[k]
        try:
            self.compare()
        except ValueError as error:
            self.captions = before
            self.problem.say(str(error))
            return
        self.renew(keep=True)

    def frame(self, i: int) -> Frame:
        n = len(self.captions)
        across, k = i < n, i % n
        line = self.similar[k] if across else self.similar[:, k]
        best, second = line.topk(2).indices.tolist()
        chance = float((self.scale * line).softmax(0)[best])
        what = "caption" if across else "picture"
        verdict = "that is the pair" if best == k else f"the pair would be {what} {k + 1}"
        if across:
            text = f"Row {k + 1}: for picture {k + 1}, CLIP prefers caption {best + 1}; {verdict}."
            question = f"Row {k + 1}. Which caption will CLIP give to picture {k + 1}?"
        else:
            text = f"Column {k + 1}: for caption {k + 1}, CLIP prefers picture {best + 1}; {verdict}."
            question = f"Column {k + 1}. Which picture will CLIP give to “{html.escape(self.captions[k])}”?"
        because = (
            f"Its cosine is {float(line[best]):.2f}, the next one's {float(line[second]):.2f} ({what} {second + 1}). "
            f"Times the scale, {self.scale:.0f}, and through the softmax: probability {chance:.3f}."
        )
        return Frame(
            self.picture(i, True),
            text,
            question=question,
            choices=tuple(f"{what} {j + 1}" for j in range(n)),
            answer=best,
            because=because,
            hidden=self.picture(i, False),
        )

    def picture(self, i: int, answered: bool):
        n = len(self.captions)
        figure = new_figure(7.0, 0.66 * n + 0.5)
        left, right, words = figure.subplots(1, 3, width_ratios=(1, 3.0, 2.2))
        frame(left, to_image(torch.cat(list(self.images), dim=1)))  # below each other: (3, n · H, W)
        side = self.images.shape[2]
        left.set_yticks([(k + 0.5) * side for k in range(n)], [f"picture {k + 1}" for k in range(n)], fontsize=9)
        shown = self.similar.clone()
        shown[i + answered :] = torch.nan  # rows first, then columns: what has not been looked at stays blank
        right.imshow(shown.numpy(), cmap="cividis", vmin=-0.3, vmax=1, aspect="auto")
        for r in range(n):
            for c in range(n):
                if not torch.isnan(shown[r, c]):
                    color = "white" if shown[r, c] < 0.4 else "black"
                    right.text(c, r, f"{float(shown[r, c]):.2f}", ha="center", va="center", fontsize=9, color=color)
        k = i % n
        corner, size = ((-0.5, k - 0.5), (n, 1)) if i < n else ((k - 0.5, -0.5), (1, n))
        right.add_patch(rectangle(corner, *size, fill=False, edgecolor="#D55E00", linewidth=2.5))
        right.set_yticks([])
        right.set_xticks(range(n), [f"{j + 1}" for j in range(n)], fontsize=9)
        right.set_xlabel("caption", fontsize=9)
        words.set_axis_off()
        for j, caption in enumerate(self.captions):
            text = fill(f"{j + 1}: {caption}", 30, subsequent_indent="    ")
            words.text(0, 1 - (j + 0.5) / n, text, fontsize=9, va="center", transform=words.transAxes)
        part = f"row {k + 1}" if i < n else f"column {k + 1}"
        listed = "; ".join(f"{j + 1}: {caption}" for j, caption in enumerate(self.captions))
        return show(
            figure, f"{n} pictures, the captions {listed}, and the matrix of their cosines, with {part} framed."
        )
