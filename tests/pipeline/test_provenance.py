"""Signing and the mark: what is signed verifies, any change is seen, and each way of removing it does what it says."""

import io
import json
import struct
import zlib

import numpy as np
import pytest
from c2pa import Reader
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dalle_lessons.cli import main
from dalle_lessons.pipeline.image_files import save_png
from dalle_lessons.pipeline.provenance import SOURCE, add_watermark, has_watermark, sign, verify

FACTS = {"caption": "a sketch of a cät 🐱", "seed": 7, "index": "3, 1", "weights_sha256": "ab" * 32}


def picture(seed: int = 0, side: int = 24) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8))


@pytest.fixture
def signed(tmp_path):
    return save_png(picture(), tmp_path / "signed.png", {"Software": "dalle-lessons"}, FACTS)


def chunks(png: bytes):
    """(kind, data) of each chunk of a PNG file."""
    at = 8
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        yield kind, png[at + 8 : at + 8 + length]
        at += 12 + length


def join(parts) -> bytes:
    out = b"\x89PNG\r\n\x1a\n"
    for kind, data in parts:
        out += struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", zlib.crc32(kind + data))
    return out


def change_pixel(png: bytes, x: int, y: int, by: int) -> bytes:
    """The same file, credentials and all, with one color value changed and everything else valid."""
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).copy()
    pixels[y, x, 0] = (int(pixels[y, x, 0]) + by) % 256
    raw = zlib.compress(b"".join(b"\0" + line.tobytes() for line in pixels))
    kept = [part for part in chunks(png) if part[0] not in (b"IDAT", b"IEND")]
    return join([*kept, (b"IDAT", raw), (b"IEND", b"")])


def test_a_signed_picture_verifies_and_keeps_its_pixels(signed):
    verdict = verify(signed)
    assert verdict.state == "signed" and verdict.facts == FACTS and "nobody vouches" in verdict.sentence
    assert np.array_equal(np.asarray(Image.open(signed)), np.asarray(picture()))
    assert Image.open(signed).text["Software"] == "dalle-lessons"


def test_another_reader_agrees(signed):
    """c2pa's own reader, without our settings or our code."""
    report = json.loads(Reader(signed).json())
    manifest = report["manifests"][report["active_manifest"]]
    assert report["validation_state"] == "Valid"
    actions = next(a for a in manifest["assertions"] if a["label"].startswith("c2pa.actions"))
    assert actions["data"]["actions"][0]["digitalSourceType"] == SOURCE
    assert "lesson certificate" in manifest["signature_info"]["common_name"]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 23), st.integers(0, 23), st.integers(1, 255))
def test_any_changed_pixel_is_seen(tmp_path_factory, x, y, by):
    path = tmp_path_factory.mktemp("changed") / "changed.png"
    file = io.BytesIO()
    picture().save(file, "PNG")
    path.write_bytes(change_pixel(sign(file.getvalue(), FACTS), x, y, by))
    assert np.asarray(Image.open(path))[y, x, 0] != np.asarray(picture())[y, x, 0]
    verdict = verify(path)
    assert verdict.state == "changed" and "after it was signed" in verdict.sentence


def test_a_false_claim_is_seen(signed, tmp_path):
    """Other words inside the credentials: the signature does not cover them any more."""
    lie = signed.read_bytes().replace("a sketch of a cät".encode(), "a sketch of a dög".encode())
    parts = list(chunks(lie))
    (tmp_path / "lie.png").write_bytes(join(parts))
    assert verify(tmp_path / "lie.png").state == "changed"


def test_what_is_stripped_or_saved_again_is_unsigned(signed, tmp_path):
    Image.open(signed).save(tmp_path / "again.png")
    Image.open(signed).save(tmp_path / "again.jpg")
    (tmp_path / "stripped.png").write_bytes(join(part for part in chunks(signed.read_bytes()) if part[0] != b"caBX"))
    picture().save(tmp_path / "plain.bmp")
    for name in ("again.png", "again.jpg", "stripped.png", "plain.bmp"):
        assert verify(tmp_path / name).state == "unsigned", name


def test_credentials_cut_in_half_are_no_crash(signed, tmp_path):
    parts = [(k, d[: len(d) // 2] if k == b"caBX" else d) for k, d in chunks(signed.read_bytes())]
    (tmp_path / "half.png").write_bytes(join(parts))
    assert verify(tmp_path / "half.png").state == "changed"


@pytest.mark.parametrize("size", [(64, 64), (96, 70), (608, 608), (400, 208)])
def test_the_mark_is_seen_and_survives_saving_as_jpeg(size):
    image = Image.new("RGB", size, (200, 200, 200))
    assert not has_watermark(image)
    marked = add_watermark(image)
    file = io.BytesIO()
    marked.save(file, "JPEG", quality=75)
    assert (
        has_watermark(marked)
        and has_watermark(Image.open(file))
        and not has_watermark(marked.crop((0, 0, size[0], size[1] - 9)))
    )
    assert image.getpixel((size[0] - 1, size[1] - 1)) == (200, 200, 200)  # the original is left alone


def test_the_command(signed, tmp_path):
    picture().save(tmp_path / "plain.png")
    (tmp_path / "text.png").write_text("hello")
    run = CliRunner()
    good = run.invoke(main, ["verify", str(signed)])
    assert good.exit_code == 0 and "a sketch of a cät 🐱" in good.output
    files = [str(signed), *(str(tmp_path / name) for name in ("plain.png", "text.png", "missing.png"))]
    mixed = run.invoke(main, ["verify", *files, "--json"])
    assert mixed.exit_code == 1 and len(mixed.stderr.splitlines()) == 2 and "Traceback" not in mixed.output
    states = [json.loads(line)["state"] for line in mixed.stdout.splitlines()]
    assert states == ["signed", "unsigned"]
