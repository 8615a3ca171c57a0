"""The *lesson certificate* that drawings are signed with: made on this machine, in memory, and named so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

SIGNER = "DALL·E lessons: lesson certificate, proves no identity"
AUTHORITY = "DALL·E lessons: authority of this machine"


@cache
def lesson_certificate() -> tuple[str, str]:
    """(certificate chain, private key) in PEM, valid for ten years. One for each run of the program."""
    now = datetime.now(UTC)
    return make_certificate(now - timedelta(days=1), now + timedelta(days=3650))


def make_certificate(begin: datetime, end: datetime) -> tuple[str, str]:
    """(certificate chain, private key) in PEM: an authority of our own and a certificate signed by it, for ES256, both
    valid from `begin` to `end` (with a time zone; whole seconds count)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [
        x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, name[:64]),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "DALL·E lessons"),
            ]
        )
        for name in (AUTHORITY, SIGNER)
    ]
    chain = []
    for n, is_authority in enumerate((True, False)):
        usage = x509.KeyUsage(
            digital_signature=not is_authority,
            key_cert_sign=is_authority,
            crl_sign=is_authority,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        builder = (
            x509.CertificateBuilder()
            .subject_name(names[n])
            .issuer_name(names[0])
            .public_key(keys[n].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
            .add_extension(usage, critical=True)
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
