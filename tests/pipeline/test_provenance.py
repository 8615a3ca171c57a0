"""Signing and the mark: what is signed verifies, any change is seen, and each way of removing it does what it says."""

import io
import json
import struct
import subprocess
import sys
import time
import zlib
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from c2pa import Reader
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dalle_lessons.cli import main
from dalle_lessons.pipeline import provenance
from dalle_lessons.pipeline.certificate import lesson_certificate, make_certificate
from dalle_lessons.pipeline.image_files import save_png
from dalle_lessons.pipeline.provenance import (
    FACTS as LABEL,
)
from dalle_lessons.pipeline.provenance import (
    SOURCE,
    UNTRUSTED,
    WATERMARK,
    UnsignedWarning,
    add_watermark,
    has_watermark,
    printable,
    read_report,
    sign,
    sign_manifest,
    verify,
)

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
    credentials = verify(signed)
    assert credentials.state == "signed" and credentials.facts == FACTS
    assert "self-signed certificate; the signer's identity is not verified" in credentials.sentence
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
    credentials = verify(path)
    assert credentials.state == "changed" and "after it was signed" in credentials.sentence


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
        credentials = verify(tmp_path / name)
        assert credentials.state == "unsigned", name
        assert name in credentials.sentence and "no Content Credentials" in credentials.sentence


