"""What is measured, on cases whose answer is known by hand."""

import math

import pytest
import torch

from dalle_lessons.evaluation.likelihood import Bigram
from dalle_lessons.evaluation.metrics import ink_f1, memorized, psnr, recall, share


def test_psnr_of_a_known_error():
    truth = torch.full((2, 3, 4, 4), 0.5)
    images = truth.clone()
    images[1] += 0.1  # a mean squared error of 0.01 is 20 dB
    assert psnr(images, truth)[1] == pytest.approx(20.0, abs=1e-3)
    assert psnr(images, truth)[0] > 90


def test_psnr_on_ink_heeds_no_other_pixel():
    truth, images = torch.ones(1, 3, 2, 2), torch.ones(1, 3, 2, 2)
    truth[..., 0, 0] = 0.0
    images[..., 0, 0] = 0.1  # the one pixel of ink is off by 0.1
    images[..., 1, 1] = 0.0  # and so is the background, by far more
    ink = (truth < 0.9).any(dim=1, keepdim=True)
    assert psnr(images, truth, ink)[0] == pytest.approx(20.0, abs=1e-3)
    assert psnr(images, truth)[0] < 10
    assert psnr(images, truth, torch.zeros_like(ink)).isnan().all()


def test_wilsons_interval():
    half = share(torch.tensor([1.0, 0.0] * 50))  # 50 of 100: 0.4038 to 0.5962 in any table
    assert (half["share"], half["n"]) == (0.5, 100)
    assert half["low"] == pytest.approx(0.4038, abs=1e-4) and half["high"] == pytest.approx(0.5962, abs=1e-4)
    none = share(torch.zeros(10))
    assert none["low"] == pytest.approx(0, abs=1e-12) and none["high"] == pytest.approx(0.2775, abs=1e-4)
    assert share(torch.tensor([1.0, math.nan]))["n"] == 1
    nothing = share(torch.tensor([math.nan]))
    assert nothing["n"] == 0 and all(math.isnan(nothing[figure]) for figure in ("share", "low", "high"))


def test_recall():
    similar = torch.tensor([[0.9, 0.5, 0.1], [0.9, 0.5, 0.1]])
    right = torch.tensor([[True, False, False], [False, False, True]])
    assert recall(similar, right, 1).tolist() == [1.0, 0.0]
    assert recall(similar, right, 2).tolist() == [1.0, 0.0]
    assert recall(similar, right, 5).tolist() == [1.0, 1.0]


def test_a_planted_copy_is_found():
    torch.manual_seed(0)
    known = torch.randint(0, 50, (30, 20))
    drawn = torch.randint(0, 50, (3, 20))
    drawn[1] = known[7]
    drawn[1, :2] += 1  # 18 of 20 tokens are those of a training picture
    drawn[2] = known[8]
    drawn[2, :3] += 1  # 17 of 20
    assert memorized(drawn, known).tolist() == [0.0, 1.0, 0.0]


def test_bigram_by_hand():
    tokens = torch.tensor([[0, 1, 0, 1]])
    bigram = Bigram(tokens, codes=2, strength=1e-9)
    assert bigram.nats(tokens) == pytest.approx(0.0, abs=1e-6)  # each token follows from the one before
    assert bigram.unigram_nll(tokens) == pytest.approx(math.log(2), abs=1e-6)
    careful = Bigram(tokens, codes=2, strength=2.0)
    # the first: 1 sighting of "no token before"; then 0 stands twice before 1, and 1 once before 0; p1 is 1/2 each
    expected = [(1 + 1) / (1 + 2), (2 + 1) / (2 + 2), (1 + 1) / (1 + 2), (2 + 1) / (2 + 2)]
    assert careful.nats(tokens) == pytest.approx(-sum(map(math.log, expected)) / 4, abs=1e-6)


def test_bigram_is_a_distribution():
    torch.manual_seed(0)
    bigram = Bigram(torch.randint(0, 5, (10, 6)), codes=7)
    total = sum(math.exp(-2 * bigram.nats(torch.tensor([[3, k]])) + bigram.nats(torch.tensor([[3]]))) for k in range(7))
    assert total == pytest.approx(1.0, abs=1e-6)


def test_ink_f1_forgives_one_pixel_and_no_more():
    def line(at):
        ink = torch.zeros(1, 3, 9, 9, dtype=torch.bool)
        ink[..., at] = True
        return ink

    for shift, expected in ((0, 1.0), (1, 1.0), (2, 0.0)):
        assert float(ink_f1(line(3), line(3 + shift))) == pytest.approx(expected)
    # drawn: the true line and another one far away: precision 1/2, recall 1
    assert float(ink_f1(line(3) | line(7), line(3))) == pytest.approx(2 / 3)
    assert ink_f1(line(3) & False, line(3) & False).isnan().all()
    assert float(ink_f1(line(3), line(3) & False)) == 0


def test_ink_of_any_color_is_ink_and_each_picture_has_its_own_f1():
    drawn, truth = torch.zeros(2, 2, 3, 9, 9, dtype=torch.bool)
    drawn[0, 0, 4] = truth[0, 2, 4] = True  # one line, in red and in blue
    truth[1, :, 4] = True  # and a picture of which nothing was drawn
    assert ink_f1(drawn, truth).tolist() == [1.0, 0.0]
