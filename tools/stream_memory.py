"""How much memory 100,000 pictures take that stream through `tokenize` and `train dalle`:

    python tools/stream_memory.py FOLDER [--count 100000]

makes generated pictures of 64 pixels and a small dVAE in FOLDER, unless they are there, runs the commands, and prints
the most memory that each process held, beside that of a process that only imports what they import. Linux and macOS.
"""

from __future__ import annotations

import io
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from dalle_lessons.datasets.shards import Sample, write_shard
from dalle_lessons.model.dvae import DVAE, DVAEConfig

PER_SHARD = 1000
UNIT = 1 if sys.platform == "darwin" else 1024  # of what the system calls the most memory, in bytes


def samples(begin: int, end: int) -> Iterator[Sample]:
    """Blurred noise, no two alike, and captions that name a number."""
    for i in range(begin, end):
        pixels = np.random.default_rng(i).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).resize((64, 64), Image.Resampling.BILINEAR).save(buffer, "PNG", compress_level=1)
        yield {"__key__": f"{i:09d}", "png": buffer.getvalue(), "txt": f"picture number {i}".encode()}


def peak_of(arguments: list[str]) -> tuple[float, float]:
    """Run Python with these arguments -> the most memory it held, in MB, and its seconds. Call it in a process of its
    own each time: the system tells only the most of all children."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * UNIT / 1e6, time.perf_counter() - begin


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--count", default=100_000, show_default=True, help="Pictures, a multiple of 1,000.")
@click.option(
    "--steps", default=1563, show_default=True, help="Of the training, 64 pictures each: a pass and a little."
)
@click.option("--only", type=click.Choice(("make", "idle", "tokenize", "pictures", "tokens")), help="One of the parts.")
def main(folder: Path, count: int, steps: int, only: str | None) -> None:
    shards, tokens, dvae = folder / "shards", folder / "tokens", folder / "dvae"
    shards.mkdir(parents=True, exist_ok=True)
    for begin in tqdm(range(0, count, PER_SHARD), disable=only not in (None, "make")):
        if not (path := shards / f"{begin // PER_SHARD:05d}.tar").exists():
            write_shard(path, samples(begin, begin + PER_SHARD))
    if not dvae.is_dir():
        torch.manual_seed(0)
        DVAE(DVAEConfig(codes=256, code_dim=16, widths=(16, 16), patch=4, blocks=1)).save_pretrained(dvae)
    train = ["-m", "dalle_lessons", "train", "dalle", "--preset", "shapes_16", "--dvae", str(dvae), "--device", "cpu"]
    train += ["--batch", "64", "--steps", str(steps)]
    parts = {
        "idle": ["-c", "import webdataset, dalle_lessons.training.run, dalle_lessons.training.token_shards"],
        "tokenize": ["-m", "dalle_lessons", "tokenize", str(shards), str(tokens), "--dvae", str(dvae)],
        "pictures": [*train, "--data", str(shards), "--out", str(folder / "from_pictures")],
        "tokens": [*train, "--data", str(tokens), "--out", str(folder / "from_tokens")],
    }
    if only == "make":
        return
    if only is not None:
        megabytes, seconds = peak_of(parts[only])
        print(f"{only}: at most {megabytes:.0f} MB, {seconds:.0f} s")
        return
    for name in parts:
        again = ["--count", str(count), "--steps", str(steps), "--only", name]
        subprocess.run([sys.executable, __file__, str(folder), *again], check=True)


if __name__ == "__main__":
    main()
