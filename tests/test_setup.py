"""The set-up: environment.yml, pyproject.toml and the lock agree, and what the README promises is there."""

import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest
import torch
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from dalle_lessons.classroom import doctor
from dalle_lessons.model import devices
from dalle_lessons.model import files as paths

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))

# What conda-forge calls by another name.
CONDA_NAMES = {"pytorch": "torch", "pytorch-cpu": "torch", "matplotlib-base": "matplotlib"}


def lock_lines() -> list[str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def locked() -> dict[str, Version]:
    pairs = (line.split("==") for line in lock_lines())
    return {canonicalize_name(name): Version(version) for name, version in pairs}


def requirements() -> dict[str, list[Requirement]]:
    """{"core" or an extra: its requirements}, without those that name another extra of the package."""
    groups = {"core": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}
    parsed = {group: [Requirement(line) for line in lines] for group, lines in groups.items()}
    return {group: [r for r in rs if r.name != PROJECT["name"]] for group, rs in parsed.items()}


def conda_pins() -> dict[str, SpecifierSet]:
    """{name: range} of what environment.yml takes from conda-forge (a conda `=2.4.*` is a pip `==2.4.*`)."""
    pins = {}
    for line in ENVIRONMENT["dependencies"]:
        if isinstance(line, str):
            name, _, version = line.partition("=")
            pins[CONDA_NAMES.get(name, canonicalize_name(name))] = SpecifierSet(f"=={version}" if version else "")
    return pins


def pip_lines() -> list[str]:
    return next(line["pip"] for line in ENVIRONMENT["dependencies"] if isinstance(line, dict))


# ---- the lock ----


def test_lock_holds_names_and_versions_only():
    """No address or folder of where the packages came from: the lock must serve everyone."""
    for line in lock_lines():
        assert re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line), f"constraints.txt has a line that is no pin: {line}"


def test_lock_has_torch_as_the_lessons_were_made_with():
    assert str(locked()["torch"]) == "2.13.0"


def test_lock_has_nothing_of_cuda():
    assert not [name for name in locked() if name.startswith(("nvidia", "cuda", "triton"))]


@pytest.mark.parametrize("group", requirements())
def test_lock_serves_pyproject(group):
    versions = locked()
    for requirement in requirements()[group]:
        version = versions.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} ({group}) is not in constraints.txt; run: make lock"
        assert requirement.specifier.contains(version), f"{requirement} ({group}), but locked is {version}"


def test_lock_is_made_of_one_pin_a_package():
    assert len(locked()) == len(lock_lines())


# ---- environment.yml ----


def test_conda_environment_agrees_with_the_lock():
    versions = locked()
    for name, spec in conda_pins().items():
        if name not in ("python", "pip"):
            assert spec.contains(versions[name]), f"environment.yml has {name}{spec}, the lock {versions[name]}"


def test_pip_part_of_the_conda_environment_agrees_with_the_lock():
    versions = locked()
    for requirement in (Requirement(line) for line in pip_lines() if not line.startswith("-")):
        assert str(requirement.specifier) == f"=={versions[canonicalize_name(requirement.name)]}", requirement


def test_conda_environment_has_all_that_the_commands_need():
    """Every requirement of the core, `lab` and `test` is named, so that no version is left to chance."""
    named = set(conda_pins()) | {canonicalize_name(Requirement(line).name) for line in pip_lines() if line[0] != "-"}
    groups = requirements()
    needed = {canonicalize_name(r.name) for group in ("core", "lab", "test") for r in groups[group]}
    assert needed <= named
    assert "-e .[lab,test]" in pip_lines()


def test_conda_environment_asks_only_conda_forge():
    assert ENVIRONMENT["channels"] == ["conda-forge", "nodefaults"]


def test_conda_environment_has_a_python_that_the_package_takes():
    python = str(conda_pins()["python"]).removeprefix("==")
    assert SpecifierSet(PROJECT["requires-python"]).contains(python)


# ---- what the README promises ----


def test_readme_names_the_two_commands():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in ('make draw PROMPT="a sketch of a cat face"', "make test"):
        assert re.search(rf"^(\$ )?{re.escape(command)}", readme, re.MULTILINE), f"the README does not show: {command}"


