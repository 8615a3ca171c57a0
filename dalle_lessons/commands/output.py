"""What commands print."""

from __future__ import annotations

import codecs
import json
import sys
from typing import Any

import click

INTERRUPTED = 130  # the exit code after Ctrl-C, as shells have it


def echo_json(*records: dict[str, Any]) -> None:
    """Print a line of JSON for each record that every terminal can show: what it cannot, or what would steer it, is
    escaped."""
    utf8 = codecs.lookup(sys.stdout.encoding or "ascii").name == "utf-8"
    for record in records:
        text = json.dumps(record, ensure_ascii=False)
        click.echo("".join(c if c.isprintable() and (utf8 or c.isascii()) else json.dumps(c)[1:-1] for c in text))
