"""Lesson 04: paint with tokens. Choose a cell of the picture, choose a tile for it, see what changes."""

from __future__ import annotations

import itertools
from typing import Any, cast

import ipywidgets as widgets
import torch
from torch import Tensor

from ...datasets.images import to_image
from ...model.dvae import DVAE
from ..figures import frame, new_figure, rectangle, show
from ..markup import style
from ..pictures import Picture, enlarged, to_picture
from .base import Frame, Stepper

CANVAS, TILE = 384, 40  # pixels on the page: side of the canvas, of a tile of the palette
TILES = 24
VISIBLE = 0.02  # a pixel that changes by less looks the same
LIKELIEST, NEAREST, COMMONEST = "likeliest here", "nearest codes", "commonest codes"
NUMBERS = itertools.count()  # each painter has style rules of its own
NAMED = {  # what a patch is called where it cannot be seen, by its mean color
    "white": (255, 255, 255),
    "gray": (150, 150, 150),
    "black": (25, 20, 25),
    "red": (205, 40, 45),
    "orange": (245, 140, 20),
    "yellow": (255, 222, 60),
    "beige": (245, 222, 190),
    "brown": (130, 80, 45),
    "green": (60, 165, 85),
    "blue": (60, 125, 225),
    "purple": (125, 55, 150),
    "pink": (250, 150, 190),
}


