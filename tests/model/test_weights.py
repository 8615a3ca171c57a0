"""The bundled weights: small enough, half precision, each with its card, and those of a world fit together."""

from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard
from safetensors import safe_open

from dalle_lessons import TextToImage
from dalle_lessons.model.files import data_dir

WORLDS = ("emoji", "shapes")
FOLDERS = sorted((data_dir() / "weights").glob("*/*"))


def test_all_weights_together_are_at_most_60_megabytes():
    assert sum(path.stat().st_size for path in (data_dir() / "weights").rglob("*.safetensors")) <= 60e6


@pytest.mark.parametrize("world", WORLDS)
def test_each_world_draws(world):
    drawing = TextToImage.from_pretrained(world).draw("a red circle", images=1, candidates=1)[0]
    assert drawing.tokens.shape == (8, 8)
    assert drawing.image.size == {"emoji": (64, 64), "shapes": (32, 32)}[world]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_weights_are_half_precision_with_a_card_that_says_how_they_were_made(folder: Path):
    with safe_open(folder / "model.safetensors", "pt") as weights:
        attention_types = {weights.get_tensor(name).dtype for name in weights.keys()}
    assert attention_types <= {torch.float16, torch.bool, torch.int64}
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert f"dalle-lessons train {folder.name}" in card and "minutes" in card
    assert not (folder / "checkpoint.pt").exists()
    data = ModelCard(card).data  # the head, as the hub reads it
    assert data.license == "mit" and data.library_name == "dalle-lessons" and data.tags == [folder.name]
    assert data.pipeline_tag == ("image-classification" if folder.name == "judge" else "text-to-image")
    assert data.datasets == [f"dalle-lessons-{folder.parent.name}"]


def test_there_are_weights_of_both_worlds():
    assert {(f.parent.name, f.name) for f in FOLDERS} >= {(w, part) for w in WORLDS for part in ("dvae", "dalle")}
