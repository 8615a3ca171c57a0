"""The command `dalle-lessons`: what it prints and writes, and that a user's mistake is one sentence."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from tiny import SIDE, save_tiny

from dalle_lessons import Drawing, TextToImage, cli
from dalle_lessons.classroom import serve
from dalle_lessons.cli import main
from dalle_lessons.datasets.shapes import shapes
from dalle_lessons.pipeline.provenance import UnsignedWarning


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words: str):
        result = CliRunner().invoke(main, words)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A folder with a small untrained system."""
    return save_tiny(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder of weights made by the commands themselves, in two steps, from 48 scenes."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dalle_lessons.datasets.shapes.shapes", lambda split: shapes(split, 48))
        for words in (
            ["train", "dvae", "--data", "shapes", "--out", f"{folder}/dvae", "--steps", "2"],
            ["train", "dalle", "--data", "shapes", "--out", f"{folder}/dalle", "--dvae", f"{folder}/dvae"]
            + ["--steps", "2"],
        ):
            result = CliRunner().invoke(main, words)
            assert result.exit_code == 0, result.output
            assert "2 of 2 steps" in result.output
    return folder


def test_training_leaves_weights_log_and_checkpoint(trained):
    for part, files in (("dvae", ()), ("dalle", ("tokenizer.json",))):
        for name in ("config.json", "model.safetensors", "checkpoint.pt", "log.csv", *files):
            assert (trained / part / name).stat().st_size > 0
    assert (trained / "dvae" / "log.csv").read_text().startswith("step,seconds,memory_mb,total,")


def test_what_was_trained_draws(trained, run):
    assert run("draw", "a red circle", "--model", str(trained), "--images", "1", "--candidates", "1").exit_code == 0
    assert Image.open("drawing.png").size == (32 * 3 + 16, 32 * 3 + 16)


def test_a_training_is_not_overwritten_and_can_be_resumed(trained, run, monkeypatch):
    monkeypatch.setattr("dalle_lessons.datasets.shapes.shapes", lambda split: shapes(split, 48))
    words = ("train", "dvae", "--data", "shapes", "--out", str(trained / "dvae"), "--steps", "2")
    again = run(*words)
    assert again.exit_code == 1 and "--resume" in again.output
    assert run(*words, "--resume").exit_code == 0
    other = run(*words, "--resume", "--seed", "5")
    assert other.exit_code == 1 and "another recipe" in other.output


def test_draw_writes_a_grid_and_says_where(weights, run, tmp_path):
    result = run("draw", "a red circle", "--model", str(weights), "--images", "2", "--candidates", "3")
    assert result.exit_code == 0 and str(tmp_path / "drawing.png") in result.output
    assert Image.open("drawing.png").size == (2 * (12 * 3 + 8) + 8, 12 * 3 + 16)


def test_json_names_each_picture_and_an_index_draws_it_again(weights, run, tmp_path):
    (tmp_path / "prompts.txt").write_text("a red circle\n\na blue square above a circle\r\n", encoding="utf-8-sig")
    model = ("--model", str(weights), "--images", "2", "--candidates", "4")
    result = run("draw", "--prompts", "prompts.txt", "--out-dir", "out", "--json", *model)
    lines = [json.loads(line) for line in result.output.splitlines()]
    assert [line["prompt"] for line in lines] == ["a red circle"] * 2 + ["a blue square above a circle"] * 2
    assert lines[0]["score"] >= lines[1]["score"]
    assert set(lines[0]) == {"prompt", "path", "seed", "index", "score"}
    pictures = [Image.open(line["path"]) for line in lines]
    assert all(picture.size == (SIDE, SIDE) for picture in pictures) and len({line["path"] for line in lines}) == 4
    again = run("draw", "a red circle", "--model", str(weights), "--index", str(lines[1]["index"]), "--out", "one.png")
    assert again.exit_code == 0
    assert Image.open("one.png").tobytes() == pictures[1].tobytes()


