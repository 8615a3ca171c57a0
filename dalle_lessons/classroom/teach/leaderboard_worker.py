"""The process of one file on the leaderboard: python -m … FILE FOLDER SECONDS; its last line is the score, as JSON."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path

import torch

from ...model.files import notebooks_dir
from ..capstone import score_file, worked_solution
from ..exercises import CheckFailed
from ..exercises.time_limit import time_limit
from .guard import watch
from .leaderboard import THREADS


def main(file: str, folder: str, seconds: float) -> None:
    """Runs the file, for so many seconds at most, and prints what it came to."""
    ours = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)  # what it prints is not ours
    os.dup2(nothing, 2)
    torch.set_num_threads(int(THREADS))
    source = Path(folder) / "my_dalle.py"
    source.write_bytes(Path(file).read_bytes())
    sys.dont_write_bytecode = True
    worked = worked_solution()  # the houses, and who counts
    del sys.modules[worked.__name__]  # not to be imported by the student's file
    told: dict[str, object]
    try:
        with time_limit(seconds, f"was not done in {seconds / 60:g} minutes"):
            spec = importlib.util.spec_from_file_location("my_dalle", source)
            assert spec is not None and spec.loader is not None
            watch(Path(folder), notebooks_dir())
            own = importlib.util.module_from_spec(spec)
            sys.modules["my_dalle"] = own  # dataclasses look their module up
            spec.loader.exec_module(own)
            told = {"score": vars(score_file(own, worked))}
    except CheckFailed as error:
        told = {"sentence": str(error)}
    except NotImplementedError as error:
        told = {"sentence": f"is not finished: {error}"}
    except BaseException as error:
        told = {"sentence": f"stopped with {type(error).__name__}: {' '.join(str(error).split())[:120]}"}
    os.write(ours, f"\n{json.dumps(told)}\n".encode())
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
