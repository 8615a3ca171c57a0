"""Shards in miniature."""

import io
import json
import os
import sys

import pytest
import torch
from PIL import Image

from dalle_lessons.datasets.shards import write_shard


def picture_bytes(color, size=(8, 8), kind="PNG"):
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, kind)
    return buffer.getvalue()


def noise(seed):
    """The bytes of a picture of noise, 80 by 80 pixels."""
    pixels = torch.randint(0, 256, (80, 80, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    buffer = io.BytesIO()
    Image.fromarray(pixels.numpy()).save(buffer, "PNG")
    return buffer.getvalue()


def sample(number, **files):
    """A picture whose red tells its number, and a caption that does; files: other files than these, None for none."""
    files = {"png": picture_bytes((number % 256, 0, 0)), "txt": f"number {number}".encode()} | files
    return {"__key__": f"{number:06d}", **{ending: data for ending, data in files.items() if data is not None}}


@pytest.fixture
def make_shards(tmp_path):
    """(sizes, changes) -> a folder of shards with so many samples each; changes: of samples, by their number."""

    def make(sizes, changes=None, name="shards"):
        folder, number = tmp_path / name, 0
        folder.mkdir()
        for i, size in enumerate(sizes):
            numbers = range(number, number + size)
            write_shard(folder / f"{i:05d}.tar", (sample(n, **(changes or {}).get(n, {})) for n in numbers))
            number += size
        return folder

    return make


def img2dataset_json(caption, **facts):
    """What img2dataset writes beside a picture."""
    known = {"caption": caption, "url": "https://example.org/a.jpg", "key": "000000000", "status": "success"}
    return json.dumps(known | facts).encode()


def resident():
    """Bytes of this process that are in memory."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


memory_is_told = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux tells what a process holds")
