"""Figures of lesson 15, second half: who is drawn, the signature, and what attacks leave of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from PIL import Image
from torch import Tensor

from ...datasets.emoji import STYLES, emoji, read_rows
from ...datasets.images import to_image
from ...pipeline.provenance import WATERMARK, has_watermark, verify, watermark_side
from ..figures import BLUE, GRAY, GREEN, ORANGE, frame, new_figure
from ..figures import show as as_picture
from ..guesses import Outcome
from ..pictures import Picture
from . import figure
from .shares_14 import small
from .who_is_drawn import GROUPS, WHO

COLORS = (BLUE, ORANGE, GREEN)


def same_drawing(kinds: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Style -> of how many kinds the drawing without a gender is, pixel for pixel, the man's, and the woman's."""
    place = {(row["style"], row["name"]): row["position"] for row in read_rows() if not row["skin_tone"]}
    found: dict[str, tuple[int, int]] = {}
    for style in STYLES:
        man, woman = (sum(place[style, k] == place[style, f"{who} {k}"] for k in kinds) for who in ("man", "woman"))
        found[style] = (man, woman)
    return found


@figure("15.names")
def names(kinds: Sequence[str], shown: Sequence[str], outcome: Outcome) -> Picture:
    """kinds: all that have three names; shown: two of them, drawn in all styles; and the chart of equal drawings."""
    everything = emoji(None)
    at = {(row["style"], row["name"]): i for i, row in enumerate(everything.metadata) if not row["skin_tone"]}
    panel = new_figure(9.6, 4.4)
    left, right = panel.subfigures(1, 2, width_ratios=(1.7, 1), squeeze=False).flatten()
    axes = left.subplots(len(STYLES), 3 * len(shown))
    for row, style in zip(axes, STYLES, strict=True):
        for ax, name in zip(row, [who + kind for kind in shown for who in WHO], strict=True):
            frame(ax, to_image(everything.pictures[at[style, name]]))
            if style == STYLES[0]:
                ax.set_title(name.replace(" ", "\n"), fontsize=8)
        row[0].set_ylabel(style, fontsize=8)
    ax = right.subplots()
    found = same_drawing(kinds)
    for k, (who, color) in enumerate((("the man's", ORANGE), ("the woman's", GREEN))):
        y = [i + 0.36 * k for i in range(len(STYLES))]
        bars = ax.barh(y, [found[style][k] for style in STYLES], 0.34, color=color, label=who)
        ax.bar_label(bars, fontsize=8, padding=2)
    ax.set_yticks([i + 0.18 for i in range(len(STYLES))], STYLES, fontsize=8)
    ax.invert_yaxis()
    ax.set_xlim(0, len(kinds))
    ax.tick_params(axis="x", labelsize=8)
    ax.legend(fontsize=8)
    ax.set_title(f"of {len(kinds)} kinds: the drawing without\na gender is pixel for pixel …", fontsize=9)
    panel.suptitle(f"Sketches: in how many kinds is it the man's? {outcome}", fontsize=10)
    alt = (
        f"The drawings called {' and '.join(shown)}, and those of man and woman, in four styles; beside them, in how "
        "many kinds the drawing without a gender is the man's or the woman's."
    )
    return small(as_picture(panel, alt))