def test_one_bad_line_does_not_stop_the_others(weights, run, tmp_path):
    (tmp_path / "prompts.txt").write_text("a red circle\n" + "circle " * 99 + "\na blue square\n", encoding="utf-8")
    model = ("--model", str(weights), "--images", "1", "--candidates", "1")
    result = run("draw", "--prompts", "prompts.txt", "--out-dir", "out", *model)
    assert result.exit_code == 1 and "Line 2: This caption is too long" in result.output
    assert "Drew 2 of 3" in result.output and len(list((tmp_path / "out").glob("*.png"))) == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("draw", "Give a caption"),
        ("draw cat --model nowhere", "There are no dalle weights"),
        ("draw --prompts missing.txt --out-dir out", "There is no file missing.txt"),
        ("draw --prompts missing.txt", "belong together"),
        ("draw cat --top-p 2", "top-p"),
        ("draw cat --images 10 --candidates 5", "at least as many candidates"),
        ("draw cat --out cat.jpg --candidates 9", "ends in .png"),
        ("draw cat --images many", "not a valid integer"),
        ("draw cat --out .", "ends in .png"),
        ("draw cat --index 3 --images 2", "leave out --images"),
        ("draw cat --index 3 --candidates 2", "leave out --images"),
        ("draw --prompts lines.txt --out-dir out --out a.png", "each picture goes into --out-dir"),
        ("edit sketch cat.png --out-dir out", "Say as what"),
        ("train dvae --data nowhere --out runs", "nowhere"),
        ("train dvae --preset huge --out runs", "There is no preset 'huge'"),
        ("train painter --out runs", "'painter' is not one of"),
        ("train dvae --data shapes --out runs --resume", "nothing to resume"),
    ],
)
def test_a_mistake_is_one_sentence_and_no_traceback(run, words, sentence):
    result = run(*words.split())
    assert result.exit_code != 0 and sentence in result.output
    assert "Traceback" not in result.output
    assert len(re.findall(r"Error: .*", result.output)) == 1 and result.output.rstrip().count("\n") <= 4


def test_prompts_that_are_no_captions_are_refused(run, tmp_path):
    (tmp_path / "prompts.txt").write_bytes(b"\xff\xfe\x00cat")
    result = run("draw", "--prompts", "prompts.txt", "--out-dir", "out")
    assert result.exit_code == 1 and "UTF-8" in result.output
    (tmp_path / "prompts.txt").write_text("\n \n")
    assert "holds no captions" in run("draw", "--prompts", "prompts.txt", "--out-dir", "out").output


def test_any_shapes_caption_is_drawn_by_the_bundled_shapes_model():
    tokenizer = TextToImage.from_pretrained("shapes").tokenizer
    pairs = shapes("test", 500)
    assert all(tokenizer.fits(pairs.caption(i, None)) for i in range(len(pairs)))


def test_evaluate_names_the_splits_where_one_is_unknown():
    result = CliRunner().invoke(main, ["evaluate", "--split", "unseen_pears"])
    assert result.exit_code == 2 and "choose among train, unseen_emoji, unseen_pair" in " ".join(result.output.split())
    result = CliRunner().invoke(main, ["evaluate", "--world", "shapes", "--split", "train"])
    assert result.exit_code == 2 and "--split is for the emoji" in " ".join(result.output.split())


# ---- what cannot work is said before it draws ----


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["cat", "--out", "cat.jpg"], "ends in .png"),
        (["cat", "--out", "folder.png"], "is a folder"),
        (["cat", "--out", "file/cat.png"], "is a file, so nothing"),
        (["--prompts", "file", "--out-dir", "file"], "is a file, so nothing"),
        (["--prompts", "file", "--out-dir", "locked/out"], "no permission"),
    ],
)
def test_an_impossible_place_is_refused_before_models_are_loaded(run, tmp_path, monkeypatch, words, sentence):
    (tmp_path / "file").write_text("a cat")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "locked").mkdir()
    really = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "locked" and really(path, mode))
    monkeypatch.setattr(TextToImage, "from_pretrained", lambda *_: pytest.fail("a model was loaded"))
    result = run("draw", *words)
    assert result.exit_code == 1 and sentence in result.output and "Traceback" not in result.output


