"""A picture while it is being drawn: what it looks like after each line of tokens."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import Tensor

from ..datasets.images import to_image
from .candidates import OnToken, StopDrawing

if TYPE_CHECKING:
    from ..model.dvae import DVAE

UNDRAWN = 0.9  # the light gray of what is not drawn yet


def growing(
    draw: Callable[[OnToken], Image.Image], show: Callable[[Tensor], Image.Image], row: int, every: int
) -> Iterator[Image.Image]:
    """Run `draw` in a thread of its own, and yield the picture of batch row `row` as it stands after every so many
    tokens, then what `draw` returns. Whoever leaves the loop ends the drawing with it.

    draw: is handed an `on_token`, and calls it. show: the first image tokens (n,) int64 -> the picture so far.
    """
    ready: queue.Queue[Tensor | Image.Image | BaseException] = queue.Queue(maxsize=1)  # drawing waits for who looks
    left = threading.Event()

    def put(item: Tensor | Image.Image | BaseException) -> None:
        while not left.is_set():
            try:
                return ready.put(item, timeout=0.1)
            except queue.Full:
                continue

    def on_token(i: int, tokens: Tensor, logits: Tensor) -> None:
        if left.is_set():
            raise StopDrawing
        if (i + 1) % every == 0:
            put(tokens[row].cpu())

    def work() -> None:
        try:
            put(draw(on_token))
        except BaseException as error:  # it belongs to whoever looks
            put(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while isinstance(item := ready.get(), Tensor):
            yield show(item)
        if isinstance(item, BaseException):
            raise item
        yield item
    finally:
        left.set()
        thread.join()


def picture_so_far(dvae: DVAE, tokens: Tensor, rows: int, cols: int, device: torch.device) -> Image.Image:
    """The picture of the first image tokens (n,) int64 of a grid; where none is drawn yet it is gray. No token that is
    still to come has a part in it."""
    return pictures_so_far(dvae, tokens[None], rows, cols, device)[0]


@torch.no_grad()
def pictures_so_far(dvae: DVAE, tokens: Tensor, rows: int, cols: int, device: torch.device) -> list[Image.Image]:
    """The same of several grids, tokens (B, n) int64, decoded together."""
    side, (count, length) = dvae.config.factor, tokens.shape
    begun = -(-length // cols)  # lines of tokens that have begun
    grid = tokens.new_zeros(count, begun * cols)
    grid[:, :length] = tokens
    pixels = dvae.decode(grid.reshape(count, begun, cols).to(device)).float().cpu()  # (B, 3, begun · side, cols · side)
    known = (torch.arange(begun * cols) < length).reshape(begun, cols)
    known = known.repeat_interleave(side, 0).repeat_interleave(side, 1)
    pictures = torch.full((count, 3, rows * side, cols * side), UNDRAWN)
    pictures[:, :, : begun * side] = torch.where(known, pixels, UNDRAWN)
    return [to_image(picture) for picture in pictures]