@figure("15.witnesses")
def witnesses(
    images: Mapping[str, Tensor],
    judge: Mapping[str, Tensor],
    tokens: Mapping[str, Tensor],
    errors: Mapping[str, Tensor],
    equal: Mapping[str, float],
    outcome: Outcome,
) -> Picture:
    """By job: drawings (N, 3, H, W), what the judge and what the tokens say (3,) each, and the judge's table (3, 3) on
    the true cartoons of this job; equal: the share of its tokens that a drawing shares with its nearest true one."""
    if not 0.2 < sum(float(c[0]) for c in judge.values()) / sum(float(c.sum()) for c in judge.values()):
        raise ValueError("The judge should see the drawing without a gender often: run the cells from Who is drawn on.")
    panel = new_figure(10.0, 0.78 * len(judge) + 1.2)
    left, middle, right = panel.subfigures(1, 3, width_ratios=(0.9, 1.35, 0.75), squeeze=False).flatten()
    for row, (job, drawn) in zip(left.subplots(len(judge), 5), images.items(), strict=True):
        for ax, image in zip(row, drawn, strict=False):
            frame(ax, to_image(image))
        row[0].set_ylabel(job, rotation=0, ha="right", va="center", fontsize=9)
    ax = middle.subplots()
    for y, job in enumerate(judge):
        for k, (name, counts) in enumerate((("judge", judge[job]), ("tokens", tokens[job]))):
            start, at = 0.0, y + 0.38 * k
            for group, color in enumerate(COLORS):
                n = float(counts[group])
                label = GROUPS[group] if not y and not k else None
                ax.barh(at, n, 0.34, left=start, color=color, label=label)
                if n:
                    ax.text(start + n / 2, at, f"{n:.0f}", ha="center", va="center", fontsize=8, color="white")
                start += n
            ax.text(-0.6, at, name, ha="right", va="center", fontsize=8)
    ax.set(ylim=(len(judge) - 0.4, -0.4), xticks=[], yticks=[])
    ax.margins(x=0)
    for side in ax.spines.values():
        side.set_visible(False)
    middle.legend(loc="outside lower center", ncols=3, fontsize=8)
    middle.suptitle("two witnesses, of the drawings", fontsize=9)
    for row, job in zip(right.subplots(len(judge), 1), judge, strict=True):
        _table(row, errors[job])
    right.suptitle("the judge on true ones:\nlines: it is; columns: it says", fontsize=9)
    alike = sum(equal.values()) / len(equal)
    panel.suptitle(
        f"Without gender, says the judge? {outcome} (nearest true one: {alike:.0%} equal tokens)", fontsize=10
    )
    alt = (
        f"For {', '.join(judge)}: five drawings, how many the judge and how many the tokens take for the one without a "
        "gender, the man's, the woman's; and what the judge says of the true cartoons of this job."
    )
    return small(as_picture(panel, alt))


def _table(ax, counts: Tensor) -> None:
    ax.imshow(counts / counts.sum(1, keepdim=True), cmap="cividis", aspect="auto", vmin=0, vmax=1)
    for r, line in enumerate(counts.tolist()):
        for c, n in enumerate(line):
            dark = n < counts[r].sum() / 2
            ax.text(c, r, f"{n:.0f}", ha="center", va="center", fontsize=8, color="white" if dark else "black")
    ax.set(xticks=[], yticks=[])


@figure("15.corrected")
def corrected(
    answer: Callable[[Tensor, Tensor], Tensor],
    judge: Mapping[str, Tensor],
    tokens: Mapping[str, Tensor],
    pooled: Tensor,
    errors: Mapping[str, Tensor],
) -> Picture:
    """The share of "no gender" by job: as the judge says, corrected by the pooled table, by the job's own, and
    as the tokens say; and the same for all jobs in one pile. answer(seen, table) is the student's."""
    jobs = [*judge, "all in\none pile"]
    counts = [*judge.values(), sum(judge.values(), torch.zeros(3))]
    by_tokens = [*tokens.values(), sum(tokens.values(), torch.zeros(3))]
    marks = (
        ("the judge", "o", BLUE),
        ("corrected, pooled table", "s", ORANGE),
        ("corrected, the job's own", "^", GREEN),
    )
    panel = new_figure(8.6, 3.4)
    ax = panel.subplots()
    for x, (name, seen, witness) in enumerate(zip(jobs, counts, by_tokens, strict=True)):
        share = seen / seen.sum()
        tables = [pooled, errors[name] if name in errors else None]
        found = [float(share[0])]
        for table in tables:
            table = None if table is None else table / table.sum(1, keepdim=True)
            if table is not None and abs(float(torch.linalg.det(table))) > 1e-3:
                found.append(float(answer(share, table)[0]))
            else:
                found.append(float("nan"))
        for k, (value, (label, mark, color)) in enumerate(zip(found, marks, strict=True)):
            ax.plot(x + 0.16 * (k - 1), 100 * value, mark, color=color, markersize=7, label=None if x else label)
        level = 100 * float(witness[0] / witness.sum())
        ax.plot((x - 0.35, x + 0.35), (level, level), color="black", label=None if x else "the tokens")
    ax.set_xticks(range(len(jobs)), jobs, fontsize=8)
    ax.axhline(100, color=GRAY, linewidth=1)
    ax.set_ylabel("without a gender, %", fontsize=8)
    ax.tick_params(axis="y", labelsize=8)
    ax.grid(axis="y", alpha=0.25)
    panel.legend(loc="outside lower center", ncols=4, fontsize=8)
    pile = answer(counts[-1] / counts[-1].sum(), pooled / pooled.sum(1, keepdim=True)).tolist()
    ax.set_title(
        f"the pile, corrected: {' / '.join(f'{100 * v:.0f}' for v in pile)}% (no gender / man / woman)", fontsize=10
    )
    alt = (
        "The share of drawings without a gender, by job and for all in one pile: as the judge says, corrected in two "
        "ways, and as the tokens say."
    )
    return as_picture(panel, alt)


