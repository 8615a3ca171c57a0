"""The capstone's worked solution, and how any capstone is measured on its houses."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..model.files import notebooks_dir

UNSEEN, SEEN = 192, 96  # captions that are drawn


def worked_solution() -> Any:
    """The module `capstone_solution`, which stays with the course and lies in no student's folder."""
    name = "capstone_solution"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, notebooks_dir() / f"{name}.py")
        if spec is None or spec.loader is None:
            raise ValueError(f"The course's {name}.py cannot be found.")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
    return sys.modules[name]


@dataclass(frozen=True)
class Score:
    """How well a capstone draws the houses."""

    unseen: int  #: right drawings of walls and roofs that never met in training
    unseen_of: int
    seen: int  #: right drawings of pairs that did
    seen_of: int
    codes: int  #: in use for new pictures
    decibels: float  #: of new pictures through the codes
    seconds: float  #: from the first line to the last drawing

    @property
    def order(self) -> tuple[float, float]:
        """The best first: most right, then fastest."""
        return -self.unseen / self.unseen_of, self.seconds


def score_file(own: Any, worked: Any) -> Score:
    """own, a student's module: its tokenizer, `learn` and `sample` on the worked solution's houses, counted by its
    checker. Raises what the student's code raises, and ValueError where it does not fit the houses."""
    begin = time.monotonic()
    c = own.Config()
    pictures, captions = worked.world(getattr(c, "pictures", worked.Config.pictures), 0)
    tokenizer = own.Tokenizer(captions, c)
    dvae, dalle = own.learn(pictures, tokenizer.encode(captions), tokenizer.size, c)
    right = {}
    for what, pairs, count in (("unseen", worked.UNSEEN, UNSEEN), ("seen", worked.SEEN, SEEN)):
        wanted = worked.world(count, 2, pairs)[1]
        drawn = dvae.decode(own.sample(dalle, tokenizer.encode(wanted), 0))
        if drawn.shape != (count, *pictures.shape[1:]):
            raise ValueError(f"its drawings have the shape {tuple(drawn.shape)}: it does not fit the frame's houses")
        right[what] = sum(worked.right(picture, said) for picture, said in zip(drawn, wanted, strict=True))
    seconds = time.monotonic() - begin
    new = worked.world(200, 1)[0]
    tokens = dvae.encode(new)
    error = float((dvae.decode(tokens) - new).square().mean())
    decibels = -10 * float(torch.tensor(error).log10())
    return Score(right["unseen"], UNSEEN, right["seen"], SEEN, len(tokens.unique()), decibels, seconds)


_seen: dict[str, str] = {}  # module -> hash of its file when it was last imported


def latest(own: Any) -> Any:
    """The student's module as its file stands now, imported anew if that was changed; all else comes back as it is."""
    path = Path(getattr(own, "__file__", None) or "")
    if path.suffix != ".py" or not path.is_file():
        return own
    now = hashlib.sha256(path.read_bytes()).hexdigest()
    if _seen.setdefault(own.__name__, now) == now:
        return own
    _seen[own.__name__] = now
    sys.modules.pop(own.__name__, None)
    importlib.invalidate_caches()
    return importlib.import_module(own.__name__)
