"""Drawings that lesson 14 shows and counts, made before by tools/lesson_runs/lesson_14.py."""

from __future__ import annotations

import csv
import json
from functools import cache
from typing import NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor

from ...datasets.emoji import emoji
from ...evaluation.candidates import decode_candidates
from ...model.files import data_dir
from ...pipeline.text_to_image import TextToImage
from ...training.tokens import tokenize

UNSEEN, TRUE = "drawn, unseen pair", "true, unseen pair"


@cache
def _data(name: str) -> dict:
    return json.loads((data_dir() / "lessons" / "14" / name).read_text(encoding="utf-8"))


def said() -> dict:
    """What was asked for, by group, and which pictures of the data belong to it."""
    return _data("drawn.json")


def hats(held: str, worn: str) -> list[Tensor]:
    """Of each training of the world of hats in which triangles never wore `held`: its drawings of "a triangle with
    {worn}", as tokens (n, 64) int64."""
    runs = [run["tokens"][worn] for name, run in _data("hats.json").items() if name.split(",")[0] == held]
    return [torch.tensor([list(bytes.fromhex(row)) for row in rows]) for rows in runs]


def walks(what: str) -> list[tuple[list[str], Tensor]]:
    """Of each training of the world of leashes: its drawings of "a {size} {color} {what}": the color of each, and its
    tokens (n, 64) int64."""
    runs = _data("leash.json").values()
    return [(run["colors"], torch.tensor([list(bytes.fromhex(row)) for row in run["tokens"][what]])) for run in runs]


def drawn(name: str, system: TextToImage) -> Tensor:
    """Image tokens (n, N) int64 of one group: "train", "unseen_pair", "styles", …

    system: the models that drew them. Raises ValueError with one sentence if its dVAE is another one.
    """
    if system.dvae.fingerprint() not in said()["dvae"].values():
        raise ValueError("These drawings were made with another dVAE: run tools/lesson_runs/lesson_14.py drawn again.")
    return load_file(data_dir() / "lessons" / "14" / "drawn.safetensors")[name].long()


def two_senses(system: TextToImage) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Of the world with a planted "bat" (see data/two_senses): context -> drawings (96, 3, H, W), and context -> the
    share of wooden ones in the training pictures. system: the models of the shapes, whose dVAE decodes."""
    folder = data_dir() / "two_senses"
    tokens = load_file(folder / "tokens.safetensors")
    bats = {name: decode_candidates(system, some.long()) for name, some in tokens.items()}
    with open(folder / "shares.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return bats, {row["context"]: int(row["wooden"]) / int(row["bats"]) for row in rows}


class Compared(NamedTuple):
    """Pictures to be compared with those of training. tokens (n, N), asked (n,): the place, in the list of training
    pictures, of the one that the caption stands for, or -1; rows (n,): where they stand in their split."""

    tokens: Tensor
    asked: Tensor
    rows: list[int]


def to_compare(system: TextToImage) -> tuple[list[int], dict[str, Compared]]:
    """The training pictures that are nearest to any (looked up before, among all without a skin tone), as indices in
    emoji("train"); and drawings of training captions, of unseen pairs, and the true pictures of these."""
    train, unseen, found = emoji("train"), emoji("unseen_pair"), said()
    rows = {}
    for name, pairs in (("train", train), ("unseen_pair", unseen)):
        chosen = found[name]["chosen"]
        rows[name] = [n for n, i in enumerate(chosen) if not pairs.metadata[i]["skin_tone"]]
    own = [found["train"]["chosen"][n] for n in rows["train"]]
    nearest = [found["train"]["nearest"][n] for n in rows["train"]]
    for which in ("nearest", "true nearest"):
        nearest += [found["unseen_pair"][which][n] for n in rows["unseen_pair"]]
    known = sorted({*own, *nearest})
    true = unseen.pictures[[found["unseen_pair"]["chosen"][n] for n in rows["unseen_pair"]]]
    nothing = torch.full((len(true),), -1)
    asked = torch.tensor([known.index(i) for i in own])
    return known, {
        "drawn, training caption": Compared(drawn("train", system)[rows["train"]], asked, rows["train"]),
        UNSEEN: Compared(drawn("unseen_pair", system)[rows["unseen_pair"]], nothing, rows["unseen_pair"]),
        TRUE: Compared(tokenize(system.dvae, true), nothing, rows["unseen_pair"]),
    }
