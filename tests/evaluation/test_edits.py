"""Edits by tiny models, and the baselines beside them, on cases whose answer is known."""

import pytest
import torch

from dalle_lessons.datasets.emoji import STYLES
from dalle_lessons.datasets.emoji_labels import truth_of
from dalle_lessons.evaluation import edits
from dalle_lessons.evaluation.edits import (
    WAYS,
    best_targets,
    choose_emoji,
    mean_over_directions,
    measure_edits,
    nearest_pair,
    true_pairs,
    untrained,
)
from dalle_lessons.evaluation.evaluation_set import EvaluationSet
from dalle_lessons.model.editing import edit_caption, edit_nll, sample_target
from dalle_lessons.model.judge import Judge, JudgeConfig
from dalle_lessons.model.tokenizer import TextTokenizer
from dalle_lessons.pipeline.text_to_image import TextToImage
from dalle_lessons.training.presets import EDIT_PRESETS
from dalle_lessons.training.tokens import tokenize

CHEAP = ("nearest_pair", "copy_of_source", "reconstructed", "true")


def words_of(system: TextToImage, caption: str) -> torch.Tensor:
    return TextTokenizer(system.tokenizer.tokenizer, system.editor.config.text_length).encode([caption])


def test_true_pairs_show_one_emoji_in_two_styles(few):
    pairs = few["unseen_emoji"]
    couples = true_pairs(pairs, "sketch", "cartoon")
    assert len(couples) == 4
    for a, b in couples:
        assert pairs.metadata[a]["hexcode"] == pairs.metadata[b]["hexcode"]
        assert (pairs.metadata[a]["style"], pairs.metadata[b]["style"]) == ("sketch", "cartoon")
    assert true_pairs(few["unseen_tone"], "sketch", "cartoon") == []  # tones have no sketches of their own


def test_emoji_are_chosen_evenly_and_without_tones(few):
    train = few["train"]
    plain = sorted({row["hexcode"] for row in train.metadata})
    assert choose_emoji(train, 3) == plain[::3] and choose_emoji(train, 100) == plain
    assert len(choose_emoji(few["unseen_emoji"], 100)) == 3  # the fourth has a skin tone


def test_the_nearest_training_picture_gives_its_partner(few):
    train = few["train"]
    couples = true_pairs(train, "cartoon", "sketch")
    given = train.pictures[[couples[4][0], couples[2][0]]].clamp(2, 250) + 3
    found = nearest_pair(train, given, "cartoon", "sketch")
    assert torch.equal(found, train.pictures[[couples[4][1], couples[2][1]]])


def test_the_best_target_is_the_likeliest_of_its_own_candidates(tiny):
    torch.manual_seed(0)
    sources, text = torch.randint(0, 16, (5, 16)), words_of(tiny, edit_caption("a sketch"))
    best = best_targets(tiny.editor, text, sources, 8, progress=False, seed=3)  # 40 rows: a batch, and a part of one
    for p, source in enumerate(sources):
        indices = range(8 * p, 8 * p + 8)
        drawn, scores = sample_target(tiny.editor, text.expand(8, -1), source.expand(8, -1), seed=3, indices=indices)
        assert torch.equal(best[p], drawn[scores.argmax()])
        assert len(drawn.unique(dim=0)) > 1
        whole = torch.cat((source.expand(8, -1), drawn), dim=1)
        with torch.no_grad():
            nll = edit_nll(tiny.editor, text.expand(8, -1), whole)[0].mean(1)
        assert torch.allclose(-nll, scores, atol=1e-5)


def test_the_untrained_attempt_sees_the_picture_above_and_gives_what_is_below(tiny, monkeypatch):
    seen = {}

    def told(dalle, text, sources, candidates, progress, **options):
        seen["sources"] = sources
        return torch.full_like(sources, 5)

    monkeypatch.setattr(edits, "best_targets", told)
    given = torch.rand(2, 3, 64, 64)
    drawn = untrained(tiny, given, torch.zeros(1, 32).long(), 1, False)
    assert drawn.shape == (2, 3, 64, 64) and seen["sources"].shape == (2, 8)  # two of four rows
    canvas = torch.ones(2, 3, 64, 64)
    canvas[:, :, :32, 16:48] = torch.nn.functional.avg_pool2d(given, 2)
    assert torch.equal(seen["sources"], tiny.dvae.encode(canvas)[:, :2].flatten(1))
    whole = torch.cat((seen["sources"], torch.full((2, 8), 5)), dim=1).view(2, 4, 4)
    middle = tiny.dvae.decode(whole)[:, :, 32:, 16:48]  # of what lies below
    enlarged = torch.nn.functional.interpolate(middle, scale_factor=2, mode="bilinear").clamp(0, 1)
    assert torch.allclose(drawn, enlarged, atol=1e-5)


class Knowing(Judge):
    """Names the pictures that it was shown."""

    def __init__(self, pairs):
        super().__init__(JudgeConfig(widths=(8,)))
        self.pictures, self.truth = pairs.pictures.float() / 255, truth_of(pairs.metadata)

    def right(self, images, truth):
        equal = (images[:, None] == self.pictures).flatten(2).all(2)  # (N, known)
        found = equal.any(1)
        said = self.truth[equal.int().argmax(1)]  # (N, 3)
        emoji, style = ((found & (said[:, k] == truth[:, k])).float() for k in (0, 1))
        return torch.stack((emoji, emoji, style, emoji), dim=1)


