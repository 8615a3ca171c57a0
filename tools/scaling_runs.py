"""Loss against compute: trains DALL·E on the shapes world in several sizes and lengths, and tables what each reached.

    OMP_NUM_THREADS=1 python tools/scaling_runs.py data/scaling/shapes.csv    # about 12 minutes of one core

Each run is what the command in its line of the table does; all but size and number of steps is alike. Lines that the
table holds already are kept: broken off, it goes on where it was. Lesson 16 draws the table.
"""

from __future__ import annotations

import csv
import random
from pathlib import Path

import click
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from dalle_lessons.datasets.shapes import shapes
from dalle_lessons.model.atomic import replace_file
from dalle_lessons.model.dalle import DALLE
from dalle_lessons.model.dvae import DVAE
from dalle_lessons.model.tokenizer import TextTokenizer
from dalle_lessons.training.run import train_model
from dalle_lessons.training.tokens import tokenize
from dalle_lessons.training.trainer import Trainer

STEPS = {  # preset: lengths, each a training of its own, since the learning rate must end low
    "shapes_16": (100, 200, 400, 800, 1600, 3200),
    "shapes_32": (100, 200, 400, 800, 1600),
    "shapes_64": (100, 200, 400, 800),
    "shapes": (100, 200, 400),
}
WANTED = [(preset, steps) for preset, lengths in STEPS.items() for steps in lengths]
COMMAND = "dalle-lessons train dalle --data shapes --preset {preset} --steps {steps} --out {out}"
HELD_OUT = 1000  # pictures of the split "test"


def step_flops(trainer: Trainer) -> int:
    """Floating-point operations of one step's forward and backward pass, counted."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:  # the fused kernel is not counted
        trainer.loss_fn.loss(trainer.model, random.Random(0), 0.0)["total"].backward()
    return counter.get_total_flops()


@torch.no_grad()
def held_out_loss(model, out: Path, dvae: DVAE) -> dict[str, float]:
    """Nats a token, of text and of image, on pictures and full captions that no run has trained on."""
    pairs = shapes("test", HELD_OUT)
    tokenizer = TextTokenizer.from_file(out / "tokenizer.json", model.config.text_length)
    text = tokenizer.encode([pairs.caption(i, None) for i in range(len(pairs))])
    losses = model.loss(text, tokenize(dvae, pairs.pictures))
    return {name: round(float(losses[name]), 5) for name in ("text", "image")}


def run(preset: str, steps: int, folder: Path, dvae: DVAE) -> dict:
    """One line of the table: a training, and what it came to."""
    out = folder / f"{preset}-{steps}"
    trainer = train_model("dalle", "shapes", preset, out, dvae="shapes", steps=steps, progress=False)
    model = trainer.average.module.eval()
    assert isinstance(model, DALLE)
    c, batch = model.config, trainer.train_config.batch
    return {
        "preset": preset,
        "layers": c.layers,
        "width": c.width,
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": steps,
        "tokens": steps * batch * (c.text_length + c.image_length),
        "flops": steps * step_flops(trainer),
        **held_out_loss(model, out, dvae),
        "command": COMMAND.format(preset=preset, steps=steps, out=f"runs/scaling/{out.name}"),
    }


def write(rows: list[dict], path: Path) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


@click.command()
@click.argument("table", type=click.Path(path_type=Path))
@click.option("--folder", type=click.Path(path_type=Path), default="runs/scaling", show_default=True)
def main(table: Path, folder: Path) -> None:
    """Fill TABLE, a CSV file; the models go into the folder."""
    table.parent.mkdir(parents=True, exist_ok=True)
    old = list(csv.DictReader(table.open(encoding="utf-8"))) if table.exists() else []
    known = {(row["preset"], int(row["steps"])): row for row in old}
    dvae = DVAE.from_pretrained("shapes")
    for one in WANTED:
        if one not in known:
            known[one] = run(*one, folder, dvae)
            replace_file(table, lambda path: write([known[w] for w in WANTED if w in known], path))
        print(", ".join(f"{key} {value}" for key, value in known[one].items() if key != "command"), flush=True)


if __name__ == "__main__":
    main()
