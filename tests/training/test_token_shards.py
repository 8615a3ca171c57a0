"""`dalle-lessons tokenize`: the tokens are those of the dVAE, are made once, and nothing is held in memory."""

import pytest
import torch
from click.testing import CliRunner
from tiny_shards import memory_is_told, noise, picture_bytes, resident

from dalle_lessons.cli import main
from dalle_lessons.datasets.shard_samples import open_shards
from dalle_lessons.datasets.shards import read_shards
from dalle_lessons.model.dvae import DVAE
from dalle_lessons.training import token_shards
from dalle_lessons.training.token_shards import tokenize_data


def read_all(shards):
    return [shards.decode(sample) for sample in read_shards(shards.paths, pytest.fail)]


@pytest.fixture
def pictures(make_shards):
    changes = {n: {"png": noise(n)} for n in range(9)}
    return make_shards([4, 5], changes)


def test_tokens_captions_and_fingerprint_lie_in_shards_of_the_same_names(tiny, pictures, tmp_path):
    written = tokenize_data(str(pictures), tmp_path / "tokens", tiny.dvae, batch=2)
    assert (written.shards, written.samples) == (2, 9)
    shards = open_shards(tmp_path / "tokens", 64)
    assert [path.name for path in shards.paths] == ["00000.tar", "00001.tar"]
    known = shards.tokens
    assert (known.rows, known.cols, known.codes, known.dvae) == (4, 4, 16, tiny.dvae.fingerprint())
    seen = read_all(open_shards(pictures, 64))
    for (picture, caption), (tokens, same) in zip(seen, read_all(shards), strict=True):
        assert same == caption and tokens.equal(tiny.dvae.encode(picture[None] / 255)[0])
    assert len({tuple(tokens.flatten().tolist()) for tokens, _ in read_all(shards)}) > 1


def test_a_folder_and_a_bundled_world_are_tokenized_too(tiny, tmp_path, monkeypatch):
    for i in range(5):
        (tmp_path / f"{i}.png").write_bytes(picture_bytes((40 * i, 0, 0)))
        (tmp_path / f"{i}.txt").write_text(f"picture {i}", encoding="utf-8")
    (tmp_path / "3.png").write_bytes(b"x")
    written = tokenize_data(str(tmp_path), tmp_path / "tokens", tiny.dvae, per_shard=2)
    assert (written.shards, written.samples, written.skipped) == (3, 4, 1) and "3.png" in written.trouble
    captions = [caption for _, caption in read_all(open_shards(tmp_path / "tokens", 64))]
    assert captions == [f"picture {i}" for i in (0, 1, 2, 4)]
    monkeypatch.setattr(token_shards, "load", lambda name: tiny.pairs)
    tokenize_data("emoji", tmp_path / "emoji", tiny.dvae, per_shard=10)
    found = read_all(open_shards(tmp_path / "emoji", 64))
    assert [caption for _, caption in found] == [tiny.pairs.caption(i, None) for i in range(len(tiny.pairs))]


def test_several_processes_make_the_shards_that_one_makes(tiny, make_shards, tmp_path):
    pictures = make_shards([2, 3, 1, 2, 2])
    tokenize_data(str(pictures), tmp_path / "one", tiny.dvae)
    for rank in range(3):
        tokenize_data(str(pictures), tmp_path / "three", tiny.dvae, rank=rank, ranks=3)
    for i in range(5):
        name = f"{i:05d}.tar"
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "three" / name).read_bytes()


def test_cut_off_it_goes_on_with_the_shards_that_are_missing(tiny, pictures, tmp_path):
    tokenize_data(str(pictures), tmp_path / "tokens", tiny.dvae)
    (tmp_path / "tokens" / "00001.tar").unlink()
    written = tokenize_data(str(pictures), tmp_path / "tokens", tiny.dvae)
    assert (written.kept, written.samples) == (1, 5)
    assert str(written) == "5 samples in 1 new shards; 1 were there already"


def test_another_dvae_or_other_pictures_are_refused_where_tokens_lie(tiny, pictures, make_shards, tmp_path):
    tokenize_data(str(pictures), tmp_path / "tokens", tiny.dvae)
    torch.manual_seed(9)
    with pytest.raises(ValueError, match="another dVAE"):
        tokenize_data(str(pictures), tmp_path / "tokens", DVAE(tiny.dvae.config))
    with pytest.raises(ValueError, match="another data"):
        tokenize_data(str(make_shards([3], name="more")), tmp_path / "tokens", tiny.dvae)
    with pytest.raises(ValueError, match="image tokens already: give pictures"):
        tokenize_data(str(tmp_path / "tokens"), tmp_path / "again", tiny.dvae)
    assert not (tmp_path / "again").exists()


def test_the_command_counts_what_it_skips_and_says_if_all_is_broken(tiny, make_shards, tmp_path):
    tiny.dvae.save_pretrained(tmp_path / "dvae")
    some = make_shards([4], {1: {"png": b"x"}})
    line = ["tokenize", str(some), str(tmp_path / "tokens"), "--dvae", str(tmp_path / "dvae")]
    result = CliRunner().invoke(main, line)
    assert result.exit_code == 0 and "3 samples in 1 new shards; 1 skipped, the first: 000001 in " in result.output
    none = make_shards([2], {n: {"txt": None} for n in range(2)}, name="none")
    result = CliRunner().invoke(main, ["tokenize", str(none), str(tmp_path / "no"), "--dvae", str(tmp_path / "dvae")])
    assert result.exit_code == 1 and "Error: None of the 2 samples" in result.output
    assert result.output.count("\n") == 1 and not (tmp_path / "no").exists()


def test_the_command_computes_on_the_device_that_was_asked_for(tiny, make_shards, tmp_path, monkeypatch):
    tiny.dvae.save_pretrained(tmp_path / "dvae")
    line = ["tokenize", str(make_shards([1])), str(tmp_path / "tokens"), "--dvae", str(tmp_path / "dvae"), "--device"]
    result = CliRunner().invoke(main, [*line, "gpu"])
    assert result.exit_code == 1 and "Error: There is no device 'gpu': name one of auto" in result.output
    assert not (tmp_path / "tokens").exists()
    asked, used = [], []
    monkeypatch.setattr("dalle_lessons.model.devices.pick_device", lambda name: asked.append(name) or "meta")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(token_shards, "tokenize_data", lambda data, out, dvae, *_, **__: used.append(dvae.device.type))
    for name, value in (("WORLD_SIZE", "4"), ("RANK", "3"), ("LOCAL_RANK", "2")):
        monkeypatch.setenv(name, value)
    for name in ("cuda:1", "auto"):
        assert CliRunner().invoke(main, [*line, name]).exit_code == 0
    assert asked == ["cuda:1", "cuda:2"] and used == ["meta", "meta"], "each process takes a card of its own"


@memory_is_told
def test_two_thousand_pictures_are_tokenized_and_not_held(tiny, make_shards, tmp_path, monkeypatch):
    """Held, they would take 98 MB."""
    shards = make_shards([500] * 4, {n: {"png": picture_bytes((n % 256, 0, 0), (128, 128))} for n in range(2000)})
    measured = []
    real = DVAE.encode
    monkeypatch.setattr(DVAE, "encode", lambda self, images: (measured.append(resident()), real(self, images))[1])
    written = tokenize_data(str(shards), tmp_path / "tokens", tiny.dvae, size=128, batch=20)
    assert written.samples == 2000 and len(measured) == 100
    assert max(measured) - max(measured[:5]) < 30e6
