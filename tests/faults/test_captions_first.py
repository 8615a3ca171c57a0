"""Captions are checked before the first step of any stage, the first stage included, which needs none."""

import re

import pytest
from PIL import Image

from dalle_lessons.training import presets
from dalle_lessons.training.run import train_model
from dalle_lessons.training.trainer import Trainer


@pytest.fixture
def pictures(tmp_path, tiny, monkeypatch):
    """(number of pictures, caption of each) -> a folder of them; the sizes of the shapes are tiny."""
    for kind in ("dvae", "dalle", "clip"):
        monkeypatch.setitem(presets.PRESETS[kind], "shapes", getattr(tiny, f"{kind}_preset"))

    def make(*captions):
        folder = tmp_path / "pictures"
        folder.mkdir()
        for i, caption in enumerate(captions):
            Image.new("RGB", (16, 16), (40 * i, 90, 0)).save(folder / f"{i}.png")
            (folder / f"{i}.txt").write_text(caption, encoding="utf-8")
        return str(folder)

    return make


def test_the_dvae_is_not_trained_where_no_dalle_can_follow(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(Trainer, "run", lambda *_: pytest.fail("too late"))
    data = pictures("a red cat", "word " * 60, "another " * 60)
    with pytest.raises(ValueError, match=r"^2 of 3 captions are too long .*1\.png.*2\.png.*say them in fewer words\.$"):
        train_model("dvae", data, "shapes", tmp_path / "dvae", progress=False)
    assert not (tmp_path / "dvae").exists()


def test_one_caption_for_all_pictures_is_no_task_for_a_clip(pictures, tmp_path):
    data = pictures(*["a cat"] * 6)
    for kind in ("dvae", "dalle"):
        train_model(kind, data, "shapes", tmp_path / kind, steps=1, batch=2, progress=False)
    with pytest.raises(ValueError) as caught:
        train_model("clip", data, "shapes", tmp_path / "clip", steps=1, progress=False)
    assert re.search("all 6 pictures have the same one, 'a cat': write to each what it shows", str(caught.value))
