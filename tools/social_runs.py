"""Social concerns as experiments: small DALL·Es on shapes worlds that differ in one thing, and what each draws.

    OMP_NUM_THREADS=1 python tools/social_runs.py data/social    # 12 runs, about 2 minutes of one core

Writes drawings.npz (image tokens, and the scores of a CLIP trained on the same pairs), counts.csv (what stood in the
training data) and runs.csv (each run). A run that is done is not done again. Lesson 15 counts what was drawn.
"""

from __future__ import annotations

import csv
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import torch

from dalle_lessons.datasets import Pairs
from dalle_lessons.datasets.scenes import POSITIONS, SIZES, Scene, SceneObject, draw
from dalle_lessons.datasets.scenes import caption as say
from dalle_lessons.datasets.shapes import Correlation, random_scene
from dalle_lessons.model.atomic import replace_file
from dalle_lessons.model.dvae import DVAE
from dalle_lessons.model.files import weights_dir
from dalle_lessons.model.sampling import sample
from dalle_lessons.model.sequence import unflatten
from dalle_lessons.model.tokenizer import TextTokenizer
from dalle_lessons.training.checkpoints import begun
from dalle_lessons.training.objectives import Objective
from dalle_lessons.training.objectives.clip import CLIPObjective
from dalle_lessons.training.objectives.dalle import DALLEObjective
from dalle_lessons.training.presets import CLIP_PRESETS, DALLE_PRESETS
from dalle_lessons.training.trainer import Trainer

SEEDS = (0, 1, 2)
CONDITIONS = ("even", "planted", "filtered", "reweighted")
PLANTED = Correlation("square", "red", 0.8)
UNWANTED = "red"  # what the filter takes out
PAIRS, SAID = 4000, 0.5  # pictures of a world; how often the color is said
GENERAL, SHAPELESS = "thing", 0.3  # a word for any shape, and how often it stands in the shape's place
SIZE = "small"  # 8 pixels, so that a thing in the middle fills 2x2 tokens
TEXT_LENGTH = 8  # "an orange thing" and start-of-text are 7 tokens
DALLE = replace(
    DALLE_PRESETS["shapes"],
    config=replace(DALLE_PRESETS["shapes"].config, width=64, layers=2, heads=2, text_length=TEXT_LENGTH),
    train_config=replace(DALLE_PRESETS["shapes"].train_config, steps=200, warmup=20, ema=0.98),
)
RANKER = replace(
    CLIP_PRESETS["shapes"], train_config=replace(CLIP_PRESETS["shapes"].train_config, steps=150, batch=64, warmup=20)
)
ASKED = {  # name: (caption, drawings, options of `sample`)
    "square": ("a square", 512, {}),
    "square, temperature 0.5": ("a square", 512, {"temperature": 0.5}),
    "square, temperature 0.75": ("a square", 512, {"temperature": 0.75}),
    "square, temperature 1.25": ("a square", 512, {"temperature": 1.25}),
    "square, guidance 1": ("a square", 512, {"guidance": 1.0}),
    "square, guidance 3": ("a square", 512, {"guidance": 3.0}),
    "blue square": ("a blue square", 512, {}),
    "thing": ("a thing", 512, {}),
}


def world(condition: str, seed: int) -> Pairs:
    """Pictures of one small thing in the middle, (N, 3, 8, 8): 2x2 tokens, and nothing but shape and color to choose.
    Captions say the color half of the time, and sometimes "thing" in place of the shape.

    even: all colors of squares alike. planted: four of five are red. filtered: of the planted pairs those are left
    whose full caption does not say red. reweighted: of these each shape weighs as much as it did before the filter.
    """
    rng = random.Random(f"social/{seed}")
    planted = None if condition == "even" else PLANTED
    x, y = POSITIONS["middle"]
    objects = [random_scene(rng, "train", 0.0, planted).objects[0] for _ in range(PAIRS)]
    objects = [replace(item, size=SIZE, position=None, x=x, y=y) for item in objects]
    before = Counter(item.shape for item in objects)
    if condition in ("filtered", "reweighted"):
        objects = [item for item in objects if UNWANTED not in words_for(item).split()]
    after = Counter(item.shape for item in objects)
    weights = torch.ones(len(objects))
    if condition == "reweighted":
        weights = torch.tensor([before[item.shape] / after[item.shape] for item in objects])

    def caption(index: int, rng: random.Random | None = None) -> str:
        text = words_for(objects[index], rng)
        shape, general = objects[index].shape, rng is not None and rng.random() < SHAPELESS
        return text.replace(shape, GENERAL) if general and shape else text

    corner = x - SIZES[SIZE] // 2
    inside = slice(corner, corner + SIZES[SIZE])
    pictures = np.stack([draw(Scene((item,)))[:, inside, inside] for item in objects])
    return Pairs(torch.from_numpy(pictures), weights, caption, objects)


def words_for(item: SceneObject, rng: random.Random | None = None) -> str:
    """A caption of shape and color alone: "a red square", or with `rng` perhaps "a square"."""
    return say(Scene((replace(item, size=None),)), rng, SAID)


