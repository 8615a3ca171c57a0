"""What is drawn from captions, as the judge sees it, with the ceilings and the floor beside each figure."""

from __future__ import annotations

import random

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..datasets import Pairs
from ..datasets.emoji_labels import truth_of
from ..model.judge import JUDGE_METRICS, Judge
from ..pipeline.text_to_image import TextToImage
from .candidates import best_of, choose, decode_candidates, sample_candidates, score_candidates
from .evaluation_set import EvaluationSet, with_and_without
from .intervals import mean_interval, ratio_interval, share_interval
from .kid import kernel_distance
from .metrics import memorized
from .recognition import judge_shares, top5_by_style
from .reconstruction import reconstruct

BEST_OF = (1, 16, 64)
SHOWN = 9  # drawings of a caption among which variety is counted


@torch.no_grad()
def measure_drawings(
    system: TextToImage,
    judge: Judge,
    split: EvaluationSet,
    train_tokens: Tensor,
    captions: int,
    candidates: int,
    progress: bool = False,
    **options,
) -> dict:
    """Captions of a split, each drawn `candidates` times; the best of 1, 16, 64 by the system's own ranking, seen by
    the judge.

    Two ceilings stand beside it: the judge on the captions' true pictures (`ceiling_true`), and on these as the dVAE
    reconstructs them (`ceiling_reconstructed`): what these tokens allow to be recognized. `relative_accuracy` is what
    is right in drawings over what is right in true pictures. `kid`: the distance to the true pictures in the judge's
    features, see `kernel_distance`; beside it that of reconstructions, and of true pictures from other true pictures.
    `memorization`: how many of the first drawings, which nobody ranked, are near-duplicates of a training picture.
    train_tokens: (M, N) int64, the image tokens of the training pictures. options: those of `sampling.sample`.
    """
    chosen = split.subset(choose(split.pairs, captions))
    truth = truth_of(chosen.pairs.metadata)
    counts = [n for n in BEST_OF if n <= candidates]
    best: dict[int, list[Tensor]] = {n: [] for n in counts}
    first = []
    for i in tqdm(range(len(chosen)), desc="drawings", unit="caption", disable=not progress, leave=False):
        caption = chosen.pairs.caption(i, None)
        tokens = sample_candidates(system, caption, candidates, **options)
        images = decode_candidates(system, tokens)
        scores = score_candidates(system, caption, tokens, images)
        first.append(tokens[0])
        for n in counts:
            best[n].append(images[best_of(scores, n)])
    shown = {
        "ceiling_true": chosen.pairs.pictures.float() / 255,
        "ceiling_reconstructed": reconstruct(system.dvae, chosen.pairs.pictures),
        **{f"best_of_{n}": torch.stack(images) for n, images in best.items()},
    }
    right = {name: judge.right(images, truth) for name, images in shown.items()}
    features = {name: judge.features(images.to(judge.device)).cpu() for name, images in shown.items()}
    copied = memorized(torch.stack(first), train_tokens)

    def figures(rows: Tensor) -> dict:
        clusters, styles = chosen.clusters[rows], truth[rows, 1]
        of_true, true_features = right["ceiling_true"][rows], features["ceiling_true"][rows]
        report: dict = {"captions": int(rows.sum())}
        for name, hits in right.items():
            report[name] = judge_shares(hits[rows], clusters)
            if name == "ceiling_true":
                continue
            report[name]["kid"] = kernel_distance(features[name][rows], true_features, clusters, clusters)
            if name == "ceiling_reconstructed":
                continue
            report[name]["relative_accuracy"] = {
                what: ratio_interval(hits[rows, i], of_true[:, i], clusters) for i, what in enumerate(JUDGE_METRICS)
            }
            report[name]["emoji_top5_by_style"] = top5_by_style(hits[rows], styles, clusters)
        report["memorization"] = {"near_duplicate_rate": share_interval(copied[rows], clusters)}
        return report

    report = with_and_without(len(chosen), chosen.near, figures)
    return {**report, "kid_true_against_true": true_against_true(judge, split, len(chosen))}


@torch.no_grad()
def true_against_true(judge: Judge, split: EvaluationSet, count: int) -> dict:
    """The kernel distance of two disjoint samples of a split's true pictures, `count` in each (half of the split, where
    it has fewer than twice as many): what this measure says at this n where there is nothing to find."""
    both = split.subset(choose(split.pairs, 2 * min(count, len(split) // 2), seed=1))
    features = torch.cat(
        [judge.features(part.to(judge.device).float() / 255).cpu() for part in both.pairs.pictures.split(256)]
    )
    half = len(both) // 2
    return kernel_distance(features[:half], features[half:], both.clusters[:half], both.clusters[half:])


def open_captions(system: TextToImage, train: Pairs) -> dict[str, list[str]]:
    """Captions that many pictures fit, by kind: tags that at least eight emoji have, and names without a style."""
    tags: dict[str, set[str]] = {}
    for row in train.metadata:
        for tag in row["tags"].split(", ") if row["tags"] else []:
            tags.setdefault(tag, set()).add(row["base_hexcode"])
    common = sorted(tag for tag, bases in tags.items() if len(bases) >= 8 and system.tokenizer.fits(tag))
    names = {row["name"] for row in train.metadata if not row["skin_tone"] and system.tokenizer.fits(row["name"])}
    return {"a_tag": common, "a_name_without_style": sorted(names)}


@torch.no_grad()
def measure_variety(
    system: TextToImage,
    judge: Judge,
    train: Pairs,
    captions: int = 24,
    candidates: int = 64,
    progress: bool = False,
    **options,
) -> dict:
    """Captions that many pictures fit: how many different emoji and styles the judge sees among nine drawings, the
    nine best of `candidates` and the first nine as they come. Nine is the most for emoji, the number of styles for
    styles. options: those of `sampling.sample`."""
    rng = random.Random(0)
    report = {}
    for kind, texts in open_captions(system, train).items():
        seen: dict[str, list[list[int]]] = {"first": [], "ranked": []}
        some = rng.sample(texts, min(captions, len(texts)))
        for caption in tqdm(some, desc=f"variety, {kind}", unit="caption", disable=not progress, leave=False):
            tokens = sample_candidates(system, caption, candidates, **options)
            images = decode_candidates(system, tokens)
            order = score_candidates(system, caption, tokens, images).argsort(descending=True)
            emoji_logits, style_logits, _ = judge(images.to(judge.device))
            guesses = torch.stack((emoji_logits.argmax(1), style_logits.argmax(1)), dim=1).cpu()  # (candidates, 2)
            for how, shown in (("first", guesses[:SHOWN]), ("ranked", guesses[order[:SHOWN]])):
                seen[how].append([len(shown[:, k].unique()) for k in (0, 1)])
        report[kind] = {"captions": len(some), "example": some[0] if some else None}
        for how, counts in seen.items():
            table = torch.tensor(counts, dtype=torch.float64).reshape(-1, 2)  # (captions, 2)
            each = torch.arange(len(table))  # every caption is a cluster of its own
            names = ("different_emoji_of_nine", "different_styles_of_nine")
            report[kind][how] = {name: mean_interval(table[:, k], each) for k, name in enumerate(names)}
    return report
