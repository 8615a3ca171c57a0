"""Answers to lesson 07, right and wrong."""

import math

import torch
import torch.nn.functional as F


def by_loops(q, k, v):
    rows = []
    for query in q:
        weights = torch.tensor([float(query @ key) / math.sqrt(len(query)) for key in k]).softmax(0)
        rows.append(sum(w * value for w, value in zip(weights, v, strict=True)))
    return torch.stack(rows)


def scores(q, k):
    return q @ k.T / math.sqrt(q.shape[-1])


def renormalised(s, mask):
    weights = s.exp() * mask
    return weights / weights.sum(-1, keepdim=True)


RIGHT = {
    "07.attention": [
        lambda q, k, v: scores(q, k).softmax(-1) @ v,
        by_loops,
        lambda q, k, v: F.scaled_dot_product_attention(q[None], k[None], v[None])[0],
    ],
    "07.causal_mask": [
        lambda n: torch.ones(n, n).tril().bool(),
        lambda n: torch.arange(n)[:, None] >= torch.arange(n),
        lambda n: torch.tensor([[j <= i for j in range(n)] for i in range(n)]),
    ],
    "07.masked_softmax": [
        lambda s, mask: s.masked_fill(~mask, -math.inf).softmax(-1),
        renormalised,
        lambda s, mask: torch.where(mask, s, -1e9).softmax(-1),
    ],
}
WRONG = {
    "07.attention": [
        (lambda q, k, v: (q @ k.T).softmax(-1) @ v, "scale is missing"),
        (lambda q, k, v: (q @ k.T / q.shape[-1]).softmax(-1) @ v, "square root"),
        (lambda q, k, v: (q @ k.T / math.sqrt(len(q))).softmax(-1) @ v, "number of slots"),
        (lambda q, k, v: scores(q, k).softmax(0) @ v, "axis"),
        (lambda q, k, v: scores(q, k) @ v, "softmax is missing"),
        (lambda q, k, v: scores(q, k).softmax(-1), "weights"),
        (lambda q, k, v: (q @ k.T).softmax(-1) / math.sqrt(q.shape[-1]) @ v, "after the softmax"),
        (lambda q, k, v: scores(q, k).T.softmax(-1) @ v, "exchanged"),
    ],
    "07.causal_mask": [
        (lambda n: torch.ones(n, n).triu(1).bool(), "forbidden"),
        (lambda n: torch.ones(n, n).triu().bool(), "forward"),
        (lambda n: torch.ones(n, n).tril(-1).bool(), "itself"),
        (lambda n: torch.ones(n, n).tril(), "bool"),
        (lambda n: torch.ones(n, n).tril(1).bool(), "too far"),
        (lambda n: torch.ones(n, n).bool(), "Everything"),
        (lambda n: torch.ones(n).bool(), "shape"),
    ],
    "07.masked_softmax": [
        (lambda s, mask: s.softmax(-1) * mask, "after the softmax"),
        (lambda s, mask: (s * mask).softmax(-1), "exp"),
        (lambda s, mask: s.masked_fill(mask, -math.inf).softmax(-1).nan_to_num(), "turned"),
        (lambda s, mask: s.softmax(-1), "not used"),
        (lambda s, mask: s.masked_fill(~mask, -math.inf).softmax(0), "axis"),
        (lambda s, mask: s.masked_fill(~mask, -math.inf), "softmax is missing"),
        (lambda s, mask: (s * mask.float().log()).softmax(-1), "NaN|infinity"),
    ],
}
