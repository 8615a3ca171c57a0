"""What the edit model reaches on emoji that it has never seen, beside the baselines, the ceiling, and the main model's
untrained attempt (paper, section 3.3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm.auto import tqdm

from ..datasets import Pairs
from ..datasets.emoji import STYLES, emoji, with_article
from ..datasets.emoji_labels import truth_of
from ..model.dalle import DALLE
from ..model.editing import edit_caption, edit_nll, sample_target
from ..model.files import weights_dir
from ..model.judge import JUDGE_METRICS, Judge
from ..model.sampling import SAMPLING_BATCH
from ..model.sequence import unflatten
from ..model.tokenizer import TextTokenizer
from ..pipeline.text_to_image import TextToImage
from ..training.presets import EDIT_PRESETS
from ..training.tokens import tokenize
from .candidates import choose
from .metrics import ink_f1, psnr, share
from .reconstruction import reconstruct

INK = 160  # a pixel with any channel below this belongs to a line of a sketch


def true_pairs(pairs: Pairs, top: str, bottom: str) -> list[tuple[int, int]]:
    """Indices of (the emoji in style `top`, the same emoji in style `bottom`), of those that `pairs` has in both."""
    below = {row["hexcode"]: i for i, row in enumerate(pairs.metadata) if row["style"] == bottom}
    return [
        (i, below[row["hexcode"]])
        for i, row in enumerate(pairs.metadata)
        if row["style"] == top and row["hexcode"] in below
    ]


@torch.no_grad()
def nearest_pair(train: Pairs, given: Tensor, top: str, bottom: str) -> Tensor:
    """(N, 3, H, W) uint8 in style `top` -> for each the partner, in style `bottom`, of the training picture nearest to
    it (smallest squared difference of pixels), as (N, 3, H, W) uint8."""
    couples = torch.tensor(true_pairs(train, top, bottom))
    known = F.avg_pool2d(train.pictures[couples[:, 0]].float() / 255, 2).flatten(1)
    nearest = torch.cdist(F.avg_pool2d(given.float() / 255, 2).flatten(1), known).argmin(dim=1)
    return train.pictures[couples[nearest, 1]]


def best_targets(dalle: DALLE, text: Tensor, tops: Tensor, candidates: int, progress: bool, **options) -> Tensor:
    """text (1, T), tokens of given halves (N, n) -> for each the likeliest of its `candidates` drawn halves (N, n).

    Chunks of 32 rows hold several pictures' candidates, so row i is not numbered as in `TextToImage.edit`; the noise
    of picture p's candidate c comes from the generator of (p, c).
    """
    kept = []
    per_chunk = max(1, SAMPLING_BATCH // candidates)
    for first in tqdm(range(0, len(tops), per_chunk), unit="chunk", disable=not progress):
        some = tops[first : first + per_chunk].repeat_interleave(candidates, dim=0)
        indices = range(first * candidates, first * candidates + len(some))
        drawn, scores = sample_target(dalle, text.expand(len(some), -1), some, indices=indices, **options)
        best = scores.view(-1, candidates).argmax(dim=1)
        kept.append(drawn.view(-1, candidates, drawn.shape[1])[torch.arange(len(best)), best])
    return torch.cat(kept)


def untrained(system: TextToImage, given: Tensor, text: Tensor, candidates: int, progress: bool, **options) -> Tensor:
    """What the main model makes of the task: pictures (N, 3, 64, 64) in [0, 1], given at half their size as the top
    half of one picture -> the drawn bottom half, its middle brought back to full size (N, 3, 64, 64) in [0, 1]."""
    c, side = system.dalle.config, given.shape[-1]
    canvas = torch.ones_like(given)
    canvas[:, :, : side // 2, side // 4 : -side // 4] = F.avg_pool2d(given, 2)
    tops = system.dvae.encode(canvas)[:, : c.rows // 2].flatten(1)  # (N, rows / 2 · cols)
    bottoms = best_targets(system.dalle, text, tops, candidates, progress, **options)
    whole = unflatten(torch.cat((tops, bottoms), dim=1), c.rows, c.cols)
    drawn = system.dvae.decode(whole)[:, :, side // 2 :, side // 4 : -side // 4]
    return F.interpolate(drawn, scale_factor=2, mode="bilinear").clamp(0, 1)


@torch.no_grad()
def measure_edits(
    name: str = "emoji",
    count: int = 48,
    candidates: int = 16,
    progress: bool = False,
    ways: Sequence[str] = ("drawn", "untrained", "nearest_pair", "copy_of_top", "reconstructed", "true"),
    **options,
) -> dict:
    """For every ordered pair of different styles, `count` emoji of unseen_emoji, the thing not named: the judge's top-5
    emoji and style of the drawn half, the likeliest of `candidates`; PSNR to the true picture (dB); ink F1 where a
    sketch is drawn; token accuracy given the true tokens before; and the same for each other way.

    `trained_mean` is over the pairs that were trained; `relative_accuracy` divides by the judge's share on true
    pictures. options: those of `sampling.sample`. Raises FileNotFoundError where there are no edit weights.
    """
    weights_dir(name, "edit")
    system, judge = TextToImage.from_pretrained(name), Judge.from_pretrained(weights_dir(name, "judge"))
    editor, half = system.editor, system.editor.config.rows // 2
    words = TextTokenizer(system.tokenizer.tokenizer, editor.config.text_length)
    held_out, train = emoji("unseen_emoji"), emoji("train")
    chosen = {
        held_out.metadata[i]["hexcode"]
        for i in choose(held_out, len(held_out))
        if not held_out.metadata[i]["skin_tone"]
    }
    some = sorted(chosen)[:: max(1, len(chosen) // count)][:count]
    report: dict = {"left_out": " -> ".join(EDIT_PRESETS["emoji"].left_out), "pairs": {}}
    everything: dict[str, list[Tensor]] = {way: [] for way in ways}
    for top in STYLES:
        for bottom in STYLES:
            if top == bottom:
                continue
            couples = [(a, b) for a, b in true_pairs(held_out, top, bottom) if held_out.metadata[a]["hexcode"] in some]
            above = held_out.pictures[[a for a, _ in couples]]
            below = held_out.pictures[[b for _, b in couples]]
            truth = truth_of([held_out.metadata[b] for _, b in couples])
            caption = edit_caption(with_article(bottom))
            tops = tokenize(system.dvae, above)
            made = {}
            if "drawn" in ways:
                drawn = best_targets(editor, words.encode([caption]), tops, candidates, progress, **options)
                made["drawn"] = system.dvae.decode(unflatten(drawn, half, editor.config.cols))
            if "untrained" in ways:
                text = system.tokenizer.encode([caption])
                made["untrained"] = untrained(system, above.float() / 255, text, candidates, progress, **options)
            made["nearest_pair"] = nearest_pair(train, above, top, bottom).float() / 255
            made["copy_of_top"] = above.float() / 255
            made["reconstructed"] = reconstruct(system.dvae, below)
            made["true"] = below.float() / 255
            line: dict = {"emoji": len(couples)}
            tokens = torch.cat((tops, tokenize(system.dvae, below)), dim=1)
            _, right = edit_nll(editor, words.encode([caption]).expand(len(tokens), -1), tokens)
            line["token_accuracy"] = float(right.float().mean())
            if (top, bottom) == ("illustration", "sketch"):  # OpenMoji's sketch is the outline of its illustration
                black = (made["copy_of_top"].amax(dim=1, keepdim=True) < 0.25).float()
                made["near_black_pixels"] = (1 - black).expand(-1, 3, -1, -1)
            for way, images in made.items():
                if way not in (*ways, "near_black_pixels"):
                    continue
                said = judge.right(images, truth)  # (N, 4)
                line[way] = {what: share(said[:, JUDGE_METRICS.index(what)]) for what in ("emoji_top5", "style")}
                line[way]["psnr"] = float(psnr(images, made["true"]).mean())
                if bottom == "sketch":
                    line[way]["ink_f1"] = float(ink_f1(images < INK / 255, made["true"] < INK / 255).nanmean())
                if way in everything and (top, bottom) != EDIT_PRESETS["emoji"].left_out:
                    everything[way].append(said)
            report["pairs"][f"{top} -> {bottom}"] = line
    mean = report["trained_mean"] = {}
    own = torch.cat(everything["true"]) if "true" in ways else None
    for way, said in everything.items():
        mean[way] = {what: share(torch.cat(said)[:, JUDGE_METRICS.index(what)]) for what in ("emoji_top5", "style")}
        if own is not None:
            k = JUDGE_METRICS.index("emoji_top5")
            mean[way]["relative_accuracy"] = float(torch.cat(said)[:, k].nanmean() / own[:, k].nanmean())
    return report