def test_every_make_command_of_the_readme_exists():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    shown = re.findall(r"^make ([a-z-]+)", readme, re.MULTILINE) + re.findall(r"`make ([a-z-]+)[^`\n]*`", readme)
    assert set(shown) <= set(targets)


def test_readme_states_every_minute():
    gaps = re.findall(r"FILL-[A-Z-]+", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert not gaps, f"measure these and write them into the README: {', '.join(gaps)}"


def test_command_is_installed_and_helps():
    script = shutil.which("dalle-lessons", path=sysconfig.get_path("scripts"))
    assert script, "the command dalle-lessons is not installed; run: pip install -e ."
    result = subprocess.run([script, "--help"], capture_output=True, text=True, encoding="utf-8", timeout=120)
    assert result.returncode == 0, result.stderr
    assert "draw" in result.stdout


PROMPTS = [
    "a cat's face",
    'a "sketch" of a cat',
    "$HOME, $(HOME), ${HOME} and $$",
    "`echo no` $(shell echo no) \\ ; # %",
    "-v",
    "ein Gespräch 🐱",
]


@pytest.mark.skipif(sys.platform == "win32" or not shutil.which("make"), reason="conda users do without make")
@pytest.mark.parametrize("prompt", PROMPTS)
def test_make_hands_over_any_prompt_letter_by_letter(prompt, tmp_path):
    """`make draw` with a stand-in for the command, and with stamps that say that everything is installed."""
    script = tmp_path / "venv" / "bin" / "dalle-lessons"
    script.parent.mkdir(parents=True)
    script.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    script.chmod(0o755)
    (script.parent / "python").touch()
    for stamp in ("torch.stamp", "draw.stamp"):
        (tmp_path / "venv" / stamp).touch()
    command = ["make", "--silent", "draw", f"VENV={tmp_path / 'venv'}", f"PROMPT={prompt}"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=60)
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"draw|--|{prompt}|"


# ---- where data is found, and the doctor ----


def test_folders_are_found_in_a_clone():
    assert paths.data_dir() == ROOT / "data"
    assert paths.notebooks_dir() == ROOT / "notebooks"


def test_folders_are_found_in_an_installed_wheel(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "dalle_lessons"
    (package / "data").mkdir(parents=True)
    (tmp_path / "site-packages" / "data").mkdir()  # another package's: not ours
    monkeypatch.setattr(paths, "PACKAGE", package)
    assert paths.data_dir() == package / "data"
    with pytest.raises(FileNotFoundError, match="came without its lessons"):
        paths.notebooks_dir()


def test_doctor_looks_at_everything_and_says_what_is_missing(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "REFERENCE_SECONDS", 0.2)
    monkeypatch.setattr(doctor, "measure", lambda: 0.3)
    monkeypatch.setattr(doctor, "memory", lambda: 2 * doctor.GIB)
    assert doctor.doctor() is False
    said = capsys.readouterr().out
    assert "  NO  memory: 2.0 GiB; the lessons that train need 4 GB" in said
    assert "1.5 × the stated minutes" in said


def test_doctor_says_which_devices_there_are_and_which_is_taken(monkeypatch):
    for module in (devices, doctor):
        monkeypatch.setattr(module, "devices_here", lambda: [torch.device("mps"), torch.device("cpu")])
    found = doctor.check_devices()
    assert found.ok and found.text == "mps, cpu; taken unless another is named: mps"


def test_doctor_knows_this_machine():
    assert doctor.check_python().ok and doctor.check_torch().ok and doctor.check_widgets().ok
    assert doctor.memory() > 0.1 * doctor.GIB
    assert doctor.work(steps=1) > 0


def test_tests_cannot_reach_the_network():
    # 192.0.2.1 is kept for documentation: nobody is there even if the guard fails.
    with pytest.raises(pytest.fail.Exception, match="reached for the network"):
        socket.create_connection(("192.0.2.1", 80), timeout=0.1)
    with pytest.raises(pytest.fail.Exception, match="reached for the network"):
        socket.create_connection(("nobody.invalid", 80), timeout=0.1)
