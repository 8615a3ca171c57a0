"""What the models learn from: batches, pictures moved and mirrored, a tokenizer that fits, a folder of one's own."""

import random
from dataclasses import replace

import pytest
import torch
from PIL import Image
from torch.testing import assert_close

from dalle_lessons import TextToImage
from dalle_lessons.datasets import Pairs
from dalle_lessons.datasets.emoji import emoji
from dalle_lessons.datasets.shapes import shapes
from dalle_lessons.model.dalle import DALLE
from dalle_lessons.model.dvae import DVAE, DVAEConfig
from dalle_lessons.model.tokenizer import TextTokenizer
from dalle_lessons.training import run
from dalle_lessons.training.augment import mix_channels, random_affine, random_erasing, random_shift, vary
from dalle_lessons.training.batches import sample_grouped, sample_indices, sample_other_style
from dalle_lessons.training.objectives.clip import make_clip, sample_negatives
from dalle_lessons.training.objectives.dalle import dalle_loss_of, make_dalle
from dalle_lessons.training.presets import CLIP_PRESETS, DALLE_PRESETS
from dalle_lessons.training.run import train_model
from dalle_lessons.training.token_noise import corrupt_tokens
from dalle_lessons.training.tokens import shifted_views, tokenize, train_tokenizer


def pairs_of(count: int, side: int = 8) -> Pairs:
    pictures = torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8)
    return Pairs(pictures, torch.ones(count), lambda i, rng: f"picture {i}")


def test_indices_are_drawn_by_weight():
    torch.manual_seed(0)
    drawn = sample_indices(torch.tensor([1.0, 0.0, 3.0]), 4000)
    share = torch.bincount(drawn, minlength=3) / 4000
    assert share[1] == 0 and share[2].item() == pytest.approx(0.75, abs=0.03)


def test_pictures_move_on_white_and_keep_their_colors():
    images = torch.zeros(50, 3, 8, 8)
    torch.manual_seed(0)
    moved = random_shift(images, 2)
    assert moved.shape == images.shape and set(moved.unique().tolist()) == {0.0, 1.0}
    black = (moved == 0).all(1).sum((1, 2))
    assert black.min() == 36 and black.max() == 64  # moved by at most two pixels each way
    assert torch.equal(random_shift(images, 0), images)


def test_pictures_vary_in_brightness_and_contrast_and_stay_pictures():
    images = torch.rand(40, 3, 8, 8)
    torch.manual_seed(0)
    varied = vary(images, shift=0, color_jitter=0.2)
    assert varied.min() >= 0 and varied.max() <= 1
    change = (varied - images).abs().flatten(1).max(dim=1).values
    assert 0.02 < change.mean() < 0.2 and change.max() <= 0.2
    assert torch.equal(vary(images, 0, 0.0), images)


def test_pictures_grow_and_shrink_on_white_about_their_middle():
    images = torch.ones(60, 3, 16, 16)
    images[:, :, 4:12, 4:12] = 0.0
    torch.manual_seed(0)
    resized = random_affine(images, 0.25)
    ink = (1 - resized).sum((1, 2, 3)) / 3
    assert 64 / 1.25**2 - 2 < ink.min() < 50 and 90 < ink.max() < 64 / 0.75**2 + 2
    assert resized[:, :, 0].min() == 1.0 and (resized - resized.flip(2, 3)).abs().max() < 1e-4
    assert torch.equal(random_affine(images, 0.0), images)


def test_pictures_are_turned_and_slanted_about_their_middle():
    images = torch.ones(60, 3, 16, 16)
    images[:, :, 4:12, 4:12] = 0.0
    torch.manual_seed(0)
    slanted = random_affine(images, 0.0, 0.2)
    turned = (slanted - slanted.rot90(2, (2, 3))).abs().amax((1, 2, 3))
    mirrored = (slanted - slanted.flip(3)).abs().amax((1, 2, 3))
    assert turned.max() < 1e-4 and (mirrored > 0.05).float().mean() > 0.9
    area = (1 - slanted).mean(1).sum((1, 2)) / 64
    assert 1 / (1.2**2 + 0.2**2) - 0.05 < area.min() and area.max() < 1 / (0.8**2 - 0.2**2) + 0.05
    assert torch.equal(random_affine(images, 0.0, 0.0), images)


def test_tints_change_colors_and_leave_grays():
    torch.manual_seed(0)
    grays = torch.rand(1, 1, 4, 4).expand(30, 3, 4, 4).contiguous()
    assert_close(mix_channels(grays, 0.2), grays)
    red = torch.zeros(30, 3, 2, 2)
    red[:, 0] = 1.0
    tinted = mix_channels(red, 0.2)
    assert 0.0 <= tinted.min() and tinted.max() <= 1.0
    assert tinted[:, 0].min() > 0.5 and 0.05 < tinted[:, 1:].max() < 0.4
    assert torch.equal(mix_channels(red, 0.0), red)


