"""Intervals over clusters, and the distance between two sets of pictures, on cases whose answer is known."""

import math

import pytest
import torch

from dalle_lessons.evaluation.intervals import mean_interval, ratio_interval, share_interval
from dalle_lessons.evaluation.kid import kernel_distance
from dalle_lessons.evaluation.metrics import share


def test_independent_trials_have_wilsons_interval():
    hits = (torch.arange(400) % 10 < 3).float()
    ours, theirs = share_interval(hits, torch.arange(400)), share(hits)
    assert (ours["n"], ours["clusters"], ours["share"]) == (400, 400, theirs["share"])
    assert ours["low"] == pytest.approx(theirs["low"], abs=0.01)
    assert ours["high"] == pytest.approx(theirs["high"], abs=0.01)


def test_what_is_repeated_counts_once():
    torch.manual_seed(0)
    values = torch.rand(30)
    once = mean_interval(values, torch.arange(30))
    ten_times = mean_interval(values.repeat_interleave(10), torch.arange(30).repeat_interleave(10))
    assert (ten_times["n"], ten_times["clusters"]) == (300, 30)
    for name in ("mean", "low", "high"):
        assert ten_times[name] == pytest.approx(once[name], abs=1e-6)
    as_if_independent = mean_interval(values.repeat_interleave(10), torch.arange(300))
    assert once["high"] - once["low"] > 2.5 * (as_if_independent["high"] - as_if_independent["low"])


def test_intervals_hold_the_truth_as_often_as_they_say():
    torch.manual_seed(0)
    clusters = torch.arange(40).repeat_interleave(8)
    inside = {"clusters": 0, "independent": 0}
    for _ in range(200):
        chance = torch.rand(40, 1)  # of a hit, in each cluster; 0.5 on average
        hits = (torch.rand(40, 8) < chance).float().flatten()
        ours, theirs = share_interval(hits, clusters), share(hits)
        inside["clusters"] += ours["low"] <= 0.5 <= ours["high"]
        inside["independent"] += theirs["low"] <= 0.5 <= theirs["high"]
    assert 180 <= inside["clusters"] <= 198 and inside["independent"] < 170


def test_a_ratio_is_resampled_as_one():
    torch.manual_seed(0)
    under = torch.rand(20) + 0.1
    tight = ratio_interval(
        under / 2 + 1e-4 * torch.rand(20), under, torch.arange(20)
    )  # each sum varies, not both apart
    assert tight["ratio"] == pytest.approx(0.5, abs=1e-3)
    assert tight["low"] == pytest.approx(0.5, abs=1e-3) and tight["high"] == pytest.approx(0.5, abs=1e-3)
    loose = ratio_interval(torch.rand(20), under, torch.arange(20))
    assert loose["high"] - loose["low"] > 0.2


def test_all_right_is_no_certainty():
    clusters = torch.arange(10).repeat_interleave(3)
    for hits, p in ((torch.ones(30), 1.0), (torch.zeros(30), 0.0)):
        wilson = share(hits[:10])  # as many trials as clusters
        assert share_interval(hits, clusters) == {**wilson, "share": p, "n": 30, "clusters": 10}


def test_what_was_not_measured_does_not_count():
    report = mean_interval(torch.tensor([1.0, math.nan, 2.0, 3.0]), torch.tensor([0, 0, 1, 1]))
    assert (report["mean"], report["n"], report["clusters"]) == (2.0, 3, 2)
    nothing = {"low": None, "high": None, "n": 0, "clusters": 0}
    assert share_interval(torch.tensor([math.nan]), torch.zeros(1).long()) == {"share": None, **nothing}
    assert mean_interval(torch.zeros(0), torch.zeros(0).long()) == {"mean": None, **nothing}
    assert ratio_interval(torch.ones(3), torch.zeros(3), torch.arange(3))["ratio"] is None
    alike = ratio_interval(torch.ones(4), torch.ones(4), torch.arange(4))  # no resample differs: that is no certainty
    assert alike == {"ratio": 1.0, "low": None, "high": None, "n": 4, "clusters": 4}
    single = mean_interval(torch.tensor([1.0, 2.0]), torch.zeros(2).long())
    assert single == {"mean": 1.5, "low": None, "high": None, "n": 2, "clusters": 1}


def test_intervals_are_the_same_each_time():
    torch.manual_seed(0)
    values = torch.rand(25)
    first = mean_interval(values, torch.arange(25))
    torch.manual_seed(5)
    assert mean_interval(values, torch.arange(25)) == first


def test_kernel_distance_by_hand():
    a, b = torch.tensor([[1.0, 2.0], [0.0, 1.0], [3.0, 1.0]]), torch.tensor([[2.0, 2.0], [1.0, 0.0], [1.0, 1.0]])
    clusters = torch.tensor([0, 1, 2])

    def k(x, y):
        return (float(x @ y) / 2 + 1) ** 3

    others = [(i, j) for i in range(3) for j in range(3) if i != j]
    expected = sum(k(a[i], a[j]) + k(b[i], b[j]) - 2 * k(a[i], b[j]) for i, j in others) / len(others)
    report = kernel_distance(a, b, clusters, clusters)
    assert report["kid"] == pytest.approx(expected) and (report["n"], report["clusters"]) == (3, 3)
    apart = kernel_distance(a, b, clusters, clusters + 3)  # no caption in common: all pairs across count
    across = sum(k(x, y) for x in a for y in b) / 9
    own = sum(k(a[i], a[j]) + k(b[i], b[j]) for i, j in others) / 6
    assert apart["kid"] == pytest.approx(own - 2 * across) and apart["clusters"] == 6


@pytest.mark.parametrize("n", [10, 30])
def test_two_samples_of_one_distribution_are_not_apart_whatever_their_size(n):
    torch.manual_seed(0)
    ids = torch.arange(2 * n)
    found = [kernel_distance(*torch.randn(2, n, 8), ids[:n], ids[n:])["kid"] for _ in range(60)]
    error = torch.tensor(found).std() / math.sqrt(60)
    assert abs(torch.tensor(found).mean()) < 3 * error


def test_kernel_distance_finds_what_differs_and_nothing_else():
    torch.manual_seed(0)
    a, ids = torch.randn(80, 8), torch.arange(80)
    assert kernel_distance(a, a, ids, ids)["kid"] == pytest.approx(0, abs=1e-9)
    assert kernel_distance(a, torch.randn(80, 8) + 1, ids, ids)["low"] > 0
    same = kernel_distance(a, torch.randn(80, 8), ids, ids + 80)
    assert same["low"] < 0 < same["high"]
    assert kernel_distance(a[:1], a[:1], ids[:1], ids[:1])["kid"] is None
    one = torch.zeros(4).long()
    assert kernel_distance(a[:4], a[:4], one, one) == {"kid": None, "low": None, "high": None, "n": 4, "clusters": 1}
