"""The report of `dalle-lessons evaluate`, as lines to read."""

from __future__ import annotations

FIGURES = ("share", "mean", "ratio", "kid")  # the names under which `intervals.summary` gives a figure


def table(report: dict, indent: str = "") -> list[str]:
    """A nested report as lines, a name and a value each; a figure with its interval on one line."""
    lines = []
    for name, value in report.items():
        title = f"{indent}{name.replace('_', ' ')}"
        if isinstance(value, dict) and "low" in value:
            figure = next(value[kind] for kind in FIGURES if kind in value)
            interval = f"[{number(value['low'])}, {number(value['high'])}]"
            count = f"n = {value['n']} in {value['clusters']} clusters"
            lines.append(f"{title:<40} {number(figure)}  {interval}, {count}")
        elif isinstance(value, dict):
            lines += [title, *table(value, indent + "  ")]
        else:
            lines.append(f"{title:<40} {number(value) if isinstance(value, float) else value}")
    return lines


def number(value: float | None) -> str:
    """Three places after the point, or three digits where that would show too little; a dash for what is not known."""
    if value is None:
        return "–"
    return f"{value:.3f}" if value == 0 or abs(value) >= 0.1 else f"{value:.3g}"
