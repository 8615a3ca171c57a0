"""A student's own record: what was guessed, what it was, which hints were read and which answers were taken.

It lies beside the lessons, as `my_guesses.json`, goes nowhere, and can be deleted at any time. Lesson 19 plots it.
The environment variable DALLE_LESSONS_RECORD names another file; empty, nothing is kept longer than the session.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ..model.atomic import replace_file

NAME = "my_guesses.json"
_session: dict[str, dict[str, Any]] = {}  # where no file is kept
KINDS = ("guesses", "hints", "rescues")


def record_path() -> Path | None:
    """The file, in the folder that a lesson runs in; None if none is wanted."""
    named = os.environ.get("DALLE_LESSONS_RECORD")
    if named is None:
        return Path(NAME)
    return Path(named) if named else None


def read_record() -> dict[str, dict[str, Any]]:
    """{"guesses": {id: {"guess": …, "truth": …}}, "hints": {id: how many}, "rescues": {id: true}}.

    A file that cannot be read is set aside as `my_guesses.damaged.json`, and a new one begun: a lesson goes on.
    """
    path = record_path()
    if path is None:
        record = _session
    elif path.is_file():
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(record, dict) or not all(isinstance(record.get(k, {}), dict) for k in KINDS):
                raise ValueError("not a record")
        except (ValueError, OSError):
            aside = path.with_name(path.stem + ".damaged.json")
            os.replace(path, aside)
            print(f"{path.name} could not be read; it is now called {aside.name}, and a new one begins.")
            record = {}
    else:
        record = {}
    return {kind: record.get(kind, {}) for kind in KINDS}


def note(kind: str, name: str, value: Any) -> None:
    """Set one entry: kind is one of KINDS. Where the folder cannot be written, the session alone remembers it."""
    record = read_record()
    record[kind][name] = value
    path = record_path()
    _session.update(record)
    if path is None:
        return
    text = json.dumps(record, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    try:
        replace_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8", newline="\n"))
    except OSError as error:
        print(f"Your guesses could not be kept in {path.name} ({error.strerror}); this session remembers them.")
        os.environ["DALLE_LESSONS_RECORD"] = ""
