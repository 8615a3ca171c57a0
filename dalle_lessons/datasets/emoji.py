"""The emoji world: real pictures by illustrators, with real names, in six styles (see data/emoji/README.md)."""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..model.files import data_dir
from .pairs import Pairs

ALL_STYLES = ("sketch", "cartoon", "flat icon", "illustration", "3D render", "stencil")
#: The styles that the bundled models were trained on, and that the lessons show: the first of all.
STYLES = ALL_STYLES[:4]
#: Black drawings: one serves all skin tones of an emoji.
TONELESS = ("sketch", "stencil")
#: Two finishes of one illustrator's drawings: who has seen the one nearly knows the lines of the other.
SISTERS = {
    "sketch": "illustration",
    "illustration": "sketch",
    "3D render": "stencil",
    "stencil": "3D render",
}
TONES = ("light", "medium-light", "medium", "medium-dark", "dark")
SPLITS = ("train", "unseen_emoji", "unseen_pair", "unseen_tone")
FIELDS = (
    *("style", "position", "emoji", "hexcode", "base_hexcode", "name", "tags", "group", "subgroup"),
    *("skin_tone", "split"),
)
SIDE = 64  # pixels
COLUMNS = 60  # pictures in a line of a sprite sheet
# A base emoji counts 1, each of its skin-tone variants this much: five or more tones would be most of a batch.
TONE_WEIGHT = 0.12
# Nouns and whole names that take no article though they are no plurals in s.
BARE = frozenset(
    "skis bacon bread broccoli butter coral dna fog food garlic ice liquid luggage money oden popcorn rice sake salt "
    "soap spaghetti sushi water wood badminton bowling camping construction cooking hockey lacrosse pong racing "
    "tennis breast-feeding away dizzy divide foggy laughing locked multiply prohibited radioactive registered "
    "star-struck unlocked wireless zzz fuji o’clock claus taurus gemini cancer leo virgo libra scorpio sagittarius "
    "capricorn aquarius ophiuchus".split()
)
BARE_STARTS = ("people ", "men ", "women ", "palms ", "no ", "input ", "tokyo ")
THE = ("statue of liberty", "kaaba", "milky way")
# Vowels are heard, not seen: "a unicorn", "a one-piece swimsuit", "an hourglass", "an x-ray".
SAID_AS_CONSONANT = re.compile(r"(uni|ufo|use|usu|uti|uto|ute|eu|ewe|one)")
SAID_AS_VOWEL = re.compile(r"([aeiou]|hour|x-|ng |sos )")
# What follows these adds detail and does not name the object: "a sunrise over mountains".
DETAILS = re.compile(r":| (with|without|of|in|and|over|showing|holding|lifting|savoring) ")


def sheet_name(style: str) -> str:
    """ "flat icon" -> "flat_icon.webp"."""
    return f"{style.lower().replace(' ', '_')}.webp"


def with_article(name: str) -> str:
    """ "cat face" -> "a cat face", "orange" -> "an orange"; "hands", "bacon", "Taurus" stay bare."""
    lower = name.lower()
    if lower in THE:
        return f"the {name}"
    head = DETAILS.split(lower)[0].split()[-1]
    plural = head.endswith("s") and not head.endswith(("ss", "us", "is", "os"))
    if plural or head in BARE or head.endswith("-thirty") or lower.startswith(BARE_STARTS):
        return name
    return f"{'an' if SAID_AS_VOWEL.match(lower) and not SAID_AS_CONSONANT.match(lower) else 'a'} {name}"


def full_caption(row: dict) -> str:
    """The caption that names everything: "a sketch of a cat face"."""
    return f"{with_article(row['style'])} of {with_article(row['name'].lower())}"


def varied_caption(row: dict, rng: random.Random) -> str:
    """A caption as training sees it: name, name and tags, or tags alone; with or without style and articles.

    One in two is close to the full caption; the others teach the model captions that people really type.
    """
    name = row["name"].lower()
    tags = row["tags"].split(", ") if row["tags"] else []
    kind = rng.random()
    some = rng.sample(tags, min(len(tags), rng.randint(1, 3)))
    if kind < 0.7 or not some:
        thing = with_article(name) if rng.random() < 0.75 else name
    elif kind < 0.87:
        thing = ", ".join([with_article(name) if rng.random() < 0.5 else name, *some])
    else:
        thing = ", ".join(some)
    how = rng.random()
    if how < 0.72:
        return f"{with_article(row['style'])} of {thing}"
    if how < 0.82:
        return f"{row['style']} of {thing}"
    if how < 0.88:
        return f"{thing}, {row['style']}"
    return thing  # without a style: any is right


