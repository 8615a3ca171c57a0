"""Lesson 13: the pairs that its editor of shapes learns from: a thing on the top, the same in another color below."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from ..datasets.scenes import COLORS, Scene, draw
from ..datasets.shapes import HELD_OUT, random_scene
from ..model.dvae import DVAE
from ..model.tokenizer import TextTokenizer


class Recoloring(NamedTuple):
    """One pair: a scene with one thing, the same thing at the same place in another color, and that color."""

    top: Scene
    bottom: Scene
    color: str

    @property
    def caption(self) -> str:
        """What is asked for: it names the color alone, so that all else must be seen on the top."""
        return f"the exact same thing on the top in {self.color} on the bottom"


def recolor(scene: Scene, color: str) -> Recoloring:
    """A scene with one thing, and a color for it."""
    [thing] = scene.objects
    return Recoloring(scene, Scene((replace(thing, color=color),)), color)


def colors_for(scene: Scene, held_out: bool = False) -> list[str]:
    """The colors that a scene's thing may be given: those of training, or those that no model ever saw on it."""
    [thing] = scene.objects
    return [c for c in COLORS if c != thing.color and ((thing.shape, c) in HELD_OUT) == held_out]


def new_pairs(rng: random.Random, count: int) -> list[Recoloring]:
    """Pairs for training: scenes of the split "train", and colors in which their shapes may be seen."""
    scenes = [random_scene(rng, two=0.0) for _ in range(count)]
    return [recolor(scene, rng.choice(colors_for(scene))) for scene in scenes]


def tokens_of(dvae: DVAE, scenes: Sequence[Scene]) -> Tensor:
    """-> (n, N) image tokens of the scenes' pictures."""
    pictures = torch.stack([torch.from_numpy(draw(scene)) for scene in scenes])
    return dvae.encode(pictures.float() / 255).flatten(1)


def batch_of(dvae: DVAE, tokenizer: TextTokenizer, pairs: Sequence[Recoloring]) -> tuple[Tensor, Tensor, Tensor]:
    """-> text (B, T), tokens of the tops (B, N), tokens of the bottoms (B, N)."""
    text = tokenizer.encode([pair.caption for pair in pairs])
    return text, tokens_of(dvae, [pair.top for pair in pairs]), tokens_of(dvae, [pair.bottom for pair in pairs])
