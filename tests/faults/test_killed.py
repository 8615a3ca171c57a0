"""A training that is killed (-9) at random moments, again and again, ends at the very weights of an unbroken one."""

import os
import random
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from training.test_trainer import MUON, assert_same, dalle, dalle_loss, read_log

from dalle_lessons.training.trainer import train

TESTS = Path(__file__).parents[1]
CONFIG = replace(MUON, steps=400, save_every=0.05)
SCRIPT = """
    import sys, time
    from pathlib import Path
    sys.path[:0] = [sys.argv[1], str(Path(sys.argv[1]).parent)]
    from faults import test_killed as t
    import torch

    torch.set_num_threads(1)
    out = Path(sys.argv[2])
    t.train(t.dalle(), t.slow_loss, t.CONFIG, out, (out / "checkpoint.pt").exists(), progress=False)
    print("ends", flush=True)
"""


BEGUN = []


def slow_loss(model, rng, done):
    if not BEGUN:
        print("begins", flush=True)
        BEGUN.append(done)
    time.sleep(0.005)
    return dalle_loss(model, rng, done)


def killed_again_and_again(out: Path, kills: int, seed: int) -> list[int]:
    """Train into `out`, kill so many times, then let it end. -> the step that each attempt had saved."""
    rng, reached = random.Random(seed), []
    arguments = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(TESTS), str(out)]
    for attempt in range(kills + 1):
        process = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
        line = process.stdout.readline()  # of a training that had reached its end already: "ends"
        assert line in ("begins\n", "ends\n")
        if attempt < kills:
            time.sleep(rng.uniform(0, 3 / kills))
            process.kill()
        process.communicate(timeout=300)
        kept = out / "checkpoint.pt"
        reached.append(torch.load(kept, weights_only=True)["step"] if kept.exists() else 0)
    return reached


def compare(folder: Path, kills: int, seed: int) -> list[int]:
    """As `killed_again_and_again`, and assert that it ended as an unbroken training does."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        whole = train(dalle(), dalle_loss, replace(CONFIG, save_every=1e9), folder / "whole", progress=False)
    finally:
        torch.set_num_threads(threads)
    reached = killed_again_and_again(folder / "parts", kills, seed)
    ends = [torch.load(folder / name / "checkpoint.pt", weights_only=True) for name in ("whole", "parts")]
    for end in ends:
        del end["identity"]["train_config"]["save_every"]
    assert_same(*ends)
    assert ends[1]["step"] == CONFIG.steps and whole is not None
    assert_same(*(read_log(folder / name) for name in ("whole", "parts")))
    return reached


@pytest.mark.slow
def test_a_training_that_is_killed_three_times_ends_at_the_same_weights(tmp_path):
    reached = compare(tmp_path, kills=3, seed=1)
    assert reached == sorted(reached) and any(0 < step < CONFIG.steps for step in reached), "no kill met a training"
