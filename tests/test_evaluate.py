"""The figures that are reported: what they say of pictures where the answer is known."""

import pytest
import torch

from dalle_lessons import evaluate
from dalle_lessons.dvae import DVAE, DVAEConfig
from dalle_lessons.worlds.shapes import shapes


def test_psnr_of_a_known_error():
    truth = torch.full((2, 3, 4, 4), 0.5)
    images = truth.clone()
    images[1] += 0.1  # a mean squared error of 0.01 is 20 dB
    assert evaluate.psnr(images, truth)[1] == pytest.approx(20.0, abs=1e-3)
    assert evaluate.psnr(images, truth)[0] > 90


def test_psnr_on_ink_heeds_no_other_pixel():
    truth, images = torch.ones(1, 3, 2, 2), torch.ones(1, 3, 2, 2)
    truth[..., 0, 0] = 0.0
    images[..., 0, 0] = 0.1  # the one pixel of ink is off by 0.1
    images[..., 1, 1] = 0.0  # and so is the background, by far more
    ink = (truth < 0.9).any(dim=1, keepdim=True)
    assert evaluate.psnr(images, truth, ink)[0] == pytest.approx(20.0, abs=1e-3)
    assert evaluate.psnr(images, truth)[0] < 10
    assert evaluate.psnr(images, truth, torch.zeros_like(ink)).isnan().all()


def test_a_dvae_that_loses_everything_is_seen_to():
    pairs = shapes("test", 40)
    dvae = DVAE(DVAEConfig.shapes()).eval()
    with torch.no_grad():
        dvae.codebook.to_code.weight.zero_()  # every patch gets the same code
    report = evaluate.measure_dvae(dvae, pairs, pairs, ["all"] * 40)
    assert report["codes_used"] == 1 and report["perplexity"] == pytest.approx(1.0)
    assert report["by_group"]["all"]["psnr"] == pytest.approx(report["psnr"])


@pytest.mark.slow
def test_the_bundled_shapes_draw_what_the_caption_says():
    report = evaluate.evaluate_shapes(count=128)
    assert report["seen"]["attributes_right_reconstructed"] > 0.95
    assert report["seen"]["attributes_right"] > 0.85
    assert report["dvae"]["psnr"] > 22


def test_the_bundled_emoji_dvae_keeps_what_it_has_not_seen():
    from dalle_lessons.worlds.emoji import emoji

    held_out = emoji("unseen_emoji", "cartoon")
    some = held_out.pictures[::10]
    images = evaluate.reconstruct(DVAE.from_pretrained("emoji"), some)
    assert evaluate.psnr(images, some.float() / 255).mean() > 19
