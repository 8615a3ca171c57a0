"""What is asked for, and what a picture depends on beside its caption, its seed and its index."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ..model.dalle import DALLE
    from .system import System

SAMPLED = ("temperature", "top_k", "top_p", "guidance")  # settings that `model.sampling.sample` takes as they are
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
    #: What guidance leads away from, in place of the empty caption.
    negative_caption: str | None = None
    #: Among how many drawings it was ranked.
    candidates: int | None = None
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
    #: What kind of device computed, and in which type of numbers: they decide how sums are rounded.
    device: str = ""
    dtype: str = ""


def candidate_range(images: int, candidates: int | None, indices: Sequence[int] | None = None) -> Sequence[int]:
    """The indices to draw: those given, or else `candidates` of them, or 64, or `images` if that is more.

    Raises ValueError with one sentence if they are fewer than the images to keep, or if one is negative."""
    if indices is not None:
        if any(index < 0 for index in indices):
            raise ValueError(f"The index of a picture is 0 or larger, got {min(indices)}.")
        return [*indices]
    count = max(images, CANDIDATES) if candidates is None else candidates
    if not 1 <= images <= count:
        raise ValueError(f"Ask for at least 1 image, and at least as many candidates: {images} of {count}.")
    return range(count)


def settings_of(
    system: System,
    model: DALLE,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    guidance: float = 0.0,
    **told: Any,
) -> Settings:
    """All that decides about drawings by the system's `dalle` or `editor`, beside caption, seed and index.

    told: what else was given, if anything. Raises ValueError with one sentence for a negative caption that would do
    nothing.
    """
    import numpy
    import torch

    from .. import __version__

    if told.get("negative_caption") is not None and not guidance:
        raise ValueError("A negative caption is what guidance leads away from: give a guidance too, such as 1.")
    weight, editing = model.text_head.weight, model is system.editor
    return Settings(
        float(temperature),
        top_k,
        top_p,
        float(guidance),
        dvae_sha256=system.dvae.weights_sha256,
        dalle_sha256=None if editing else model.weights_sha256,
        edit_sha256=model.weights_sha256 if editing else None,
        clip_sha256=None if editing or system.clip is None else system.clip.weights_sha256,
        dalle_lessons=__version__,
        torch=str(torch.__version__),
        numpy=numpy.__version__,
        device=kind_of(weight.device),
        dtype=str(weight.dtype).removeprefix("torch."),
        **told,
    )


def kind_of(device: torch.device) -> str:
    """What decides how a device rounds: "cpu (AVX2)", "cuda (NVIDIA L4)", "mps"."""
    import torch

    if device.type == "cpu":
        return f"cpu ({torch.backends.cpu.get_cpu_capability()})"
    return f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type


def token_hash(tokens: Tensor) -> str:
    """SHA-256, in hexadecimal, of image tokens: 8 bytes each, the least significant first."""
    return hashlib.sha256(tokens.cpu().numpy().astype("<i8").tobytes()).hexdigest()
