"""Where the package's data, weights and lessons lie.

In a clone of the repository (and in an editable install of it) they stand at the top, beside the package; in a wheel
they travel inside the package.
"""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


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
