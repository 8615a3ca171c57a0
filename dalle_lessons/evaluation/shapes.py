"""What the shapes models reach, as the exact checker sees it, with the ceiling and the floor beside each figure."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from tqdm.auto import tqdm

from ..datasets import Pairs
from ..datasets.shapes import shapes
from ..datasets.shapes_check import check, share_right
from ..pipeline.text_to_image import TextToImage
from .candidates import best_of, decode, draw_all
from .likelihood import measure_nll
from .metrics import share
from .reconstruction import measure_dvae, reconstruct
from .report import PARTS


def evaluate_shapes(
    system: TextToImage | None = None,
    captions: int = 128,
    candidates: int = 64,
    parts: Sequence[str] = PARTS,
    progress: bool = False,
    **options,
) -> dict:
    """The shapes models under the exact checker, on seen and on held-out combinations of color and shape.

    best_of_N: the best of N by the system's ranking (CLIP). checker_picks: the best of N by the truth, the ceiling of
    any ranking; at_random: the mean over all candidates, its floor; reconstructed: the ceiling of these tokens.
    options: those of `sampling.sample`, such as `guidance`.
    """
    system = system or TextToImage.from_pretrained("shapes")
    report: dict = {}
    splits = {
        name: shapes(split, max(captions, 512)) for name, split in (("seen", "test"), ("held_out", "unseen_pair"))
    }
    if "drawings" in parts:
        for name, pairs in splits.items():
            report[name] = measure_shapes(system, pairs, captions, candidates, progress, **options)
    if "ledger" in parts:
        report["ledger"] = measure_nll(system, {"train": shapes("train", 4000), **splits}, "train")
    if "dvae" in parts:
        pairs = splits["held_out"]
        groups = [f"{len(scene.objects)} object(s)" for scene in pairs.metadata]
        report["dvae"] = measure_dvae(system.dvae, pairs, shapes("train"), groups)
    return report


def measure_shapes(
    system: TextToImage, pairs: Pairs, captions: int, candidates: int, progress: bool = False, **options
) -> dict:
    """Full captions, each drawn `candidates` times, looked at by the checker."""
    counts = [n for n in (1, 2, 4, 8, 16, 32, 64) if n <= candidates]
    ranked: dict[int, list] = {n: [] for n in counts}
    ceiling: dict[int, list] = {n: [] for n in counts}
    everything = []
    for i in tqdm(range(captions), unit="caption", disable=not progress):
        caption = pairs.caption(i, None)
        tokens = draw_all(system, caption, candidates, **options)
        images = decode(system, tokens)
        scores = system.scores(caption, tokens, images)
        verdicts = [check(image, caption) for image in images]
        marks = torch.tensor([verdict.all_right + share_right([verdict]) for verdict in verdicts])
        everything += verdicts
        for n in counts:
            ranked[n].append(verdicts[best_of(scores, n)])
            ceiling[n].append(verdicts[best_of(marks, n)])
    true = [
        check(image, pairs.caption(i, None))
        for i, image in enumerate(reconstruct(system.dvae, pairs.pictures[:captions]))
    ]
    return {
        "captions": captions,
        **{f"best_of_{n}": by_attribute(ranked[n]) for n in counts},
        "at_random": by_attribute(everything),
        "checker_picks": {f"best_of_{n}": by_attribute(ceiling[n])["all"] for n in counts},
        "reconstructed": by_attribute(true),
    }


def by_attribute(verdicts: list) -> dict:
    """The share right of each attribute, of all of them together (`attributes`), of pictures right in all (`all`)."""
    names = dict.fromkeys(name for verdict in verdicts for marks in verdict.objects for name in marks)

    def of(name: str) -> float:
        marks = [marks[name] for verdict in verdicts for marks in verdict.objects if name in marks]
        return sum(marks) / len(marks)

    every = share(torch.tensor([float(verdict.all_right) for verdict in verdicts]))
    return {**{name: of(name) for name in names}, "attributes": share_right(verdicts), "all": every}