def test_every_direction_and_every_way_is_measured(tiny, sets, few):
    held_out = sets["unseen_emoji"]
    report = measure_edits(tiny, Knowing(few["unseen_emoji"]), held_out, few["train"], count=3, candidates=2)
    assert len(report["pairs"]) == len(STYLES) * (len(STYLES) - 1)
    left_out = EDIT_PRESETS["emoji"].left_out
    assert report["left_out"] == " -> ".join(left_out)
    for direction, line in report["pairs"].items():
        ways = {*WAYS, "near_black_pixels"} if direction == "illustration -> sketch" else set(WAYS)
        assert set(line) == {"emoji", "token_accuracy", *ways} and line["emoji"] == 3
        assert line["true"]["emoji_top5"]["share"] == line["true"]["style"]["share"] == 1.0
        assert line["copy_of_source"]["emoji_top5"]["share"] == 1.0 and line["copy_of_source"]["style"]["share"] == 0.0
        assert line["drawn"]["emoji_top5"]["share"] == 0.0  # no drawing is one of the pictures that the judge knows
        assert line["true"]["psnr"]["mean"] > 90 > line["drawn"]["psnr"]["mean"]
        assert ("line_f1" in line["drawn"]) == direction.endswith("sketch")
        if direction.endswith("sketch"):
            assert line["true"]["line_f1"]["mean"] == 1.0
        assert 0 <= line["token_accuracy"]["mean"] <= 1 and line["token_accuracy"]["n"] == 3
    mean = report["trained_mean"]
    directions = len(report["pairs"]) - (left_out is not None)
    assert mean["drawn"]["emoji_top5"]["n"] == 3 * directions and mean["drawn"]["emoji_top5"]["clusters"] == 3
    assert mean["copy_of_source"]["relative_accuracy"]["ratio"] == 1.0
    assert mean["drawn"]["relative_accuracy"]["ratio"] == 0.0
    assert mean["near_duplicates_of_train"] == 0


def test_some_ways_alone(tiny, judge, sets, few):
    report = measure_edits(tiny, judge, sets["unseen_emoji"], few["train"], count=1, ways=("nearest_pair",))
    assert set(report["pairs"]["cartoon -> sketch"]) == {"emoji", "token_accuracy", "nearest_pair"}
    assert set(report["trained_mean"]["nearest_pair"]) == {"emoji_top5", "style"}  # nothing to compare with
    sketches = report["pairs"]["illustration -> sketch"]
    assert "near_black_pixels" in sketches


def test_a_light_gray_is_no_line(tiny, judge, sets, few):
    held_out = sets["unseen_emoji"].subset(range(12))
    pictures = held_out.pairs.pictures
    pictures[:] = 255
    pictures[:, :, 10] = 0  # one line in all styles; what is no sketch stands on gray besides
    for i, row in enumerate(held_out.pairs.metadata):
        if row["style"] != "sketch":
            pictures[i, :, 20:] = 200
    report = measure_edits(tiny, judge, held_out, few["train"], count=3, ways=("copy_of_source", "true"))
    for source in ("cartoon", "flat icon", "illustration"):
        line = report["pairs"][f"{source} -> sketch"]
        assert line["copy_of_source"]["line_f1"]["mean"] == line["true"]["line_f1"]["mean"] == 1.0
        assert line["copy_of_source"]["psnr"]["mean"] < 20


def test_token_accuracy_is_that_of_the_likeliest_tokens(tiny, judge, sets, few):
    held_out = sets["unseen_emoji"]
    report = measure_edits(tiny, judge, held_out, few["train"], count=3, ways=("true",))
    pairs = held_out.pairs
    couples = [c for c in true_pairs(pairs, "cartoon", "flat icon") if not pairs.metadata[c[0]]["skin_tone"]]
    tokens = torch.cat([tokenize(tiny.dvae, pairs.pictures[[c[k] for c in couples]]) for k in (0, 1)], dim=1)
    text = words_of(tiny, edit_caption("a flat icon")).expand(len(tokens), -1)
    with torch.no_grad():
        right = edit_nll(tiny.editor, text, tokens)[1]
    accuracy = report["pairs"]["cartoon -> flat icon"]["token_accuracy"]["mean"]
    assert accuracy == pytest.approx(float(right.float().mean()), abs=1e-6)


def test_near_duplicates_are_left_out_of_the_mean(few):
    two = few["train"].subset([0, 1])
    direction = EvaluationSet(two, torch.tensor([0, 1]), torch.tensor([True, False]))
    measured = {"true": {"emoji_top5": torch.tensor([1.0, 1.0]), "style": torch.tensor([1.0, 0.0])}}
    mean = mean_over_directions([(direction, measured)] * 2, ("true",))
    assert mean["near_duplicates_of_train"] == 2 and mean["true"]["style"]["share"] == 0.5
    assert mean["without_near_duplicates"]["true"]["style"]["share"] == 0.0
    assert mean["without_near_duplicates"]["true"]["style"]["clusters"] == 1
    unasked = EvaluationSet(two, torch.tensor([0, 1]))
    assert "near_duplicates_of_train" not in mean_over_directions([(unasked, measured)], ("true",))


def test_without_an_edit_model_there_is_nothing_to_measure(tiny, judge, sets, few):
    system = TextToImage(tiny.dvae, tiny.dalle, tiny.tokenizer)
    with pytest.raises(ValueError, match="no edit model to measure: train one"):
        measure_edits(system, judge, sets["unseen_emoji"], few["train"])
