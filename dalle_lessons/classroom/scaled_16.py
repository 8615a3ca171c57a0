"""What lesson 16 counts and keeps: the FLOPs of a training step, gradients of a small training, pairs and losses as
files."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ..datasets.images import to_image
from ..datasets.pairs import Pairs
from ..model.dalle import DALLE


def step_flops(model: DALLE) -> int:
    """FLOPs of one pair, forward and backward, as PyTorch counts them; the model may be on the device `meta`.

    All blocks cost the same: a model like it with one block is counted and one with two, and each further block costs
    what the second does.
    """
    with torch.device("meta"):
        one, two = (counted_flops(DALLE(replace(model.config, layers=layers))) for layers in (1, 2))
    return one + (model.config.layers - 1) * (two - one)


def counted_flops(model: DALLE) -> int:
    """`step_flops` of a model, all of it counted: this takes long for many blocks.

    SDPBackend.MATH computes attention by plain matrix products, which PyTorch can count.
    """
    config, device = model.config, model.text_head.weight.device
    t, n = config.text_length, config.image_length
    text, tokens = (torch.zeros(1, k, dtype=torch.int64, device=device) for k in (t, n))
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        x = model.transformer(model.embedding(text, tokens[:, :-1]), model.masks)
        loss = model.text_head(x[:, : t - 1]).sum() + model.image_head(x[:, t:]).sum()
        loss.backward()
    return counter.get_total_flops()


def watched_gradients(
    model: DALLE, watched: Mapping[str, Tensor], text: Tensor, tokens: Tensor, steps: int
) -> dict[str, list[Tensor]]:
    """Train for some steps of 16 of the pairs (text (N, T), tokens (N, L)) and keep the gradients of some weights.

    watched: name -> weight of the model. -> name -> its gradient at each step, of the weight's shape.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    gradients: dict[str, list[Tensor]] = {name: [] for name in watched}
    for rows in torch.randint(len(text), (steps, 16)):
        optimizer.zero_grad()
        model.loss(text[rows], tokens[rows])["total"].backward()
        for name, weight in watched.items():
            assert weight.grad is not None
            gradients[name].append(weight.grad.clone())
        optimizer.step()
    return gradients


def write_pairs(pairs: Pairs, n: int, folder: Path) -> None:
    """The first n pairs as files in a new folder: pictures 0.png, 1.png, …, each with its caption in 0.txt, …"""
    folder.mkdir(parents=True)
    for i in range(n):
        to_image(pairs.pictures[i]).save(folder / f"{i}.png")
        (folder / f"{i}.txt").write_text(pairs.caption(i, None), encoding="utf-8")


def logged_losses(out: Path) -> list[float]:
    """The total loss of each step that a training wrote to log.csv in its folder."""
    with open(out / "log.csv", encoding="utf-8") as file:
        return [float(row["total"]) for row in csv.DictReader(file)]
