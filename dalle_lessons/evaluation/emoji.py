"""All that is measured of the emoji models, part by part, on what they have not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import torch

from ..datasets.emoji import SPLITS, emoji
from ..model.clip import CLIP
from ..model.devices import pick_device
from ..model.dvae import DVAE
from ..model.files import weights_dir
from ..model.judge import Judge
from ..pipeline.text_to_image import TextToImage
from .drawings import measure_drawings, measure_variety
from .edits import measure_edits
from .evaluation_set import EvaluationSet, of_emoji
from .likelihood import measure_nll
from .parts import measure_parts
from .recognition import measure_judge, measure_retrieval
from .reconstruction import encode_pictures, measure_dvae

#: The parts of the report, and the weights that each needs.
EMOJI_PARTS: Mapping[str, Sequence[str]] = {
    "dvae": ("dvae",),
    "judge": ("dvae", "judge"),
    "retrieval": ("clip",),
    "likelihood": ("dvae", "dalle"),
    "drawings": ("dvae", "dalle", "judge"),
    "variety": ("dvae", "dalle", "judge"),
    "edits": ("dvae", "dalle", "edit", "judge"),
}


def evaluate_emoji(
    name: str = "emoji",
    captions: int = 192,
    candidates: int = 64,
    parts: Sequence[str] = tuple(EMOJI_PARTS),
    drawn_splits: Sequence[str] = SPLITS,
    progress: bool = False,
    out: Path | None = None,
    resume: bool = False,
    device: str | torch.device = "cpu",
    **options,
) -> dict:
    """The emoji models, part by part (see EMOJI_PARTS); every figure with its 95% interval, see `intervals`.

    name: bundled weights, or a folder. captions: how many of each split are drawn, `candidates` times each.
    drawn_splits: the splits whose captions are drawn. out: where each part is written as soon as it is done; by default
    a folder in runs/evaluation of its own for these weights and options. resume: parts that lie there are not measured
    again. device: where the models compute, see `pick_device`; on another kind of device figures may differ in their
    last digits. options: those of `sampling.sample` for drawings, variety and edits, such as `guidance`.
    -> the reports by part; `failed` says of parts that failed why, and the others are measured all the same.

    Raises, before any work, FileNotFoundError with one sentence where a part needs weights that are not there, and
    ValueError where `out` holds figures of other weights or options, and for a device that is not there.
    """
    place = pick_device(device)
    system = cache(lambda: TextToImage.from_pretrained(name, place))
    dvae = cache(lambda: DVAE.from_pretrained(weights_dir(name, "dvae")).to(place))
    judge = cache(lambda: Judge.from_pretrained(weights_dir(name, "judge")).to(place))

    @cache
    def split(which: str) -> EvaluationSet:
        return of_emoji(emoji(which), None if which == "train" else split("train").pairs)

    def measure_reconstructions() -> dict:
        held_out = split("unseen_emoji")
        styles = [row["style"] for row in held_out.pairs.metadata]
        return measure_dvae(dvae(), held_out, split("train").pairs, styles, progress)

    def retrieval() -> dict:
        clip = CLIP.from_pretrained(weights_dir(name, "clip")).to(place)
        return {which: measure_retrieval(clip, split(which), progress) for which in SPLITS[1:]}

    def likelihood() -> dict:
        splits = {which: split(which) for which in SPLITS}
        return measure_nll(system(), splits, split("train").pairs, progress=progress)

    def drawings() -> dict:
        known = encode_pictures(dvae(), split("train").pairs.pictures, progress)
        sizes = (captions, candidates, progress)
        return {
            which: measure_drawings(system(), judge(), split(which), known, *sizes, **options) for which in drawn_splits
        }

    def variety() -> dict:
        return measure_variety(system(), judge(), split("train").pairs, progress=progress, **options)

    def edits() -> dict:
        sizes = (min(captions, 48), min(candidates, 16), progress)
        return measure_edits(system(), judge(), split("unseen_emoji"), split("train").pairs, *sizes, **options)

    measures = {
        "dvae": measure_reconstructions,
        "judge": lambda: {which: measure_judge(judge(), dvae(), split(which), progress) for which in SPLITS},
        "retrieval": retrieval,
        "likelihood": likelihood,
        "drawings": drawings,
        "variety": variety,
        "edits": edits,
    }
    settings = {"captions": captions, "candidates": candidates, "drawn_splits": list(drawn_splits)}
    settings |= {"device": place.type, **options}
    return measure_parts("emoji", name, EMOJI_PARTS, {p: measures[p] for p in parts}, settings, out, resume, progress)
