"""The training that lesson 13 shows without running it to its end: an editor of shapes.

    python tools/lesson_runs/lesson_13.py            # writes data/lessons/13/runs.json again; some minutes on one core
    python tools/lesson_runs/lesson_13.py "fresh"    # that run alone

The runs are alike but for where they start: from the weights of the main model of the shapes, or fresh. They learn from
pairs: a scene with one thing on the top, the same in another color on the bottom, and a caption that names the color.
"""

from __future__ import annotations

import json
import random
import sys
import time

import torch
from torch import Tensor

from dalle_lessons import DALLE, TextToImage, sample
from dalle_lessons.classroom.recolor import Recoloring, batch_of, colors_for, new_pairs, recolor
from dalle_lessons.datasets.shapes import shapes
from dalle_lessons.datasets.shapes_check import compare, detect
from dalle_lessons.model.atomic import replace_file
from dalle_lessons.model.editing import edit_nll, extend_rows
from dalle_lessons.model.files import data_dir
from dalle_lessons.model.sequence import unflatten
from dalle_lessons.model.tokenizer import TextTokenizer
from dalle_lessons.training.trainer import TrainConfig, Trainer

STEPS, BATCH, RATE, EVERY, TEXT, TESTED, SHOWN = 120, 16, 0.01, 10, 24, 50, 6
LOOK_AT = (0, 40, 80, 120)  # steps after which it draws
RUNS = {  # name -> seed
    "from the main model": 0,
    "fresh": 0,
    "from the main model, another seed": 1,
    "fresh, another seed": 1,
}
PATH = data_dir() / "lessons" / "13" / "runs.json"

system = TextToImage.from_pretrained("shapes", device="cpu")
words = TextTokenizer(system.tokenizer.tokenizer, TEXT)


def test_pairs(held_out: bool) -> list[Recoloring]:
    """Held-out scenes for the top, each with a color for the bottom."""
    rng = random.Random(0)
    return [recolor(s, rng.choice(colors_for(s, held_out))) for s in shapes("test", TESTED, two=0.0).metadata]


def look(model: DALLE, held_out: bool) -> tuple[Tensor, dict[str, float]]:
    """What it draws below the test scenes, one drawing each, and the share of bottoms with each attribute right."""
    pairs = test_pairs(held_out)
    text, tops, _ = batch_of(system.dvae, words, pairs)
    drawn = sample(model.eval(), text, seed=0, given=tops)[:, 64:]
    model.train()
    marks = []
    for picture, pair in zip(system.dvae.decode(unflatten(drawn, 8, 8)), pairs, strict=True):
        verdict = compare(detect(picture), pair.bottom)
        marks.append({**verdict.objects[0], "all": verdict.all_right})
    return drawn, {name: sum(mark[name] for mark in marks) / len(marks) for name in marks[0]}


def train(name: str) -> dict:
    """One training: mean loss of every EVERY steps, what its drawings get right, and some of them at the end."""
    torch.manual_seed(RUNS[name])
    rng = random.Random(RUNS[name])
    tall = extend_rows(system.dalle, TEXT)
    model = DALLE(tall.config) if name.startswith("fresh") else tall

    def draw_batch(model: DALLE, *_) -> dict[str, Tensor]:
        text, top, bottom = batch_of(system.dvae, words, new_pairs(rng, BATCH))
        return {"total": edit_nll(model, text, torch.cat((top, bottom), dim=1))[0].mean()}

    trainer = Trainer(model, draw_batch, TrainConfig(STEPS, lr=RATE, muon_lr=RATE, warmup=10, ema=0.9), None)
    run: dict = {"losses": [], "right": {}, "held-out colors": {}}
    seconds, since = 0.0, []
    for step in range(STEPS + 1):
        if step in LOOK_AT:
            run["right"][step] = look(model, False)[1]
        if step == STEPS:
            break
        start = time.process_time()
        since.append(trainer.one_step()["total"])
        seconds += time.process_time() - start
        if len(since) == EVERY:
            run["losses"].append(round(sum(since) / EVERY, 4))
            since = []
            print(name, step + 1, f"{seconds:.0f} s", run["losses"][-1], list(run["right"].values())[-1:], flush=True)
    drawn, run["held-out colors"] = look(model, True)
    run["drawn, held-out colors"] = drawn[:SHOWN].tolist()
    run["drawn"] = look(model, False)[0][:SHOWN].tolist()
    print(name, run["right"], run["held-out colors"], f"{seconds:.0f} s", flush=True)
    return run


def main() -> None:
    known = json.loads(PATH.read_text(encoding="utf-8")) if PATH.is_file() and len(sys.argv) > 1 else {}
    for name in sys.argv[1:] or RUNS:
        run = train(name)
        if PATH.is_file() and len(sys.argv) > 1:  # others may have been written in the meantime
            known = json.loads(PATH.read_text(encoding="utf-8"))
        colors = {n: [pair.color for pair in test_pairs(n == "held-out")[:SHOWN]] for n in ("trained", "held-out")}
        known |= {"steps": STEPS, "batch": BATCH, "every": EVERY, "colors": colors, name: run}
        PATH.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(known, separators=(",", ":")).replace('],"', '],\n"').replace('},"', '},\n"') + "\n"
        replace_file(PATH, lambda temporary, text=text: temporary.write_text(text, encoding="utf-8", newline="\n"))


if __name__ == "__main__":
    main()
