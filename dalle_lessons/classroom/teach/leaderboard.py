"""`dalle-lessons teach leaderboard`: the capstones of a class on one table.

All learn the frame's houses, in the same time, and draw the same captions; the course's own checker counts. First comes
whoever draws most walls and roofs right that never met in training. Each file runs in a process of its own, on two
cores, with a time limit.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...evaluation.metrics import wilson
from ..capstone import Score

THREADS = "2"
WAIT = 60.0  # seconds beyond the limit for a process to begin, on a busy machine
WORKER = f"{__package__}.leaderboard_worker"


@dataclass(frozen=True)
class Entry:
    """What one file came to."""

    name: str
    score: Score | None
    sentence: str = ""  #: why there is no score


def files_in(paths: Sequence[Path]) -> dict[str, Path]:
    """Name -> file. A folder stands for all `my_dalle.py` in it and, directly in it, other Python files.

    Raises ValueError with one sentence where there is no such file.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted({*path.rglob("my_dalle.py"), *path.glob("*.py")})
        elif path.suffix == ".py" and path.is_file():
            found.append(path)
        else:
            raise ValueError(f"“{path}” is neither a folder nor a Python file.")
    if not found:
        raise ValueError("There is no Python file: give the files of your class, or a folder that holds them.")
    names: dict[str, Path] = {}
    for path in dict.fromkeys(file.resolve() for file in found):
        name = path.parent.name if path.name == "my_dalle.py" else path.stem
        while name in names:
            name += "'"
        names[name] = path
    return names


def leaderboard(paths: Sequence[Path], minutes: float = 10.0, say: Callable[[str], object] = print) -> list[Entry]:
    """Runs each file for at most so many minutes, one after another, and prints the table, the best first."""
    names = files_in(paths)
    entries = []
    for number, (name, path) in enumerate(names.items(), 1):
        say(f"{number} of {len(names)}: {name}, at most {minutes:g} minutes …")
        entries.append(run(name, path, minutes))
    entries.sort(key=lambda entry: entry.score.order if entry.score else (1.0, 0.0))
    say(table(entries))
    return entries


def run(name: str, path: Path, minutes: float) -> Entry:
    """One file in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="leaderboard-", ignore_cleanup_errors=True) as folder:
        surroundings = {**os.environ, "OMP_NUM_THREADS": THREADS, "HF_HUB_OFFLINE": "1", "MPLBACKEND": "agg"}
        surroundings |= dict.fromkeys(("TMPDIR", "TEMP", "TMP", "TORCHINDUCTOR_CACHE_DIR"), folder)
        surroundings["PYTHONPATH"] = os.pathsep.join(entry for entry in sys.path if entry)
        command = [sys.executable, "-m", WORKER, str(path), folder, str(60 * minutes)]
        try:
            done = subprocess.run(
                command, cwd=folder, env=surroundings, capture_output=True, timeout=60 * minutes + WAIT, check=False
            )
        except subprocess.TimeoutExpired:
            return Entry(name, None, f"was not done in {minutes:g} minutes")
    try:
        told = json.loads(done.stdout.decode().splitlines()[-1])
        return Entry(name, Score(**told["score"]) if "score" in told else None, str(told.get("sentence", "")))
    except (ValueError, IndexError, KeyError, TypeError, AttributeError):
        return Entry(name, None, "ended its process, by an exit or a crash")


def table(entries: Sequence[Entry]) -> str:
    """One line a file; those without a score come last, with the reason."""
    wide = max(4, *(len(entry.name) for entry in entries))
    lines = [f"    {'name':<{wide}}  unseen           95%     seen  codes     dB  seconds"]
    for place, entry in enumerate(entries, 1):
        score = entry.score
        if score is None:
            lines.append(f" –  {entry.name:<{wide}}  {entry.sentence}")
            continue
        low, high = wilson(score.unseen / score.unseen_of, score.unseen_of)
        unseen = f"{score.unseen:>3} of {score.unseen_of:<3}  {low:>4.0%} to {high:>4.0%}"
        lines.append(
            f"{place:>2}  {entry.name:<{wide}}  {unseen}  "
            f"{score.seen / score.seen_of:>5.0%}  {score.codes:>5}  {score.decibels:>5.1f}  {score.seconds:>7.0f}"
        )
    lines.append("Right: a drawing shows all that its caption says. 95%: for more drawings of the same five pairs.")
    return "\n".join(lines)
