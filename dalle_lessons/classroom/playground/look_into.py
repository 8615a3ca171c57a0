"""What stands behind a picture (its tokens, its nearest training pictures), and pictures in files."""

from __future__ import annotations

import html
import os
import shlex
import warnings
from pathlib import Path

import torch

from ...datasets.images import to_image, to_tensor
from ...datasets.pairs import Pairs
from ...pipeline.drawing import Drawing, Drawings, about, facts_of
from ...pipeline.image_files import file_name, save_png
from ...pipeline.provenance import UnsignedWarning, can_sign, unsigned_sentence
from ..figures import token_grid
from ..markup import image
from ..pictures import to_picture

EDITED = "on the top as"  # stands in an editor's captions


def nearest(image: torch.Tensor, pictures: torch.Tensor, count: int = 3) -> tuple[list[int], list[float]]:
    """image (3, H, W), pictures (N, 3, H, W), uint8 -> indices and distances of the nearest, in order. Distance: the
    root of the mean squared difference of color values, 0 to 255."""
    parts = pictures.split(512)  # all at once, as floats, would take four times their memory
    squared = torch.cat([(part.float() - image).square().mean(dim=(1, 2, 3)) for part in parts])  # (N,)
    found = squared.topk(min(count, len(squared)), largest=False)
    return found.indices.tolist(), found.values.sqrt().tolist()


def score_of(drawing: Drawing, ranked_by_clip: bool) -> str:
    """The score with its name: a likelihood is no cosine."""
    return f"score {drawing.score:.2f}" if ranked_by_clip else f"log-likelihood of a token {drawing.score:.2f}"


def tokens_of(drawing: Drawing, name: str) -> str:
    """The picture under the numbers of its tokens, as HTML."""
    return image(token_grid(drawing.tokens, "its tokens", f"{name} under its grid of tokens.", image=drawing.image))


def neighbors_of(drawing: Drawing, training: Pairs | None) -> str:
    """The three training pictures most like it, with their captions and distances, as HTML; "" without training."""
    if training is None or not len(training) or training.pictures.shape[-1] != drawing.image.width:
        return ""
    shown = []
    for i, far in zip(*nearest(to_tensor(drawing.image), training.pictures), strict=True):
        words = f"{training.caption(i, None)}, {far:.0f} away"
        near = image(to_picture(to_image(training.pictures[i]), f"In training: {words}"))
        shown.append(f'<div class="dalle-near">{near}<br>{html.escape(words)}</div>')
    return f"<h3>Nearest in training</h3>{''.join(shown)}<br>Is it a copy? 0 away would be one, to the last pixel."


def save(drawings: Drawing | Drawings, folder: Path) -> Path:
    """Write one picture, or several as a grid, signed and with the visible mark, under a new name made of its seed and
    caption. -> where it is."""
    many = isinstance(drawings, Drawings)
    first = drawings[0] if many else drawings
    picture, facts = (drawings.grid(), facts_of(drawings)) if many else (first.image, first.facts())
    words = (f"{first.caption[:40]} best", len(drawings)) if many else (named(first.caption), first.index)
    path = folder / file_name(first.seed, *words)
    while path.exists():  # another temperature, say, gave another picture of the same name
        path = path.with_stem(f"{path.stem}_")
    with warnings.catch_warnings(action="ignore", category=UnsignedWarning):  # said on the page instead
        return save_png(picture, path, about(facts), facts, watermark=True)


def named(caption: str) -> str:
    """A caption for a file's name; an editor's says the style alone."""
    if EDITED not in caption:
        return caption
    return "drawn again" + caption.split("on the top")[1].removesuffix(" on the bottom")


def saved_words(path: Path, what: str) -> str:
    """That a picture is saved, and how to check it, as HTML."""
    if not can_sign():
        return html.escape(f"Saved {what} as {path}. {unsigned_sentence()}")
    quoted = f'"{path}"' if os.name == "nt" else shlex.quote(str(path))
    return f"Saved {html.escape(what)}. Check it with:<br><code>{html.escape(f'dalle-lessons verify {quoted}')}</code>"
