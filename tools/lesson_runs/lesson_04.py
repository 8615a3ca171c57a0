"""Two small dVAEs of the emoji world that differ in one thing: whether the encoder sees the patches around a patch.

    OMP_NUM_THREADS=1 python tools/lesson_runs/lesson_04.py data/lessons/04    # about 3 minutes of one core

Lesson 04 asks them what a white token says. Each is trained on the same batches, from the same seed, for so many steps.
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import torch
import torch.nn.functional as F

from dalle_lessons.datasets.emoji import emoji
from dalle_lessons.model.dvae import DVAE, DVAEConfig

#: Folder -> how many of the encoder's 3x3 convolutions stay: one shows it one ring of patches, none only its own.
KINDS = {"looks_around": 1, "own_patch": 0}
BATCH, RATE = 64, 2e-3


def study_config(num_3x3_convs: int) -> DVAEConfig:
    """The configuration of one of the two."""
    return DVAEConfig(
        codes=512,
        code_dim=8,
        widths=(40,),
        patch=8,
        blocks=1,
        num_3x3_convs=num_3x3_convs,
        l2_normalize=True,
        moving_average=True,
        decoder_blocks=2,
    )


def train_one(config: DVAEConfig, pictures: torch.Tensor, steps: int, seed: int) -> DVAE:
    """pictures: (N, 3, H, W) uint8."""
    torch.manual_seed(seed)
    model = DVAE(config).train()
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    chooser = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        batch = pictures[torch.randint(len(pictures), (BATCH,), generator=chooser)].float() / 255
        optimizer.zero_grad()
        model.loss(batch)["total"].backward()
        optimizer.step()
        schedule.step()
    return model.eval()


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--steps", default=1000, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--only", type=click.Choice(list(KINDS)), help="One of the two.")
def main(folder: Path, steps: int, seed: int, only: str | None) -> None:
    """Write the models, and what each reaches on held-out pictures, into FOLDER."""
    train, held_out = emoji("train").pictures, emoji("unseen_emoji").pictures.float() / 255
    path = folder / "runs.json"
    for kind in [only] if only else KINDS:
        model = train_one(study_config(KINDS[kind]), train, steps, seed)
        model.save_pretrained(folder / kind / "dvae")
        loaded = DVAE.from_pretrained(folder / kind)  # in half precision, as the lesson has it
        error = F.mse_loss(loaded.decode(loaded.encode(held_out)), held_out)
        reached = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        reached[kind] = {"steps": steps, "seed": seed, "error": round(float(error), 6)}
        print(kind, sum(p.numel() for p in model.parameters()), reached[kind], flush=True)
        path.write_text(json.dumps(reached, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
