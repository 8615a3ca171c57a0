"""Shards in miniature."""

import io
import json

import pytest
from PIL import Image

from dalle_lessons.datasets.shards import write_shard


def picture_bytes(color, size=(8, 8), kind="PNG"):
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, kind)
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
