"""From caption to ranked pictures, on a small untrained system: order, seeds and indices, errors."""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import save_tiny

from dalle_lessons import TextToImage
from dalle_lessons.model.clip import CLIP, CLIPConfig
from dalle_lessons.model.dalle import DALLE, DALLEConfig
from dalle_lessons.model.dvae import DVAE, DVAEConfig
from dalle_lessons.model.tokenizer import TextTokenizer
from dalle_lessons.pipeline.text_to_image import StopDrawing


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A system of two small models, saved as training saves them."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights")
    tokenizer = TextTokenizer.train(["a red circle", "a blue square above a circle"], 280, 12)
    dvae = DVAE(DVAEConfig(codes=16, code_dim=8, widths=(16, 16), patch=2, blocks=1))
    config = DALLEConfig(vocab_size=tokenizer.vocab_size, text_length=12, rows=3, cols=3, codes=16, width=32, layers=2)
    dalle = DALLE(config)
    torch.nn.init.normal_(dalle.image_head.weight, std=0.3)  # untrained, but not without opinions
    dvae.save_pretrained(folder / "dvae")
    dalle.save_pretrained(folder / "dalle")
    tokenizer.save(folder / "dalle" / "tokenizer.json")
    return folder


@pytest.fixture(scope="module")
def system(folder):
    return TextToImage.from_pretrained(folder)


def test_drawings_come_best_first_with_all_that_names_them(system):
    drawings = system.draw("a red circle", images=4, candidates=40, seed=3)
    scores = [drawing.score for drawing in drawings]
    assert len(drawings) == 4 and scores == sorted(scores, reverse=True)
    everything = system.draw("a red circle", images=40, candidates=40, seed=3)
    assert scores == [drawing.score for drawing in everything[:4]]
    assert sorted(drawing.index for drawing in everything) == list(range(40))
    first = drawings[0]
    assert first.image.size == (12, 12) and first.image.mode == "RGB" and first.tokens.shape == (3, 3)
    assert (first.seed, first.caption) == (3, "a red circle")


def test_score_is_the_mean_log_likelihood_of_the_tokens(system):
    drawing = system.draw("a red circle", images=1, candidates=1)[0]
    text = system.tokenizer.encode(["a red circle"])
    tokens = drawing.tokens.reshape(1, -1)
    log_p = system.dalle(text, tokens)[1].log_softmax(-1)[0].detach()
    by_hand = sum(float(log_p[i, token]) for i, token in enumerate(tokens[0].tolist())) / 9
    assert drawing.score == pytest.approx(by_hand, abs=1e-5)


def test_a_clip_takes_over_the_ranking(system, folder, tmp_path):
    torch.manual_seed(1)
    config = CLIPConfig(system.tokenizer.vocab_size, 12, 0, 12, 2, (16,), 32, 1, 2, 8)
    CLIP(config, system.tokenizer).save_pretrained(tmp_path / "clip")
    for part in ("dvae", "dalle"):
        shutil.copytree(folder / part, tmp_path / part)
    ranked = TextToImage.from_pretrained(tmp_path)
    drawings = ranked.draw("a red circle", images=5, candidates=8)
    pixels = ranked.dvae.decode(torch.stack([drawing.tokens for drawing in drawings]))
    scores = torch.tensor([drawing.score for drawing in drawings])
    torch.testing.assert_close(scores, ranked.clip.score(pixels, ["a red circle"] * 5), atol=1e-5, rtol=0)
    assert scores.tolist() == sorted(scores.tolist(), reverse=True)


def test_a_picture_is_completed(system):
    image = Image.new("RGB", (12, 12), "black")
    given = system.dvae.encode(torch.zeros(1, 3, 12, 12))[0]
    for rows in (0, 1, 2):
        for drawing in system.complete(image, rows, "a red circle", images=2, candidates=3):
            assert torch.equal(drawing.tokens[:rows], given[:rows])
    assert system.complete(image, 0, "a red circle", 1, 1)[0].tokens.equal(system.draw("a red circle", 1, 1)[0].tokens)
    with pytest.raises(ValueError, match="between 0 and 2"):
        system.complete(image, 3, "a red circle")
    with pytest.raises(ValueError, match="at least 1 image"):
        system.complete(image, 1, "a red circle", images=0)


@pytest.mark.parametrize("index", [0, 5, 33])
def test_a_picture_is_its_seed_and_index_whatever_else_is_asked_for(system, index):
    among = {d.index: d for d in system.draw("a circle", images=40, candidates=40, seed=1)}
    alone = system.draw("a circle", seed=1, indices=[index])
    assert [d.index for d in alone] == [index]
    assert torch.equal(alone[0].tokens, among[index].tokens)
    assert alone[0].image.tobytes() == among[index].image.tobytes()
    other = system.draw("a circle", seed=2, indices=[index])[0]
    assert not torch.equal(other.tokens, alone[0].tokens)


