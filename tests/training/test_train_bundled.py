"""The one command that trains all bundled models: its phases, what it imports, and a short run of it."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from dalle_lessons.model.dvae import DVAE
from dalle_lessons.training.presets import PRESETS

TOOL = Path(__file__).resolve().parents[2] / "tools" / "train_bundled.py"
# What a machine with a GPU and no network need not have.
NOT_NEEDED = ("c2pa", "cryptography", "matplotlib", "IPython", "ipywidgets", "nbformat", "webdataset", "voila")


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location("train_bundled", TOOL)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["train_bundled"] = module  # its dataclass looks there
    spec.loader.exec_module(module)
    yield module
    del sys.modules["train_bundled"]


def test_each_phase_has_its_preset_and_follows_what_it_builds_on(tool):
    done = set()
    for phase in tool.PHASES:
        assert phase.preset in PRESETS[phase.part], phase
        needs = phase.start if phase.number == 1 else phase.part
        assert needs is None or needs in done, phase
        assert phase.part in ("dvae", "judge") or "dvae" in done, phase
        done.add(phase.part)
    assert done == set(PRESETS) and sum(phase.share for phase in tool.PHASES) == pytest.approx(1)


def test_it_needs_neither_signing_nor_jupyter():
    blocked = "; ".join(f"sys.modules[{name!r}] = None" for name in NOT_NEEDED)
    code = f"import sys; {blocked}; sys.argv = ['train_bundled.py', '--help']; import runpy; "
    code += "import dalle_lessons.training.run; "
    code += f"runpy.run_path({str(TOOL)!r}, run_name='__main__')"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8")
    assert result.returncode == 0 and "--minutes" in result.stdout, result.stderr


def test_what_a_phase_builds_on_must_be_there(tool, tmp_path):
    with pytest.raises(FileNotFoundError, match="dalle-1 builds on .*dvae, where no weights are: train it before"):
        tool.sources(next(phase for phase in tool.PHASES if phase.folder == "dalle-1"), tmp_path)


def test_a_graphics_card_takes_larger_batches(tool, monkeypatch):
    phase = next(phase for phase in tool.PHASES if phase.folder == "dalle-1")
    assert tool.batch_on(phase, "cpu") == {}
    monkeypatch.setattr("dalle_lessons.model.devices.pick_device", lambda name: torch.device("cuda"))
    assert tool.batch_on(phase, "auto") == {"batch": 8 * PRESETS["dalle"]["emoji_fine"].train_config.batch}
    clip = next(phase for phase in tool.PHASES if phase.folder == "clip-1")
    assert tool.batch_on(clip, "auto") == {}


@pytest.mark.slow
def test_a_short_run_leaves_weights_where_they_belong_and_is_not_overwritten(tool, tmp_path, monkeypatch):
    monkeypatch.setattr(tool, "PHASES", tool.PHASES[:1])
    command = ["--out", str(tmp_path / "runs"), "--minutes", "0.1", "--device", "cpu", "--only", "dvae"]
    result = CliRunner().invoke(tool.main, command)
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "runs" / "plan.json").read_text())["dvae-1"]["steps"] >= 10
    assert DVAE.from_pretrained(tmp_path / "runs").config.patch == 4
    again = CliRunner().invoke(tool.main, command)
    assert again.exit_code == 2 and "add --resume" in again.output
    resumed = CliRunner().invoke(tool.main, [*command, "--resume"])
    assert resumed.exit_code == 0, resumed.output