class TokenPainter(Stepper):
    """The picture's cells and a palette of tiles are buttons: they answer to mouse, Enter and Space. Their words, which
    say place and color, are there for screen readers alone: what is seen is the picture.

    dvae: any. tokens: (rows, cols), the picture to begin with. grids: (N, rows, cols), tokens of real pictures, from
    which the palette knows what stands beside what.
    """

    title = "Token painter"
    strip = 1

    def __init__(self, dvae: DVAE, tokens: Tensor, grids: Tensor):
        self.dvae, self.start, self.grids = dvae, tokens.clone(), grids
        self.rows, self.cols = int(tokens.shape[0]), int(tokens.shape[1])
        self.length = self.rows * self.cols
        self.tokens = tokens.clone()
        self.jumped = self.jumps(dvae.decode(tokens[None])[0])
        self.before: list[Tensor] = []  # the grids to which undo goes back
        self.number = next(NUMBERS)
        self._style = style("")
        self.cells = [self._cell(i) for i in range(self.length)]
        self.kind = widgets.ToggleButtons(
            options=(LIKELIEST, NEAREST, COMMONEST),
            description="palette:",
            style={"description_width": "initial", "button_width": "auto"},
        )
        self.kind.observe(lambda change: self.changed(), "value")
        self.palette = [self._tile(n) for n in range(TILES)]
        self.undo = self._action("Undo", self.take_back)
        self.again = self._action("Start again", self.start_again)
        self.up = self._action("▲ Up", lambda: self.go(self.position - self.cols))
        self.down = self._action("▼ Down", lambda: self.go(self.position + self.cols))
        super().__init__((self._style, self._board()))
        self.go(self.key_frames()[0])

    # ---- its parts ----

    def _board(self) -> widgets.HBox:
        side = CANVAS // self.cols
        canvas = widgets.GridBox(
            self.cells,
            layout={
                "grid_template_columns": f"repeat({self.cols}, {side}px)",
                "grid_auto_rows": f"{side}px",
                "min_width": f"{side * self.cols + 4}px",
                "margin": "0 16px 8px 0",
            },
        )
        tiles = widgets.GridBox(self.palette, layout={"grid_template_columns": f"repeat(6, {TILE + 6}px)"})
        actions = widgets.HBox([self.up, self.down, self.undo, self.again], layout={"flex_flow": "row wrap"})
        right = widgets.VBox([self.kind, tiles, actions], layout={"max_width": "440px"})
        return widgets.HBox([canvas, right], layout={"flex_flow": "row wrap"})

    def _cell(self, i: int) -> widgets.Button:
        row, col = divmod(i, self.cols)
        side = f"{CANVAS // self.cols}px"
        button = widgets.Button(
            tooltip=f"Choose the cell at row {row}, column {col}",
            layout={"width": side, "height": side, "margin": "0", "padding": "0"},
        )
        button.add_class(f"dalle-cell-{self.number}-{i}")
        button.on_click(lambda _: self.go(i))
        return button

    def _tile(self, n: int) -> widgets.Button:
        button = widgets.Button(layout={"width": f"{TILE}px", "height": f"{TILE}px", "margin": "3px", "padding": "0"})
        button.add_class(f"dalle-tile-{self.number}-{n}")
        button.on_click(lambda _: self.put(n))
        return button

    def _action(self, name: str, do) -> widgets.Button:
        button = widgets.Button(description=name, tooltip=name, layout={"width": "auto"})
        button.on_click(lambda _: do())
        return button

    # ---- what it does ----

    def key_frames(self) -> list[int]:
        """The cell in the middle: there it begins."""
        return [self.length // 2 + self.cols // 2]

    def static(self) -> Picture:
        still = super().static()
        return Picture(still.png, f"{self.title}: the picture, a cell, and tiles for it. Run this cell to step.")

    def changed(self) -> None:
        """Something is to be seen anew, at the same cell."""
        self._frames.clear()
        self.show()

    def put(self, n: int) -> None:
        """Put tile n of the palette into the chosen cell."""
        code = self.choices(self.position)[0][n]
        self.before.append(self.tokens.clone())
        self.tokens.view(-1)[self.position] = code
        self.changed()

    def take_back(self) -> None:
        """Undo the last tile."""
        if self.before:
            self.tokens = self.before.pop()
            self.changed()

    def start_again(self) -> None:
        """Back to the first picture; this, too, can be undone."""
        self.before.append(self.tokens.clone())
        self.tokens = self.start.clone()
        self.changed()

    def picture_now(self) -> Tensor:
        """(3, H, W)."""
        return self.dvae.decode(self.tokens[None])[0]

    def jumps(self, picture: Tensor) -> float:
        """How much the colors of (3, H, W) jump across the borders between patches: down and right, added."""
        side = self.dvae.config.factor
        down = picture[:, side::side] - picture[:, side - 1 : -1 : side]
        right = picture[..., side::side] - picture[..., side - 1 : -1 : side]
        return float(down.abs().mean() + right.abs().mean())

    def neighbor_votes(self, i: int) -> Tensor:
        """How likely each code is in cell i: the mean of what its neighbors say, each from all places in the real
        pictures where a code like it stands on that side. (codes,), sums to 1."""
        row, col = divmod(i, self.cols)
        codes, votes = self.dvae.config.codes, []
        for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            if not (0 <= row + down < self.rows and 0 <= col + right < self.cols):
                continue
            own = self.grids[:, max(0, -down) : self.rows - max(0, down), max(0, -right) : self.cols - max(0, right)]
            beside = self.grids[:, max(0, down) :, max(0, right) :][:, : own.shape[1], : own.shape[2]]
            found = torch.bincount(own[beside == self.tokens[row + down, col + right]], minlength=codes)
            if found.any():
                votes.append(found / found.sum())
        return torch.stack(votes).mean(dim=0) if votes else self.shares()

    def shares(self) -> Tensor:
        """The share of each code among all tokens of the real pictures: (codes,)."""
        return torch.bincount(self.grids.flatten(), minlength=self.dvae.config.codes) / self.grids.numel()

    def choices(self, i: int) -> tuple[list[int], list[str]]:
        """The codes of the palette for cell i, and in words why each is there."""
        here = int(self.tokens.flatten()[i])
        if self.kind.value == NEAREST:
            vectors = self.dvae.codebook.lookup(torch.arange(self.dvae.config.codes)[None, None])[0, :, 0].T
            distances = (vectors - vectors[here]).norm(dim=1)
            codes = distances.argsort(stable=True)[:TILES].tolist()
            return codes, [f"distance {distances[code]:.2f}" for code in codes]
        # What no neighbor speaks for comes last, and there the commonest first.
        chances = self.shares() if self.kind.value == COMMONEST else self.neighbor_votes(i) + 1e-6 * self.shares()
        codes = chances.argsort(descending=True, stable=True)[:TILES].tolist()
        return codes, [f"{chances[code]:.1%}" for code in codes]

    def tiles(self, i: int, codes: list[int]) -> Tensor:
        """Each code as it would look in cell i: (len(codes), 3, side, side)."""
        grids = self.tokens.flatten().repeat(len(codes), 1)
        grids[:, i] = torch.tensor(codes)
        side, (row, col) = self.dvae.config.factor, divmod(i, self.cols)
        pictures = self.dvae.decode(grids.reshape(-1, self.rows, self.cols))
        return pictures[:, :, row * side : (row + 1) * side, col * side : (col + 1) * side]

    def frame(self, i: int) -> Frame:
        row, col = divmod(i, self.cols)
        codes, why = self.choices(i)
        tiles = self.tiles(i, codes)
        now = self.picture_now()
        self._paint(i, now, tiles, codes, why)
        last = self.before[-1] if self.before else self.tokens
        change = (now - self.dvae.decode(last[None])[0]).abs().amax(dim=0) > VISIBLE  # (H, W)
        side = self.dvae.config.factor
        touched = change.unfold(0, side, side).unfold(1, side, side).any(-1).any(-1)
        text = (
            f"The cell at row {row}, column {col} is token number {i} in raster order. The last tile changed "
            f"{int(change.sum())} pixels visibly, in {int(touched.sum())} cells. "
            f"{int((self.tokens != self.start).sum())} tokens differ from the start. Across all borders between "
            f"patches the colors jump by {self.jumps(now):.3f}; at the start it was {self.jumped:.3f}."
        )
        return Frame(self.picture(i, now, change, tiles, why), text)

    def picture(self, i: int, now: Tensor, change: Tensor, tiles: Tensor, why: list[str]) -> Picture:
        """The picture, what the last tile changed, and the first tiles of the palette."""
        figure = new_figure(8.4, 2.5)
        left, middle, right = cast(Any, figure).subfigures(1, 3, width_ratios=(1, 1, 1.6))
        side, (row, col) = self.dvae.config.factor, divmod(i, self.cols)
        for part, shown, words in ((left, now, "now"), (middle, change, "changed by the last tile")):
            ax = part.subplots()
            if words == "now":
                frame(ax, to_image(shown))
            else:
                ax.imshow(shown.numpy(), cmap="cividis", vmin=0, vmax=1, interpolation="nearest")
                ax.set_xticks([])
                ax.set_yticks([])
            ax.set_title(words, fontsize=9)
            corner = (col * side - 0.5, row * side - 0.5)
            for color, width in (("white", 4), ("black", 1.8)):  # both: to be seen on any color
                ax.add_patch(rectangle(corner, side, side, fill=False, edgecolor=color, linewidth=width))
        for ax, tile, words in zip(right.subplots(2, 4).flatten(), tiles, why, strict=False):
            frame(ax, to_image(tile))
            ax.set_title(words, fontsize=8, pad=2)
        alt = (
            f"The picture with its cell at row {row}, column {col} framed; the pixels that the last tile changed; and "
            "the first eight tiles of the palette."
        )
        return show(figure, alt)

    def _paint(self, i: int, now: Tensor, tiles: Tensor, codes: list[int], why: list[str]) -> None:
        """Give the buttons their pictures: rules of style, since a button can hold none."""
        side, n = CANVAS // self.cols, self.number
        rules = [
            f"[class*=dalle-cell-{n}-] {{ background-image: url({_url(to_picture(to_image(now), 'now'))}) !important; "
            f"background-size: {side * self.cols}px {side * self.rows}px !important; image-rendering: pixelated; "
            "border: 1px solid rgba(128, 128, 128, 0.25) !important; box-sizing: border-box; min-width: 0; }",
            f"[class*=dalle-cell-{n}-], [class*=dalle-tile-{n}-] {{ font-size: 0 !important; color: transparent; }}",
        ]
        means = torch.nn.functional.avg_pool2d(now, self.dvae.config.factor)  # (3, rows, cols)
        colors = color_names(means.flatten(1).T)
        for k in range(self.length):
            row, col = divmod(k, self.cols)
            rules.append(f".dalle-cell-{n}-{k} {{ background-position: {-col * side}px {-row * side}px !important; }}")
            chosen = ", chosen" if k == i else ""
            self.cells[k].description = f"Row {row}, column {col}: {colors[k]}{chosen}"
        frames = "outline: 3px solid black; box-shadow: inset 0 0 0 2px white !important; position: relative"
        rules.append(f".dalle-cell-{n}-{i} {{ {frames}; z-index: 1; }}")
        for k, (tile, color) in enumerate(zip(tiles, color_names(tiles.mean((2, 3))), strict=True)):
            rules.append(
                f".dalle-tile-{n}-{k} {{ background-image: url({_url(enlarged(to_image(tile), 1, 'tile'))}) !important;"
                " background-size: 100% 100% !important; image-rendering: pixelated; border: 1px solid #767676; }"
            )
            self.palette[k].tooltip = f"Put in code {codes[k]} ({why[k]})"
            self.palette[k].description = f"Put in code {codes[k]}: {color}, {why[k]}"
        self._style.value = f"<style>{' '.join(rules)}</style>"

    def show(self) -> None:
        self._frames.pop(self.position, None)  # the buttons are painted with it
        super().show()


def color_names(colors: Tensor) -> list[str]:
    """(N, 3) in [0, 1] -> of each the nearest color that has a name here."""
    distances = torch.cdist(255 * colors, torch.tensor(list(NAMED.values()), dtype=torch.float32))
    return [list(NAMED)[k] for k in distances.argmin(dim=1).tolist()]


def _url(picture: Picture) -> str:
    return f"data:image/png;base64,{picture.base64()}"
