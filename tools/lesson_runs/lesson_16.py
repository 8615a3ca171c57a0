"""What lesson 16 shows without running it: one caption drawn by models of four sizes, and trainings in 16 bits.

    python tools/lesson_runs/lesson_16.py train     # the models: about 20 minutes of one core; goes on if broken off
    python tools/lesson_runs/lesson_16.py train 3 shapes-100   # this one alone, for three minutes at most
    python tools/lesson_runs/lesson_16.py measure   # data/lessons/16: their drawings, and how many are right
    python tools/lesson_runs/lesson_16.py bits      # the trainings in 16 bits: two minutes

The models are those of data/scaling/shapes.csv (tools/scaling_runs.py): the same command, the same seed. The
trainings in 16 bits are those of the lesson, for longer.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from dalle_lessons import DALLE, TextToImage, sample
from dalle_lessons.classroom.half_step import carry_in_16_bits, take_step
from dalle_lessons.datasets.shapes import shapes
from dalle_lessons.datasets.shapes_check import check
from dalle_lessons.model.dvae import DVAE
from dalle_lessons.model.files import data_dir
from dalle_lessons.model.tokenizer import TextTokenizer
from dalle_lessons.training.checkpoints import begun
from dalle_lessons.training.run import train_model
from dalle_lessons.training.tokens import tokenize

OUT, RUNS = data_dir() / "lessons" / "16", Path("runs/scaling")
CAPTIONS = (  # two of "test", which no run has trained on
    "a big purple cross above a small orange circle",
    "a small green cross right of a small red square",
)
SHOWN, JUDGED = 4, 256  # drawings of each caption; drawings of as many other captions, for the share that is right
SHARE = 16 * 64 / (1024 * 1024)  # a token's part of the paper's loss, beside its part of a loss of 16 pictures of ours
STEPS, EVERY = 400, 20
Job = tuple[str, int]  # preset, steps


def jobs() -> list[Job]:
    """All trainings, in the order of what they cost."""
    with open(data_dir() / "scaling" / "shapes.csv", encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: float(row["flops"]))
    return [(row["preset"], int(row["steps"])) for row in rows]


def folder(job: Job) -> Path:
    return RUNS / "{}-{}".format(*job)


def done(job: Job) -> bool:
    return (folder(job) / "done").exists()


def train(job: Job, minutes: float) -> None:
    """Train the model of a job, or go on with it, for so many minutes at most."""
    preset, steps = job
    out = folder(job)
    how = {"dvae": "shapes", "tokens": RUNS / "tokens", "resume": begun(out), "minutes": minutes, "progress": False}
    trainer = train_model("dalle", "shapes", preset, out, **how, steps=steps)
    if trainer.step == steps:
        (out / "done").touch()


@torch.no_grad()
def judge(model: DALLE, tokenizer: TextTokenizer, dvae: DVAE) -> dict:
    """Nats an image token on 1,000 pairs of "test", and how many drawings of JUDGED of their captions are right."""
    pairs = shapes("test", 1000)
    said = [pairs.caption(i, None) for i in range(1000)]
    loss = float(model.loss(tokenizer.encode(said), tokenize(dvae, pairs.pictures))["image"])
    drawn = sample(model, tokenizer.encode(said[:JUDGED]), seed=0)
    pictures = dvae.decode(drawn.reshape(-1, 8, 8))
    right = sum(check(picture, caption).all_right for picture, caption in zip(pictures, said, strict=False))
    return {"image": round(loss, 5), "right": right}


@torch.no_grad()
def measure(job: Job, dvae: DVAE) -> tuple[dict, torch.Tensor]:
    """Loss and right drawings of a job, and its drawings of CAPTIONS (captions, SHOWN, 64) uint8."""
    out = folder(job)
    model = DALLE.from_pretrained(out).eval()
    tokenizer = TextTokenizer.from_file(out / "tokenizer.json", model.config.text_length)
    shown = [sample(model, tokenizer.encode([caption]).expand(SHOWN, -1), seed=0) for caption in CAPTIONS]
    row = {"preset": job[0], "steps": job[1], **judge(model, tokenizer, dvae)}
    return row, torch.stack(shown).to(torch.uint8)


def learn(scale: float | None, moving: bool, seed: int) -> list[float]:
    """The lesson's training, its gradients in 16 bits; with scale None all in 32. -> means of EVERY losses"""
    system, pairs = TextToImage.from_pretrained("shapes", device="cpu"), shapes("test", 256)
    text = system.tokenizer.encode([pairs.caption(i, None) for i in range(256)])
    tokens = tokenize(system.dvae, pairs.pictures)
    torch.manual_seed(seed)
    model = DALLE(replace(system.dalle.config, width=32, layers=2, heads=1))
    if scale:
        carry_in_16_bits(model)
    scale, optimizer, losses = scale or 1.0, torch.optim.AdamW(model.parameters(), lr=3e-3), []
    for rows in torch.randint(256, (STEPS, 16)):
        loss = model.loss(text[rows], tokens[rows])["total"]
        losses.append(loss.item())
        fine = take_step("bedfca", model, optimizer, SHARE * loss, scale, SHARE)
        scale *= (2**0.01 if fine else 0.5) if moving else 1
    return [round(sum(losses[k : k + EVERY]) / EVERY, 4) for k in range(0, STEPS, EVERY)]


def bits() -> None:
    arms = {"32 bits": (None, False), "no scale": (1.0, False), "a scale that moves": (2.0**40, True)}
    losses = {name: [learn(scale, moving, seed) for seed in (0, 1)] for name, (scale, moving) in arms.items()}
    table = {"steps": STEPS, "every": EVERY, "losses": losses}
    (OUT / "sixteen_bits.json").write_text(json.dumps(table) + "\n", encoding="utf-8")
    print({name: [line[-1] for line in lines] for name, lines in losses.items()})


def main() -> None:
    what, minutes = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 1e9
    end = time.monotonic() + 60 * minutes
    if what == "train":
        named = [(preset, int(steps)) for preset, _, steps in (name.rpartition("-") for name in sys.argv[3:])]
        for job in named or jobs():
            left = (end - time.monotonic()) / 60
            if not done(job) and left > 0.2:
                train(job, left)
                print(*job, "done" if done(job) else "to be continued", flush=True)
        return
    OUT.mkdir(parents=True, exist_ok=True)
    if what == "bits":
        return bits()
    dvae = DVAE.from_pretrained("shapes")
    old: dict[Job, tuple[dict, torch.Tensor]] = {}
    if (OUT / "runs.json").exists():  # what is measured already stays
        before = json.loads((OUT / "runs.json").read_text(encoding="utf-8"))["runs"]
        drawn = load_file(OUT / "drawings.safetensors")["tokens"]
        old = {(row["preset"], row["steps"]): (row, grids) for row, grids in zip(before, drawn, strict=True)}
    measured = [old.get(job) or measure(job, dvae) for job in jobs() if job in old or done(job)]
    rows, shown = [row for row, _ in measured], [grids for _, grids in measured]
    system = TextToImage.from_pretrained("shapes", device="cpu")
    shipped = judge(system.dalle, system.tokenizer, dvae)
    table = {"captions": CAPTIONS, "judged": JUDGED, "runs": rows, "shipped": shipped}
    (OUT / "runs.json").write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    save_file({"tokens": torch.stack(shown)}, OUT / "drawings.safetensors")  # (runs, captions, SHOWN, 64)
    for row in [*rows, shipped]:
        print(row)


if __name__ == "__main__":
    main()