def counts_of(condition: str, seed: int, pairs: Pairs) -> list[dict]:
    """How many pairs show each shape in each color, and which share of what is drawn in training they are."""
    kinds = [(item.shape, item.color) for item in pairs.metadata]
    weight = Counter()
    for kind, w in zip(kinds, (pairs.weights / pairs.weights.sum()).tolist(), strict=True):
        weight[kind] += w
    return [
        {
            "condition": condition,
            "seed": seed,
            "shape": shape,
            "color": color,
            "pairs": count,
            "share": round(weight[shape, color], 6),
        }
        for (shape, color), count in sorted(Counter(kinds).items())
    ]


def trained(kind: str, objective: Objective, pairs: Pairs, folder: Path):
    """The averaged model after all steps; goes on from a checkpoint, if there is one. -> (model, trainer)"""
    train_config = objective.preset.train_config
    trainer = Trainer(objective.build(pairs), objective, train_config, folder / kind)
    if begun(folder / kind):
        trainer.load()
    average = trainer.run(progress=False)
    if trainer.step < train_config.steps:
        raise SystemExit(f"Stopped at step {trainer.step} of {train_config.steps}: run this again to go on.")
    objective.finish(average)
    return average, trainer


def run(condition: str, seed: int, folder: Path, dvae: DVAE, words: TextTokenizer) -> tuple[dict, dict]:
    """Train, then draw. -> (arrays by name: tokens (N, 4) uint8, scores (N,) float16; the line of runs.csv)"""
    pairs = world(condition, seed)
    preset = replace(DALLE, train_config=replace(DALLE.train_config, seed=seed))
    dalle, trainer = trained("dalle", DALLEObjective(preset, dvae, words), pairs, folder)
    arrays = {}
    for name, (caption, count, options) in ASKED.items():
        tokens = sample(dalle, words.encode([caption]).expand(count, -1), seed, **options)
        arrays[name] = tokens.numpy().astype(np.uint8)  # 256 codes
    if condition == "planted":  # a ranker that has seen the same pairs
        ranker = replace(RANKER, train_config=replace(RANKER.train_config, seed=seed))
        clip, _ = trained("clip", CLIPObjective(ranker, dvae, words), pairs, folder)
        images = dvae.decode(unflatten(torch.from_numpy(arrays["square"]).long(), dalle.config.rows, dalle.config.cols))
        arrays["square, scores"] = clip.score(images, ["a square"] * len(images)).numpy().astype(np.float16)
    line = {
        "condition": condition,
        "seed": seed,
        "pairs": len(pairs),
        "steps": trainer.step,
        "image_nats": round(trainer.log[-1]["image"], 4),
        "seconds": round(trainer.seconds),
        "command": f"OMP_NUM_THREADS=1 python tools/social_runs.py data/social --only {condition} --seed {seed}",
    }
    return arrays, line


def write_rows(path: Path, rows: list[dict]) -> None:
    def write(temporary: Path) -> None:
        with open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    replace_file(path, write)


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    def write(temporary: Path) -> None:
        with open(temporary, "wb") as file:  # given a name, NumPy would add .npz to it
            np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType] # no array is called allow_pickle

    replace_file(path, write)


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--folder", type=click.Path(path_type=Path), default="runs/social", show_default=True)
@click.option("--only", type=click.Choice(CONDITIONS), help="One condition alone.")
@click.option("--seed", type=click.Choice([str(s) for s in SEEDS]), help="One seed alone.")
def main(out: Path, folder: Path, only: str | None, seed: str | None) -> None:
    dvae = DVAE.from_pretrained("shapes")
    words = TextTokenizer.from_file(weights_dir("shapes", "dalle") / "tokenizer.json", TEXT_LENGTH)
    every = [(c, s) for s in SEEDS for c in CONDITIONS]
    for c, s in every:
        done = folder / f"{c}-{s}" / "done.npz"
        if done.exists() or only not in (None, c) or seed not in (None, str(s)):
            continue
        arrays, line = run(c, s, done.parent, dvae, words)
        write_rows(done.parent / "run.csv", [line])
        write_arrays(done, arrays)
        print({key: value for key, value in line.items() if key != "command"}, flush=True)
    if not all((folder / f"{c}-{s}" / "done.npz").exists() for c, s in every):
        return print("Some runs are still missing: nothing is written yet.")
    out.mkdir(parents=True, exist_ok=True)
    arrays, counts, lines = {}, [], []
    for c, s in every:
        with np.load(folder / f"{c}-{s}" / "done.npz") as part:
            arrays |= {f"{c}/{s}/{name}": part[name] for name in part.files}
        counts += counts_of(c, s, world(c, s))
        with open(folder / f"{c}-{s}" / "run.csv", newline="", encoding="utf-8") as file:
            lines += csv.DictReader(file)
    write_arrays(out / "drawings.npz", arrays)
    write_rows(out / "counts.csv", counts)
    write_rows(out / "runs.csv", lines)


if __name__ == "__main__":
    main()
