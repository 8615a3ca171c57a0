"""The models of a system as files, read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Unpack

from ..model.clip import CLIP
from ..model.dalle import DALLE
from ..model.dvae import DVAE
from ..model.files import TOKENIZER, local_root, optional_weights_dir, weights_dir
from ..model.hub import HubOptions
from ..model.tokenizer import TextTokenizer
from .together import TOGETHER

PARTS = ("dvae", "dalle", "clip", "edit")


def load_parts(name: str | Path, **options: Unpack[HubOptions]) -> dict[str, Any]:
    """The models of a whole system, as `TextToImage` takes them: of bundled weights, a folder, or "hub:owner/name".

    Raises FileNotFoundError or ValueError with one sentence where they are missing or damaged.
    """
    root = local_root(name, PARTS, **options)
    dalle_dir = weights_dir(root, "dalle")
    dalle = DALLE.from_folder(dalle_dir)
    tokenizer = TextTokenizer.from_file(dalle_dir / TOKENIZER, dalle.config.text_length)
    clip_dir, edit_dir = (optional_weights_dir(root, part) for part in ("clip", "edit"))
    clip = None if clip_dir is None else CLIP.from_folder(clip_dir)
    editor = None
    if edit_dir is not None:
        editor = DALLE.from_folder(edit_dir)
        own = edit_dir / TOKENIZER
        if own.is_file() and TextTokenizer.from_file(own, 1).fingerprint() != tokenizer.fingerprint():
            raise ValueError(
                f"The edit model in {edit_dir} reads other text tokens than DALL·E in {dalle_dir} (their "
                f"{TOKENIZER} differ): {TOGETHER}."
            )
    return {
        "dvae": DVAE.from_pretrained(root),
        "dalle": dalle,
        "tokenizer": tokenizer,
        "clip": clip,
        "editor": editor,
    }
