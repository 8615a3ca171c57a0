"""The drawings that lesson 11 counts without drawing them: 256 of one loose caption, and many at other settings.

    python tools/lesson_runs/lesson_11.py drawn                  # data/lessons/11/drawn.safetensors; seconds
    python tools/lesson_runs/lesson_11.py plain top_p top_k guidance    # the rest: settings.json; ten minutes
    python tools/lesson_runs/lesson_11.py likelier               # printed; a minute

All are drawn by the shipped model of the shapes. A setting that stands in `settings.json` already is kept. With
`--seed 1` other noise draws the same: `settings_1.json`.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from dalle_lessons import TextToImage, sample
from dalle_lessons.datasets.scenes import POSITIONS
from dalle_lessons.datasets.shapes import shapes
from dalle_lessons.datasets.shapes_check import check, detect
from dalle_lessons.evaluation.intervals import ratio_interval
from dalle_lessons.model.atomic import replace_file
from dalle_lessons.model.files import data_dir
from dalle_lessons.model.sampling import SAMPLING_BATCH, keep_top_p
from dalle_lessons.model.sequence import unflatten

HOME = Path(data_dir()) / "lessons" / "11"
CAPTIONS = ("a red circle", "a big red circle", "a circle above a square", "a big red circle above a small blue square")
LOOSE, COUNT, TAIL = "a circle", 256, 0.9
TEMPERATURES = (0.25, 0.5, 1.0, 1.5, 2.0)
GROUPS = {
    "plain": [{"temperature": t} for t in TEMPERATURES],
    "top_p": [{"temperature": t, "top_p": 0.9} for t in (1.0, 1.5, 2.0)],
    "top_k": [{"temperature": t, "top_k": 10} for t in (1.0, 1.5, 2.0)],
    "guidance": [{"temperature": 1.0, "guidance": g} for g in (-1.0, 1.0, 2.0, 4.0)],
}

system = TextToImage.from_pretrained("shapes", device="cpu")


def draw(captions: list[str], seed: int, **options) -> tuple[Tensor, Tensor]:
    """One drawing for each caption -> tokens (R, 64), and whether each came from the tail: (R, 64) bool."""
    text, drawn, rare = system.tokenizer.encode(captions), [], []
    for start in range(0, len(captions), SAMPLING_BATCH):
        some, tail = text[start : start + SAMPLING_BATCH], []

        def watch(i: int, tokens: Tensor, logits: Tensor, tail: list = tail) -> None:
            kept = keep_top_p(logits, TAIL).gather(1, tokens[:, i:]).isfinite()  # (B, 1)
            tail.append(~kept)

        drawn.append(
            sample(system.dalle, some, seed, indices=range(start, start + len(some)), on_token=watch, **options)
        )
        rare.append(torch.cat(tail, dim=1))
    return torch.cat(drawn), torch.cat(rare)


def pictures(tokens: Tensor) -> Tensor:
    """(R, 64) -> (R, 3, 32, 32)."""
    return system.dvae.decode(unflatten(tokens, 8, 8))


def measure(options: dict, seed: int) -> dict:
    """Attributes right of held-out captions, with the interval; and of the loose one, how many drawings show a circle,
    where they stand (nine places, by rows), and of how many kinds (color, size and place) they are."""
    pairs = shapes("test", COUNT)
    captions = [pairs.caption(i, None) for i in range(COUNT)]
    images = pictures(draw(captions, seed, **options)[0])
    verdicts = [check(image, caption) for image, caption in zip(images, captions, strict=True)]
    marks = [[mark for item in verdict.objects for mark in item.values()] for verdict in verdicts]
    over = torch.tensor([float(sum(some)) for some in marks])
    under = torch.tensor([float(len(some) + verdict.extra) for some, verdict in zip(marks, verdicts, strict=True)])
    right = ratio_interval(over, under, torch.arange(COUNT), "value")
    tokens, rare = draw([LOOSE] * COUNT, seed, **options)
    seen = [[thing for thing in detect(image) if thing.shape == "circle"] for image in pictures(tokens)]
    where = Counter(things[0].position for things in seen if things)
    kinds = {(thing.color, thing.size, thing.position) for things in seen for thing in things[:1]}
    return {
        "options": options,
        "right": [round(right[name], 4) for name in ("value", "low", "high")],
        "circles": sum(map(bool, seen)),
        "where": [where[place] for place in POSITIONS],
        "kinds": len(kinds),
        "pictures": len(tokens.unique(dim=0)),
        "tail": round(float(rare.sum(1).float().mean()), 3),  # tokens a picture from outside the top 0.9
    }


@torch.no_grad()
def likelier(caption: str, seed: int) -> int:
    """How many of 256 drawings of a caption are, as a whole, likelier than the greedy picture."""
    text = system.tokenizer.encode([caption])
    tokens = torch.cat((sample(system.dalle, text, temperature=0), draw([caption] * COUNT, seed)[0]))  # (1 + 256, 64)
    logs = system.dalle(text.expand(len(tokens), -1), tokens)[1].log_softmax(dim=-1)
    ln_p = logs.gather(-1, tokens[..., None])[..., 0].sum(dim=1)  # (1 + 256,)
    return int((ln_p[1:] > ln_p[0]).sum())


def path_of(seed: int) -> Path:
    return HOME / ("settings.json" if seed == 0 else f"settings_{seed}.json")


def read(seed: int) -> dict:
    path = path_of(seed)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def write(settings: dict, seed: int) -> None:
    lines = ",\n".join(
        f' "{group}": [\n  ' + ",\n  ".join(json.dumps(row) for row in rows) + "\n ]"
        for group, rows in settings.items()
    )
    replace_file(
        path_of(seed),
        lambda temporary: temporary.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8", newline="\n"),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="+", choices=["drawn", "likelier", *GROUPS])
    parser.add_argument("--seed", type=int, default=0)
    HOME.mkdir(parents=True, exist_ok=True)
    asked = parser.parse_args()
    seed = asked.seed
    for part in asked.parts:
        if part == "drawn":
            tokens, _ = draw([LOOSE] * COUNT, 0)
            save_file({"tokens": tokens.to(torch.uint8)}, HOME / "drawn.safetensors")
            continue
        if part == "likelier":
            for caption in CAPTIONS:
                print(f"{caption}: {likelier(caption, seed)} of {COUNT}", flush=True)
            continue
        for options in GROUPS[part][len(read(seed).get(part, [])) :]:
            row = measure(options, seed)
            print(part, row, flush=True)
            done = read(seed)  # again: other parts may run at the same time
            done.setdefault(part, []).append(row)
            write(done, seed)


if __name__ == "__main__":
    main()
