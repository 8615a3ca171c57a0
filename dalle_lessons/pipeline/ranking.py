"""Which of the drawings of a caption are best: CLIP says so, and without a CLIP the model that drew them."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from ..model.clip import CLIP
from ..model.dalle import DALLE
from ..model.editing import edit_nll
from ..model.tokenizer import TextTokenizer

Scorer = Callable[[Tensor, Tensor], Tensor]


def scorer(
    model: DALLE, text: Tensor, caption: str, tokenizer: TextTokenizer, clip: CLIP | None = None, editing: bool = False
) -> Scorer:
    """The function that ranks drawings of a caption: image tokens (B, N) int64 and pixels (B, 3, H, W) -> (B,), higher
    is better. The caption is read once, here.

    With a CLIP: cosine similarity in [-1, 1]. Without: the mean log-likelihood of a drawn token, in nats; `editing`: of
    those of the lower half. text: (1, T) int64, the caption's tokens, by `tokenizer`.
    """
    if clip is None:
        likelihood = edit_log_likelihood if editing else log_likelihood
        return lambda tokens, _: likelihood(model, text.expand(len(tokens), -1), tokens)
    own = clip.tokenizer
    if own is not None and (own.length, own.ids, own.ranks) != (text.shape[1], tokenizer.ids, tokenizer.ranks):
        text = own.encode([caption]).to(text.device)  # a CLIP that was trained on other text tokens
    vector = clip.encode_text(text)  # (1, D)
    return lambda _, pixels: (clip.encode_images(pixels) * vector).sum(dim=-1)


def log_likelihood(model: DALLE, text: Tensor, tokens: Tensor) -> Tensor:
    """Mean log-probability of an image token given the caption, in nats: (B, T), (B, N) int64 -> (B,)."""
    logits = model(text, tokens)[1]  # (B, N, codes)
    return -F.cross_entropy(logits.float().transpose(1, 2), tokens, reduction="none").mean(dim=1)


def edit_log_likelihood(model: DALLE, text: Tensor, tokens: Tensor) -> Tensor:
    """The same of a token of the lower half, given the caption and the upper half."""
    return -edit_nll(model, text, tokens)[0].mean(dim=1)
