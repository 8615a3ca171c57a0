"""Editing: captions, the taller model, what is given stays, and many files at once."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from dalle_lessons import TextToImage
from dalle_lessons.cli import main
from dalle_lessons.datasets import Pairs
from dalle_lessons.datasets.emoji import STYLES, emoji, style_pairs
from dalle_lessons.model.dalle import DALLE, DALLEConfig
from dalle_lessons.model.dvae import DVAE, DVAEConfig
from dalle_lessons.model.editing import edit_caption, edit_nll, extend_rows, read_instruction, sample_target
from dalle_lessons.model.tokenizer import TextTokenizer
from dalle_lessons.pipeline.image_files import names_of
from dalle_lessons.training.objectives.edit import EditObjective
from dalle_lessons.training.presets import EDIT_PRESETS
from dalle_lessons.training.tokens import joint_views


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A whole system of small untrained models, the edit model among them."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights")
    tokenizer = TextTokenizer.train(["a red circle", edit_caption("a sketch")], 300, 16)
    DVAE(DVAEConfig(codes=16, code_dim=8, widths=(16, 16), patch=2, blocks=1)).save_pretrained(folder / "dvae")
    config = DALLEConfig(vocab_size=tokenizer.vocab_size, text_length=16, rows=3, cols=3, codes=16, width=32, layers=2)
    dalle = DALLE(config)
    torch.nn.init.normal_(dalle.image_head.weight, std=0.3)
    dalle.save_pretrained(folder / "dalle")
    tokenizer.save(folder / "dalle" / "tokenizer.json")
    extend_rows(dalle, 40).save_pretrained(folder / "edit")
    return folder


@pytest.fixture(scope="module")
def system(folder):
    return TextToImage.from_pretrained(folder)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("as a sketch", "the exact same thing on the top as a sketch on the bottom"),
        ("  As  a sketch ", "the exact same thing on the top as a sketch on the bottom"),
        ("a cat face as a flat icon", "the exact same cat face on the top as a flat icon on the bottom"),
        ("the cat as a cartoon", "the exact same cat on the top as a cartoon on the bottom"),
        ("an owl as drawn as a sketch", "the exact same owl as drawn on the top as a sketch on the bottom"),
        (edit_caption("a sketch", "cat"), edit_caption("a sketch", "cat")),
    ],
)
def test_instructions_become_captions(said, meant):
    assert read_instruction(said) == meant


@pytest.mark.parametrize("said", ["", "sketch", "as", "as ", "a basket", "cat as"])
def test_instructions_without_a_style_are_refused(said):
    with pytest.raises(ValueError, match="Say as what"):
        read_instruction(said)


def test_the_taller_model_starts_as_the_old_one(system):
    """With the lower rows' positions equal to the upper ones, the first half is foreseen exactly as before."""
    old = system.dalle
    tall = extend_rows(old, 16).eval()
    text, tokens = torch.randint(1, 20, (2, 16)), torch.randint(0, 16, (2, 18))
    with torch.no_grad():
        torch.testing.assert_close(tall(text, tokens)[1][:, :9], old(text, tokens[:, :9])[1])
    assert tall.config == replace(old.config, rows=6)
    with pytest.raises(ValueError, match="at least 16 text tokens"):
        extend_rows(old, 15)


def test_nats_of_the_bottom_are_those_of_the_whole_model(system):
    text, tokens = torch.randint(1, 20, (3, 40)), torch.randint(0, 16, (3, 18))
    with torch.no_grad():
        nats, right = edit_nll(system.editor, text, tokens)
        logits = system.editor(text, tokens)[1][:, 9:]
    for b in range(3):
        for i in range(9):
            expected = -float(logits[b, i].log_softmax(-1)[tokens[b, 9 + i]])
            assert float(nats[b, i]) == pytest.approx(expected, abs=1e-5)
            assert bool(right[b, i]) == (int(logits[b, i].argmax()) == int(tokens[b, 9 + i]))


def test_the_drawn_half_follows_from_the_given_one(system):
    text = torch.randint(1, 20, (1, 40)).expand(4, -1)
    one, other = torch.zeros(4, 9, dtype=torch.int64), torch.full((4, 9), 7)
    a, scores = sample_target(system.editor, text, one, seed=1)
    b, _ = sample_target(system.editor, text, other, seed=1)
    assert a.shape == (4, 9) and scores.shape == (4,) and not a.equal(b)
    nats, _ = edit_nll(system.editor, text, torch.cat((one, a), dim=1))
    torch.testing.assert_close(scores, -nats.mean(dim=1))


