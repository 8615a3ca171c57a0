"""Drawings of tiny models, seen by a judge that knows, or by one that knows nothing."""

import pytest
import torch
from evaluation.oracle import Oracle

from dalle_lessons.datasets.emoji_labels import truth_of
from dalle_lessons.datasets.shapes import shapes, split_of
from dalle_lessons.evaluation import drawings
from dalle_lessons.evaluation.candidates import choose, decode_candidates, sample_candidates
from dalle_lessons.evaluation.drawings import measure_drawings, measure_variety, open_captions, true_against_true
from dalle_lessons.evaluation.evaluation_set import of_emoji, of_scenes, scene_name, with_and_without
from dalle_lessons.evaluation.shapes import distinct_shapes
from dalle_lessons.model.judge import JUDGE_METRICS, Judge, JudgeConfig

NO_TOKENS = torch.full((1, 16), -1)


def test_drawings_are_judged_against_their_captions(tiny, judge, sets):
    report = measure_drawings(tiny, judge, sets["unseen_pair"], NO_TOKENS, captions=4, candidates=16)
    assert report["captions"] == 4 and "best_of_64" not in report
    for name in ("ceiling_true", "ceiling_reconstructed", "best_of_1", "best_of_16"):
        assert set(JUDGE_METRICS) <= set(report[name]) and report[name]["emoji_top5"]["n"] == 4
    styles = {row["style"] for row in sets["unseen_pair"].pairs.metadata}
    assert set(report["best_of_16"]["emoji_top5_by_style"]) == styles
    assert report["near_duplicates_of_train"] == 1 and report["without_near_duplicates"]["captions"] == 3
    assert report["without_near_duplicates"]["best_of_1"]["emoji_top5"]["n"] == 3
    assert report["kid_true_against_true"]["n"] == 2  # four pictures, two on each side


def test_every_figure_has_an_interval_and_says_on_how_much_it_stands(tiny, judge, sets):
    report = measure_drawings(tiny, judge, sets["unseen_emoji"], NO_TOKENS, captions=8, candidates=1)
    seen = []

    def walk(part):
        for value in part.values():
            if isinstance(value, dict) and "low" in value:
                seen.append(value)
                assert {"low", "high", "n", "clusters"} < set(value) and len(value) == 5
                assert value["clusters"] <= 4  # base emoji
            elif isinstance(value, dict):
                walk(value)
            else:
                assert isinstance(value, int)  # counts alone have none

    walk(report)
    assert len(seen) > 20


def test_the_ceilings_are_the_true_pictures_and_their_reconstructions(tiny, sets):
    split = sets["train"]
    chosen = split.pairs.subset(choose(split.pairs, 8))
    knowing = Oracle(chosen.pictures.float() / 255, truth_of(chosen.metadata))
    report = measure_drawings(tiny, knowing, split, NO_TOKENS, captions=8, candidates=1)
    assert report["ceiling_true"]["emoji_top1"]["share"] == 1.0
    assert report["ceiling_reconstructed"]["emoji_top1"]["share"] == 0.0
    assert report["best_of_1"]["relative_accuracy"]["emoji_top1"]["ratio"] == 0.0
    assert report["ceiling_reconstructed"]["kid"]["kid"] != 0.0
    assert "near_duplicates_of_train" not in report  # of train itself nobody asks


def test_candidates_follow_their_seed_and_the_options_of_sampling(tiny, few):
    caption = few["train"].caption(0, None)
    drawn = sample_candidates(tiny, caption, 4)
    assert torch.equal(sample_candidates(tiny, caption, 4, seed=0), drawn)
    assert not torch.equal(sample_candidates(tiny, caption, 4, seed=1), drawn)
    likeliest = sample_candidates(tiny, caption, 4, top_k=1)
    assert (likeliest == likeliest[0]).all() and len(drawn.unique(dim=0)) > 1


def test_the_best_is_the_one_that_the_ranking_prefers(tiny, sets, monkeypatch):
    split = sets["unseen_pair"].subset([1, 2, 3])
    last = [decode_candidates(tiny, sample_candidates(tiny, split.pairs.caption(i, None), 16))[15] for i in range(3)]
    knowing = Oracle(torch.stack(last), truth_of(split.pairs.metadata))
    monkeypatch.setattr(type(tiny), "scores", lambda self, caption, tokens, images: torch.arange(len(tokens)).float())
    monkeypatch.setattr(drawings, "choose", lambda pairs, count, seed=0: list(range(len(pairs)))[:count])
    report = measure_drawings(tiny, knowing, split, NO_TOKENS, captions=3, candidates=16)
    assert report["best_of_16"]["emoji_top1"]["share"] == 1.0 and report["best_of_1"]["emoji_top1"]["share"] == 0.0


@pytest.mark.parametrize(("which", "rate"), [(0, 1.0), (15, 0.0)])
def test_memorization_is_counted_in_first_drawings_that_nobody_chose(tiny, judge, sets, which, rate):
    split = sets["unseen_pair"]
    drawn = [sample_candidates(tiny, split.pairs.caption(i, None), 16)[which] for i in range(len(split))]
    report = measure_drawings(tiny, judge, split, torch.stack(drawn), captions=4, candidates=16)
    assert report["memorization"]["near_duplicate_rate"]["share"] == rate


def test_true_pictures_are_compared_with_other_true_pictures(sets):
    class Rows(Judge):
        """Remembers what it was asked for."""

        def __init__(self):
            super().__init__(JudgeConfig(widths=(8,)))
            self.seen = []

        def features(self, images):
            self.seen.append(images)
            return images.flatten(1)[:, :4]

    judge, train = Rows(), sets["train"]
    report = true_against_true(judge, train, 10)
    shown = torch.cat(judge.seen)
    assert report["n"] == 10 and len(shown) == 20 and len(shown.flatten(1).unique(dim=0)) == 20  # none on both sides
    assert true_against_true(judge, train, 1000)["n"] == len(train) // 2


