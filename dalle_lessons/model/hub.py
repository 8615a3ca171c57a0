"""Weights from the Hugging Face hub: the one place where the library asks the network, for "hub:owner/name" alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict, Unpack

HUB = "hub:"


class HubOptions(TypedDict, total=False):
    """How a repository is read."""

    #: A branch, a tag or a commit; None: the newest commit of the main branch.
    revision: str | None
    #: For a private repository; None or True: the one that `hf auth login` left on this machine.
    token: str | bool | None
    #: Where downloads are kept; None: where huggingface_hub keeps them.
    cache_dir: str | Path | None
    #: Take what has been downloaded before, and ask no network.
    local_files_only: bool


def is_hub(name: str | Path) -> bool:
    """Does a name of weights mean a repository on the hub?"""
    return str(name).startswith(HUB)


def fetch(name: str | Path, files: Sequence[str], **options: Unpack[HubOptions]) -> Path:
    """Download those of these files that "hub:owner/name" has, all of one commit -> the folder that holds them.

    Raises FileNotFoundError with one sentence if the hub cannot give them.
    """
    from huggingface_hub import snapshot_download  # slow to import, and seldom needed

    try:
        return Path(snapshot_download(str(name).removeprefix(HUB), allow_patterns=list(files), **options))
    except OSError as error:
        reason = str(error).strip().split("\n")[0].rstrip(".:")
        raise FileNotFoundError(
            f"{name} could not be read from the hub ({reason}): check the name, the revision, the connection and, "
            "for a private repository, the token."
        ) from error
