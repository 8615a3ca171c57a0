"""`evaluate`: what the models reach."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from .options import device_option


@click.command()
@click.option("--world", type=click.Choice(("emoji", "shapes")), default="emoji", show_default=True)
@click.option("--weights", help="A folder with the models, in place of the bundled ones.")
@click.option("--captions", type=click.IntRange(min=1), help="How many a figure [default: 192 emoji, 128 shapes].")
@click.option("--candidates", type=click.IntRange(min=1), default=64, show_default=True, help="Drawings of a caption.")
@click.option("--only", help="Some parts: dvae,judge,retrieval,likelihood,drawings,variety,edits (emoji).")
@click.option("--split", "splits", multiple=True, help="Draw the captions of this split of the emoji alone.")
@click.option("--temperature", default=1.0, show_default=True, help="At which pictures are drawn.")
@click.option("--guidance", default=0.0, show_default=True, help="With which pictures are drawn.")
@device_option
@click.option("--out", type=click.Path(path_type=Path), help="Keep each part there [default: runs/evaluation/…].")
@click.option("--resume", is_flag=True, help="Go on with the same command: parts that are kept are not measured again.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def evaluate(world, weights, captions, candidates, only, splits, out, resume, as_json, **options) -> None:
    """Measure the bundled weights on what they have not seen.

    Ends with 0 if all parts were measured, and with 1 if one failed; the others are printed and kept.
    """
    from ..datasets.emoji import SPLITS
    from ..evaluation.emoji import EMOJI_PARTS, evaluate_emoji
    from ..evaluation.parts import FAILED
    from ..evaluation.report import table
    from ..evaluation.shapes import SHAPES_PARTS, evaluate_shapes
    from ..model.sampling import check_options

    known = EMOJI_PARTS if world == "emoji" else SHAPES_PARTS
    parts = tuple(known) if only is None else tuple(only.split(","))
    if strange := [name for name in parts if name not in known]:
        raise click.UsageError(f"The {world} have no part {strange[0]!r}: choose among {', '.join(known)}.")
    if strange := [name for name in splits if name not in SPLITS]:
        raise click.UsageError(f"There is no split {strange[0]!r}: choose among {', '.join(SPLITS)}.")
    if splits and world != "emoji":
        raise click.UsageError("--split is for the emoji: the shapes are always measured on seen and held-out scenes.")
    check_options(options["temperature"], None, None, options["guidance"])
    options |= {"candidates": candidates, "parts": parts, "progress": True, "out": out, "resume": resume}
    if world == "emoji":
        report = evaluate_emoji(weights or world, captions or 192, drawn_splits=splits or SPLITS, **options)
    else:
        report = evaluate_shapes(weights or world, captions or 128, **options)
    click.echo(json.dumps(report, indent=1) if as_json else "\n".join(table(report)))
    if FAILED in report:
        sys.exit(1)