def test_some_pictures_are_covered_by_a_rectangle_of_one_color():
    torch.manual_seed(0)
    images = torch.full((400, 3, 20, 20), 0.123)
    covered = random_erasing(images, 0.5)
    changed = (covered != images).any(1)  # (B, 20, 20)
    assert 0.4 < changed.any(2).any(1).float().mean() < 0.55
    assert changed.sum((1, 2)).max() <= 9 * 9
    colors = [picture[:, spot].unique(dim=1) for picture, spot in zip(covered, changed, strict=True) if spot.any()]
    assert all(color.shape[1] == 1 for color in colors), "one color each"
    assert 0.35 < torch.tensor([float(color.min() == 1.0) for color in colors]).mean() < 0.65
    rows, cols = changed.any(2), changed.any(1)  # a rectangle is all of its rows times all of its columns
    assert torch.equal(changed, rows[:, :, None] & cols[:, None, :])
    assert torch.equal(random_erasing(images, 0.0), images)


def test_a_sibling_shows_the_same_thing_in_another_picture():
    weights, things = torch.tensor([1.0, 3.0, 1.0, 0.0, 2.0]), torch.tensor([7, 7, 7, 8, 8])
    torch.manual_seed(0)
    first = torch.tensor([0] * 2000 + [4] * 50)
    other = sample_other_style(weights, things, first)
    assert set(other[:2000].tolist()) == {1, 2} and (other[:2000] == 1).float().mean().item() == pytest.approx(
        0.75, abs=0.03
    )
    assert (other[2000:] == 4).all(), "the only other picture of it has no weight"


def test_clip_sees_each_thing_in_two_styles():
    """Half of the batch are the other half's siblings: the captions that it is asked about are of the same emoji."""
    train = emoji("train")
    few = [i for i, row in enumerate(train.metadata) if row["subgroup"] in ("cat-face", "animal-bird")]
    rows = [train.metadata[i] for i in few]
    asked = []

    def caption(index, rng):
        asked.append(index)
        return train.caption(few[index], None)

    pairs = Pairs(train.pictures[few], train.weights[few], caption, rows)
    preset = CLIP_PRESETS["emoji_style_pairs"]
    preset = replace(preset, train_config=replace(preset.train_config, batch=16))
    tokenizer = train_tokenizer(pairs, DALLE_PRESETS["emoji"], 0)
    model, loss_fn = make_clip(pairs, preset, DVAE.from_pretrained("emoji"), tokenizer)
    asked.clear()
    assert torch.isfinite(loss_fn(model, random.Random(0), 0.0)["total"])
    things = [(rows[i]["base_hexcode"], rows[i]["skin_tone"]) for i in asked]
    assert len(asked) == 16 and things[:8] == things[8:]
    assert all(rows[a]["style"] != rows[b]["style"] for a, b in zip(asked[:8], asked[8:], strict=True) if a != b)


def test_faulty_drawings_are_wrong_answers_for_the_captions_that_they_were_drawn_for():
    """Drawn for training captions, different from the true picture, and given to the loss beside the batch."""
    train = emoji("train")
    some = torch.arange(0, 1200, 20)
    pairs = Pairs(train.pictures[some], torch.ones(len(some)), lambda i, rng: train.caption(int(some[i]), None))
    pairs.metadata = [train.metadata[i] for i in some.tolist()]
    system = TextToImage.from_pretrained("emoji")
    tokens = tokenize(system.dvae, pairs.pictures)
    drawn_for, drawn = sample_negatives(system.dalle, system.tokenizer, pairs, tokens, torch.arange(60))
    assert 5 < len(drawn_for) == len(drawn) <= 60 and drawn.shape[1] == tokens.shape[1]
    differs = (drawn != tokens[drawn_for]).float().mean(dim=1)
    assert differs.min() > 0.3 and differs.mean() < 0.99, "faulty, not of nothing"

    preset = CLIP_PRESETS["emoji_negatives"]
    preset = replace(preset, faulty=60, train_config=replace(preset.train_config, batch=32))
    model, loss_fn = make_clip(pairs, preset, system.dvae, system.tokenizer, system.dalle)
    given = []
    model.loss = lambda images, text, same, faulty: given.append(faulty) or {"total": torch.zeros(())}
    for _ in range(3):
        loss_fn(model, random.Random(0), 0.0)
    assert all(faulty is not None and faulty.shape[1:] == (3, 64, 64) for faulty in given)
    assert min(float(faulty.min()) for faulty in given) >= 0 and max(float(faulty.max()) for faulty in given) <= 1


