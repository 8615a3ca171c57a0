"""The worked solution of the capstone as a student's would be tried: one file, one command; and the frame beside it."""

import ast
import importlib
import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from dalle_lessons.classroom import capstone, student_copy
from dalle_lessons.classroom.teach import leaderboard
from dalle_lessons.model.files import notebooks_dir

SOLUTION, FRAME = notebooks_dir() / "capstone_solution.py", notebooks_dir() / "my_dalle.py"
QUICK = ("--dvae-steps", "3", "--steps", "3")
GIVEN = ("Config", "draw_house", "world", "sheet", "main")  # what the frame has from the solution, word for word


def run(path: Path, *arguments: str) -> subprocess.CompletedProcess:
    command, folder = [sys.executable, str(path), *arguments], path.parent
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=300)


def with_few_pictures() -> str:
    """The solution with fewer pictures to learn from, where no more than a few steps are trained."""
    whole, pictures = SOLUTION.read_text(encoding="utf-8"), "pictures: int = 4000"
    assert whole.count(pictures) == 1
    return whole.replace(pictures, "pictures: int = 64")


def tops(path: Path) -> dict[str, ast.AST]:
    return {node.name: node for node in ast.parse(path.read_text(encoding="utf-8")).body if hasattr(node, "name")}


def test_it_is_one_readable_file_on_torch_and_pillow_alone():
    source = SOLUTION.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 330
    for path in (SOLUTION, FRAME):
        imported = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
        names = {alias.name for node in imported if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module for node in imported if isinstance(node, ast.ImportFrom)}
        assert {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) == {"torch", "PIL"}


@pytest.mark.slow
def test_the_same_command_draws_the_same_sheet(tmp_path):
    captions, few = ("a red house", "a house at night", "ein Haus ☂"), tmp_path / "few_pictures.py"
    few.write_text(with_few_pictures(), encoding="utf-8")
    for number, seed in enumerate("001"):
        result = run(few, *captions, *QUICK, "--seed", seed, "--out", f"{number}.png")
        assert result.returncode == 0 and not result.stderr, result.stderr
        assert re.fullmatch(rf"Drawn in \d+ seconds: {number}\.png", result.stdout.splitlines()[-1])
    first, again, other = ((tmp_path / f"{number}.png").read_bytes() for number in range(3))
    assert first == again != other
    sheet = Image.open(tmp_path / "0.png")
    assert sheet.width > 8 * 96 and sheet.height > 3 * 96


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["a house " * 20], "this caption has 41 tokens, and 18 are the most"),
        (["--steps", "0"], "at least 1 step"),
        (["--dvae-steps", "many"], "invalid int value: 'many'"),
        (["--out", "drawings.doc"], "should end in .png"),
        (["--out", os.path.join("nowhere", "drawings.png")], "a folder that is there"),
    ],
)
def test_what_cannot_be_is_said_before_training(arguments, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(SOLUTION), *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(SOLUTION), run_name="__main__")
    said = capsys.readouterr()
    assert ended.value.code == 2 and said.out == ""
    assert sentence in said.err
    assert list(tmp_path.iterdir()) == []


def test_the_frame_is_the_solution_with_its_parts_left_out():
    solution, frame = tops(SOLUTION), tops(FRAME)
    assert set(frame) < set(solution)
    for name, node in frame.items():
        if name in GIVEN:
            assert ast.unparse(node) == ast.unparse(solution[name]), name
            continue
        ours = [node, *(inner for inner in getattr(node, "body", []) if isinstance(inner, ast.FunctionDef))]
        theirs = {getattr(inner, "name", ""): inner for inner in ast.walk(solution[name])}
        for function in (inner for inner in ours if isinstance(inner, ast.FunctionDef)):
            assert ast.unparse(function.args) == ast.unparse(theirs[function.name].args), function.name
            assert isinstance(function.body[-1], ast.Raise), function.name
    world = "# ---- 1. A world"
    parts = [path.read_text(encoding="utf-8").split(world)[1].split("# ---- 2.")[0] for path in (SOLUTION, FRAME)]
    assert parts[0] == parts[1]


def test_students_get_the_frame_and_not_the_solution(tmp_path):
    student_copy.student(tmp_path)
    assert (tmp_path / "my_dalle.py").exists() and not (tmp_path / "capstone_solution.py").exists()
    (copy,) = tmp_path.glob("18_*.ipynb")
    cells = json.loads(copy.read_text(encoding="utf-8"))["cells"]
    assert not any("worked_solution" in "".join(cell["source"]) for cell in cells)
    assert sum("mine = ..." in "".join(cell["source"]) for cell in cells) == 1


