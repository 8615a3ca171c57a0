"""How the seconds of drawing grow with candidates, tokens and width: python tools/bench_growth.py docs/_static

Models of random weights draw; one thing at a time grows, the rest stays as it is in the bundled models (64 pictures of
64 tokens, width 256, 6 layers). Writes growth.csv and growth.svg into the folder.
"""

import csv
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import click
import torch
from bench import best_seconds, operations, product_limit
from tqdm import tqdm

from dalle_lessons import DALLE
from dalle_lessons.model.atomic import replace_file
from dalle_lessons.model.dalle import DALLEConfig
from dalle_lessons.model.sampling import sample_batches

START = DALLEConfig(text_length=28)  # width 256, 6 layers, 8 x 8 tokens
PICTURES = 64
PANELS = {"candidates": (32, 64, 128, 256), "tokens": (16, 64, 256, 576), "width": (64, 128, 256, 512)}


class Point(NamedTuple):
    """What was measured once, as a line of growth.csv."""

    grows: str
    value: int
    seconds: float
    share_of_limit: float


def sizes(grows: str, value: int) -> tuple[DALLEConfig, int]:
    """(configuration, pictures) in which one thing has this value."""
    if grows == "tokens":
        return replace(START, rows=int(value**0.5), cols=int(value**0.5)), PICTURES
    return (START, value) if grows == "candidates" else (replace(START, width=value), PICTURES)


def measured(runs: int) -> Iterator[Point]:
    """Point after point, each the best of some runs."""
    cpu = torch.device("cpu")
    limit = product_limit(cpu, runs)
    for grows, value in tqdm([(grows, value) for grows, values in PANELS.items() for value in values]):
        config, pictures = sizes(grows, value)
        torch.manual_seed(0)
        model, text = DALLE(config).eval(), torch.ones(1, config.text_length, dtype=torch.int64)

        def draw(model=model, text=text, pictures=pictures) -> None:
            list(sample_batches(model, text, range(pictures)))

        seconds = best_seconds(draw, runs, cpu)
        share = operations(config, pictures, True) / seconds / limit
        yield Point(grows, value, round(seconds, 3), round(share, 3))


def plot(points: list[Point], path: Path) -> None:
    """A panel for each thing that grows, both axes logarithmic; the dashed line grows as that thing does."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "growth"  # the same file from the same numbers
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3), layout="constrained")
    for axes, (grows, values) in zip(figure.subplots(1, len(PANELS), sharey=True), PANELS.items(), strict=True):
        seconds = [point.seconds for point in points if point.grows == grows]
        axes.loglog(values, seconds, "o-", color="#0072b2")
        axes.loglog(values, [seconds[0] * value / values[0] for value in values], "--", color="#767676")
        axes.set_xticks(values, [str(value) for value in values])
        axes.minorticks_off()
        axes.set_xlabel(grows)
        axes.margins(x=0.12, y=0.15)
        axes.grid(alpha=0.3)
        for value, second in zip(values, seconds, strict=True):
            axes.annotate(f"{second:.1f}", (value, second), xytext=(0, 6), textcoords="offset points", ha="center")
    figure.axes[0].set_ylabel("seconds")
    replace_file(path, lambda temporary: figure.savefig(temporary, format="svg", metadata={"Date": None}))


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--runs", default=2, show_default=True, type=click.IntRange(min=1), help="Of which the best counts.")
def main(folder: Path, runs: int) -> None:
    points = list(measured(runs))
    table = StringIO()
    csv.writer(table, lineterminator="\n").writerows([Point._fields, *points])
    replace_file(folder / "growth.csv", lambda path: path.write_text(table.getvalue(), encoding="utf-8"))
    plot(points, folder / "growth.svg")
    click.echo(table.getvalue())


if __name__ == "__main__":
    main()
