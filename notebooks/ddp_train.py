"""Lesson 16: one training that several processes share. Each takes its part of every batch; gradients are averaged.

    torchrun --standalone --nproc-per-node 2 ddp_train.py losses.json

The lesson starts it so, through `start`.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from dalle_lessons.datasets.shapes import shapes
from dalle_lessons.model.dalle import DALLE
from dalle_lessons.model.dvae import DVAE
from dalle_lessons.model.files import weights_dir
from dalle_lessons.model.tokenizer import TextTokenizer
from dalle_lessons.training.tokens import tokenize

STEPS, BATCH, LR = 8, 16, 3e-3


def pairs():
    """-> captions (N, T) and image tokens (N, 64), N = STEPS · BATCH, all captions with equally many tokens.

    The text's loss is a mean over the tokens that are said. Parts of a batch weigh alike only if they say as many.
    """
    tokenizer = TextTokenizer.from_file(weights_dir("shapes", "dalle") / "tokenizer.json", 16)
    world = shapes("train", 8 * STEPS * BATCH)
    text = tokenizer.encode([world.caption(i, None) for i in range(len(world))])
    said = (text != tokenizer.pad_id).sum(dim=1)
    same = (said == said.mode().values).nonzero().flatten()[: STEPS * BATCH]
    return text[same], tokenize(DVAE.from_pretrained("shapes"), world.pictures[same])


class Loss(nn.Module):
    """A small DALL·E from random weights, the same in every process; its forward pass is its loss."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.dalle = DALLE(replace(DALLE.from_pretrained("shapes").config, width=32, layers=2, heads=1))

    def forward(self, text, tokens):
        return self.dalle.loss(text, tokens)["total"]


def main(out):
    """What each of the processes does. Which one it is, stands in its environment."""
    rank, processes = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    meet = os.environ.get("MEET_AT", "env://")
    dist.init_process_group("gloo", init_method=meet, rank=rank, world_size=processes)
    text, tokens = pairs()
    model = DistributedDataParallel(Loss())  # averages the gradients over the processes during backward()
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR)
    losses = []
    for step in range(STEPS):
        mine = slice(step * BATCH + rank, (step + 1) * BATCH, processes)  # of two processes: every second pair
        loss = model(text[mine], tokens[mine])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        mean = loss.detach() / processes
        dist.all_reduce(mean)  # the sum over the processes
        losses.append(float(mean))
    if rank == 0:
        Path(out).write_text(json.dumps(losses), encoding="utf-8")
    del model  # before the connections that it uses
    dist.barrier()  # nobody leaves while another still talks
    dist.destroy_process_group()


def run(commands, envs):
    """Run the commands side by side, each in its environment, to their end -> what they said."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    running = [subprocess.Popen(c, env=e, **pipes) for c, e in zip(commands, envs, strict=True)]
    try:
        return "\n".join(process.communicate(timeout=200)[0] for process in running)
    finally:
        for process in running:
            process.terminate()  # does nothing to one that has ended


def start(processes):
    """Start this file in so many processes of this machine, one thread each -> the losses, step by step.

    Raises RuntimeError with what was said last, if twice in a row no losses come.
    """
    me = str(Path(__file__).resolve())
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    if loopback := {"linux": "lo", "darwin": "lo0"}.get(sys.platform):
        env["GLOO_SOCKET_IFNAME"] = loopback  # they talk within this machine, whatever networks it has
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "losses.json"
        local = ["--standalone", "--local-addr", "127.0.0.1", "--nproc-per-node", str(processes)]
        commands = [[sys.executable, "-m", "torch.distributed.run", *local, me, str(out)]]  # = torchrun
        envs = [env]
        if sys.platform == "win32":  # where PyTorch's torchrun does not start: by hand, meeting in a file
            meet = {"MEET_AT": (Path(folder) / "meet").as_uri(), "WORLD_SIZE": str(processes)}
            commands = [[sys.executable, me, str(out)]] * processes
            envs = [env | meet | {"RANK": str(rank)} for rank in range(processes)]
        for _ in range(2):  # gloo's threads can be cut off as processes come and go: then once more
            words = run(commands, envs)
            if out.exists():  # written after the last step: how the processes left does not matter
                return json.loads(out.read_text(encoding="utf-8"))
        raise RuntimeError(f"The processes ended without their losses:\n{words[-2000:]}")


if __name__ == "__main__":
    main(sys.argv[1])
