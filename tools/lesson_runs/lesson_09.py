"""The runs that lesson 09 shows without running them: stacks without residual path or norms, and how deep to stack.

    python tools/lesson_runs/lesson_09.py          # data/lessons/09/runs.json; some twenty minutes on one core
    python tools/lesson_runs/lesson_09.py arms     # only one part of it: "arms", "depth" or "more"

A run that stands in the file already is kept. All learn the image tokens of 4,000 shapes, and are measured on the 400
held-out ones of the loss ledger. But "more", what leads on to lesson 10: the longer trainings of four blocks with more
shapes, then with a wider model as well.
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dalle_lessons import DALLE, TextToImage
from dalle_lessons.classroom.lesson_figures.residual_path_09 import ARMS
from dalle_lessons.datasets.shapes import shapes
from dalle_lessons.evaluation.likelihood import Bigram
from dalle_lessons.evaluation.reconstruction import encode_pictures
from dalle_lessons.model.atomic import replace_file
from dalle_lessons.model.attention_masks import causal
from dalle_lessons.model.files import data_dir
from dalle_lessons.model.sequence import empty_captions
from dalle_lessons.model.transformer import Block, Transformer
from dalle_lessons.training.trainer import TrainConfig, Trainer

PAIRS, HELD_OUT = 4000, 400
ARM_DEPTH, ARM_STEPS, ARM_BATCH, EVERY, RATES = 8, 200, 16, 20, (1e-3, 3e-3, 1e-2)
SECOND = 3e-3  # the rate at which another seed is tried
STEPS, BATCH, PEAK = 200, 32, 0.03
LONG = 800  # steps
DEEP = (  # blocks; with captions? seed; steps
    *((layers, True, seed, LONG) for seed in (0, 1) for layers in (1, 4, 2)),
    *((layers, captions, seed, STEPS) for seed in (0, 1) for captions in (False, True) for layers in (1, 2, 4)),
)
MORE = ((16_000, 64, 0), (16_000, 64, 1), (16_000, 96, 0))  # pairs, width, seed
PATH = data_dir() / "lessons" / "09" / "runs.json"

system = TextToImage.from_pretrained("shapes", device="cpu")
config = replace(system.dalle.config, width=64, layers=4)
known, unseen = shapes("train", max(pairs for pairs, _, _ in MORE)), shapes("test", HELD_OUT)
known_tokens, unseen_tokens = (encode_pictures(system.dvae, pairs.pictures) for pairs in (known, unseen))


class Stack(nn.Module):
    """Blocks over image tokens alone, whose residual path or norms may be missing."""

    def __init__(self, depth: int, residual: bool, norm: bool):
        super().__init__()
        self.residual, self.norm = residual, norm
        codes, length, width = config.codes, config.image_length, config.width
        self.token, self.place = nn.Embedding(codes + 1, width), nn.Embedding(length, width)
        stack = Transformer(width, depth, config.heads, 0.0, ("full",))
        self.blocks, self.last, self.out = stack.blocks, stack.norm, nn.Linear(width, codes)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, N) -> (B, N, codes): slot 0 is fed [SEP]."""
        mask, places = causal(tokens.shape[1]), torch.arange(tokens.shape[1])
        x = self.token(F.pad(tokens[:, :-1], (1, 0), value=config.codes)) + self.place(places)
        for part in self.blocks:
            assert isinstance(part, Block)
            norm1, norm2 = (part.norm1, part.norm2) if self.norm else (nn.Identity(), nn.Identity())
            found = part.attention(norm1(x), mask)
            x = x + found if self.residual else found
            found = part.mlp(norm2(x))
            x = x + found if self.residual else found
        return self.out(self.last(x))

    def loss(self, tokens: Tensor) -> Tensor:
        return F.cross_entropy(self(tokens).transpose(1, 2), tokens)


