"""Pairs of pictures and captions: some of them, and their way into other processes."""

import pickle
import random
from functools import partial

import pytest
import torch
from PIL import Image

from dalle_lessons.datasets import Pairs
from dalle_lessons.datasets.emoji import emoji
from dalle_lessons.datasets.folder import folder
from dalle_lessons.datasets.shapes import shapes


def own(tmp_path) -> Pairs:
    for name, color in (("a", "red"), ("b", "blue"), ("c", "green")):
        Image.new("RGB", (8, 8), color).save(tmp_path / f"{name}.png")
        (tmp_path / f"{name}.txt").write_text(f"a {color} square")
    return folder(tmp_path, 8)


MAKERS = {
    "train": lambda path: emoji("train"),
    "tones": lambda path: emoji("unseen_tone"),
    "shapes": lambda path: shapes("test", 20),
    "folder": own,
    "subset": lambda path: emoji("unseen_tone").subset([3, 1]),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_pairs_can_be_sent_to_another_process(kind, tmp_path):
    pairs = MAKERS[kind](tmp_path)
    sent = pickle.loads(pickle.dumps(pairs))
    assert torch.equal(sent.pictures, pairs.pictures) and torch.equal(sent.weights, pairs.weights)
    assert sent.metadata == pairs.metadata
    for i in (0, len(pairs) - 1):
        assert sent.caption(i, None) == pairs.caption(i, None)
        assert sent.caption(i, random.Random(4)) == pairs.caption(i, random.Random(4))


def test_captions_vary_with_the_random_numbers_alone():
    pairs = pickle.loads(pickle.dumps(shapes("test", 20)))
    full = pairs.caption(0, None)
    varied = [pairs.caption(0, random.Random(seed)) for seed in range(30)]
    assert full in varied and len(set(varied)) > 3


def say(captions: list[str], index: int, rng: random.Random | None = None) -> str:
    return captions[index] if rng is None else captions[index].upper()


def test_a_subset_keeps_what_belongs_together():
    captions = ["a", "b", "c", "d"]
    pictures = torch.arange(4, dtype=torch.uint8).view(4, 1, 1, 1).expand(4, 3, 2, 2)
    pairs = Pairs(pictures, torch.tensor([1.0, 2.0, 3.0, 4.0]), partial(say, captions), list("ABCD"))
    some = pairs.subset([3, 1]).subset([1, 0])
    assert len(some) == 2 and some.metadata == ["B", "D"] and some.weights.tolist() == [2.0, 4.0]
    assert some.pictures[:, 0, 0, 0].tolist() == [1, 3]
    assert [some.caption(i, None) for i in range(2)] == ["b", "d"]
    assert some.caption(0, random.Random(0)) == "B"
    bare = Pairs(pictures, torch.ones(4), partial(say, captions)).subset([2])
    assert bare.metadata == [] and bare.caption(0, None) == "c"
