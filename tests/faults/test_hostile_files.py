"""120 small hostile files through draw, edit, verify and train: each is used or refused, and nothing ends in a
traceback."""

import importlib.util
import re
import shutil
import warnings
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from tiny import save_tiny

from dalle_lessons.cli import main
from dalle_lessons.training import presets

TOOL = Path(__file__).parents[2] / "tools" / "make_hostile_files.py"
SPEC = importlib.util.spec_from_file_location("make_hostile_files", TOOL)
hostile = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(hostile)
FILES = hostile.hostile_files()


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    hostile.make(folder)
    return folder


@pytest.fixture
def run(tmp_path, monkeypatch, tiny, weights):
    monkeypatch.chdir(tmp_path)
    for kind in ("dvae", "dalle"):
        monkeypatch.setitem(presets.PRESETS[kind], "shapes", getattr(tiny, f"{kind}_preset"))
    from dalle_lessons import TextToImage

    system = TextToImage.from_pretrained(weights)
    monkeypatch.setattr(TextToImage, "from_pretrained", lambda *_, **__: system)

    def run(*words):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = CliRunner().invoke(main, [str(word) for word in words])
        told = f"{words}: {result.exception!r}\n{result.output}"
        assert result.exception is None or isinstance(result.exception, SystemExit), told
        assert result.exit_code in (0, 1) and "Traceback" not in result.output, told
        assert "not foreseen" not in result.output, told
        if result.exit_code:  # whoever is refused is told why, in a sentence
            assert re.search(r"\S{3} .*[.?]$", result.output.strip(), re.MULTILINE), told
        return result

    return run


def test_the_set_is_what_it_is_said_to_be():
    assert len(FILES) == 120 and sum(map(len, FILES.values())) < 300_000
    assert FILES == hostile.hostile_files(), "each time the same"


@pytest.mark.parametrize("name", FILES, ids=[ascii(name).strip("'")[:60] for name in FILES])
def test_no_file_ends_a_command_in_a_traceback(name, made, run, tmp_path):
    path = made / name
    if not path.is_file():
        pytest.skip("this disk cannot hold such a name")
    few = ["--images", 1, "--candidates", 1]
    run("draw", "--prompts", path, "--out-dir", tmp_path / "drawn", *few)
    done = run("edit", "as a sketch", "--out-dir", tmp_path / "edited", "--candidates", 1, "--", path)
    assert (done.exit_code == 0) == (len(list(tmp_path.glob("edited/*.png"))) == 1)
    assert run("verify", "--", path).exit_code == 1, "nothing here is signed"
    if name.startswith("lists/"):
        data = path.parent
    else:
        data = tmp_path / "data"
        data.mkdir()
        Image.new("RGB", (8, 8), "red").save(data / "cat.png")
        shutil.copy(path, data / path.name)
        texts = ["cat"] if name.startswith("texts/") else ["cat", path.stem]
        for stem in texts:
            (data / f"{stem[:200]}.txt").write_text("a cat", encoding="utf-8")
    options = ["--preset", "shapes", "--steps", 1, "--out", tmp_path / "out"]
    done = run("train", "dvae", "--data", data, *options)
    assert (done.exit_code == 0) == (tmp_path / "out" / "model.safetensors").is_file()
    assert torch.get_num_threads() >= 1 and not list(tmp_path.rglob("*.part"))
