"""Grids, names of files, and PNGs that are whole or not there."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dalle_lessons.pipeline.image_files import enlarge, file_name, grid, png_path, save_png, writable_folder


def test_enlarging_repeats_pixels_and_mixes_none():
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8))
    large = np.array(enlarge(image, 3))
    assert (large == np.array(image).repeat(3, 0).repeat(3, 1)).all()


def test_grid_stands_line_by_line():
    colors = [(i, 0, 0) for i in range(5)]
    sheet = grid([Image.new("RGB", (2, 2), color) for color in colors], cols=3, times=2, gap=1)
    assert sheet.size == (3 * 5 + 1, 2 * 5 + 1)
    assert [sheet.getpixel((1 + 5 * (i % 3), 1 + 5 * (i // 3))) for i in range(5)] == colors
    with pytest.raises(ValueError, match="no picture"):
        grid([])


def test_png_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = save_png(Image.new("RGB", (2, 2), "red"), tmp_path / "new" / "a.png", {"Description": "a cat 🐱"})
    assert path.is_absolute() and Image.open(path).text["Description"] == "a cat 🐱"

    def fail(self, content):
        with open(self, "wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_bytes", fail)
    before = path.read_bytes()
    with pytest.raises(OSError, match="disk full"):
        save_png(Image.new("RGB", (2, 2), "blue"), path)
    assert path.read_bytes() == before and list(path.parent.iterdir()) == [path]
    with pytest.raises(ValueError, match=".png"):
        save_png(Image.new("RGB", (2, 2)), tmp_path / "a.jpg")


def test_file_names_sort_and_can_be_read():
    assert file_name(3, "A cat!", 1) == "003-a-cat-1.png"
    assert file_name(12, "🐱", 9) == "012-9.png"
    assert len(file_name(1, "word " * 100, 1)) < 70
    names = [file_name(line, "", rank, 1000, 12) for line in (1, 2, 101, 1000) for rank in (1, 2, 12)]
    assert names == sorted(names) and names[0] == "0001-01.png"


def test_a_path_that_cannot_be_written_is_refused_before_any_work(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("hello")
    (tmp_path / "folder.png").mkdir()
    for path, sentence in (
        ("a.jpg", "ends in .png"),
        ("folder.png", "is a folder"),
        ("file/a.png", "is a file, so nothing can be written"),
        ("file/deeper/a.png", "is a file, so nothing can be written"),
    ):
        with pytest.raises(ValueError, match=sentence):
            png_path(tmp_path / path)
    assert png_path(tmp_path / "new" / "deeper" / "a.PNG") == tmp_path / "new" / "deeper" / "a.PNG"
    assert writable_folder(tmp_path / "new") == tmp_path / "new" and not (tmp_path / "new").exists()
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(PermissionError, match="no permission"):
        writable_folder(tmp_path / "new")
