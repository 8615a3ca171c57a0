"""The figures that are reported, against values by hand; a ranking that knows the truth reaches the ceiling."""

import pytest
import torch
from evaluation.oracle import Oracle

from dalle_lessons import TextToImage
from dalle_lessons.datasets import Pairs
from dalle_lessons.datasets.emoji import emoji
from dalle_lessons.datasets.emoji_labels import truth_of
from dalle_lessons.datasets.shapes import shapes
from dalle_lessons.datasets.shapes_check import SceneVerdict, check
from dalle_lessons.evaluation import candidates
from dalle_lessons.evaluation import shapes as evaluation_of_shapes
from dalle_lessons.evaluation.candidates import best_of, choose, decode_candidates, sample_candidates
from dalle_lessons.evaluation.evaluation_set import of_emoji, of_scenes
from dalle_lessons.evaluation.likelihood import measure_nll
from dalle_lessons.evaluation.metrics import psnr
from dalle_lessons.evaluation.recognition import measure_judge, measure_retrieval
from dalle_lessons.evaluation.reconstruction import measure_dvae, reconstruct
from dalle_lessons.evaluation.report import table
from dalle_lessons.evaluation.shapes import by_attribute, distinct_shapes, evaluate_shapes, measure_shapes
from dalle_lessons.model.clip import CLIP, CLIPConfig
from dalle_lessons.model.dvae import DVAE, DVAEConfig
from dalle_lessons.model.judge import JUDGE_METRICS
from dalle_lessons.model.sampling import sample_batches


def test_a_dvae_that_loses_everything_is_seen_to():
    pairs = shapes("test", 40)
    dvae = DVAE(DVAEConfig.shapes()).eval()
    with torch.no_grad():
        dvae.codebook.to_code.weight.zero_()  # every patch gets the same code
    report = measure_dvae(dvae, of_scenes(pairs), pairs, ["all"] * 40)
    assert report["codes_used"] == 1 and report["perplexity"] == pytest.approx(1.0)
    assert report["by_group"]["all"]["psnr"] == report["psnr"] and report["psnr"]["n"] == report["pictures"] == 40


def test_foreground_is_what_is_not_nearly_white(tiny, few):
    pairs = few["train"].subset(range(8))
    pairs.pictures[:] = 252  # background, though not white
    pairs.pictures[:, 0, 20:30, 20:30] = 200  # a channel below 250 is enough
    report = measure_dvae(tiny.dvae, of_emoji(pairs), pairs, ["all"] * 8)
    images = tiny.dvae.decode(tiny.dvae.encode(pairs.pictures.float() / 255))
    error = (images - pairs.pictures.float() / 255)[:, :, 20:30, 20:30].pow(2).mean((1, 2, 3))
    assert report["psnr_foreground"]["mean"] == pytest.approx(float((-10 * error.log10()).mean()), abs=1e-3)


def test_each_group_has_its_own_mean_and_near_duplicates_are_left_out(tiny, few, sets):
    held_out = sets["unseen_pair"]
    groups = ["a", "a", "b", "b"]
    report = measure_dvae(tiny.dvae, held_out, few["train"], groups)
    truth = held_out.pairs.pictures.float() / 255
    each = psnr(tiny.dvae.decode(tiny.dvae.encode(truth)), truth)
    assert report["psnr"]["mean"] == pytest.approx(float(each.mean()), abs=1e-4)
    assert report["by_group"]["a"]["psnr"]["mean"] == pytest.approx(float(each[:2].mean()), abs=1e-4)
    assert report["by_group"]["b"]["psnr"]["mean"] == pytest.approx(float(each[2:].mean()), abs=1e-4)
    without = report["without_near_duplicates"]
    assert report["near_duplicates_of_train"] == 1 and without["pictures"] == 3
    assert without["by_group"]["a"]["psnr"]["mean"] == pytest.approx(float(each[1]), abs=1e-4)


@pytest.fixture(scope="module")
def system():
    return TextToImage.from_pretrained("shapes")


def test_a_ranking_that_knows_the_truth_reaches_the_ceiling(system, monkeypatch):
    def knowing(self, caption, tokens, pixels):
        return torch.tensor([float(check(image, caption).all_right) for image in pixels])

    split = of_scenes(distinct_shapes("unseen_pair", 4))
    monkeypatch.setattr(TextToImage, "scores", knowing)
    report = measure_shapes(system, split, candidates=16)
    assert report["best_of_16"]["all"] == report["checker_picks"]["best_of_16"]
    assert report["best_of_1"]["all"]["share"] <= report["best_of_16"]["all"]["share"]
    assert "best_of_32" not in report and report["captions"] == 4
    assert (report["at_random"]["all"]["n"], report["at_random"]["all"]["clusters"]) == (4 * 16, 4)


