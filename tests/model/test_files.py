"""Where bundled weights, one's own folders and the package's data are found."""

import shutil

import pytest

from dalle_lessons.model import files


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A package as a wheel installs it, with one bundled world `emoji`; gives the folder of its weights."""
    package = tmp_path / "site-packages" / "dalle_lessons"
    weights = package / "data" / "weights" / "emoji"
    save(weights / "dalle")
    monkeypatch.setattr(files, "PACKAGE", package)
    return weights


def save(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or ("config.json", "model.safetensors"):
        (folder / name).write_text("")


def test_in_a_wheel_data_lies_inside_the_package_and_what_is_missing_is_one_sentence(wheel):
    assert files.data_dir() == wheel.parents[1]
    with pytest.raises(FileNotFoundError, match="came without its lessons .* install it again") as caught:
        files.notebooks_dir()
    assert "\n" not in str(caught.value)


def test_a_clone_comes_before_what_lies_inside_the_package(wheel):
    clone = files.PACKAGE.parent
    (clone / "data").mkdir()
    assert files.data_dir() == files.PACKAGE / "data"  # another package's folder: no clone without pyproject.toml
    (clone / "pyproject.toml").write_text("")
    assert files.data_dir() == clone / "data"


def test_bundled_weights_come_first_then_the_sub_folder_then_the_folder_itself(wheel, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "emoji" / "dalle")
    assert files.weights_dir("emoji", "dalle") == wheel / "dalle"
    shutil.rmtree(wheel)
    assert files.weights_dir("emoji", "dalle").resolve() == tmp_path / "emoji" / "dalle"
    save(tmp_path / "emoji")
    assert files.weights_dir("emoji", "dalle").resolve() == tmp_path / "emoji" / "dalle"
    shutil.rmtree(tmp_path / "emoji" / "dalle")
    assert files.weights_dir(tmp_path / "emoji", "dalle") == tmp_path / "emoji"


@pytest.mark.parametrize("only", ["config.json", "model.safetensors"])
def test_half_of_a_model_is_none(wheel, only, tmp_path):
    save(tmp_path / "mine" / "dalle", only)
    with pytest.raises(FileNotFoundError, match=r"give a bundled name \(emoji\), a folder with") as caught:
        files.weights_dir(tmp_path / "mine", "dalle")
    assert "\n" not in str(caught.value)
    with pytest.raises(FileNotFoundError, match="none yet"):
        files.weights_dir(tmp_path / "mine", "clip")


def test_a_part_that_may_be_missing(wheel, tmp_path):
    mine = tmp_path / "mine"
    assert files.optional_weights_dir("emoji", "clip") is None
    assert files.optional_weights_dir("emoji", "dalle") == wheel / "dalle"
    save(mine)  # a model alone is not taken for a part
    assert files.optional_weights_dir(mine, "clip") is None
    save(mine / "clip", "config.json")
    with pytest.raises(FileNotFoundError, match="clip holds no weights .*finish its training"):
        files.optional_weights_dir(mine, "clip")
    save(mine / "clip")
    assert files.optional_weights_dir(mine, "clip") == mine / "clip"


def test_only_a_name_after_hub_is_asked_for_on_the_hub(tmp_path):
    assert files.local_root("emoji", ["dalle"]) == "emoji"
    assert files.local_root(tmp_path, ["dalle"]) == tmp_path
