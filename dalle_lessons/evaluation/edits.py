"""What the edit model reaches on emoji that it has never seen, beside the baselines, the ceiling, and the main model's
untrained attempt (paper, section 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm.auto import tqdm

from ..datasets import Pairs
from ..datasets.emoji import STYLES, with_article
from ..datasets.emoji_labels import truth_of
from ..model.dalle import DALLE
from ..model.dvae import decode_tokens
from ..model.editing import edit_caption, edit_nll
from ..model.judge import JUDGE_METRICS, Judge
from ..model.sampling import SAMPLING_BATCH, sample_batches
from ..model.tokenizer import TextTokenizer
from ..pipeline.text_to_image import TextToImage
from ..training.presets import EDIT_PRESETS
from ..training.tokens import tokenize
from .candidates import decode_candidates
from .evaluation_set import EvaluationSet, with_and_without
from .intervals import mean_interval, ratio_interval, share_interval
from .metrics import ink_f1, psnr
from .reconstruction import reconstruct

LINE_BELOW = 160  # of 255: a pixel with any channel below this belongs to a line of a sketch
WAYS = ("drawn", "untrained", "nearest_pair", "copy_of_source", "reconstructed", "true")
REPORTED = ("emoji_top5", "style")  # of JUDGE_METRICS


def true_pairs(pairs: Pairs, source: str, target: str) -> list[tuple[int, int]]:
    """Indices of (an emoji in style `source`, the same emoji in style `target`), of those that `pairs` has in both."""
    wanted = {row["hexcode"]: i for i, row in enumerate(pairs.metadata) if row["style"] == target}
    return [
        (i, wanted[row["hexcode"]])
        for i, row in enumerate(pairs.metadata)
        if row["style"] == source and row["hexcode"] in wanted
    ]


@torch.no_grad()
def nearest_pair(train: Pairs, given: Tensor, source: str, target: str) -> Tensor:
    """(N, 3, H, W) uint8 in style `source` -> for each the partner, in style `target`, of the training picture nearest
    to it (smallest squared difference of pixels), as (N, 3, H, W) uint8."""
    couples = torch.tensor(true_pairs(train, source, target))
    known = F.avg_pool2d(train.pictures[couples[:, 0]].float() / 255, 2).flatten(1)
    nearest = torch.cdist(F.avg_pool2d(given.float() / 255, 2).flatten(1), known).argmin(dim=1)
    return train.pictures[couples[nearest, 1]]


@torch.no_grad()
def best_targets(dalle: DALLE, text: Tensor, sources: Tensor, candidates: int, progress: bool, **options) -> Tensor:
    """For each source the likeliest of `candidates` drawn targets, as image tokens.

    text: (1, T), the caption of all. sources: (N, n) int64, tokens of the given halves. -> (N, n) int64, those of the
    drawn halves, where the sources lie; the model may be elsewhere. options: those of `sampling.sample`. Candidate c of
    source p is drawn with the noise of index p · candidates + c, not as `TextToImage.edit` numbers them: so no row of a
    batch is wasted.
    """
    count = len(sources) * candidates
    text = text.to(dalle.device)
    given = sources.to(dalle.device).repeat_interleave(candidates, dim=0)  # (N · candidates, n)
    batches = sample_batches(dalle, text, range(count), given=given, **options)
    total = -(-count // SAMPLING_BATCH)
    drawn, scores = [], []
    for _, tokens in tqdm(batches, total=total, desc="edits", unit="batch", disable=not progress, leave=False):
        nll, _ = edit_nll(dalle, text.expand(len(tokens), -1), tokens)  # (32, n)
        drawn.append(tokens[:, sources.shape[1] :])
        scores.append(-nll.mean(dim=1))
    best = torch.cat(scores)[:count].view(-1, candidates).argmax(dim=1).to(sources.device)  # (N,)
    targets = torch.cat(drawn)[:count].view(len(sources), candidates, -1).to(sources.device)
    return targets[torch.arange(len(sources)), best]


def untrained(system: TextToImage, given: Tensor, text: Tensor, candidates: int, progress: bool, **options) -> Tensor:
    """What the main model makes of the task: pictures (N, 3, H, W) in [0, 1], given at half their size as the upper
    half of one picture -> the drawn lower half, its middle brought back to full size (N, 3, H, W) in [0, 1]."""
    c, side = system.dalle.config, given.shape[-1]
    canvas = torch.ones_like(given)
    canvas[:, :, : side // 2, side // 4 : -side // 4] = F.avg_pool2d(given, 2)
    sources = system.dvae.encode(canvas.to(system.device))[:, : c.rows // 2].flatten(1).cpu()  # (N, rows / 2 · cols)
    targets = best_targets(system.dalle, text, sources, candidates, progress, **options)
    whole = decode_candidates(system, torch.cat((sources, targets), dim=1))
    drawn = whole[:, :, side // 2 :, side // 4 : -side // 4]
    return F.interpolate(drawn, scale_factor=2, mode="bilinear").clamp(0, 1)


def choose_emoji(held_out: Pairs, count: int) -> list[str]:
    """Hexcodes of `count` emoji without skin tone, spread evenly over all that the pairs hold."""
    plain = sorted({row["hexcode"] for row in held_out.metadata if not row["skin_tone"]})
    return plain[:: max(1, len(plain) // count)][:count]


def read_edit_caption(editor: DALLE, system: TextToImage, target: str) -> Tensor:
    """The caption that asks for a style and names no thing -> its text tokens (1, T)."""
    words = TextTokenizer(system.tokenizer.tokenizer, editor.config.text_length)
    return words.encode([edit_caption(with_article(target))])


@torch.no_grad()
def measure_direction(
    system: TextToImage,
    editor: DALLE,
    judge: Judge,
    couples: EvaluationSet,
    given: Tensor,
    train: Pairs,
    direction: tuple[str, str],
    candidates: int,
    progress: bool,
    ways: Sequence[str],
    **options,
) -> tuple[dict[str, dict[str, Tensor]], Tensor]:
    """One direction, such as cartoon -> sketch: every way's pictures, seen by the judge.

    couples: the true targets. given: (N, 3, H, W) uint8, their sources. -> for each way its measures, (N,) each; and
    whether each token of the target was the likeliest one, given the true ones before it, (N, n) bool.
    """
    source, target = direction
    wanted, truth = couples.pairs.pictures, truth_of(couples.pairs.metadata)
    text, c = read_edit_caption(editor, system, target), editor.config
    sources = tokenize(system.dvae, given)
    made = {
        "nearest_pair": nearest_pair(train, given, source, target).float() / 255,
        "copy_of_source": given.float() / 255,
        "reconstructed": reconstruct(system.dvae, wanted),
        "true": wanted.float() / 255,
    }
    if "drawn" in ways:
        drawn = best_targets(editor, text, sources, candidates, progress, **options)
        made["drawn"] = decode_tokens(system.dvae, drawn.to(system.device), c.rows // 2, c.cols).cpu()
    if "untrained" in ways:
        caption = system.tokenizer.encode([edit_caption(with_article(target))])
        made["untrained"] = untrained(system, made["copy_of_source"], caption, candidates, progress, **options)
    if direction == ("illustration", "sketch"):  # OpenMoji's sketch is the outline of its illustration
        black = (made["copy_of_source"].amax(dim=1, keepdim=True) < 0.25).float()
        made["near_black_pixels"] = (1 - black).expand(-1, 3, -1, -1)
    measured = {}
    for way in [way for way in (*ways, "near_black_pixels") if way in made]:
        right = judge.right(made[way], truth)  # (N, 4)
        measured[way] = {what: right[:, JUDGE_METRICS.index(what)] for what in REPORTED}
        measured[way]["psnr"] = psnr(made[way], made["true"])
        if target == "sketch":
            lines = (images < LINE_BELOW / 255 for images in (made[way], made["true"]))
            measured[way]["line_f1"] = ink_f1(*lines)
    tokens = torch.cat((sources, tokenize(system.dvae, wanted)), dim=1).to(editor.device)
    return measured, edit_nll(editor, text.to(editor.device).expand(len(tokens), -1), tokens)[1].cpu()


def measure_edits(
    system: TextToImage,
    judge: Judge,
    held_out: EvaluationSet,
    train: Pairs,
    count: int = 48,
    candidates: int = 16,
    progress: bool = False,
    ways: Sequence[str] = WAYS,
    **options,
) -> dict:
    """For every ordered pair of different styles, `count` held-out emoji, the thing not named: the judge's top-5 emoji
    and style of the drawn half, the likeliest of `candidates`; PSNR to the true picture (dB); F1 of the lines where a
    sketch is drawn; token accuracy given the true tokens before; and the same for each other way.

    `trained_mean` is over the pairs of styles that were trained, with an emoji in all of them as one cluster;
    `relative_accuracy` is what is right over what is right in true pictures. options: those of `sampling.sample`.
    Raises ValueError with one sentence where there is no edit model.
    """
    if system.editor is None:
        raise ValueError("There is no edit model to measure: train one with dalle-lessons train edit.")
    some, left_out = choose_emoji(held_out.pairs, count), EDIT_PRESETS["emoji"].left_out
    report: dict = {"left_out": " -> ".join(left_out), "pairs": {}}
    trained: list[tuple[EvaluationSet, dict[str, dict[str, Tensor]]]] = []
    directions = list(permutations(STYLES, 2))
    for direction in tqdm(directions, desc="edits", unit="direction", disable=not progress, leave=False):
        couples = [
            (a, b) for a, b in true_pairs(held_out.pairs, *direction) if held_out.pairs.metadata[a]["hexcode"] in some
        ]
        given = held_out.pairs.pictures[[a for a, _ in couples]]
        targets = held_out.subset([b for _, b in couples])
        models = (system, system.editor, judge)
        measured, right_tokens = measure_direction(
            *models, targets, given, train, direction, candidates, progress, ways, **options
        )
        accuracy = mean_interval(right_tokens.float().mean(dim=1), targets.clusters)
        figures = {way: figures_of_way(measures, targets.clusters) for way, measures in measured.items()}
        report["pairs"][" -> ".join(direction)] = {"emoji": len(couples), "token_accuracy": accuracy, **figures}
        if direction != left_out:
            trained.append((targets, measured))
    report["trained_mean"] = mean_over_directions(trained, ways)
    return report


def figures_of_way(measures: dict[str, Tensor], clusters: Tensor) -> dict:
    """Measures (N,) by name -> the figures with their intervals: shares of what the judge sees, means of the others."""
    return {
        name: (share_interval if name in REPORTED else mean_interval)(values, clusters)
        for name, values in measures.items()
    }


def mean_over_directions(
    directions: list[tuple[EvaluationSet, dict[str, dict[str, Tensor]]]], ways: Sequence[str]
) -> dict:
    """What the judge sees, over all pictures of all directions, with and without near-duplicates of train."""
    clusters = torch.cat([targets.clusters for targets, _ in directions])
    near = [targets.near for targets, _ in directions if targets.near is not None]
    right = {
        way: {what: torch.cat([measured[way][what] for _, measured in directions]) for what in REPORTED} for way in ways
    }

    def figures(rows: Tensor) -> dict:
        of = clusters[rows]
        report = {way: figures_of_way({k: v[rows] for k, v in m.items()}, of) for way, m in right.items()}
        if "true" in right:
            for way, measures in right.items():
                pair = (measures["emoji_top5"][rows], right["true"]["emoji_top5"][rows])
                report[way]["relative_accuracy"] = ratio_interval(*pair, of)
        return report

    return with_and_without(len(clusters), torch.cat(near) if near else None, figures)
