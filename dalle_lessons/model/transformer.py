"""The decoder-only transformer: residual blocks of attention and MLP (Vaswani et al. 2017; Radford et al. 2019)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Cache:
    """Keys and values of the slots seen so far, for every layer: (2, layers, B, heads, slots, C / heads).

    They never change once computed, because no slot looks forward; so a new slot computes its own alone.
    """

    def __init__(
        self, layers: int, batch: int, heads: int, slots: int, size: int, dtype: torch.dtype, device: torch.device
    ):
        self.store = torch.empty(2, layers, batch, heads, slots, size, dtype=dtype, device=device)
        self.length = 0  # slots filled

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Write the keys and values of a layer's new slots, each (B, heads, new, size); returns those of all its slots
        so far, each (B, heads, length + new, size)."""
        end = self.length + key.shape[2]
        self.store[0, layer, :, :, self.length : end] = key
        self.store[1, layer, :, :, self.length : end] = value
        return self.store[0, layer, :, :, :end], self.store[1, layer, :, :, :end]


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """softmax(q·k / sqrt(size)) v where the mask allows.

    q (B, heads, S, size), k and v (B, heads, slots, size), mask (S, slots) bool -> (B, heads, S, size).
    """
    if q.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    # In bfloat16 on the CPU the fused function's backward pass takes longer than all these lines together.
    scores = (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])).float()  # (B, heads, S, slots)
    return scores.masked_fill(~mask, -torch.inf).softmax(dim=-1).to(v.dtype) @ v


class Attention(nn.Module):
    """Causal multi-head self-attention: softmax(q·k / sqrt(C/heads)) v, where the mask allows."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        if width % heads:
            raise ValueError(f"The width ({width}) must be a multiple of the heads ({heads}).")
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.project = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor, layer: int = 0, cache: Cache | None = None) -> Tensor:
        """x (B, S, C), mask (S, slots) bool -> (B, S, C)."""
        q, k, v = (  # (B, S, C) -> (B, heads, S, C / heads)
            linear(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for linear in (self.query, self.key, self.value)
        )
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

    def forward(self, x: Tensor, mask: Tensor, layer: int = 0, cache: Cache | None = None) -> Tensor:
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

    def forward(self, x: Tensor, masks: dict[str, Tensor], cache: Cache | None = None) -> Tensor:
        """x (B, S, C) and a mask of each kind (all slots, all slots) -> (B, S, C).

        With a cache, x holds the new slots only: they see those in the cache, and are added to it.
        """
        start = cache.length if cache is not None else 0
        end = start + x.shape[1]
        for layer, (block, kind) in enumerate(zip(self.blocks, self.attention_types, strict=True)):
            x = block(x, masks[kind][start:end, :end], layer, cache)
        if cache is not None:
            cache.length = end
        return self.norm(x)
