"""The longer runs of lesson 07: one mix of all earlier tokens, as a plain mean and as attention, 1,500 steps each.

    python tools/lesson_runs/lesson_07.py [nothing:0 mean:0 attention:0 … heads]      # all of it: minutes on one core

Writes data/lessons/07/runs.json (held-out nats an image token, by mix, seed and step), of seed 0 the trained weights in
half precision (mean.safetensors, attention.safetensors), and heads.json: what the shipped model draws with each of its
heads switched off. Asked for a part, it keeps what stands there of the others. The models are the ones that the lesson
writes, and the first 100 steps those that it runs.
"""

from __future__ import annotations

import copy
import json
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from dalle_lessons import TextToImage, sample
from dalle_lessons.datasets.shapes import shapes
from dalle_lessons.datasets.shapes_check import check, share_right
from dalle_lessons.model.attention_masks import causal
from dalle_lessons.model.dalle import DALLE
from dalle_lessons.model.dvae import DVAE
from dalle_lessons.model.files import data_dir
from dalle_lessons.model.sequence import flatten, unflatten
from dalle_lessons.model.transformer import Attention

STEPS, EVERY, BATCH, RATE, WIDTH, HEADS = 1500, 50, 32, 4e-3, 64, 4
SEEDS = (0, 1)


class Causal(Attention):
    """The library's attention under the causal mask."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x, causal(x.shape[1]))


class Mean(nn.Module):
    """(B, S, C) -> (B, S, C): of each slot's value and all earlier ones the mean, through one more matrix."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.value, self.project = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        mask = causal(x.shape[1]).float()
        return self.project(mask / mask.sum(dim=1, keepdim=True) @ self.value(x))


class Nothing(nn.Module):
    """The opposite: no earlier token at all."""

    def __init__(self, width: int, heads: int):
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)


class Predictor(nn.Module):
    """(B, 64) image tokens -> logits (B, 64, codes): slot i has been fed [SEP] and tokens 0 to i - 1."""

    def __init__(self, mix: nn.Module, codes: int):
        super().__init__()
        self.token = nn.Embedding(codes + 1, WIDTH)
        self.mix, self.out = mix, nn.Linear(WIDTH, codes)

    def forward(self, tokens: Tensor) -> Tensor:
        fed = F.pad(tokens[:, :-1], (1, 0), value=self.token.num_embeddings - 1)
        x = self.token(fed)
        return self.out(x + self.mix(x))


MIXES = {"nothing": Nothing, "mean": Mean, "attention": Causal}


def train(mix: str, seed: int, known: Tensor, unseen: Tensor, codes: int) -> tuple[Predictor, dict[int, float]]:
    """-> the trained predictor and the held-out nats after each `EVERY` steps."""
    torch.manual_seed(seed)
    model = Predictor(MIXES[mix](WIDTH, HEADS), codes)
    optimizer, nats = torch.optim.AdamW(model.parameters(), lr=RATE), {}
    for step in range(1, STEPS + 1):
        batch = known[torch.randint(len(known), (BATCH,))]
        loss = F.cross_entropy(model(batch).flatten(0, 1), batch.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % EVERY == 0:
            with torch.no_grad():
                nats[step] = round(F.cross_entropy(model(unseen).flatten(0, 1), unseen.flatten()).item(), 4)
    return model, nats


def write(mix: str, seed: int, nats: dict[int, float]) -> None:
    """Add one run to the file, beside what others have written meanwhile."""
    path: Path = data_dir() / "lessons" / "07" / "runs.json"
    runs = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    runs["steps"] = list(nats)
    runs.setdefault(mix, {})[str(seed)] = list(nats.values())
    path.write_text(json.dumps(runs) + "\n", encoding="utf-8")


def main(wanted: list[str]) -> None:
    vae = DVAE.from_pretrained("shapes")
    known, unseen = (
        flatten(vae.encode(shapes(split, size).pictures.float() / 255))
        for split, size in (("train", 4000), ("test", 400))
    )
    for mix, seed in ((mix, seed) for seed in SEEDS for mix in MIXES):
        if wanted and f"{mix}:{seed}" not in wanted:
            continue
        begin = time.process_time()
        model, nats = train(mix, seed, known, unseen, vae.config.codes)
        write(mix, seed, nats)
        print(mix, seed, nats[100], nats[500], nats[STEPS], f"{time.process_time() - begin:.0f} s", flush=True)
        if seed == 0 and mix != "nothing":
            half = {name: value.half().contiguous() for name, value in model.state_dict().items()}
            save_file(half, data_dir() / "lessons" / "07" / f"{mix}.safetensors")
    if not wanted or "heads" in wanted:
        heads()


@torch.no_grad()
def heads() -> None:
    """Each head of the shipped shapes model switched off in its turn, 128 captions drawn: heads.json."""
    system = TextToImage.from_pretrained("shapes", device="cpu")
    c, pairs = system.dalle.config, shapes("test", 128)
    captions = [pairs.caption(i, None) for i in range(128)]
    text = system.tokenizer.encode(captions)
    tokens = flatten(system.dvae.encode(pairs.pictures.float() / 255))

    def measure(dalle: DALLE) -> tuple[float, float]:
        drawn = torch.cat([sample(dalle, part, seed) for seed, part in enumerate(text.split(64))])
        pictures = system.dvae.decode(unflatten(drawn, c.rows, c.cols))
        verdicts = [check(*both) for both in zip(pictures, captions, strict=True)]
        return round(share_right(verdicts), 4), round(float(dalle.loss(text, tokens)["image"]), 4)

    found = []
    for layer in range(c.layers):
        for head in range(c.heads):
            dalle, size = copy.deepcopy(system.dalle), c.width // c.heads
            block = dalle.transformer.blocks[layer]
            block.attention.project.weight[:, head * size : (head + 1) * size] = 0  # pyright: ignore
            found.append(measure(dalle))
    shares, nats = (
        [list(part[i : i + c.heads]) for i in range(0, len(part), c.heads)] for part in zip(*found, strict=True)
    )
    whole = measure(system.dalle)
    said = {"captions": 128, "whole": whole[0], "share right": shares, "nats": {"whole": whole[1], "off": nats}}
    (data_dir() / "lessons" / "07" / "heads.json").write_text(json.dumps(said) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
