"""A PNG file, taken apart and put together again: for lesson 15, which attacks a signed one."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Iterator

from PIL import Image

HEAD = b"\x89PNG\r\n\x1a\n"


def chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, data) of each part: pixels in IDAT, Content Credentials in caBX, and so on."""
    at = len(HEAD)
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        yield kind, png[at + 8 : at + 8 + length]
        at += 12 + length


def joined(parts: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The way back: parts -> a PNG file, with new checksums."""
    file = HEAD
    for kind, data in parts:
        file += struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", zlib.crc32(kind + data))
    return file


def opened(file: bytes) -> Image.Image:
    return Image.open(io.BytesIO(file)).convert("RGB")


def saved(image: Image.Image, kind: str = "PNG") -> bytes:
    """The pixels alone, as a screenshot has them."""
    image.save(out := io.BytesIO(), kind)
    return out.getvalue()


def one_pixel(png: bytes) -> bytes:
    """The same credentials, with one pixel changed."""
    image = opened(png)
    image.putpixel((0, 0), (255, 0, 0))
    *others, end = [part for part in chunks(png) if part[0] != b"IDAT"]
    return joined([*others, *(part for part in chunks(saved(image)) if part[0] == b"IDAT"), end])


def rewritten(png: bytes, old: bytes, new: bytes) -> bytes:
    """The same pixels and signature, with other words in the credentials."""
    return joined((kind, data.replace(old, new)) for kind, data in chunks(png))


def stripped(png: bytes) -> bytes:
    """The same pixels without the credentials."""
    return joined(part for part in chunks(png) if part[0] != b"caBX")
