"""The models of a system as files: each in a folder of its own, and an index that says which belong together."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Unpack

import torch

from .. import __version__
from ..model.atomic import replace_file
from ..model.card import LIBRARY, card_head
from ..model.clip import CLIP
from ..model.dalle import DALLE
from ..model.dvae import DVAE
from ..model.files import CONFIG, INDEX, TOKENIZER, WEIGHTS, data_dir, local_root, optional_weights_dir, weights_dir
from ..model.hub import HubOptions
from ..model.tokenizer import TextTokenizer
from .together import TOGETHER

PARTS = ("dvae", "dalle", "clip", "edit")


def load_parts(name: str | Path, **options: Unpack[HubOptions]) -> dict[str, Any]:
    """The models of a whole system, as `TextToImage` takes them: of bundled weights, a folder, or "hub:owner/name".

    Raises FileNotFoundError or ValueError with one sentence where they are missing or damaged.
    """
    root = local_root(name, PARTS, **options)
    if str(root) not in {world.name for world in (data_dir() / "weights").iterdir()}:  # bundled ones have no index
        check_index(Path(root))
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


def save_parts(
    models: dict[str, DVAE | DALLE | CLIP], tokenizer: TextTokenizer, folder: Path, license: str | None = None
) -> None:
    """Write all models of a system, by the names of their parts, into a folder, each into one of its own, then the
    index of their files.

    Raises ValueError with one sentence, before anything is written, for weights in fewer digits than they are stored
    in, and for a folder that holds parts which this system has not.
    """
    if any(weight.dtype == torch.bfloat16 for model in models.values() for weight in model.parameters()):
        raise ValueError("These weights were loaded in bfloat16, and would be stored otherwise: load them in float32.")
    if strange := [part for part in PARTS if part not in models and (folder / part).exists()]:
        raise ValueError(f"{folder} holds a {strange[0]}, which these models lack: name another folder.")
    for part, model in models.items():
        model.save_pretrained(folder / part)
        if part in ("dalle", "edit"):
            tokenizer.save(folder / part / TOKENIZER)
    dvae = models["dvae"]
    assert isinstance(dvae, DVAE)
    index = {
        "_class_name": "TextToImage",
        "library": LIBRARY,
        "library_version": __version__,
        "dvae_fingerprint": dvae.fingerprint(),
        "tokenizer_fingerprint": tokenizer.fingerprint(),
        "parts": {part: file_hashes(folder / part) for part in models},
    }
    text = f"{card_head([LIBRARY, 'dall-e'], license)}\n# A text-to-image system of {LIBRARY}\n\n"
    text += f"Its models: {', '.join(models)}. `TextToImage.from_pretrained` reads this folder.\n"
    if not (folder / "README.md").exists():
        replace_file(folder / "README.md", lambda path: path.write_text(text, encoding="utf-8"))
    content = json.dumps(index, indent=2, sort_keys=True) + "\n"
    replace_file(
        folder / INDEX, lambda path: path.write_text(content, encoding="utf-8")
    )  # last: now they belong together


def file_hashes(folder: Path) -> dict[str, str]:
    """SHA-256, in hexadecimal, of each file of a part that decides about drawings."""
    files = (folder / name for name in (CONFIG, WEIGHTS, TOKENIZER))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.is_file()}


def check_index(folder: Path) -> None:
    """Raises ValueError with one sentence where a folder has an index, and holds other files than it names: a mixture
    of two systems, or a save that was interrupted."""
    path = folder / INDEX
    if not path.is_file():
        return
    try:
        parts = dict(json.loads(path.read_text(encoding="utf-8"))["parts"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: save or download the models again.") from error
    for part in PARTS:
        found = file_hashes(folder / part)
        if found != parts.get(part, {}):
            raise ValueError(
                f"The {part} in {folder} is not the one that {INDEX} names: save or download all parts together, or, "
                f"if they belong together, remove {INDEX}."
            )
