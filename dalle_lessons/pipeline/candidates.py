"""The loop that every way of drawing comes down to: sample, decode, score; until all is drawn, or someone stops it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import Tensor
from tqdm.auto import tqdm

from ..datasets.images import to_image
from ..model.dalle import DALLE
from ..model.sampling import SAMPLING_BATCH, sample_batches
from ..model.sequence import unflatten
from .drawing import Drawing, Drawings
from .ranking import scorer
from .settings import SAMPLED, Settings

if TYPE_CHECKING:
    from .system import System

#: Called after each token with (its number, from 0; the tokens of this batch so far; the logits it was drawn from).
OnToken = Callable[[int, Tensor, Tensor], None]


class StopDrawing(Exception):
    """To be raised in `on_token`: ends the drawing. What is finished is given to whoever asked for it; if nothing is,
    this reaches them instead."""


@torch.no_grad()
def draw_candidates(
    system: System,
    model: DALLE,
    caption: str,
    text: Tensor,
    wanted: Sequence[int],
    seed: int,
    settings: Settings,
    given: Tensor | None = None,
    negative: Tensor | None = None,
    on_token: OnToken | None = None,
    keep: int | None = None,
) -> Drawings:
    """The best `keep` (None: all) of the pictures (seed, i) of all i wanted, best first; of those that were finished,
    if the drawing was stopped.

    model: the system's `dalle`, or its `editor`, which draws the lower half of its grid. text: (1, T) int64, the
    caption's tokens. given: (1, n) int64, the first tokens of each, kept. negative: as text, of the negative caption.
    Raises StopDrawing, or KeyboardInterrupt, where the drawing was stopped before anything was finished.
    """
    c, editing, device = model.config, model is system.editor, model.text_head.weight.device
    rows = c.rows // 2 if editing else c.rows
    text, options = text.to(device), {name: getattr(settings, name) for name in SAMPLED}
    if negative is not None:
        options["negative"] = negative.to(device)
    score = scorer(model, text, caption, system.tokenizer, None if editing else system.clip, editing)
    found: list[tuple[float, int, Tensor, Image.Image]] = []
    stopped = False
    try:
        for indices, tokens in sample_batches(model, text, wanted, seed, given=given, on_token=on_token, **options):
            grids = unflatten(tokens[:, -rows * c.cols :], rows, c.cols)  # of tokens (32, N)
            pixels = system.dvae.decode(grids)  # (32, 3, H, W)
            scores = score(tokens, pixels.to(model.text_head.weight.dtype))  # (32,)
            found += [
                (float(scores[row]), index, grids[row].cpu(), to_image(pixels[row]))
                for row, index in enumerate(indices)
                if index in wanted
            ]
    except (StopDrawing, KeyboardInterrupt):
        if not found:
            raise
        stopped = True
    found.sort(key=lambda one: -one[0])  # of equal scores, the one with the lower index
    drawn = [Drawing(image, grid, score, seed, index, caption, settings) for score, index, grid, image in found[:keep]]
    return Drawings(drawn, stopped)


def tokens_to_draw(model: DALLE, wanted: Sequence[int], given: int = 0) -> int:
    """How often `on_token` will be called: for each token of each batch. given: how many first tokens are kept."""
    length = model.config.rows * model.config.cols
    return len({index // SAMPLING_BATCH for index in wanted}) * (length - given)


def progress_bar(total: int, progress: bool | float) -> tqdm:
    """A bar that counts `total` tokens. progress: True shows it at once, a number after so many seconds."""
    delay = 0 if progress is True else progress
    return tqdm(desc="drawing", total=total, unit="token", delay=delay, leave=False, disable=progress is False)


def counted(bar: tqdm, on_token: OnToken | None) -> OnToken | None:
    """`on_token`, and a step of the bar for each token."""

    def count(i: int, tokens: Tensor, logits: Tensor) -> None:
        bar.update()
        if on_token is not None:
            on_token(i, tokens, logits)

    return on_token if bar.disable else count
