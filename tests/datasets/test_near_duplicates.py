"""Held-out pictures that are nearly one of train: found, named, and few."""

import pytest
import torch

from dalle_lessons.datasets.emoji import ALL_STYLES, STYLES, emoji
from dalle_lessons.datasets.near_duplicates import NEAR_DUPLICATE_RMS, near_duplicates, nearest_rms


def test_the_distance_is_the_root_mean_square_of_all_pixels():
    torch.manual_seed(0)
    known = torch.randint(10, 245, (3000, 3, 8, 8), dtype=torch.uint8)  # more than are compared at once
    pictures = known[[7, 2500, 2999]].clone()
    pictures[0] += 2  # every value is 2 gray levels off
    pictures[1, 0, 0, 0] = known[2500, 0, 0, 0] + 8  # one value of 192 is 8 off
    pictures[2] = 255 - pictures[2]
    found = nearest_rms(pictures, known)
    assert found.tolist() == pytest.approx([2.0, 8 / 192**0.5, torch.inf], abs=1e-4)


def test_it_is_that_of_the_nearest_and_no_nearer_one_is_missed():
    torch.manual_seed(0)
    base = torch.randint(20, 230, (40, 3, 16, 16)).float()
    known = torch.cat([base, base + 3, base - 1]).to(torch.uint8)
    pictures = (base + torch.randint(-9, 10, base.shape)).to(torch.uint8)
    apart = (pictures[:, None].float() - known.float()).pow(2).mean((2, 3, 4)).sqrt().amin(1)
    for below in (4.0, 5.5, 6.0, 200.0):
        expected = apart.masked_fill(apart >= below, torch.inf)
        assert torch.allclose(nearest_rms(pictures, known, below), expected, atol=1e-4)


def test_what_is_just_as_far_as_the_threshold_is_none():
    known = torch.full((1, 3, 8, 8), 100, dtype=torch.uint8)
    assert nearest_rms(known + 5, known).tolist() == [torch.inf]
    assert nearest_rms(known + 4, known).tolist() == [4.0]
    assert NEAR_DUPLICATE_RMS == 5.0


def test_no_pictures_have_no_duplicates():
    none = torch.zeros(0, 3, 8, 8, dtype=torch.uint8)
    some = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    assert nearest_rms(none, some).shape == (0,)
    assert nearest_rms(some, none).tolist() == [torch.inf] * 2


@pytest.mark.parametrize(("styles", "unseen_pair", "unseen_tone"), [(STYLES, 17, 5), (ALL_STYLES, 18, 8)])
def test_near_duplicates_of_train_are_few_and_known(styles, unseen_pair, unseen_tone):
    everything = emoji(None, styles)
    splits = [row["split"] for row in everything.metadata]
    train, held_out = (
        everything.subset([i for i, split in enumerate(splits) if (split == "train") is wanted])
        for wanted in (True, False)
    )
    near = near_duplicates(held_out, train)
    assert near.shape == (len(held_out),) and near.dtype == torch.bool
    found: dict[str, set[str]] = {"unseen_emoji": set(), "unseen_pair": set(), "unseen_tone": set()}
    for i in near.nonzero().flatten().tolist():
        found[held_out.metadata[i]["split"]].add(held_out.caption(i, None))
    assert {split: len(captions) for split, captions in found.items()} == {
        "unseen_emoji": 0,
        "unseen_pair": unseen_pair,
        "unseen_tone": unseen_tone,
    }
    assert {"a sketch of a woman: bald", "a flat icon of a man pouting", "a sketch of sake"} <= found["unseen_pair"]
    couple = "an illustration of a couple with heart: woman, man, medium-dark skin tone, medium skin tone"
    assert couple in found["unseen_tone"]
