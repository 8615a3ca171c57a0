"""Stage one's tokens, made once and kept in shards: stage two reads these, and no pixel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..datasets import BUNDLED, Pairs, load
from ..datasets.folder import READ_SIDES, read_captions
from ..datasets.images import on_white_square, open_image, to_tensor
from ..datasets.shard_folder import Written, rows_fingerprint
from ..datasets.shard_samples import BadSample, PictureDecoder, open_shards, token_sample
from ..datasets.shards import Sample, begin_shards, is_shards, read_shards, shards_fingerprint, webdataset, write_shard
from ..model.dvae import DVAE
from .identity import data_fingerprint
from .sources import check_grid

#: (key, (3, size, size) uint8, caption)
Picture = tuple[str, Tensor, str]
Skip = Callable[[str], object]  # is told, in one sentence, of each picture that cannot be read


@dataclass(frozen=True)
class Part:
    """What becomes one shard."""

    #: Of the shard, without ".tar".
    name: str
    #: Its pictures, read one after the other.
    pictures: Callable[[Skip], Iterator[Picture]]


def from_shard(path: Path, size: int, skip: Skip) -> Iterator[Picture]:
    decode = PictureDecoder(size)
    for sample in read_shards([path], skip):
        try:
            yield (str(sample["__key__"]), *decode(sample))
        except BadSample as error:
            skip(str(error))


def from_folder(folder: Path, rows: list[dict], begin: int, size: int, skip: Skip) -> Iterator[Picture]:
    for i, row in enumerate(rows, begin):
        try:
            yield (
                f"{i:09d}",
                to_tensor(on_white_square(open_image(folder / row["file"], READ_SIDES * size), size)),
                row["caption"],
            )
        except ValueError as error:
            skip(str(error))


def from_pairs(pairs: Pairs, begin: int, end: int, skip: Skip) -> Iterator[Picture]:
    for i in range(begin, end):
        yield f"{i:09d}", pairs.pictures[i], pairs.caption(i, None)


def find_parts(data: str, size: int, per_shard: int) -> tuple[object, list[Part]]:
    """What tells these data from others, and the parts that become one shard each: a shard's pictures, or so many of a
    folder or of a bundled world. Raises FileNotFoundError or ValueError with one sentence."""
    if data not in BUNDLED and is_shards(data):
        shards = open_shards(data, size)
        if shards.tokens:
            raise ValueError(f"{data} holds image tokens already: give pictures.")
        stems = Counter(path.stem for path in shards.paths)
        names = [path.stem if len(stems) == len(shards.paths) else f"{i:05d}" for i, path in enumerate(shards.paths)]
        parts = [Part(n, partial(from_shard, path, size)) for n, path in zip(names, shards.paths, strict=True)]
        return shards_fingerprint(shards.paths), parts
    if data in BUNDLED:
        pairs = load(data)
        found, count = data_fingerprint(pairs), len(pairs)
        read = [partial(from_pairs, pairs, b, min(b + per_shard, count)) for b in range(0, count, per_shard)]
    else:
        rows = read_captions(Path(data))
        found = rows_fingerprint(rows)
        begins = range(0, len(rows), per_shard)
        read = [partial(from_folder, Path(data), rows[b : b + per_shard], b, size) for b in begins]
    return found, [Part(f"{i:05d}", pictures) for i, pictures in enumerate(read)]


@torch.no_grad()
def token_samples(dvae: DVAE, pictures: Iterator[Picture], batch: int) -> Iterator[Sample]:
    """Pictures -> what lies in a shard of image tokens; so many pictures are encoded, and held, at a time."""
    device, fingerprint = dvae.device, dvae.fingerprint()
    while some := list(islice(pictures, batch)):
        images = torch.stack([picture for _, picture, _ in some]).to(device).float() / 255
        grids = dvae.encode(images).cpu()  # (B, rows, cols)
        for (key, _, caption), tokens in zip(some, grids, strict=True):
            yield token_sample(key, tokens, caption, dvae.config.codes, fingerprint)


def tokenize_data(
    data: str,
    out: str | Path,
    dvae: DVAE,
    size: int = 64,
    per_shard: int = 10_000,
    rank: int = 0,
    ranks: int = 1,
    batch: int = 64,
    progress: bool = False,
) -> Written:
    """Write the image tokens and captions of `data` as shards into `out`: what `train dalle --data out` reads.

    data: shards, a folder or a bundled world; its pictures are made `size` pixels square (those of bundled worlds stay
    as they are), and captions are the full ones. Shards keep their names; else `per_shard` pictures go into each.
    rank, ranks: of several processes each makes its part of the shards. batch: pictures encoded at a time.

    What cannot be read is left out and counted. Cut off, the same call goes on with the shards that are not there yet.
    Raises FileNotFoundError, OSError or ValueError with one sentence for data that cannot be read, or a folder `out`
    that holds other shards.
    """
    webdataset()
    out, written = Path(out), Written()
    check_grid(dvae, size)
    found, parts = find_parts(data, size, per_shard)
    begin_shards(out, {"data": found, "dVAE": dvae.fingerprint(), "size": size, "per_shard": per_shard})
    dvae.eval()
    for part in tqdm(parts[rank::ranks], unit="shard", disable=not progress or rank > 0):
        path = out / f"{part.name}.tar"
        written.shards += 1
        if path.exists():
            written.kept += 1
        else:
            written.samples += write_shard(path, token_samples(dvae, part.pictures(written.skip), batch))
    return written
