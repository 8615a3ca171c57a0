"""What the README tells people to type works, as it stands there."""

import json
import os
import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from dalle_lessons.cli import main

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    """Every line of the README's shell blocks that begins with dalle-lessons, as arguments."""
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("dalle-lessons ")]
    return [shlex.split(line, comments=True)[1:] for line in lines]


@pytest.mark.slow
def test_the_python_of_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert blocks("python")
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), {})
    assert (tmp_path / "drawing.png").stat().st_size > 10_000


def test_every_command_of_the_readme_exists_with_its_options():
    found = commands()
    assert {arguments[0] for arguments in found} >= {"draw", "train", "evaluate"}
    for name, *arguments in found:
        command = main.commands[name]
        while isinstance(command, click.Group):
            name, *arguments = arguments
            command = command.commands[name]
        options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert {a for a in arguments if a.startswith("--")} <= options, (name, arguments)


def test_the_table_of_lessons_has_each_with_its_minutes():
    lessons = {}
    for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        first = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
        stated = re.search(r"\*\*Time:\*\* (\d+) minutes of work", first)
        assert stated is not None, f"{path.name} does not say how long it takes."
        lessons[path.stem.replace("_", " ", 1)] = stated.group(1)
    assert dict(re.findall(r"^\| (\d\d \w+) \|.*\| (\d+) minutes \| [\d.]+ GB \|$", README, re.MULTILINE)) == lessons


@pytest.mark.slow
def test_the_training_of_the_readme_in_miniature_ends_in_a_drawing(tmp_path, monkeypatch):
    """The block on the shapes, each training with two steps: what it trains fits together, and draws."""
    monkeypatch.chdir(tmp_path)
    block = next(block for block in blocks("sh") if "--data shapes" in block)
    lines = [shlex.split(line, comments=True)[1:] for line in block.splitlines() if line.strip()]
    assert [line[:2] for line in lines[:3]] == [["train", "dvae"], ["train", "dalle"], ["train", "clip"]]
    for line in lines:
        few = ["--steps", "2"] if line[0] == "train" else ["--candidates", "9"]
        result = CliRunner().invoke(main, [*line, *few], catch_exceptions=False)
        assert result.exit_code == 0, result.output
    assert os.listdir(tmp_path / "runs") and (tmp_path / "drawing.png").exists()
