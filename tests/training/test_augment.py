"""Pictures that are moved, turned, tinted and covered at random."""

import torch
from torch.testing import assert_close

from dalle_lessons.training.augment import mix_channels, random_affine, random_erasing, random_shift, vary


def test_pictures_move_on_white_and_keep_their_colors():
    images = torch.zeros(50, 3, 8, 8)
    torch.manual_seed(0)
    moved = random_shift(images, 2)
    assert moved.shape == images.shape and set(moved.unique().tolist()) == {0.0, 1.0}
    black = (moved == 0).all(1).sum((1, 2))
    assert black.min() == 36 and black.max() == 64  # moved by at most two pixels each way
    assert torch.equal(random_shift(images, 0), images)


def test_pictures_vary_in_brightness_and_contrast_and_stay_pictures():
    images = torch.rand(40, 3, 8, 8)
    torch.manual_seed(0)
    varied = vary(images, shift=0, color_jitter=0.2)
    assert varied.min() >= 0 and varied.max() <= 1
    change = (varied - images).abs().flatten(1).max(dim=1).values
    assert 0.02 < change.mean() < 0.2 and change.max() <= 0.2
    assert torch.equal(vary(images, 0, 0.0), images)


def test_pictures_grow_and_shrink_on_white_about_their_middle():
    images = torch.ones(60, 3, 16, 16)
    images[:, :, 4:12, 4:12] = 0.0
    torch.manual_seed(0)
    resized = random_affine(images, 0.25)
    ink = (1 - resized).sum((1, 2, 3)) / 3
    assert 64 / 1.25**2 - 2 < ink.min() < 50 and 90 < ink.max() < 64 / 0.75**2 + 2
    assert resized[:, :, 0].min() == 1.0 and (resized - resized.flip(2, 3)).abs().max() < 1e-4
    assert torch.equal(random_affine(images, 0.0), images)


def test_pictures_are_turned_and_slanted_about_their_middle():
    images = torch.ones(60, 3, 16, 16)
    images[:, :, 4:12, 4:12] = 0.0
    torch.manual_seed(0)
    slanted = random_affine(images, 0.0, 0.2)
    turned = (slanted - slanted.rot90(2, (2, 3))).abs().amax((1, 2, 3))
    mirrored = (slanted - slanted.flip(3)).abs().amax((1, 2, 3))
    assert turned.max() < 1e-4 and (mirrored > 0.05).float().mean() > 0.9
    area = (1 - slanted).mean(1).sum((1, 2)) / 64
    assert 1 / (1.2**2 + 0.2**2) - 0.05 < area.min() and area.max() < 1 / (0.8**2 - 0.2**2) + 0.05
    assert torch.equal(random_affine(images, 0.0, 0.0), images)


def test_tints_change_colors_and_leave_grays():
    torch.manual_seed(0)
    grays = torch.rand(1, 1, 4, 4).expand(30, 3, 4, 4).contiguous()
    assert_close(mix_channels(grays, 0.2), grays)
    red = torch.zeros(30, 3, 2, 2)
    red[:, 0] = 1.0
    tinted = mix_channels(red, 0.2)
    assert 0.0 <= tinted.min() and tinted.max() <= 1.0
    assert tinted[:, 0].min() > 0.5 and 0.05 < tinted[:, 1:].max() < 0.4
    assert torch.equal(mix_channels(red, 0.0), red)


def test_some_pictures_are_covered_by_a_rectangle_of_one_color():
    torch.manual_seed(0)
    images = torch.full((400, 3, 20, 20), 0.123)
    covered = random_erasing(images, 0.5)
    changed = (covered != images).any(1)  # (B, 20, 20)
    assert 0.4 < changed.any(2).any(1).float().mean() < 0.55
    assert changed.sum((1, 2)).max() <= 9 * 9
    colors = [picture[:, spot].unique(dim=1) for picture, spot in zip(covered, changed, strict=True) if spot.any()]
    assert all(color.shape[1] == 1 for color in colors), "one color each"
    assert 0.35 < torch.tensor([float(color.min() == 1.0) for color in colors]).mean() < 0.65
    rows, cols = changed.any(2), changed.any(1)  # a rectangle is all of its rows times all of its columns
    assert torch.equal(changed, rows[:, :, None] & cols[:, None, :])
    assert torch.equal(random_erasing(images, 0.0), images)
