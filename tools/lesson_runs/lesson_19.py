"""The two trainings that lesson 19 shows without running them to their end: in a row, and at once.

    python tools/lesson_runs/lesson_19.py in_a_row 0     # writes weights and measures to data/lessons/19; minutes
    python tools/lesson_runs/lesson_19.py at_once 0      # seeds other than 0 write measures alone

With a third argument, seconds: stops then, and goes on from there when called again.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from dalle_lessons import TextToImage
from dalle_lessons.classroom import two_painters as two
from dalle_lessons.datasets.shapes import shapes
from dalle_lessons.datasets.shapes_check import check
from dalle_lessons.evaluation.shapes import distinct_shapes
from dalle_lessons.model.atomic import replace_file
from dalle_lessons.model.files import data_dir

# 28 pairs of shape and color, two ways each to place them, are test scenes of one thing: 56 captions, each drawn twice.
FOLDER = data_dir() / "lessons" / "19"
TESTED, EACH, GUIDANCES, SPLITS = 56, 2, (0.0, 1.0, 3.0), {"seen": "test", "held-out": "unseen_pair"}
AMOUNTS = (1, 2, 4, 8, 16, 32)  # steps
torch.set_num_threads(1)
system = TextToImage.from_pretrained("shapes", device="cpu")
words = system.tokenizer.vocab_size


def single(split: str, count: int):
    """Scenes of one thing."""
    return shapes(split, count, two=0.0)


def share(pictures, pairs) -> tuple[float, float]:
    """Of the attributes and of the pictures, how many are right."""
    verdicts = [check(picture, pairs.caption(i % TESTED, None)) for i, picture in enumerate(pictures)]
    marks = [mark for verdict in verdicts for item in verdict.objects for mark in item.values()]
    return sum(marks) / len(marks), sum(verdict.all_right for verdict in verdicts) / len(verdicts)


def measure(model, name: str) -> dict:
    """Shares right by split and guidance; CPU seconds a picture; for `at_once` also by steps."""
    found: dict = {}
    for key, split in SPLITS.items():
        pairs = distinct_shapes(split, TESTED, single)
        text = two.texts_of(system.tokenizer, pairs).repeat(EACH, 1)
        noise = torch.randn(len(text), 16, 64, generator=torch.Generator().manual_seed(0))
        for guidance in GUIDANCES:
            start = time.process_time()
            if name == "in_a_row":
                grids = two.draw_in_a_row(model, text, 0, guidance).reshape(-1, 8, 8)
                pictures = system.dvae.decode(grids)
            else:
                *_, (grid, _) = two.draw_at_once(model, text, noise, 16, guidance)
                pictures = two.to_pictures(system.dvae, grid)
            seconds = (time.process_time() - start) / len(text)
            found[f"{key}, {guidance:g}"] = [*share(pictures, pairs), seconds]
        if name == "at_once":
            for steps in AMOUNTS:
                *_, (grid, _) = two.draw_at_once(model, text, noise, steps, 1.0)
                found[f"{key}, steps {steps}"] = share(two.to_pictures(system.dvae, grid), pairs)
        images = pairs.pictures / 255
        found[f"{key}, tokens"] = share(system.dvae.decode(system.dvae.encode(images)), pairs)
        found[f"{key}, vectors"] = share(two.to_pictures(system.dvae, two.to_grid(system.dvae, images)), pairs)
    return found


def stored(model: nn.Module) -> dict[str, torch.Tensor]:
    """8 bits a number, with a scale for each row of a matrix; words that no caption has are left out."""
    out = {}
    used = two.texts_of(system.tokenizer, single("train", 4000)).unique()
    for key, value in model.state_dict().items():
        if key.endswith("words.weight"):
            value, out[f"{key}.rows"] = value[used], used.short()
        if value.ndim < 2:
            out[key] = value.half()
            continue
        scale = (value.abs().amax(1) / 127).clamp(min=1e-8).half()
        out[key], out[f"{key}.scale"] = (value / scale.float()[:, None]).round().clamp(-127, 127).to(torch.int8), scale
    return out


def run(name: str, seed: int, seconds: float) -> None:
    scratch = Path("/tmp") / f"lesson_19_{name}_{seed}.pt"
    pairs = single("train", 4000)
    text, images = two.texts_of(system.tokenizer, pairs), pairs.pictures / 255
    data = system.dvae.encode(images).flatten(1) if name == "in_a_row" else two.to_grid(system.dvae, images)
    torch.manual_seed(seed)
    model = (two.InARow if name == "in_a_row" else two.AtOnce)(words)
    optimizers, losses, spent, first = two.optimizers_of(model), [], 0.0, 0
    base = [o.param_groups[0]["lr"] for o in optimizers]
    if scratch.is_file():
        kept = torch.load(scratch)
        model.load_state_dict(kept["model"])
        for optimizer, state in zip(optimizers, kept["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        torch.set_rng_state(kept["random"])
        losses, spent, first = kept["losses"], kept["spent"], len(kept["losses"])
    began, start = time.time(), time.process_time()
    for step in range(first, two.STEPS):
        for optimizer, rate in zip(optimizers, base, strict=True):
            optimizer.param_groups[0]["lr"] = rate * two.rate_at(step)
        rows = torch.randint(len(data), (two.BATCH,))
        said = text[rows] * (torch.rand(two.BATCH, 1) > two.WITHOUT)
        clean = data[rows]
        if name == "in_a_row":
            loss = F.cross_entropy(model(clean[:, :-1], said).flatten(0, 1), clean.flatten())
        else:
            t, noise = torch.rand(two.BATCH), torch.randn_like(clean)
            loss = F.mse_loss(model(two.noised(clean, noise, t), t, said), clean)
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        losses.append(loss.item())
        if time.time() - began > seconds or step == two.STEPS - 1:
            kept = {"model": model.state_dict(), "optimizers": [o.state_dict() for o in optimizers], "losses": losses}
            spent += time.process_time() - start
            torch.save({**kept, "random": torch.get_rng_state(), "spent": spent}, scratch)
            break
    print(name, seed, len(losses), f"{spent:.1f} s", sum(losses[-50:]) / 50, flush=True)
    if len(losses) < two.STEPS:
        return
    if seed == 0:
        FOLDER.mkdir(parents=True, exist_ok=True)
        save_file(stored(model), FOLDER / f"{name}.safetensors")
        two.trained(model, name)
    path = FOLDER / "runs.json"
    runs = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    means = [round(sum(losses[k : k + 20]) / 20, 4) for k in range(0, two.STEPS, 20)]
    size = sum(p.numel() for p in model.parameters())
    runs[f"{name}, seed {seed}"] = {"losses": means, "seconds": spent, "size": size, **measure(model.eval(), name)}
    made = json.dumps(runs, indent=1, default=float) + "\n"
    replace_file(path, lambda temporary: temporary.write_text(made, encoding="utf-8", newline="\n"))
    print(json.dumps({k: v for k, v in runs[f"{name}, seed {seed}"].items() if k != "losses"}))


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) > 3 else float("inf"))