def test_grid_and_files_hold_the_pictures_and_how_to_draw_them_again(system, tmp_path):
    drawings = system.draw("a blue square", images=5, candidates=5)
    path = drawings.save(tmp_path / "grid.png")
    facts = json.loads(Image.open(path).text["Description"])
    assert [picture["index"] for picture in facts["pictures"]] == [drawing.index for drawing in drawings]
    single = drawings[2].save(tmp_path / "one.png")
    assert Image.open(single).tobytes() == drawings[2].image.tobytes()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"images": 0}, "at least 1 image"),
        ({"images": 9, "candidates": 4}, "at least as many candidates"),
        ({"indices": [-1]}, "0 or larger"),
        ({"temperature": -1}, "temperature"),
        ({"caption": "circle " * 40}, "too long"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(system, options, sentence):
    caption = options.pop("caption", "a circle")
    with pytest.raises(ValueError, match=sentence) as error:
        system.draw(caption, **options)
    assert "\n" not in str(error.value)


def test_models_that_do_not_fit_together_are_refused(system):
    other = DVAE(DVAEConfig(codes=32, code_dim=8, widths=(16, 16), patch=2, blocks=1))
    with pytest.raises(ValueError, match="do not fit together"):
        TextToImage(other, system.dalle, system.tokenizer)


def test_missing_weights_are_one_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="There are no dalle weights"):
        TextToImage.from_pretrained(tmp_path)


def test_every_caption_of_the_emoji_world_fits_the_bundled_model():
    from dalle_lessons.datasets.emoji import full_caption, read_rows, varied_caption

    system = TextToImage.from_pretrained("emoji")
    assert all(system.tokenizer.fits(full_caption(row)) for row in read_rows())
    rng = random.Random(0)
    short = [system.tokenizer.fits(varied_caption(row, rng)) for row in read_rows()]
    assert sum(short) / len(short) > 0.98


def test_bundled_weights_draw_different_pictures_for_different_captions():
    system = TextToImage.from_pretrained("emoji")
    sketch, flat = (
        np.mean([np.asarray(drawing.image.convert("HSV"))[..., 1].mean() for drawing in drawings])
        for drawings in (system.draw(f"{style} of a red heart", 16, 16) for style in ("a sketch", "a flat icon"))
    )
    assert flat > 2 * sketch  # mean saturation: a sketch is black and white


# ---- one way through the modules ----


def test_a_callback_may_end_any_drawing(whole):
    image = Image.new("RGB", (12, 12), "red")

    def third(i, tokens, logits):
        seen.append(i)
        if len(seen) == 3:
            raise StopDrawing("enough")

    for draw in (
        lambda: whole.draw("a circle", on_token=third),
        lambda: whole.complete(image, 1, "a circle", on_token=third),
        lambda: whole.edit(image, "as a sketch", on_token=third),
    ):
        seen: list[int] = []
        with pytest.raises(StopDrawing, match="enough"):
            draw()
        assert seen == list(range(seen[0], seen[0] + 3))


def test_a_caption_is_tokenized_once(whole, monkeypatch):
    read = []
    encode = TextTokenizer.encode
    monkeypatch.setattr(TextTokenizer, "encode", lambda self, captions: read.append(captions) or encode(self, captions))
    whole.draw("a red circle", images=2, candidates=40)  # two batches, and a CLIP that ranks them
    whole.edit(Image.new("RGB", (12, 12)), "as a sketch", candidates=40)
    assert [len(captions) for captions in read] == [1, 1]


def test_a_clip_with_other_text_tokens_reads_the_caption_itself(whole):
    words = TextTokenizer.train(["circle red a"], 262, 20)
    torch.manual_seed(2)
    clip = CLIP(CLIPConfig(words.vocab_size, 20, 0, 12, 2, (16,), 32, 1, 2, 8), words)
    other = TextToImage(whole.dvae, whole.dalle, whole.tokenizer, clip)
    drawings = other.draw("a red circle", images=3, candidates=3)
    pixels = other.dvae.decode(torch.stack([drawing.tokens for drawing in drawings]))
    scores = torch.tensor([drawing.score for drawing in drawings])
    torch.testing.assert_close(scores, clip.score(pixels, ["a red circle"] * 3), atol=1e-5, rtol=0)
    tokens = torch.stack([drawing.tokens.flatten() for drawing in drawings])
    torch.testing.assert_close(other.scores("a red circle", tokens, pixels), scores, atol=1e-5, rtol=0)


def test_nothing_is_read_from_disk_while_it_draws(whole, monkeypatch):
    monkeypatch.setattr("builtins.open", lambda *_, **__: pytest.fail("a file was opened"))
    monkeypatch.setattr("pathlib.Path.is_file", lambda self: pytest.fail(f"{self} was asked for"))
    assert len(whole.draw("a red circle", images=2, candidates=2)) == 2


def test_a_caption_goes_one_way_to_its_picture(tmp_path):
    """From the command to the PNG, the weights once loaded: few modules are entered again after they were left."""
    script = str(Path(__file__).with_name("way.py"))
    command = [sys.executable, script, str(save_tiny(tmp_path / "whole")), str(tmp_path / "grid.png")]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr
    way = json.loads(done.stdout.splitlines()[-1])
    again = len(way) - len(set(way))
    assert {"dalle_lessons.model.tokenizer", "dalle_lessons.pipeline.provenance"} <= set(way)  # it does look
    assert way.count("dalle_lessons.model.tokenizer") == 1
    assert again <= 4, " -> ".join(name.removeprefix("dalle_lessons.") for name in way)