@figure("15.signed")
def signed(picture: Image.Image, seconds: float, candidates: int) -> Picture:
    """The signed grid, its lower right corner; seconds: of one core, for drawing and ranking the candidates."""
    panel = new_figure(7.4, 3.6)
    left, right = panel.subplots(1, 2)
    frame(left, picture)
    side = 2 * len(WATERMARK) * watermark_side(picture)
    frame(right, picture.crop((picture.width - side, picture.height - side, picture.width, picture.height)))
    right.set_title("its lower right corner", fontsize=9)
    hours = seconds * 15 / 3600
    panel.suptitle(
        f"{candidates} candidates in {seconds:.1f} s of one core; at about 15 W that is {1000 * hours:.1f} mWh",
        fontsize=10,
    )
    return as_picture(panel, "Nine signed drawings of one caption, and their corner with the visible mark.")


@figure("15.attacked")
def attacked(files: Mapping[str, bytes], folder, outcome: Outcome) -> Picture:
    """files: attack -> the bytes of a file. A table of what is found in each."""
    panel = new_figure(7.4, 0.3 * len(files) + 0.9)
    ax = panel.subplots()
    ax.set_axis_off()
    ax.set(xlim=(0, 10), ylim=(len(files) + 0.5, -0.8))
    for x, text in ((0, "attack"), (4.4, "credentials"), (7, "mark")):
        ax.text(x, -0.5, text, fontsize=9, weight="bold")
    for y, (name, file) in enumerate(files.items()):
        path = folder / "attacked"
        path.write_bytes(file)
        with Image.open(path) as image:
            found = has_watermark(image.convert("RGB"))
        state = verify(path).state
        for x, text, good in (
            (0, name, None),
            (4.4, state, state == "signed"),
            (7, "found" if found else "gone", found),
        ):
            color = "black" if good is None else GREEN if good else ORANGE
            ax.text(x, y + 0.3, text, fontsize=9, color=color)
    ax.set_title(f"Credentials still valid after how many attacks? {outcome}", fontsize=10)
    return as_picture(panel, f"A table of what is found after each of: {', '.join(files)}.")


@figure("15.unsigned")
def unsigned(answer: Callable[[float, float], float]) -> Picture:
    """answer(made, kept): the student's probability that a model made an unsigned picture."""
    panel = new_figure(6.4, 2.8)
    ax = panel.subplots()
    kept = [i / 100 for i in range(0, 101)]
    for made, color in ((0.1, BLUE), (0.3, ORANGE), (0.6, GREEN)):
        ax.plot(
            [100 * k for k in kept],
            [100 * float(answer(made, k)) for k in kept],
            color=color,
            label=f"{made:.0%} of all",
        )
    ax.set_xlabel("of the pictures that models made, so many still carry their signature, %", fontsize=8)
    ax.set_ylabel("an unsigned picture is\nmade by a model, %", fontsize=8)
    ax.tick_params(labelsize=8)
    ax.grid(alpha=0.25)
    ax.legend(title="made by models:", fontsize=8, title_fontsize=8)
    return as_picture(
        panel,
        "The probability that an unsigned picture was made by a model, against the share that keeps its signature.",
    )
