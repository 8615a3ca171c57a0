"""Trainings of the tiny world, one after another, to be started by torchrun: each of its processes runs this.

python worker.py JOBS: a JSON list of options of `train_model`, besides `kind` and `out`; "kill" says at which step
the last process dies, and at which, after the restart, the first one; "stop" at which step the last is asked to end;
"means" that the dVAE's codes are running means.
"""

import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

sys.path.extend([str(Path(__file__).parent), str(Path(__file__).parent.parent)])
import conftest
from dalle_lessons.model.tokenizer import TextTokenizer
from dalle_lessons.training.distributed import connect
from dalle_lessons.training.identity import weights_fingerprint
from dalle_lessons.training.run import train_model
from dalle_lessons.training.sources import Sources
from dalle_lessons.training.trainer import Trainer


def main(kind: str, out: Path, kill: tuple[int, ...] = (), stop: int | None = None, means=False, **options) -> None:
    torch.set_num_threads(1)
    one_step = Trainer.one_step

    def stepping(self):
        if os.environ.get("RANK") == "1" and self.step == stop:
            os.kill(os.getpid(), signal.SIGTERM)
        died = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", 0))
        if died < len(kill) and self.step == kill[died] and os.environ["RANK"] == "10"[died]:
            os.kill(os.getpid(), signal.SIGKILL)
        return one_step(self)

    with pytest.MonkeyPatch.context() as patch:
        tiny = conftest.tiny_of(conftest.some_pairs())
        if means:
            config = replace(tiny.dvae_preset.config, moving_average=True)
            tiny.dvae_preset = replace(tiny.dvae_preset, config=config)
        conftest.take_for_emoji(tiny, patch)
        patch.setattr(Trainer, "one_step", stepping)
        patch.setattr("dalle_lessons.model.dalle.DALLE.from_pretrained", lambda name: tiny.dalle())
        patch.setattr("dalle_lessons.model.dvae.DVAE.from_pretrained", lambda name: tiny.dvae)
        if kind == "edit":
            patch.setattr(Sources, "tokenizer", lambda *_: TextTokenizer(tiny.tokenizer.tokenizer, 60))
        trainer = train_model(kind, "emoji", None, out, progress=False, log_every=1, **options)
    if "RANK" in os.environ and not trainer.sharded:
        everywhere = [""] * trainer.processes.count
        torch.distributed.all_gather_object(everywhere, weights_fingerprint(trainer.model))
        assert len(set(everywhere)) == 1, "each process has weights of its own"


if __name__ == "__main__":
    if "RANK" in os.environ:
        connect(torch.device("cpu"))  # one group for all jobs: torchrun's processes meet once
    for job in json.loads(sys.argv[1]):
        main(**job)
    if "RANK" in os.environ:
        torch.distributed.destroy_process_group()
