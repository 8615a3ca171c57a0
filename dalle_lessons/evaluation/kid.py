"""How far apart two sets of pictures are, as distributions: the kernel distance (KID, Bińkowski et al. 2018)."""

from __future__ import annotations

import torch
from torch import Tensor

from .intervals import resamples, summary


def kernel_distance(a: Tensor, b: Tensor, clusters_a: Tensor, clusters_b: Tensor) -> dict:
    """The unbiased squared maximum mean discrepancy under the kernel (x·y / C + 1)³.

    a: (N, C), b: (M, C) features. clusters_a: (N,), clusters_b: (M,) int64, numbered together: what shares a number is
    not independent. -> {kid, low, high, n, clusters}; n is the smaller of N and M. 0 is expected, at any n, if both
    sets come from one distribution, and so it may come out below 0.

    Why not the Fréchet distance (Heusel et al. 2017)? It fits a Gaussian to each set, and from n pictures with C > n
    features a covariance of rank n - 1: at n = 192 two disjoint sets of true pictures are then as far apart as drawings
    are from true pictures, and the distance falls with n. KID has no such bias. Unbiased it is because pairs of
    dependent pictures are left out: a picture with itself, a drawing with the true picture of its own caption, and all
    others of one cluster.
    """
    count_a = len(a)
    names, cluster = torch.cat((clusters_a, clusters_b)).unique(return_inverse=True)
    n, count = min(count_a, len(b)), len(names)
    of = torch.nn.functional.one_hot(cluster, max(count, 1)).double()  # (N + M, clusters)
    of_a, of_b = of[:count_a], of[count_a:]
    once = torch.ones(1, count, dtype=torch.float64)

    def parts(x: Tensor, y: Tensor, of_x: Tensor, of_y: Tensor) -> tuple[Tensor, Tensor]:
        """The mean of the kernel over pairs of different clusters: of what there is (1,), and in each resample (R,)."""
        kernel = (x.double() @ y.double().T / x.shape[1] + 1) ** 3
        sums = (of_x.T @ kernel @ of_y).fill_diagonal_(0)  # (clusters, clusters)
        pairs = (of_x.sum(0)[:, None] * of_y.sum(0)).fill_diagonal_(0)
        value, draws = (((w @ sums) * w).sum(1) / ((w @ pairs) * w).sum(1) for w in (once, resamples(count)))
        return value, draws

    if n < 2 or count < 2:
        return summary("kid", None, torch.zeros(0), n, count)
    own_a, own_b, across = parts(a, a, of_a, of_a), parts(b, b, of_b, of_b), parts(a, b, of_a, of_b)
    value, draws = (own_a[i] + own_b[i] - 2 * across[i] for i in (0, 1))
    return summary("kid", float(value) if value.isfinite() else None, draws, n, count)
