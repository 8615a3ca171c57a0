"""The user's own folder of pictures: three ways to give captions, and every mistake in one sentence."""

import json
import random

import pytest
import torch
from PIL import Image

from dalle_lessons import datasets as worlds
from dalle_lessons.datasets.folder import folder


@pytest.fixture
def pictures(tmp_path):
    """A folder with a red cat.png, a wide blue dog.jpg, and a green inner/owl.gif."""
    (tmp_path / "inner").mkdir()
    Image.new("RGB", (64, 64), "red").save(tmp_path / "cat.png")
    Image.new("RGB", (200, 100), "blue").save(tmp_path / "dog.jpg", quality=95)
    Image.new("RGB", (10, 10), "green").save(tmp_path / "inner" / "owl.gif")
    return tmp_path


def write(folder, name, text):
    (folder / name).write_bytes(text.encode("utf-8"))


def captions(pairs):
    return [pairs.caption(i, random.Random(i)) for i in range(len(pairs))]


def fails(path, kind, *words):
    """folder(path) raises this kind of error: one sentence that holds these words."""
    with pytest.raises(kind) as error:
        folder(path)
    message = str(error.value)
    assert message.endswith(".") and "\n" not in message, message
    for word in words:
        assert word in message, message


# ---------------------------------------------------------------- what works


def test_captions_csv(pictures):
    write(pictures, "captions.csv", 'file,caption\ncat.png,a red cat\ndog.jpg,"a dog, blue"\ninner/owl.gif,an owl\n')
    pairs = folder(pictures)
    assert pairs.pictures.shape == (3, 3, 64, 64) and pairs.pictures.dtype == torch.uint8
    assert pairs.weights.tolist() == [1, 1, 1] and pairs.weights.is_floating_point()
    assert captions(pairs) == ["a red cat", "a dog, blue", "an owl"] and pairs.caption(1, None) == "a dog, blue"
    assert pairs.metadata[2] == {"file": "inner/owl.gif", "caption": "an owl"}
    assert pairs.pictures[0, :, 32, 32].tolist() == [255, 0, 0]
    assert pairs.pictures[1, :, 2, 32].tolist() == [255, 255, 255]  # a wide picture has white above and below
    assert pairs.pictures[1, 2, 32, 32] > 240 and pairs.pictures[1, 0, 32, 32] < 15


@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("line", ["\n", "\r\n"])
def test_files_from_any_editor(pictures, bom, line):
    rows = ["file,caption", "cat.png,eine Kätzchen-Zeichnung 猫", "", "dog.jpg, a dog "]
    write(pictures, "captions.csv", bom + line.join(rows) + line)
    expected = ["eine Kätzchen-Zeichnung 猫", "a dog"]
    assert captions(folder(pictures)) == expected
    (pictures / "captions.csv").unlink()
    rows = [json.dumps({"file_name": "cat.png", "text": expected[0]}, ensure_ascii=False), ""]
    rows += [json.dumps({"file_name": "dog.jpg", "caption": "a dog"})]
    write(pictures, "metadata.jsonl", bom + line.join(rows))
    assert captions(folder(pictures)) == expected
    (pictures / "metadata.jsonl").unlink()
    (pictures / "inner" / "owl.gif").unlink()
    write(pictures, "cat.txt", bom + expected[0] + line)
    write(pictures, "dog.txt", bom + line + " a dog " + line + line)
    assert captions(folder(pictures)) == expected


def test_more_columns_in_another_order(pictures):
    write(pictures, "captions.csv", "Caption, FILE ,license\na cat,cat.png,CC0\n")
    assert folder(pictures).metadata == [{"file": "cat.png", "caption": "a cat"}]


def test_a_caption_over_two_lines_and_with_quotes(pictures):
    write(pictures, "captions.csv", 'file,caption\ncat.png,"a ""cat""\r\non a mat\u2028again"\n')
    assert len(folder(pictures)) == 1 and folder(pictures).caption(0, None).split() == [
        *("a", '"cat"', "on", "a", "mat", "again")
    ]


def test_several_captions_for_a_picture_are_several_pairs(pictures):
    write(pictures, "captions.csv", "file,caption\ncat.png,a cat\ndog.jpg,a dog\ncat.png,a red cat\ncat.png,a cat\n")
    pairs = folder(pictures)
    assert captions(pairs) == ["a cat", "a dog", "a red cat", "a cat"] and len(pairs.pictures) == 4
    assert torch.equal(pairs.pictures[0], pairs.pictures[2])


def test_text_files_beside_pictures(pictures):
    write(pictures, "cat.txt", "a cat\n\na red cat\n")
    write(pictures, "dog.TXT", "a dog")
    write(pictures, "inner/owl.txt", "an owl")
    write(pictures, ".hidden.txt", "not a caption")
    pairs = folder(pictures)
    assert [(row["file"], row["caption"]) for row in pairs.metadata] == [
        ("cat.png", "a cat"),
        ("cat.png", "a red cat"),
        ("dog.jpg", "a dog"),
        ("inner/owl.gif", "an owl"),
    ]


def test_a_list_counts_before_text_files(pictures):
    write(pictures, "cat.txt", "from the text file")
    write(pictures, "metadata.jsonl", '{"file_name": "cat.png", "text": "from the jsonl"}')
    assert captions(folder(pictures)) == ["from the jsonl"]
    write(pictures, "captions.csv", "file,caption\ncat.png,from the csv\n")
    assert captions(folder(pictures)) == ["from the csv"]


