"""Shards: which files are meant, what their samples hold, and every mistake in one sentence."""

import builtins
import json

import numpy as np
import pytest
import torch
from tiny_shards import img2dataset_json, picture_bytes

from dalle_lessons.datasets.shard_samples import BadSample, PictureDecoder, open_shards, token_sample
from dalle_lessons.datasets.shards import is_shards, read_shard, read_shards, shard_paths, write_shard


def fails(kind, call, *words):
    with pytest.raises(kind) as error:
        call()
    message = str(error.value)
    assert message.endswith(".") and "\n" not in message, message
    for word in words:
        assert word in message, message


# ---- which files ----------------------------------------------------------------------------------------------------


def test_braces_a_file_and_a_folder_name_shards(make_shards):
    folder = make_shards([1, 1, 1])
    names = ["00000.tar", "00001.tar", "00002.tar"]
    for data, found in ((f"{folder}/{{00000..00002}}.tar", names), (folder, names), (folder / "00001.tar", names[1:2])):
        assert is_shards(data) and [path.name for path in shard_paths(data)] == found
    assert [path.name for path in shard_paths(f"{folder}/0000{{2,0}}.tar")] == ["00002.tar", "00000.tar"]


def test_other_data_are_no_shards(tmp_path, make_shards):
    folder = make_shards([1])
    assert not is_shards("emoji") and not is_shards(tmp_path) and not is_shards(tmp_path / "missing")
    (folder / "captions.csv").write_text("file,caption\n", encoding="utf-8")
    assert not is_shards(folder)  # a folder with captions, in which a tar file happens to lie


def test_shards_that_are_not_there_are_named(make_shards):
    folder = make_shards([1])
    fails(FileNotFoundError, lambda: shard_paths(f"{folder}/{{00000..00003}}.tar"), "00001.tar; 3 of 4 are missing")
    fails(FileNotFoundError, lambda: shard_paths(f"{folder}/9.tar"), "There is no shard")
    fails(ValueError, lambda: shard_paths(f"{folder}/{{00000,00000}}.tar"), "twice")
    fails(ValueError, lambda: shard_paths(f"{folder}/{{00000..00003.tar"), "brace")


def test_without_the_package_one_sentence_says_how_to_get_it(make_shards, monkeypatch):
    folder = make_shards([1])
    real = builtins.__import__

    def missing(name, *rest):
        if name.split(".")[0] == "webdataset":
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    fails(ModuleNotFoundError, lambda: open_shards(folder, 8), "pip install webdataset")


# ---- what is in them ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["jpg", "jpeg", "png", "webp"])
def test_pictures_as_img2dataset_writes_them(make_shards, ending):
    kind = {"jpg": "JPEG", "jpeg": "JPEG", "png": "PNG", "webp": "WEBP"}[ending]
    data = picture_bytes("blue", (64, 32), kind)
    folder = make_shards([1], {0: {"png": None, "txt": None, ending: data, "json": img2dataset_json(" a sea ")}})
    shards = open_shards(folder, 16)
    picture, caption = shards.decode(next(read_shard(shards.paths[0])))
    assert caption == "a sea" and picture.shape == (3, 16, 16) and picture.dtype == torch.uint8
    assert picture[:, 0, 8].tolist() == [255, 255, 255] and picture[2, 8, 8] > 240  # a wide one has white above


def test_the_txt_counts_before_the_json_and_either_will_do(make_shards):
    folder = make_shards([3], {1: {"json": img2dataset_json("other")}, 2: {"txt": None, "json": b'{"text": "third"}'}})
    captions = [PictureDecoder(8)(found)[1] for found in read_shard(folder / "00000.tar")]
    assert captions == ["number 0", "number 1", "third"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"png": b"no picture"}, "not a picture"),
        ({"png": picture_bytes("red")[:50]}, "broken"),
        ({"png": b""}, "empty"),
        ({"png": None}, "has no picture"),
        ({"txt": None}, "no caption"),
        ({"txt": b"  "}, "no caption"),
        ({"txt": b"\xff\xfe"}, "not UTF-8"),
        ({"txt": None, "json": b"{"}, "no JSON object"),
        ({"txt": None, "json": img2dataset_json(None)}, "no caption"),
    ],
)
def test_a_bad_sample_says_what_is_wrong_with_it(make_shards, changes, words):
    found = next(read_shard(make_shards([1], {0: changes}) / "00000.tar"))
    fails(BadSample, lambda: PictureDecoder(8)(found), "000000 in ", words)


