"""A training reads shards: the same as from memory in what it learns, what it refuses, and how it goes on."""

import csv
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file
from tiny_shards import memory_is_told, noise, picture_bytes, resident

from dalle_lessons import TextToImage
from dalle_lessons.cli import main
from dalle_lessons.datasets.shard_samples import open_shards
from dalle_lessons.datasets.shard_stream import Order, ShardStream
from dalle_lessons.model.dalle import DALLE
from dalle_lessons.model.dvae import DVAE
from dalle_lessons.training import presets
from dalle_lessons.training.objectives.dalle import DALLEObjective
from dalle_lessons.training.run import train_model
from dalle_lessons.training.shares import Batch, Share
from dalle_lessons.training.streams import next_pairs
from dalle_lessons.training.token_shards import tokenize_data

QUIET = {"progress": False}


@pytest.fixture
def pictures(make_shards):
    """Twelve pictures of noise in three shards, with captions "number 0" to "number 11"."""
    return make_shards([5, 4, 3], {n: {"png": noise(n)} for n in range(12)})


@pytest.fixture
def dvae(tiny_world, tmp_path):
    tiny_world.dvae.save_pretrained(tmp_path / "runs" / "dvae")
    return tmp_path / "runs" / "dvae"


@pytest.fixture
def tokens(pictures, dvae, tmp_path):
    tokenize_data(str(pictures), tmp_path / "tokens", DVAE.from_pretrained(dvae))
    return tmp_path / "tokens"


