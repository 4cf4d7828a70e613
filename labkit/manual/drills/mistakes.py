"""Typical mistakes: certificates that labkit refuses to issue, and damaged literals.

`labkit.certificates` issues nothing that a device or AWS IoT would refuse. A drill needs exactly
that, so only this module leaves the rules out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from labkit import certificates

if TYPE_CHECKING:
    from datetime import datetime

    from labkit.certificates import SigningKey
    from labkit.certificates.rules import CertifiedKey


def certify(
    public_key: CertifiedKey,
    subject: x509.Name,
    ca: x509.Certificate,
    ca_key: SigningKey,
    *,
    valid: tuple[datetime, datetime],
    serial_number: int,
) -> str:
    """Return a certificate, PEM, for any key and any validity.

    Args:
        public_key: the key in it.
        subject: its subject.
        ca: the CA that signs it.
        ca_key: the CA's private key.
        valid: the begin and the end of its validity.
        serial_number: its serial number.
    """
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(ca.subject)
        .public_key(public_key)
        .serial_number(serial_number)
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    deterministic = True if isinstance(ca_key, ec.EllipticCurvePrivateKey) else None
    certificate = builder.sign(ca_key, hashes.SHA256(), ecdsa_deterministic=deterministic)
    return certificates.to_pem(certificate)


def damaged(pem: str, choice: int) -> str:
    """Return PEM without one of the lines between BEGIN and END, so that it is invalid.

    Args:
        pem: a certificate, for example.
        choice: chooses the line.
    """
    lines = pem.splitlines(keepends=True)
    del lines[1 + choice % (len(lines) - 2)]
    return "".join(lines)


def literal(text: str, *, line_ends: bool = True) -> str:
    r"""Return text as a C string literal with one string for each line.

    Args:
        text: PEM, for example.
        line_ends: whether each string ends in ``\n``, as the firmware needs it.
    """
    end = r"\n" if line_ends else ""
    return " \\\n".join(f'"{line}{end}"' for line in text.splitlines())


def unsupported_key(choice: int) -> str:
    """Return a private key, PEM, that the firmware cannot import: EC P-384 or RSA-3072."""
    if choice % 2:
        return certificates.private_key_to_pem(
            rsa.generate_private_key(public_exponent=65537, key_size=3072)
        ).decode()
    return certificates.private_key_to_pem(ec.generate_private_key(ec.SECP384R1())).decode()
