"""Where the package's data, weights and lessons lie.

In a clone of the repository (and in an editable install of it) they stand at the top, beside the package; in a wheel
they travel inside the package.
"""

import hashlib
import os
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
WEIGHTS = "model.safetensors"


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


def weights_dir(name: str | Path, part: str) -> Path:
    """The folder with the weights of a part ("dvae", "dalle", …): of a bundled world, or of a folder of one's own.

    Raises FileNotFoundError with one sentence where there is none.
    """
    for folder in (data_dir() / "weights" / str(name) / part, Path(name) / part, Path(name)):
        if (folder / "config.json").is_file() and (folder / WEIGHTS).is_file():
            return folder
    bundled = sorted(p.parent.name for p in (data_dir() / "weights").glob(f"*/{part}"))
    raise FileNotFoundError(
        f"There are no {part} weights in {str(name)!r}: give a bundled name ({', '.join(bundled) or 'none yet'}), "
        f"a folder with config.json and {WEIGHTS}, or hub:owner/name."
    )


def replace_file(path: Path, write) -> None:
    """Call `write(temporary path)`, then move the result to `path` in one step: a reader sees the old file or the new
    one, never half of it."""
    temporary = path.with_name(f".{path.name}.part")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@cache
def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal, as `sha256sum` prints it."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
