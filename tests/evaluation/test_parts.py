"""The parts of a report: missing weights are named first, what is done is kept, what fails stops nothing else."""

import errno
import json
import os
import re
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from dalle_lessons.cli import main
from dalle_lessons.evaluation import emoji as evaluation_of_emoji
from dalle_lessons.evaluation import shapes as evaluation_of_shapes
from dalle_lessons.evaluation.emoji import EMOJI_PARTS, evaluate_emoji
from dalle_lessons.evaluation.parts import measure_parts
from dalle_lessons.evaluation.shapes import SHAPES_PARTS
from dalle_lessons.model.clip import CLIP, CLIPConfig

KNOWN = {"one": ("dvae",), "two": ("dvae", "judge"), "three": ("clip",)}


class Counted:
    """A measure that counts how often it is taken."""

    def __init__(self, figure=1.0):
        self.figure, self.calls = figure, 0

    def __call__(self) -> dict:
        self.calls += 1
        if isinstance(self.figure, Exception):
            raise self.figure
        return {"figure": self.figure}


@pytest.fixture
def measure(weights, tmp_path):
    def run(measures, settings=None, **options):
        options = {"out": tmp_path / "out", **options}
        return measure_parts("emoji", str(weights), KNOWN, measures, settings or {"captions": 4}, **options)

    return run


def test_a_part_is_kept_and_not_measured_again(measure, tmp_path):
    first = Counted()
    assert measure({"one": first}) == {"one": {"figure": 1.0}}
    kept = json.loads((tmp_path / "out" / "one.json").read_text())
    assert kept["figures"] == {"figure": 1.0}
    assert kept["measured_with"]["settings"] == {"captions": 4} and len(kept["measured_with"]["weights"]) == 5
    second, again = Counted(2.0), Counted(9.0)
    assert measure({"one": again, "two": second}, resume=True) == {"one": {"figure": 1.0}, "two": {"figure": 2.0}}
    assert (again.calls, second.calls) == (0, 1)
    assert measure({"one": again})["one"] == {"figure": 9.0} and again.calls == 1  # without resume: anew


def test_a_part_that_fails_loses_no_other(measure, tmp_path):
    broken = Counted(RuntimeError("no more memory"))
    report = measure({"one": Counted(), "two": broken, "three": Counted(3.0)})
    assert report["one"] == {"figure": 1.0} and report["three"] == {"figure": 3.0} and "two" not in report
    problem = tmp_path / "out" / "two.error.txt"
    assert report["failed"] == {"two": f"no more memory (see {problem})"}
    assert "RuntimeError: no more memory" in problem.read_text() and "Traceback" in problem.read_text()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["one.json", "three.json", "two.error.txt"]
    assert "failed" not in measure({"two": Counted()}) and not problem.exists()
    nameless = measure({"two": Counted(KeyError())})
    assert nameless["failed"]["two"].startswith("KeyError")


def test_a_full_disk_loses_no_figures(measure, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        patch.setattr(Path, "write_text", full)
        report = measure({"one": Counted(), "two": Counted(2.0)})
    assert (report["one"], report["two"]) == ({"figure": 1.0}, {"figure": 2.0})
    assert set(report["failed"]) == {"one", "two"} and "no space left on the disk" in report["failed"]["one"]
    assert list((tmp_path / "out").iterdir()) == []


def test_what_cannot_be_json_is_a_failure_and_no_half_a_file(measure, tmp_path):
    report = measure({"one": Counted(float("nan")), "two": Counted()})
    assert list(report) == ["two", "failed"] and list(report["failed"]) == ["one"]
    assert not (tmp_path / "out" / "one.json").exists()


@pytest.mark.parametrize("resume", [False, True])
def test_figures_of_other_weights_or_settings_are_not_touched(measure, weights, tmp_path, resume):
    measure({"one": Counted()})
    before = (tmp_path / "out" / "one.json").read_text()
    other = Counted()
    with pytest.raises(ValueError, match="one.json was measured with another settings: name another --out"):
        measure({"two": other}, {"captions": 5}, resume=resume)
    changed = tmp_path / "changed"
    changed.mkdir()
    for model in weights.iterdir():
        (changed / model.name).symlink_to(model)
    (changed / "dalle").unlink()
    (changed / "dalle").symlink_to(weights / "edit")
    with pytest.raises(ValueError, match="another weights: name another --out, so that it stays"):
        measure_parts("emoji", str(changed), KNOWN, {"two": other}, {"captions": 4}, tmp_path / "out", resume)
    assert other.calls == 0 and (tmp_path / "out" / "one.json").read_text() == before


@pytest.mark.parametrize("text", ["{", "[]", '{"figures": {}}'])
def test_a_file_that_is_no_part_of_a_report_is_not_overwritten(measure, tmp_path, text):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "two.json").write_text(text)
    with pytest.raises(ValueError, match="two.json is no part of a report: move it away"):
        measure({"one": Counted()})


