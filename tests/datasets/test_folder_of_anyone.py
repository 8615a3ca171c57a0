"""Whatever a real person's folder holds is read, or refused in one sentence that names all that is wrong."""

import json
import os
import unicodedata
import warnings

import numpy as np
import pytest
from PIL import Image

from dalle_lessons.datasets import images as reading
from dalle_lessons.datasets.folder import FolderWarning, folder
from dalle_lessons.datasets.images import open_image


@pytest.fixture
def pictures(tmp_path):
    """A folder with cat.png and dog.jpg."""
    Image.new("RGB", (24, 24), "red").save(tmp_path / "cat.png")
    Image.new("RGB", (24, 12), "blue").save(tmp_path / "dog.jpg")
    return tmp_path


BOTH = {"cat.png": "a cat", "dog.jpg": "a dog"}


def read(path):
    """{picture: caption}; no warning may be given."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return {row["file"]: row["caption"] for row in folder(path, size=8).metadata}


def sentence(path, kind=ValueError):
    with pytest.raises(kind) as error:
        folder(path, size=8)
    message = str(error.value)
    assert message.endswith(".") and "\n" not in message
    return message


def with_texts(path):
    for name, caption in BOTH.items():
        (path / name).with_suffix(".txt").write_text(caption, encoding="utf-8")
    return path


# ---- what systems leave behind --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [".ipynb_checkpoints", "@eaDir", "__MACOSX", ".git", "$RECYCLE.BIN", "#recycle"])
def test_hidden_and_foreign_folders_are_no_data(name, pictures):
    with_texts(pictures)
    (pictures / name).mkdir()
    Image.new("RGB", (4, 4)).save(pictures / name / "cat-checkpoint.png")
    (pictures / name / "cat-checkpoint.txt").write_text("a copy")
    (pictures / name / "alone.txt").write_text("without a picture")
    assert read(pictures) == BOTH
    (pictures / name / "captions.csv").write_text("file,caption\ncat-checkpoint.png,a copy\n")
    assert read(pictures) == BOTH


def test_files_that_systems_leave_are_no_data(pictures):
    with_texts(pictures)
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store", "._cat.png", "._cat.txt", ".hidden.png"):
        (pictures / name).write_bytes(b"\0\1\2")
    assert read(pictures) == BOTH


# ---- other tables than ours -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("metadata.csv", "file_name,text\ncat.png,a cat\ndog.jpg,a dog\n"),
        ("metadata.csv", "file_name,additional,caption\ncat.png,1,a cat\ndog.jpg,2,a dog\n"),
        ("captions.txt", "image,caption\ncat.png,a cat\ndog.jpg,a dog\n"),  # Flickr8k, as Kaggle has it
        ("captions.txt", "cat.png#0\ta cat\ndog.jpg#0\ta dog\n"),  # Flickr8k, as it was published
        ("captions.csv", "image_name| comment_number| comment\ncat.png| 0| a cat\ndog.jpg| 0| a dog\n"),  # Flickr30k
        ("captions.tsv", "file\tcaption\ncat.png\ta cat\ndog.jpg\ta dog\n"),
        ("captions.csv", "file;caption\ncat.png;a cat\ndog.jpg;a dog\n"),  # a spreadsheet where commas are decimal
        ("captions.csv", "file\tcaption\ncat.png\ta cat\ndog.jpg\ta dog\n"),
        ("captions.csv", "sep=;\nfile;caption\ncat.png;a cat\ndog.jpg;a dog\n"),
        ("captions.csv", "file,caption,,\ncat.png,a cat,,\ndog.jpg,a dog,,\n,,,\n,,,\n"),  # empty columns and last rows
        ("captions.csv", 'file,caption\ncat.png, "a cat"\ndog.jpg, "a dog"\n'),
        ("captions.csv", "file,caption\rcat.png,a cat\rdog.jpg,a dog\r"),
        ("metadata.jsonl", '{"image": "cat.png", "caption": "a cat"}\n{"file_name": "dog.jpg", "text": "a dog"}\n'),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_lists_of_other_programs(name, text, encoding, pictures):
    (pictures / name).write_bytes(text.encode(encoding))
    assert read(pictures) == BOTH


@pytest.mark.parametrize("name", ["captions.csv", "metadata.csv", "captions.txt"])
def test_a_list_one_folder_deeper(name, pictures, tmp_path):
    train = tmp_path / "train"
    train.mkdir()
    for picture in BOTH:
        (tmp_path / picture).rename(train / picture)
    (train / name).write_text("file_name,text\ncat.png,a cat\ndog.jpg,a dog\n")
    assert read(tmp_path) == {f"train/{picture}": caption for picture, caption in BOTH.items()}


def test_the_pictures_in_a_folder_beside_the_list(pictures):
    """Flickr's captions.txt names no folder; the pictures are in Images."""
    (pictures / "Images").mkdir()
    for picture in BOTH:
        (pictures / picture).rename(pictures / "Images" / picture)
    (pictures / "captions.txt").write_text("image,caption\ncat.png,a cat\ndog.jpg,a dog\n")
    assert read(pictures) == {f"Images/{picture}": caption for picture, caption in BOTH.items()}
    (pictures / "other").mkdir()
    Image.new("RGB", (4, 4)).save(pictures / "other" / "cat.png")  # now nobody knows which is meant
    assert "'cat.png', but there is no such picture" in sentence(pictures, FileNotFoundError)


