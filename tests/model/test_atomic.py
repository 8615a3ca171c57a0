"""Files are replaced in one step, also when several writers write at once."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from dalle_lessons.model.atomic import replace_file


def test_the_file_is_there_whole_and_nothing_else(tmp_path):
    path = tmp_path / "file.bin"
    for content in (b"first", b"second"):
        replace_file(path, lambda temporary, content=content: temporary.write_bytes(content))
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_writers_at_once_do_not_disturb_each_other(tmp_path):
    """Four threads write a hundred times each: no error, and a reader always finds one writer's whole content."""
    path = tmp_path / "file.bin"
    path.write_bytes(b"0" * 5000)
    seen = []

    def write(number):
        for _ in range(100):
            replace_file(path, lambda temporary: temporary.write_bytes(str(number).encode() * 5000))
            seen.append(path.read_bytes())

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(write, number) for number in range(1, 5)]:
            future.result()
    assert len(seen) == 400 and all(len(content) == 5000 and len(set(content)) == 1 for content in seen)
    assert list(tmp_path.iterdir()) == [path]


def test_a_writer_that_fails_leaves_the_old_file_and_the_files_of_others(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    others = tmp_path / ".file.txt.part"
    others.write_text("of another writer")

    def fail(temporary):
        temporary.write_text("half")
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError, match="full"):
        replace_file(path, fail)
    assert path.read_text() == "old" and others.read_text() == "of another writer"
    assert set(tmp_path.iterdir()) == {path, others}


@pytest.mark.skipif(os.name != "posix", reason="Windows has other permissions")
@pytest.mark.parametrize("umask", [0o022, 0o007])
def test_permissions_are_those_of_any_new_file(umask, tmp_path):
    before = os.umask(umask)
    try:
        (tmp_path / "plain").write_text("x")
        replace_file(tmp_path / "replaced", lambda temporary: temporary.write_text("x"))
    finally:
        os.umask(before)
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "replaced")}
    assert modes == {0o666 & ~umask}


def test_what_was_written_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    steps = []
    fsync, move = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: steps.append("sync") or fsync(number))
    monkeypatch.setattr(os, "replace", lambda *paths: steps.append("move") or move(*paths))
    replace_file(tmp_path / "file", lambda temporary: temporary.write_text("x"))
    assert steps == ["sync", "move"]


def test_the_longest_name_that_a_file_can_have_works(tmp_path):
    path = tmp_path / ("ü" * 120)  # 240 bytes of 255
    replace_file(path, lambda temporary: temporary.write_text("x"))
    assert path.read_text() == "x"
