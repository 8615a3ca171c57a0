"""The runs that lesson 10 shows without running them: a sweep of learning rates, and trainings with one fault each.

    python tools/lesson_runs/lesson_10.py          # all of data/lessons/10/runs.json; half an hour on one core
    python tools/lesson_runs/lesson_10.py shifts   # only a part: "rates", "faults", "shifts" or "full size"

All but "full size" are of one small model, 200 steps of 32 pairs, as in the lesson: its own step, and its own two
optimizers. "full size" is the lesson's own training from another seed, by AdamW alone, and of a narrower model; a run
that stands in the file already is kept.
"""

from __future__ import annotations

import copy
import json
import math
import sys
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from dalle_lessons import DALLE, TextToImage, sample
from dalle_lessons.classroom.exercises.broken_trainings_10 import CAUSES, spoil
from dalle_lessons.datasets.shapes import shapes
from dalle_lessons.model.atomic import replace_file
from dalle_lessons.model.files import data_dir
from dalle_lessons.model.sequence import flatten
from dalle_lessons.model.sequence import losses as losses_of
from dalle_lessons.training.muon import Muon

STEPS, BATCH, EVERY, PEAK, PAIRS, HELD_OUT, DRAWN = 200, 32, 10, 0.05, 16_000, 128, 4
RATES = (0.0015, 0.005, 0.015, 0.05, 0.15, 0.5)
SEEDS = (0, 1)
FULL = (  # by which optimizers, at which rate, how wide, from which seed; the lesson itself runs ("both", 0.01, 96, 0)
    *(("both", 0.01, 96, 1), ("both", 0.01, 64, 0)),
    *(("AdamW alone", rate, 96, 0) for rate in (0.0015, 0.003, 0.01)),
    ("AdamW alone", 0.003, 96, 1),
)
SHIFTS = {"fed": -1, "after next": 1}  # whose token a slot is to predict: the one it is fed, or the one after the next

system = TextToImage.from_pretrained("shapes", device="cpu")
config = replace(system.dalle.config, width=64, layers=2)


def tokens_and_text(split: str, count: int, **options) -> tuple[Tensor, Tensor]:
    """(count, N) image tokens and (count, T) text of a split."""
    pairs = shapes(split, count, **options)
    tokens = [flatten(system.dvae.encode(some.float() / 255)) for some in pairs.pictures.split(250)]
    return torch.cat(tokens), system.tokenizer.encode([pairs.caption(i, None) for i in range(count)])


known, unseen = tokens_and_text("train", PAIRS, keep=0.95), tokens_and_text("test", HELD_OUT)


def cosine(step: int, steps: int = STEPS, warmup: int = 20, least: float = 0.05) -> float:
    """The rate of a step as a share of its peak: the lesson's exercise."""
    if step < warmup:
        return (step + 1) / warmup
    return least + (1 - least) * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


def optimizers_of(model: DALLE, alone: bool = False) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the blocks, AdamW for all else, as in the lesson; alone: AdamW for all."""
    inner = [p for name, p in model.named_parameters() if ".blocks." in name and p.ndim == 2 and not alone]
    rest = [p for p in model.parameters() if not any(p is one for one in inner)]
    groups = [
        {"params": [p for p in rest if p.ndim >= 2], "weight_decay": 0.01},
        {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0},
    ]
    adamw = torch.optim.AdamW(groups, betas=(0.9, 0.99), fused=True)
    return [adamw] if alone else [adamw, Muon(inner, weight_decay=0.01)]


def loss_of(model: DALLE, text: Tensor, tokens: Tensor, shift: int) -> dict[str, Tensor]:
    """As DALLE.loss, where image slot i is to predict token i + shift; slots without such a token carry no loss."""
    text_logits, logits = model(text, tokens)
    last = tokens.shape[1] - abs(shift)
    logits, wanted = (logits[:, -last:], tokens[:, :last]) if shift < 0 else (logits[:, :last], tokens[:, -last:])
    return losses_of(text_logits, logits, text, wanted, config.pad_id)


def held_out(model: DALLE, shift: int) -> float:
    """Nats an image token of held-out pairs."""
    with torch.no_grad():
        return float(loss_of(model, unseen[1], unseen[0], shift)["image"])


def update(model: DALLE, optimizers: list[torch.optim.Optimizer], loss: Tensor, rate: float) -> None:
    """One step: the lesson's exercise."""
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()


