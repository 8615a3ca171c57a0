"""The decoder-only transformer: residual blocks of attention and MLP (Vaswani et al. 2017; Radford et al. 2019)."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .block_attention import BlockwiseMask, attend_blockwise


class Cache:
    """Keys and values of the slots seen so far, for every layer: (2, layers, B, heads, slots, C / heads).

    They never change once computed, because no slot looks forward; so a new slot computes its own alone.
    """

    def __init__(
        self, layers: int, batch: int, heads: int, slots: int, size: int, dtype: torch.dtype, device: torch.device
    ):
        self.store = torch.empty(2, layers, batch, heads, slots, size, dtype=dtype, device=device)
        self.length = 0  # slots filled
        self.projections: dict[int, tuple[Tensor, Tensor]] = {}  # of each layer: see `Attention.project_one`

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Write the keys and values of a layer's new slots, each (B, heads, new, size); returns those of all its slots
        so far, each (B, heads, length + new, size)."""
        end = self.length + key.shape[2]
        self.store[0, layer, :, :, self.length : end] = key
        self.store[1, layer, :, :, self.length : end] = value
        return self.store[0, layer, :, :, :end], self.store[1, layer, :, :, :end]

    def take(self, other: Cache, rows: Tensor) -> None:
        """Let the rows marked in `rows`, (B,) bool, go on from what the one row of another cache has seen."""
        self.length = other.length
        self.store[:, :, rows, :, : self.length] = other.store[..., : self.length, :]


Mask = Tensor | BlockwiseMask | None  # (S, slots) bool; the same with its empty blocks known; each slot sees all


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Mask) -> Tensor:
    """softmax(q·k / sqrt(size)) v where the mask allows; None: everywhere.

    q (B, heads, S, size), k and v (B, heads, slots, size), mask (S, slots) bool -> (B, heads, S, size).
    """
    if isinstance(mask, BlockwiseMask):
        return attend_blockwise(q, k, v, mask)
    if q.shape[2] == 1 and q.device.type == "cpu":  # for a single slot the fused function's preparations take longest
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])  # (B, heads, 1, slots)
        return (scores if mask is None else scores.masked_fill(~mask, -torch.inf)).softmax(dim=-1) @ v
    if q.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    # In bfloat16 on the CPU the fused function's backward pass takes longer than all these lines together.
    scores = (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])).float()  # (B, heads, S, slots)
    return (scores if mask is None else scores.masked_fill(~mask, -torch.inf)).softmax(dim=-1).to(v.dtype) @ v


class Attention(nn.Module):
    """Causal multi-head self-attention: softmax(q·k / sqrt(C/heads)) v, where the mask allows."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        if width % heads:
            raise ValueError(f"The width ({width}) must be a multiple of the heads ({heads}).")
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.project = nn.Linear(width, width)

    def project_one(self, x: Tensor, layer: int, cache: Cache) -> tuple[Tensor, ...]:
        """Queries, keys and values of a single slot, each (B, 1, C), by one product in place of three: with so few rows
        that is faster. The joined matrix is kept in the cache, for as long as the weights surely stay the same."""
        if layer not in cache.projections:
            linears = self.query, self.key, self.value
            weight, bias = torch.cat([one.weight for one in linears]), torch.cat([one.bias for one in linears])
            cache.projections[layer] = weight, bias  # (3C, C), (3C,)
        return F.linear(x, *cache.projections[layer]).chunk(3, dim=-1)

    def forward(self, x: Tensor, mask: Mask, layer: int = 0, cache: Cache | None = None) -> Tensor:
        """x (B, S, C), mask (S, slots) bool, or None: each slot sees all -> (B, S, C)."""
        if cache is not None and x.shape[1] == 1:
            projected = self.project_one(x, layer, cache)
        else:
            projected = self.query(x), self.key(x), self.value(x)
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in projected)
        # each (B, heads, S, C / heads)
        if cache is not None:
            k, v = cache.extend(layer, k, v)
        out = attend(q, k, v, mask)  # (B, heads, S, C / heads)
        return self.project(out.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """x + attention(norm(x)), then x + MLP(norm(x)): the norm stands inside the branch, the residual path is free."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Mask, layer: int = 0, cache: Cache | None = None) -> Tensor:
        x = x + self.dropout(self.attention(self.norm1(x), mask, layer, cache))
        return x + self.dropout(self.mlp(self.norm2(x)))


class Transformer(nn.Module):
    """A stack of blocks and a last norm. `attention_types[i]` is the kind of mask of layer i, repeated from the start
    where there are more layers."""

    def __init__(self, width: int, layers: int, heads: int, dropout: float, attention_types: tuple[str, ...]):
        super().__init__()
        self.width, self.heads = width, heads
        self.attention_types = tuple(attention_types[i % len(attention_types)] for i in range(layers))
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        for name, parameter in self.named_parameters():
            if name.endswith("weight") and parameter.ndim == 2:
                nn.init.normal_(parameter, std=0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)
        for name, parameter in self.named_parameters():
            if name.endswith(("attention.project.weight", "mlp.2.weight")):
                # GPT-2: the branches' last layers start smaller, so that the sum of all branches stays in range.
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * layers))

    def new_cache(self, batch: int, slots: int) -> Cache:
        """An empty cache for so many rows and slots, of the weights' type and on their device."""
        weight = self.norm.weight
        size = self.width // self.heads
        return Cache(len(self.blocks), batch, self.heads, slots, size, weight.dtype, weight.device)

    def forward(self, x: Tensor, masks: Mapping[str, Tensor | BlockwiseMask], cache: Cache | None = None) -> Tensor:
        """x (B, S, C) and a mask of each kind (all slots, all slots) -> (B, S, C). A blockwise mask is for all slots at
        once, without a cache.

        With a cache, x holds the new slots only: they see those in the cache, and are added to it.
        """
        start = cache.length if cache is not None else 0
        end = start + x.shape[1]
        for layer, (block, kind) in enumerate(zip(self.blocks, self.attention_types, strict=True)):
            sees_all = kind == "full" and end == start + 1  # the newest slot alone: no mask is needed
            mask = None if sees_all else masks[kind]
            x = block(x, mask[start:end, :end] if isinstance(mask, Tensor) else mask, layer, cache)
        if cache is not None:
            cache.length = end
        return self.norm(x)
