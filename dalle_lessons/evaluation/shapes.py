"""Drawings of shapes under the exact checker, with the ceiling and the floor beside each figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import torch
from tqdm.auto import tqdm

from ..datasets import Pairs
from ..datasets.shapes import shapes
from ..datasets.shapes_check import SceneVerdict, check, share_right
from ..model.devices import pick_device
from ..model.dvae import DVAE
from ..model.files import weights_dir
from ..pipeline.text_to_image import TextToImage
from .candidates import best_of, decode_candidates, sample_candidates, score_candidates
from .evaluation_set import EvaluationSet, of_scenes, scene_name
from .intervals import ratio_interval, share_interval
from .likelihood import measure_nll
from .parts import measure_parts
from .reconstruction import measure_dvae, reconstruct

#: The parts of the report, and the weights that each needs.
SHAPES_PARTS: Mapping[str, Sequence[str]] = {
    "dvae": ("dvae",),
    "likelihood": ("dvae", "dalle"),
    "drawings": ("dvae", "dalle"),
}
SPLITS = {"seen": "test", "held_out": "unseen_pair"}  # name in the report: split of the data set
PICTURES = 512  # of each split, that are reconstructed and whose tokens are predicted
BEST_OF = (1, 2, 4, 8, 16, 32, 64)
MOST_DRAWN = 2**20  # scenes from which distinct ones are taken


def evaluate_shapes(
    name: str = "shapes",
    captions: int = 128,
    candidates: int = 64,
    parts: Sequence[str] = tuple(SHAPES_PARTS),
    progress: bool = False,
    out: Path | None = None,
    resume: bool = False,
    device: str | torch.device = "cpu",
    **options,
) -> dict:
    """The shapes models under the exact checker, on seen and on held-out combinations of color and shape.

    name, out, resume, device, and what is raised: as in `evaluate_emoji`. captions: how many distinct scenes of each
    split are drawn. options: those of `sampling.sample`, such as `guidance`.
    """
    place = pick_device(device)
    system = cache(lambda: TextToImage.from_pretrained(name, place))
    splits = cache(lambda: {key: of_scenes(shapes(split, PICTURES)) for key, split in SPLITS.items()})

    def dvae() -> dict:
        held_out = splits()["held_out"]
        groups = [f"{len(scene.objects)} object(s)" for scene in held_out.pairs.metadata]
        model = DVAE.from_pretrained(weights_dir(name, "dvae")).to(place)
        return measure_dvae(model, held_out, shapes("train"), groups, progress)

    def likelihood() -> dict:
        train = of_scenes(shapes("train", 4000))
        return measure_nll(system(), {"train": train, **splits()}, train.pairs, progress=progress)

    def drawings() -> dict:
        return {
            key: measure_shapes(system(), of_scenes(distinct_shapes(split, captions)), candidates, progress, **options)
            for key, split in SPLITS.items()
        }

    measures = {"dvae": dvae, "likelihood": likelihood, "drawings": drawings}
    settings = {"captions": captions, "candidates": candidates, "device": place.type, **options}
    return measure_parts("shapes", name, SHAPES_PARTS, {p: measures[p] for p in parts}, settings, out, resume, progress)


def distinct_shapes(split: str, count: int, draw: Callable[..., Pairs] = shapes) -> Pairs:
    """`count` pictures of a split, no two of one scene: a drawing follows from caption and seed, so a caption that
    comes again would only count the same drawings again. "A below B" and "B above A" are one scene.

    There are few scenes of one object, so the more are asked for, the more of them have two.
    Raises ValueError with one sentence where the split does not have so many scenes.
    """
    drawn = count
    while drawn <= MOST_DRAWN:
        pairs = draw(split, drawn)
        first: dict[str, int] = {}
        for i, scene in enumerate(pairs.metadata):
            first.setdefault(scene_name(scene), i)
        if len(first) >= count:
            return pairs.subset(sorted(first.values())[:count])
        drawn *= 2
    raise ValueError(f"The split {split!r} has fewer than {count} different scenes: ask for fewer captions.")


def measure_shapes(
    system: TextToImage, split: EvaluationSet, candidates: int, progress: bool = False, **options
) -> dict:
    """Full captions, each drawn `candidates` times, looked at by the checker.

    best_of_N: the best of N by the system's ranking (CLIP). checker_picks: the best of N by the truth, the ceiling of
    any ranking; at_random: all candidates, its floor; reconstructed: the ceiling of these tokens.
    options: those of `sampling.sample`, such as `guidance`.
    """
    counts = [n for n in BEST_OF if n <= candidates]
    ranked: dict[int, list[SceneVerdict]] = {n: [] for n in counts}
    ceiling: dict[int, list[SceneVerdict]] = {n: [] for n in counts}
    everything: list[SceneVerdict] = []
    captions = [split.pairs.caption(i, None) for i in range(len(split))]
    for text in tqdm(captions, desc="drawings", unit="caption", disable=not progress, leave=False):
        tokens = sample_candidates(system, text, candidates, **options)
        images = decode_candidates(system, tokens)
        scores = score_candidates(system, text, tokens, images)
        verdicts = [check(image, text) for image in images]
        marks = torch.tensor([verdict.all_right + share_right([verdict]) for verdict in verdicts])
        everything += verdicts
        for n in counts:
            ranked[n].append(verdicts[best_of(scores, n)])
            ceiling[n].append(verdicts[best_of(marks, n)])
    pictures = reconstruct(system.dvae, split.pairs.pictures)
    true = [check(image, text) for image, text in zip(pictures, captions, strict=True)]
    clusters = split.clusters
    return {
        "captions": len(captions),
        **{f"best_of_{n}": by_attribute(ranked[n], clusters) for n in counts},
        "at_random": by_attribute(everything, clusters.repeat_interleave(candidates)),
        "checker_picks": {f"best_of_{n}": by_attribute(ceiling[n], clusters)["all"] for n in counts},
        "reconstructed": by_attribute(true, clusters),
    }


def by_attribute(verdicts: Sequence[SceneVerdict], clusters: torch.Tensor) -> dict:
    """The share right of each attribute, of all of them together (`attributes`, where an object too many counts as one
    more wrong attribute), and of pictures right in all (`all`). clusters: (N,), one for each verdict."""
    names = dict.fromkeys(name for verdict in verdicts for marks in verdict.objects for name in marks)

    def of(marks: list[list[bool]], extra: Sequence[int] = ()) -> tuple[torch.Tensor, torch.Tensor]:
        """For each verdict how many are right (N,), and how many there are (N,)."""
        right = torch.tensor([float(sum(each)) for each in marks])
        return right, torch.tensor([float(len(each)) for each in marks]) + torch.tensor(
            [float(e) for e in extra] or 0.0
        )

    each = {name: [[m[name] for m in v.objects if name in m] for v in verdicts] for name in names}
    every = [[mark for marks in verdict.objects for mark in marks.values()] for verdict in verdicts]
    return {
        **{name: ratio_interval(*of(marks), clusters, "share") for name, marks in each.items()},
        "attributes": ratio_interval(*of(every, [verdict.extra for verdict in verdicts]), clusters, "share"),
        "all": share_interval(torch.tensor([float(verdict.all_right) for verdict in verdicts]), clusters),
    }
