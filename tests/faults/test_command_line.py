"""What shells, consoles and homes may do to the command line."""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image
from tiny import SIDE, save_tiny

from dalle_lessons import cli
from dalle_lessons.cli import main
from dalle_lessons.commands.output import echo_json
from dalle_lessons.datasets.folder import FolderWarning
from dalle_lessons.pipeline.image_files import names_of

ROOT = Path(cli.__file__).parents[1]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return str(save_tiny(tmp_path_factory.mktemp("weights")))


def run(*words):
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def in_console(encoding, *words, **environment):
    """The command as its own process, in a console of this encoding."""
    values = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT), **environment}
    words = [sys.executable, "-m", "dalle_lessons", *map(str, words)]
    return subprocess.run(words, capture_output=True, env=values)


@pytest.mark.parametrize("encoding", ["cp932", "cp437", "ascii"])
def test_the_help_can_be_printed_in_any_console(encoding):
    done = in_console(encoding, "--help")
    assert done.returncode == 0 and b"Traceback" not in done.stderr and b"Commands:" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["cp932", "cp437", "cp1252"])
def test_nothing_fails_in_an_old_console_after_a_picture_was_drawn(encoding, weights, tmp_path):
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("a red circle 🙂\nein Kätzchen がぎ\nplain\n", encoding="utf-8")
    options = ["--model", weights, "--images", 1, "--candidates", 1, "--out-dir", tmp_path / "ü がぎ🙂"]
    done = in_console(encoding, "draw", "--prompts", prompts, *options, "--json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.decode(encoding).splitlines()]
    assert [line["prompt"] for line in lines] == prompts.read_text(encoding="utf-8").splitlines()
    checked = in_console(encoding, "verify", *(line["path"] for line in lines))
    assert checked.returncode == 0 and b"Traceback" not in checked.stderr


@pytest.mark.parametrize("sign", ["~", "~/pictures/a.png", "~\\a.png"])
@pytest.mark.parametrize("option", ["", "--out="])
def test_the_home_folder_is_meant_by_its_sign(sign, option, monkeypatch):
    monkeypatch.setenv("HOME", "/home/anna")
    monkeypatch.setenv("USERPROFILE", "/home/anna")
    expected = option + os.path.expanduser(sign)
    assert cli.at_home(option + sign) == expected and (sign[1:2] == "\\" or expected.startswith(f"{option}/home/anna"))
    for other in ("a ~", "--temperature=~1", "a caption", "--json", "--out=a/~/b", "~anna"):
        assert cli.at_home(other) == other


def test_a_picture_drawn_into_the_home_folder_lies_there(weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    done = run("draw", "a red circle", f"--model={weights}", "--images=1", "--candidates=1", "--out=~/x.png")
    assert done.exit_code == 0 and (tmp_path / "home" / "x.png").is_file() and not (tmp_path / "~").exists()


@pytest.mark.parametrize("length", [240, 245, 250, 251, 252, 255])
@pytest.mark.parametrize("letter", ["n", "ü"])
def test_a_long_name_is_kept_as_far_as_a_disk_can_hold_it(length, letter, weights, tmp_path):
    count = (length - 4) // len(letter.encode())
    name = letter * count + "x" * (length - 4 - count * len(letter.encode())) + ".png"
    assert len(name.encode()) == length
    Image.new("RGB", (SIDE, SIDE)).save(tmp_path / name)
    out = tmp_path / "drawn"
    done = run("edit", "as a sketch", tmp_path / name, "--out-dir", out, "--model", weights, "--candidates", 1)
    assert done.exit_code == 0, done.output
    assert [path.name for path in out.iterdir()] == [name]


def test_a_name_that_grows_too_long_is_cut_and_stays_a_name_of_its_own():
    names = names_of([Path("n" * 255), Path("n" * 254), Path("ü" * 127), Path("short.jpg")])
    assert names[3] == "short.png" and len(set(names)) == 4
    assert all(len(name.encode()) <= 255 and name.endswith(".png") for name in names)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--data", ""], "No folder is named"),
        (["--data", "shapes", "--seed", 2**70], "seed must be from 0"),
        (["--data", "shapes", "--steps", -5], "steps must be at least 1"),
        (["--data", "shapes", "--lr", "nan"], "lr must be a number above 0"),
        (["--data", "shapes", "--out", "/dev/null/x"], "Nothing can be written into"),
    ],
)
def test_values_that_make_no_training_are_refused(words, sentence, tmp_path):
    done = run("train", "dvae", "--out", tmp_path / "out", *words)
    assert done.exit_code == 1 and sentence in done.output and not (tmp_path / "out").exists()


def test_what_the_library_warns_of_is_one_line_without_its_code(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", WARNING], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.stderr.splitlines()[0] == "Warning: dog.png is left out." and "UserWarning: another" in done.stderr
    assert issubclass(FolderWarning, UserWarning) and warnings.formatwarning


WARNING = """
import warnings
from dalle_lessons.cli import main
from dalle_lessons.commands.output import echo_json
from dalle_lessons.datasets.folder import FolderWarning
main(["--help"], standalone_mode=False)
warnings.warn("dog.png is left out.", FolderWarning)
warnings.warn("another")
"""


@pytest.mark.skipif(os.name != "posix", reason="Windows has its home elsewhere")
def test_without_a_home_all_is_drawn_the_same(weights, tmp_path):
    options = ["--model", weights, "--images", 1, "--candidates", 1, "--out", tmp_path / "a.png"]
    done = in_console("utf-8", "draw", "a circle", *options, HOME="/nonexistent", MPLCONFIGDIR="/proc/none")
    assert done.returncode == 0, done.stderr


def test_where_matplotlib_cannot_write_a_lesson_shows_its_figure_and_no_more():
    code = "from dalle_lessons import figures; figures.show(figures.new_figure(1, 1), 'nothing')"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLCONFIGDIR": os.devnull}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")


def test_json_knows_no_number_that_is_none(capsys):
    echo_json({"score": float("nan"), "index": float("-inf"), "seed": 3, "facts": {"a": [1.5, float("inf")]}})
    assert json.loads(capsys.readouterr().out) == {"score": None, "index": None, "seed": 3, "facts": {"a": [1.5, None]}}
