"""Writing a file so that nobody ever sees half of it, and saying plainly why it could not be written."""

import errno
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path

NO_SPACE = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}  # EDQUOT: not on Windows,
if os.name == "nt":  # which has numbers of its own, where no Python stands between
    NO_SPACE.add(112)
HELD = {errno.EACCES, errno.EPERM, errno.EBUSY}  # what Windows says of a file that another program has open


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write(temporary path)`, then move what it wrote to `path` in one step.

    A reader finds the old file or the new one, never half of it, also after a power failure; several writers do not
    disturb each other: the last one to finish wins. If `write` raises, the old file stays as it was.
    Raises OSError with one sentence if the system refuses to write: no space, another program that holds the file, ….
    """
    # A name of its own for each writer. Not `tempfile`, whose files only their owner may read: this one gets the
    # permissions of any new file. The prefix is cut, since a file's name may be no longer than 255 bytes.
    temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(8)}.part")
    try:
        with open(temporary, "xb"):  # "x": never a file that is already there
            pass
        try:
            write(temporary)
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())  # on the disk before it gets its name
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except Exception as error:
        number = system_error(error)
        if number is None:
            raise
        kind = PermissionError if isinstance(error, PermissionError) else OSError
        raise kind(f"{path} could not be written: {reason(number)}.") from error


def system_error(error: BaseException | None) -> int | None:
    """The system's number of what lies behind an error (`errno`), or None if the system has no part in it.

    PyTorch raises RuntimeError while it handles the system's error; libraries written in Rust put the number into a
    text, as "No space left on device (os error 28)".
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno is not None:
            return error.errno
        if found := re.search(r"\(os error (\d+)\)", str(error)):
            return int(found[1])
        error = error.__cause__ or error.__context__
    return None


def reason(number: int) -> str:
    """Why a file cannot be written, as the end of a sentence."""
    if number in NO_SPACE:
        return "there is no space left on the disk, or your quota is used up; make room and try again"
    if number in HELD:
        return "another program holds it open, or you have no permission to; close that program, or name another folder"
    return os.strerror(number)
