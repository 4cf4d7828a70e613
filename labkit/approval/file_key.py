"""A CSR signer's key in a file, where there is no token: a copy of the file is a copy of the key.

The file is readable by its owner only and encrypted with the PIN. That is no match for hardware: a
thief of the file may try PINs as long as he likes, and no counter stops him.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import rsa

from labkit import certificates
from labkit.approval.token import wrong_pin
from labkit.errors import ApprovalError, CertificateError
from labkit.workspace import write

if TYPE_CHECKING:
    from pathlib import Path


def make_file_key(file: Path, pin: str) -> None:
    """Make an RSA-2048 key and write it, encrypted with the PIN, 0600."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    write(file, certificates.private_key_to_pem(key, pin), private=True)


def load_file_key(file: Path, pin: str) -> rsa.RSAPrivateKey:
    """Read the key.

    Raises:
        ApprovalError: the PIN is wrong, or the file holds something else.
    """
    try:
        key = certificates.load_private_key(file.read_bytes(), pin)
    except CertificateError:
        raise ApprovalError(wrong_pin()) from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ApprovalError(
            f"{file.name}: expected an RSA key, came another. Move the file away to make a new one."
        )
    return key
