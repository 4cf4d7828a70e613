"""How the firmware reads the PEM literals of its keys header.

Three readers, each with its own tolerance, as in the firmware: the client certificate goes through
a lax converter, the private key and the JITR certificate through mbedTLS, which wants a line's end
after the BEGIN line.

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
        status: the PKCS #11 return value that the firmware makes of it.
        complaints: what the firmware says about it, as names in `releases`.
    """

    def __init__(self, status: int, *complaints: str) -> None:
        super().__init__(f"status {status}")
        self.status = status
        self.complaints = complaints


def der_of_certificate_pem(text: str) -> bytes:
    r"""Return the bytes between the first BEGIN and END lines, whatever these lines say.

    Line ends are not needed: a literal without ``\n`` works, and so, here, do a PUBLIC KEY block
    and a damaged certificate. Only the TLS library will look at the bytes.

    Raises:
        PemError: 19 for text that does not begin with a dash, 7 for text that is no PEM.
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
        PemError: a certificate in it cannot be read, or there is none.
    """
    ders = [_block(part, "CERTIFICATE") for part in re.split(r"(?=-----BEGIN)", text)[1:]]
    if not ders or not all(map(is_certificate, ders)):
        raise PemError(CKR_ARGUMENTS_BAD)
    return ders


def is_certificate(der: bytes) -> bool:
    """Say whether the TLS library can read these bytes as a certificate.

    The firmware's configuration of mbedTLS knows RSA, and of all elliptic curves P-256 only.
    """
    try:
        key = x509.load_der_x509_certificate(der).public_key()
    except (ValueError, UnsupportedAlgorithm):
        return False
    return isinstance(key, rsa.RSAPublicKey) or _is_on_p256(key)


def private_key_of_pem(text: str) -> PrivateKey:
    """Return the private key of a PEM text as Option 1 imports it.

    Raises:
        PemError: 7 for what mbedTLS cannot read, P-384 included; 19 for an RSA key that is longer
            than 2,048 bits.
    """
    unreadable = PemError(CKR_ARGUMENTS_BAD, "key unreadable")
    label = next((it for it in _PRIVATE_KEY_LABELS if f"-----BEGIN {it}-----" in text), None)
    if label is None:
        raise unreadable
    try:
        key = serialization.load_der_private_key(_block(text, label), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # What it says may quote the key: it goes no further.
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
    """Decode as mbedTLS: blanks before a line's end only, what is left of a group dropped."""
    packed = re.sub(r" *\r?\n", "", text).rstrip(" ")
    if not re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", packed):
        raise PemError(CKR_ARGUMENTS_BAD, "key unreadable")
    return base64.b64decode(packed[: len(packed) // 4 * 4])
