"""What commands print."""

from __future__ import annotations

import codecs
import json
import math
import sys
from typing import Any

import click

INTERRUPTED = 130  # the exit code after Ctrl-C, as shells have it


def echo_json(*records: dict[str, Any]) -> None:
    """Print a line of JSON for each record that every terminal can show: what it cannot, or what would steer it, is
    escaped; a number that is none, which JSON does not know, is null."""
    utf8 = codecs.lookup(sys.stdout.encoding or "ascii").name == "utf-8"
    for record in records:
        text = json.dumps(with_nulls(record), ensure_ascii=False)
        click.echo("".join(c if c.isprintable() and (utf8 or c.isascii()) else json.dumps(c)[1:-1] for c in text))


def with_nulls(value: Any) -> Any:
    """The same value for JSON, at any depth, with None for numbers that are not finite."""
    if isinstance(value, dict):
        return {name: with_nulls(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [with_nulls(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
