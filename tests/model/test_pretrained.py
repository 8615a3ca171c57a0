"""Saving and loading: half precision, hashes, what is refused in one sentence; the hub, whose part a folder plays."""

import copy
import fnmatch
import hashlib
import json
import shutil
from dataclasses import fields, replace
from types import SimpleNamespace

import huggingface_hub
import pytest
import torch
from huggingface_hub.errors import HfHubHTTPError
from safetensors.torch import load_file, save_file

from dalle_lessons.model import files
from dalle_lessons.model.clip import CLIP, CLIPConfig
from dalle_lessons.model.config_file import TELLING_FIELD
from dalle_lessons.model.dalle import DALLE, DALLEConfig
from dalle_lessons.model.dvae import DVAE, DVAEConfig
from dalle_lessons.model.judge import Judge, JudgeConfig
from dalle_lessons.model.tokenizer import TextTokenizer
from dalle_lessons.training.trainer import TrainConfig, Trainer

MIXED = DALLEConfig(19, 6, 3, 4, 13, 24, 3, 4, attention=("row", "column", "conv"))


@pytest.fixture
def dalle():
    torch.manual_seed(0)
    return DALLE(MIXED).eval()


def dvae():
    torch.manual_seed(0)
    model = DVAE(DVAEConfig(codes=16, code_dim=8, widths=(16, 16), patch=2, blocks=1))
    model.loss(torch.rand(2, 3, 8, 8))  # the codes' usage is a buffer: fill it
    return model


def clip():
    torch.manual_seed(0)
    tokenizer = TextTokenizer.train(["a red circle", "a blue square"], 280, 12)
    return CLIP(CLIPConfig(tokenizer.vocab_size, 12, 0, 16, 4, (16, 32), 32, 2, 2, 8), tokenizer).eval()


def judge():
    torch.manual_seed(0)
    return Judge(JudgeConfig(emoji=7, styles=2, tones=3, widths=(8,))).eval()


def one_sentence(caught) -> str:
    message = str(caught.value)
    assert "\n" not in message and message.endswith(".") and len(message) < 500, message
    return message


# ---- saving and loading ----


@pytest.mark.parametrize("make", [dvae, lambda: DALLE(MIXED).eval()])
def test_saving_halves_the_weights_and_loading_computes_in_float32(make, tmp_path):
    model = make()
    model.save_pretrained(tmp_path / "saved")
    stored = load_file(tmp_path / "saved" / "model.safetensors")
    assert {t.dtype for t in stored.values()} == {torch.float16}
    loaded = type(model).from_pretrained(tmp_path / "saved")
    assert loaded.config == model.config and not loaded.training
    state = model.state_dict()
    assert set(loaded.state_dict()) == set(state)
    for name, tensor in loaded.state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, state[name].half().float()), name
    loaded.save_pretrained(tmp_path / "again")
    for name, tensor in load_file(tmp_path / "again" / "model.safetensors").items():
        assert torch.equal(tensor, stored[name])


def test_saving_changes_nothing_in_the_model(dalle, tmp_path):
    before = {name: tensor.clone() for name, tensor in dalle.state_dict().items()}
    dalle.save_pretrained(tmp_path)
    for name, tensor in dalle.state_dict().items():
        assert tensor.dtype == torch.float32 and torch.equal(tensor, before[name])


def test_a_folder_of_a_model_holds_these_files_and_a_card_that_is_there_is_kept(dalle, tmp_path):
    dalle.save_pretrained(tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"README.md", "config.json", "model.safetensors"}
    assert "dalle-lessons train dalle" in (tmp_path / "new" / "README.md").read_text()
    (tmp_path / "new" / "README.md").write_text("my own")
    dalle.save_pretrained(tmp_path / "new")
    assert (tmp_path / "new" / "README.md").read_text() == "my own"


def test_the_averaged_model_that_training_returns_is_saved_with_its_configuration(dalle, tmp_path):
    text, image_tokens = torch.randint(2, 19, (2, 6)), torch.randint(0, 13, (2, 12))
    trainer = Trainer(dalle, lambda model, rng, done: model.loss(text, image_tokens), TrainConfig(steps=1), None)
    trainer.run(progress=False).save_pretrained(tmp_path)
    assert DALLE.from_pretrained(tmp_path).config == MIXED


