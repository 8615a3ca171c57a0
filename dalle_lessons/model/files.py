"""Where the package's data, weights and lessons lie, and how the files of a model are called.

In a clone of the repository (and in an editable install of it) they stand at the top, beside the package; in a wheel
they travel inside the package.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from .hub import HubOptions, fetch, is_hub

PACKAGE = Path(__file__).resolve().parents[1]
CONFIG, WEIGHTS, TOKENIZER = "config.json", "model.safetensors", "tokenizer.json"
INDEX = "model_index.json"  # of a whole system: which parts belong together
MODEL_FILES = (CONFIG, WEIGHTS, TOKENIZER, "README.md")


def data_dir() -> Path:
    """The folder with the emoji pictures (`emoji/`) and the trained weights (`weights/`)."""
    return _find("data", "its pictures and weights")


def notebooks_dir() -> Path:
    """The folder with the lessons."""
    return _find("notebooks", "its lessons")


def _find(name: str, what: str) -> Path:
    # The clone comes first, so that someone who works on the project never reads an older copy by mistake. Its
    # pyproject.toml tells a clone from a site-packages folder that happens to hold another package's `data`.
    clone = PACKAGE.parent
    if (clone / "pyproject.toml").is_file() and (clone / name).is_dir():
        return clone / name
    if (PACKAGE / name).is_dir():
        return PACKAGE / name
    raise FileNotFoundError(
        f"This copy of dalle_lessons came without {what} (no folder “{name}” beside or inside {PACKAGE}): "
        "install it again, or clone the whole repository."
    )


def local_root(name: str | Path, parts: Sequence[str], **options: Unpack[HubOptions]) -> str | Path:
    """What is called `name`, on this machine: of "hub:owner/name" the files of these parts are downloaded, those in
    their sub-folders and those at the top; the name of bundled weights and a folder stay as they are."""
    if not is_hub(name):
        return name
    # No pickle among them: one from the network could run any code.
    files = [f"{folder}{file}" for folder in ("", *(f"{part}/" for part in parts)) for file in MODEL_FILES]
    files.append(INDEX)
    return fetch(name, files, **options)


def part_dirs(name: str | Path, part: str) -> list[Path]:
    """The sub-folders that may hold a part of what is called `name`: a bundled one, which comes first, or one's own."""
    return [data_dir() / "weights" / str(name) / part, Path(name) / part]


def weights_dir(name: str | Path, part: str, **options: Unpack[HubOptions]) -> Path:
    """The folder with the weights of a part ("dvae", "dalle", …): of a bundled world, of a folder of one's own, or of
    a repository on the hub ("hub:owner/name"), which alone asks the network.

    In a folder and in a repository the part's sub-folder comes first, then the folder itself: `dalle/` of a whole
    system, or a DALL·E alone. options: those of `hub.fetch`; they concern the hub alone.
    Raises FileNotFoundError with one sentence where there are none.
    """
    root = local_root(name, [part], **options)
    for folder in (*part_dirs(root, part), Path(root)):
        if holds_weights(folder):
            return folder
    wanted = f"There are no {part} weights in {str(name)!r}"
    if is_hub(name):
        raise FileNotFoundError(
            f"{wanted}: the repository needs {CONFIG} and {WEIGHTS}, at its top or in a folder {part}."
        )
    bundled = sorted(p.parent.name for p in (data_dir() / "weights").glob(f"*/{part}"))
    raise FileNotFoundError(
        f"{wanted}: give a bundled name ({', '.join(bundled) or 'none yet'}), "
        f"a folder with {CONFIG} and {WEIGHTS}, or hub:owner/name."
    )


def optional_weights_dir(name: str | Path, part: str) -> Path | None:
    """As `weights_dir`, but None where a bundled world or a local folder has no sub-folder for this part.

    Raises FileNotFoundError with one sentence for a sub-folder without weights: whoever made it expects it to be used.
    """
    for folder in part_dirs(name, part):
        if holds_weights(folder):
            return folder
        if folder.is_dir():
            raise FileNotFoundError(
                f"{folder} holds no weights ({CONFIG} and {WEIGHTS}): finish its training, or move the folder away "
                f"to do without this part."
            )
    return None


def holds_weights(folder: Path) -> bool:
    """Does a folder hold a saved model?"""
    return (folder / CONFIG).is_file() and (folder / WEIGHTS).is_file()
