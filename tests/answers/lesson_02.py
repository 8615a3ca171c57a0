"""Answers to lesson 02, right and wrong."""

import math
from collections import Counter

import torch


def by_loops(z, codebook):
    return torch.tensor([min(range(len(codebook)), key=lambda k: float((row - codebook[k]).norm())) for row in z])


def by_products(z, codebook):
    return (z @ codebook.T * 2 - codebook.pow(2).sum(1)).argmax(-1).to(torch.int32)


def subtracted_the_other_way(z, e):
    return e.detach() + z - z.detach()


class Through(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z, e):
        return e.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


def counted(tokens, codes):
    flat = tokens.flatten().tolist()
    return math.exp(-sum(n / len(flat) * math.log(n / len(flat)) for n in Counter(flat).values()))


def in_bits(tokens, codes):
    p = torch.bincount(tokens.reshape(-1), minlength=codes).double()
    p = p / p.sum()
    return 2 ** -(p * torch.log2(p.clamp_min(1e-30))).sum().item()


def shares(tokens, codes):
    p = torch.bincount(tokens.flatten(), minlength=codes) / tokens.numel()
    return p[p > 0]


def with_zeros(tokens, codes):
    p = torch.bincount(tokens.flatten(), minlength=codes) / tokens.numel()
    return (-(p * p.log()).sum()).exp()


RIGHT = {
    "02.nearest_code": [by_loops, by_products, lambda z, codebook: torch.cdist(z, codebook).argmin(1)],
    "02.straight_through": [lambda z, e: z + (e - z).detach(), subtracted_the_other_way, Through.apply],
    "02.perplexity": [
        counted,
        in_bits,
        lambda tokens, codes: (
            torch.distributions.Categorical(torch.bincount(tokens.flatten(), minlength=codes).float()).entropy().exp()
        ),
    ],
}
WRONG = {
    "02.nearest_code": [
        (lambda z, codebook: torch.cdist(z, codebook).argmax(1), "farthest"),
        (lambda z, codebook: (z @ codebook.T).argmax(1), "dot product"),
        (lambda z, codebook: codebook[torch.cdist(z, codebook).argmin(1)], "vectors"),
        (lambda z, codebook: torch.cdist(z, codebook).argmin(0), "other axis"),
        (lambda z, codebook: torch.cdist(z, codebook), "all distances"),
        (lambda z, codebook: (z[:, None] - codebook).sum(-1).argmin(1), "cancel|square"),
        (lambda z, codebook: (z[:, None] - codebook).pow(2).sum(-1).min(1).values, "argmin"),
        (lambda z, codebook: (z[:, None] - codebook).pow(2).sum().argmin(), "shape"),
    ],
    "02.straight_through": [
        (lambda z, e: e, "does not reach z"),
        (lambda z, e: z, "Forward, the output is z"),
        (lambda z, e: z + (e - z), "does not reach z|reaches e"),
        (lambda z, e: z.detach() + (e - z).detach(), "No gradient"),
        (lambda z, e: z.detach() + (e - z), "detach"),
        (lambda z, e: z + e - z.detach(), "reaches e"),
        (lambda z, e: z + (z - e).detach(), "Forward"),
        (lambda z, e: (z + e) / 2, "Forward"),
    ],
    "02.perplexity": [
        (lambda tokens, codes: -(shares(tokens, codes) * shares(tokens, codes).log()).sum(), "entropy"),
        (lambda tokens, codes: -(shares(tokens, codes) * shares(tokens, codes).log2()).sum(), "bits"),
        (lambda tokens, codes: (shares(tokens, codes) * shares(tokens, codes).log()).sum().exp(), "minus"),
        (with_zeros, "NaN"),
        (lambda tokens, codes: len(tokens.unique()), "how many codes"),
        (lambda tokens, codes: codes, "number of codes"),
        (lambda tokens, codes: torch.bincount(tokens.flatten(), minlength=codes), "one number"),
        (
            lambda tokens, codes: (-(shares(tokens, codes) * shares(tokens, codes).log2()).sum()).exp(),
            "belong together",
        ),
    ],
}
