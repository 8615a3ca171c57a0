"""Token noise: a model that is shown some wrong tokens cannot recite the training pictures."""

from __future__ import annotations

import torch
from torch import Tensor


def corrupt_tokens(tokens: Tensor, others: Tensor, share: float) -> Tensor:
    """(B, N) int64, twice -> (B, N): of each row a random part, from none up to `share`, is replaced by the others'.

    Shown such tokens, the model cannot recognize a training picture by its first lines and go on by heart: it must
    keep to the caption, or in editing to the given half.
    """
    return torch.where(torch.rand(tokens.shape) < share * torch.rand(len(tokens), 1), others, tokens)
