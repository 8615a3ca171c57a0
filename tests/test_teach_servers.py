"""A server for a class and a container for one person: what their files name is there, and in step with the rest."""

import fnmatch
import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from packaging.specifiers import SpecifierSet
from traitlets.config import Config

from dalle_lessons.classroom.teach.usb import PYTHONS
from dalle_lessons.cli import main

ROOT = Path(__file__).resolve().parent.parent
HUB = ROOT / "teach" / "hub"
DOCKERFILE = (HUB / "Dockerfile").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONTAINER = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
WHEEL = f"{PROJECT['name'].replace('-', '_')}-{PROJECT['version']}-py3-none-any.whl"


def instructions(kind: str) -> list[str]:
    """What follows each FROM, COPY, RUN, …, in one line."""
    lines = "\n".join(line for line in DOCKERFILE.splitlines() if not line.startswith("#"))
    return [found[1] for found in re.finditer(rf"^{kind} (.*)$", re.sub(r"\\\n\s*", "", lines), re.M)]


@pytest.fixture
def hub() -> Config:
    config = Config()
    path = HUB / "jupyterhub_config.py"
    exec(compile(path.read_text(encoding="utf-8"), path.name, "exec"), {"get_config": lambda: config})
    return config


def test_what_is_copied_is_what_the_commands_above_bring(hub):
    commands = re.findall(r"^#     (.+)$", DOCKERFILE, re.M)
    assert commands[:2] == [
        "python -m pip wheel . --no-deps --wheel-dir teach/hub",
        "cp constraints.txt teach/hub",
    ]
    brought = [WHEEL, "constraints.txt"]
    ((*sources, target),) = [line.split() for line in instructions("COPY")]
    assert [fnmatch.filter(brought, source) for source in sources] == [[name] for name in brought]
    assert (ROOT / "constraints.txt").is_file() and target == "/tmp/"
    ignored = [f"teach/hub/{name}" for name in brought]  # nobody commits them
    lines = [line.lstrip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()]
    assert all(any(fnmatch.fnmatch(name, line) for line in lines if line) for name in ignored)
    assert commands[2] == f"docker build --tag {hub.DockerSpawner.image} teach/hub"


def test_each_container_has_a_python_that_the_course_runs_on():
    for image in (*instructions("FROM"), CONTAINER["image"]):
        found = re.search(r":(?:python-)?(3\.\d+)$", image)
        assert found is not None and found[1] in PYTHONS, image
        assert SpecifierSet(PROJECT["requires-python"]).contains(f"{found[1]}.0")


def test_what_is_installed_is_the_lock_with_the_small_pytorch():
    install, _ = instructions("RUN")
    index = re.findall(r"https://\S+", install)
    assert index == [CONTAINER["containerEnv"]["TORCH_INDEX"]] and f"TORCH_INDEX={index[0]}" in README
    assert "--constraint /tmp/constraints.txt" in install
    wheel, extra = re.search(r'\$\(ls /tmp/(\S+)\)\[(\w+)\]"$', install).groups()
    assert fnmatch.fnmatch(WHEEL, wheel) and extra in PROJECT["optional-dependencies"]


def test_the_image_and_the_hub_agree(hub):
    (environment,) = instructions("ENV")
    assert dict(word.split("=") for word in environment.split()) == hub.Spawner.environment
    assert instructions("USER")[-1] != "root"
    sizing = (HUB / "sizing.md").read_text(encoding="utf-8")
    assert hub.Spawner.mem_limit == "2G" and "**2 GB for each user**" in sizing


@pytest.mark.skipif(os.name == "nt", reason="a script for Unix")
def test_a_server_that_starts_makes_a_copy_and_starts_without_one(tmp_path):
    """The image's start script reads the hook with `source`; the course is a stand-in that fails."""
    *_, hook = instructions("RUN")
    assert hook.count("/usr/local/bin/before-notebook.d/") == 2
    subprocess.run(["sh", "-c", hook.replace("/usr/local/bin/before-notebook.d", str(tmp_path))], check=True)
    (made,) = tmp_path.iterdir()
    assert made.suffix == ".sh" and made.stat().st_mode & 0o111 == 0o111  # everybody's, also in another group
    course = tmp_path / "dalle-lessons"
    course.write_text(f'#!/bin/sh\nprintf "%s|" "$@" > "{tmp_path}/asked"\nexit 1\n')
    course.chmod(0o755)
    environment = {"HOME": "/home/a student", "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-ec", f'source "{made}"; echo on'], env=environment, capture_output=True, text=True)
    assert done.stdout == "on\n" and done.returncode == 0, done
    command, folder = (tmp_path / "asked").read_text().split("|")[:2]
    assert folder == "/home/a student/my-lessons"
    assert CliRunner().invoke(main, [command, "--help"]).exit_code == 0


def test_a_container_for_one_person_makes_an_environment_and_a_copy():
    make, copy = (command.split() for command in CONTAINER["postCreateCommand"].split(" && "))
    assert make[0] == "python3" and (ROOT / make[1]).is_file() and make[3] in PROJECT["optional-dependencies"]
    assert copy[:3] == [f"{make[2]}/bin/python", "-m", "dalle_lessons"]
    assert CliRunner().invoke(main, [copy[3], "--help"]).exit_code == 0
    settings = CONTAINER["customizations"]["vscode"]["settings"]
    assert settings["python.defaultInterpreterPath"] == "${containerWorkspaceFolder}/" + copy[0]
    assert f"/{copy[4]}/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    memory = CONTAINER["hostRequirements"]["memory"]
    assert f"{memory.removesuffix('gb')} GB of memory" in README
    assert 'environ.get("TORCH_INDEX"' in (ROOT / make[1]).read_text(encoding="utf-8")
