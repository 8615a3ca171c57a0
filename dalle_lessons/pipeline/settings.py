"""What is asked for, and what a picture depends on beside its caption, its seed and its index."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

CANDIDATES = 64  # how many are drawn and ranked, if the caller does not say


@dataclass(frozen=True)
class Settings:
    """How drawings were made. Equal settings, caption, seed and index: the same picture, on the same kind of machine.

    None: does not concern this drawing. A hash is SHA-256 in hexadecimal; of weights, that of their file, and "" for
    weights that come from no file.
    """

    #: What logits are divided by before a token is drawn, 0 or larger; 0 takes the likeliest token always.
    temperature: float = 1.0
    #: Each token is drawn among this many of the likeliest.
    top_k: int | None = None
    #: Each token is drawn among the likeliest that together reach this probability, in (0, 1].
    top_p: float | None = None
    #: How much more than without guidance the caption counts, -1 or larger.
    guidance: float = 0.0
    #: Hash of the weights that decode the tokens.
    dvae_sha256: str = ""
    #: Hash of the weights that drew the tokens, for `draw` and `complete`.
    dalle_sha256: str | None = None
    #: Hash of the weights that drew the tokens, for `edit`.
    edit_sha256: str | None = None
    #: Hash of the weights that ranked the drawings; None where their likelihood did.
    clip_sha256: str | None = None
    #: For `complete`: how many rows of tokens were given, and the hash of these tokens.
    given_rows: int | None = None
    given_sha256: str | None = None
    #: For `edit`: the hash of the given picture's tokens.
    source_sha256: str | None = None
    #: Versions of the libraries that decide about numbers.
    dalle_lessons: str = ""
    torch: str = ""
    numpy: str = ""

    def sampling(self) -> dict[str, Any]:
        """Those that `model.sampling.sample` takes."""
        return {name: getattr(self, name) for name in ("temperature", "top_k", "top_p", "guidance")}


def candidate_range(images: int, candidates: int | None) -> range:
    """The indices to draw: `candidates` of them, or 64, or `images` if that is more.

    Raises ValueError with one sentence if they are fewer than the images to keep."""
    count = max(images, CANDIDATES) if candidates is None else candidates
    if not 1 <= images <= count:
        raise ValueError(f"Ask for at least 1 image, and at least as many candidates: {images} of {count}.")
    return range(count)


def token_hash(tokens: Tensor) -> str:
    """SHA-256, in hexadecimal, of image tokens: 8 bytes each, the least significant first."""
    return hashlib.sha256(tokens.cpu().numpy().astype("<i8").tobytes()).hexdigest()
