"""The runs that lesson 08 shows: the same small model with four ways to say where a slot stands, and two of them again
with eight cells of the grid hidden from the loss, and one without captions; from two seeds.

    python tools/lesson_runs/lesson_08.py                  # all, about eight minutes on one core
    python tools/lesson_runs/lesson_08.py "row + column" 0  # one arm of one seed, or several

Writes data/lessons/08: `runs.json` (what each arm reached), `drawn.json` (its drawings of one caption, seed 0),
`places.json` (its learned place vectors, seed 0), and the ledger's lines of seed 0.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dalle_lessons import DALLE, TextToImage, sample
from dalle_lessons.datasets.shapes import shapes
from dalle_lessons.datasets.shapes_check import check, detect, share_right
from dalle_lessons.model.atomic import replace_file
from dalle_lessons.model.dalle import DALLEConfig
from dalle_lessons.model.embedding import Embedding
from dalle_lessons.model.files import data_dir
from dalle_lessons.model.sequence import empty_captions, flatten, unflatten
from dalle_lessons.training.trainer import TrainConfig, Trainer

HOME = Path(data_dir() / "lessons" / "08")
ARMS = ("row + column", "64 vectors", "no places", "only the mask")
HIDDEN = ("row + column, 8 hidden", "64 vectors, 8 hidden")
BARE = "no places, no captions"  # what lies between lesson 07's line of the ledger and "no places"
STEPS, HIDDEN_STEPS, EVERY, FIRST, BATCH, PAIRS, HELD_OUT, DRAWN = 400, 250, 50, 30, 32, 4000, 400, 64
SEEDS = (0, 1)
CAPTION = "a big red circle above a small blue square"
LEDGER = {arm: f"{arm}, caption" for arm in ARMS}

system = TextToImage.from_pretrained("shapes", device="cpu")


class CellEmbedding(Embedding):
    """A vector for each of the 64 cells, in place of row + column."""

    cell: nn.Embedding

    def position_embedding(self, slots: Tensor) -> Tensor:
        """(n,) int64 -> (n, C)."""
        return self.cell(slots)


def pairs_of(split: str, count: int) -> tuple[Tensor, Tensor, list[str]]:
    """(count, T) text and (count, N) image tokens of a split, and the captions."""
    pairs = shapes(split, count)
    captions = [pairs.caption(i, None) for i in range(count)]
    tokens = [flatten(system.dvae.encode(some.float() / 255)) for some in pairs.pictures.split(250)]
    return system.tokenizer.encode(captions), torch.cat(tokens), captions


def make(arm: str, seed: int) -> DALLE:
    """The untrained model of an arm: two layers, 64 wide."""
    torch.manual_seed(seed)
    c = system.dalle.config
    model = DALLE(DALLEConfig(c.vocab_size, c.text_length, 8, 8, c.codes, width=64, layers=2, heads=4))
    e = model.embedding
    if arm.startswith("64 vectors"):
        e.__class__ = CellEmbedding
        e.cell = nn.Embedding(64, 64)
        nn.init.normal_(e.cell.weight, std=0.02 * 2**0.5)  # as far from 0 as row + column
    gone = [] if arm.startswith("row + column") else [e.row, e.column]
    if arm == "only the mask":
        gone += [e.text_position, e.pad]
    for table in gone:
        table.weight.requires_grad_(False).zero_()  # they stay zero
    return model


def hidden_cells() -> Tensor:
    """(64,) bool: eight cells, one in each row and one in each column."""
    cells = torch.zeros(64, dtype=torch.bool)
    cells[[8 * row + (3 * row + 2) % 8 for row in range(8)]] = True
    return cells


@torch.no_grad()
def cell_nats(model: DALLE, text: Tensor, tokens: Tensor) -> Tensor:
    """Nats of each cell over held-out pairs: (64,)."""
    parts = [
        F.cross_entropy(model(some, these)[1].transpose(1, 2), these, reduction="none")
        for some, these in zip(text.split(100), tokens.split(100), strict=True)
    ]
    return torch.cat(parts).mean(dim=0)


@torch.no_grad()
def states(model: DALLE, text: Tensor, tokens: Tensor) -> Tensor:
    """What the image head reads: (B · N, C)."""
    x = model.transformer(model.embedding(text, tokens[:, :-1]), model.masks)
    return x[:, text.shape[1] :].flatten(0, 1)


def probe(x: Tensor, y: Tensor, held_x: Tensor, held_y: Tensor, classes: int = 8) -> float:
    """The share of held-out slots whose class a linear map reads off; least squares on 0 and 1."""
    x, held_x = (F.pad(part, (0, 1), value=1.0).double() for part in (x, held_x))
    weights = torch.linalg.lstsq(x.mT @ x + 1e-4 * torch.eye(x.shape[1]), x.mT @ F.one_hot(y, classes).double())
    return float(((held_x @ weights.solution).argmax(dim=1) == held_y).double().mean())


def drawn_of(model: DALLE, text: Tensor, captions: list[str]) -> tuple[Tensor, dict]:
    """Drawings of the captions, one each: their tokens, in how many are exactly two things, and how much is right."""
    tokens = sample(model, text, seed=0)
    pictures = system.dvae.decode(unflatten(tokens, 8, 8))
    verdicts = [check(picture, caption) for picture, caption in zip(pictures, captions, strict=True)]
    two = sum(len(detect(picture)) == 2 for picture in pictures)
    whole = sum(verdict.all_right for verdict in verdicts)
    return tokens, {"two": two, "right": round(share_right(verdicts), 4), "all right": whole}


def run(arm: str, seed: int) -> tuple[dict, list, dict]:
    """One training -> its measures, what it draws, its place vectors."""
    began = time.process_time()
    model, hidden = make(arm, seed), hidden_cells()
    steps = HIDDEN_STEPS if arm in HIDDEN else STEPS
    torch.manual_seed(seed)

    def loss_fn(model, rng, done):
        batch = torch.randint(PAIRS, (BATCH,))
        if arm == BARE:
            return model.loss(empty_captions(known[0][batch], model.config.pad_id), known[1][batch])
        if arm not in HIDDEN:
            return model.loss(known[0][batch], known[1][batch])
        text_logits, image_logits = model(known[0][batch], known[1][batch])
        return model_loss(text_logits, image_logits[:, ~hidden], known[0][batch], known[1][batch][:, ~hidden])

    held_text = empty_captions(unseen[0], model.config.pad_id) if arm == BARE else unseen[0]
    config = TrainConfig(steps=steps, batch=BATCH, lr=4e-3, muon_lr=4e-3, warmup=30, ema=0.98, seed=seed)
    trainer = Trainer(model, loss_fn, config, None)
    average = cast(DALLE, trainer.average.module)
    losses, held = [], []
    for step in range(steps):
        losses.append(trainer.one_step()["image"])
        if step % EVERY == EVERY - 1:
            held.append(round(float(cell_nats(average, held_text, unseen[1]).mean()), 4))
    if arm == BARE:
        return {"held out": held}, [], {}
    trained = average.eval()
    cells = cell_nats(trained, *unseen[:2])
    result: dict = {
        "first": [round(loss, 4) for loss in losses[:FIRST]],
        "held out": held,
        "cells": [round(value, 4) for value in cells.tolist()],
    }
    if arm in HIDDEN:
        result["hidden"], result["others"] = (
            round(float(cells[hidden].mean()), 4),
            round(float(cells[~hidden].mean()), 4),
        )
        return result, [], {}
    slots = torch.arange(64).repeat(HELD_OUT)
    x, held_x = states(trained, known[0][:HELD_OUT], known[1][:HELD_OUT]), states(trained, *unseen[:2])
    for name, y in (("row", slots // 8), ("column", slots % 8)):
        result[f"probe {name}"] = round(probe(x, y, held_x, y), 4)
    tokens, result["one caption"] = drawn_of(trained, asked.expand(DRAWN, -1), [CAPTION] * DRAWN)
    both = [i for i, caption in enumerate(unseen[2]) if len(caption.split()) > 8 or " and " in caption]
    both = [i for i in both if len(check(known_white, unseen[2][i]).objects) == 2][:DRAWN]
    _, result["captions"] = drawn_of(trained, unseen[0][both], [unseen[2][i] for i in both])
    result["cpu seconds"] = round(time.process_time() - began)
    place = trained.embedding.position_embedding(torch.arange(64)).detach()
    return result, tokens.tolist(), {"place": [[round(v, 3) for v in row] for row in place.tolist()]}


def keep(name: str, values: dict) -> None:
    """Merge into a file of data/lessons/08."""
    path = HOME / name
    old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for key, value in values.items():
        old[key] = {**old.get(key, {}), **value} if isinstance(value, dict) else value
    text = json.dumps(old, separators=(",", ":")).replace('],"', '],\n"').replace("],[", "],\n[") + "\n"
    replace_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8", newline="\n"))


def main() -> None:
    HOME.mkdir(parents=True, exist_ok=True)
    wanted = [(arm, seed) for seed in SEEDS for arm in (*ARMS, *HIDDEN, BARE)]
    if len(sys.argv) > 1:
        wanted = list(zip(sys.argv[1::2], map(int, sys.argv[2::2]), strict=True))
    for arm, seed in wanted:
        result, tokens, place = run(arm, seed)
        print(arm, seed, {k: v for k, v in result.items() if k not in ("first", "cells")}, flush=True)
        keep("runs.json", {arm: {str(seed): result}})
        if arm in ARMS and seed == 0:
            keep("drawn.json", {arm: tokens})
            keep("places.json", {arm: place["place"]})
            keep("ledger.json", {"lines": {LEDGER[arm]: result["held out"][-1]}})


known, unseen = pairs_of("train", PAIRS), pairs_of("test", HELD_OUT)
asked = system.tokenizer.encode([CAPTION])
known_white = torch.ones(3, 32, 32)


def model_loss(text_logits: Tensor, image_logits: Tensor, text: Tensor, tokens: Tensor) -> dict[str, Tensor]:
    """As DALLE.loss, over the cells that are left."""
    from dalle_lessons.model.sequence import losses

    return losses(text_logits, image_logits, text, tokens, system.dalle.config.pad_id)


if __name__ == "__main__":
    main()
