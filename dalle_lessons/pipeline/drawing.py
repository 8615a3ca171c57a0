"""What comes out: a picture with all that drew it, and several of them, best first."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

from PIL import Image

from .image_files import grid, save_png
from .settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

Facts = dict[str, Any]


@dataclass(frozen=True, eq=False)  # equal if it is the same object: tensors have no single answer to ==
class Drawing:
    """One picture, and what it takes to draw it again."""

    #: PIL, RGB.
    image: Image.Image
    #: (rows, cols) int64.
    tokens: Tensor
    #: What the ranking went by, higher is better: CLIP's cosine similarity with the caption; without a CLIP, and for an
    #: edit, the mean log-likelihood of an image token, in nats.
    score: float
    #: The same (seed, index), caption and settings draw it again.
    seed: int
    index: int
    caption: str
    settings: Settings = Settings()

    def save(self, path: str | Path) -> Path:
        """Write a PNG of the picture alone, as it is, signed (see provenance.py). -> absolute path.

        Raises ValueError with one sentence if the name does not end in .png.
        """
        return save_png(self.image, path, about(self.facts()), self.facts())

    def facts(self) -> Facts:
        """What is signed, as JSON values: see `facts_of`."""
        return facts_of([self])


class Drawings(list[Drawing]):
    """Drawings, best first. A slice of them is again Drawings."""

    def __init__(self, drawings: Iterable[Drawing] = (), stopped: bool = False):
        super().__init__(drawings)
        #: Whether the drawing was stopped, so that these are fewer candidates than were asked for.
        self.stopped = stopped

    @overload
    def __getitem__(self, place: SupportsIndex) -> Drawing: ...

    @overload
    def __getitem__(self, place: slice) -> Drawings: ...

    def __getitem__(self, place: SupportsIndex | slice) -> Drawing | Drawings:
        found = super().__getitem__(place)
        return Drawings(found, self.stopped) if isinstance(found, list) else found

    def grid(self, cols: int = 3, times: int = 3) -> Image.Image:
        """All of them in one picture, enlarged, best first, line by line. Raises ValueError if there are none."""
        return grid([drawing.image for drawing in self], cols, times)

    def save(self, path: str | Path) -> Path:
        """Write the grid as a PNG, with the visible mark, and signed (see provenance.py). -> absolute path.

        Raises ValueError with one sentence if there are no drawings, or if the name does not end in .png.
        """
        image, facts = self.grid(), facts_of(self)
        return save_png(image, path, about(facts), facts, watermark=True)


def facts_of(drawings: list[Drawing]) -> Facts:
    """What determines the pictures, as JSON values: what all have in common by name (caption, settings, versions), and
    under "pictures", for each of them, best first, its seed, its index and whatever else is its own."""
    all_facts = []
    for drawing in drawings:
        known = {name: value for name, value in asdict(drawing.settings).items() if value is not None}
        all_facts.append({"caption": drawing.caption, **known})
    common = {
        name: value
        for name, value in all_facts[0].items()
        if all(name in facts and facts[name] == value for facts in all_facts)
    }
    own = [{name: value for name, value in facts.items() if name not in common} for facts in all_facts]
    # A dict for each picture, since readers of Content Credentials take a list of small numbers for bytes.
    pictures = [
        {"seed": whole_number(d.seed), "index": whole_number(d.index), **more}
        for d, more in zip(drawings, own, strict=True)
    ]
    return {**common, "pictures": pictures}


def whole_number(seed: int) -> int:
    """A seed or an index as credentials can hold it: in [-2^63, 2^63). Of a seed its lower 64 bits alone count (see
    `model.sampling.noise`), so the one in that range draws the same picture."""
    return (int(seed) + 2**63) % 2**64 - 2**63


def about(facts: Facts) -> dict[str, str]:
    """The same as text inside a PNG, for programs that read no Content Credentials."""
    return {"Software": "dalle-lessons", "Description": json.dumps(facts, ensure_ascii=False)}