def train(
    seed: int, peak: float, change: Callable[[DALLE], tuple[float, int, bool]] | None = None, shift: int = 0
) -> dict:
    """One training. change: puts a fault into the model -> the peak, the number of pairs, are the captions shuffled?
    shift: of the targets, another fault.

    -> the training loss, as the mean of EVERY steps, the held-out loss as often, and what it draws at the end.
    """
    torch.manual_seed(seed)
    model = DALLE(config)
    peak, pairs, shuffled = change(model) if change else (peak, PAIRS, False)
    optimizers, losses, lines = optimizers_of(model), [], {"train": [], "held out": []}
    text = known[1][torch.randperm(PAIRS)] if shuffled else known[1]
    for step in range(STEPS):
        batch = torch.randint(pairs, (BATCH,))
        loss = loss_of(model, text[batch], known[0][batch], shift)
        update(model, optimizers, loss["total"], peak * cosine(step))
        losses.append(loss["image"].item())
        if step % EVERY == EVERY - 1:
            lines["train"].append(round(sum(losses[-EVERY:]) / EVERY, 4))
            lines["held out"].append(round(held_out(model, shift), 4))
    drawn = sample(model.eval(), unseen[1][:DRAWN], seed=0)
    return {**lines, "drawn": drawn.tolist()}


def at_full_size(alone: bool, peak: float, width: int, seed: int, steps: int = 480) -> float:
    """The lesson's own training -> nats an image token of its averaged weights, on the ledger's 400 held-out pairs."""
    torch.manual_seed(seed)
    model = DALLE(replace(config, width=width, layers=3))
    optimizers, average = optimizers_of(model, alone), copy.deepcopy(model)
    for step in range(steps):
        batch = torch.randint(PAIRS, (64,))
        loss = model.loss(known[1][batch], known[0][batch])["total"]
        update(model, optimizers, loss, peak * cosine(step, steps, 50))
        keep = min(0.99, (1 + step) / (10 + step)) if step else 0.0
        with torch.no_grad():
            for mine, theirs in zip(average.parameters(), model.parameters(), strict=True):
                mine.lerp_(theirs, 1 - keep)
    tokens, text = tokens_and_text("test", 400)
    with torch.no_grad():
        return round(float(average.loss(text, tokens)["image"]), 4)


def rates() -> dict:
    """The held-out lines of each rate, for both seeds."""
    lines = {}
    for rate in RATES:
        lines[str(rate)] = [train(seed, rate)["held out"] for seed in SEEDS]
        print(rate, [line[-1] for line in lines[str(rate)]], flush=True)
    return lines


def faulty(name: str) -> dict:
    """The training with this fault."""
    shift = SHIFTS.get(name, 0)
    run = train(0, PEAK, None if shift else lambda model: spoil(name, model, PEAK, PAIRS), shift=shift)
    print(name, {part: line[-1] for part, line in run.items() if part != "drawn"}, flush=True)
    return run


def main(parts: list[str]) -> None:
    path = data_dir() / "lessons" / "10" / "runs.json"
    runs = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    runs["steps"] = list(range(EVERY, STEPS + 1, EVERY))
    if "rates" in parts:
        runs["rates"] = rates()
    if "faults" in parts:
        runs["in order"], runs["faults"] = train(0, PEAK), {name: faulty(name) for name in CAUSES}
    if "shifts" in parts:
        runs["shifts"] = {name: faulty(name) for name in SHIFTS}
    if "full size" in parts:
        made = runs.setdefault("full size", [])
        for by, rate, width, seed in FULL:
            run = {"by": by, "rate": rate, "width": width, "seed": seed}
            if not any(run.items() <= one.items() for one in made):
                made.append({**run, "held out": at_full_size(by == "AdamW alone", rate, width, seed)})
                print(made[-1], flush=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(runs, separators=(",", ":")).replace('],"', '],\n"') + "\n"
    replace_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8", newline="\n"))


if __name__ == "__main__":
    main(sys.argv[1:] or ["rates", "faults", "shifts", "full size"])