def test_image_tokens_come_back_with_their_dvae(tmp_path):
    for codes, kind in ((2**16, np.uint16), (2**16 + 1, np.int32)):
        tokens = torch.tensor([[0, 1, 2], [3, 4, codes - 1]])
        made = token_sample("000000", tokens, "ein Kätzchen", codes, "abc")
        assert json.loads(made["json"]) == {"caption": "ein Kätzchen", "codes": codes, "dvae": "abc"}
        write_shard(tmp_path / f"{codes}.tar", [made])
        shards = open_shards(tmp_path / f"{codes}.tar", 8)
        found, caption = shards.decode(next(read_shard(shards.paths[0])))
        assert found.equal(tokens) and caption == "ein Kätzchen"
        assert (shards.tokens.dvae, shards.tokens.codes, kind().itemsize) == ("abc", codes, 2 if codes == 2**16 else 4)


def test_bad_image_tokens_are_bad_samples_and_another_dvaes_are_refused(tmp_path):
    good = torch.tensor([[0, 1], [2, 3]])
    write_shard(tmp_path / "0.tar", [token_sample("0", good, "a", 4, "abc")])
    decode = open_shards(tmp_path / "0.tar", 8).decode
    for tokens in (good.T[:1], good + 1, good - 1):
        made = token_sample("1", tokens.to(torch.int64), "a", 2**17, "abc")
        fails(BadSample, lambda made=made: decode(made | {"__url__": "0.tar"}), "no grid of 2x2")
    broken = token_sample("1", good, "a", 4, "abc") | {"__url__": "0.tar", "npy": b"\x93NUMPY"}
    fails(BadSample, lambda: decode(broken), "no readable image tokens")
    with pytest.raises(ValueError, match="another dVAE") as caught:
        decode(token_sample("1", good, "a", 4, "abd") | {"__url__": "0.tar"})
    assert not isinstance(caught.value, BadSample)


# ---- broken files ---------------------------------------------------------------------------------------------------


def test_a_shard_that_breaks_off_gives_what_is_before_and_the_next_one_is_whole(make_shards):
    folder = make_shards([4, 3])
    first = folder / "00000.tar"
    first.write_bytes(first.read_bytes()[:5000])  # each sample takes 2,048 bytes
    said = []
    keys = [found["__key__"] for found in read_shards(shard_paths(folder), said.append)]
    assert keys == ["000000", "000001", "000004", "000005", "000006"]
    assert len(said) == 1 and str(first) in said[0]


@pytest.mark.parametrize("content", [b"", b"no tar file at all" * 100])
def test_a_file_that_is_no_tar_is_told_and_passed_over(make_shards, content):
    folder = make_shards([1, 2])
    (folder / "00000.tar").write_bytes(content)
    said = []
    assert [found["__key__"] for found in read_shards(shard_paths(folder), said.append)] == ["000001", "000002"]
    assert len(said) == 1


def test_if_all_is_broken_one_sentence_says_so_and_names_the_first_trouble(make_shards):
    folder = make_shards([2, 1], {n: {"png": b"x"} for n in range(3)})
    fails(
        ValueError, lambda: open_shards(folder, 8), "None of the 3 samples", "1 more shard", "000000", "not a picture"
    )
    empty = make_shards([0], name="empty")
    fails(ValueError, lambda: open_shards(empty, 8), "None of the 0 samples")
    (empty / "00000.tar").write_bytes(b"x" * 2000)
    fails(ValueError, lambda: open_shards(empty, 8), "broken tar file")


def test_a_command_hidden_in_a_name_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fails(FileNotFoundError, lambda: open_shards("pipe:touch made.tar", 8), "There is no shard")
    assert not list(tmp_path.iterdir())


# ---- written --------------------------------------------------------------------------------------------------------


def test_a_shard_is_written_whole_or_not_at_all_and_alike_each_time(tmp_path, make_shards):
    def breaks():
        yield {"__key__": "0", "txt": b"a"}
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        write_shard(tmp_path / "0.tar", breaks())
    assert not list(tmp_path.iterdir())
    first, second = make_shards([3]), make_shards([3], name="again")
    assert (first / "00000.tar").read_bytes() == (second / "00000.tar").read_bytes()


def test_the_fingerprint_sees_what_changed_but_not_where_it_lies(make_shards):
    first, second = open_shards(make_shards([3, 2]), 8), open_shards(make_shards([3, 2], name="again"), 8)
    assert first.fingerprint() == second.fingerprint() and first.fingerprint()["count"] == 2
    other = open_shards(make_shards([3, 2], {4: {"txt": b"changed"}}, "other"), 8)
    assert other.fingerprint() != first.fingerprint()


def test_captions_of_shards(make_shards):
    shards = open_shards(make_shards([3, 2], {1: {"txt": None}}), 8)
    assert sorted(shards.captions(10, 0)) == [f"number {i}" for i in (0, 2, 3, 4)]
    assert len(list(shards.captions(3, 0))) == 3
    shards.require(lambda caption: caption.endswith("4"), "has no 4")
    fails(ValueError, lambda: shards.require(lambda caption: False, "is too long"), "000000 in ", "is too long")
