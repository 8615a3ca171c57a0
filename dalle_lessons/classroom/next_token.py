"""A model as a function: image tokens so far -> scores of the next one. And what its likeliest codes would paint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import Tensor

from ..pipeline.stream import picture_so_far

if TYPE_CHECKING:
    from ..model.transformer import Cache
    from ..pipeline.text_to_image import TextToImage


class NextToken:
    """`NextToken(system, caption)(tokens)`: image tokens so far, a list of whole numbers -> scores (codes,) float32 of
    the next one; their softmax are its probabilities.

    It remembers what it has read: a list that is one token longer than the last costs one step.
    Raises ValueError with one sentence for a caption that is too long, and for tokens that no picture has.
    """

    def __init__(self, system: TextToImage, caption: str):
        self.system, self.caption = system, caption
        self.length = system.dalle.config.image_length  # tokens of a picture
        self._text = system.read(caption, system.dalle).to(system.device)  # (1, T)
        self._read: list[int] | None = None
        self._cache: Cache | None = None
        self._scores = torch.empty(0)

    @torch.no_grad()
    def __call__(self, tokens: Sequence[int]) -> Tensor:
        tokens = [int(token) for token in tokens]
        if len(tokens) >= self.length:
            raise ValueError(
                f"A picture has {self.length} tokens, and {len(tokens)} are there: nothing is left to draw."
            )
        if tokens != self._read:
            now = torch.tensor([tokens], dtype=torch.int64, device=self._text.device)  # (1, n)
            if self._cache is not None and tokens[:-1] == self._read and tokens:
                self.system.dalle.check(self._text, now)
                logits = self.system.dalle.decode_step(now[:, -1:], len(tokens) - 1, self._cache)
            else:
                logits, self._cache = self.system.dalle.prefill(self._text, now)
            self._read, self._scores = tokens, logits[0].float().cpu()
        return self._scores.clone()


def close_up(system: TextToImage, tokens: Sequence[int], cell: int, around: int = 2) -> Image.Image:
    """The picture of the first tokens, cut out `around` patches each way from a cell (raster index)."""
    c, side = system.dalle.config, system.dvae.config.factor
    whole = picture_so_far(system.dvae, torch.tensor(list(tokens)), c.rows, c.cols, system.device)
    row, col = divmod(cell, c.cols)
    window = min(2 * around + 1, c.rows, c.cols)
    left, top = (min(max(0, at - around), most - window) * side for at, most in ((col, c.cols), (row, c.rows)))
    return whole.crop((left, top, left + window * side, top + window * side))
