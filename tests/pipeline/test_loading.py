"""The parts of a system belong together; they come from a folder, bundled weights, or a hub (here, a folder)."""

import fnmatch
import hashlib
import shutil
from dataclasses import replace

import huggingface_hub
import pytest
import torch

from dalle_lessons import TextToImage
from dalle_lessons.model.clip import CLIP, CLIPConfig
from dalle_lessons.model.dalle import DALLE, DALLEConfig
from dalle_lessons.model.dvae import DVAE, DVAEConfig
from dalle_lessons.model.editing import extend_rows
from dalle_lessons.model.tokenizer import TextTokenizer

CAPTIONS = ["a red circle", "a blue square above a circle"]


def make_dvae(seed: int) -> DVAE:
    torch.manual_seed(seed)
    return DVAE(DVAEConfig(codes=16, code_dim=8, widths=(8, 8), patch=2, blocks=1))


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A whole system of small models that know what they were trained on, as training saves them."""
    folder = tmp_path_factory.mktemp("weights")
    tokenizer = TextTokenizer.train(CAPTIONS, 270, 12)
    dvae = make_dvae(0)
    known = {"dvae_fingerprint": dvae.fingerprint(), "tokenizer_fingerprint": tokenizer.fingerprint()}
    dalle = DALLE(DALLEConfig(tokenizer.vocab_size, 12, 3, 3, 16, 16, 1, 2, **known))
    dvae.save_pretrained(folder / "dvae")
    dalle.save_pretrained(folder / "dalle")
    extend_rows(dalle, 16).save_pretrained(folder / "edit")
    CLIP(CLIPConfig(tokenizer.vocab_size, 12, 0, 12, 2, (8,), 16, 1, 2, 4, **known), tokenizer).save_pretrained(
        folder / "clip"
    )
    for part in ("dalle", "edit"):
        tokenizer.save(folder / part / "tokenizer.json")
    return folder


@pytest.fixture
def folder(original, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(original, tmp_path / "weights")


def sentence(caught) -> str:
    message = str(caught.value)
    assert "\n" not in message and message.endswith(".")
    return message


def test_parts_that_belong_together_load(folder):
    system = TextToImage.from_pretrained(folder)
    assert system.clip is not None and system.editor is not None and system.name == folder
    for part, model in (("dvae", system.dvae), ("dalle", system.dalle), ("clip", system.clip), ("edit", system.editor)):
        content = (folder / part / "model.safetensors").read_bytes()
        assert model.weights_sha256 == hashlib.sha256(content).hexdigest() and not model.training


@pytest.mark.parametrize("world", ["emoji", "shapes"])
def test_the_bundled_parts_know_each_other_and_belong_together(world):
    system = TextToImage.from_pretrained(world)
    for model in (system.dalle, system.clip, system.editor):
        if model is not None:
            assert model.config.dvae_fingerprint == system.dvae.fingerprint()
            assert model.config.tokenizer_fingerprint == system.tokenizer.fingerprint()


def test_a_retrained_dvae_beside_the_old_dalle_is_refused(folder):
    """Both have as many codes, and every shape fits: without a word it would draw nonsense."""
    make_dvae(1).save_pretrained(folder / "dvae")
    with pytest.raises(ValueError, match="^This DALL·E was trained on the image tokens of another dVAE") as caught:
        TextToImage.from_pretrained(folder)
    assert "--dvae" in sentence(caught) and "load the folder whose parts were trained together" in sentence(caught)


@pytest.mark.parametrize(("part", "name"), [("clip", "This CLIP"), ("edit", "This edit model")])
def test_a_clip_or_an_editor_of_another_dvae_is_refused(part, name, folder):
    system = TextToImage.from_pretrained(folder)
    model = system.clip if part == "clip" else system.editor
    assert model is not None
    model.config = replace(model.config, dvae_fingerprint=make_dvae(1).fingerprint())
    parts = {"clip": model} if part == "clip" else {"editor": model}
    with pytest.raises(ValueError, match=f"^{name} was trained on the image tokens of another dVAE") as caught:
        TextToImage(system.dvae, system.dalle, system.tokenizer, **parts)
    sentence(caught)


def other_tokenizer(size: int) -> TextTokenizer:
    tokenizer = TextTokenizer.train(["green hexagons and stars", "yellow triangles"], size, 12)
    assert tokenizer.vocab_size == size
    return tokenizer


def test_another_tokenizer_of_the_same_size_is_refused(folder):
    size = TextToImage.from_pretrained(folder).tokenizer.vocab_size
    other_tokenizer(size).save(folder / "edit" / "tokenizer.json")
    with pytest.raises(ValueError, match="^The edit model in .* reads other text tokens than DALL·E") as caught:
        TextToImage.from_pretrained(folder)
    sentence(caught)
    shutil.rmtree(folder / "edit")
    other_tokenizer(size).save(folder / "dalle" / "tokenizer.json")
    with pytest.raises(ValueError, match="^This DALL·E was trained on the text tokens of another tokenizer") as caught:
        TextToImage.from_pretrained(folder)
    sentence(caught)


def test_an_editor_trained_on_other_text_is_refused(folder):
    system = TextToImage.from_pretrained(folder)
    assert system.editor is not None
    system.editor.config = replace(system.editor.config, tokenizer_fingerprint="0" * 64)
    with pytest.raises(ValueError, match="^This edit model was trained on the text tokens of another tokenizer"):
        TextToImage(system.dvae, system.dalle, system.tokenizer, editor=system.editor)


def test_models_that_do_not_know_what_they_were_trained_on_are_taken(folder):
    system = TextToImage.from_pretrained(folder)
    system.dalle.config = replace(system.dalle.config, dvae_fingerprint="", tokenizer_fingerprint="")
    assert TextToImage(make_dvae(1), system.dalle, other_tokenizer(system.tokenizer.vocab_size)).clip is None


@pytest.mark.parametrize("part", ["clip", "edit"])
@pytest.mark.parametrize("missing", ["model.safetensors", "config.json"])
def test_a_part_without_its_weights_is_refused_and_a_part_that_is_not_there_is_done_without(part, missing, folder):
    (folder / part / missing).unlink()
    with pytest.raises(FileNotFoundError, match=f"{part} holds no weights .*: finish its training, or move") as caught:
        TextToImage.from_pretrained(folder)
    sentence(caught)
    shutil.rmtree(folder / part)
    system = TextToImage.from_pretrained(folder)
    assert (system.clip if part == "clip" else system.editor) is None


def test_an_editor_without_a_tokenizer_of_its_own_reads_dalles(folder):
    (folder / "edit" / "tokenizer.json").unlink()
    assert TextToImage.from_pretrained(folder).editor is not None


@pytest.mark.parametrize("part", ["dalle", "clip"])
def test_a_missing_tokenizer_is_one_sentence(part, folder):
    (folder / part / "tokenizer.json").unlink()
    with pytest.raises(FileNotFoundError, match=f"There is no .*{part}/tokenizer.json") as caught:
        TextToImage.from_pretrained(folder)
    sentence(caught)


def test_a_folder_of_one_model_is_no_system(folder):
    with pytest.raises(ValueError, match="describes another model, a dalle: give the folder of a dvae") as caught:
        TextToImage.from_pretrained(folder / "dalle")
    sentence(caught)


def test_a_system_comes_from_the_hub_at_one_revision_without_pickles(folder, tmp_path, monkeypatch):
    asked = []
    (folder / "dalle" / "pytorch_model.bin").write_bytes(b"not to be opened")
    (folder / "judge").mkdir()
    (folder / "judge" / "config.json").write_text("{}")

    def snapshot_download(repo_id, *, allow_patterns, **options):
        asked.append((repo_id, options))
        for path in folder.rglob("*"):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and any(fnmatch.fnmatch(name, pattern) for pattern in allow_patterns):
                (tmp_path / "snapshot" / name).parent.mkdir(exist_ok=True, parents=True)
                shutil.copy(path, tmp_path / "snapshot" / name)
        return str(tmp_path / "snapshot")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    options = {"revision": "abc123", "token": "secret", "cache_dir": tmp_path / "cache", "local_files_only": True}
    system = TextToImage.from_pretrained("hub:owner/name", **options)
    assert asked == [("owner/name", options)]  # once, so that all parts are of one commit
    local = TextToImage.from_pretrained(folder)
    assert system.dalle.weights_sha256 == local.dalle.weights_sha256 and system.clip is not None
    assert {path.name for path in (tmp_path / "snapshot").iterdir()} == {"dvae", "dalle", "clip", "edit"}
    assert not list((tmp_path / "snapshot").rglob("*.bin"))
