"""Lesson 15: a signed picture is attacked in one way after another; guess each time what is still found in the file."""

from __future__ import annotations

import html
import io
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from ...pipeline.provenance import WATERMARK, Credentials, has_watermark, printable, verify, watermark_side
from ..figures import frame, new_figure, show
from ..pictures import Picture
from .base import Frame, Stepper

FOUND = (
    "credentials and mark",
    "the mark alone",
    "a change is reported",
    "nothing at all",
    "the credentials alone",
    "credentials that say something else",
)
STATE_WORDS = {  # of `Credentials.state`
    "signed": "valid: as it was signed",
    "not_generated": "valid, but not of a generated picture",
    "changed": "broken: changed since",
    "outdated": "the certificate is not valid now",
    "invalid": "not valid",
    "unsigned": "none",
}


class Attacks(Stepper):
    """Before each attack: what will be found afterwards? Then the picture, its corner, and what is found.

    signed: the bytes of a signed PNG file with the visible mark. attacks: name -> a function from the bytes of a file
    to those of another. The file as it was signed stands before them.
    """

    title = "What survives?"
    strip = 4

    def __init__(self, signed: bytes, attacks: dict[str, Callable[[bytes], bytes]]):
        self.names = ["as it was signed", *attacks]
        self.files = [signed, *(attack(signed) for attack in attacks.values())]
        self.length = len(self.files)
        super().__init__(seconds=3.0)

    def look(self, i: int) -> tuple[Image.Image, Credentials, bool]:
        """(the picture, what its credentials say, is the mark found) of file i."""
        with tempfile.TemporaryDirectory() as folder:  # verified as everybody verifies: as a file
            path = Path(folder) / "picture"
            path.write_bytes(self.files[i])
            credentials = verify(path)
        image = Image.open(io.BytesIO(self.files[i])).convert("RGB")
        return image, credentials, has_watermark(image)

    def answer(self, i: int) -> int:
        """Which of FOUND is true of file i."""
        _, credentials, marked = self.look(i)
        if credentials.state == "signed":
            return FOUND.index("credentials and mark" if marked else "the credentials alone")
        if credentials.state == "unsigned":
            return FOUND.index("the mark alone" if marked else "nothing at all")
        return FOUND.index(
            "a change is reported" if credentials.state == "changed" else "credentials that say something else"
        )

    def frame(self, i: int) -> Frame:
        image, credentials, marked = self.look(i)
        mark = "found" if marked else "not found"
        told = html.escape(printable(", ".join(sorted(credentials.facts)))) or "nothing"
        state = STATE_WORDS[credentials.state]
        text = f"Content Credentials: <b>{state}</b>; they tell: {told}. Visible mark: <b>{mark}</b>."
        if not i:
            return Frame(self.picture(i, image, credentials, marked), text)
        return Frame(
            self.picture(i, image, credentials, marked),
            text,
            question=f"The file is attacked: {self.names[i]}. What will be found?",
            choices=FOUND,
            answer=self.answer(i),
            hidden=self.picture(i, image, None, marked),
        )

    def picture(self, i: int, image: Image.Image, credentials: Credentials | None, marked: bool) -> Picture:
        """The picture, its lower right corner enlarged, and what is found, or question marks."""
        figure = new_figure(8.4, 2.5)
        whole, corner, words = figure.subplots(1, 3, width_ratios=(1, 1, 1.7))
        frame(whole, image)
        whole.set_title(self.names[i], fontsize=9)
        side = 2 * len(WATERMARK) * watermark_side(image)
        frame(corner, image.crop((image.width - side, image.height - side, image.width, image.height)))
        corner.set_title("its lower right corner", fontsize=9)
        words.set_axis_off()
        state = "?" if credentials is None else STATE_WORDS[credentials.state]
        seen = "?" if credentials is None else "found" if marked else "not found"
        words.text(0, 0.65, f"credentials   {state}", fontsize=11, va="center")
        words.text(0, 0.35, f"visible mark   {seen}", fontsize=11, va="center")
        return show(
            figure,
            f"A grid of drawings, {self.names[i]}, and its lower right corner. Content Credentials: {state}; "
            f"visible mark: {seen}.",
        )