def test_shares_of_attributes_by_hand():
    right, wrong = {"shape": True, "color": True}, {"shape": True, "color": False}
    verdicts = [SceneVerdict((right,), (None,), 0), SceneVerdict((wrong, right), (None, None), 0)]
    verdicts.append(SceneVerdict(({"shape": True},), (None,), 1))  # an object too many
    report = by_attribute(verdicts, torch.arange(3))
    assert report["shape"]["share"] == 1.0 and report["color"]["share"] == pytest.approx(2 / 3)
    assert report["attributes"]["share"] == pytest.approx(6 / 8) and report["all"]["share"] == pytest.approx(1 / 3)
    assert {figure["clusters"] for figure in report.values()} == {3}
    assert report["color"]["high"] == 1.0 and report["color"]["low"] < 0.6


def test_drawings_of_one_caption_are_one_cluster_and_the_checker_picks_the_right_one(system, monkeypatch):
    split = of_scenes(distinct_shapes("test", 2))
    asked = []

    def told(image, caption):
        """Of the first caption, the last two drawings of three are right; of the other, none; true pictures are."""
        asked.append(caption)
        good = len(asked) in (2, 3) or len(asked) > 6
        return SceneVerdict(({"shape": good},), (None,), 0)

    monkeypatch.setattr(evaluation_of_shapes, "check", told)
    monkeypatch.setattr(TextToImage, "scores", lambda self, caption, tokens, images: torch.tensor([1.0, 0.0, 0.0]))
    report = measure_shapes(system, split, candidates=3)
    assert len(set(asked)) == 2 and report["reconstructed"]["all"]["share"] == 1.0
    assert report["best_of_2"]["all"]["share"] == 0.0 and report["checker_picks"]["best_of_2"]["share"] == 0.5
    at_random = report["at_random"]["all"]  # resampled by captions: two in three are right, or none
    assert (at_random["share"], at_random["low"], at_random["high"]) == pytest.approx((1 / 3, 0, 2 / 3))


def test_candidates_are_those_that_draw_ranks(tiny):
    caption = "a sketch of a grinning face"
    tokens = sample_candidates(tiny, caption, 40, seed=2)
    drawings = tiny.draw(caption, 40, 40, seed=2)
    assert len(tokens) == 40 and len(tokens.unique(dim=0)) > 1
    for drawing in drawings:
        assert torch.equal(tokens[drawing.index].reshape(4, 4), drawing.tokens)
    images = decode_candidates(tiny, tokens)
    assert best_of(tiny.scores(caption, tokens, images), 40) == drawings[0].index


def test_measured_drawings_heed_the_options_of_sampling(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        candidates, "sample_batches", lambda *args, **options: seen.append(options) or sample_batches(*args, **options)
    )
    options = {"out": tmp_path, "temperature": 0.0, "guidance": 0.5}
    evaluate_shapes(captions=1, candidates=1, parts=("drawings",), **options)
    assert len(seen) == 2 and all((o["temperature"], o["guidance"]) == (0.0, 0.5) for o in seen)  # seen, held out


def test_choosing_goes_by_weight_and_takes_none_twice():
    pairs = Pairs(torch.zeros(4, 3, 8, 8), torch.tensor([1.0, 0.0, 1.0, 1.0]), lambda i, rng: "")
    assert sorted(choose(pairs, 3)) == [0, 2, 3]
    assert choose(pairs, 2) == choose(pairs, 2)


class Knowing(CLIP):
    """Puts the pictures and captions that it was told of where they belong: each pair on an axis of its own."""

    def __init__(self, pairs, tokenizer):
        super().__init__(CLIPConfig(tokenizer.vocab_size, tokenizer.length, side=64, widths=(8,)), tokenizer)
        self.pairs = pairs

    def encode_images(self, images):
        known = self.pairs.pictures.float() / 255
        return torch.stack(
            [torch.eye(len(known))[int((image == known).flatten(1).all(1).nonzero()[0])] for image in images]
        )

    def encode_text(self, text):
        captions = self.tokenizer.encode([self.pairs.caption(i, None) for i in range(len(self.pairs))])
        return torch.stack([torch.eye(len(captions))[int((row == captions).all(1).nonzero()[0])] for row in text])