def test_a_folder_with_a_part_of_its_own_for_each_model_works_too(dalle, tmp_path):
    for model in (dvae(), dalle):
        model.save_pretrained(tmp_path / model.part)
    assert DVAE.from_pretrained(tmp_path).config.codes == 16
    assert DALLE.from_pretrained(str(tmp_path)).config == MIXED


@pytest.mark.parametrize(("number", "what"), [(1e6, "half precision cannot"), (float("nan"), "are not finite")])
def test_weights_that_cannot_be_stored_leave_the_saved_ones_as_they_are(dalle, number, what, tmp_path):
    dalle.save_pretrained(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with torch.no_grad():
        dalle.image_head.bias[3] = number
    with pytest.raises(ValueError, match=f"image_head.bias hold numbers that {what}") as caught:
        dalle.save_pretrained(tmp_path)
    one_sentence(caught)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    with pytest.raises(ValueError, match=what):
        dalle.save_pretrained(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_loading_prints_nothing(dalle, tmp_path, capfd, recwarn):
    dalle.save_pretrained(tmp_path)
    capfd.readouterr()
    DALLE.from_pretrained(tmp_path)
    assert capfd.readouterr() == ("", "") and not recwarn.list


# ---- the hash of the weights ----


def test_a_loaded_model_knows_the_hash_of_the_file_as_it_was_when_it_was_loaded(dalle, tmp_path):
    dalle.save_pretrained(tmp_path)
    assert dalle.weights_sha256 == ""  # it was made in memory
    first = DALLE.from_pretrained(tmp_path)
    assert first.weights_sha256 == hashlib.sha256((tmp_path / "model.safetensors").read_bytes()).hexdigest()
    before = first.weights_sha256
    with torch.no_grad():
        dalle.image_head.bias += 1
    dalle.save_pretrained(tmp_path)
    second = DALLE.from_pretrained(tmp_path)
    assert first.weights_sha256 == before != second.weights_sha256
    assert second.weights_sha256 == hashlib.sha256((tmp_path / "model.safetensors").read_bytes()).hexdigest()
    assert copy.deepcopy(second).weights_sha256 == second.weights_sha256


@pytest.mark.parametrize("make", [dvae, clip, judge])
def test_every_model_knows_its_hash(make, tmp_path):
    model = make()
    model.save_pretrained(tmp_path)
    expected = hashlib.sha256((tmp_path / "model.safetensors").read_bytes()).hexdigest()
    assert (model.weights_sha256, type(model).from_pretrained(tmp_path).weights_sha256) == ("", expected)


def test_a_model_that_is_trained_on_is_no_longer_what_was_loaded(dalle, tmp_path):
    dalle.save_pretrained(tmp_path)
    loaded = DALLE.from_pretrained(tmp_path)
    assert loaded.eval().weights_sha256
    assert loaded.train().eval().weights_sha256 == ""
    loaded = DALLE.from_pretrained(tmp_path)
    text, image_tokens = torch.randint(2, 19, (2, 6)), torch.randint(0, 13, (2, 12))
    trainer = Trainer(loaded, lambda model, rng, done: model.loss(text, image_tokens), TrainConfig(steps=1), None)
    averaged = trainer.run(progress=False)
    assert isinstance(averaged, DALLE) and (averaged.weights_sha256, loaded.weights_sha256) == ("", "")


# ---- what is refused ----


def test_a_configuration_with_unknown_settings_is_refused(dalle, tmp_path):
    """To leave a setting out would compute another network."""
    dalle.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "something_new": 1, "and_more": 2}))
    with pytest.raises(ValueError, match=r"\(and_more, something_new\): install a newer dalle-lessons\.$") as caught:
        DALLE.from_pretrained(tmp_path)
    assert str(tmp_path / "config.json") in one_sentence(caught)


@pytest.mark.parametrize("content", ["", '{"codes": 12', "[1, 2]"])
def test_a_damaged_configuration_is_refused(dalle, content, tmp_path):
    dalle.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ValueError, match="damaged|no configuration") as caught:
        DALLE.from_pretrained(tmp_path)
    assert str(tmp_path / "config.json") in one_sentence(caught)


MAKERS = {"dvae": dvae, "dalle": lambda: DALLE(MIXED), "clip": clip, "judge": judge}


