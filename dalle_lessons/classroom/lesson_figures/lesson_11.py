"""Figures of lesson 11: from probabilities to pictures, and what each way of drawing does to them. Those of the
likeliest picture stand in `likeliest_11`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ...model.dvae import DVAE
from ...pipeline.text_to_image import TextToImage
from ..figures import BLUE, DASHES, GREEN, MARKERS, ORANGE, RED, curves, frame, new_figure, rectangle
from ..figures import show as as_picture
from ..guesses import Outcome
from ..next_token import close_up
from ..pictures import Picture
from . import figure
from .drawn_before import row_at, settings
from .likeliest_11 import COLS, ROWS, decoded, greedy, heat, likelihoods

__all__ = ["greedy", "likelihoods"]  # registered there

SHOWN = 6  # codes that are shown one by one
GROUPS = {"plain": "nothing cut", "top_k": "top-k = 10", "top_p": "top-p = 0.9", "guidance": "guidance"}


@figure("11.fork")
def fork(dvae: DVAE, tokens: Tensor, cut: int, probabilities: Tensor) -> Picture:
    """tokens (3, 4, 64): from the same `cut` tokens, each of the three likeliest next codes, each continued four times;
    probabilities (3,) of the codes."""
    panel = new_figure(7.2, 4.3)
    for row, (line, p) in enumerate(zip(panel.subplots(3, 5), probabilities.tolist(), strict=True)):
        begun = decoded(dvae, tokens[row, :1])[0].convert("RGB")
        side = begun.width // COLS
        for i in range(cut + 1, ROWS * COLS):
            begun.paste((230, 230, 230), tuple(side * at for at in (i % COLS, i // COLS, i % COLS + 1, i // COLS + 1)))
        for n, (ax, picture) in enumerate(zip(line, [begun, *decoded(dvae, tokens[row])], strict=True)):
            frame(ax, picture)
            if n == 0:
                corner = (cut % COLS * side - 0.5, cut // COLS * side - 0.5)
                ax.add_patch(rectangle(corner, side, side, fill=False, edgecolor=RED, linewidth=2))
                ax.set_ylabel(f"p = {p:.1%}", fontsize=9)
            if row == 0:
                ax.set_title("one token more" if n == 0 else f"continued, {n}", fontsize=9)
    panel.suptitle(f"The same {cut} tokens, then each of the three likeliest codes", fontsize=10)
    alt = "Three rows: one picture begun and continued by each of three codes, each finished four times by the model."
    return as_picture(panel, alt)


@figure("11.temperatures")
def temperatures(system: TextToImage, so_far: Tensor, logits: Tensor) -> Picture:
    """The probabilities of the next code after the tokens so_far (n,), from its logits (codes,), at five temperatures;
    codes as what they would paint."""
    values = (0.25, 0.5, 1.0, 2.0, 4.0)
    codes = logits.argsort(descending=True)
    shares = torch.stack([(logits / t).softmax(dim=0)[codes] for t in values])
    shares = torch.cat((shares[:, :SHOWN], shares[:, SHOWN:].sum(dim=1, keepdim=True)), dim=1)  # (5, SHOWN + 1)
    panel = new_figure(7.6, 3.9)
    grid = panel.add_gridspec(2, SHOWN + 1, height_ratios=[1.0, 2.6])
    for n in range(SHOWN + 1):
        ax = panel.add_subplot(grid[0, n])
        if n < SHOWN:
            frame(ax, close_up(system, [*so_far.tolist(), int(codes[n])], len(so_far), around=1))
        else:
            ax.text(0.5, 0.5, f"all {len(codes) - SHOWN}\nothers", ha="center", va="center", fontsize=10)
            ax.set_axis_off()
    ax = panel.add_subplot(grid[1, :])
    heat(ax, shares, [f"{100 * p:.0f}%" if p >= 0.01 else f"{100 * p:.1f}%" for p in shares.flatten().tolist()], 1.0, 9)
    ax.set_aspect("auto")
    ax.set_yticks(range(len(values)), [f"temperature {t:g}" for t in values], fontsize=9)
    panel.suptitle("The next token: what each code would paint, and how probable it is", fontsize=10)
    alt = (
        "Six codes as little pictures, and all others; below, their probabilities at five temperatures: at the lowest "
        "one code has nearly all, at the highest the others together have the most."
    )
    return as_picture(panel, alt)


@figure("11.where")
def where(outcome: Outcome) -> Picture:
    """Where the circles of 256 drawings stand at five temperatures, counted before."""
    values = (0.25, 0.5, 1.0, 1.5, 2.0)
    panel = new_figure(9.4, 2.7)
    for ax, t in zip(panel.subplots(1, len(values)), values, strict=True):
        row = row_at(t)
        counts = torch.tensor(row["where"]).reshape(3, 3)
        heat(ax, counts, [str(count) for count in row["where"]], 120, 9)
        ax.set_title(f"temperature {t:g}\n{row['circles']} of 256 show a circle", fontsize=9)
    panel.suptitle(
        f"Where do most circles stand at temperature 2? {outcome} (256 drawings each, counted before)", fontsize=10
    )
    alt = (
        "Five maps of three by three places, from temperature 0.25 to 2: the circles move from the bottom right to the "
        "top left; at temperature 1 they are spread over all places."
    )
    return as_picture(panel, alt)


@figure("11.order")
def order(kept: dict[str, Tensor], outcome: Outcome) -> Picture:
    """kept: order -> how many codes are kept at each of 64 places."""
    lines: dict[str, tuple[Sequence[float], Sequence[float]]] = {
        f"{name}: {float(n.float().mean()):.1f} on average": (range(len(n)), n.tolist()) for name, n in kept.items()
    }
    return curves(
        lines,
        "place in the picture",
        "codes kept",
        f"In which order do more codes stay? {outcome}",
        "How many codes are kept at each place, in both orders: in one of them never fewer, and often many more.",
        log_y=True,
        size=(7.6, 2.9),
    )


@figure("11.guidance")
def guidance(dvae: DVAE, drawn: dict[float, Tensor], caption: str, first: dict[float, float]) -> Picture:
    """drawn: guidance -> (8, 64), of one caption; first: guidance -> the probability of white at the first place of
    "a circle". Beside them what was counted before: how many attributes of 256 held-out captions are right, and where
    the circles of 256 drawings of "a circle" stand."""
    counted = {row["options"]["guidance"]: row for row in settings()["guidance"]} | {0.0: row_at(1.0)}
    panel = new_figure(9.4, 0.95 * len(drawn) + 0.75)
    lines = panel.subplots(len(drawn), 9, width_ratios=[*[1] * 8, 1.25])
    for line, (g, tokens) in zip(lines, drawn.items(), strict=True):
        for ax, picture in zip(line, decoded(dvae, tokens), strict=False):
            frame(ax, picture)
        value, low, high = (f"{100 * part:.1f}" for part in counted[g]["right"])
        words = f"g = {g:g}\n{value}% right\n({low} to {high})"
        line[0].set_ylabel(words, fontsize=9, rotation=0, ha="right", va="center", labelpad=8)
        where = counted[g]["where"]
        heat(line[8], torch.tensor(where).reshape(3, 3), [str(count) for count in where], 120)
        line[8].set_xlabel(f"first white: {first[g]:.0%}", fontsize=8)
    lines[0][8].set_title("circles' places", fontsize=9)
    panel.suptitle(f"“{caption}”, drawn now; % and places counted before, 256 drawings each", fontsize=10)
    alt = (
        "Eight drawings at each guidance: at -1 anything comes, at 0 and above nearly always what the caption says. "
        "Beside them the share of attributes that are right, with its interval, and the places of circles, with the "
        "probability of white at the first place."
    )
    return as_picture(panel, alt)


@figure("11.guidance_map")
def guidance_map(dvae: DVAE, tokens: Tensor, nats: Tensor) -> Picture:
    """tokens (64,); nats (64,): how much the caption tells at each place, KL(with it, without it)."""
    panel = new_figure(6.6, 3.2)
    left, right = panel.subplots(1, 2)
    nats = nats.clamp(min=0)  # but for rounding
    frame(left, decoded(dvae, tokens[None])[0])
    left.set_title("drawn with the caption", fontsize=9)
    heat(right, nats.reshape(ROWS, COLS), [f"{n:.1f}" for n in nats.tolist()], float(nats.max()))
    right.set_title("what the caption tells, nats", fontsize=9)
    share = float(nats.topk(8).values.sum() / nats.sum())
    panel.suptitle(f"Of all that the caption tells, {share:.0%} is told at 8 of the 64 places", fontsize=10)
    alt = "A drawn picture, and a map of how much the caption tells at each place: much at a few, little elsewhere."
    return as_picture(panel, alt)


@figure("11.settings")
def all_settings() -> Picture:
    """Fidelity against variety at all settings, counted before."""
    panel = new_figure(8.4, 4.4)
    ax = panel.subplots()
    for n, (group, name) in enumerate(GROUPS.items()):
        rows = [row for row in settings()[group] if row["options"].get("guidance", 0) >= 0]
        x, y = [row["kinds"] for row in rows], [100 * row["right"][0] for row in rows]
        errors = [[100 * abs(row["right"][k] - row["right"][0]) for row in rows] for k in (1, 2)]
        color = (BLUE, GREEN, ORANGE, RED)[n]
        line = DASHES[n] if group != "guidance" else "none"
        ax.errorbar(x, y, errors, color=color, linestyle=line, marker=MARKERS[n], capsize=2, elinewidth=0.8, label=name)
        for row, left, up in zip(rows, x, y, strict=True):
            options = row["options"]
            words = f"g = {options['guidance']:g}" if group == "guidance" else f"{options['temperature']:g}"
            ax.annotate(words, (left, up), xytext=(5, 5), textcoords="offset points", fontsize=8, color=color)
    ax.set_xlabel("variety: kinds of circles (color, size, place) in 256 drawings of “a circle”", fontsize=9)
    ax.set_ylabel("fidelity: attributes right, %", fontsize=9)
    ax.set_title("Each point a setting, its number the temperature (256 drawings each, counted before)", fontsize=10)
    ax.tick_params(labelsize=8)
    ax.grid(alpha=0.25)
    ax.legend(fontsize=8, loc="lower left")
    alt = (
        "Fidelity against variety: with rising temperature variety rises to temperature 1, then both fall; with top-k "
        "and top-p fidelity falls less."
    )
    return as_picture(panel, alt)


@figure("11.cache")
def cached(slots: dict[str, int], seconds: dict[str, float], outcome: Outcome) -> Picture:
    """slots and seconds: "without a cache" and "with it", of drawing 8 pictures."""
    panel = new_figure(8.4, 1.9)
    axes = panel.subplots(1, 2, sharey=True)
    for ax, values, words in zip(
        axes, (slots, seconds), ("slots computed for a picture", "seconds for 8 pictures"), strict=True
    ):
        drawn = ax.barh(list(values), list(values.values()), color=[BLUE, ORANGE])
        ax.bar_label(drawn, [f"{value:,}" if value > 50 else f"{value:.2f}" for value in values.values()], fontsize=8)
        ax.set_xlabel(words, fontsize=9)
        ax.tick_params(labelsize=8)
        ax.margins(x=0.2)
    axes[0].invert_yaxis()
    panel.suptitle(f"How many times faster with the cache? {outcome}", fontsize=10)
    return as_picture(
        panel, "Two pairs of bars: with the cache far fewer slots are computed, and drawing takes less time."
    )
