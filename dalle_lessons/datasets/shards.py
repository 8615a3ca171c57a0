"""Data larger than memory lie in shards: tar files that are read from front to back, as WebDataset and img2dataset do.

What belongs together in a shard has one name: `000017.jpg`, `000017.txt`, `000017.json`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

from ..model.atomic import replace_file

MADE_FROM = "made_from.json"
#: A sample as it lies in a shard: the bytes of its files by their endings, `__key__` (its name) and `__url__` (its
#: shard), which are text.
Sample = dict[str, bytes | str]


def webdataset() -> ModuleType:
    """The package that reads and writes shards. Raises ModuleNotFoundError with one sentence where it is missing."""
    try:
        import webdataset as wds  # an extra: slow to import, and of use to few
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Shards are read and written by the package webdataset, which is not installed: pip install webdataset."
        ) from error
    return wds


def is_shards(data: str | Path) -> bool:
    """Does `--data` mean shards? A name that ends in .tar, with or without braces, or a folder of .tar files that
    holds no list of captions."""
    if str(data).endswith(".tar"):
        return True
    folder = Path(data)
    if not folder.is_dir() or any((folder / name).is_file() for name in ("captions.csv", "metadata.jsonl")):
        return False
    return next(folder.glob("*.tar"), None) is not None


def shard_paths(data: str | Path) -> list[Path]:
    """ "shards/{00000..00099}.tar", one .tar file, or a folder of them -> the files, in order.

    Raises FileNotFoundError or ValueError with one sentence for what is not there, or is there twice.
    """
    if Path(data).is_dir():
        return sorted(Path(data).glob("*.tar"))
    webdataset()
    from braceexpand import braceexpand  # which webdataset needs too

    try:
        paths = [Path(name) for name in braceexpand(str(data), escape=False)]  # Windows parts folders by backslashes
    except ValueError:
        raise ValueError(f"{data} has a brace alone: name shards as in shards/{{000..099}}.tar.") from None
    missing = [path for path in paths if not path.is_file()]
    if missing:
        count = f"; {len(missing)} of {len(paths)} are missing" if len(paths) > 1 else ""
        raise FileNotFoundError(f"There is no shard {missing[0]}{count}.")
    if twice := [path for path, times in Counter(paths).items() if times > 1]:
        raise ValueError(f"{data} names {twice[0]} twice.")
    return paths


def read_shard(path: Path) -> Iterator[Sample]:
    """The samples of a shard, as bytes, in order. Raises what `tarfile` does where the file is broken."""
    from webdataset import tariterators

    with open(path, "rb") as file:
        # From an open file, not by name: names that begin with "pipe:" would be run as commands.
        files = tariterators.tar_file_expander([{"url": str(path), "stream": file}])
        yield from tariterators.group_by_keys(files)


def read_shards(paths: Iterable[Path], broken: Callable[[str], object]) -> Iterator[Sample]:
    """The samples of many shards, one after the other. The rest of a shard that breaks off is left out, and `broken`
    is told so in one sentence. Raises OSError for a file that cannot be opened."""
    for path in paths:
        try:
            yield from read_shard(path)
        except OSError as error:
            if error.errno is not None:  # the disk's trouble, and no broken file: tarfile's errors have no number
                raise
            broken(f"{path} is a broken tar file: {error}.")
        except Exception as error:  # of a broken file, tarfile and webdataset raise nearly anything
            broken(f"{path} is a broken tar file: {error}.")


def write_shard(path: Path, samples: Iterable[Sample]) -> int:
    """Write samples into a new tar file in one step: nobody ever sees half of it. Equal samples make equal files.

    -> how many samples it holds.
    """
    wds, count = webdataset(), 0

    def write(temporary: Path) -> None:
        nonlocal count
        with open(temporary, "wb") as file, wds.TarWriter(file, encoder=False, mtime=0) as tar:
            for sample in samples:
                tar.write(sample)
                count += 1

    replace_file(path, write)
    return count


def shards_fingerprint(paths: Sequence[Path]) -> dict[str, int | str]:
    """`count`, the number of shards, and `sha256` in hexadecimal over each one's name, size and first 64 KiB: what can
    be read in moments, however large they are. Where the folder lies does not count."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.name} {path.stat().st_size}\n".encode())
        with open(path, "rb") as file:
            digest.update(file.read(2**16))
    return {"count": len(paths), "sha256": digest.hexdigest()}


def begin_shards(out: Path, made_from: dict[str, object]) -> None:
    """Make the folder that shards are written into, and note there, in made_from.json, what they are made from: so the
    same command goes on where it was cut off, and no other one mixes its shards with these.

    Raises ValueError with one sentence if shards of something else lie there, OSError if nothing can be written.
    """
    note = out / MADE_FROM
    there = json.loads(note.read_text(encoding="utf-8")) if note.is_file() else None
    if there is None and out.is_dir() and any(out.glob("*.tar")):
        raise ValueError(f"{out} holds shards already: name another folder.")
    if there is not None and there != made_from:
        differs = ", ".join(key for key in {**there, **made_from} if there.get(key) != made_from.get(key))
        raise ValueError(f"{out} holds shards that were made otherwise (another {differs}): name another folder.")
    out.mkdir(parents=True, exist_ok=True)
    replace_file(note, lambda path: path.write_text(json.dumps(made_from, indent=1) + "\n", encoding="utf-8"))