@pytest.mark.parametrize("there", MAKERS)
@pytest.mark.parametrize("asked", MAKERS)
def test_a_folder_of_another_part_is_named(asked, there, tmp_path):
    if asked == there:
        return
    MAKERS[there]().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=f"another model, a {there}: give the folder of a {asked}.$") as caught:
        type(MAKERS[asked]()).from_pretrained(tmp_path)
    one_sentence(caught)


def test_the_telling_field_of_a_part_is_in_its_configuration_alone():
    known = {cls.part: {field.name for field in fields(cls.config_class)} for cls in (DVAE, DALLE, CLIP, Judge)}
    for part, field in TELLING_FIELD.items():
        assert {other for other, names in known.items() if field in names} == {part}


@pytest.mark.parametrize("keep", [0, 5, 100, 0.5, 0.999])
def test_weights_that_are_cut_short_are_refused(dalle, keep, tmp_path):
    dalle.save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[: keep if isinstance(keep, int) else int(keep * len(content))])
    with pytest.raises(ValueError, match="is damaged or cut short") as caught:
        DALLE.from_pretrained(tmp_path)
    assert str(path) in one_sentence(caught)


def test_weights_that_are_no_weights_are_refused(dalle, tmp_path):
    dalle.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n")
    with pytest.raises(ValueError, match="is damaged or cut short"):
        DALLE.from_pretrained(tmp_path)


@pytest.mark.parametrize("change", ["shape", "missing", "more"])
def test_weights_of_another_size_are_refused(dalle, change, tmp_path):
    dalle.save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    if change == "shape":
        weights["image_head.bias"] = torch.zeros(14)
    elif change == "missing":
        del weights["image_head.bias"]
    else:
        weights["image_head.more"] = torch.zeros(2)
    save_file(weights, tmp_path / "model.safetensors")
    expected = {
        "shape": r"image_head.bias has shape \(14,\), and \(13,\) was expected",
        "missing": r"image_head.bias has shape none, and \(13,\) was expected",
        "more": r"image_head.more has shape \(2,\), and none was expected",
    }[change]
    with pytest.raises(ValueError, match=expected) as caught:
        DALLE.from_pretrained(tmp_path)
    assert "model.safetensors" in one_sentence(caught)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(dalle, number, tmp_path):
    dalle.save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    weights["image_head.bias"][2] = number
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="not finite, in image_head.bias") as caught:
        DALLE.from_pretrained(tmp_path)
    one_sentence(caught)


def test_an_unknown_name_is_one_sentence_and_asks_no_network(tmp_path):
    for name in ("no-such-world", "owner/name", tmp_path):
        with pytest.raises(FileNotFoundError, match="^There are no dalle weights in .*hub:owner/name.$") as caught:
            DALLE.from_pretrained(name)
        assert str(name) in one_sentence(caught)


@pytest.fixture
def no_pickle(monkeypatch):
    def refuse(*_, **__):
        pytest.fail("a pickle file was read")

    monkeypatch.setattr(torch, "load", refuse)
    monkeypatch.setattr("pickle.load", refuse)
    monkeypatch.setattr("pickle.loads", refuse)
    monkeypatch.setattr("pickle.Unpickler", refuse)


def test_a_pickle_file_in_a_folder_is_never_read(dalle, tmp_path, no_pickle):
    dalle.save_pretrained(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"not to be opened")
    DALLE.from_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="There are no dalle weights"):
        DALLE.from_pretrained(tmp_path)


# ---- the tokenizer of a CLIP ----


def test_a_clip_without_its_tokenizer_is_refused(tmp_path):
    clip().save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(FileNotFoundError, match="There is no .*tokenizer.json") as caught:
        CLIP.from_pretrained(tmp_path)
    one_sentence(caught)


@pytest.mark.parametrize("fingerprint", ["known", ""])
def test_a_clip_with_another_tokenizer_is_refused(fingerprint, tmp_path):
    """Of the same size: only a fingerprint tells. Of another size: without one, too."""
    model = clip()
    own = model.tokenizer
    assert own is not None
    config = replace(model.config, tokenizer_fingerprint=own.fingerprint() if fingerprint else "")
    CLIP(config, own).save_pretrained(tmp_path)
    assert CLIP.from_pretrained(tmp_path).config == config
    size = own.vocab_size if fingerprint else own.vocab_size - 1
    other = TextTokenizer.train(["green hexagons and stars", "yellow"], size, 12)
    assert other.vocab_size == size
    other.save(tmp_path / "tokenizer.json")
    with pytest.raises(ValueError, match="was trained on other text tokens") as caught:
        CLIP.from_pretrained(tmp_path)
    one_sentence(caught)


