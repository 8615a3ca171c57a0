"""Answers to lesson 07, right and wrong, written from the student's copy alone."""

import copy
import math

import torch
import torch.nn.functional as F


def shares(scores, mask, dim=-1):
    return scores.masked_fill(~mask, -math.inf).softmax(dim=dim)


def attention_by_formula(q, k, v, mask):
    return shares(q @ k.T / math.sqrt(q.shape[-1]), mask) @ v


def attention_by_pytorch(q, k, v, mask):
    return F.scaled_dot_product_attention(q[None], k[None], v[None], attn_mask=mask)[0]


def attention_by_loop(q, k, v, mask):
    out = []
    for i, query in enumerate(q):
        seen = [j for j in range(len(k)) if mask[i, j]]
        scores = torch.stack([query.dot(k[j]) for j in seen]) / q.shape[1] ** 0.5
        weights = scores.exp() / scores.exp().sum()
        out.append(sum(weight * v[j] for weight, j in zip(weights, seen, strict=True)))
    return torch.stack(out)


def attention_scaled_queries(q, k, v, mask):
    return shares((q / q.shape[-1] ** 0.5) @ k.mT, mask) @ v


def attention_unscaled(q, k, v, mask):
    return shares(q @ k.T, mask) @ v


def attention_scaled_by_c(q, k, v, mask):
    return shares(q @ k.T / q.shape[-1], mask) @ v


def attention_scaled_by_slots(q, k, v, mask):
    return shares(q @ k.T / math.sqrt(q.shape[0]), mask) @ v


def attention_scaled_by_values(q, k, v, mask):
    return shares(q @ k.T / math.sqrt(v.shape[-1]), mask) @ v


def attention_softmax_over_queries(q, k, v, mask):
    return shares(q @ k.T / math.sqrt(q.shape[-1]), mask, dim=0) @ v


def attention_without_softmax(q, k, v, mask):
    return q @ k.T / math.sqrt(q.shape[-1]) * mask @ v


def attention_weights_transposed(q, k, v, mask):
    return shares(q @ k.T / math.sqrt(q.shape[-1]), mask).T @ v


def attention_unmasked(q, k, v, mask):
    return F.scaled_dot_product_attention(q[None], k[None], v[None])[0]


def attention_own_mask(q, k, v, mask):
    return F.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True)[0]


def attention_masked_late(q, k, v, mask):
    return (q @ k.T / math.sqrt(q.shape[-1])).softmax(dim=-1) * mask @ v


def attention_scaled_late(q, k, v, mask):
    return shares(q @ k.T, mask) / math.sqrt(q.shape[-1]) @ v


def attention_roles_swapped(q, k, v, mask):
    return shares(k @ q.T / math.sqrt(q.shape[-1]), mask) @ v


def attention_weights_only(q, k, v, mask):
    return shares(q @ k.T / math.sqrt(q.shape[-1]), mask)


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


def merge_by_loop(out):
    return torch.stack([torch.cat([head for head in example], dim=-1) for example in out])


def merge_by_reshape(out):
    batch, heads, slots, size = out.shape
    return out.permute(0, 2, 1, 3).reshape(batch, slots, heads * size)


def merge_without_transpose(out):
    batch, heads, slots, size = out.shape
    return out.reshape(batch, slots, heads * size)


def up_by_loop(weights, before, cols):
    looks = [weights[:, :, i, i - cols + 1] for i in range(before + cols, weights.shape[-1])]
    return sum(looks) / len(looks)


def up_by_diagonal(weights, before, cols):
    image = weights[:, :, before:, before:]
    return image.diagonal(offset=-(cols - 1), dim1=2, dim2=3)[:, :, 1:].mean(dim=-1)


def up_by_tokens(weights, before, cols):
    tokens = torch.arange(cols, weights.shape[-1] - before)
    return weights[:, :, before + tokens, before + tokens - cols + 1].mean(-1)


def up(first=0, back=-1, text=True):
    def looks(weights, before, cols):
        i = torch.arange((before if text else 0) + cols + first, weights.shape[-1] - (0 if text else before))
        return weights[:, :, i, i - cols - back].mean(dim=-1)

    return looks


def up_at_once(weights, before, cols):
    i = torch.arange(before + cols, weights.shape[-1])
    return weights[:, :, i, i - cols + 1]


def off_by_columns(dalle, layer, head):
    dalle = copy.deepcopy(dalle)
    attention = dalle.transformer.blocks[layer].attention
    size = attention.project.in_features // attention.heads
    with torch.no_grad():
        attention.project.weight[:, head * size : (head + 1) * size] = 0
    return dalle


def off_by_view(dalle, layer, head):
    dalle = copy.deepcopy(dalle)
    attention = dalle.transformer.blocks[layer].attention
    weight = attention.project.weight.detach()
    weight.view(weight.shape[0], attention.heads, -1)[:, head] = 0
    return dalle


def off_by_values(dalle, layer, head):
    dalle = copy.deepcopy(dalle)
    attention = dalle.transformer.blocks[layer].attention
    part = slice(head * 4, (head + 1) * 4)
    with torch.no_grad():
        attention.value.weight[part] = 0
        attention.value.bias[part] = 0
    return dalle


def off(columns=None, rows=None, layer_of=lambda layer: layer, copied=True, also=None):
    def switched(dalle, layer, head):
        dalle = copy.deepcopy(dalle) if copied else dalle
        attention = dalle.transformer.blocks[layer_of(layer)].attention
        size = attention.project.in_features // attention.heads
        with torch.no_grad():
            if columns:
                attention.project.weight[:, slice(*columns(head, size))] = 0
            if rows:
                attention.project.weight[slice(*rows(head, size))] = 0
            if also:
                also(attention)
        return dalle

    return switched


