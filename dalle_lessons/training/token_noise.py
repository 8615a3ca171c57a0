"""Token noise: a model that is shown some wrong tokens cannot recite the training pictures."""

from __future__ import annotations

import torch
from torch import Tensor


def corrupt_tokens(tokens: Tensor, others: Tensor, share: float) -> Tensor:
    """tokens and others, (B, N) int64 -> (B, N): a random part of each row, up to `share`, comes from `others`.

    Shown such tokens, the model cannot recognize a training picture by its first lines and recite the rest: it must
    keep to the caption, or in editing to the given half.
    """
    return torch.where(torch.rand(tokens.shape) < share * torch.rand(len(tokens), 1), others, tokens)
