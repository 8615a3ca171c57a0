"""The report of `dalle-lessons evaluate`: its parts, and how it is printed."""

from __future__ import annotations

from collections.abc import Sequence

from ..datasets.emoji import SPLITS, STYLES, emoji
from ..model.clip import CLIP
from ..model.files import weights_dir
from ..model.judge import Judge
from ..pipeline.text_to_image import TextToImage
from ..training.tokens import tokenize
from .edits import measure_edits
from .emoji import measure_drawings, measure_judge, measure_retrieval, measure_variety
from .likelihood import measure_nll
from .reconstruction import measure_dvae

PARTS = ("dvae", "judge", "retrieval", "ledger", "drawings", "variety", "edits")


def table(report: dict, indent: str = "") -> list[str]:
    """A nested report as lines, a name and a value each; a share with its interval on one line."""
    lines = []
    for name, value in report.items():
        title = f"{indent}{name.replace('_', ' ')}"
        if isinstance(value, dict) and "share" in value:
            lines.append(
                f"{title:<40} {value['share']:.3f}  [{value['low']:.3f}, {value['high']:.3f}], n = {value['n']}"
            )
        elif isinstance(value, dict):
            lines += [title, *table(value, indent + "  ")]
        else:
            lines.append(f"{title:<40} {value:.3f}" if isinstance(value, float) else f"{title:<40} {value}")
    return lines


def evaluate_emoji(
    name: str = "emoji",
    captions: int = 192,
    candidates: int = 64,
    parts: Sequence[str] = PARTS,
    progress: bool = False,
    drawn: Sequence[str] = SPLITS,
    **options,
) -> dict:
    """The emoji models, part by part (see PARTS). captions: how many a split for the drawings. drawn: the splits whose
    captions are drawn. options: those of `sampling.sample` for drawings and variety, such as `guidance`.

    The judge's own score on the true pictures of the same captions stands beside each of its figures as `ceiling_true`.
    Raises FileNotFoundError with one sentence where a part needs weights that are not there.
    """
    report: dict = {}
    system = TextToImage.from_pretrained(name)
    if "dvae" in parts:
        held_out = emoji("unseen_emoji")
        styles = [row["style"] for row in held_out.metadata]
        assert set(styles) == set(STYLES)
        report["dvae"] = measure_dvae(system.dvae, held_out, emoji("train"), styles)
    if "judge" in parts:
        judge = Judge.from_pretrained(weights_dir(name, "judge"))
        report["judge"] = {split: measure_judge(judge, system.dvae, emoji(split)) for split in SPLITS}
    if "retrieval" in parts:
        clip = CLIP.from_pretrained(weights_dir(name, "clip"))
        report["retrieval"] = {split: measure_retrieval(clip, emoji(split)) for split in SPLITS[1:]}
    if "ledger" in parts:
        report["ledger"] = measure_nll(system, {split: emoji(split) for split in SPLITS}, "train")
    if "drawings" in parts:
        judge = Judge.from_pretrained(weights_dir(name, "judge"))
        train_tokens = tokenize(system.dvae, emoji("train").pictures)
        report["drawings"] = {
            split: measure_drawings(
                system, judge, emoji(split), train_tokens, captions, candidates, progress, **options
            )
            for split in drawn
        }
    if "variety" in parts:
        judge = Judge.from_pretrained(weights_dir(name, "judge"))
        report["variety"] = measure_variety(system, judge, progress=progress, **options)
    if "edits" in parts:
        report["edits"] = measure_edits(name, min(captions, 48), min(candidates, 16), progress, **options)
    return report
