"""What belongs to a lesson is found by a name such as "02.nearest_code", in the module `lesson_02` of its package."""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Mapping
from typing import TypeVar

Thing = TypeVar("Thing")


def find_by_name(table: Mapping[str, Thing], package: str, name: str, what: str) -> Thing:
    """What is registered as `name` in the table, which the package's module of that lesson fills.

    what: what it is called in the sentence. Raises ValueError, naming the nearest, if there is none of this name.
    """
    module = f"{package}.lesson_{name.split('.')[0]}"
    if importlib.util.find_spec(module) is not None:
        importlib.import_module(module)
    if name not in table:
        near = difflib.get_close_matches(name, table, n=1, cutoff=0.4)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"There is no {what} {name!r}.{hint}")
    return table[name]