def test_edit_draws_best_first_and_repeats(system):
    image = Image.new("RGB", (50, 20), "red")
    drawings = system.edit(image, "as a sketch", images=5, candidates=40, seed=2)
    assert len(drawings) == 5 and drawings[0].image.size == (12, 12) and drawings[0].tokens.shape == (3, 3)
    scores = [drawing.score for drawing in drawings]
    assert scores == sorted(scores, reverse=True)
    assert drawings[0].caption == edit_caption("a sketch")
    everything = system.edit(image, "as a sketch", images=40, candidates=40, seed=2)
    assert sorted(d.index for d in everything) == list(range(40)) and scores == [d.score for d in everything[:5]]


def test_edit_says_what_is_wrong(system, folder, tmp_path):
    image = Image.new("RGB", (5, 5))
    with pytest.raises(ValueError, match="at least 1 image"):
        system.edit(image, "as a sketch", images=3, candidates=2)
    with pytest.raises(ValueError, match="too long"):
        system.edit(image, "as " + "very " * 60 + "long words")
    with pytest.raises(ValueError, match="no edit model"):
        TextToImage(system.dvae, system.dalle, system.tokenizer).edit(image, "as a sketch")
    strange = DALLE(replace(system.editor.config, codes=17))
    with pytest.raises(ValueError, match="does not fit"):
        TextToImage(system.dvae, system.dalle, system.tokenizer, None, strange)


def few_emoji() -> Pairs:
    pairs = emoji("train")
    keep = [i for i, row in enumerate(pairs.metadata) if row["base_hexcode"] in ("1F44B", "1F600")]
    return pairs.subset(keep)