def test_retrieval():
    pairs = emoji("unseen_pair", "cartoon")
    few = pairs.subset(range(12))
    tokenizer = TextToImage.from_pretrained("emoji").tokenizer
    report = measure_retrieval(Knowing(few, tokenizer), of_emoji(few))
    assert report["text_to_image_R@1"]["share"] == report["image_to_text_R@1"]["share"] == 1.0
    torch.manual_seed(0)
    blind = CLIP(CLIPConfig(tokenizer.vocab_size, tokenizer.length, widths=(8,)), tokenizer).eval()
    assert measure_retrieval(blind, of_emoji(few))["text_to_image_R@1"]["share"] < 0.5


class Told(CLIP):
    """Its similarities are those that it was told: row by row, those of a caption with the pictures."""

    def __init__(self, similar, tokenizer):
        super().__init__(CLIPConfig(tokenizer.vocab_size, tokenizer.length, widths=(8,)), tokenizer)
        self.similar = similar

    def encode_images(self, images):
        return torch.eye(len(images))

    def encode_text(self, text):
        return self.similar


def test_retrieval_by_hand_both_ways_and_without_near_duplicates(tiny, sets):
    similar = torch.tensor([[0.5, 0, 0, 0], [0, 0.5, 0, 0], [0, 0.9, 0.1, 0], [0.9, 0, 0, 0.1]])
    report = measure_retrieval(Told(similar, tiny.tokenizer), sets["unseen_pair"])
    assert report["pictures"] == report["queries"] == 4 and report["text_to_image_R@5"]["share"] == 1.0
    # captions 0 and 1 find their pictures; pictures 2 and 3 find their captions
    assert report["text_to_image_R@1"]["share"] == report["image_to_text_R@1"]["share"] == 0.5
    assert report["guessing_R@5"]["mean"] == pytest.approx(1 - 0.75**5)
    without = report["without_near_duplicates"]  # picture 0
    assert without["queries"] == 3 and without["text_to_image_R@1"]["share"] == pytest.approx(1 / 3)
    assert without["image_to_text_R@1"]["share"] == pytest.approx(2 / 3)


def test_the_judges_ceilings():
    dvae = DVAE.from_pretrained("emoji")
    for style, tones in (("cartoon", 20), ("sketch", 0)):  # in a sketch no tone shows
        pairs = emoji("unseen_pair", style)
        some = pairs.subset(range(20))
        report = measure_judge(Oracle(some.pictures.float() / 255, truth_of(some.metadata)), dvae, of_emoji(some))
        assert set(report["true"]) == {*JUDGE_METRICS, style}
        assert report["true"]["style"]["clusters"] == len({row["base_hexcode"] for row in some.metadata})
        assert report["true"]["tone"]["n"] == tones and report["true"]["style"]["share"] == 1.0
        if style == "cartoon":
            assert report["true"]["emoji_top1"]["share"] == 1.0 == report["true"]["tone"]["share"]
        assert report["reconstructed"]["emoji_top1"]["share"] < 0.2  # no reconstruction is one of the pictures shown


def test_the_model_predicts_better_than_what_only_counts(system):
    train = shapes("train", 600)
    nll = measure_nll(system, {"seen": of_scenes(shapes("test", 200))}, train, most=128)["seen"]
    assert nll["uniform"] > nll["unigram"]["mean"] > nll["bigram"]["mean"] > nll["model"]["mean"] > 0


@pytest.mark.slow
def test_the_bundled_shapes_draw_what_the_caption_says(tmp_path):
    report = evaluate_shapes(captions=24, candidates=1, parts=("drawings",), out=tmp_path)["drawings"]
    assert report["seen"]["reconstructed"]["attributes"]["share"] > 0.95
    assert report["seen"]["best_of_1"]["attributes"]["share"] > 0.8


def test_the_bundled_emoji_dvae_keeps_what_it_has_not_seen():
    held_out = emoji("unseen_emoji", "cartoon")
    some = held_out.pictures[::10]
    images = reconstruct(DVAE.from_pretrained("emoji"), some)
    assert psnr(images, some.float() / 255).mean() > 19


def test_the_table_is_readable():
    figure = {"share": 0.25, "low": 0.1, "high": 0.5, "n": 8, "clusters": 3}
    nothing = {"kid": None, "low": None, "high": None, "n": 0, "clusters": 0}
    lines = table({"a_part": {"x": 0.5, "y": figure, "n": 3, "z": nothing, "small": 0.00123, "none": 0.0}})
    assert [" ".join(line.split()) for line in lines] == [
        *("a part", "x 0.500", "y 0.250 [0.100, 0.500], n = 8 in 3 clusters", "n 3"),
        *("z – [–, –], n = 0 in 0 clusters", "small 0.00123", "none 0.000"),
    ]
