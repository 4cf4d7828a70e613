"""How the firmware reads the PEM literals of its keys header.

As in the firmware, there are two readers: a tolerant converter for the client certificate, and
mbedTLS, which requires a line end after the BEGIN line, for private key and JITR certificate.

Source: mbedTLS 2.16, `mbedtls_pem_read_buffer`, `mbedtls_base64_decode`, `mbedtls_pk_parse_key`;
Amazon FreeRTOS 202203.00, `convert_pem_to_der`, `xProvisionDevice`, and `aws_mbedtls_config.h`.
"""

from __future__ import annotations

import base64
import re
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

CKR_OK: Final = 0x0
CKR_ARGUMENTS_BAD: Final = 0x7
CKR_ATTRIBUTE_VALUE_INVALID: Final = 0x13

_RSA_BITS = 2048
_PRIVATE_KEY_LABELS = tuple(f"{kind}PRIVATE {'KEY'}" for kind in ("RSA ", "EC ", ""))

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class PemError(ValueError):
    """A literal that the firmware cannot read.

    Attributes:
        status: the PKCS #11 return value of the firmware.
        complaints: the events that the firmware prints, as in `releases`.
    """

    def __init__(self, status: int, *complaints: str) -> None:
        super().__init__(f"status {status}")
        self.status = status
        self.complaints = complaints


def der_of_certificate_pem(text: str) -> bytes:
    r"""Return the bytes between the first BEGIN and END lines; their labels are not checked.

    Line ends are not needed: a literal without ``\n`` works. A PUBLIC KEY block and a damaged
    certificate are accepted here; only the TLS library parses the bytes.

    Raises:
        PemError: 19 if the text does not begin with a dash, 7 if it is not PEM.
    """
    if not text.startswith("-"):
        raise PemError(CKR_ATTRIBUTE_VALUE_INVALID)
    block = re.search(r"-----BEGIN[^-]*-+\r?\n?", text)
    end = text.find("-----END")
    if block is None or end <= block.end():
        raise PemError(CKR_ARGUMENTS_BAD)
    return _base64_decode(text[block.end() : end])


def certificates_of_pem(text: str) -> list[bytes]:
    """Return the DER certificates of a PEM text as mbedTLS reads it for a TLS session.

    Raises:
        PemError: it contains no certificate, or one that cannot be read.
    """
    ders = [_block(part, "CERTIFICATE") for part in re.split(r"(?=-----BEGIN)", text)[1:]]
    if not ders or not all(map(is_certificate, ders)):
        raise PemError(CKR_ARGUMENTS_BAD)
    return ders


def is_certificate(der: bytes) -> bool:
    """Return whether the TLS library can read these bytes as a certificate.

    The firmware's configuration of mbedTLS supports RSA, and P-256 as the only elliptic curve.
    """
    try:
        key = x509.load_der_x509_certificate(der).public_key()
    except (ValueError, UnsupportedAlgorithm):
        return False
    return isinstance(key, rsa.RSAPublicKey) or _is_on_p256(key)


def private_key_of_pem(text: str) -> PrivateKey:
    """Return the private key of a PEM text as Option 1 imports it.

    Raises:
        PemError: 7 if mbedTLS cannot read it, for example P-384; 19 for an RSA key of more than
            2,048 bits.
    """
    unreadable = PemError(CKR_ARGUMENTS_BAD, "key unreadable")
    label = next((it for it in _PRIVATE_KEY_LABELS if f"-----BEGIN {it}-----" in text), None)
    if label is None:
        raise unreadable
    try:
        key = serialization.load_der_private_key(_block(text, label), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The error's message may quote the key, so it is dropped.
        raise unreadable from None
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size > _RSA_BITS:
            raise PemError(CKR_ATTRIBUTE_VALUE_INVALID, "rsa key too long", "rsa crt too long")
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and _is_on_p256(key):
        return key
    raise unreadable


def _is_on_p256(key: object) -> bool:
    ec_key = ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey
    return isinstance(key, ec_key) and isinstance(key.curve, ec.SECP256R1)


def _block(text: str, label: str) -> bytes:
    """Return the bytes of a PEM block as `mbedtls_pem_read_buffer` reads it."""
    begin = re.search(rf"-----BEGIN {label}----- ?\r?\n", text)
    end = text.find(f"-----END {label}-----")
    if begin is None or end < begin.end():
        raise PemError(CKR_ARGUMENTS_BAD, "key unreadable")
    return _base64_decode(text[begin.end() : end])


def _base64_decode(text: str) -> bytes:
    """Decode like mbedTLS: blanks only before line ends; an incomplete last group is dropped."""
    packed = re.sub(r" *\r?\n", "", text).rstrip(" ")
    if not re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", packed):
        raise PemError(CKR_ARGUMENTS_BAD, "key unreadable")
    return base64.b64decode(packed[: len(packed) // 4 * 4])
