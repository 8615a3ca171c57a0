"""docs/your_own_pictures.md, run as it stands, in miniature: from a folder to drawings."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image
from training.conftest import few_pairs, tiny

from dalle_lessons.cli import main
from dalle_lessons.datasets.caption_files import LISTS
from dalle_lessons.training import presets

__all__ = ["few_pairs", "tiny"]

PAGE = (Path(__file__).parents[1] / "docs" / "your_own_pictures.md").read_text(encoding="utf-8")
COMMANDS = [
    line.split("#")[0].strip() for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S) for line in block.splitlines()
]
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, re.S)


@pytest.fixture
def folder(tmp_path, tiny, monkeypatch):
    """A current folder with my_pictures; the sizes of the emoji are tiny."""
    monkeypatch.chdir(tmp_path)
    for kind in ("dvae", "dalle", "clip"):
        monkeypatch.setitem(presets.PRESETS[kind], "emoji", getattr(tiny, f"{kind}_preset"))
    (tmp_path / "my_pictures").mkdir()
    rows = ["file,caption"]
    for i, (thing, color) in enumerate((("cat", "red"), ("dog", "blue"), ("owl", "green"), ("fox", "orange"))):
        Image.new("RGB", (80, 60 + i), color).save(tmp_path / "my_pictures" / f"{thing}.jpg")
        rows += [f'{thing}.jpg,"a {thing}, {color}"', f"{thing}.jpg,a {thing}"]
    (tmp_path / "my_pictures" / "captions.csv").write_text("\n".join(rows), encoding="utf-8")
    return tmp_path


def test_the_page_leads_from_a_folder_to_a_drawing(folder):
    assert [command.split()[1] for command in COMMANDS] == ["train", "train", "train", "draw"]
    for command in COMMANDS:
        words = re.findall(r'"[^"]*"|\S+', command)[1:]
        result = CliRunner().invoke(main, [word.strip('"') for word in words])
        assert result.exit_code == 0, f"{command}\n{result.output}"
        if words[1] in ("dalle", "clip"):
            assert "Taking the dvae weights of 'runs/dvae', since none are named." in result.output.replace("\\\\", "/")
    with Image.open(folder / "drawing.png") as picture:
        assert picture.width > 3 * 64
    (folder / "drawing.png").unlink()
    for program in PROGRAMS:
        exec(program, {})
    for name, size in (("drawing.png", None), ("again.png", (64, 64))):
        with Image.open(folder / name) as picture:
            assert size in (None, picture.size)


def test_the_page_names_every_list_and_only_options_that_exist():
    assert all(f"`{name}`" in PAGE for name in LISTS)
    known = {option for command in main.commands.values() for p in command.params for option in p.opts}
    assert set(re.findall(r"--[a-z][a-z-]*", PAGE)) <= known
