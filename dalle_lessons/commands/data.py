"""`shards` and `tokenize`: data larger than memory."""

from __future__ import annotations

import os
from pathlib import Path

import click

from .options import device_option


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--per-shard", type=click.IntRange(min=1), default=1000, show_default=True, help="Pictures in a shard.")
@click.option("--size", type=click.IntRange(min=1), help="Make pictures so many pixels square [default: as they are].")
def shards(folder, out, per_shard, size) -> None:
    """Write a FOLDER of pictures with captions as tar files into OUT, for `train --data OUT`.

    Cut off, the same command goes on.
    """
    from ..datasets.shard_folder import write_folder

    written = write_folder(folder, out, per_shard, size, progress=True)
    click.echo(f"{written}: {out.absolute()}")


@click.command()
@click.argument("data")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--dvae", required=True, help="Which dVAE makes the tokens: bundled, a folder, or hub:owner/name.")
@click.option("--size", type=click.IntRange(min=1), default=64, show_default=True, help="Pixels a side of a picture.")
@click.option("--per-shard", type=click.IntRange(min=1), default=10_000, show_default=True, help="Pictures in a shard.")
@device_option
def tokenize(data, out, dvae, size, per_shard, device) -> None:
    """Write the image tokens of DATA (shards, a folder, or a bundled world) into OUT, for `train dalle --data OUT`.

    Cut off, the same command goes on. Under torchrun each process makes its part of the shards.
    """
    from ..model.devices import pick_device
    from ..model.dvae import DVAE
    from ..training.distributed import device_here
    from ..training.token_shards import tokenize_data

    place = pick_device(device_here(device))
    rank, ranks = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    model = DVAE.from_pretrained(dvae).to(place)
    written = tokenize_data(data, out, model, size, per_shard, rank, ranks, progress=True)
    click.echo(f"{written}: {out.absolute()}")