def test_clip_goes_on_to_faulty_drawings_from_a_folder_that_holds_a_clip_alone(tmp_path, monkeypatch):
    """As from `--preset emoji_style_pairs --out FOLDER`: DALL·E, which draws the faulty pictures, is the world's own."""
    train = emoji("train")
    few = range(0, 600, 10)
    pairs = Pairs(
        train.pictures[list(few)],
        train.weights[list(few)],
        lambda i, rng: train.caption(few[i], rng),
        [train.metadata[i] for i in few],
    )
    monkeypatch.setattr(run, "load", lambda data, size: pairs)
    TextToImage.from_pretrained("emoji").clip.save_pretrained(tmp_path / "clip")
    options = {"steps": 1, "batch": 16, "precision": "float32", "progress": False}
    trainer = train_model("clip", "emoji", "emoji_negatives", tmp_path / "out", start=str(tmp_path / "clip"), **options)
    assert trainer.step == 1 and (tmp_path / "out" / "model.safetensors").exists()


def test_kin_come_in_groups_by_weight():
    weights, groups = torch.tensor([1.0, 1.0, 0.0, 5.0, 1.0]), torch.tensor([0, 0, 0, 1, 1])
    torch.manual_seed(0)
    drawn = sample_grouped(weights, groups, 4000, 4)
    assert drawn.shape == (4000,) and (drawn != 2).all()
    assert all(len(groups[some].unique()) == 1 for some in drawn.split(4))
    assert (groups[drawn] == 1).float().mean().item() == pytest.approx(6 / 8, abs=0.05)


def test_clip_sees_rare_pictures_more_often_with_less_than_full_weights():
    dvae = DVAE(DVAEConfig.shapes()).eval()
    two = shapes("train", 2)
    asked = []

    def caption(index, rng):
        asked.append(index)
        return f"picture {index}"

    pairs = Pairs(two.pictures, torch.tensor([1.0, 0.01]), caption)
    preset = CLIP_PRESETS["shapes"]
    tokenizer = train_tokenizer(pairs, DALLE_PRESETS["shapes"], 0)
    shares = {}
    for sampling_exponent in (1.0, 0.5):
        model, loss_fn = make_clip(pairs, replace(preset, sampling_exponent=sampling_exponent), dvae, tokenizer)
        asked.clear()
        for _ in range(8):
            with torch.no_grad():
                loss_fn(model.eval(), random.Random(0), 0.0)
        shares[sampling_exponent] = sum(asked) / len(asked)
    assert shares[1.0] == pytest.approx(0.01 / 1.01, abs=0.01)
    assert shares[0.5] == pytest.approx(0.1 / 1.1, abs=0.03)


def test_tokens_of_many_pictures_are_those_of_each():
    dvae = DVAE(DVAEConfig(codes=16, code_dim=8, widths=(16, 16), patch=2, blocks=1)).eval()
    pictures = pairs_of(10).pictures
    tokens = tokenize(dvae, pictures, batch=4)
    assert tokens.shape == (10, 4)
    assert torch.equal(tokens[7], dvae.encode(pictures[7:8].float() / 255).flatten())


def test_moved_pictures_give_other_tokens_and_the_last_steps_see_none_of_them():
    dvae = DVAE(DVAEConfig.shapes()).eval()
    pairs = shapes("train", 32)
    torch.manual_seed(0)
    token_views = shifted_views(dvae, pairs.pictures, num_views=2, shift=3)
    assert token_views.shape == (3, 32, 64)
    assert torch.equal(token_views[0], tokenize(dvae, pairs.pictures))
    assert (token_views[1] != token_views[0]).any() and (token_views[2] != token_views[1]).any()

    preset = replace(DALLE_PRESETS["shapes"], num_views=2)
    seen = []

    class Listener:
        training = False

        def loss(self, text, tokens, fed):
            seen.append(tokens)
            assert fed is None

    tokenizer = train_tokenizer(pairs, preset, variations=1)
    loss_fn = dalle_loss_of(pairs, token_views, tokenizer, preset)
    loss_fn(Listener(), random.Random(0), 0.0)
    loss_fn(Listener(), random.Random(0), preset.augment_until)
    in_place = {tuple(row) for row in token_views[0].tolist()}
    among = [sum(tuple(row) in in_place for row in tokens.tolist()) for tokens in seen]
    assert among[0] < among[1] == preset.train_config.batch


def test_of_each_row_a_part_up_to_the_share_is_the_others():
    tokens, others = torch.zeros(400, 100, dtype=torch.int64), torch.ones(400, 100, dtype=torch.int64)
    torch.manual_seed(0)
    parts = corrupt_tokens(tokens, others, 0.5).float().mean(dim=1)
    assert parts.mean().item() == pytest.approx(0.25, abs=0.02)
    assert parts.min() < 0.02 and 0.45 < parts.max() < 0.65
    assert torch.equal(corrupt_tokens(tokens, others, 0.0), tokens)


