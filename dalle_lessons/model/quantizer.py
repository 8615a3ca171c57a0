"""Two ways to turn features into choices from a learned list: the codebook.

Both quantizers have one interface. `logits(features)` scores every code at every position, `tokens` are its argmax,
`lookup(tokens)` gives the codes' vectors back, and `forward` gives the decoder something through which gradients pass.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Quantized(NamedTuple):
    """vectors: (B, D, rows, cols), for the decoder. tokens: (B, rows, cols) int64, the argmax of the logits.
    loss: scalar, what the quantizer adds to the reconstruction loss, before its weight. Nats (Gumbel), or a mean
    squared distance (VQ)."""

    vectors: Tensor
    tokens: Tensor
    loss: Tensor


class GumbelCodebook(nn.Module):
    """DALL·E's way (Ramesh et al. 2021, section 2.1 and appendix A.2): the encoder puts out logits over the codes.

    In training each position receives a soft mixture of codes, the Gumbel-softmax relaxation (Jang et al. 2016,
    Maddison et al. 2016); a lower temperature makes it harder. In evaluation mode the mixture is without noise. No
    nearest code is searched. `loss` is the KL
    divergence from a uniform prior over the codes, in nats, averaged over pictures and positions.
    """

    def __init__(self, features: int, codes: int, code_dim: int):
        super().__init__()
        self.to_logits = nn.Conv2d(features, codes, kernel_size=1)
        self.vectors = nn.Embedding(codes, code_dim)

    def logits(self, features: Tensor) -> Tensor:
        """(B, C, rows, cols) -> (B, codes, rows, cols)."""
        return self.to_logits(features)

    def lookup(self, tokens: Tensor) -> Tensor:
        """(B, rows, cols) int64 -> (B, D, rows, cols)."""
        return self.vectors(tokens).permute(0, 3, 1, 2)

    def forward(self, features: Tensor, temperature: float = 1.0) -> Quantized:
        logits = self.logits(features).float()  # under autocast too: the noise needs the precision
        if self.training:
            soft = F.gumbel_softmax(logits, tau=temperature, dim=1)  # (B, codes, rows, cols), sums to 1 over the codes
        else:  # without noise, so that what is measured does not change from call to call
            soft = F.softmax(logits / temperature, dim=1)
        vectors = torch.einsum("bkhw,kd->bdhw", soft, self.vectors.weight)
        log_q = F.log_softmax(logits, dim=1)
        kl = (log_q.exp() * (log_q + math.log(logits.shape[1]))).sum(dim=1).mean()  # KL(q || uniform) = ln K - H(q)
        return Quantized(vectors, logits.argmax(dim=1), kl)


class VectorCodebook(nn.Module):
    """VQ-VAE's way (van den Oord et al. 2017, Eq. 3): the nearest code replaces the feature.

    The choice has no gradient; the straight-through estimator copies the decoder's gradient to the encoder. `loss`
    pulls codes towards the features that chose them, and features (weight `commitment`) towards their codes.

    Two options that came later: `l2_normalize` puts features and codes on one sphere, so that their scale cannot drift
    (Yu et al. 2021); `diversity_weight` weighs a term that asks a batch to use all codes alike (Yu et al. 2023), since
    a picture's white background would otherwise spend a third of all tokens on one code. A third is as old as VQ-VAE:
    with `moving_average` no gradient moves the codes; each is the running mean of the features that choose it (van den
    Oord et al. 2017, appendix A.1), and `loss` pulls features alone.
    """

    usage: Tensor
    sums: Tensor

    def __init__(
        self,
        features: int,
        codes: int,
        code_dim: int,
        commitment: float = 0.25,
        l2_normalize: bool = False,
        diversity_weight: float = 0.0,
        moving_average: bool = False,
    ):
        super().__init__()
        self.to_code = nn.Conv2d(features, code_dim, kernel_size=1)
        self.vectors = nn.Embedding(codes, code_dim)
        nn.init.normal_(self.vectors.weight, std=0.5)
        self.commitment, self.l2_normalize, self.diversity_weight = commitment, l2_normalize, diversity_weight
        # Running mean of each code's share, times the number of codes. At 0 all are dead: the first batch places them.
        self.register_buffer("usage", torch.zeros(codes))
        self.moving_average = moving_average
        if moving_average:
            self.vectors.weight.requires_grad_(False)
            # Running means, each times the number of codes, of the features that chose a code; divided by `usage` they
            # are where it lies.
            self.register_buffer("sums", torch.zeros(codes, code_dim))

    def normalize_codes(self, x: Tensor, dim: int) -> Tensor:
        """With `l2_normalize`, every vector gets norm sqrt(D), so that its numbers have a mean square of 1."""
        return F.normalize(x, dim=dim) * math.sqrt(x.shape[dim]) if self.l2_normalize else x

    def codes(self) -> Tensor:
        """The codebook (K, D)."""
        return self.normalize_codes(self.vectors.weight, dim=1)

    def logits(self, features: Tensor) -> Tensor:
        """(B, C, rows, cols) -> (B, codes, rows, cols): minus the squared distance to each code."""
        return self.scores(self.project(features))

    def project(self, features: Tensor) -> Tensor:
        """(B, C, rows, cols) -> (B, D, rows, cols) float32, where the codes live."""
        return self.normalize_codes(self.to_code(features).float(), dim=1)

    def scores(self, z: Tensor) -> Tensor:
        """Minus |z - e|², written -|z|² + 2 z·e - |e|²: one matrix product instead of a tensor of all differences.

        z: (B, D, rows, cols) -> (B, K, rows, cols).
        """
        codes = self.codes()
        z = z.permute(0, 2, 3, 1)  # (B, rows, cols, D): vectors lie in one piece
        with torch.autocast(z.device.type, enabled=False):  # in bfloat16 a neighbor would often win
            near = torch.addmm(-codes.pow(2).sum(1), z.flatten(0, 2), codes.T, alpha=2)  # (B·rows·cols, K)
        return (near.unflatten(0, z.shape[:3]) - z.pow(2).sum(-1, keepdim=True)).permute(0, 3, 1, 2)

    def lookup(self, tokens: Tensor) -> Tensor:
        """(B, rows, cols) int64 -> (B, D, rows, cols)."""
        return self.normalize_codes(self.vectors(tokens), dim=-1).permute(0, 3, 1, 2)

    @torch.no_grad()
    def nearest(self, z: Tensor) -> Tensor:
        """The nearest code of each position: (B, D, rows, cols) -> (B, rows, cols) int64.

        That is the argmax of `scores`, without their tensor, which is too large for a processor's caches: so training
        on one takes half the time."""
        codes = self.codes()
        norms, turned = -codes.pow(2).sum(1), codes.T.contiguous()
        vectors = z.permute(0, 2, 3, 1)
        with torch.autocast(z.device.type, enabled=False):
            parts = [torch.addmm(norms, part, turned, alpha=2).argmax(1) for part in vectors.flatten(0, 2).split(1024)]
        return torch.cat(parts).unflatten(0, vectors.shape[:3])

    def forward(self, features: Tensor, temperature: float = 1.0) -> Quantized:
        """`temperature` is there for the interface alone: a nearest code has none."""
        z = self.project(features)  # (B, D, rows, cols)
        if self.training:
            self.replace_dead_codes(z)
        scores = self.scores(z) if self.diversity_weight else None
        tokens = self.nearest(z) if scores is None else scores.argmax(dim=1)
        e = self.lookup(tokens)
        loss = self.commitment * F.mse_loss(z, e.detach())
        if not self.moving_average:  # else the codes follow of themselves
            loss = loss + F.mse_loss(e, z.detach())
        if self.training:
            self.update_usage(tokens)
            if self.moving_average:
                self.update_average(z.detach(), tokens)
        if scores is not None:
            loss = loss + self.diversity_weight * self.diversity_loss(scores)
        return Quantized(z + (e - z).detach(), tokens, loss)  # forward: e; backward: as if it were z

    def diversity_loss(self, scores: Tensor) -> Tensor:
        """KL divergence of the batch's soft use of the codes from uniform, in nats: 0 if all are used alike."""
        share = self.soft_share(scores).clamp_min(1e-8)  # the slope of -p ln p at 0 is infinite
        return math.log(len(share)) - torch.special.entr(share).sum()

    def soft_share(self, scores: Tensor) -> Tensor:
        """(B, K, rows, cols) -> (K,): what share of the positions is each code's, softly; they add up to 1."""
        vectors = scores.permute(0, 2, 3, 1).flatten(0, 2)[::5]  # (positions, K): a fifth of them is enough
        return F.softmax(vectors / (0.01 * self.vectors.embedding_dim), dim=1).mean(0)

    @torch.no_grad()
    def update_usage(self, tokens: Tensor, decay: float = 0.98) -> None:
        """Keep the running mean of which codes are used."""
        codes = len(self.usage)
        share = torch.bincount(tokens.flatten(), minlength=codes) / tokens.numel()
        self.usage.mul_(decay).add_(share * codes, alpha=1 - decay)

    @torch.no_grad()
    def update_average(self, z: Tensor, tokens: Tensor, decay: float = 0.98) -> None:
        """Move each code towards the running mean of the features that choose it (van den Oord et al. 2017, A.1)."""
        sums = self.sums_of_codes(z, tokens)
        self.sums.mul_(decay).add_(sums, alpha=(1 - decay) * len(self.usage) / tokens.numel())
        self.vectors.weight.copy_(self.normalize_codes(self.sums / self.usage.clamp_min(1e-6)[:, None], dim=1))

    def sums_of_codes(self, z: Tensor, tokens: Tensor) -> Tensor:
        """(B, D, rows, cols) and (B, rows, cols) int64 -> (K, D): the sum of the features that chose each code."""
        vectors = z.permute(0, 2, 3, 1).flatten(0, 2)  # (B·rows·cols, D)
        return torch.zeros_like(self.sums).index_add_(0, tokens.flatten(), vectors)

    @torch.no_grad()
    def replace_dead_codes(self, z: Tensor, threshold: float = 0.1) -> None:
        """A code that has died moves to where a random feature of this batch is, each to another one.

        A code that nobody chooses gets no gradient, so it stays dead for ever unless somebody moves it.
        """
        dead = (self.usage < threshold).nonzero().flatten()
        if not len(dead):  # then nothing is drawn
            return
        features = z.permute(0, 2, 3, 1).flatten(0, 2)  # (B·rows·cols, D)
        # Each feature once while there are enough: two codes in one place would share what they stand for.
        rounds = -(-len(dead) // len(features))  # rounded up
        chosen = torch.cat([torch.randperm(len(features), device=z.device) for _ in range(rounds)])[: len(dead)]
        self.vectors.weight[dead] = features[chosen]
        self.usage[dead] = 1.0
        if self.moving_average:
            self.sums[dead] = self.vectors.weight[dead]


def perplexity(tokens: Tensor, codes: int) -> float:
    """exp of the entropy of how often each code is used: between 1 (one code only) and `codes` (all alike).

    tokens: int64 of any shape, values in [0, codes).
    """
    share = torch.bincount(tokens.flatten(), minlength=codes).double() / tokens.numel()
    return float(torch.special.entr(share).sum().exp())
