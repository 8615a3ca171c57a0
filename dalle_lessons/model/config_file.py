"""A model's configuration as a file, with a checksum of it and of the weights beside it."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

# A field that the configuration of this part has, and no other's: by it a folder of another part is recognized.
TELLING_FIELD = {"dvae": "code_dim", "dalle": "rows", "clip": "text_width", "judge": "emoji"}
CHECKSUM = "checksum"
LARGEST = 2**24  # of any whole number in a configuration: beyond it nothing could be made


def config_text(config: Any, weights_sha256: str) -> str:
    """A frozen dataclass -> the JSON that `read_config` reads. weights_sha256: hash of the weights' file beside it."""
    values = asdict(config)
    return json.dumps({**values, CHECKSUM: checksum(values, weights_sha256)}, sort_keys=True, indent=2)


def checksum(values: dict[str, Any], weights_sha256: str) -> str:
    """SHA-256, in hexadecimal, of a configuration's values and of the hash of the weights that belong to them.

    The values count as well as the weights: with another number of heads, say, every weight fits, and means another
    network.
    """
    return hashlib.sha256(json.dumps([values, weights_sha256], sort_keys=True).encode()).hexdigest()


def read_config(path: Path, config_class: type, part: str) -> tuple[Any, dict[str, Any], str | None]:
    """A configuration's file -> the configuration, its values as they stand there, and its checksum (None: it has none,
    and cannot be checked).

    Raises ValueError with one sentence for one that is damaged, of another part, or of another version of the library:
    to leave out what it does not know would make another network.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: it is no JSON file. Save or download the model again.") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path} is no configuration of a model: it holds no names and values.")
    stated = values.pop(CHECKSUM, None)
    if unknown := sorted(set(values) - {field.name for field in fields(config_class)}):
        for other, field in TELLING_FIELD.items():
            if other != part and field in values:
                raise ValueError(f"{path} describes another model, a {other}: give the folder of a {part}.")
        raise ValueError(
            f"{path} was written by another version of this library, with settings that this one does not know "
            f"({', '.join(unknown)}): install a newer dalle-lessons."
        )
    hints = get_type_hints(config_class)
    if strange := sorted(name for name, value in values.items() if not is_a(value, hints[name])):
        raise ValueError(
            f"{path} is damaged: its {strange[0]} cannot be {str(values[strange[0]])[:40]!r}. Save or download the "
            "model again."
        )
    config = config_class(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})
    return config, values, None if stated is None else str(stated)


def is_a(value: object, hint: Any) -> bool:
    """Can a JSON value stand where a configuration has this type? Whole numbers lie in [0, 2^24], others are finite, a
    tuple is a list that is not empty."""
    if get_origin(hint) in (Union, UnionType):
        return any(is_a(value, one) for one in get_args(hint))
    if get_origin(hint) is tuple:
        return isinstance(value, list) and bool(value) and all(is_a(one, get_args(hint)[0]) for one in value)
    if hint is NoneType:
        return value is None
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST
    return type(value) is hint
