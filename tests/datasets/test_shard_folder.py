"""`dalle-lessons shards`: a folder becomes tar files that hold the same pictures and captions."""

import io
import shutil

import pytest
from click.testing import CliRunner
from PIL import Image

from dalle_lessons.cli import main
from dalle_lessons.datasets import shard_folder
from dalle_lessons.datasets.folder import folder
from dalle_lessons.datasets.shard_folder import write_folder
from dalle_lessons.datasets.shard_samples import open_shards
from dalle_lessons.datasets.shards import read_shards, shard_paths


@pytest.fixture
def pictures(tmp_path):
    """Seven pictures of several kinds, one of them with two captions."""
    place = tmp_path / "pictures"
    place.mkdir()
    lines = ["file,caption"]
    for i, ending in enumerate(("png", "jpg", "webp", "gif", "bmp", "JPEG", "png")):
        Image.new("RGB", (20, 10 + i), (30 * i, 0, 0)).save(place / f"{i}.{ending}")
        lines.append(f"{i}.{ending},picture {i}")
    (place / "captions.csv").write_text("\n".join([*lines, "0.png,the first one"]) + "\n", encoding="utf-8")
    return place


def test_the_shards_hold_the_folder_and_train_sees_the_same_pixels(pictures, tmp_path):
    written = write_folder(pictures, tmp_path / "out", per_shard=3)
    assert (written.shards, written.samples, written.skipped) == (3, 8, 0)
    shards = open_shards(tmp_path / "out", 16)
    assert [path.name for path in shards.paths] == ["00000.tar", "00001.tar", "00002.tar"]
    samples = list(read_shards(shards.paths, pytest.fail))
    found = {caption: picture for picture, caption in map(shards.decode, samples)}
    pairs = folder(pictures, 16)
    assert [sample["txt"].decode() for sample in samples] != [pairs.caption(i, None) for i in range(8)]  # shuffled
    assert len(found) == len(pairs)
    for i in range(len(pairs)):
        assert found[pairs.caption(i, None)].equal(pairs.pictures[i])


def test_pictures_keep_their_bytes_or_are_made_square(pictures, tmp_path):
    write_folder(pictures, tmp_path / "out")
    kept = {sample["txt"]: sample for sample in read_shards(shard_paths(tmp_path / "out"), pytest.fail)}
    assert kept[b"picture 1"]["jpg"] == (pictures / "1.jpg").read_bytes()
    assert "png" in kept[b"picture 3"]  # a GIF
    write_folder(pictures, tmp_path / "small", size=8)
    for sample in read_shards(shard_paths(tmp_path / "small"), pytest.fail):
        assert Image.open(io.BytesIO(sample["png"])).size == (8, 8)


def test_what_cannot_be_read_is_left_out_counted_and_named(pictures, tmp_path):
    (pictures / "1.jpg").write_bytes(b"no picture")
    result = CliRunner().invoke(main, ["shards", str(pictures), str(tmp_path / "out")])
    assert result.exit_code == 0
    assert "7 samples in 1 new shards; 1 skipped, the first: " in result.output and "1.jpg" in result.output


def test_cut_off_it_goes_on_to_the_same_shards(pictures, tmp_path, monkeypatch):
    whole, out = tmp_path / "whole", tmp_path / "out"
    write_folder(pictures, whole, per_shard=3)
    real, begun = shard_folder.write_shard, []

    def cut_off(path, samples):
        begun.append(path)
        return real(path, samples if len(begun) < 2 else [1 / 0])

    with monkeypatch.context() as patch:
        patch.setattr(shard_folder, "write_shard", cut_off)
        with pytest.raises(ZeroDivisionError):
            write_folder(pictures, out, per_shard=3)
    assert [path.name for path in out.glob("*.tar")] == ["00000.tar"]
    written = write_folder(pictures, out, per_shard=3)
    assert (written.kept, written.samples) == (1, 5)
    for path in whole.glob("*.tar"):
        assert (out / path.name).read_bytes() == path.read_bytes()


def test_shards_of_something_else_are_not_mixed_with_these(pictures, tmp_path, make_shards):
    out = tmp_path / "out"
    write_folder(pictures, out)
    with pytest.raises(ValueError, match="another size.*: name another folder.$"):
        write_folder(pictures, out, size=8)
    shutil.copytree(pictures, tmp_path / "other")
    (tmp_path / "other" / "captions.csv").write_text("file,caption\n0.png,one\n", encoding="utf-8")
    with pytest.raises(ValueError, match="another data"):
        write_folder(tmp_path / "other", out)
    with pytest.raises(ValueError, match="holds shards already"):
        write_folder(pictures, make_shards([1]))
