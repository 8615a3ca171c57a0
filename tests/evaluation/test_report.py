"""The figures that are reported: a ranking that knows the truth reaches the ceiling."""

import pytest
import torch

from dalle_lessons import TextToImage
from dalle_lessons.datasets import Pairs
from dalle_lessons.datasets.emoji import emoji
from dalle_lessons.datasets.emoji_labels import truth_of
from dalle_lessons.datasets.shapes import shapes
from dalle_lessons.datasets.shapes_check import check
from dalle_lessons.evaluation import candidates
from dalle_lessons.evaluation.candidates import best_of, choose, decode, draw_all
from dalle_lessons.evaluation.emoji import measure_drawings, measure_judge, measure_retrieval
from dalle_lessons.evaluation.likelihood import measure_nll
from dalle_lessons.evaluation.metrics import psnr
from dalle_lessons.evaluation.reconstruction import measure_dvae, reconstruct
from dalle_lessons.evaluation.report import table
from dalle_lessons.evaluation.shapes import evaluate_shapes, measure_shapes
from dalle_lessons.model.clip import CLIP, CLIPConfig
from dalle_lessons.model.dvae import DVAE, DVAEConfig
from dalle_lessons.model.judge import JUDGE_METRICS, Judge, JudgeConfig
from dalle_lessons.model.sampling import sample


def test_a_dvae_that_loses_everything_is_seen_to():
    pairs = shapes("test", 40)
    dvae = DVAE(DVAEConfig.shapes()).eval()
    with torch.no_grad():
        dvae.codebook.to_code.weight.zero_()  # every patch gets the same code
    report = measure_dvae(dvae, pairs, pairs, ["all"] * 40)
    assert report["codes_used"] == 1 and report["perplexity"] == pytest.approx(1.0)
    assert report["by_group"]["all"]["psnr"] == pytest.approx(report["psnr"])


@pytest.fixture(scope="module")
def system():
    return TextToImage.from_pretrained("shapes")


def test_a_ranking_that_knows_the_truth_reaches_the_ceiling(system, monkeypatch):
    def knowing(self, caption, tokens, pixels):
        return torch.tensor([float(check(image, caption).all_right) for image in pixels])

    pairs = shapes("unseen_pair", 8)
    monkeypatch.setattr(TextToImage, "scores", knowing)
    report = measure_shapes(system, pairs, captions=8, candidates=16)
    assert report["best_of_16"]["all"] == report["checker_picks"]["best_of_16"]
    assert report["best_of_1"]["all"]["share"] <= report["best_of_16"]["all"]["share"]
    assert "best_of_32" not in report and report["at_random"]["all"]["n"] == 8 * 16


def test_candidates_are_those_that_draw_ranks(system):
    caption = "a big red circle at the top"
    tokens = draw_all(system, caption, 40, seed=2)
    drawings = system.draw(caption, 40, 40, seed=2)
    for drawing in drawings[:5]:
        assert torch.equal(tokens[drawing.index].reshape(8, 8), drawing.tokens)
    images = decode(system, tokens)
    assert best_of(system.scores(caption, tokens, images), 40) == drawings[0].index


def test_measured_drawings_heed_the_options_of_sampling(system, monkeypatch):
    seen = []
    monkeypatch.setattr(candidates, "sample", lambda *args, **options: seen.append(options) or sample(*args, **options))
    evaluate_shapes(system, captions=1, candidates=1, parts=("drawings",), temperature=0.0, guidance=0.5)
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
    some = list(range(0, 12))
    few = Pairs(pairs.pictures[some], pairs.weights[some], lambda i, rng: pairs.caption(some[i], rng), [])
    tokenizer = TextToImage.from_pretrained("emoji").tokenizer
    report = measure_retrieval(Knowing(few, tokenizer), few)
    assert report["text_to_image_R@1"]["share"] == report["image_to_text_R@1"]["share"] == 1.0
    torch.manual_seed(0)
    blind = CLIP(CLIPConfig(tokenizer.vocab_size, tokenizer.length, widths=(8,)), tokenizer).eval()
    assert measure_retrieval(blind, few)["text_to_image_R@1"]["share"] < 0.5


