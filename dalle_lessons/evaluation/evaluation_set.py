"""Pictures to measure on, with what their figures need: which of them are not independent, and which are nearly
those of train."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..datasets import Pairs
from ..datasets.near_duplicates import near_duplicates
from ..datasets.pairs import to_ids
from ..datasets.scenes import Scene, caption


@dataclass(frozen=True, eq=False)
class EvaluationSet:
    """The pictures of a split, or some of them."""

    #: The pictures with their captions, N of them.
    pairs: Pairs
    #: For each picture the number of its cluster: what has the same one is not independent. (N,) int64.
    clusters: Tensor
    #: Which pictures are near-duplicates of one of train, (N,) bool; None: that was not asked (train itself).
    near: Tensor | None = None

    def __len__(self) -> int:
        return len(self.pairs)

    def subset(self, indices: list[int]) -> EvaluationSet:
        """The pictures with these indices, in their order."""
        near = None if self.near is None else self.near[indices]
        return EvaluationSet(self.pairs.subset(indices), self.clusters[indices], near)


def of_emoji(pairs: Pairs, train: Pairs | None = None) -> EvaluationSet:
    """Pictures of emoji: all styles and tones of a base emoji are one cluster.
    train: the pictures among which near-duplicates are sought."""
    clusters = to_ids(row["base_hexcode"] for row in pairs.metadata)
    return EvaluationSet(pairs, clusters, None if train is None else near_duplicates(pairs, train))


def of_scenes(pairs: Pairs) -> EvaluationSet:
    """Pictures of shapes: those of one scene, moved by a pixel, are one cluster. Near-duplicates of train there are
    none: which split a scene belongs to follows from what it shows and where."""
    return EvaluationSet(pairs, to_ids(scene_name(scene) for scene in pairs.metadata))


def scene_name(scene: Scene) -> str:
    """The full caption of a scene, told one way of two: "A below B" as "B above A", "A right of B" as "B left of A"."""
    turned = {"below": "above", "right of": "left of"}
    if scene.relation in turned:
        scene = replace(scene, objects=scene.objects[::-1], relation=turned[scene.relation])
    return caption(scene)


def with_and_without(count: int, near: Tensor | None, figures: Callable[[Tensor], dict]) -> dict:
    """Figures of all `count` pictures; and of those alone that are no near-duplicates of train, where some are.

    near: as in `EvaluationSet`. figures: which pictures count, (count,) bool -> a report.
    """
    report = figures(torch.ones(count, dtype=torch.bool))
    if near is not None:
        report["near_duplicates_of_train"] = int(near.sum())
        if near.any():
            report["without_near_duplicates"] = figures(~near)
    return report
