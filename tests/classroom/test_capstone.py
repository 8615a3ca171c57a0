"""The worked solution of the capstone as a student's would be tried: one file, one command; and the frame beside it."""

import ast
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from dalle_lessons.classroom import student_copy
from dalle_lessons.model.files import notebooks_dir

SOLUTION, FRAME = notebooks_dir() / "capstone_solution.py", notebooks_dir() / "my_dalle.py"
QUICK = ("--dvae-steps", "3", "--steps", "3")
GIVEN = ("Config", "draw_house", "world", "sheet", "main")  # what the frame has from the solution, word for word


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(SOLUTION), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=300)


def tops(path: Path) -> dict[str, ast.AST]:
    return {node.name: node for node in ast.parse(path.read_text(encoding="utf-8")).body if hasattr(node, "name")}


def test_it_is_one_readable_file_on_torch_and_pillow_alone():
    source = SOLUTION.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 300
    for path in (SOLUTION, FRAME):
        imported = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
        names = {alias.name for node in imported if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module for node in imported if isinstance(node, ast.ImportFrom)}
        assert {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) == {"torch", "PIL"}


@pytest.mark.slow
def test_the_same_command_draws_the_same_sheet(tmp_path):
    captions = ("a red house", "a house at night", "ein Haus ☂")
    for number, seed in enumerate("001"):
        result = run(tmp_path, *captions, *QUICK, "--seed", seed, "--out", f"{number}.png")
        assert result.returncode == 0 and not result.stderr, result.stderr
        assert result.stdout.splitlines()[-1] == f"Drawn: {number}.png"
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


def test_students_get_the_frame_and_can_run_the_solution_all_the_same(tmp_path):
    student_copy.student(tmp_path)
    assert (tmp_path / "my_dalle.py").exists() and not (tmp_path / "capstone_solution.py").exists()
    (copy,) = tmp_path.glob("18_*.ipynb")
    sources = ["".join(cell["source"]) for cell in json.loads(copy.read_text(encoding="utf-8"))["cells"]]
    (cell,) = (source for source in sources if source.startswith("import sys\n"))
    assert sum("capstone_solution" in source for source in sources if source.startswith("import")) == 1
    result = subprocess.run([sys.executable, "-c", cell], cwd=tmp_path, capture_output=True, encoding="utf-8")
    assert result.returncode == 0, result.stderr


@pytest.mark.slow
def test_it_learns_with_another_seed_too(monkeypatch):
    """The lesson trains with seed 0 and asks an exact checker; here the wall's color is enough."""
    monkeypatch.syspath_prepend(str(notebooks_dir()))
    import capstone_solution as worked

    c = worked.Config(seed=1)
    pictures, captions = worked.world(c.pictures, c.seed)
    tokenizer = worked.Tokenizer(captions, c)
    dvae, dalle = worked.learn(pictures, tokenizer.encode(captions), tokenizer.size, c)
    colors = list(worked.COLORS)
    wanted = tokenizer.encode([f"a {color} house" for color in colors]).repeat_interleave(16, dim=0)
    walls = dvae.decode(worked.sample(dalle, wanted))[:, :, 16:21, 14:19].mean(dim=(2, 3)) * 255  # (80, 3)
    nearest = torch.cdist(walls, torch.tensor([worked.COLORS[c] for c in colors]).float()).argmin(dim=1)
    assert (nearest == torch.arange(5).repeat_interleave(16)).float().mean() > 0.6