def test_a_text_called_captions_may_belong_to_a_picture(pictures):
    with_texts(pictures)
    (pictures / "cat.png").rename(pictures / "captions.png")
    (pictures / "cat.txt").rename(pictures / "captions.txt")
    assert read(pictures) == {"captions.png": "a cat", "dog.jpg": "a dog"}


def test_a_table_that_is_not_read_is_named(pictures):
    (pictures / "labels.csv").write_text("a,b\n")
    assert "labels.csv is not read" in sentence(pictures)


def test_pictures_that_a_list_leaves_out_are_told(pictures):
    (pictures / "captions.csv").write_text("file,caption\ncat.png,a cat\n")
    with pytest.warns(FolderWarning, match=r"^1 of 2 pictures in .* are in no list and are left out: dog.jpg\.$"):
        assert len(folder(pictures)) == 1


# ---- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("on_disk", "in_list"), [("NFC", "NFD"), ("NFD", "NFC")])
@pytest.mark.parametrize("kind", ["list", "texts"])
def test_letters_that_a_disk_takes_to_pieces(on_disk, in_list, kind, tmp_path):
    name = unicodedata.normalize(on_disk, "Kätzchen がぎ.png")
    other = unicodedata.normalize(in_list, "Kätzchen がぎ")
    Image.new("RGB", (4, 4)).save(tmp_path / name)
    if kind == "list":
        (tmp_path / "captions.csv").write_text(f"file,caption\n{other}.png,ein Kätzchen\n", encoding="utf-8")
    else:
        (tmp_path / f"{other}.txt").write_text("ein Kätzchen", encoding="utf-8")
    assert read(tmp_path) == {name: "ein Kätzchen"}


@pytest.mark.parametrize("name", ["CAT.PNG", "Cat.png", "cat.PNG"])
def test_capitals_as_on_disks_that_know_none(name, pictures):
    (pictures / "captions.csv").write_text(f"file,caption\n{name},a cat\nDOG.jpg,a dog\n")
    assert read(pictures) == BOTH


@pytest.mark.parametrize("suffix", [".jfif", ".JPE", ".dib", ".apng", ".JPEG"])
def test_other_suffixes_of_known_formats(suffix, tmp_path):
    kind = {".dib": "BMP", ".apng": "PNG"}.get(suffix, "JPEG")
    Image.new("RGB", (4, 4)).save(tmp_path / f"1{suffix}", kind)
    (tmp_path / "1.txt").write_text("one")
    assert read(tmp_path) == {f"1{suffix}": "one"}


@pytest.mark.parametrize("suffix", [".heic", ".HEIC", ".svg", ".dng"])
def test_formats_that_are_not_read_are_named(suffix, pictures):
    with_texts(pictures)
    (pictures / f"1{suffix}").write_bytes(b"\0\0\0\x18ftypheic")
    (pictures / "1.txt").write_text("one")
    assert sentence(pictures).startswith(f"{pictures / '1'}{suffix} is of a format that is not read: export it as PNG")


# ---- all faults at once ---------------------------------------------------------------------------------------------


def test_all_faults_of_a_list_are_told_at_once(pictures):
    rows = ["file,caption", "cat.png,", ",a dog", "ghost.png,a ghost", "../x.png,x", "cat.png,a,b", "dog.jpg,a dog"]
    (pictures / "captions.csv").write_text("\n".join(rows) + "\n")
    told = sentence(pictures)
    assert told.startswith(f"There are 5 faults in {pictures}: captions.csv, line 2, has no caption for cat.png")
    for number, words in ((3, "names no picture"), (4, "no such picture"), (5, "outside"), (6, "more columns")):
        assert f"captions.csv, line {number}, " in told and words in told


def test_all_faults_of_texts_and_pictures_are_told_at_once(pictures):
    (pictures / "ghost.txt").write_text("a ghost")
    (pictures / "spirit.txt").write_text("a spirit")
    (pictures / "cat.txt").write_bytes(b"caf\xe9")
    told = sentence(pictures)
    for words in ("4 faults", "ghost.txt", "spirit.txt", "dog.jpg has no caption", "cat.txt is not UTF-8"):
        assert words in told
    with_texts(pictures)
    for name in ("ghost", "spirit"):
        (pictures / f"{name}.png").write_bytes(b"no picture")
    told = sentence(pictures)
    assert "2 faults" in told and "ghost.png is not a picture" in told and "spirit.png is not a picture" in told


