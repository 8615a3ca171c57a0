"""How well image tokens are predicted: the model beside models that only count."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..datasets import Pairs
from ..pipeline.ranking import log_likelihood
from ..pipeline.text_to_image import TextToImage
from .evaluation_set import EvaluationSet, with_and_without
from .intervals import mean_interval
from .reconstruction import encode_pictures


@torch.no_grad()
def measure_nll(
    system: TextToImage,
    splits: dict[str, EvaluationSet],
    train: Pairs,
    most: int = 512,
    batch: int = 64,
    progress: bool = False,
) -> dict:
    """Negative log-likelihood of an image token given the full caption, in nats, for each split: uniform guessing,
    unigram and bigram (counted on train), and the model. Of `most` pictures of each split, read `batch` at a time."""
    codes = system.dalle.config.codes
    bigram = Bigram(encode_pictures(system.dvae, train.pictures, progress), codes)
    report = {}
    for name, split in splits.items():
        order = torch.randperm(len(split), generator=torch.Generator().manual_seed(0))
        chosen = split.subset(order[:most].tolist())
        tokens = encode_pictures(system.dvae, chosen.pairs.pictures)
        text = system.tokenizer.encode([chosen.pairs.caption(i, None) for i in range(len(chosen))])
        parts = list(zip(text.split(batch), tokens.split(batch), strict=True))
        bar = tqdm(parts, desc=f"likelihood, {name}", unit="batch", disable=not progress, leave=False)
        nll = {
            "unigram": bigram.unigram_nlls(tokens),
            "bigram": bigram.nlls(tokens),
            "model": torch.cat(
                [-log_likelihood(system.dalle, *(t.to(system.device) for t in part)).cpu() for part in bar]
            ),
        }

        def figures(rows: Tensor, nll: dict[str, Tensor] = nll, clusters: Tensor = chosen.clusters) -> dict:
            means = {who: mean_interval(values[rows], clusters[rows]) for who, values in nll.items()}
            return {"uniform": math.log(codes), **means}

        report[name] = with_and_without(len(chosen), chosen.near, figures)
    return report


class Bigram:
    """p(token | the token before, in raster order), from counts; the first token has a "before" of its own.

    Pairs that were never seen get a share of the unigram, and codes that were never seen a share of the uniform:
    p = w · bigram + (1 - w) · p1, where p1 = 0.99 · unigram + 0.01 · uniform, and w = n / (n + strength) after n
    sightings of what stands before: rare ones are trusted less (Dirichlet smoothing, MacKay and Peto 1995).
    """

    def __init__(self, tokens: Tensor, codes: int, strength: float = 50.0):
        """tokens: (N, L) int64, to count."""
        self.codes, self.strength = codes, strength
        counts = torch.bincount(tokens.flatten(), minlength=codes).double()
        self.unigram = 0.99 * counts / counts.sum() + 0.01 / codes  # (K,)
        pairs = self.before(tokens) * codes + tokens
        ids, seen = torch.unique(pairs, return_counts=True)
        self.pairs = dict(zip(ids.tolist(), seen.tolist(), strict=True))
        self.contexts = torch.bincount(self.before(tokens).flatten(), minlength=codes + 1).double()  # (K + 1,)

    def before(self, tokens: Tensor) -> Tensor:
        """(N, L) -> (N, L): each token's predecessor; K for the first."""
        return torch.cat((torch.full_like(tokens[:, :1], self.codes), tokens[:, :-1]), dim=1)

    def nlls(self, tokens: Tensor) -> Tensor:
        """(N, L) int64 -> (N,) float64: of each picture, the mean -ln p of a token, in nats."""
        before = self.before(tokens)
        pairs = (before * self.codes + tokens).flatten().tolist()
        seen = torch.tensor([self.pairs.get(pair, 0) for pair in pairs]).view(tokens.shape)
        n = self.contexts[before]  # (N, L)
        p = (seen.double() + self.strength * self.unigram[tokens]) / (n + self.strength)
        return -p.log().mean(dim=1)

    def unigram_nlls(self, tokens: Tensor) -> Tensor:
        """The same, for tokens that are predicted from nothing before them."""
        return -self.unigram[tokens].log().mean(dim=1)

    def nats(self, tokens: Tensor) -> float:
        """(N, L) int64 -> the mean -ln p of a token, in nats."""
        return float(self.nlls(tokens).mean())

    def unigram_nll(self, tokens: Tensor) -> float:
        """The same, for tokens that are predicted from nothing before them."""
        return float(self.unigram_nlls(tokens).mean())