def test_edit_refuses_an_impossible_folder_first(run, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("hello")
    monkeypatch.setattr(TextToImage, "from_pretrained", lambda *_: pytest.fail("a model was loaded"))
    assert "is a file, so nothing" in run("edit", "as a sketch", "a.png", "--out-dir", "file").output


def test_what_is_wrong_with_every_line_is_said_once(weights, run, tmp_path):
    (tmp_path / "prompts.txt").write_text("a red circle\na blue square\n")
    many = ("draw", "--prompts", "prompts.txt", "--out-dir", "out", "--model", str(weights))
    for more, sentence in ((("--top-p", "2"), "top-p"), (("--images", "9", "--candidates", "4"), "as many candidates")):
        result = run(*many, *more)
        assert result.exit_code == 1 and result.output.count(sentence) == 1 and not (tmp_path / "out").exists()


# ---- many pictures ----


def test_more_images_are_as_many_candidates(weights, run):
    result = run("draw", "a red circle", "--model", str(weights), "--images", "70")
    assert result.exit_code == 0 and "70 of 70" in result.output
    assert "2 of 64" in run("draw", "a red circle", "--model", str(weights), "--images", "2").output


def test_names_sort_as_lines_and_ranks_do(weights, run, tmp_path):
    lines = [""] * 999
    lines[1] = lines[100] = "a circle"
    (tmp_path / "prompts.txt").write_text("\n".join([*lines, "a circle"]))
    asked = ("--images", "10", "--candidates", "10", "--model", str(weights))
    result = run("draw", "--prompts", "prompts.txt", "--out-dir", "out", "--json", *asked)
    names = [Path(json.loads(line)["path"]).name for line in result.stdout.splitlines()]
    assert len(names) == 30 and names == sorted(names)
    assert names[0] == "0002-a-circle-01.png" and names[-1] == "1000-a-circle-10.png"


def test_a_full_disk_on_one_line_does_not_stop_the_others(weights, run, tmp_path, monkeypatch):
    (tmp_path / "prompts.txt").write_text("a red circle\na blue square\na circle\n")
    save = Drawing.save

    def full(self, path):
        if self.caption == "a blue square":
            raise OSError(28, "No space left on device")
        return save(self, path)

    monkeypatch.setattr("dalle_lessons.pipeline.drawing.Drawing.save", full)
    asked = ("--images", "1", "--candidates", "1", "--model", str(weights))
    result = run("draw", "--prompts", "prompts.txt", "--out-dir", "out", *asked)
    assert result.exit_code == 1 and "Line 2: " in result.stderr and "No space left" in result.stderr
    assert "Drew 2 of 3" in result.stdout and len(list((tmp_path / "out").iterdir())) == 2


def test_edit_draws_each_picture_under_its_name_and_goes_on_after_a_bad_one(weights, run, tmp_path):
    Image.new("RGB", (20, 20), "red").save("cat.png")
    Path("words.png").write_text("hello")
    asked = ("--model", str(weights), "--candidates", "2")
    result = run("edit", "as a sketch", "cat.png", "words.png", "--out-dir", "out", "--json", *asked)
    assert result.exit_code == 1 and "words.png" in result.stderr and result.stderr.count("\n") == 1
    (line,) = map(json.loads, result.stdout.splitlines())
    assert line["image"] == "cat.png" and Path(line["path"]).name == "cat.png"
    assert Image.open(tmp_path / "out" / "cat.png").size == (SIDE, SIDE)
    plain = run("edit", "as a sketch", "cat.png", "--out-dir", "out", *asked)
    assert plain.exit_code == 0 and "cat.png -> " in plain.output
    onto = run("edit", "as a sketch", "cat.png", "--out-dir", ".", *asked)
    assert onto.exit_code == 1 and "is one of the pictures to edit" in onto.output


def test_a_console_without_the_letters_and_a_bar_for_whoever_looks(weights, tmp_path):
    """Output into a file on Windows is cp1252, which knows no snowman; the bar goes to the terminal, not the file."""
    caption = "a ☃ and a cät 🐱"
    (tmp_path / "prompts.txt").write_text(f"{caption}\n{'☃ ' * 99}\n", encoding="utf-8")
    asked = ["--images", "1", "--candidates", "1", "--model", str(weights)]
    command = [sys.executable, "-m", "dalle_lessons", "draw", "--prompts", "prompts.txt", "--out-dir", "out", "--json"]
    termios = pytest.importorskip("termios")  # not on Windows
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 200))
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONPATH": str(Path(cli.__file__).parents[1])}
    done = subprocess.run(
        [*command, *asked], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=theirs, timeout=120
    )
    os.close(theirs)
    seen = b""
    try:
        while part := os.read(ours, 65536):
            seen += part
    except OSError:  # the other end is closed: all was read
        pass
    os.close(ours)
    assert done.returncode == 1 and b"Line 2: This caption is too long" in seen and b"Traceback" not in seen
    assert b"2/2" in seen and b"line" in seen  # the bar
    assert json.loads(done.stdout.decode("ascii"))["prompt"] == caption


