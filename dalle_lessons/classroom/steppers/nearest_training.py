"""Lesson 01: for a held-out picture, the training picture that shares the most lines with it."""

from __future__ import annotations

from collections.abc import Mapping

import ipywidgets as widgets
import numpy as np
import torch

from ...datasets.images import to_image
from ..figures import BLUE, ORANGE, frame, new_figure, show
from ..leak_hunt import SAME_DRAWING, Split, lines_of, nearest_drawings
from ..pictures import Picture
from .base import Frame, Stepper

SHOWN = 12  # held-out pictures of each split
ROOM = 0.06  # nearer to the limit than this, an eye cannot tell, and nothing is asked
ANSWERS = ("every pixel is the same", "the same drawing, changed", "another drawing")


class NearestTraining(Stepper):
    """Each step: a held-out picture, and the picture of the same split's train that is most like it.

    splits: name -> Split; they can be chosen above.
    """

    title = "The nearest training picture"

    def __init__(self, splits: Mapping[str, Split]):
        self.splits = dict(splits)
        self._found: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
        self.split = widgets.ToggleButtons(
            options=list(self.splits), description="split", style={"description_width": "initial"}
        )
        self.split.observe(lambda change: self.begin(), "value")
        self.choose()
        super().__init__((self.split,))

    def begin(self) -> None:
        self.choose()
        self.renew(keep=True)

    def choose(self) -> None:
        """Some held-out pictures of the split, spread evenly, without those that are hard to tell."""
        name = str(self.split.value)
        split = self.splits[name]
        if name not in self._found:
            self._found[name] = nearest_drawings(split.train.pictures, split.held_out.pictures)
        nearest, share = self._found[name]
        clear = [i for i, s in enumerate(share.tolist()) if abs(s - SAME_DRAWING) > ROOM]
        step = max(1, len(clear) // SHOWN)
        self.chosen = clear[step // 2 :: step][:SHOWN]
        self.length = len(self.chosen)
        self.nearest, self.share = nearest, share

    def frame(self, i: int) -> Frame:
        split, place = self.splits[str(self.split.value)], self.chosen[i]
        found = int(self.nearest[place])
        mine, theirs = split.held_out.pictures[place], split.train.pictures[found]
        equal, share = int((mine == theirs).all(0).sum()), float(self.share[place])
        answer = 0 if equal == mine[0].numel() else 1 if share >= SAME_DRAWING else 2
        counted = f"{equal:,} of {mine[0].numel():,} pixels are equal, {share:.0%} of the lines are shared"
        names = split.held_out.caption(place, None), split.train.caption(found, None)
        return Frame(
            self.picture(mine, theirs, names, counted),
            f"Held out: <b>{names[0]}</b>. Nearest in train: <b>{names[1]}</b>.",
            question="How alike are the held-out picture and the nearest one of train?",
            choices=ANSWERS,
            answer=answer,
            because=f"{counted}.",
            hidden=self.picture(mine, theirs, names, None),
        )

    def key_frames(self) -> list[int]:
        """The first of each answer."""
        answers = [self.get(i).answer for i in range(self.length)]
        return sorted(answers.index(answer) for answer in set(answers))

    def picture(self, mine, theirs, names: tuple[str, str], counted: str | None) -> Picture:
        """Both pictures; with `counted`, what is known of them, also where they differ and whose line is where."""
        figure = new_figure(8.6, 3.3)
        axes = figure.subplots(1, 4)
        shown = (("held out", mine, names[0]), ("nearest in train", theirs, names[1]))
        for ax, (where, picture, name) in zip(axes[:2], shown, strict=True):
            frame(ax, to_image(picture))
            ax.set_title(f"{where}\n{wrapped(name, 30)}", fontsize=9)
        for ax in axes[2:]:
            ax.set_axis_off()
        alt = f"Held out: {names[0]}; nearest in train: {names[1]}."
        if counted is not None:
            differ = (mine != theirs).any(0).numpy()
            axes[2].set_title("pixels that differ", fontsize=9)
            axes[3].set_title("lines: both gray,\nheld out orange, train blue", fontsize=9)
            frame(axes[2], to_image(torch.from_numpy(np.where(differ, 40, 255).astype(np.uint8)).expand(3, -1, -1)))
            frame(axes[3], to_image(torch.from_numpy(line_colors(mine, theirs)).permute(2, 0, 1)))
            alt += f" {counted}."
        return show(figure, alt)


def line_colors(mine: torch.Tensor, theirs: torch.Tensor) -> np.ndarray:
    """(H-1, W-1, 3) uint8: lines of both in gray, of the first alone in orange, of the second alone in blue."""
    a, b = lines_of(torch.stack((mine, theirs))).numpy()
    colors = np.full((*a.shape, 3), 255, np.uint8)
    for where, color in ((a & b, "#8C8C8C"), (a & ~b, ORANGE), (b & ~a, BLUE)):
        colors[where] = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return colors


def wrapped(caption: str, width: int = 26) -> str:
    """A caption in lines of about `width` letters."""
    lines = [""]
    for word in caption.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return "\n".join(lines)