def test_credentials_cut_in_half_are_no_crash(signed, tmp_path):
    parts = [(k, d[: len(d) // 2] if k == b"caBX" else d) for k, d in chunks(signed.read_bytes())]
    (tmp_path / "half.png").write_bytes(join(parts))
    credentials = verify(tmp_path / "half.png")
    assert credentials.state == "changed"
    assert "half.png" in credentials.sentence and "Credentials that are damaged (" in credentials.sentence


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


@pytest.mark.parametrize(("size", "side"), [((20, 30), 2), ((64, 64), 4), ((128, 400), 8), ((608, 608), 8)])
def test_each_square_of_the_mark_is_a_sixteenth_of_the_shorter_side_from_2_to_8_pixels(size, side):
    marked = add_watermark(Image.new("RGB", size, (200, 200, 200)))
    for color in WATERMARK:
        ours = (np.asarray(marked) == color).all(axis=2)
        assert ours.sum() == side**2 and ours.any(axis=0).sum() == ours.any(axis=1).sum() == side


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


# ---- credentials that say something else ----

PHOTO = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"


def manifest(*sources: str, generator: str = "Some Camera", facts: object = None) -> dict:
    """One that says that the picture was created so, once for each source."""
    actions = [{"action": "c2pa.created", "digitalSourceType": source} for source in sources]
    assertions = [{"label": "c2pa.actions.v2", "data": {"actions": actions}}] if actions else []
    if facts is not None:
        assertions.append({"label": LABEL, "data": facts})
    return {"claim_generator_info": [{"name": generator}], "assertions": assertions}


def write(path, manifest: dict, certificate=None):
    file = io.BytesIO()
    picture().save(file, "PNG")
    path.write_bytes(sign_manifest(file.getvalue(), manifest, certificate or lesson_certificate()))
    return path


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (manifest(SOURCE, generator="Another Model"), "signed"),
        (manifest(SOURCE, generator="dalle-lessons", facts={"caption": "a cat"}), "signed"),
        (manifest(SOURCE, generator="dalle-lessons"), "invalid"),  # ours always holds facts
        (manifest(PHOTO), "not_generated"),
        (manifest(PHOTO, generator="dalle-lessons", facts={"caption": "a cat"}), "not_generated"),
    ],
)
def test_signed_means_that_it_says_it_was_generated(said, state, tmp_path):
    path = write(tmp_path / "said.png", said)
    credentials = verify(path)
    assert credentials.state == state, credentials.sentence
    result = CliRunner().invoke(main, ["verify", str(path)])
    assert result.exit_code == (0 if state == "signed" else 1) and str(path) in result.output
    if state == "not_generated":
        assert "does not say that a model generated it" in credentials.sentence


def test_an_expired_certificate_is_no_change_and_no_signature(tmp_path):
    now = datetime.now(UTC)
    end = (now + timedelta(seconds=2)).replace(microsecond=0)
    path = write(tmp_path / "old.png", manifest(SOURCE), make_certificate(now - timedelta(days=9), end))
    time.sleep(max(0.0, (end - datetime.now(UTC)).total_seconds()) + 1.1)
    credentials = verify(path)
    assert credentials.state == "outdated" and "not valid at this time" in credentials.sentence
    assert "changed" not in credentials.sentence


def report(*codes: str, source: str = SOURCE, **more) -> dict:
    """As c2pa reports it, with these failures."""
    active = {"signature_info": {"common_name": "Somebody"}, **manifest(source), **more}
    return {
        "active_manifest": "a",
        "manifests": {"a": active},
        "validation_status": [{"code": code} for code in codes],
    }


@pytest.mark.parametrize(
    ("codes", "state"),
    [
        ([], "signed"),
        ([UNTRUSTED], "signed"),
        (["assertion.dataHash.mismatch"], "changed"),
        (["assertion.hashedURI.mismatch", "signingCredential.expired"], "changed"),
        (["claimSignature.mismatch"], "changed"),
        (["signingCredential.expired"], "outdated"),
        ([UNTRUSTED, "claimSignature.outsideValidity"], "outdated"),
        (["signingCredential.invalid"], "invalid"),
        (["signingCredential.revoked", UNTRUSTED], "invalid"),
        (["signingCredential.expired", "signingCredential.revoked"], "invalid"),
        (["algorithm.unsupported"], "invalid"),
        (["timeStamp.mismatch"], "invalid"),
        (["assertion.missing"], "invalid"),
    ],
)
def test_each_failure_is_called_what_it_is(codes, state):
    credentials = read_report(report(*codes), "a.png")
    assert credentials.state == state
    if state != "signed":
        assert all(code in credentials.sentence for code in codes if code != UNTRUSTED)
    assert ("after it was signed" in credentials.sentence) == (state == "changed")


def test_a_picture_that_was_created_in_two_ways_or_in_none_is_not_said_to_be_generated():
    for assertions in (
        [],
        [{"label": "c2pa.actions", "data": {"actions": [{"action": "c2pa.edited", "digitalSourceType": SOURCE}]}}],
        manifest(SOURCE, PHOTO)["assertions"],
        [{"label": "com.else.actions", "data": manifest(SOURCE)["assertions"][0]["data"]}],
    ):
        assert read_report(report(assertions=assertions), "a.png").state == "not_generated"
    both = [{"label": "c2pa.actions__1", "data": manifest(SOURCE)["assertions"][0]["data"]}]
    assert read_report(report(assertions=both), "a.png").state == "signed"


def test_the_identity_of_a_stranger_is_not_verified():
    sentence = read_report(report(), "a.png").sentence
    assert "“Somebody” (the signer's identity is not verified)" in sentence and "self-signed" not in sentence
    assert "somebody unnamed" in read_report(report(signature_info={}), "a.png").sentence


def test_facts_that_are_no_facts_are_none():
    wrong = {**report(), "manifests": {"a": {**manifest(SOURCE, facts=["a list"])}}}
    assert read_report(wrong, "a.png").facts == {}


STEERING = "\x1b[2J\x9b31m\u202egnp.exe\r\nsigned"


def test_a_strangers_text_cannot_steer_the_terminal(tmp_path):
    path = write(tmp_path / "stranger.png", manifest(SOURCE, facts={"caption": STEERING, STEERING: 1}))
    run = CliRunner()
    for words in (["verify", str(path)], ["verify", str(path), "--json"]):
        output = run.invoke(main, words).stdout
        assert output.count("\n") == 1 and not set(output) & set("\x1b\x9b\u202e\r"), repr(output)
    assert json.loads(output)["facts"] == {"caption": STEERING, STEERING: 1}  # JSON loses nothing
    sentence = read_report(report(STEERING, signature_info={"common_name": STEERING}), "a").sentence
    assert sentence.isprintable()


def test_a_strangers_name_cannot_forge_the_sentence(tmp_path):
    """The name of a certificate, of a file, of a fact: none ends our quotation and goes on in our voice."""
    forged = "OpenAI”, and it is genuine. “"
    sentence = read_report(report(signature_info={"common_name": forged}), "a.png").sentence
    assert "by “OpenAI', and it is genuine. '” (the signer's" in sentence
    path = write(tmp_path / "b.png is genuine, by “Reuters”. c.png", manifest(SOURCE, facts={"it. It is true": 1}))
    output = CliRunner().invoke(main, ["verify", str(path)]).stdout
    assert (
        output.startswith(f"“{tmp_path}/b.png is genuine, by 'Reuters'. c.png” says") and '"it. It is true" 1' in output
    )


def test_without_the_packages_that_sign_pictures_are_marked_and_said_to_be_unsigned(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "find_spec", lambda name: None)
    plain = Image.new("RGB", (64, 64), "white")
    with pytest.warns(UnsignedWarning, match="this is unsigned and carries the visible mark alone; to sign, type: "):
        path = save_png(plain, tmp_path / "a.png", facts=FACTS)
    assert has_watermark(Image.open(path))
    with pytest.raises(ImportError, match="Signing needs packages that are not installed: type: "):
        sign(path.read_bytes(), FACTS)
    result = CliRunner().invoke(main, ["verify", str(path)])
    assert result.exit_code == 1 and "Reading a signature needs packages" in result.output
    monkeypatch.undo()
    assert verify(path).state == "unsigned"


def test_the_core_does_without_the_packages_that_sign():
    """Nothing imports them before a picture is signed: they are large, and may be missing."""
    script = "import sys, dalle_lessons.pipeline.text_to_image, dalle_lessons.cli\n"
    script += "print({'c2pa', 'cryptography'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.stdout.strip() == "set()", result.stdout + result.stderr


def test_printable_text_keeps_what_can_be_read():
    family = "\N{MAN}\u200d\N{GIRL}"
    assert printable(f"a cät 🐱 {family}") == f"a cät 🐱 {family}"
    assert printable("a\tb\nc") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"
    assert printable("x" * 500) == "x" * 400 + "…"


def test_older_versions_of_c2pa_get_what_they_take(signed, monkeypatch):
    """Before 0.38 its constructor refused None as the address of a time stamp authority."""
    import c2pa

    original = c2pa.C2paSignerInfo

    def strict(algorithm, certificate, key, ta_url):
        if not isinstance(ta_url, (str, bytes)):
            raise TypeError(f"ta_url must be string or bytes, got {type(ta_url)}")
        return original(algorithm, certificate, key, ta_url)

    monkeypatch.setattr(c2pa, "C2paSignerInfo", strict)
    file = io.BytesIO()
    picture().save(file, "PNG")
    signed.write_bytes(sign(file.getvalue(), FACTS))
    assert verify(signed).state == "signed"


def test_numbers_in_facts_come_back_as_they_were(signed):
    facts = {"pictures": [{"seed": 2**40, "index": 1}, {"seed": 0, "index": 3}], "top_p": 0.5}
    file = io.BytesIO()
    picture().save(file, "PNG")
    signed.write_bytes(sign(file.getvalue(), facts))
    assert verify(signed).facts == facts
