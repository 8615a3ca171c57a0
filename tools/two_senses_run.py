"""One word, two senses: trains a small DALL·E on shapes with a planted "bat", and keeps what it draws for lesson 14.

    OMP_NUM_THREADS=1 python tools/two_senses_run.py data/two_senses    # about 1.5 minutes of one core

In a tenth of its pictures "bat" means a wooden one, and a circle beside it makes that likelier (`Homonym`). For a short
training the world is the simplest there is: all is big, and stands in the middle, above or below something; what is no
bat is pink.
"""

from __future__ import annotations

import csv
import random
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from dalle_lessons.datasets import Pairs
from dalle_lessons.datasets.scenes import SHAPES, Scene, caption, draw
from dalle_lessons.datasets.shapes import Homonym, random_scene
from dalle_lessons.model.atomic import replace_file
from dalle_lessons.model.dalle import DALLE
from dalle_lessons.model.dvae import DVAE
from dalle_lessons.model.sampling import sample
from dalle_lessons.model.tokenizer import TextTokenizer
from dalle_lessons.training.objectives.dalle import DALLEObjective
from dalle_lessons.training.presets import DALLE_PRESETS
from dalle_lessons.training.trainer import train

PLANTED = Homonym(share=0.9, strength=0.95, rate=0.8)
TRIED, TWO = 60_000, 0.6  # scenes, of which about a tenth are simple; share of those with two objects
KEEP = 0.5  # half of the captions leave the adjective out: there the word must do without
DRAWINGS = 96  # of each context
CONTEXTS = {"alone": ("a bat",)} | {
    name: (f"{bat} above a pink {shape}", f"{bat} below a pink {shape}")
    for name, bat, shape in (
        *((f"beside a {shape}", "a bat", shape) for shape in SHAPES),
        ("wooden, beside a square", "a wooden bat", "square"),
        ("flying, beside a circle", "a flying bat", "circle"),
    )
}


def simple(scene: Scene) -> bool:
    """Is everything big, and in the middle, above or below something?"""
    big = all(item.size == "big" for item in scene.objects)
    return big and (scene.relation in ("above", "below") or scene.objects[0].position == "middle")


def painted(scene: Scene) -> Scene:
    """The same scene, but pink where no bat is: so a neighbor is never taken for a bat, either."""
    objects = (item if item.senses else replace(item, color="pink") for item in scene.objects)
    return replace(scene, objects=tuple(objects))


def world() -> Pairs:
    """The simple scenes among TRIED random ones."""
    rng = random.Random("two senses")
    tried = (random_scene(rng, "train", TWO, homonym=PLANTED) for _ in range(TRIED))
    scenes = [painted(scene) for scene in tried if simple(scene)]
    pictures = torch.from_numpy(np.stack([draw(scene) for scene in scenes]))
    return Pairs(pictures, torch.ones(len(scenes)), lambda i, rng=None: caption(scenes[i], rng, KEEP), scenes)


def shares(pairs: Pairs) -> list[dict]:
    """Of the training scenes: how many bats stand alone or beside each shape, and how many of those are wooden."""
    counts = {name: [0, 0] for name in ("alone", *(f"beside a {shape}" for shape in SHAPES))}
    for scene in pairs.metadata:
        for i, item in enumerate(scene.objects):
            if item.senses:
                others = scene.objects[:i] + scene.objects[i + 1 :]
                count = counts[f"beside a {others[0].shape}" if others else "alone"]
                count[0] += 1
                count[1] += item.senses == ("wooden",)
    return [{"context": name, "bats": bats, "wooden": wooden} for name, (bats, wooden) in counts.items()]


def drawn(model: DALLE, tokenizer: TextTokenizer, captions: tuple[str, ...]) -> Tensor:
    """-> (DRAWINGS, N) uint8 image tokens, the captions taking turns."""
    text = tokenizer.encode([captions[i % len(captions)] for i in range(DRAWINGS)])
    return sample(model, text, seed=0).to(torch.uint8)


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--steps", default=700, show_default=True)
def main(out: Path, steps: int) -> None:
    preset = DALLE_PRESETS["shapes_64"]
    preset = replace(preset, train_config=replace(preset.train_config, steps=steps))
    dvae, pairs = DVAE.from_pretrained("shapes"), world()
    assert dvae.config.codes <= 256, "The tokens are kept as uint8."
    objective = DALLEObjective(preset, dvae)
    model = train(objective.build(pairs), objective.loss, preset.train_config, progress=False)
    assert objective.tokenizer is not None  # learned by `build`
    out.mkdir(parents=True, exist_ok=True)
    tokens = {name: drawn(model, objective.tokenizer, captions) for name, captions in CONTEXTS.items()}
    replace_file(out / "tokens.safetensors", lambda path: save_file(tokens, path))

    def write(path: Path) -> None:
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ("context", "bats", "wooden"), lineterminator="\n")
            writer.writeheader()
            writer.writerows(shares(pairs))

    replace_file(out / "shares.csv", write)


if __name__ == "__main__":
    main()
