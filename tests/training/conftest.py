"""Tiny data, models and presets, so that a whole training takes moments."""

import random
from dataclasses import dataclass, replace

import pytest
import torch
from tiny_shards import make_shards
from torch import Tensor

from dalle_lessons.datasets import Pairs
from dalle_lessons.datasets.emoji import full_caption, read_rows, varied_caption
from dalle_lessons.model.clip import CLIPConfig
from dalle_lessons.model.dalle import DALLE, DALLEConfig
from dalle_lessons.model.dvae import DVAE, DVAEConfig
from dalle_lessons.model.judge import JudgeConfig
from dalle_lessons.model.tokenizer import TextTokenizer
from dalle_lessons.training import objectives, presets
from dalle_lessons.training.objectives import judge
from dalle_lessons.training.preset_types import CLIPPreset, DALLEPreset, DVAEPreset, EditPreset, JudgePreset
from dalle_lessons.training.run import train_model
from dalle_lessons.training.train_config import TrainConfig

__all__ = ["make_shards"]  # a fixture
STEPS = TrainConfig(steps=3, batch=8, lr=1e-2, warmup=0, ema=0.5)
DVAE_CONFIG = DVAEConfig(codes=16, code_dim=8, widths=(8,), patch=16, blocks=0)  # 64 pixels -> 4x4 tokens
DALLE_CONFIG = DALLEConfig(text_length=28, width=16, layers=1, heads=2)
CLIP_CONFIG = CLIPConfig(patch=8, widths=(8, 8), text_width=16, layers=1, heads=2, dim=8)


@dataclass
class Tiny:
    """Presets and models of a world of emoji in miniature."""

    dvae_preset = DVAEPreset(DVAE_CONFIG, STEPS)
    dalle_preset = DALLEPreset(DALLE_CONFIG, STEPS, vocab_size=300, bpe_dropout=0.0)
    clip_preset = CLIPPreset(CLIP_CONFIG, STEPS, bpe_dropout=0.0, shift=0, color_jitter=0.0)
    edit_preset = EditPreset(STEPS, text_length=60, num_views=1)
    judge_preset = JudgePreset(JudgeConfig(patch=8, widths=(8, 8)), STEPS)

    #: Five emoji in four styles and some tones, with noise for pictures.
    pairs: Pairs
    dvae: DVAE
    tokenizer: TextTokenizer

    def dalle(self, text_length: int = 28) -> DALLE:
        torch.manual_seed(1)
        sizes = {"rows": 4, "cols": 4, "codes": 16, "text_length": text_length}
        return DALLE(replace(DALLE_CONFIG, vocab_size=self.tokenizer.vocab_size, **sizes)).eval()


def noise_pairs(rows: list[dict]) -> Pairs:
    """Rows of captions.csv with noise for pictures; those that share a picture there share it here."""
    pictures: dict[tuple, Tensor] = {}
    generator = torch.Generator().manual_seed(0)
    for row in rows:
        if (key := (row["style"], row["position"])) not in pictures:
            pictures[key] = torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8, generator=generator)

    def caption(index: int, rng: random.Random | None = None) -> str:
        return full_caption(rows[index]) if rng is None else varied_caption(rows[index], rng)

    stacked = torch.stack([pictures[row["style"], row["position"]] for row in rows])
    return Pairs(stacked, torch.ones(len(rows)), caption, rows)


@pytest.fixture(scope="session")
def few_pairs() -> Pairs:
    return some_pairs()


def some_pairs() -> Pairs:
    codes = ("1F431", "1F436", "1F600", "1F44D", "1F44B")  # cat and dog, a face, two hands with tones
    rows = [row for row in read_rows() if row["base_hexcode"] in codes]
    return noise_pairs([row for row in rows if row["skin_tone"] in ("", "light", "dark")])


def tiny_of(pairs: Pairs) -> Tiny:
    torch.manual_seed(0)
    dvae = DVAE(DVAE_CONFIG).eval()
    captions = [pairs.caption(i, None) for i in range(len(pairs))]
    return Tiny(pairs, dvae, TextTokenizer.train(captions, 300, 28))


def take_for_emoji(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objectives, "load", lambda data, size, styles: tiny.pairs)
    monkeypatch.setattr(judge, "emoji", lambda split, styles: tiny.pairs)
    for kind in ("dvae", "dalle", "clip", "edit", "judge"):
        monkeypatch.setitem(presets.PRESETS[kind], "emoji", getattr(tiny, f"{kind}_preset"))


@pytest.fixture
def tiny(few_pairs) -> Tiny:
    return tiny_of(few_pairs)


@pytest.fixture
def tiny_world(tiny, monkeypatch) -> Tiny:
    """As `tiny`, and `train_model` takes these pairs and presets for the emoji's."""
    take_for_emoji(tiny, monkeypatch)
    return tiny


@pytest.fixture(scope="session")
def trained_runs(few_pairs, tmp_path_factory):
    """A folder with a dVAE, a DALL·E and a CLIP that were trained into it; to be copied, not changed."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as monkeypatch:
        take_for_emoji(tiny_of(few_pairs), monkeypatch)
        for kind in ("dvae", "dalle", "clip"):
            train_model(kind, "emoji", None, folder / kind, progress=False)
    return folder
