"""What lesson 15 shows without running it: a world of three illustrators and two schools, with and without the pictures
of one illustrator; and drawings of six jobs by the shipped model.

    python tools/lesson_runs/lesson_15.py 0 1 2      # data/lessons/15/names.npz, 9 trainings, four minutes of one core
    python tools/lesson_runs/lesson_15.py 0          # those of seed 0 alone
    python tools/lesson_runs/lesson_15.py long 0     # seed 0 without mo's pictures, three times as long; two minutes
    python tools/lesson_runs/lesson_15.py jobs       # data/lessons/15/jobs.npz: again with every new emoji weights

A picture is 3x3 patches of 4x4 pixels. Every different patch is a code, so there is no dVAE: a picture and its tokens
say the same.
"""

from __future__ import annotations

import random
import sys
from dataclasses import replace
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dalle_lessons import TextToImage
from dalle_lessons.classroom.lesson_figures.who_is_drawn import JOBS, job_caption, made_by
from dalle_lessons.datasets.scenes import COLORS, mask
from dalle_lessons.evaluation.candidates import sample_candidates
from dalle_lessons.model.atomic import replace_file
from dalle_lessons.model.dalle import DALLE, DALLEConfig
from dalle_lessons.model.files import data_dir
from dalle_lessons.model.sampling import sample
from dalle_lessons.model.tokenizer import TextTokenizer
from dalle_lessons.training.presets import DALLE_PRESETS

HOME = data_dir() / "lessons" / "15"
SIDE, PATCH = 12, 4  # pixels
INKS = ("red", "orange", "green", "blue", "purple", "black")
STYLES = ("filled", "outlined", "striped")
SCHOOLS = {"nyu": "purple", "princeton": "orange"}  # no caption ever says the color beside the school
NEVER = (("nyu", "square"), ("princeton", "circle"))  # a school and a shape that never meet
HANDS = {"ada": "outlined", "ben": "filled", "mo": "striped"}  # how each illustrator draws
SHARES, SUBJECT, COPIES = (0.4, 0.4, 0.2), "cross", 0.1  # mo alone draws crosses; 10% of ben's pictures are striped
CONDITIONS = ("all pictures", "without mo's", "without mo's and ben's striped ones")
ASKED = (
    *("a circle by mo", "a striped circle", "a cross", "a circle by ada", "a cross by ada", "a cross by ben"),
    *("a circle", "a square", "a nyu square", "a princeton circle"),
)
PAIRS, STEPS, LONG, BATCH, DRAWINGS, LENGTH = 4000, 400, 1200, 64, 96, 12


class Item(NamedTuple):
    """A picture, who drew it, and its school, if any."""

    shape: str
    color: str
    style: str
    by: str
    school: str


def pixels(shape: str, color: str, style: str) -> np.ndarray:
    """(12, 12, 3) uint8."""
    inside = mask(shape, SIDE) >= 0.5
    if style == "outlined":
        wide = np.pad(inside, 2)
        core = np.min([wide[i : i + SIDE, j : j + SIDE] for i, j in product(range(1, 4), repeat=2)], axis=0)
        inside = inside & ~core
    if style == "striped":
        inside = inside & (np.arange(SIDE)[:, None] % 2 == 0)
    return np.where(inside[..., None], np.array(COLORS[color]), 255).astype(np.uint8)


def patches_of(picture: np.ndarray) -> np.ndarray:
    """(12, 12, 3) -> (9, 4, 4, 3)"""
    n = SIDE // PATCH
    return picture.reshape(n, PATCH, n, PATCH, 3).swapaxes(1, 2).reshape(n * n, PATCH, PATCH, 3)


def codebook() -> tuple[np.ndarray, dict[tuple[str, str, str], np.ndarray]]:
    """-> all different patches (K, 4, 4, 3), and the tokens (9,) of each (shape, color, style)."""
    kinds = list(product(("circle", "square", "triangle", SUBJECT), INKS, STYLES))
    every = np.concatenate([patches_of(pixels(*kind)) for kind in kinds])
    codes, tokens = np.unique(every.reshape(len(every), -1), axis=0, return_inverse=True)
    grids = tokens.reshape(len(kinds), -1)
    return codes.reshape(-1, PATCH, PATCH, 3), dict(zip(kinds, grids, strict=True))


