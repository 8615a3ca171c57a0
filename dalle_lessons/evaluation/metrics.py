"""The measures, apart from any model: pure functions of tensors and numbers."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def psnr(images: Tensor, truth: Tensor, where: Tensor | None = None) -> Tensor:
    """Peak signal-to-noise ratio of each picture in dB, over all pixels or those of `where`.

    images, truth: (B, 3, H, W) in [0, 1]. where: (B, 1, H, W) bool. -> (B,); NaN where nothing is measured.
    """
    error = (images - truth).pow(2).mean(dim=1, keepdim=True)  # (B, 1, H, W)
    where = torch.ones_like(error, dtype=torch.bool) if where is None else where
    mean = (error * where).sum((1, 2, 3)) / where.sum((1, 2, 3))
    return -10 * mean.clamp_min(1e-10).log10()


def ink_f1(drawn: Tensor, truth: Tensor) -> Tensor:
    """How well lines lie on lines: (B, 3, H, W) bool, ink where any channel is true -> (B,).

    Precision is the share of drawn ink within one pixel of true ink, recall the share of true ink within one pixel of
    drawn ink, and F1 their harmonic mean; NaN where neither has ink.
    """
    inks = [ink.any(dim=1, keepdim=True).float() for ink in (drawn, truth)]
    wide = [F.max_pool2d(ink, 3, 1, padding=1) for ink in inks]
    hits = [(ink * other).sum((1, 2, 3)) for ink, other in zip(inks, wide[::-1], strict=True)]
    total = [ink.sum((1, 2, 3)) for ink in inks]
    precision, found = hits[0] / total[0].clamp_min(1), hits[1] / total[1].clamp_min(1)
    f1 = 2 * precision * found / (precision + found).clamp_min(1e-9)
    return f1.masked_fill(total[0] + total[1] == 0, math.nan)


def wilson(p: float, n: int) -> tuple[float, float]:
    """The 95% interval of a share p of n independent trials (Wilson 1927): the mean plus and minus two standard errors
    would leave [0, 1] near its ends."""
    z = 1.959964
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)


def share(hits: Tensor) -> dict:
    """Of (N,) numbers in [0, 1], NaN where there is none: `share`, `n`, and Wilson's 95% interval `low`, `high`.

    For independent trials. What is measured on several pictures of one emoji, or on several drawings of one caption, is
    not independent: reports take `intervals.share_interval`.
    """
    hits = hits[~hits.isnan()].double()
    n = len(hits)
    if not n:
        return {"share": math.nan, "low": math.nan, "high": math.nan, "n": 0}
    p = float(hits.mean())
    low, high = wilson(p, n)
    return {"share": p, "low": low, "high": high, "n": n}


def recall(similar: Tensor, right: Tensor, k: int) -> Tensor:
    """similar, and right (bool): (N, M), N queries with M answers. -> (N,) float: is a right one among the first k?"""
    best = similar.topk(min(k, similar.shape[1]), dim=1).indices
    return right.gather(1, best).any(dim=1).float()


def memorized(tokens: Tensor, known: Tensor, least: float = 0.9) -> Tensor:
    """Is a drawing a near-duplicate of a training picture: equal to one in at least this share of its tokens?

    tokens: (N, L) drawn, known: (M, L) of training pictures, int64. -> (N,) float, 0 or 1; its mean is the
    near-duplicate rate.
    """
    nearest = [(row == known).float().mean(dim=1).max() for row in tokens]
    return (torch.stack(nearest) >= least).float()
