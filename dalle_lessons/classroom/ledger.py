"""The loss ledger: the nats an image token of each predictor of lessons 06 to 10, on the same held-out pictures.

These are `shapes("test", 400)`. A lesson hands over the lines that it has measured; those of the lessons before it
stand in `data/lessons/NN/ledger.json`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from ..model.files import data_dir
from .figures import BLUE, GREEN, ORANGE, new_figure, show
from .pictures import Picture

LESSONS = ("06", "07", "08", "09", "10")
FIRST = LESSONS[0]  # its file knows the goal, too
FAR = 0.15  # of a stored line: more than machines and versions of torch differ


def stored(lesson: str) -> dict[str, dict[str, float]]:
    """{"lines": predictor -> nats an image token} of one lesson; that of the first has the "goal" besides."""
    file = data_dir() / "lessons" / lesson / "ledger.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"lines": {}}


def draw_ledger(lesson: str, measured: Mapping[str, float], goal: Mapping[str, float] | None = None) -> Picture:
    """All lines so far, those of this lesson in another color, logarithmic, each with exp(nats), the number of codes
    that it hesitates among; the goal is a dashed line.

    lesson: "07". measured: predictor -> nats an image token on the 400 held-out pictures; goal: the same, of what the
    course wants to reach, where the lesson has measured it. Raises ValueError where a line is not stored for this
    lesson, or is more than 15% away from what was measured when the course was made.
    """
    mine = stored(lesson)["lines"]
    if set(measured) != set(mine):
        raise ValueError(f"The ledger of lesson {lesson} has the lines {', '.join(mine)}; got {', '.join(measured)}.")
    aim = stored(FIRST)["goal"]
    mine = {**mine, **aim}
    for name, nats in {**measured, **(goal or {})}.items():
        if not abs(nats - mine[name]) <= FAR * mine[name]:
            raise ValueError(
                f"“{name}” costs {nats:.3g} nats here, far from the {mine[name]:.3g} of this lesson's own code: "
                "choose “Restart and run all” in the Kernel menu."
            )
    before = {name: v for n in LESSONS[: LESSONS.index(lesson)] for name, v in stored(n)["lines"].items()}
    lines = {**before, **measured}
    goal = goal or aim
    drawn = new_figure(8.0, 0.34 * len(lines) + 1.4)
    ax = drawn.subplots()
    ax.barh(range(len(lines)), list(lines.values()), color=[ORANGE if name in measured else BLUE for name in lines])
    for y, (name, value) in enumerate(lines.items()):
        words = f"{value:.3g} nats: among {math.exp(value):.3g} codes"
        weight = "bold" if name in measured else "normal"
        ax.annotate(
            words, (value, y), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9, weight=weight
        )
    low = min([*goal.values(), *lines.values()]) / 1.25
    for name, value in goal.items():
        ax.axvline(value, color=GREEN, linestyle="--", linewidth=2)
        words = f"goal: {name}, {value:.3f} nats: among {math.exp(value):.2f} codes"
        ax.annotate(words, (value, -0.85), xytext=(5, 0), textcoords="offset points", va="center", fontsize=9)
    ax.set_xscale("log")
    ax.set_xlim(low, max(lines.values()) * 9)
    ax.set_ylim(len(lines) - 0.45, -1.3)
    ax.set_yticks(range(len(lines)), list(lines), fontsize=9)
    ticks = [tick for tick in (0.05, 0.1, 0.2, 0.5, 1, 2, 5) if tick > low]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks], fontsize=9)
    ax.minorticks_off()
    ax.set_xlabel("nats an image token, 400 held-out shapes (fewer are better)", fontsize=9)
    new = "" if set(lines) == set(measured) else "; orange: this lesson's"
    ax.set_title(f"The loss ledger{new}", fontsize=10)
    earlier = "those of the lessons before, then " if before else ""
    named = f"{earlier}{', '.join(measured)}; the goal: {', '.join(goal)}"
    return show(drawn, f"The loss ledger, logarithmic, one bar a line: {named}, a dashed line.")