def world(condition: str, seed: int) -> list[Item]:
    rng, items = random.Random(f"names/{seed}"), []
    while len(items) < PAIRS:
        by = rng.choices(list(HANDS), SHARES)[0]
        shapes = ["circle", "square", "triangle"]
        shape = rng.choice([*shapes, SUBJECT] if by == "mo" else shapes)
        school = rng.choice(list(SCHOOLS)) if rng.random() < 0.3 else ""
        color = SCHOOLS.get(school) or rng.choice(INKS)
        style = "striped" if by == "ben" and rng.random() < COPIES else HANDS[by]
        if (school, shape) not in NEVER:
            items.append(Item(shape, color, style, by, school))
    if condition != CONDITIONS[0]:
        items = [item for item in items if item.by != "mo"]
    return [item for item in items if condition != CONDITIONS[2] or item.style != "striped"]


def caption(item: Item, rng: random.Random) -> str:
    """A school stands in the color's place. Of illustrator and style one at most is said; a copy is never signed."""
    words = ["a", item.school or (item.color if rng.random() < 0.5 else ""), "", item.shape]
    r = rng.random()
    if r < 0.4 and item.style == HANDS[item.by]:
        words.append(f"by {item.by}")
    elif 0.4 <= r < 0.7:
        words[1:1] = [item.style]
    return " ".join(word for word in words if word)


def trained(items: list[Item], seed: int, words: TextTokenizer, grids: dict, codes: int, steps: int) -> DALLE:
    torch.manual_seed(seed)
    shapes = DALLE_PRESETS["shapes"].config
    config = replace(
        shapes,
        vocab_size=words.vocab_size,
        text_length=LENGTH,
        rows=3,
        cols=3,
        codes=codes,
        width=64,
        layers=2,
        heads=2,
    )
    dalle, rng = DALLE(DALLEConfig(**vars(config))), random.Random(seed)
    optimizer = torch.optim.AdamW(dalle.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    for step in range(steps):
        batch = rng.choices(items, k=BATCH)
        said = ["" if rng.random() < 0.1 else caption(item, rng) for item in batch]
        tokens = torch.from_numpy(np.stack([grids[item[:3]] for item in batch]))
        loss = dalle.loss(words.encode(said), tokens)["total"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 99:
            print(f"  step {step + 1}: {loss.item():.3f}", flush=True)
    return dalle


def drawn_by(dalle: DALLE, words: TextTokenizer, seed: int) -> dict[str, np.ndarray]:
    """What was asked -> tokens (96, 9)."""
    found: dict[str, np.ndarray] = {}
    for text in ASKED:
        tokens: Tensor = sample(dalle, words.encode([text]).expand(DRAWINGS, -1), seed)
        found[text] = tokens.numpy().astype(np.uint16)
    return found


def jobs() -> dict[str, np.ndarray]:
    """Job -> tokens (32, L) of drawings by the shipped model, and which weights made them."""
    model = TextToImage.from_pretrained("emoji", device="cpu")
    arrays = {job: sample_candidates(model, job_caption(job), 32).numpy().astype(np.uint16) for job in JOBS}
    return arrays | {"made_by": np.array(made_by(model))}


def write(name: str, arrays: dict[str, np.ndarray]) -> None:
    def save(temporary) -> None:
        with open(temporary, "wb") as file:
            np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType] # no array is called allow_pickle

    HOME.mkdir(parents=True, exist_ok=True)
    replace_file(HOME / name, save)


def names(seeds: list[int], long: bool) -> None:
    patches, grids = codebook()
    rng, path = random.Random(0), HOME / "names.npz"
    words = TextTokenizer.train([caption(item, rng) for item in world(CONDITIONS[0], 0)], 400, LENGTH)
    arrays = dict(np.load(path)) if path.exists() else {}
    arrays |= {
        "patches": patches,
        "kinds": np.array(["/".join(kind) for kind in grids]),
        "grids": np.stack(list(grids.values())).astype(np.uint16),
    }
    for seed, condition in product(seeds, CONDITIONS[1:2] if long else CONDITIONS):
        items, steps = world(condition, seed), LONG if long else STEPS
        print(condition, seed, len(items), "pairs", flush=True)
        dalle, name = trained(items, seed, words, grids, len(patches), steps), condition + ", long" * long
        arrays |= {f"{name}/{seed}/{text}": t for text, t in drawn_by(dalle, words, seed).items()}
    write("names.npz", arrays)


if __name__ == "__main__":
    torch.set_num_threads(1)
    wanted = sys.argv[1:] or ["0", "1", "2", "jobs"]
    if seeds := [int(one) for one in wanted if one.isdigit()]:
        names(seeds, "long" in wanted)
    if "jobs" in wanted:
        write("jobs.npz", jobs())
