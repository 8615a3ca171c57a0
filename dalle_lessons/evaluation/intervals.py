"""What is reported of many measurements: a figure with its 95% interval, and on how much it stands.

Pictures of one emoji in other styles or tones, or many drawings of one caption, are not independent: a model that
draws one of them well draws the others well. So the interval comes from a bootstrap over clusters (Efron 1979; Field
and Welsh 2007): clusters are drawn with repetition, each with all that belongs to it, and the figure is computed anew
from each such draw. 95% of these lie between `low` and `high`.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from .metrics import wilson

RESAMPLES = 2000
SEED = 0


@lru_cache(maxsize=2)
def resamples(clusters: int) -> Tensor:
    """How often each cluster stands in each resample: (RESAMPLES, clusters) float64; always the same."""
    generator = torch.Generator().manual_seed(SEED)
    drawn = torch.randint(clusters, (RESAMPLES, clusters), generator=generator)
    return torch.zeros(RESAMPLES, clusters, dtype=torch.float64).scatter_add_(
        1, drawn, torch.ones(drawn.shape).double()
    )


def summary(name: str, value: float | None, draws: Tensor, n: int, clusters: int) -> dict:
    """A figure as it is reported: `name`: the value, `low`, `high`, `n` measurements and `clusters`.

    draws: (R,), the figure in each resample; those that are not finite do not count. What cannot be said is None: all
    three where nothing was measured, and the interval of a single cluster, or of clusters that are all alike, where
    every resample is the same and would claim certainty.
    """
    finite = draws[draws.isfinite()]
    if value is None or clusters < 2 or not len(finite) or torch.allclose(finite, finite[0], rtol=1e-9, atol=1e-12):
        return {name: value, "low": None, "high": None, "n": n, "clusters": clusters}
    low, high = torch.quantile(finite, torch.tensor([0.025, 0.975], dtype=finite.dtype)).tolist()
    return {name: value, "low": low, "high": high, "n": n, "clusters": clusters}


def ratio_interval(over: Tensor, under: Tensor, clusters: Tensor, name: str = "ratio") -> dict:
    """The ratio of two sums, both resampled together. over, under: (N,) numbers, NaN where nothing was measured.
    clusters: (N,) int64. -> {name, low, high, n, clusters}, see `summary`."""
    known = ~(over.isnan() | under.isnan())
    both = torch.stack((over[known], under[known])).double()  # (2, n)
    names, cluster = clusters[known].unique(return_inverse=True)
    count, total = len(names), both.sum(1)
    if not count or not total[1]:
        return summary(name, None, torch.zeros(0), both.shape[1], count)
    sums = torch.zeros(2, count, dtype=torch.float64).index_add_(1, cluster, both)
    draws = resamples(count) @ sums.T  # (RESAMPLES, 2)
    return summary(name, float(total[0] / total[1]), draws[:, 0] / draws[:, 1], both.shape[1], count)


def mean_interval(values: Tensor, clusters: Tensor) -> dict:
    """The mean of (N,) numbers, NaN where nothing was measured. -> {mean, low, high, n, clusters}, see `summary`."""
    return ratio_interval(values, torch.ones_like(values), clusters, "mean")


def share_interval(hits: Tensor, clusters: Tensor) -> dict:
    """The share of (N,) numbers in {0, 1}, NaN where there is none. -> {share, low, high, n, clusters}, see `summary`.

    Where all or none are right, resamples say nothing: the interval is then Wilson's, with as many trials as there are
    clusters.
    """
    report = ratio_interval(hits, torch.ones_like(hits), clusters, "share")
    if report["share"] in (0.0, 1.0):
        report["low"], report["high"] = wilson(report["share"], report["clusters"])
    return report