def test_many_faults_of_a_kind_are_counted(pictures):
    rows = ["file,caption", *(f"{i}.png,number {i}" for i in range(500))]
    (pictures / "captions.csv").write_text("\n".join(rows))
    told = sentence(pictures, FileNotFoundError)
    assert "There are 500 faults" in told and told.endswith("and 492 more like the last.") and len(told) < 2000


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('file,caption\ncat.png,"a cat\ndog.jpg,a dog\n', 2),  # to the end of the file
        ('file,caption\ncat.png,"a cat\ndog.jpg,"a dog"\n', 2),  # up to the next row's
        ('file,caption\ncat.png,a cat\ndog.jpg,"a dog\ncat.png,"\n', 3),
        ('file,caption\ncat.png,a "cat"\ndog.jpg,"a "big" dog"\n', 3),
    ],
)
def test_a_quotation_mark_that_is_not_closed(text, line, pictures):
    (pictures / "captions.csv").write_text(text)
    told = sentence(pictures)
    assert f"captions.csv, line {line}, cannot be read: " in told and "quotation mark" in told


def test_a_long_list_with_an_open_quotation_mark(pictures):
    (pictures / "captions.csv").write_text('file,caption\ncat.png,"a cat\n' + "x.png,an x\n" * 30_000)
    assert "line 2, cannot be read: a caption is too long" in sentence(pictures)


def test_deep_json_is_one_fault_of_one_line(pictures):
    good = json.dumps({"file_name": "cat.png", "text": "a cat"})
    (pictures / "metadata.jsonl").write_text(f"{good}\n{'[' * 200_000}\n" + '{"a":' * 200_000)
    told = sentence(pictures)
    assert "2 faults" in told and "metadata.jsonl, line 2, is not a JSON object" in told and "line 3" in told


def test_many_rows_take_moments(pictures):
    rows = ["file,caption", *(f"cat.png,cat number {i}" for i in range(20_000)), "dog.jpg,a dog"]
    (pictures / "captions.csv").write_text("\n".join(rows))
    pairs = folder(pictures, size=8)
    assert len(pairs) == 20_001 and pairs.caption(19_999, None) == "cat number 19999"


def test_no_name_is_not_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(with_texts(tmp_path))
    with pytest.raises(ValueError, match="No folder is named"):
        folder("")


def test_the_home_folder_by_its_sign(pictures, monkeypatch):
    with_texts(pictures)
    monkeypatch.setenv("HOME", str(pictures.parent))
    monkeypatch.setenv("USERPROFILE", str(pictures.parent))
    assert read(f"~/{pictures.name}") == BOTH


# ---- large pictures -------------------------------------------------------------------------------------------------


def test_a_large_photograph_is_decoded_at_a_part_of_its_size(tmp_path, monkeypatch):
    shades = np.linspace(0, 255, 1600).astype(np.uint8)
    picture = Image.fromarray(np.broadcast_to(shades[None, :, None], (1200, 1600, 3)).copy())
    picture.save(tmp_path / "a.jpg", quality=95)
    picture.save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("from dark to light")
    assert open_image(tmp_path / "a.jpg").size == (1600, 1200)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000_000)  # too many, if it were decoded in full
    assert open_image(tmp_path / "a.jpg", within=200).size == (200, 150)
    with pytest.raises(ValueError, match="too many to be safe"):
        open_image(tmp_path / "a.jpg")
    (tmp_path / "a.png").unlink()
    small = folder(tmp_path, size=32).pictures[0, 0, 16].float().numpy()
    assert np.abs(small - np.linspace(0, 255, 33)[:-1] - 4).max() < 8


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "1", "CMYK", "I;16"])
def test_large_pictures_of_any_mode_come_smaller_and_look_the_same(mode, tmp_path):
    suffix = "tif" if mode == "CMYK" else "png"
    picture = Image.new(mode, (512, 256), 200 * 257 if mode == "I;16" else 0)
    picture.save(tmp_path / f"a.{suffix}")
    whole, small = open_image(tmp_path / f"a.{suffix}"), open_image(tmp_path / f"a.{suffix}", within=64)
    assert whole.size == (512, 256) and small.size == (64, 32)
    assert whole.getpixel((9, 9)) == small.getpixel((9, 9))


def test_gray_of_16_bits_is_converted_in_bands(tmp_path, monkeypatch):
    values = (np.arange(3000 * 1000, dtype=np.uint32) % 65536).astype(np.uint16).reshape(3000, 1000)
    Image.fromarray(values).save(tmp_path / "a.png")
    widest = []
    real = np.nan_to_num
    monkeypatch.setattr(reading.np, "nan_to_num", lambda array: widest.append(array.size) or real(array))
    opened = np.array(open_image(tmp_path / "a.png"))[:, :, 0]
    assert (opened == (values / 257).round()).all() and max(widest) <= 2**20 and sum(widest) == values.size


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such files")
def test_pipes_and_loops_do_not_hang(pictures):
    with_texts(pictures)
    os.mkfifo(pictures / "pipe.png")
    (pictures / "loop").symlink_to(pictures)
    (pictures / "dead.png").symlink_to(pictures / "nowhere.png")
    assert read(pictures) == BOTH
