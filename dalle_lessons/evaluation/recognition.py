"""What a judge sees in true pictures and in reconstructions, and whether CLIP finds a picture by its caption."""

from __future__ import annotations

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..datasets.emoji import ALL_STYLES
from ..datasets.emoji_labels import truth_of
from ..datasets.pairs import to_ids
from ..model.clip import CLIP
from ..model.dvae import DVAE
from ..model.judge import JUDGE_METRICS, Judge
from .evaluation_set import EvaluationSet, with_and_without
from .intervals import mean_interval, share_interval
from .metrics import recall
from .reconstruction import reconstruct

BATCH = 256  # pictures, and captions, that are encoded together


def judge_shares(right: Tensor, clusters: Tensor) -> dict:
    """What `Judge.right` says of N pictures, (N, 4), with clusters (N,) -> the share of each of JUDGE_METRICS."""
    return {name: share_interval(right[:, i], clusters) for i, name in enumerate(JUDGE_METRICS)}


def top5_by_style(right: Tensor, styles: Tensor, clusters: Tensor) -> dict:
    """`Judge.right` (N, 4), the style's number of each picture (N,), clusters (N,) -> of each style that occurs, how
    often the emoji is among the judge's first five."""
    column, present = JUDGE_METRICS.index("emoji_top5"), set(styles.tolist())
    return {
        style: share_interval(right[styles == k, column], clusters[styles == k])
        for k, style in enumerate(ALL_STYLES)
        if k in present
    }


def measure_judge(judge: Judge, dvae: DVAE, split: EvaluationSet, progress: bool = False) -> dict:
    """The judge's score on true pictures and on their reconstructions, the ceilings of all drawings; by style."""
    pairs = split.pairs
    truth = truth_of(pairs.metadata)
    shown = {"true": pairs.pictures.float() / 255, "reconstructed": reconstruct(dvae, pairs.pictures, progress)}
    right = {kind: judge.right(images, truth) for kind, images in shown.items()}

    def figures(rows: Tensor) -> dict:
        clusters, styles = split.clusters[rows], truth[rows, 1]
        return {
            kind: {**judge_shares(r[rows], clusters), **top5_by_style(r[rows], styles, clusters)}
            for kind, r in right.items()
        }

    return with_and_without(len(split), split.near, figures)


@torch.no_grad()
def measure_retrieval(clip: CLIP, split: EvaluationSet, progress: bool = False) -> dict:
    """Text to image: for the full caption of each picture, the split's pictures are ranked; right is its own picture,
    or one that has the same caption or the very same pixels (a sketch shows no skin tone). Image to text likewise.

    Raises ValueError with one sentence for a CLIP without a tokenizer.
    """
    if clip.tokenizer is None:
        raise ValueError("This CLIP has no tokenizer, so it cannot read captions: load it with CLIP.from_pretrained.")
    pairs = split.pairs
    captions = [pairs.caption(i, None) for i in range(len(pairs))]
    ids = clip.tokenizer.encode(captions)
    parts = list(zip(pairs.pictures.split(BATCH), ids.split(BATCH), strict=True))
    images, texts = [], []
    for pictures, text in tqdm(parts, desc="retrieval", unit="batch", disable=not progress, leave=False):
        images.append(clip.encode_images(pictures.to(clip.device).float() / 255).cpu())
        texts.append(clip.encode_text(text.to(clip.device)).cpu())
    picture_ids = to_ids(picture.numpy().tobytes() for picture in pairs.pictures)
    caption_ids = to_ids(captions)
    right = (picture_ids[:, None] == picture_ids) | (caption_ids[:, None] == caption_ids)
    similar = torch.cat(texts) @ torch.cat(images).T  # (captions, pictures)
    found = {
        **{f"text_to_image_R@{k}": recall(similar, right, k) for k in (1, 5)},
        **{f"image_to_text_R@{k}": recall(similar.T, right, k) for k in (1, 5)},
    }
    guessing = 1 - (1 - right.double().mean(dim=1)).pow(5)  # (N,)

    def figures(rows: Tensor) -> dict:
        """Of these queries; they are looked for among all."""
        clusters = split.clusters[rows]
        return {
            "queries": int(rows.sum()),
            **{name: share_interval(hits[rows], clusters) for name, hits in found.items()},
            "guessing_R@5": mean_interval(guessing[rows], clusters),
        }

    return {"pictures": len(pairs), **with_and_without(len(split), split.near, figures)}
