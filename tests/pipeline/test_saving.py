"""A whole system is saved, read back and pushed; a mixture of two is refused."""

import json
import shutil

import huggingface_hub
import pytest
import torch
from huggingface_hub import ModelCard
from tiny import tiny_system

from dalle_lessons import TextToImage, __version__


@pytest.fixture
def saved(tmp_path):
    system = tiny_system()
    system.save_pretrained(tmp_path / "mine", license="mit")
    return system, tmp_path / "mine"


def test_what_was_saved_draws_the_same(saved):
    system, folder = saved
    again = TextToImage.from_pretrained(folder, "cpu")
    again.save_pretrained(folder.parent / "copy")
    copy = TextToImage.from_pretrained(folder.parent / "copy", "cpu")
    for drawn in (again, copy):
        one, other = (s.draw("a red circle", 3, 8) for s in (again, drawn))
        assert [d.image.tobytes() for d in one] == [d.image.tobytes() for d in other]
    assert again.dalle.weights_sha256 == copy.dalle.weights_sha256 and copy.editor is not None
    index = json.loads((folder / "model_index.json").read_text())
    assert index["library_version"] == __version__ and set(index["parts"]) == {"dvae", "dalle", "clip", "edit"}
    assert index["parts"]["dalle"]["model.safetensors"] == again.dalle.weights_sha256
    assert index["dvae_fingerprint"] == again.dvae.fingerprint()


def test_the_bundled_weights_are_saved_as_they_are(tmp_path):
    system = TextToImage.from_pretrained("shapes", "cpu")
    system.save_pretrained(tmp_path)
    again = TextToImage.from_pretrained(tmp_path, "cpu")
    assert {part: model.weights_sha256 for part, model in again.models.items()} == {
        part: model.weights_sha256 for part, model in system.models.items()
    }


@pytest.mark.parametrize("part", ["dvae", "dalle", "clip", "edit"])
def test_a_mixture_is_refused(saved, part, tmp_path):
    _, folder = saved
    torch.manual_seed(1)
    other = tiny_system()
    for parameter in other.models[part].parameters():
        parameter.data += 0.01
    other.save_pretrained(tmp_path / "other")
    shutil.rmtree(folder / part)
    with pytest.raises(ValueError, match=f"The {part} in .* is not the one that model_index.json names"):
        TextToImage.from_pretrained(folder, "cpu")
    shutil.copytree(tmp_path / "other" / part, folder / part)
    with pytest.raises(ValueError, match=f"The {part} in .* is not the one that model_index.json names"):
        TextToImage.from_pretrained(folder, "cpu")
    (folder / "model_index.json").write_text("[]")
    with pytest.raises(ValueError, match="model_index.json is damaged"):
        TextToImage.from_pretrained(folder, "cpu")


def test_what_cannot_be_saved_leaves_the_folder_as_it_was(saved, tmp_path):
    _, folder = saved
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match="holds a clip, which these models lack"):
        tiny_system(clip=False).save_pretrained(folder)
    with pytest.raises(ValueError, match="loaded in bfloat16"):
        TextToImage.from_pretrained(folder, "cpu", "bfloat16").save_pretrained(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_cards_have_a_head_that_the_hub_reads(saved):
    _, folder = saved
    data = ModelCard.load(folder / "README.md").data
    assert (data.license, data.library_name, data.pipeline_tag) == ("mit", "dalle-lessons", "text-to-image")
    for part in ("dvae", "dalle", "clip", "edit"):
        data = ModelCard.load(folder / part / "README.md").data
        assert (data.library_name, data.pipeline_tag) == ("dalle-lessons", "text-to-image") and data.tags


def test_pushing_puts_all_files_into_one_commit(saved, monkeypatch):
    system, folder = saved
    calls = []

    class Api:
        def __init__(self, token):
            calls.append(token)

        def create_repo(self, name, private, exist_ok):
            return type("Made", (), {"repo_id": name})

        def upload_folder(self, repo_id, folder_path, revision, commit_message):
            TextToImage.from_pretrained(folder_path, "cpu")
            calls.append((repo_id, revision))
            return "https://example.org/commit"

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    assert system.push_to_hub("hub:me/mine", token="secret", revision="v1") == "https://example.org/commit"
    assert calls == ["secret", ("me/mine", "v1")]
