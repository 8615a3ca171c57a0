"""Saying that a picture was made by a model: Content Credentials (C2PA 2.1) in the file, and a mark that eyes can see.

The credentials are signed with a *lesson certificate*: made on this machine, in memory, named so, and vouched for by
nobody. Whoever verifies learns whether the file was changed since it was signed, and not who signed it.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from PIL import Image

SIGNER = "DALL·E lessons: lesson certificate, proves no identity"
FACTS = "org.dalle-lessons.drawing"  # our own assertion: caption, seed, index, hash of the weights
SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
SETTINGS = {
    "verify": {"ocsp_fetch": False, "remote_manifest_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
}
WATERMARK = ((0, 114, 178), (230, 159, 0), (0, 158, 115), (213, 94, 0))  # Okabe and Ito's colors, left to right


@dataclass(frozen=True)
class Verdict:
    """state: "signed" (unchanged since it was signed), "changed" (since), or "unsigned". facts: what was signed."""

    state: str
    sentence: str
    facts: dict = field(default_factory=dict)


@cache
def _certificate() -> tuple[str, str]:
    """(certificate chain, private key) in PEM: an authority of our own and a certificate signed by it, for ES256."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    now = datetime.now(UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [
        x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, name[:64]),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "DALL·E lessons"),
            ]
        )
        for name in ("DALL·E lessons: authority of this machine", SIGNER)
    ]
    chain = []
    for n, is_authority in enumerate((True, False)):
        use = {"digital_signature": not is_authority, "key_cert_sign": is_authority, "crl_sign": is_authority}
        others = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
        builder = (
            x509.CertificateBuilder()
            .subject_name(names[n])
            .issuer_name(names[0])
            .public_key(keys[n].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=3650))
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
            .add_extension(
                x509.KeyUsage(**use, **dict.fromkeys((*others, "encipher_only", "decipher_only"), False)), critical=True
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(keys[n].public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), critical=False)
        )
        if not is_authority:
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
        chain.append(builder.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode())
    key = keys[1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return "".join(reversed(chain)), key.decode()


@cache
def _context():
    from c2pa import Context, Settings

    return Context(Settings.from_dict(SETTINGS))


def sign(png: bytes, facts: dict) -> bytes:
    """A PNG file's bytes -> the same picture with Content Credentials: made by a trained algorithm, and `facts`.

    facts: names with texts or numbers (caption, seed, index, hash of the weights). The pixels stay as they are.
    """
    from c2pa import Builder, C2paSignerInfo, Signer

    chain, key = _certificate()
    manifest = {
        "claim_generator_info": [{"name": "dalle-lessons"}],
        "title": str(facts.get("caption", "drawing")),
        "format": "image/png",
        "assertions": [
            {
                "label": "c2pa.actions.v2",
                "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": SOURCE}]},
            },
            {"label": FACTS, "data": facts},
        ],
    }
    signer = Signer.from_info(C2paSignerInfo("es256", chain.encode(), key.encode(), None))
    signed = io.BytesIO()
    Builder(json.dumps(manifest), _context()).sign(signer, "image/png", io.BytesIO(png), signed)
    return signed.getvalue()


def verify(path: str | Path) -> Verdict:
    """What a picture file says of its origin, checked on this machine alone.

    Raises FileNotFoundError or ValueError with one sentence if it cannot be read as a picture.
    """
    from c2pa import C2paError, Reader

    from ..datasets.images import open_image

    path = Path(path)
    open_image(path)  # says kindly what is wrong with a file that is no picture
    with Image.open(path) as image:
        kind = Image.MIME.get(image.format, "")
    try:
        with Reader(kind, io.BytesIO(path.read_bytes()), context=_context()) as reader:
            report = json.loads(reader.json())
    except C2paError.ManifestNotFound:
        return Verdict("unsigned", f"{path} carries no Content Credentials: nothing is said about where it comes from.")
    except C2paError.NotSupported:
        return Verdict("unsigned", f"{path} is of a kind that carries no Content Credentials.")
    except C2paError as error:  # the credentials themselves are damaged
        return Verdict(
            "changed", f"{path} carries Content Credentials that are damaged ({' '.join(str(error).split())})."
        )
    active = report["manifests"][report["active_manifest"]]
    facts = next((a["data"] for a in active["assertions"] if a["label"].startswith(FACTS)), {})
    failed = [problem["code"] for problem in report.get("validation_status", [])]
    failed = [code for code in failed if code != "signingCredential.untrusted"]  # nobody vouches for a lesson's
    if failed:
        return Verdict("changed", f"{path} was changed after it was signed ({', '.join(sorted(set(failed)))}).", facts)
    signer = active.get("signature_info", {}).get("common_name", "somebody unnamed")
    return Verdict("signed", f"{path} is as it was signed, by “{signer}”, for whom nobody vouches.", facts)


def add_watermark(image: Image.Image) -> Image.Image:
    """The picture with four small colored squares in its lower right corner: made by a model, for eyes."""
    marked = image.convert("RGB")
    side = watermark_side(marked)
    for n, color in enumerate(WATERMARK):
        left = marked.width - (len(WATERMARK) - n) * side
        marked.paste(color, (left, marked.height - side, left + side, marked.height))
    return marked


def watermark_side(image: Image.Image) -> int:
    """Pixels of one of the mark's squares: a sixteenth of the shorter side, 2 to 8."""
    return min(8, max(2, min(image.size) // 16))


def has_watermark(image: Image.Image, tolerance: int = 60) -> bool:
    """Does the lower right corner show the mark? Each square's mean color may be off by `tolerance` of 255."""
    image = image.convert("RGB")
    side = watermark_side(image)
    for n, color in enumerate(WATERMARK):
        left = image.width - (len(WATERMARK) - n) * side
        square = image.crop((left, image.height - side, left + side, image.height)).resize((1, 1), Image.Resampling.BOX)
        if max(abs(a - b) for a, b in zip(square.getpixel((0, 0)), color, strict=True)) > tolerance:
            return False
    return True