def caption_of(rows: list[dict], index: int, rng: random.Random | None = None) -> str:
    """The caption of a row of captions.csv: the full one, or with a `random.Random` one that varies."""
    return full_caption(rows[index]) if rng is None else varied_caption(rows[index], rng)


@cache
def read_rows(styles: tuple[str, ...] = STYLES) -> tuple[dict, ...]:
    """The rows of captions.csv that show one of these styles, as dicts (`position` an int), in its order."""
    with open(data_dir() / "emoji" / "captions.csv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["style"] in styles]
    return tuple({**row, "position": int(row["position"])} for row in rows)


@cache
def read_sheet(style: str) -> np.ndarray:
    """The distinct pictures of a style, (N, 64, 64, 3) uint8, in the order of `position`."""
    sheet = np.array(Image.open(Path(data_dir()) / "emoji" / sheet_name(style)).convert("RGB"))
    lines = sheet.shape[0] // SIDE
    tiles = sheet.reshape(lines, SIDE, COLUMNS, SIDE, 3).transpose(0, 2, 1, 3, 4)
    return tiles.reshape(lines * COLUMNS, SIDE, SIDE, 3)


def chosen_styles(styles: str | Sequence[str]) -> tuple[str, ...]:
    """One style, or several. Raises ValueError for one that does not exist, and for none."""
    chosen = (styles,) if isinstance(styles, str) else tuple(styles)
    for style in chosen:
        if style not in ALL_STYLES:
            raise ValueError(f"There is no style {style!r}: choose one of {', '.join(ALL_STYLES)}.")
    if not chosen:
        raise ValueError(f"At least one style is needed: choose of {', '.join(ALL_STYLES)}.")
    return chosen


def emoji(split: str | None = "train", styles: str | Sequence[str] = STYLES) -> Pairs:
    """The pictures of a split (None: of all) in one style or several; `metadata`: their rows of captions.csv.

    Raises ValueError for a split or style that does not exist.
    """
    if split is not None and split not in SPLITS:
        raise ValueError(f"There is no split {split!r}: choose one of {', '.join(SPLITS)}.")
    chosen = chosen_styles(styles)
    rows = [row for row in read_rows(chosen) if split is None or row["split"] == split]
    pixels = np.zeros((len(rows), SIDE, SIDE, 3), np.uint8)  # (N, 64, 64, 3); N is 0 for the sketches of unseen_tone
    for i, row in enumerate(rows):
        pixels[i] = read_sheet(row["style"])[row["position"]]
    weights = torch.tensor([TONE_WEIGHT if row["skin_tone"] else 1.0 for row in rows])
    return Pairs(torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(), weights, partial(caption_of, rows), rows)


def has_sister_in_train(rows: Sequence[dict], train: Sequence[dict]) -> Tensor:
    """Of each row, whether the rows of `train` show its base emoji, in any tone, in the sister finish: (N,) bool."""
    seen = {(row["base_hexcode"], row["style"]) for row in train}
    found = [(row["base_hexcode"], SISTERS.get(row["style"])) in seen for row in rows]
    return torch.tensor(found, dtype=torch.bool)


def style_pairs(pairs: Pairs) -> tuple[Tensor, Tensor]:
    """All ordered couples among the rows of `pairs` that show one emoji in one tone, in different or the same style.

    -> indices (M, 2) int64, and their weights (M,): a tone weighs as in `emoji`, a couple of the same style a quarter.
    """
    by_emoji: dict[str, list[int]] = {}
    for index, row in enumerate(pairs.metadata):
        by_emoji.setdefault(row["hexcode"], []).append(index)
    couples = torch.tensor([(a, b) for group in by_emoji.values() for a in group for b in group]).reshape(-1, 2)
    weights = pairs.weights[couples[:, 0]] * torch.where(couples[:, 0] == couples[:, 1], 0.25, 1.0)
    return couples, weights