def test_partners_show_the_same_emoji_and_nothing_held_out():
    pairs = emoji("train")
    couples, weights = style_pairs(pairs)
    for a, b in couples[:: len(couples) // 500].tolist():
        assert pairs.metadata[a]["hexcode"] == pairs.metadata[b]["hexcode"]
        assert {pairs.metadata[a]["split"], pairs.metadata[b]["split"]} == {"train"}
    assert len(couples.unique(dim=0)) == len(couples) == len(weights)
    kinds = {(pairs.metadata[a]["style"], pairs.metadata[b]["style"]) for a, b in couples.tolist()}
    assert kinds == {(a, b) for a in STYLES for b in STYLES}
    same = couples[:, 0] == couples[:, 1]
    assert float(weights[same].sum()) < float(weights[~same].sum()) / 8


def test_copies_are_moved_alike(system):
    pictures = torch.randint(0, 256, (1, 3, 12, 12), dtype=torch.uint8).expand(5, -1, -1, -1)
    torch.manual_seed(0)
    token_views = joint_views(system.dvae, pictures, 3, 2)
    assert token_views.shape == (4, 5, 9)
    assert (token_views == token_views[:, :1]).all()  # equal pictures stay equal in every copy
    assert len(token_views[:, 0].unique(dim=0)) > 1  # and the copies differ


def test_the_left_out_pair_is_never_trained(monkeypatch):
    """One step's loss sees only trained pairs, and captions that name the style of the lower half."""
    torch.manual_seed(0)
    pairs = few_emoji()
    tokenizer = TextTokenizer.train([edit_caption("a sketch")], 300, 40)
    dvae = DVAE(DVAEConfig(codes=16, code_dim=8, widths=(8, 8, 8), patch=4, blocks=0))
    rows = 64 // dvae.config.factor
    start = DALLE(DALLEConfig(tokenizer.vocab_size, 20, rows, rows, 16, 16, 1, 2))
    preset = replace(EDIT_PRESETS["emoji"], text_length=40, num_views=0, max_token_noise=1.0)
    objective = EditObjective(preset, dvae, start, tokenizer)
    model = objective.build(pairs)
    trained = {(objective.styles[a], objective.styles[b]) for a, b in objective.couples.tolist()}
    assert trained == {(a, b) for a in STYLES for b in STYLES} - {preset.left_out}
    by_index = {
        tuple(dvae.encode(p[None].float() / 255).flatten().tolist()): r
        for p, r in zip(pairs.pictures, pairs.metadata, strict=True)
    }
    seen, kept = [], []

    def look(model, text, tokens, input_tokens):
        half = tokens.shape[1] // 2
        assert torch.equal(input_tokens[:, :half], tokens[:, :half]), "what is given is shown as it is"
        kept.append((input_tokens[:, half:] == tokens[:, half:]).float().mean().item())
        for words, row in zip(tokenizer.decode(text), tokens.tolist(), strict=True):
            top, bottom = by_index[tuple(row[:half])]["style"], by_index[tuple(row[half:])]["style"]
            seen.append((top, bottom))
            assert len(by_index) < len(pairs) or bottom in words
        return torch.zeros(len(text), half, requires_grad=True), torch.zeros(len(text), half, dtype=torch.bool)

    monkeypatch.setattr("dalle_lessons.training.objectives.edit.edit_nll", look)
    for _ in range(20):
        assert set(objective.loss(model, random.Random(0), 0.0)) == {"total", "right"}
    assert preset.left_out not in seen and len(set(seen)) > 4
    assert 0.3 < sum(kept) / len(kept) < 0.9


def test_names_are_kept_and_never_shared():
    originals = [Path(p) for p in ("a/cat.jpg", "b/CAT.png", "cat.gif", "dog.png", "cat-2.png", ".hidden")]
    assert names_of(originals) == ["cat.png", "CAT-2.png", "cat-3.png", "dog.png", "cat-2-2.png", ".hidden.png"]


# ---- the command ----------------------------------------------------------------------------------------------------


def test_one_bad_file_does_not_stop_the_others(folder, tmp_path):
    good = tmp_path / "in"
    good.mkdir()
    Image.new("RGB", (9, 30), "blue").save(good / "blue.jpg")
    Image.new("CMYK", (9, 9)).save(good / "print.tiff")
    Image.new("RGBA", (9, 9), (0, 0, 0, 0)).save(good / "clear.png")
    Image.new("P", (9, 9)).save(good / "palette.gif")
    Image.new("I;16", (9, 9), 40000).save(good / "deep.png")
    frames = [Image.new("RGB", (8, 8), c) for c in ("red", "green")]
    frames[0].save(good / "moving.gif", save_all=True, append_images=frames[1:])
    bad = {"empty.png": b"", "text.png": b"hello", "half.png": (good / "clear.png").read_bytes()[:40]}
    for name, content in bad.items():
        (good / name).write_bytes(content)
    Image.new("1", (20000, 10000)).save(good / "bomb.png")
    files = sorted(str(p) for p in good.iterdir()) + [str(good / "missing.png")]
    out = tmp_path / "out"
    words = [
        "edit",
        "as a sketch",
        *files,
        "--out-dir",
        str(out),
        "--model",
        str(folder),
        "--candidates",
        "2",
        "--json",
    ]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1 and "Traceback" not in result.output
    complaints = result.stderr.splitlines()
    assert len(complaints) == 5 and all(line.startswith(str(good)) for line in complaints)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert {Path(line["path"]).name for line in lines} == {
        *("blue.png", "print.png", "clear.png", "palette.png", "deep.png", "moving.png")
    }
    assert all(Image.open(line["path"]).size == (12, 12) for line in lines)
    assert {path.name for path in out.iterdir()} == {Path(line["path"]).name for line in lines}


def test_the_originals_are_never_overwritten(folder, tmp_path):
    picture = tmp_path / "cat.png"
    Image.new("RGB", (9, 9), "red").save(picture)
    before = picture.read_bytes()
    words = ["edit", "as a sketch", str(picture), "--out-dir", str(tmp_path), "--model", str(folder)]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1 and "another --out-dir" in result.output
    assert picture.read_bytes() == before


def test_an_instruction_without_a_style_is_one_sentence(tmp_path):
    result = CliRunner().invoke(main, ["edit", "sketch", "a.png", "b.png", "--out-dir", str(tmp_path)])
    assert result.exit_code == 1 and result.output.count("Say as what") == 1


def test_only_emoji_can_be_edited(tmp_path):
    for data, sentence in ((tmp_path, "emoji world alone"), ("shapes", "train with --data emoji")):
        command = ["train", "edit", "--data", str(data), "--preset", "emoji", "--out", str(tmp_path / "out")]
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 1 and sentence in result.output and not (tmp_path / "out").exists()