def test_missing_weights_are_said_before_anything_is_measured(weights, tmp_path):
    (tmp_path / "dvae").symlink_to(weights / "dvae")
    measures = {"one": Counted(), "two": Counted(), "three": Counted()}
    sentence = r"no clip and no judge weights in '.*', which two, three need: train them, or .* --only one\.$"
    with pytest.raises(FileNotFoundError, match=sentence):
        measure_parts("emoji", str(tmp_path), KNOWN, measures, {}, tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="no clip weights in '.*', which three needs: train them.$"):
        measure_parts("emoji", str(tmp_path), KNOWN, {"three": measures["three"]}, {}, tmp_path / "out")
    assert all(measure.calls == 0 for measure in measures.values()) and not (tmp_path / "out").exists()
    assert measure_parts("emoji", str(tmp_path), KNOWN, {"one": Counted()}, {}, tmp_path / "out")


def test_by_default_each_kind_of_run_has_a_folder_of_its_own(weights, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for captions in (4, 5, 4):
        measure_parts("shapes", str(weights), KNOWN, {"one": Counted()}, {"captions": captions}, progress=True)
    folders = sorted((tmp_path / "runs" / "evaluation").iterdir())
    assert len(folders) == 2 and all(re.fullmatch(r"shapes-[0-9a-f]{12}", folder.name) for folder in folders)
    assert f"Each part is kept in runs/evaluation/{folders[0].name}" in capsys.readouterr().err


# ---------------------------------------------------------------- the whole, and the command


@pytest.fixture
def few_emoji(few, monkeypatch):
    """The emoji world has these few pictures, and CLI runs are short."""
    monkeypatch.setattr(evaluation_of_emoji, "emoji", lambda split: few[split])
    monkeypatch.setattr(evaluation_of_emoji, "measure_variety", shorter_variety)


def shorter_variety(*args, **options):
    from dalle_lessons.evaluation.drawings import measure_variety

    return measure_variety(*args, captions=1, candidates=9, **options)


def run(*words) -> tuple[int, str, dict | None]:
    result = CliRunner().invoke(main, ["evaluate", *map(str, words)], catch_exceptions=False)
    lines = result.stdout
    return result.exit_code, result.output, json.loads(lines) if lines.startswith("{") else None


def test_the_command_measures_all_parts_of_the_emoji(weights, tmp_path, few_emoji):
    words = ("--weights", weights, "--captions", 2, "--candidates", 2, "--out", tmp_path, "--json")
    code, output, report = run(*words)
    assert code == 0 and list(report) == list(EMOJI_PARTS), output
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{part}.json" for part in EMOJI_PARTS)
    assert report["dvae"]["by_group"].keys() == {"sketch", "cartoon", "flat icon", "illustration"}
    assert list(report["judge"]) == list(report["likelihood"]) == list(report["drawings"])
    assert list(report["retrieval"]) == ["unseen_emoji", "unseen_pair", "unseen_tone"]
    assert report["judge"]["unseen_pair"]["without_near_duplicates"]["true"]["style"]["n"] == 3
    assert report["retrieval"]["unseen_pair"]["without_near_duplicates"]["queries"] == 3
    assert report["edits"]["pairs"]["cartoon -> sketch"]["emoji"] == 2
    code, output, again = run(*words, "--resume")
    assert code == 0 and again == report


def test_the_command_goes_on_where_it_stopped(weights, tmp_path, few_emoji, monkeypatch):
    def stop(*args, **options):
        raise MemoryError("stopped here")

    words = ("--weights", weights, "--captions", 2, "--candidates", 2, "--out", tmp_path, "--only", "judge,likelihood")
    monkeypatch.setattr(evaluation_of_emoji, "measure_nll", stop)
    code, output, _ = run(*words)
    assert code == 1 and "stopped here (see" in output and "emoji top5" in output
    monkeypatch.undo()
    monkeypatch.setattr(evaluation_of_emoji, "emoji", lambda split: pytest.fail("the judge is measured already"))
    code, output, _ = run(*words[:-1], "judge", "--resume")
    assert code == 0 and "emoji top5" in output and "clusters" in output


def test_only_some_splits_are_drawn(weights, tmp_path, few_emoji):
    words = ("--weights", weights, "--captions", 1, "--candidates", 1, "--out", tmp_path, "--json", "--device", "cpu")
    code, _, report = run(*words, "--only", "drawings", "--split", "unseen_tone", "--temperature", 0.5)
    assert code == 0 and list(report["drawings"]) == ["unseen_tone"]
    kept = json.loads((tmp_path / "drawings.json").read_text())["measured_with"]["settings"]
    assert kept == {
        "captions": 1,
        "candidates": 1,
        "drawn_splits": ["unseen_tone"],
        "device": "cpu",
        "temperature": 0.5,
        "guidance": 0.0,
    }


def test_the_command_measures_the_shapes(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation_of_shapes, "PICTURES", 24)
    shapes = evaluation_of_shapes.shapes
    monkeypatch.setattr(evaluation_of_shapes, "shapes", lambda split, count=40: shapes(split, min(count, 40)))
    code, output, report = run(
        *("--world", "shapes", "--captions", 2, "--candidates", 2, "--temperature", 0, "--out", tmp_path, "--json")
    )
    assert code == 0 and list(report) == list(SHAPES_PARTS), output
    assert list(report["drawings"]) == ["seen", "held_out"] and report["drawings"]["seen"]["captions"] == 2
    seen = report["drawings"]["seen"]
    assert seen["at_random"]["all"] == {**seen["at_random"]["all"], "n": 4, "clusters": 2}
    assert seen["best_of_1"]["color"]["n"] >= 2 and set(report["likelihood"]) == {"train", "seen", "held_out"}
    assert set(report["dvae"]["by_group"]) == {"1 object(s)", "2 object(s)"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--only drawing", "The emoji have no part 'drawing': choose among dvae, judge"),
        ("--world shapes --only judge", "The shapes have no part 'judge': choose among dvae, likelihood, drawings."),
        ("--captions 0", "0 is not in the range x>=1"),
        ("--candidates 0", "0 is not in the range x>=1"),
        ("--split train --world shapes", "--split is for the emoji"),
        ("--split unseen_pears", "There is no split 'unseen_pears': choose among train"),
        ("--temperature -1", "The temperature must be 0"),
        ("--weights nowhere", "no dvae and no dalle and no clip and no edit and no judge weights in 'nowhere'"),
    ],
)
def test_what_makes_no_sense_is_refused_with_one_sentence_before_any_work(words, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, output, _ = run(*words.split())
    assert code != 0 and sentence in " ".join(output.split()) and "Traceback" not in output
    assert len(re.findall(r"Error: ", output)) == 1 and not list(tmp_path.iterdir())


def test_a_library_call_without_weights_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="which retrieval needs: train them.$"):
        evaluate_emoji(str(tmp_path), parts=("retrieval",))


def test_a_clip_that_cannot_read_is_told_from_one_that_can(sets):
    from dalle_lessons.evaluation.recognition import measure_retrieval

    torch.manual_seed(0)
    with pytest.raises(ValueError, match="no tokenizer, so it cannot read captions"):
        measure_retrieval(CLIP(CLIPConfig(widths=(8,))), sets["unseen_pair"])