def the_part(head, size):
    return head * size, (head + 1) * size


RIGHT = {
    "07.attention": [
        attention_by_formula,
        attention_by_pytorch,
        attention_by_loop,
        attention_scaled_queries,
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
    "07.merge": [
        lambda out: out.transpose(1, 2).flatten(2),
        merge_by_loop,
        merge_by_reshape,
    ],
    "07.looks_up": [
        up_by_loop,
        up_by_diagonal,
        up_by_tokens,
    ],
    "07.switch_off": [
        off_by_columns,
        off_by_view,
        off_by_values,
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
        (attention_unmasked, "mask is not used"),
        (attention_own_mask, "another mask"),
        (attention_masked_late, "after the softmax"),
        (lambda q, k, v, mask: shares(q @ k.T / math.sqrt(q.shape[-1]), ~mask).nan_to_num() @ v, "turned round"),
        (attention_roles_swapped, "exchanged"),
        (attention_weights_only, "multiply the weights with v"),
        (attention_scaled_late, "after the softmax"),
        (lambda q, k, v, mask: shares(q @ k.T / math.sqrt(2), mask) @ v, "columns of q"),
        (lambda q, k, v, mask: shares(q @ k / math.sqrt(q.shape[-1]), mask) @ v, "transposed"),
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
        (lambda slots: torch.eye(slots, dtype=torch.bool), "itself alone"),
        (lambda slots: torch.ones(slots + 1, slots + 1, dtype=torch.bool).tril(), "too many"),
        (lambda slots: torch.ones(4, 4, dtype=torch.bool).tril(), "7 slots"),
    ],
    "07.masked_softmax": [
        (lambda scores, mask: scores.softmax(dim=-1) * mask, "after the softmax"),
        (lambda scores, mask: scores.masked_fill(mask, -torch.inf).softmax(dim=-1), "turned round"),
        (lambda scores, mask: (scores * mask).softmax(dim=-1), r"exp\(0\)"),
        (lambda scores, mask: scores.masked_fill(~mask, -torch.inf).softmax(dim=0), "wrong axis"),
        (lambda scores, mask: scores.masked_fill(~mask, -1.0).softmax(dim=-1), "not low enough"),
        (lambda scores, mask: scores.masked_fill(~mask, -30.0).softmax(dim=-1), "not low enough"),
        (lambda scores, mask: scores.masked_fill(~mask, -10.0).softmax(dim=-1), "future still gets a share"),
        (lambda scores, mask: (scores - 10.0 * ~mask).softmax(dim=-1), "future still gets a share"),
        (lambda scores, mask: scores.masked_fill(~mask, 0.0).softmax(dim=-1), r"exp\(0\)"),
        (softmax_in_place, "in place"),
        (hard_choice, "argmax"),
        (lambda scores, mask: scores.masked_fill(~mask, -torch.inf).log_softmax(dim=-1), "logarithms"),
        (
            lambda scores, mask: scores.masked_fill(~mask, -torch.inf).flatten().softmax(dim=0).reshape(scores.shape),
            "whole square",
        ),
        (softmax_row_by_row, "one square"),
    ],
    "07.merge": [
        (merge_without_transpose, "different slots"),
        (lambda out: out.transpose(1, 2), "needs|shape|rows of its own|four"),
        (lambda out: out.flatten(1, 2), "rows of its own"),
        (lambda out: out.mean(dim=1), "mean of the heads"),
        (lambda out: out.permute(0, 2, 3, 1).flatten(2), "interleaved"),
        (lambda out: out.transpose(2, 3).reshape(out.shape[0], out.shape[2], -1), "slots and numbers"),
        (lambda out: out.transpose(1, 2).flatten(2).mT, "exchanged"),
        (lambda out: out.transpose(1, 2).flatten(2)[0], "batch is lost"),
        (lambda out: out.transpose(1, 2).reshape(out.shape[0], 4, 15), "sizes from|invalid|cannot take"),
    ],
    "07.looks_up": [
        (up(back=0), "One slot off"),
        (up(back=1), "above and to the left"),
        (up(text=False), "forgot the text"),
        (up(first=1), "one slot late"),
        (up(first=-1), "one slot early"),
        (up_at_once, "each slot"),
        (lambda weights, before, cols: up_at_once(weights, before, cols).mean(), "all heads"),
        (lambda weights, before, cols: up_at_once(weights, before, cols).mean(dim=(0, 2)), "over the layers"),
        (lambda weights, before, cols: up_at_once(weights, before, cols).sum(dim=-1), "sum"),
        (lambda weights, before, cols: up_by_loop(weights.mT, before, cols), "exchanged|another|Take"),
    ],
    "07.switch_off": [
        (off(columns=the_part, copied=False), "copy"),
        (off(rows=the_part), "rows of the matrix"),
        (off(columns=lambda head, size: (head * 3, head * 3 + 3)), "four heads"),
        (off(columns=lambda head, size: (0, None)), "whole layer"),
        (off(columns=lambda head, size: ((head - 1) * size, head * size)), "from 1"),
        (off(columns=lambda head, size: (head, head + 1)), "one column"),
        (off(columns=the_part, layer_of=lambda layer: layer - 1), "another layer"),
        (off(columns=the_part, also=lambda attention: attention.project.bias.zero_()), "more is changed"),
        (off(), "Nothing has changed"),
        (lambda dalle, layer, head: off_by_columns(dalle, layer, head).transformer, "changed copy"),
    ],
}
