"""Lesson 12: the matrix of similarities, row by row (which caption?), then column by column (which picture?)."""

from __future__ import annotations

import torch
from torch import Tensor

from ...datasets.images import to_image
from ...model.clip import CLIP
from ..figures import frame, new_figure, rectangle, show
from .base import Frame, Stepper


class Matching(Stepper):
    """Goes through the rows and columns of CLIP's matrix for a few pairs: guess what fits, then see the numbers.

    images: (n, 3, H, W) in [0, 1], captions: n of them, pair i at place i; n at most about six.
    """

    title = "Which fits which?"
    strip = 2

    def __init__(self, clip: CLIP, images: Tensor, captions: list[str]):
        self.images, self.captions = images, captions
        if clip.tokenizer is None:
            raise ValueError("This CLIP has no tokenizer: load it with CLIP.from_pretrained, or give it one.")
        with torch.no_grad():
            texts = clip.encode_text(clip.tokenizer.encode(captions))
            self.similar = clip.encode_images(images) @ texts.T  # (n, n): picture i with caption j
        self.length = 2 * len(captions)
        super().__init__()

    def frame(self, i: int) -> Frame:
        n = len(self.captions)
        across, k = i < n, i % n
        line = self.similar[k] if across else self.similar[:, k]
        best = int(line.argmax())
        verdict = "which is right" if best == k else f"but number {k + 1} belongs here"
        if across:
            text = f"Row {k + 1}: for picture {k + 1}, CLIP prefers caption {best + 1}, {verdict}."
            question = f"Which caption will CLIP give to picture {k + 1}?"
            choices = tuple(f"{j + 1}: {caption}" for j, caption in enumerate(self.captions))
        else:
            text = f"Column {k + 1}: for caption {k + 1}, CLIP prefers picture {best + 1}, {verdict}."
            question = f"Which picture will CLIP give to “{self.captions[k]}”?"
            choices = tuple(f"picture {j + 1}" for j in range(n))
        return Frame(
            self.picture(i, True), text, question=question, choices=choices, answer=best, hidden=self.picture(i, False)
        )

    def picture(self, i: int, answered: bool):
        n = len(self.captions)
        figure = new_figure(9.2, 0.62 * n + 0.9)
        left, right = figure.subplots(1, 2, width_ratios=(1, 2.4))
        strip = torch.cat(list(self.images), dim=1)  # pictures below each other: (3, n · H, W)
        frame(left, to_image(strip))
        left.set_yticks(
            [(k + 0.5) * self.images.shape[2] for k in range(n)], [str(k + 1) for k in range(n)], fontsize=8
        )
        shown = self.similar.clone()
        done = i + answered
        for k in range(n):  # rows first, then columns: what has not been looked at stays blank
            if k >= done:
                shown[k] = torch.nan
        right.imshow(shown.numpy(), cmap="cividis", vmin=-0.3, vmax=1, aspect="auto")
        for r in range(n):
            for c in range(n):
                if not torch.isnan(shown[r, c]):
                    color = "white" if shown[r, c] < 0.4 else "black"
                    right.text(c, r, f"{float(shown[r, c]):.2f}", ha="center", va="center", fontsize=8, color=color)
        k = i % n
        corner, size = ((-0.5, k - 0.5), (n, 1)) if i < n else ((k - 0.5, -0.5), (1, n))
        right.add_patch(rectangle(corner, *size, fill=False, edgecolor="#D55E00", linewidth=2.5))
        right.set_yticks(range(n), [f"picture {j + 1}" for j in range(n)], fontsize=8)
        right.set_xticks(range(n), [caption.replace(" of ", "\n") for caption in self.captions], fontsize=7)
        part = f"row {k + 1}" if i < n else f"column {k + 1}"
        return show(figure, f"{n} pictures, and the matrix of their similarity to {n} captions, with {part} framed.")
