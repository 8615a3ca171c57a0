"""What comes out: a picture with all that drew it, and several of them, best first."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from torch import Tensor

from .image_files import grid, save_png
from .provenance import add_watermark


@dataclass(frozen=True)
class Drawing:
    """image: PIL, RGB. tokens: (rows, cols) int64. score: what the ranking went by, higher is better (CLIP's cosine
    similarity with the caption; without a CLIP, the mean log-likelihood of an image token, in nats).
    (seed, index) names the picture: the same ones draw it again, with the same weights (SHA-256 of their file; empty
    if they come from no file)."""

    image: Image.Image
    tokens: Tensor
    score: float
    seed: int
    index: int
    caption: str
    weights: str = ""

    def save(self, path: str | Path) -> Path:
        """Write a PNG of the picture alone, as it is, signed (see provenance.py). -> absolute path."""
        return save_png(self.image, path, self.about(), self.facts())

    def facts(self) -> dict:
        """What is signed."""
        return {"caption": self.caption, "seed": self.seed, "index": self.index, "weights_sha256": self.weights}

    def about(self) -> dict[str, str]:
        facts = {"caption": self.caption, "seed": self.seed, "index": self.index}
        return {"Software": "dalle-lessons", "Description": json.dumps(facts, ensure_ascii=False)}


class Drawings(list):
    """Drawings, best first."""

    def grid(self, cols: int = 3, times: int = 3) -> Image.Image:
        """All of them in one picture, enlarged, best first, line by line."""
        return grid([drawing.image for drawing in self], cols, times)

    def save(self, path: str | Path) -> Path:
        """Write the grid as a PNG, with the visible mark, and signed (see provenance.py). -> absolute path."""
        about = "\n".join(drawing.about()["Description"] for drawing in self)
        facts = {**self[0].facts(), "index": ", ".join(str(drawing.index) for drawing in self)}
        return save_png(add_watermark(self.grid()), path, {"Software": "dalle-lessons", "Description": about}, facts)
