"""What a private key leaves behind where somebody writes it down, and where that stands."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

if TYPE_CHECKING:
    from labkit import certificates

__all__ = ["traces", "where"]


def secret_numbers(key: certificates.SigningKey) -> list[int]:
    """Return the numbers that nobody else may know."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return [key.private_numbers().private_value]
    numbers = key.private_numbers()
    return [numbers.d, numbers.p, numbers.q]


def traces(key: certificates.SigningKey) -> list[bytes]:
    """Return what a private key leaves behind: its numbers, in bytes, digits and base64."""
    found = []
    for number in secret_numbers(key):
        raw = number.to_bytes(-(-number.bit_length() // 8))
        found += [raw, raw.hex().encode(), raw.hex().upper().encode(), str(number).encode()]
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        der = key.private_bytes(Encoding.DER, form, NoEncryption())
        text = base64.b64encode(der)
        # PEM breaks its lines after 64 characters, and so does a header.
        found += [text, *(text[start : start + 64] for start in _secret_lines(key, text))]
    return found


def _secret_lines(key: certificates.SigningKey, text: bytes) -> range:
    """Return where the PEM lines begin that hold something secret.

    An RSA key begins with its public modulus, which its certificate holds too.
    """
    return (
        range(512, len(text) - 64, 64) if isinstance(key, rsa.RSAPrivateKey) else range(0, 128, 64)
    )


def where(needles: list[bytes], texts: dict[str, bytes]) -> set[str]:
    """Return the names of the texts in which any needle stands."""
    return {name for name, text in texts.items() if any(needle in text for needle in needles)}
