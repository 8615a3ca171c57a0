"""Steppers: the algorithms of the lessons, one step at a time, running the library's real code."""

import importlib

MODULES = {
    "CodesInTraining": "codes_in_training",
    "Race": "race",
    "SoftChoice": "soft_choice",
    "TokenPainter": "token_painter",
    "Merges": "merges",
    "Window": "window",
    "YouSample": "you_sample",
    "GrowingScene": "growing_scene",
    "NearestTraining": "nearest_training",
    "OneLook": "one_look",
    "AttentionMap": "attention_map",
    "DrawStep": "draw_step",
    "Matching": "matching",
    "RowsGiven": "rows_given",
    "LogitLens": "logit_lens",
    "PlaceMap": "place_map",
    "TrainingStages": "training_stages",
    "OneChange": "one_change",
    "OneWord": "one_word",
    "TrainingCost": "training_cost",
    "Attacks": "attacks",
    "ChangeOfMind": "change_of_mind",
}

__all__ = [*MODULES, "Frame", "Stepper"]  # pyright: ignore[reportUnsupportedDunderAll] # they come by __getattr__


def __getattr__(name: str):
    """Import a stepper when it is first asked for, so that a lesson loads no more than its own."""
    if name in MODULES:
        return getattr(importlib.import_module(f".{MODULES[name]}", __name__), name)
    if name in ("Frame", "Stepper"):
        return getattr(importlib.import_module(".base", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
