"""A training of the tiny world, to be started by torchrun: each of its processes runs this.

python worker.py KIND OUT OPTIONS: options of `train_model`, as JSON; and "kill": at which step a process dies.
"""

import json
import os
import signal
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
import conftest
from dalle_lessons.training.run import train_model
from dalle_lessons.training.trainer import Trainer


def main(kind: str, out: Path, kill: int | None = None, **options) -> None:
    torch.set_num_threads(1)
    rows = [row for row in conftest.read_rows() if row["base_hexcode"] in ("1F431", "1F436", "1F600", "1F44D")]
    run, one_step = Trainer.run, Trainer.one_step

    def dying(self):
        last, first_life = os.environ.get("RANK") == "1", os.environ.get("TORCHELASTIC_RESTART_COUNT") == "0"
        if self.step == kill and last and first_life:
            os.kill(os.getpid(), signal.SIGKILL)
        return one_step(self)

    with pytest.MonkeyPatch.context() as patch:
        tiny = conftest.tiny_of(conftest.noise_pairs([row for row in rows if row["skin_tone"] in ("", "dark")]))
        conftest.take_for_emoji(tiny, patch)
        patch.setattr(Trainer, "run", lambda self, minutes, progress: run(self, minutes, progress, log_every=1))
        patch.setattr(Trainer, "one_step", dying)
        start = {"start": tiny.dalle()} if kind == "edit" else {}
        patch.setattr("dalle_lessons.model.dalle.DALLE.from_pretrained", lambda name: start.get("start"))
        patch.setattr("dalle_lessons.model.dvae.DVAE.from_pretrained", lambda name: tiny.dvae)
        train_model(kind, "emoji", None, out, progress=False, **options)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), **json.loads(sys.argv[3]))
