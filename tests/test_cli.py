"""The command `dalle-lessons`: what it prints and writes, and that a user's mistake is one sentence."""

import json
import re

import pytest
from click.testing import CliRunner
from PIL import Image

from dalle_lessons.cli import main
from dalle_lessons.datasets.shapes import shapes


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words: str):
        result = CliRunner().invoke(main, words)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder of weights made by the commands themselves, in a few steps."""
    folder = tmp_path_factory.mktemp("trained")
    for words in (
        ["train", "dvae", "--data", "shapes", "--out", f"{folder}/dvae", "--steps", "4"],
        ["train", "dalle", "--data", "shapes", "--out", f"{folder}/dalle", "--dvae", f"{folder}/dvae", "--steps", "4"],
    ):
        result = CliRunner().invoke(main, words)
        assert result.exit_code == 0, result.output
        assert "4 of 4 steps" in result.output
    return folder


def test_training_leaves_weights_log_and_checkpoint(trained):
    for part, files in (("dvae", ()), ("dalle", ("tokenizer.json",))):
        for name in ("config.json", "model.safetensors", "checkpoint.pt", "log.csv", *files):
            assert (trained / part / name).stat().st_size > 0
    assert (trained / "dvae" / "log.csv").read_text().startswith("step,seconds,total,")


def test_a_training_is_not_overwritten_and_can_be_resumed(trained, run):
    words = ("train", "dvae", "--data", "shapes", "--out", str(trained / "dvae"), "--steps", "4")
    again = run(*words)
    assert again.exit_code == 1 and "--resume" in again.output
    assert run(*words, "--resume").exit_code == 0
    other = run(*words, "--resume", "--seed", "5")
    assert other.exit_code == 1 and "another recipe" in other.output


def test_draw_writes_a_grid_and_says_where(trained, run, tmp_path):
    result = run("draw", "a red circle", "--model", str(trained), "--images", "2", "--candidates", "3")
    assert result.exit_code == 0 and str(tmp_path / "drawing.png") in result.output
    assert Image.open("drawing.png").size == (2 * (32 * 3 + 8) + 8, 32 * 3 + 16)


def test_json_names_each_picture_and_an_index_draws_it_again(trained, run, tmp_path):
    (tmp_path / "prompts.txt").write_text("a red circle\n\na blue square above a circle\r\n", encoding="utf-8-sig")
    model = ("--model", str(trained), "--images", "2", "--candidates", "4")
    result = run("draw", "--prompts", "prompts.txt", "--out-dir", "out", "--json", *model)
    lines = [json.loads(line) for line in result.output.splitlines()]
    assert [line["prompt"] for line in lines] == ["a red circle"] * 2 + ["a blue square above a circle"] * 2
    assert lines[0]["score"] >= lines[1]["score"]
    assert set(lines[0]) == {"prompt", "path", "seed", "index", "score"}
    pictures = [Image.open(line["path"]) for line in lines]
    assert all(picture.size == (32, 32) for picture in pictures) and len({line["path"] for line in lines}) == 4
    again = run("draw", "a red circle", "--model", str(trained), "--index", str(lines[1]["index"]), "--out", "one.png")
    assert again.exit_code == 0
    assert Image.open("one.png").tobytes() == pictures[1].tobytes()


def test_one_bad_line_does_not_stop_the_others(trained, run, tmp_path):
    (tmp_path / "prompts.txt").write_text("a red circle\n" + "circle " * 99 + "\na blue square\n", encoding="utf-8")
    model = ("--model", str(trained), "--images", "1", "--candidates", "1")
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


def test_binary_prompts_are_refused_kindly(run, tmp_path):
    (tmp_path / "prompts.txt").write_bytes(b"\xff\xfe\x00cat")
    result = run("draw", "--prompts", "prompts.txt", "--out-dir", "out")
    assert result.exit_code == 1 and "UTF-8" in result.output


def test_any_shapes_caption_is_drawn_by_the_bundled_shapes_model():
    from dalle_lessons import TextToImage

    tokenizer = TextToImage.from_pretrained("shapes").tokenizer
    pairs = shapes("test", 500)
    assert all(tokenizer.fits(pairs.caption(i, None)) for i in range(len(pairs)))


def test_evaluate_names_the_splits_where_one_is_unknown():
    result = CliRunner().invoke(main, ["evaluate", "--split", "unseen_pears"])
    assert result.exit_code == 2 and "choose among train, unseen_emoji, unseen_pair" in " ".join(result.output.split())
    result = CliRunner().invoke(main, ["evaluate", "--world", "shapes", "--split", "train"])
    assert result.exit_code == 2 and "--split is for the emoji" in " ".join(result.output.split())
