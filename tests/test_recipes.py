"""What the models learn from: batches, pictures moved and mirrored, a tokeniser that fits, a folder of one's own."""

import random
from dataclasses import replace

import pytest
import torch
from PIL import Image

from dalle_lessons import recipes
from dalle_lessons.dalle import DALLE
from dalle_lessons.dvae import DVAE, DVAEConfig
from dalle_lessons.text import TextTokenizer
from dalle_lessons.worlds import Pairs
from dalle_lessons.worlds.shapes import shapes


def pairs_of(count: int, side: int = 8) -> Pairs:
    pictures = torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8)
    return Pairs(pictures, torch.ones(count), lambda i, rng: f"picture {i}")


def test_indices_are_drawn_by_weight():
    torch.manual_seed(0)
    drawn = recipes.draw_indices(torch.tensor([1.0, 0.0, 3.0]), 4000)
    share = torch.bincount(drawn, minlength=3) / 4000
    assert share[1] == 0 and share[2].item() == pytest.approx(0.75, abs=0.03)


def test_pictures_move_on_white_and_keep_their_colours():
    preset = replace(recipes.DVAE_PRESETS["emoji"], shift=2, flip=0.0, recolour=0.0)
    images = torch.zeros(50, 3, 8, 8)
    torch.manual_seed(0)
    moved = recipes.augment(images, preset)
    assert moved.shape == images.shape and set(moved.unique().tolist()) == {0.0, 1.0}
    black = (moved == 0).all(1).sum((1, 2))
    assert black.min() == 36 and black.max() == 64  # moved by at most two pixels each way


def test_pictures_are_mirrored_and_recoloured_as_often_as_asked():
    preset = replace(recipes.DVAE_PRESETS["emoji"], shift=0, flip=1.0, recolour=0.0)
    images = torch.rand(4, 3, 8, 8)
    assert torch.equal(recipes.augment(images, preset), images.flip(-1))
    torch.manual_seed(0)
    recoloured = recipes.augment(images, replace(preset, flip=0.0, recolour=1.0))
    assert torch.equal(recoloured.sort(1).values, images.sort(1).values)  # the same channels, in another order


def test_tokens_of_many_pictures_are_those_of_each():
    dvae = DVAE(DVAEConfig(codes=16, code_dim=8, widths=(16, 16), patch=2, blocks=1)).eval()
    pictures = pairs_of(10).pictures
    tokens = recipes.tokenise(dvae, pictures, batch=4)
    assert tokens.shape == (10, 4)
    assert torch.equal(tokens[7], dvae.encode(pictures[7:8].float() / 255).flatten())


def test_dalle_takes_its_sizes_from_dvae_and_captions():
    dvae = DVAE(DVAEConfig.shapes()).eval()
    pairs = shapes("train", 64)
    dalle, tokenizer, loss_of = recipes.make_dalle(pairs, recipes.DALLE_PRESETS["shapes"], dvae)
    c = dalle.config
    assert (c.rows, c.cols, c.codes) == (8, 8, dvae.config.codes) and c.vocab_size == tokenizer.vocab_size
    parts = loss_of(dalle, random.Random(0), 0.0)
    assert parts["image"].item() == pytest.approx(torch.tensor(float(c.codes)).log().item(), rel=0.05)


def test_a_caption_that_grew_too_long_falls_back_to_the_full_one():
    texts = []

    class Spy(TextTokenizer):
        def encode(self, captions, dropout=0.0):
            texts.extend(captions)
            return super().encode(captions, dropout)

    spy = Spy(TextTokenizer.train(["a cat"], 300, 6).tokenizer, 6)
    pairs = replace(pairs_of(4), caption=lambda i, rng: "a cat" if rng is None else "a cat " * 20)
    preset = recipes.DALLE_PRESETS["shapes"]
    config = replace(preset.config, vocab_size=spy.vocab_size, text_length=6, rows=1, cols=1, codes=4, width=8, heads=2)
    loss_of = recipes.dalle_loss_of(pairs, torch.zeros(4, 1, dtype=torch.int64), spy, preset)
    loss_of(DALLE(config), random.Random(0), 0.0)
    assert set(texts) == {"a cat"}


def test_a_folder_of_ones_own_trains(tmp_path):
    for i, colour in enumerate(("red", "blue", "green", "black")):
        Image.new("RGB", (20 + i, 30), colour).save(tmp_path / f"{i}.png")
        (tmp_path / f"{i}.txt").write_text(f"a {colour} picture", encoding="utf-8")
    options = {"progress": False, "steps": 2, "batch": 4}
    recipes.train_model("dvae", str(tmp_path), "shapes", tmp_path / "dvae", **options)
    trainer = recipes.train_model("dalle", str(tmp_path), "shapes", tmp_path / "dalle", tmp_path / "dvae", **options)
    assert trainer.step == 2 and (tmp_path / "dalle" / "tokenizer.json").exists()