def test_the_rubric_asks_for_what_the_frame_draws():
    (notebook,) = notebooks_dir().glob("18_*.ipynb")
    assert len(capstone.worked_solution().CAPTIONS) == 6
    assert "a sheet of six captions, eight drawings each" in notebook.read_text(encoding="utf-8")


def test_a_file_is_read_again_once_it_has_changed(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "mine_for_a_test.py"
    path.write_text("answer = 1")
    mine = importlib.import_module(path.stem)
    assert capstone.latest(mine) is mine and capstone.latest(...) is ...
    path.write_text("answer = 22")
    again = capstone.latest(mine)
    assert again.answer == 22 and mine.answer == 1 and capstone.latest(again) is again


# ---- the leaderboard ----


@pytest.mark.slow
def test_a_leaderboard_ranks_who_is_done_and_says_why_others_are_not(tmp_path, monkeypatch):
    """Each in a process of its own, one of them without end; the only one that is done is the last to run."""
    one = leaderboard.run
    monkeypatch.setattr(leaderboard, "run", lambda name, path, most: one(name, path, 0.05 if name == "cem" else most))
    files = {
        "zoe": with_few_pictures()
        .replace("steps: int = 600", "steps: int = 1")
        .replace("steps: int = 500", "steps: int = 1")
        .replace("layers: int = 3", "layers: int = 1")
        .replace("width: int = 96", "width: int = 16"),
        "bob": FRAME.read_text(encoding="utf-8"),
        "cem": "while True:\n    pass\n",
        "dana": "import sys\n\nprint('I won')\nsys.exit()\n",
        "eve": f"open({str(tmp_path / 'grades.csv')!r}, 'w')\n",
        "fay": "import capstone_solution\n",
    }
    for name, source in files.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "my_dalle.py").write_text(source, encoding="utf-8")
    said: list[str] = []
    found = {e.name: e for e in leaderboard.leaderboard([tmp_path], 0.5, said.append)}
    assert set(found) == set(files) and said[-1].splitlines()[1].startswith(" 1  zoe ")
    score = found["zoe"].score
    assert score is not None and 0 <= score.unseen < score.unseen_of == capstone.UNSEEN and score.seconds > 0
    reasons = {name: entry.sentence for name, entry in found.items() if entry.score is None}
    assert reasons["bob"] == "is not finished: Write Tokenizer.__init__."
    assert reasons["cem"] == "was not done in 0.05 minutes"
    assert "SystemExit" in reasons["dana"]
    assert "no files" in reasons["eve"] and not (tmp_path / "grades.csv").exists()
    assert len(reasons["fay"]) > 10


def test_the_leaderboard_s_table_is_in_order():
    best, slow = (capstone.Score(180, 192, 90, 96, 30, 22.5, seconds) for seconds in (100.0, 200.0))
    entries = [
        leaderboard.Entry("best", best),
        leaderboard.Entry("slow", slow),
        leaderboard.Entry("late", None, "late"),
    ]
    assert best.order < slow.order < capstone.Score(179, 192, 96, 96, 30, 22.5, 1.0).order
    lines = leaderboard.table(entries).splitlines()
    assert lines[1].split()[:5] == ["1", "best", "180", "of", "192"] and lines[3].split() == ["–", "late", "late"]


def test_files_for_the_leaderboard_are_found_by_folder_and_by_name(tmp_path):
    for name in ("ada/my_dalle.py", "ada/other.py", "bob.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert set(leaderboard.files_in([tmp_path])) == {"ada", "bob"}
    assert set(leaderboard.files_in([tmp_path, tmp_path / "bob.py"])) == {"ada", "bob"}  # nobody runs twice
    assert set(leaderboard.files_in([tmp_path / "ada" / "other.py"])) == {"other"}
    for path, sentence in ((tmp_path / "no.txt", "neither"), (tmp_path / "empty", "no Python file")):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(ValueError, match=sentence):
            leaderboard.files_in([path])


@pytest.mark.slow
def test_it_learns_with_another_seed_and_fewer_steps_too(monkeypatch):
    monkeypatch.setattr(capstone, "UNSEEN", 64)
    monkeypatch.setattr(capstone, "SEEN", 48)
    worked = capstone.worked_solution()
    c = worked.Config(seed=1, pictures=1000, dvae_steps=250, steps=250)
    score = capstone.score_file(SimpleNamespace(**{**vars(worked), "Config": lambda: c}), worked)
    assert score.codes >= 24 and score.decibels > 18
    assert score.seen / score.seen_of > 0.5 and score.unseen / score.unseen_of > 0.3
