"""The joined sequence as boxes: words with their letters, image tokens with the tile that each becomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from torch import Tensor

from ..datasets.images import to_image
from ..pipeline.text_to_image import TextToImage
from .figures import KINDS, rectangle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

QUIET = "#767676"


@dataclass(frozen=True)
class Box:
    """One token of a joined sequence."""

    label: str
    #: One of figures.KINDS: "start", "text", "pad", "sep" or "image".
    kind: str
    #: What an image token becomes, at its place.
    tile: Image.Image | None = None


def joined_boxes(system: TextToImage, text: Tensor, image: Tensor) -> list[Box]:
    """text (T,), image (N,) int64 -> START, words and pads, [SEP], image tokens in raster order."""
    tokenizer, c = system.tokenizer, system.dalle.config
    special = {tokenizer.start_id: ("START", "start"), tokenizer.pad_id: ("PAD", "pad")}
    pieces = (str(tokenizer.tokenizer.id_to_token(i)).replace("Ġ", " ") for i in text.tolist())
    words = [special.get(i) or (piece, "text") for i, piece in zip(text.tolist(), pieces, strict=True)]
    return boxes_of(words, image, system.dvae.decode(image.view(1, c.rows, c.cols))[0], c.cols)


def boxes_of(words: Sequence[tuple[str, str]], image: Tensor, picture: Tensor, cols: int) -> list[Box]:
    """words: (label, kind) of each text slot, START and pads among them; image (N,) int64, `cols` a line; picture
    (3, H, W) in [0, 1], whose patches are shown in their places -> all boxes, [SEP] between."""
    whole = to_image(picture)
    wide, high = whole.width // cols, whole.height // (len(image) // cols)
    corners = [(i % cols * wide, i // cols * high) for i in range(len(image))]
    tiles = [whole.crop((x, y, x + wide, y + high)) for x, y in corners]
    return [
        *(Box(label, kind) for label, kind in words),
        Box("[SEP]", "sep"),
        *(Box(str(i), "image", tile) for i, tile in zip(image.tolist(), tiles, strict=True)),
    ]


def draw_box(ax: Axes, x: float, y: float, box: Box | None, faint: bool = False, size: float = 8) -> None:
    """One token at (x, y), 0.94 wide and 0.84 high: its label, or its tile; None: hidden. faint: it does not count.

    The caller sets the limits of the axis afterwards, since pictures move them.
    """
    color = KINDS["hidden"] if box is None else "#FFFFFF" if faint else KINDS[box.kind]
    ax.add_patch(rectangle((x - 0.47, y - 0.42), 0.94, 0.84, facecolor=color, edgecolor="#888888", linewidth=0.8))
    if box is None:
        return
    if box.tile is not None:
        extent = (x - 0.44, x + 0.44, y - 0.39, y + 0.39)
        ax.imshow(np.asarray(box.tile), extent=extent, interpolation="nearest", aspect="auto", zorder=2)
    else:
        color = QUIET if faint else "black"
        ax.text(x, y, box.label, ha="center", va="center", fontsize=size, color=color)
