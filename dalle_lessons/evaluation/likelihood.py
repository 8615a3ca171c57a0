"""How well tokens are predicted: the model beside what only counts."""

from __future__ import annotations

import torch
from torch import Tensor

from ..datasets import Pairs
from ..pipeline.text_to_image import TextToImage
from ..training.tokens import tokenize


@torch.no_grad()
def measure_nll(system: TextToImage, splits: dict[str, Pairs], train: str, most: int = 512) -> dict:
    """Nats an image token: uniform guessing, unigram and bigram (counted on train), the model; full captions."""
    codes = system.dalle.config.codes
    bigram = Bigram(tokenize(system.dvae, splits[train].pictures), codes)
    report = {}
    for name, pairs in splits.items():
        chosen = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(0))[:most]
        tokens = tokenize(system.dvae, pairs.pictures[chosen])
        text = system.tokenizer.encode([pairs.caption(i, None) for i in chosen.tolist()])
        parts = [
            float(system.dalle.loss(a, b)["image"]) * len(a)
            for a, b in zip(text.split(64), tokens.split(64), strict=True)
        ]
        report[name] = {
            "uniform": float(torch.tensor(float(codes)).log()),
            "unigram": bigram.unigram_nll(tokens),
            "bigram": bigram.nats(tokens),
            "model": sum(parts) / len(tokens),
        }
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

    def nats(self, tokens: Tensor) -> float:
        """Mean -ln p of a token of (N, L)."""
        before = self.before(tokens)
        seen = torch.tensor([self.pairs.get(pair, 0) for pair in (before * self.codes + tokens).flatten().tolist()])
        n = self.contexts[before].flatten()
        p = (seen.double() + self.strength * self.unigram[tokens].flatten()) / (n + self.strength)
        return float(-p.log().mean())

    def unigram_nll(self, tokens: Tensor) -> float:
        """The same, heeding nothing before."""
        return float(-self.unigram[tokens].log().mean())