class Oracle(Judge):
    """Names the pictures that it was shown, and any other as class 0."""

    def __init__(self, pictures, truth):
        super().__init__(JudgeConfig(widths=(8,)))
        self.pictures, self.truth = pictures.float() / 255, truth

    def forward(self, images):
        out = [torch.zeros(len(images), n) for n in (self.config.emoji, self.config.styles, self.config.tones)]
        for i, image in enumerate(images):
            found = (image == self.pictures).flatten(1).all(1).nonzero()
            for head in range(3):
                name = int(self.truth[found[0, 0], head]) if len(found) else 0
                out[head][i, max(name, 0)] = 1.0
        return tuple(out)


def test_the_judges_ceilings():
    dvae = DVAE.from_pretrained("emoji")
    for style, tones in (("cartoon", 20), ("sketch", 0)):  # in a sketch no tone shows
        pairs = emoji("unseen_pair", style)
        some = Pairs(pairs.pictures[:20], pairs.weights[:20], pairs.caption, pairs.metadata[:20])
        report = measure_judge(Oracle(some.pictures, truth_of(some.metadata)), dvae, some)
        assert set(report["true"]) == {*JUDGE_METRICS, style}
        assert report["true"]["tone"]["n"] == tones and report["true"]["style"]["share"] == 1.0
        if style == "cartoon":
            assert report["true"]["emoji_top1"]["share"] == 1.0 == report["true"]["tone"]["share"]
        assert report["reconstructed"]["emoji_top1"]["share"] < 0.2  # no reconstruction is one of the pictures shown


def test_drawings_are_judged_against_their_captions():
    system = TextToImage.from_pretrained("emoji")
    pairs = emoji("train", "flat icon")
    torch.manual_seed(0)
    judge = Judge(JudgeConfig(widths=(8, 16))).eval()
    tokens = torch.zeros(2, 64, dtype=torch.int64)
    report = measure_drawings(system, judge, pairs, tokens, captions=3, candidates=16)
    assert report["captions"] == 3 and set(report) >= {"ceiling_true", "best_of_1", "best_of_16", "near_duplicate_rate"}
    assert report["best_of_16"]["emoji_top5_by_style"].keys() == {"flat icon"}
    assert report["best_of_1"]["frechet"] > 0 and report["best_of_1"]["emoji_top5"]["n"] == 3


def test_the_two_ceilings_of_drawings_are_the_true_pictures_and_their_reconstructions():
    system = TextToImage.from_pretrained("emoji")
    pairs = emoji("train", "cartoon")
    chosen = choose(pairs, 8)
    knowing = Oracle(pairs.pictures[chosen], truth_of([pairs.metadata[i] for i in chosen]))
    knowing.features = lambda images: images.flatten(1)[:, :4]
    tokens = torch.zeros(2, 64, dtype=torch.int64)
    report = measure_drawings(system, knowing, pairs, tokens, captions=8, candidates=1)
    assert report["ceiling_true"]["emoji_top1"]["share"] == 1.0
    assert report["ceiling_reconstructed"]["emoji_top1"] == {
        **report["ceiling_reconstructed"]["emoji_top1"],
        "share": 0.0,
        "n": 8,
    }


def test_the_ledger_orders_what_knows_more(system):
    splits = {"train": shapes("train", 600), "seen": shapes("test", 200)}
    ledger = measure_nll(system, splits, "train", most=128)["seen"]
    assert ledger["uniform"] > ledger["unigram"] > ledger["bigram"] > ledger["model"] > 0


@pytest.mark.slow
def test_the_bundled_shapes_draw_what_the_caption_says(system):
    report = evaluate_shapes(system, captions=24, candidates=1, parts=("drawings",))
    assert report["seen"]["reconstructed"]["attributes"] > 0.95
    assert report["seen"]["best_of_1"]["attributes"] > 0.8


def test_the_bundled_emoji_dvae_keeps_what_it_has_not_seen():
    held_out = emoji("unseen_emoji", "cartoon")
    some = held_out.pictures[::10]
    images = reconstruct(DVAE.from_pretrained("emoji"), some)
    assert psnr(images, some.float() / 255).mean() > 19


def test_the_table_is_readable():
    lines = table({"a_part": {"x": 0.5, "y": {"share": 0.25, "low": 0.1, "high": 0.5, "n": 8}, "n": 3}})
    assert (
        lines[0] == "a part" and "0.500" in lines[1] and "[0.100, 0.500], n = 8" in lines[2] and lines[3].endswith("3")
    )