# ---- the hub ----


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub of our own, with one repository `owner/name`; gives its folder and a list of what was asked for. As
    huggingface_hub does, it gives a folder with those files that match a pattern."""
    folder, asked = tmp_path / "hub", []
    folder.mkdir()

    def snapshot_download(repo_id, *, allow_patterns, **options):
        asked.append({"repo_id": repo_id, **options})
        if repo_id != "owner/name":
            response = SimpleNamespace(headers={}, request=None)
            raise HfHubHTTPError(f"404: no repository {repo_id}.\n\nRead the documentation.", response=response)
        given = tmp_path / f"snapshot-{len(asked)}"
        given.mkdir()
        for path in folder.rglob("*"):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and any(fnmatch.fnmatch(name, pattern) for pattern in allow_patterns):
                (given / name).parent.mkdir(exist_ok=True)
                shutil.copy(path, given / name)
        return str(given)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return folder, asked


def test_a_name_after_hub_comes_from_the_hub(dalle, hub):
    folder, asked = hub
    dalle.save_pretrained(folder)
    loaded = DALLE.from_pretrained("hub:owner/name")
    assert loaded.config == MIXED
    assert loaded.weights_sha256 == hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert asked == [{"repo_id": "owner/name"}]


def test_in_a_repository_of_several_parts_each_model_has_its_folder(dalle, hub):
    folder, _ = hub
    for model in (dvae(), dalle, clip()):
        model.save_pretrained(folder / model.part)
        assert type(model).from_pretrained("hub:owner/name").config == model.config
    assert {path.name for path in files.weights_dir("hub:owner/name", "dalle").iterdir()} == {
        "README.md",
        "config.json",
        "model.safetensors",
    }


def test_only_the_part_that_was_asked_for_is_downloaded(dalle, hub):
    folder, _ = hub
    for model in (dvae(), dalle):
        model.save_pretrained(folder / model.part)
    assert [path.name for path in files.weights_dir("hub:owner/name", "dvae").parent.iterdir()] == ["dvae"]


def test_revision_and_token_are_handed_on_and_the_tokenizer_is_of_the_same_revision(hub, tmp_path):
    folder, asked = hub
    clip().save_pretrained(folder)
    options = {"revision": "abc123", "token": "secret", "cache_dir": tmp_path / "cache", "local_files_only": True}
    model = CLIP.from_pretrained("hub:owner/name", **options)
    assert model.tokenizer is not None and model.tokenizer.vocab_size == model.config.vocab_size
    assert asked == [{"repo_id": "owner/name", **options}]  # once, for all files


def test_a_pickle_file_on_the_hub_is_never_asked_for(dalle, hub, no_pickle):
    folder, _ = hub
    dalle.save_pretrained(folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(FileNotFoundError, match="'hub:owner/name': the repository needs config.json and") as caught:
        DALLE.from_pretrained("hub:owner/name")
    assert "hub:owner/name." not in one_sentence(caught)  # no advice to do what was done
    (folder / "dalle").mkdir()
    (folder / "pytorch_model.bin").rename(folder / "dalle" / "pytorch_model.bin")
    root = files.local_root("hub:owner/name", ["dalle"])
    assert not list(root.rglob("*.bin")) and list(root.rglob("config.json"))


def test_a_repository_that_is_not_there_is_one_sentence(hub):
    with pytest.raises(FileNotFoundError, match=r"^hub:nobody/nothing could not be read from the hub \(404") as caught:
        DALLE.from_pretrained("hub:nobody/nothing")
    assert "check the name, the revision" in one_sentence(caught)


def test_without_a_network_the_real_hub_is_one_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="^hub:owner/name could not be read from the hub") as caught:
        DALLE.from_pretrained("hub:owner/name", cache_dir=tmp_path, local_files_only=True)
    one_sentence(caught)