def test_dalle_is_shown_spoilt_tokens_and_asked_for_the_true_ones():
    pairs, preset = pairs_of(8), replace(DALLE_PRESETS["shapes"], max_token_noise=1.0)
    token_views = torch.arange(8)[None, :, None].repeat(1, 1, 64)  # each picture has a token of its own
    shown, asked = [], []

    class Listener:
        training = False

        def loss(self, text, tokens, fed):
            asked.append(tokens)
            shown.append(fed)

    loss_fn = dalle_loss_of(pairs, token_views, train_tokenizer(pairs, preset, 0), preset)
    torch.manual_seed(0)
    loss_fn(Listener(), random.Random(0), 0.0)
    assert (asked[0] == asked[0][:, :1]).all()
    kept = (shown[0] == asked[0]).float().mean().item()
    assert kept == pytest.approx(1 - 0.5 * 7 / 8, abs=0.12)  # of eight pictures, one in eight others is the same
    loss_fn(Listener(), random.Random(0), preset.augment_until)
    assert shown[1] is None, "at the end tokens are shown as they are"


def test_dalle_takes_its_sizes_from_dvae_and_captions():
    dvae = DVAE(DVAEConfig.shapes()).eval()
    pairs = shapes("train", 64)
    dalle, tokenizer, loss_fn = make_dalle(pairs, DALLE_PRESETS["shapes"], dvae)
    c = dalle.config
    assert (c.rows, c.cols, c.codes) == (8, 8, dvae.config.codes) and c.vocab_size == tokenizer.vocab_size
    torch.nn.init.zeros_(dalle.image_head.weight)  # all codes alike: the loss is ln(codes) to the last digits
    parts = loss_fn(dalle, random.Random(0), 0.0)
    assert parts["image"].item() == pytest.approx(torch.tensor(float(c.codes)).log().item(), rel=1e-5)


def test_a_caption_that_grew_too_long_falls_back_to_the_full_one():
    texts = []

    class Spy(TextTokenizer):
        def encode(self, captions, dropout=0.0):
            texts.extend(captions)
            return super().encode(captions, dropout)

    spy = Spy(TextTokenizer.train(["a cat"], 300, 6).tokenizer, 6)
    pairs = replace(pairs_of(4), caption=lambda i, rng: "a cat" if rng is None else "a cat " * 20)
    preset = DALLE_PRESETS["shapes"]
    config = replace(preset.config, vocab_size=spy.vocab_size, text_length=6, rows=1, cols=1, codes=4, width=8, heads=2)
    loss_fn = dalle_loss_of(pairs, torch.zeros(1, 4, 1, dtype=torch.int64), spy, preset)
    loss_fn(DALLE(config), random.Random(0), 0.0)
    assert set(texts) == {"a cat"}


def test_a_folder_of_ones_own_trains(tmp_path):
    for i, color in enumerate(("red", "blue", "green", "black")):
        Image.new("RGB", (20 + i, 30), color).save(tmp_path / f"{i}.png")
        (tmp_path / f"{i}.txt").write_text(f"a {color} picture", encoding="utf-8")
    options = {"progress": False, "steps": 2, "batch": 4}
    train_model("dvae", str(tmp_path), "shapes", tmp_path / "dvae", **options)
    trainer = train_model("dalle", str(tmp_path), "shapes", tmp_path / "dalle", tmp_path / "dvae", **options)
    assert trainer.step == 2 and (tmp_path / "dalle" / "tokenizer.json").exists()
    train_model("clip", str(tmp_path), "shapes", tmp_path / "clip", tmp_path / "dvae", **options)
    drawings = TextToImage.from_pretrained(tmp_path).draw("a red picture", images=1, candidates=2)
    assert -1 <= drawings[0].score <= 1 and drawings[0].image.size == (32, 32)


def test_training_starts_from_given_weights_and_tokenizer(tmp_path):
    options = {"progress": False, "batch": 4}
    train_model("dalle", "shapes", None, tmp_path / "on", start="shapes", steps=1, lr=0.0, muon_lr=0.0, **options)
    bundled, after = DALLE.from_pretrained("shapes"), DALLE.from_pretrained(tmp_path / "on")
    for name, tensor in bundled.state_dict().items():
        torch.testing.assert_close(after.state_dict()[name], tensor, msg=name)
    with pytest.raises(ValueError, match="another size"):
        train_model("dvae", "emoji", None, tmp_path / "x", start="shapes", steps=1, **options)


def test_the_judge_is_for_emoji_alone(tmp_path):
    with pytest.raises(ValueError, match="emoji world alone"):
        train_model("judge", str(tmp_path), "emoji", tmp_path / "judge")