def test_plain_output_needs_no_letters_that_a_console_lacks(weights, tmp_path, monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", out)
    asked = ["--images", "1", "--candidates", "1", "--model", str(weights), "--out", str(tmp_path / "a.png")]
    main(["draw", "a ☃", *asked], standalone_mode=False)
    out.flush()
    assert rb"Drew 'a \u2603', 1 of 1" in out.buffer.getvalue()


# ---- Ctrl-C ----


@pytest.fixture
def ctrl_c(monkeypatch):
    """Ctrl-C, pressed after so many tokens."""

    def press(after: int):
        seen = []

        def counted(bar, on_token):
            def count(i, tokens, logits):
                seen.append(i)
                if len(seen) == after:
                    raise KeyboardInterrupt

            return count

        monkeypatch.setattr("dalle_lessons.pipeline.text_to_image.counted", counted)

    return press


def test_ctrl_c_keeps_what_is_finished_of_a_caption(weights, run, ctrl_c):
    ctrl_c(15)  # in the second batch of nine tokens
    result = run("draw", "a red circle", "--model", str(weights), "--images", "2")
    assert result.exit_code == 130 and "Stopped: " in result.stderr and "drawing.png shows the best" in result.stderr
    assert Image.open("drawing.png").size == (2 * (12 * 3 + 8) + 8, 12 * 3 + 16) and result.stdout == ""
    ctrl_c(3)
    result = run("draw", "a red circle", "--model", str(weights), "--out", "none.png")
    assert result.exit_code == 1 and result.output.strip() == "Aborted!" and not Path("none.png").exists()


def test_ctrl_c_keeps_the_lines_and_the_edits_that_are_finished(weights, run, ctrl_c, tmp_path):
    (tmp_path / "prompts.txt").write_text("a red circle\na blue square\na circle\n")
    asked = ("--images", "1", "--candidates", "1", "--model", str(weights))
    ctrl_c(12)
    result = run("draw", "--prompts", "prompts.txt", "--out-dir", "out", "--json", *asked)
    assert result.exit_code == 130 and "Stopped: what was finished is written." in result.stderr
    assert [json.loads(line)["prompt"] for line in result.stdout.splitlines()] == ["a red circle"]
    assert len(list((tmp_path / "out").iterdir())) == 1
    ctrl_c(12)
    assert "Drew 1 of 3" in run("draw", "--prompts", "prompts.txt", "--out-dir", "out", *asked).stdout
    for name in ("one.png", "two.png", "three.png"):
        Image.new("RGB", (12, 12), "red").save(name)
    ctrl_c(12)
    words = ("one.png", "two.png", "three.png", "--out-dir", "edited", "--model", str(weights))
    result = run("edit", "as a sketch", *words)
    assert result.exit_code == 130 and [path.name for path in (tmp_path / "edited").iterdir()] == ["one.png"]


def test_a_negative_caption_and_a_device_are_options_of_draw(weights, run):
    asked = ("draw", "a red circle", "--model", str(weights), "--candidates", "9")
    assert run(*asked, "--guidance", "2", "--negative-caption", "a blue square", "--device", "cpu").exit_code == 0
    assert json.loads(Image.open("drawing.png").text["Description"])["negative_caption"] == "a blue square"
    assert "give a guidance too" in run(*asked, "--negative-caption", "a blue square").output
    for command in (asked, ("edit", "as a sketch", "drawing.png", "--out-dir", "out")):
        assert "There is no device 'gpu'" in run(*command, "--device", "gpu").output


# ---- errors ----


def failing(monkeypatch, error: BaseException | None = None, work=None):
    def broken(*_):
        if error is not None:
            raise error
        return work()

    monkeypatch.setattr(TextToImage, "from_pretrained", broken)


def test_an_error_from_the_depths_points_to_debug(run, monkeypatch):
    failing(monkeypatch, work=lambda: torch.nn.functional.cross_entropy(torch.zeros(2, 3), torch.zeros(3).long()))
    result = run("draw", "cat")
    assert result.exit_code == 1 and "Traceback" not in result.output
    assert "Error: ValueError: " in result.output and "--debug draw" in result.output
    with pytest.raises(ValueError):
        CliRunner().invoke(main, ["--debug", "draw", "cat"], catch_exceptions=False)


def test_a_drawing_that_cannot_be_signed_is_drawn_and_says_so_once(run, tmp_path, weights, monkeypatch):
    monkeypatch.setattr("dalle_lessons.pipeline.provenance.find_spec", lambda name: None)
    words = ["draw", "a circle", "--model", str(weights), "--images", "1", "--candidates", "1", "--out", "a.png"]
    with pytest.warns(UnsignedWarning, match="this is unsigned") as told:
        result = run(*words)
    assert result.exit_code == 0 and (tmp_path / "a.png").exists() and len(told) == 1
    assert cli.plain_warning(told[0].message, told[0].category, "", 1).startswith("Warning: Signing needs")


def test_a_slip_of_ours_points_to_debug_and_a_sentence_of_ours_does_not(run, monkeypatch):
    source = "def slip():\n    int('x')\ndef sentence():\n    raise ValueError('Say a number.')\n"
    module = {"__name__": "dalle_lessons.somewhere"}
    exec(source, module)
    failing(monkeypatch, work=module["slip"])
    assert "--debug" in run("draw", "cat").output
    failing(monkeypatch, work=module["sentence"])
    assert run("draw", "cat").output == "Error: Say a number.\n"
    with pytest.raises(ValueError, match="Say a number"):
        CliRunner().invoke(main, ["--debug", "draw", "cat"], catch_exceptions=False)


def test_what_the_system_says_of_files_is_a_sentence(run, monkeypatch):
    failing(monkeypatch, work=lambda: open("/nowhere/at/all"))
    assert run("draw", "cat").output == "Error: /nowhere/at/all: No such file or directory.\n"
    failing(monkeypatch, error=OSError(28, "No space left on device"))
    assert run("draw", "cat").output == "Error: No space left on device.\n"


def test_other_errors_keep_their_traceback(monkeypatch):
    for error in (RuntimeError("a cable is loose"), TypeError("no"), KeyError("x")):
        failing(monkeypatch, error=error)
        with pytest.raises(type(error)):
            CliRunner().invoke(main, ["draw", "cat"], catch_exceptions=False)
    failing(monkeypatch, error=click.Abort())
    assert CliRunner().invoke(main, ["draw", "cat"]).output.strip() == "Aborted!"
    assert cli.sentence_for_users(ValueError("never raised")) is None


# ---- JupyterLab ----


@pytest.fixture
def started(monkeypatch):
    """The programs that `lab` starts, none of them for real."""
    monkeypatch.setattr(serve, "find_spec", lambda name: True)
    for name in ("JUPYTERHUB_USER", "JUPYTERHUB_SERVICE_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    commands: list[list[str]] = []
    monkeypatch.setattr(serve, "run_server", lambda command: commands.append(command) or 0)
    return commands


def test_lab_on_a_hub_only_copies(run, tmp_path, monkeypatch, started):
    monkeypatch.setenv("JUPYTERHUB_USER", "ada")
    result = run("lab", "mine")
    assert result.exit_code == 0 and "open the folder mine" in result.output and started == []
    assert (tmp_path / "mine" / "00_text_to_image.ipynb").exists()


def test_lab_as_root_says_so_and_goes_on(run, monkeypatch, started):
    for user, told in ((0, True), (1000, False)):
        monkeypatch.setattr(os, "geteuid", lambda user=user: user, raising=False)
        result = run("lab", "mine")
        assert result.exit_code == 0 and ("You are root" in result.output) is told
        assert ("--allow-root" in started[-1]) is told


def test_lab_without_jupyterlab_says_what_to_install(run, tmp_path, monkeypatch):
    monkeypatch.setattr(serve, "find_spec", lambda name: None)
    result = run("lab", "mine")
    assert result.exit_code == 1 and "-m pip install" in result.output and not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    ("code", "exit_code", "words"),
    [
        (0, 0, ""),
        (-2, 0, "JupyterLab was stopped (SIGINT)."),
        (143, 0, "JupyterLab was stopped (SIGTERM)."),
        (-9, 1, "ended by signal 9"),
        (1, 1, "ended with an error (exit code 1)"),
    ],
)
def test_lab_says_how_a_session_ended(run, monkeypatch, code, exit_code, words):
    monkeypatch.setattr(serve, "find_spec", lambda name: True)
    monkeypatch.setattr(serve, "student", lambda folder: None)
    monkeypatch.setattr(serve, "run_server", lambda command: code)
    result = run("lab", "mine")
    assert result.exit_code == exit_code and words in result.output and "pip install" not in result.output


def test_a_server_outlives_ctrl_c_until_it_ends_by_itself(monkeypatch):
    wait, pressed = subprocess.Popen.wait, []

    def interrupted(self, timeout=None):
        if not pressed:
            pressed.append(True)
            raise KeyboardInterrupt
        return wait(self, timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", interrupted)
    assert serve.run_server([sys.executable, "-c", "raise SystemExit(3)"]) == 3 and pressed
