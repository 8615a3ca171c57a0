"""The head of a model's card, by which the Hugging Face hub sorts it."""

from __future__ import annotations

from collections.abc import Sequence

LIBRARY = "dalle-lessons"


def card_head(
    tags: Sequence[str], license: str | None = None, datasets: Sequence[str] = (), task: str = "text-to-image"
) -> str:
    """The YAML that a card begins with, its two lines of dashes included. license: as the hub names it, such as "mit";
    None leaves it out."""
    from huggingface_hub import ModelCardData  # slow to import, and seldom needed

    data = ModelCardData(
        license=license, library_name=LIBRARY, pipeline_tag=task, datasets=[*datasets] or None, tags=[*tags]
    )
    return f"---\n{data.to_yaml()}\n---\n"
