"""Drawing a signed picture again from what it says of itself, and comparing every pixel."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from ..model.files import WEIGHTS, data_dir, optional_weights_dir
from .drawing import Drawings, Facts
from .provenance import add_watermark, printable, verify
from .settings import SAMPLED

DECIDING = ("dalle_lessons", "torch", "numpy", "device", "dtype")  # facts that decide how numbers are rounded


@dataclass(frozen=True)
class Redrawn:
    """What came of it."""

    #: Whether the picture that was drawn again equals the file's to the last pixel.
    equal: bool
    #: That, or why not, for people; safe to print.
    sentence: str


def redraw(path: str | Path, model: str | Path | None = None, device: str = "auto") -> Redrawn:
    """Draw what a signed PNG shows again: one picture, or each of a grid.

    model: the weights that drew it; None looks among the bundled ones. device: see `pick_device`.
    Raises FileNotFoundError or ValueError with one sentence if the file cannot be read as a picture.
    """
    found, name = verify(path), printable(path)
    if found.state != "signed":
        return Redrawn(False, f"{found.sentence.rstrip('.')}; so it cannot be drawn again.")
    facts = found.facts
    if "source_sha256" in facts or "given_sha256" in facts:
        what = "edited from" if "source_sha256" in facts else "continued from"
        return Redrawn(False, f"{name} was {what} another picture, which the file does not hold.")
    weights = find_weights(facts, model)
    if weights is None:
        place = "the bundled ones" if model is None else f"those in {printable(model)}"
        return Redrawn(False, f"{name} was drawn with other weights than {place}: name theirs with --model.")
    from .text_to_image import TextToImage

    try:
        wanted = [{**facts, **picture} for picture in facts["pictures"]]
        system = TextToImage.from_pretrained(weights, device, facts["dtype"])
        drawings = Drawings(draw_one(system, picture) for picture in wanted)
        image = shown(drawings, path)
    except (KeyError, TypeError, IndexError) as error:
        return Redrawn(False, f"{name} does not hold all that drew it ({printable(repr(error), 80)}).")
    with Image.open(path) as file:
        if file.convert("RGB").tobytes() == image.tobytes():
            return Redrawn(True, f"{name} was drawn again: equal to the last pixel.")
    now = drawings[0].facts()
    other = [f"{key} {facts.get(key)} there, {now[key]} here" for key in DECIDING if facts.get(key) != now[key]]
    why = printable("; ".join(other)) if other else "though versions, device and weights are the same"
    return Redrawn(False, f"{name} was drawn again, and differs: {why}.")


def find_weights(facts: Facts, model: str | Path | None) -> str | Path | None:
    """Of `model`, or of all bundled weights, those whose hashes the facts name; None if there are none."""
    bundled = sorted(folder.name for folder in (data_dir() / "weights").iterdir() if folder.is_dir())
    for name in bundled if model is None else [model]:
        if all(file_hash(name, part) == facts.get(f"{part}_sha256") for part in ("dvae", "dalle")):
            return name
    return None


def file_hash(name: str | Path, part: str) -> str | None:
    """SHA-256, in hexadecimal, of the weights of a part; None where there are none."""
    folder = optional_weights_dir(name, part)
    return None if folder is None else hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()


def draw_one(system: Any, picture: Facts) -> Any:
    """The picture that these facts name."""
    options = {name: picture.get(name) for name in (*SAMPLED, "negative_caption")}
    return system.draw(picture["caption"], seed=picture["seed"], indices=[picture["index"]], **options)[0]


def shown(drawings: Drawings, path: str | Path) -> Image.Image:
    """The drawings as the file shows them: a picture alone as it is, or a grid with its visible mark."""
    with Image.open(path) as file:
        size = file.size
    return drawings[0].image if size == drawings[0].image.size else add_watermark(drawings.grid())
