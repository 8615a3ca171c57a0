"""Negative log-likelihoods against what is computed by hand, row by row."""

import math

import pytest
import torch
import torch.nn.functional as F

from dalle_lessons.evaluation.evaluation_set import of_emoji
from dalle_lessons.evaluation.likelihood import Bigram, measure_nll
from dalle_lessons.training.tokens import tokenize


@pytest.mark.parametrize("batch", [64, 3])  # one batch of 7; batches of 3, 3 and 1
def test_likelihoods_are_means_over_pictures_whatever_the_batches(tiny, few, batch):
    seven = few["train"].subset(range(7))
    report = measure_nll(tiny, {"seven": of_emoji(seven)}, few["train"], batch=batch)["seven"]
    tokens = tokenize(tiny.dvae, seven.pictures)  # (7, 16)
    text = tiny.tokenizer.encode([seven.caption(i, None) for i in range(7)])
    with torch.no_grad():
        logits = tiny.dalle(text, tokens)[1]  # (7, 16, 16)
    each = [float(F.cross_entropy(logits[i], tokens[i])) for i in range(7)]
    assert report["model"]["mean"] == pytest.approx(sum(each) / 7, abs=1e-5)
    assert report["model"]["n"] == 7
    assert report["uniform"] == pytest.approx(math.log(16))
    counts = Bigram(tokenize(tiny.dvae, few["train"].pictures), 16)
    assert report["unigram"]["mean"] == pytest.approx(counts.unigram_nll(tokens), abs=1e-6)
    assert report["bigram"]["mean"] == pytest.approx(counts.nats(tokens), abs=1e-6)


def test_near_duplicates_are_left_out_of_a_second_figure(tiny, sets, few):
    report = measure_nll(tiny, {"pairs": sets["unseen_pair"]}, few["train"])["pairs"]
    others = measure_nll(tiny, {"pairs": sets["unseen_pair"].subset([1, 2, 3])}, few["train"])["pairs"]
    assert report["near_duplicates_of_train"] == 1 and report["model"]["n"] == 4
    assert report["without_near_duplicates"]["model"]["mean"] == pytest.approx(others["model"]["mean"], abs=1e-5)
    assert "without_near_duplicates" not in others


def test_only_so_many_pictures_are_read(tiny, sets, few):
    report = measure_nll(tiny, {"train": sets["train"]}, few["train"], most=5)["train"]
    assert report["model"]["n"] == 5 and "near_duplicates_of_train" not in report