def weights(folder):
    return load_file(folder / "model.safetensors")


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def log_of(folder):
    with open(folder / "log.csv", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_every_model_of_a_drawing_trains_from_shards_and_they_draw(tiny_world, pictures, tmp_path):
    runs = tmp_path / "runs"
    for kind in ("dvae", "dalle", "clip"):
        assert train_model(kind, str(pictures), None, runs / kind, **QUIET).step == 3
    assert (
        DALLE.from_pretrained(runs / "dalle").config.dvae_fingerprint
        == DVAE.from_pretrained(runs / "dvae").fingerprint()
    )
    drawings = TextToImage.from_pretrained(runs).draw("number 3", images=1, candidates=2)
    assert -1 <= drawings[0].score <= 1 and drawings[0].image.size == (64, 64)


def test_tokens_train_to_the_weights_that_their_pictures_train_to(pictures, tokens, dvae, tmp_path, monkeypatch):
    train_model("dalle", str(pictures), None, tmp_path / "a", dvae=dvae, **QUIET)
    monkeypatch.setattr(DVAE, "encode", lambda *_: pytest.fail("a picture is encoded"))
    train_model("dalle", str(tokens), None, tmp_path / "b", dvae=dvae, **QUIET)
    assert equal(weights(tmp_path / "a"), weights(tmp_path / "b"))


@pytest.mark.parametrize("workers", [0, 2])
def test_cut_off_a_training_goes_on_to_the_weights_of_an_unbroken_one(tokens, dvae, tmp_path, workers):
    options = {"dvae": dvae, "steps": 7, "workers": workers, **QUIET}
    train_model("dalle", str(tokens), None, tmp_path / "whole", **options)
    stopped = train_model("dalle", str(tokens), None, tmp_path / "cut", minutes=0, **options)
    assert stopped.step == 1
    train_model("dalle", str(tokens), None, tmp_path / "cut", resume=True, minutes=0, **options)
    assert train_model("dalle", str(tokens), None, tmp_path / "cut", resume=True, **options).step == 7
    assert equal(weights(tmp_path / "whole"), weights(tmp_path / "cut"))


def test_with_other_workers_it_goes_on_with_a_new_pass(tokens, dvae, tmp_path):
    train_model("dalle", str(tokens), None, tmp_path / "dalle", dvae=dvae, minutes=0, **QUIET)
    trainer = train_model("dalle", str(tokens), None, tmp_path / "dalle", dvae=dvae, resume=True, workers=2, **QUIET)
    assert trainer.step == 3 and min(position.number for position in trainer.stream.positions) >= 1


def test_measuring_the_precision_passes_over_no_sample(tokens, dvae, tmp_path):
    trainer = train_model("dalle", str(tokens), None, tmp_path / "a", dvae=dvae, steps=1, precision="auto", **QUIET)
    assert trainer.stream.positions[0].taken == 8 and trainer.stream.positions[0].number == 0


def test_other_shards_are_refused_when_a_training_is_resumed(pictures, make_shards, tiny_world, dvae, tmp_path):
    train_model("dvae", str(pictures), None, tmp_path / "a", minutes=0, **QUIET)
    with pytest.raises(ValueError, match="other pictures or captions"):
        train_model("dvae", str(make_shards([4], name="more")), None, tmp_path / "a", resume=True, **QUIET)


def test_the_log_counts_what_is_skipped(make_shards, dvae, tmp_path):
    changes = {1: {"png": b"x"}, 2: {"txt": None}, 5: {"txt": b"word " * 40}}
    trainer = train_model("dalle", str(make_shards([12], changes)), None, tmp_path / "a", dvae=dvae, steps=9, **QUIET)
    last = log_of(tmp_path / "a")[-1]
    passes = trainer.stream.positions[0].number
    assert 2 * passes <= float(last["unreadable"]) <= 2 * passes + 2
    assert passes <= float(last["too_long"]) <= passes + 1 and passes >= 7


def test_if_nothing_can_be_learned_from_one_sentence_says_so(make_shards, dvae, tmp_path):
    broken = make_shards([3], {n: {"png": b"x"} for n in range(3)})
    result = CliRunner().invoke(main, ["train", "dvae", "--data", str(broken), "--out", str(tmp_path / "a")])
    assert result.exit_code == 1 and "Error: None of the 3 samples" in result.output
    long = make_shards([3], {n: {"txt": b"word " * 40} for n in range(3)}, "long")
    with pytest.raises(ValueError, match="None of the 3 samples.*too long for the 27 tokens of this model.$"):
        train_model("dalle", str(long), None, tmp_path / "b", dvae=dvae, **QUIET)


def test_tokens_of_another_dvae_are_refused(tokens, tiny_world, tmp_path):
    torch.manual_seed(7)
    DVAE(tiny_world.dvae.config).save_pretrained(tmp_path / "other")
    with pytest.raises(ValueError, match="another dVAE than the one taken here: name theirs with --dvae"):
        train_model("dalle", str(tokens), None, tmp_path / "a", dvae=tmp_path / "other", **QUIET)
    assert not (tmp_path / "a" / "model.safetensors").exists()


@pytest.mark.parametrize("kind", ["dvae", "clip"])
def test_models_that_need_pixels_refuse_tokens(kind, tokens, dvae, tmp_path):
    with pytest.raises(ValueError, match="holds image tokens, and .* learns from pictures"):
        train_model(kind, str(tokens), None, tmp_path / "runs" / "x", **QUIET)


def test_presets_that_move_pictures_take_pictures_and_refuse_tokens(tiny_world, pictures, tokens, dvae, monkeypatch):
    for name, changes in (("moved", {"num_views": 1}), ("turned", {"mirrored": 1.0})):
        preset = replace(tiny_world.dalle_preset, **changes)
        objective = DALLEObjective(preset, tiny_world.dvae)
        with pytest.raises(ValueError, match="moves or mirrors pictures"):
            objective.build(open_shards(tokens, 64))
        plain = DALLEObjective(tiny_world.dalle_preset, tiny_world.dvae)
        for one in (objective, plain):
            one.build(open_shards(pictures, 64))
        torch.manual_seed(0)
        captions, shown = objective.read(objective.stream, True)
        _, true = plain.read(plain.stream, True)
        assert not shown.equal(true), name
        assert all("mirrored" in caption for caption in captions) == (name == "turned")
        assert objective.read(objective.stream, False)[1].equal(plain.read(plain.stream, False)[1])


def test_weights_of_another_size_are_refused(tokens, dvae, tiny_world, tmp_path):
    train_model("dalle", str(tokens), None, tmp_path / "dalle", dvae=dvae, **QUIET)
    wide = replace(tiny_world.dalle_preset, config=replace(tiny_world.dalle_preset.config, width=32))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(presets.PRESETS["dalle"], "emoji", wide)
        with pytest.raises(ValueError, match="another size"):
            train_model("dalle", str(tokens), None, tmp_path / "b", dvae=dvae, start=tmp_path / "dalle", **QUIET)


def test_a_batch_of_a_stream_is_this_processs_own_and_is_divided_no_further():
    rows = {"tokens": torch.arange(6)}
    own = Batch(rows, ranks=3)  # six of eighteen
    assert [own.part(Share(i, 3)).rows["tokens"].tolist() for i in range(3)] == [list(range(6))] * 3
    assert [own.part(Share(i, 6)).rows["tokens"].tolist() for i in (2, 3)] == [[0, 1, 2], [3, 4, 5]]
    assert Batch(rows).part(Share(2, 3)).rows["tokens"].tolist() == [4, 5]


@memory_is_told
def test_two_thousand_pictures_stream_by_and_are_not_held(make_shards):
    """Held, they would take 98 MB."""
    shards = make_shards([500] * 4, {n: {"png": picture_bytes((n % 256, 0, 0), (128, 128))} for n in range(2000)})
    stream = ShardStream(Order(open_shards(shards, 128), 50, 0))
    measured = [(next_pairs(stream), resident())[1] for _ in range(40)]
    assert stream.positions[0].number == 0
    assert max(measured) - max(measured[:3]) < 30e6