def test_size_and_names_from_windows(pictures):
    write(pictures, "captions.csv", "file,caption\ninner\\owl.gif,an owl\n./inner/../cat.png,a cat\n")
    pairs = folder(str(pictures), size=32)
    assert pairs.pictures.shape == (2, 3, 32, 32) and pairs.metadata[0]["file"] == "inner/owl.gif"


def test_worlds_load_gives_a_folder_too(pictures):
    write(pictures, "captions.csv", "file,caption\ncat.png,a cat\n")
    assert worlds.load(pictures, size=16).pictures.shape == (1, 3, 16, 16)
    assert worlds.load(str(pictures)).pictures.shape == (1, 3, 64, 64)


# ---------------------------------------------------------------- what does not


def test_no_folder(tmp_path):
    fails(tmp_path / "none", FileNotFoundError, "none")
    write(tmp_path, "file", "")
    fails(tmp_path / "file", ValueError, "is a file")


def test_no_captions_at_all(pictures, tmp_path):
    fails(pictures, ValueError, "no captions", str(pictures), "captions.csv", "metadata.jsonl", ".txt")
    write(pictures, "captions.csv", "file,caption\n")
    fails(pictures, ValueError, "no captions")
    write(pictures, "captions.csv", "")
    fails(pictures, ValueError, "captions.csv", "file,caption")


def test_wrong_columns(pictures):
    write(pictures, "captions.csv", "file;words\ncat.png;a cat\n")
    fails(pictures, ValueError, "captions.csv", "file,caption")
    write(pictures, "captions.csv", "cat.png,a cat\n")
    fails(pictures, ValueError, "captions.csv", "file,caption")


def test_a_comma_without_quotes(pictures):
    write(pictures, "captions.csv", "file,caption\ncat.png,a cat\ndog.jpg,a dog, blue\n")
    fails(pictures, ValueError, "captions.csv, line 3", "quotes")


@pytest.mark.parametrize("row", ["cat.png", "cat.png,", 'cat.png,"  "'])
def test_an_empty_caption(pictures, row):
    write(pictures, "captions.csv", f"file,caption\n{row}\n")
    fails(pictures, ValueError, "captions.csv, line 2", "cat.png", "caption")


def test_an_empty_caption_elsewhere(pictures):
    write(pictures, "metadata.jsonl", '{"file_name": "cat.png", "text": ""}\n')
    fails(pictures, ValueError, "metadata.jsonl, line 1", "cat.png")
    write(pictures, "metadata.jsonl", '{"file_name": "cat.png", "text": 3}\n')
    fails(pictures, ValueError, "metadata.jsonl, line 1", "cat.png")
    (pictures / "metadata.jsonl").unlink()
    write(pictures, "cat.txt", " \n")
    fails(pictures, ValueError, "cat.txt", "cat.png")


def test_a_row_without_a_picture(pictures):
    write(pictures, "captions.csv", "file,caption\n,a cat\n")
    fails(pictures, ValueError, "line 2", "names no picture")
    (pictures / "captions.csv").unlink()
    write(pictures, "metadata.jsonl", '{"text": "a cat"}\n')
    fails(pictures, ValueError, "line 1", "names no picture")


@pytest.mark.parametrize("line", ["{", "[1]", '"cat.png"', "cat.png,a cat"])
def test_a_line_that_is_not_json(pictures, line):
    write(pictures, "metadata.jsonl", '{"file_name": "cat.png", "text": "a cat"}\n' + line)
    fails(pictures, ValueError, "metadata.jsonl, line 2", "JSON")


@pytest.mark.parametrize("name", ["none.png", "inner", "cat.png/x", "a\0b.png"])
def test_a_missing_picture(pictures, name):
    write(pictures, "metadata.jsonl", json.dumps({"file_name": name, "text": "a cat"}))
    fails(pictures, FileNotFoundError, "metadata.jsonl, line 1", "no such picture")


def test_a_text_file_without_a_picture(pictures):
    for name in ("cat", "dog", "inner/owl", "ghost"):
        write(pictures, f"{name}.txt", "a picture")
    fails(pictures, FileNotFoundError, "ghost.txt")


def test_a_picture_without_a_text_file(pictures):
    write(pictures, "cat.txt", "a cat")
    fails(pictures, ValueError, "dog.jpg", "dog.txt")


@pytest.mark.parametrize(
    "name", ["../x.png", "..\\x.png", "inner/../../x.png", "../{here}/cat.png", "{folder}/cat.png"]
)
def test_a_picture_outside_of_the_folder(pictures, name):
    Image.new("RGB", (4, 4)).save(pictures / "x.png")
    Image.new("RGB", (4, 4)).save(pictures / "inner" / "cat.png")
    inner = pictures / "inner"
    write(inner, "captions.csv", f"file,caption\n{name.format(here=inner.name, folder=inner)},a cat\n")
    fails(inner, ValueError, "line 2", "outside")


def test_one_bad_picture_among_many_is_named(pictures):
    (pictures / "dog.jpg").write_bytes((pictures / "dog.jpg").read_bytes()[:700])
    write(pictures, "captions.csv", "file,caption\ncat.png,a cat\ndog.jpg,a dog\ninner/owl.gif,an owl\n")
    fails(pictures, ValueError, str(pictures / "dog.jpg"))


def test_another_encoding(pictures):
    (pictures / "captions.csv").write_bytes("file,caption\ncat.png,Kätzchen\n".encode("latin-1"))
    fails(pictures, ValueError, "captions.csv", "UTF-8")


def test_a_caption_too_long_for_a_csv(pictures):
    write(pictures, "captions.csv", f"file,caption\ncat.png,{'a' * 200_000}\n")
    fails(pictures, ValueError, "captions.csv, line")
