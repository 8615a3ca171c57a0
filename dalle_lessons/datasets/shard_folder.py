"""A folder of pictures with captions becomes shards."""

from __future__ import annotations

import hashlib
import io
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tqdm.auto import tqdm

from .folder import read_captions
from .images import on_white_square, open_image
from .shard_samples import PICTURES
from .shards import Sample, begin_shards, webdataset, write_shard


@dataclass
class Written:
    """What was written into a folder."""

    #: Shards that lie there now.
    shards: int = 0
    #: Those of them that were there before.
    kept: int = 0
    #: Samples in the new ones.
    samples: int = 0
    #: Samples that were left out, since they cannot be read.
    skipped: int = 0
    #: What is wrong with the first of these, in one sentence.
    trouble: str = ""

    def skip(self, sentence: str) -> None:
        self.skipped += 1
        self.trouble = self.trouble or sentence

    def __str__(self) -> str:
        parts = [f"{self.samples} samples in {self.shards - self.kept} new shards"]
        parts += [f"{self.kept} were there already"] if self.kept else []
        parts += [f"{self.skipped} skipped, the first: {self.trouble.rstrip('.')}"] if self.skipped else []
        return "; ".join(parts)


def rows_fingerprint(rows: list[dict]) -> str:
    """SHA-256, in hexadecimal, of the names and captions of a folder's pictures, in order."""
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def encoded(path: Path, size: int | None) -> tuple[str, bytes]:
    """A picture's ending and bytes: its own, or those of a PNG if it is to be `size` pixels square, or is of a kind
    that shards do not hold. Raises ValueError with one sentence for a picture that cannot be read in full."""
    image, ending = open_image(path), path.suffix.lower().lstrip(".")
    if size is None and ending in PICTURES:
        return ending, path.read_bytes()
    buffer = io.BytesIO()
    (image if size is None else on_white_square(image, size)).save(buffer, "PNG")
    return "png", buffer.getvalue()


def write_folder(
    folder: str | Path,
    out: str | Path,
    per_shard: int = 1000,
    size: int | None = None,
    progress: bool = False,
) -> Written:
    """Write a folder (see `datasets.folder`) as shards `out/00000.tar`, …, of `per_shard` pictures with their captions
    in a .txt. Pictures keep their bytes; with `size` they are made so many pixels square, as training does.

    Pictures that stand together in a folder are often alike: they are shuffled (by seed 0). What cannot be read is left
    out and counted. Cut off, the same call goes on. Raises FileNotFoundError, OSError or ValueError with one sentence
    for a list of captions that is not in order, or a folder `out` that holds other shards.
    """
    webdataset()
    folder, out, written = Path(folder), Path(out), Written()
    rows = read_captions(folder)
    random.Random(0).shuffle(rows)
    begin_shards(out, {"data": rows_fingerprint(rows), "per_shard": per_shard, "size": size})

    def samples(begin: int) -> Iterator[Sample]:
        for i, row in enumerate(rows[begin : begin + per_shard], begin):
            bar.update()
            try:
                ending, data = encoded(folder / row["file"], size)
            except ValueError as error:
                written.skip(str(error))
                continue
            yield {"__key__": f"{i:09d}", ending: data, "txt": row["caption"].encode()}

    with tqdm(total=len(rows), unit="picture", disable=not progress) as bar:
        for number, begin in enumerate(range(0, len(rows), per_shard)):
            path = out / f"{number:05d}.tar"
            written.shards += 1
            if path.exists():
                written.kept += 1
                bar.update(min(per_shard, len(rows) - begin))
                continue
            written.samples += write_shard(path, samples(begin))
    return written
