"""Six jobs, drawn by the emoji model, and two witnesses who say whether a drawing is the one without a gender, the
man's or the woman's: the judge, and the image tokens themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ...datasets.emoji import emoji, read_rows, with_article
from ...datasets.emoji_labels import emoji_classes
from ...datasets.pairs import Pairs
from ...evaluation.candidates import sample_candidates
from ...model.files import data_dir
from ...model.judge import Judge

if TYPE_CHECKING:
    from ...pipeline.text_to_image import TextToImage

JOBS = ("judge", "cook", "farmer", "pilot", "scientist", "firefighter")
WHO = ("", "man ", "woman ")
GROUPS = ("no gender", "man", "woman")


def job_caption(job: str) -> str:
    return f"a cartoon of {with_article(job)}"


def made_by(model: TextToImage) -> str:
    """Which tokenizer, which dVAE and which DALL·E draw."""
    weights = sum(float(p.detach().double().abs().sum()) for p in model.dalle.parameters())
    return f"{model.dalle.config.tokenizer_fingerprint} {model.dalle.config.dvae_fingerprint} {weights:.0f}"


def drawings_of(model: TextToImage, job: str) -> Tensor:
    """Tokens (32, L) of "a cartoon of a judge": those drawn before, if this model drew them, else new ones."""
    with np.load(data_dir() / "lessons" / "15" / "jobs.npz") as file:
        if str(file["made_by"]) == made_by(model):
            return torch.from_numpy(file[job].astype(np.int64))
    return sample_candidates(model, job_caption(job), 32)


def kinds_of_people() -> list[str]:
    """The names that exist with "man " and "woman " before them, too: 28."""
    names = {row["name"] for row in read_rows() if not row["skin_tone"]}
    return sorted(name for name in names if {f"man {name}", f"woman {name}"} <= names)


@cache
def _cartoons() -> Pairs:
    return emoji(None, "cartoon")


def true_cartoons(kind: str) -> tuple[Tensor, list[int]]:
    """-> the cartoons of a kind in all tones, (N, 3, H, W) in [0, 1], and the group of each: 0, 1, 2 as in GROUPS."""
    cartoons = _cartoons()
    code = {row["name"]: row["base_hexcode"] for row in cartoons.metadata if not row["skin_tone"]}
    groups = {code[who + kind]: g for g, who in enumerate(WHO)}
    rows = [i for i, row in enumerate(cartoons.metadata) if row["base_hexcode"] in groups]
    truth = [groups[cartoons.metadata[i]["base_hexcode"]] for i in rows]
    return cartoons.pictures[rows].float() / 255, truth


def judge_says(judge: Judge, images: Tensor, kind: str) -> list[int]:
    """(N, 3, H, W) -> which of the three names of this kind the judge finds likeliest, 0, 1 or 2 for each."""
    code = {row["name"]: row["base_hexcode"] for row in read_rows() if not row["skin_tone"]}
    classes = emoji_classes()
    three = [classes.index(code[who + kind]) for who in WHO]
    with torch.no_grad():
        return judge(images)[0][:, three].argmax(dim=1).tolist()


def judge_counts(judge: Judge, images: Tensor, kind: str) -> Tensor:
    """(N, 3, H, W) -> how many of them the judge takes for each of the three names of this kind, (3,)."""
    return _count(judge_says(judge, images, kind))


def tokens_count(model: TextToImage, drawn: Tensor, kind: str) -> tuple[Tensor, float]:
    """drawn (N, L) tokens -> for each of the three groups, how many drawings share most tokens with a true cartoon of
    this group, (3,); and which share of its tokens that is, on average."""
    images, groups = true_cartoons(kind)
    with torch.no_grad():
        true = model.dvae.encode(images).flatten(1)  # (M, L)
    best = (drawn[:, None] == true).float().mean(dim=2).max(dim=1)
    return _count([groups[i] for i in best.indices.tolist()]), float(best.values.mean())


def percent_neutral(counts: Mapping[str, Tensor]) -> int:
    """By job how many drawings are of each group, (3,) -> of all drawings, the percentage without a gender."""
    total = torch.stack(list(counts.values())).sum(dim=0)
    return round(100 * float(total[0] / total.sum()))


def _count(groups: Sequence[int]) -> Tensor:
    """Groups 0, 1, 2 -> how many of each, (3,)."""
    return torch.tensor([float(list(groups).count(g)) for g in range(3)])


def errors_of(judge: Judge, kinds: Sequence[str]) -> Tensor:
    """(3, 3): the true cartoons of these kinds, one row for each group, by what the judge says: counts."""
    table = torch.zeros(3, 3)
    for kind in kinds:
        images, truth = true_cartoons(kind)
        for group, said in zip(truth, judge_says(judge, images, kind), strict=True):
            table[group, said] += 1
    return table
