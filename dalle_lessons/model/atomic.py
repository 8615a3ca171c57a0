"""Writing a file so that nobody ever sees half of it."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write(temporary path)`, then move what it wrote to `path` in one step.

    A reader finds the old file or the new one, never half of it, also after a power failure; several writers do not
    disturb each other: the last one to finish wins. If `write` raises, the old file stays as it was.
    """
    # A name of its own for each writer. Not `tempfile`, whose files only their owner may read: this one gets the
    # permissions of any new file. The prefix is cut, since a file's name may be no longer than 255 bytes.
    temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(8)}.part")
    with open(temporary, "xb"):  # "x": never a file that is already there
        pass
    try:
        write(temporary)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())  # on the disk before it gets its name
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
