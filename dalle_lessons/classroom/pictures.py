"""Pictures with their alternative text, side by side, below each other, enlarged."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Picture:
    """A PNG with the text that stands in for it where it cannot be seen."""

    png: bytes = field(repr=False)
    alt: str
    #: The same as SVG, if `figures.ALSO_SVG` asked for it.
    svg: str | None = field(default=None, repr=False)

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        more = {} if self.svg is None else {"image/svg+xml": self.svg}
        return {"image/png": self.png, "text/plain": self.alt} | more, {"image/png": {"alt": self.alt}}

    def base64(self) -> str:
        """The PNG in letters, as HTML and notebooks hold it."""
        return base64.b64encode(self.png).decode()

    def open(self) -> Image.Image:
        """As a PIL image."""
        return Image.open(io.BytesIO(self.png)).convert("RGB")


def beside(*pictures: Picture, alt: str | None = None, gap: int = 12) -> Picture:
    """Pictures side by side, as one; their texts one after another unless `alt` is given."""
    images = [picture.open() for picture in pictures]
    sheet = Image.new("RGB", (sum(i.width + gap for i in images) - gap, max(i.height for i in images)), "white")
    left = 0
    for image in images:
        sheet.paste(image, (left, (sheet.height - image.height) // 2))
        left += image.width + gap
    return to_picture(sheet, alt or " ".join(picture.alt for picture in pictures))


def stacked(*pictures: Picture, alt: str | None = None, gap: int = 8) -> Picture:
    """Pictures below each other, as one."""
    images = [picture.open() for picture in pictures]
    sheet = Image.new("RGB", (max(i.width for i in images), sum(i.height + gap for i in images) - gap), "white")
    top = 0
    for image in images:
        sheet.paste(image, (0, top))
        top += image.height + gap
    return to_picture(sheet, alt or " ".join(picture.alt for picture in pictures))


def to_picture(image: Image.Image, alt: str) -> Picture:
    """A PIL image with its alternative text."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return Picture(buffer.getvalue(), alt)


def enlarged(image: Image.Image, times: int, alt: str, frame: int | None = None, cols: int = 1) -> Picture:
    """A picture, its pixels enlarged; with `frame`, cell number `frame` (raster order, `cols` a line) is framed."""
    pixels = np.asarray(image.convert("RGB")).repeat(times, 0).repeat(times, 1).copy()
    if frame is not None:
        side = pixels.shape[1] // cols
        y, x = frame // cols * side, frame % cols * side
        for thick in range(3):
            box = (slice(y + thick, y + side - thick), slice(x + thick, x + side - thick))
            color = (213, 94, 0)
            pixels[box[0].start, box[1]] = pixels[box[0].stop - 1, box[1]] = color
            pixels[box[0], box[1].start] = pixels[box[0], box[1].stop - 1] = color
    return to_picture(Image.fromarray(pixels), alt)
