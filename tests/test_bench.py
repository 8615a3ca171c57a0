"""tools/bench.py measures what it says, here on models of nearly no size."""

import importlib.util
import json
import subprocess
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from tiny import save_tiny
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from dalle_lessons.model.dalle import DALLE, DALLEConfig

ROOT = Path(__file__).resolve().parent.parent
spec = importlib.util.spec_from_file_location("bench", ROOT / "tools" / "bench.py")
bench = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bench)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """run(clip, *words): the tool on tiny models; new processes are not started, only counted."""

    def call(clip, *words):
        folder = save_tiny(tmp_path / f"clip-{clip}", clip=clip, editor=False)
        started = []
        monkeypatch.setattr(subprocess, "run", lambda command, check: started.append(command))
        monkeypatch.setattr(bench, "product_limit", lambda device, runs: 1e12)
        words = ["--model", str(folder), "--device", "cpu", "--pictures", "4", "--batch", "2", "--runs", "2", *words]
        result = CliRunner().invoke(bench.main, words, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        assert len(started) == 3 and str(folder) in started[0][-1], "a run that warms up, and two that count"
        return result.output

    return call


def test_figures_come_as_json_with_their_counts(run):
    found = json.loads(run(True, "--json"))
    assert found["machine"]["device"] == "cpu" and found["machine"]["GFLOP/s"] == 1000
    figures = {figure.pop("what"): figure for figure in found["figures"]}
    assert list(figures) == [
        "draw 4 pictures of 9 tokens",
        "training step, 2 pictures of 9 tokens",
        "dVAE: pictures into tokens",
        "dVAE: tokens into pictures",
        "CLIP: pictures compared with a caption",
        "load the weights",
        "start Python, import the library, load the weights",
    ]
    assert [figure["count"] for figure in figures.values()] == [36, 98, 4, 4, 4, 1, 1]
    assert all(figure["seconds"] > 0 for figure in figures.values())
    assert [figure["share"] is not None for figure in figures.values()] == [True, True, *[False] * 5]


def test_the_table_has_a_line_for_each_and_none_for_a_clip_that_is_not_there(run):
    lines = run(False).splitlines()
    assert len(lines) == 2 + 6 and lines[0].startswith("device cpu, threads ") and "CLIP" not in "".join(lines)
    assert " tokens/s" in lines[2] and lines[2].endswith("%")


def test_the_operations_are_those_that_pytorch_counts():
    """In a pass forward, but for attention: the counter takes all slots for it, and a slot sees only those before."""
    config = DALLEConfig(vocab_size=50, text_length=5, rows=4, cols=4, codes=32, width=64, layers=2, heads=4)
    text, tokens = bench.random_pairs(config, 3, torch.device("cpu"))
    model = DALLE(config).eval()
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter, torch.no_grad():
        model(text, tokens)
    slots = 5 + 16
    half_of_attention = 2 * 3 * 2 * 64 * slots**2
    assert counter.get_total_flops() == bench.operations(config, 3, False) + half_of_attention
    without = bench.operations(config, 3, False) - bench.operations(config, 3, True)
    text_slots, text_head = 5 * 2 * 12 * 64**2, 4 * 50 * 64
    assert without == 2 * 3 * (text_slots + text_head + 2 * 64 * 5**2)


def test_the_best_of_the_runs_counts_and_the_first_does_not(monkeypatch):
    times = iter([0.0, 0.5, 1.0, 4.0, 5.0, 7.0])  # 0.5 to warm up, then 3 and 2
    monkeypatch.setattr(bench.time, "perf_counter", lambda: next(times))
    assert bench.best_seconds(lambda: None, 2, torch.device("cpu")) == 2.0


def test_what_grows_is_one_thing_alone_and_the_plot_says_each_second(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    growth = importlib.import_module("bench_growth")
    start = growth.sizes("candidates", growth.PICTURES)
    assert growth.sizes("width", growth.START.width) == growth.sizes("tokens", growth.START.image_length) == start
    config, pictures = growth.sizes("tokens", 576)
    assert (config.rows, config.cols, pictures) == (24, 24, 64) and config.width == growth.START.width
    points = [growth.Point(grows, value, value / 7, 0.2) for grows, values in growth.PANELS.items() for value in values]
    monkeypatch.setattr(growth, "measured", lambda runs: points)
    result = CliRunner().invoke(growth.main, [str(tmp_path)], catch_exceptions=False)
    assert result.output.splitlines()[:2] == ["grows,value,seconds,share_of_limit", f"candidates,32,{32 / 7},0.2"]
    assert (tmp_path / "growth.csv").read_text() in result.output
    plot = (tmp_path / "growth.svg").read_bytes()
    growth.plot(points, tmp_path / "again.svg")
    assert plot == (tmp_path / "again.svg").read_bytes(), "the same numbers, the same file"
    monkeypatch.setattr(growth, "measured", lambda runs: [point._replace(seconds=point.value / 8) for point in points])
    CliRunner().invoke(growth.main, [str(tmp_path)], catch_exceptions=False)
    assert plot != (tmp_path / "growth.svg").read_bytes()
