"""Answers to lesson 07, right and wrong, written from the student's copy alone."""

import math

import torch
import torch.nn.functional as F


def attention_by_formula(q, k, v):
    return (q @ k.T / math.sqrt(q.shape[-1])).softmax(dim=-1) @ v


def attention_by_pytorch(q, k, v):
    return F.scaled_dot_product_attention(q[None], k[None], v[None])[0]


def attention_by_loop(q, k, v):
    out = []
    for query in q:
        scores = torch.stack([query.dot(key) for key in k]) / q.shape[1] ** 0.5
        weights = scores.exp() / scores.exp().sum()
        out.append(sum(weight * value for weight, value in zip(weights, v, strict=False)))
    return torch.stack(out)


def attention_unscaled(q, k, v):
    return (q @ k.T).softmax(dim=-1) @ v


def attention_scaled_by_c(q, k, v):
    return (q @ k.T / q.shape[-1]).softmax(dim=-1) @ v


def attention_scaled_by_slots(q, k, v):
    return (q @ k.T / math.sqrt(q.shape[0])).softmax(dim=-1) @ v


def attention_scaled_by_values(q, k, v):
    return (q @ k.T / math.sqrt(v.shape[-1])).softmax(dim=-1) @ v


def attention_softmax_over_queries(q, k, v):
    return (q @ k.T / math.sqrt(q.shape[-1])).softmax(dim=0) @ v


def attention_without_softmax(q, k, v):
    return q @ k.T / math.sqrt(q.shape[-1]) @ v


def attention_weights_transposed(q, k, v):
    return (q @ k.T / math.sqrt(q.shape[-1])).softmax(dim=-1).T @ v


def attention_causal(q, k, v):
    return F.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True)[0]


def attention_scaled_late(q, k, v):
    return (q @ k.T).softmax(dim=-1) / math.sqrt(q.shape[-1]) @ v


def attention_roles_swapped(q, k, v):
    return (k @ q.T / math.sqrt(q.shape[-1])).softmax(dim=-1) @ v


def attention_weights_only(q, k, v):
    return (q @ k.T / math.sqrt(q.shape[-1])).softmax(dim=-1)


def mask_by_tril(slots):
    return torch.ones(slots, slots, dtype=torch.bool).tril()


def mask_by_arange(slots):
    place = torch.arange(slots)
    return place[None, :] <= place[:, None]


def mask_by_loop(slots):
    return torch.tensor([[j <= i for j in range(slots)] for i in range(slots)])


def additive_mask(slots):
    return torch.full((slots, slots), -math.inf).triu(1)


def softmax_by_fill(scores, mask):
    return scores.masked_fill(~mask, -torch.inf).softmax(dim=-1)


def softmax_by_hand(scores, mask):
    allowed = torch.where(mask, scores, torch.tensor(-torch.inf))
    grown = (allowed - allowed.max(dim=-1, keepdim=True).values).exp()
    return grown / grown.sum(dim=-1, keepdim=True)


def softmax_row_by_row(scores, mask):
    weights = torch.zeros_like(scores)
    for i in range(len(scores)):
        weights[i, mask[i]] = scores[i, mask[i]].softmax(dim=0)
    return weights


def softmax_in_place(scores, mask):
    scores[~mask] = -torch.inf
    return scores.softmax(dim=-1)


def hard_choice(scores, mask):
    best = scores.masked_fill(~mask, -torch.inf).argmax(dim=-1)
    return F.one_hot(best, scores.shape[-1]).float()


def renormalized(scores, mask):
    weights = scores.softmax(dim=-1) * mask
    return weights / weights.sum(dim=-1, keepdim=True)


RIGHT = {
    "07.attention": [
        attention_by_formula,
        attention_by_pytorch,
        attention_by_loop,
    ],
    "07.causal_mask": [
        mask_by_tril,
        mask_by_arange,
        mask_by_loop,
    ],
    "07.masked_softmax": [
        softmax_by_fill,
        softmax_by_hand,
        renormalized,
        lambda scores, mask: torch.where(mask, scores, -1e9).softmax(dim=-1),
    ],
}

WRONG = {
    "07.attention": [
        (attention_unscaled, "scale is missing"),
        (attention_scaled_by_c, "divide by C"),
        (attention_scaled_by_slots, "number of slots"),
        (attention_scaled_by_values, "values' length"),
        (attention_softmax_over_queries, "wrong axis"),
        (attention_without_softmax, "softmax is missing"),
        (attention_weights_transposed, "transposed"),
        (attention_causal, "You mask"),
        (attention_roles_swapped, "exchanged"),
        (attention_weights_only, "multiply the weights with v"),
        (attention_scaled_late, "after the softmax"),
        (lambda q, k, v: (q @ k.T / math.sqrt(2)).softmax(dim=-1) @ v, "columns of q"),
        (lambda q, k, v: (q @ k / math.sqrt(q.shape[-1])).softmax(dim=-1) @ v, "transposed"),
    ],
    "07.causal_mask": [
        (lambda slots: torch.ones(slots, slots, dtype=torch.bool).triu(), "forward"),
        (lambda slots: torch.ones(slots, slots, dtype=torch.bool).tril(-1), "itself too"),
        (lambda slots: torch.ones(slots, slots, dtype=torch.bool).tril(1), "too far"),
        (lambda slots: torch.ones(slots, slots, dtype=torch.bool).triu(1), "forbidden"),
        (lambda slots: torch.ones(slots, slots).tril(), "dtype bool"),
        (additive_mask, "added to the scores"),
        (lambda slots: torch.ones(slots, slots, dtype=torch.bool), "Everything"),
        (lambda slots: torch.ones(slots, slots, dtype=torch.bool).tril().flip(1), "mirrored"),
        (lambda slots: torch.ones(slots, dtype=torch.bool).tril(), "square"),
        (lambda slots: torch.ones(slots, dtype=torch.bool), "one row"),
        (lambda slots: mask_by_arange(slots).tolist(), "later cells need"),
    ],
    "07.masked_softmax": [
        (lambda scores, mask: scores.softmax(dim=-1) * mask, "after the softmax"),
        (lambda scores, mask: scores.masked_fill(mask, -torch.inf).softmax(dim=-1), "turned round"),
        (lambda scores, mask: (scores * mask).softmax(dim=-1), r"exp\(0\)"),
        (lambda scores, mask: scores.masked_fill(~mask, -torch.inf).softmax(dim=0), "wrong axis"),
        (lambda scores, mask: scores.masked_fill(~mask, -1.0).softmax(dim=-1), "not low enough"),
        (lambda scores, mask: scores.masked_fill(~mask, -30.0).softmax(dim=-1), "not low enough"),
        (softmax_in_place, "in place"),
        (hard_choice, "argmax"),
        (lambda scores, mask: scores.masked_fill(~mask, -torch.inf).log_softmax(dim=-1), "logarithms"),
        (
            lambda scores, mask: scores.masked_fill(~mask, -torch.inf).flatten().softmax(dim=0).reshape(scores.shape),
            "whole square",
        ),
        (softmax_row_by_row, "one square"),
    ],
}