def test_variety_counts_what_is_different_among_nine(tiny, few):
    class Constant(Judge):
        """Sees one emoji everywhere, and the styles in turn."""

        def forward(self, images):
            emoji, style, tone = super().forward(images)
            emoji = torch.zeros_like(emoji)
            emoji[:, 7] = 1
            style = torch.nn.functional.one_hot(torch.arange(len(images)) % 2, style.shape[1]).float()
            return emoji, style, tone

    judge = Constant(JudgeConfig(patch=16, widths=(8,)))
    report = measure_variety(tiny, judge, few["train"], captions=2, candidates=10)
    tags = open_captions(tiny, few["train"])["a_tag"]
    assert "face" in tags and report["a_tag"]["example"] in tags  # all nine emoji have it
    for kind in ("a_tag", "a_name_without_style"):
        first = report[kind]["first"]
        assert first["different_emoji_of_nine"]["mean"] == 1 and first["different_styles_of_nine"]["mean"] == 2
        assert first["different_emoji_of_nine"]["n"] == report[kind]["captions"]
        assert 1 <= report[kind]["ranked"]["different_styles_of_nine"]["mean"] <= 2
    assert report["a_name_without_style"]["captions"] == 2


def test_variety_is_counted_among_the_best_and_among_the_first(tiny, few, monkeypatch):
    class Varied(Judge):
        """Sees one style in the first nine drawings, and three in the nine after them."""

        def forward(self, images):
            emoji, style, tone = super().forward(images)
            seen = torch.tensor([0 if i < 9 else i % 3 for i in range(len(images))])
            return emoji, torch.nn.functional.one_hot(seen, style.shape[1]).float(), tone

    monkeypatch.setattr(type(tiny), "scores", lambda self, caption, tokens, images: torch.arange(len(tokens)).float())
    report = measure_variety(tiny, Varied(JudgeConfig(patch=16, widths=(8,))), few["train"], 1, candidates=18)
    styles = {how: report["a_tag"][how]["different_styles_of_nine"]["mean"] for how in ("first", "ranked")}
    assert styles == {"first": 1, "ranked": 3}


def test_variety_of_too_few_pictures_to_have_a_common_tag(tiny, judge, few):
    report = measure_variety(tiny, judge, few["train"].subset([0, 1]), captions=2, candidates=9)
    assert report["a_tag"]["captions"] == 0 and report["a_tag"]["example"] is None
    assert report["a_tag"]["first"]["different_emoji_of_nine"]["mean"] is None


def test_figures_with_and_without():
    near = torch.tensor([True, False, False])
    count = {"n": 0}
    assert with_and_without(3, None, lambda rows: {"n": int(rows.sum())}) == {"n": 3}
    assert with_and_without(3, near & False, lambda rows: {"n": int(rows.sum())}) == {
        "n": 3,
        "near_duplicates_of_train": 0,
    }
    count = with_and_without(3, near, lambda rows: {"n": int(rows.sum())})
    assert count == {"n": 3, "near_duplicates_of_train": 1, "without_near_duplicates": {"n": 2}}


def test_styles_and_tones_of_an_emoji_are_one_cluster(few):
    split = of_emoji(few["unseen_emoji"], few["train"])
    bases = [row["base_hexcode"] for row in few["unseen_emoji"].metadata]
    for i, one in enumerate(bases):
        assert [bool(c == split.clusters[i]) for c in split.clusters] == [one == other for other in bases]
    assert not split.near.any()


def test_no_scene_comes_twice():
    assert len({scene_name(scene) for scene in shapes("test", 128).metadata}) < 100  # as they come, many do
    for split in ("test", "unseen_pair"):
        pairs = distinct_shapes(split, 128)
        assert len({scene_name(scene) for scene in pairs.metadata}) == len(pairs) == 128
        assert all(split_of(scene) == split for scene in pairs.metadata)
        assert pairs.pictures.shape == (128, 3, 32, 32) and pairs.caption(127, None)
    few, many = distinct_shapes("test", 20), shapes("test", 20)  # in the order in which they come
    assert [few.caption(i, None) for i in range(3)] == [many.caption(i, None) for i in range(3)]


def test_a_scene_told_two_ways_is_one():
    below = next(scene for scene in shapes("train", 200).metadata if scene.relation == "below")
    first, second = below.objects
    told = f"a {second.size} {second.color} {second.shape} above a {first.size} {first.color} {first.shape}"
    assert scene_name(below) == told.replace("a orange", "an orange")
    alone = next(scene for scene in shapes("train", 20).metadata if scene.relation is None)
    assert " above " not in scene_name(alone)


def test_pictures_of_one_scene_are_one_cluster():
    pairs = shapes("test", 128)
    split = of_scenes(pairs)
    assert len(split.clusters.unique()) == len({scene_name(scene) for scene in pairs.metadata})
    assert split.near is None


def test_more_scenes_than_there_are_cannot_be_had(monkeypatch):
    from dalle_lessons.evaluation import shapes as module

    monkeypatch.setattr(module, "MOST_DRAWN", 64)
    few = shapes("test", 3)

    def always_the_same(split, count):
        return few.subset([i % 3 for i in range(count)])

    assert len(distinct_shapes("test", 3, always_the_same)) <= 3
    with pytest.raises(ValueError, match="fewer than 4 different scenes: ask for fewer captions"):
        distinct_shapes("test", 4, always_the_same)