def arm(residual: bool, norm: bool, rate: float, seed: int) -> dict:
    """One training by AdamW -> its loss as the mean of EVERY steps, and the held-out loss at the end."""
    torch.manual_seed(seed)
    model = Stack(ARM_DEPTH, residual, norm)
    optimizer, losses, line = torch.optim.AdamW(model.parameters(), lr=rate), [], []
    for step in range(ARM_STEPS):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 20)
        loss = model.loss(known_tokens[torch.randint(PAIRS, (ARM_BATCH,))])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        if step % EVERY == EVERY - 1:
            line.append(rounded(sum(losses[-EVERY:]) / EVERY))
    with torch.no_grad():
        held_out = float(model.loss(unseen_tokens))
    return {"rate": rate, "seed": seed, "line": line, "held out": rounded(held_out)}


def rounded(nats: float) -> float | None:
    """To four digits; None for what is no number any more."""
    return round(nats, 4) if math.isfinite(nats) else None


def deep(layers: int, captions: bool, seed: int, steps: int, pairs: int = PAIRS, width: int = 64) -> dict:
    """One training of a DALL·E by the library's trainer -> its loss at each step and the held-out loss at the end."""
    known_text, unseen_text = (
        system.tokenizer.encode([some.caption(i, None) for i in range(len(some))]) for some in (known, unseen)
    )
    if not captions:
        known_text, unseen_text = (empty_captions(text, config.pad_id) for text in (known_text, unseen_text))
    losses: list[float] = []

    def loss(model: DALLE, *_) -> dict[str, Tensor]:
        batch = torch.randint(pairs, (BATCH,))
        parts = model.loss(known_text[batch], known_tokens[batch])
        losses.append(round(float(parts["image"].detach()), 4))
        return {"total": parts["image"]}

    torch.manual_seed(seed)
    settings = TrainConfig(steps, BATCH, lr=PEAK, muon_lr=PEAK, warmup=20, ema=0.98, seed=seed)
    model = Trainer(DALLE(replace(config, width=width, layers=layers)), loss, settings, None).run(None, False)
    with torch.no_grad():
        held_out = float(model.loss(unseen_text, unseen_tokens)["image"])
    made = {"layers": layers, "captions": captions, "steps": steps, "rate": PEAK, "seed": seed}
    return {**made, "line": losses, "held out": round(held_out, 4)}


def read() -> dict:
    return json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {}


def write(runs: dict) -> None:
    text = json.dumps(runs, separators=(",", ":")).replace("},{", "},\n{") + "\n"
    replace_file(PATH, lambda temporary: temporary.write_text(text, encoding="utf-8", newline="\n"))


def main(parts: list[str]) -> None:
    runs = read()
    if "arms" in parts:
        unigram = Bigram(known_tokens[:PAIRS], config.codes).unigram_nll(unseen_tokens)
        runs["counts"] = {"uniform": round(math.log(config.codes), 4), "unigram": round(unigram, 4)}
        runs["arms"] = {name: runs.get("arms", {}).get(name, []) for name in ARMS}
        for name, (residual, norm) in ARMS.items():
            for rate, seed in (*((rate, 0) for rate in RATES), (SECOND, 1)):
                if any((run["rate"], run["seed"]) == (rate, seed) for run in runs["arms"][name]):
                    continue
                runs["arms"][name].append(arm(residual, norm, rate, seed))
                write(runs)
                print(name, runs["arms"][name][-1], flush=True)
    if "depth" in parts:
        made = runs.setdefault("depth", [])
        for setting in DEEP:
            if setting in [(run["layers"], run["captions"], run["seed"], run["steps"]) for run in made]:
                continue
            made.append(deep(*setting))
            write(runs)
            print({key: value for key, value in made[-1].items() if key != "line"}, flush=True)
    if "more" in parts:
        for pairs, width, seed in MORE:
            if (pairs, width, seed) in [(run["pairs"], run["width"], run["seed"]) for run in read().get("more", [])]:
                continue
            reached = deep(4, True, seed, LONG, pairs, width)["held out"]
            runs = read()  # others may have been written in the meantime
            runs.setdefault("more", []).append({"pairs": pairs, "width": width, "seed": seed, "held out": reached})
            write(runs)
            print(runs["more"][-1], flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or ["arms", "depth", "more"])
