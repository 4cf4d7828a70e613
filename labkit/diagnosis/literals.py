"""The PEM literals of the keys header, and certificate files, as the firmware reads them.

A tolerant converter reads the client certificate: it needs no line ends and accepts any label.
mbedTLS reads the private key and the just-in-time CA: it requires a line end after BEGIN.

Source: mbedTLS 2.16, `mbedtls_pem_read_buffer`; Amazon FreeRTOS 202203.00, `convert_pem_to_der`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from labkit import pem
from labkit.certificates import key_algorithm, load_certificate
from labkit.certificates.rules import spki
from labkit.errors import CertificateError, LabError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, LabError)

_LINE_END = re.compile(r" ?\r?\n")
_RSA_BITS = 2048


class What(StrEnum):
    """The content of a literal or file."""

    MISSING = "nothing"
    NO_PEM = "text that is not PEM"
    PUBLIC_KEY = "a PUBLIC KEY block"
    DAMAGED = "something that cannot be read"
    CERTIFICATE = "a certificate"
    PRIVATE_KEY = "a private key"
    UNSUPPORTED = "a key that the firmware cannot import"


@dataclass(frozen=True, slots=True, repr=False)
class Literal:
    """The content of a literal or file. Of a private key, only the public key is stored.

    Attributes:
        what: the type of the content.
        where: such as "keyCLIENT_CERTIFICATE_PEM" or "the certificate file".
        why: what is wrong with it, without quoting it; empty if it is intact.
        certificate: the certificate.
        spki: the public key, DER SubjectPublicKeyInfo, of the certificate or private key.
        has_line_end: whether a line end follows the BEGIN line, which mbedTLS requires.
    """

    what: What
    where: str
    why: str = ""
    certificate: x509.Certificate | None = None
    spki: bytes | None = None
    has_line_end: bool = True


def read_certificate(text: str | bytes | None, where: str, *, strict: bool = False) -> Literal:
    """Read a certificate.

    Args:
        text: a literal's value or a file's content, PEM or DER; None or blank for none.
        where: its name.
        strict: whether a line end must follow the BEGIN line, as mbedTLS requires for the
            just-in-time CA.
    """
    if not text or not text.strip():
        return Literal(What.MISSING, where)
    try:
        return _read_certificate(text, where, strict=strict)
    except _UNREADABLE:
        return Literal(What.DAMAGED, where, "its bytes are not a certificate's")


def _read_certificate(text: str | bytes, where: str, *, strict: bool) -> Literal:
    if isinstance(text, bytes) and text.startswith(b"\x30"):
        return _certificate(load_certificate(text), where)
    if isinstance(text, bytes):
        text = pem.plain(text)
    block = next(iter(pem.blocks(text)), None)
    if block is None:
        return Literal(What.NO_PEM, where, "it has no BEGIN line")
    if block.label == "PUBLIC KEY":
        return Literal(What.PUBLIC_KEY, where, "its BEGIN line says PUBLIC KEY")
    if "CERTIFICATE" not in block.label or "REQUEST" in block.label:
        return Literal(What.DAMAGED, where, f"its BEGIN line says {block.label}")
    if strict and not _LINE_END.match(block.body):
        return Literal(What.DAMAGED, where, "no \\n follows its BEGIN line")
    found = _certificate(load_certificate(_der(block)), where)
    return replace(found, has_line_end=_LINE_END.match(block.body) is not None)


def _certificate(certificate: x509.Certificate, where: str) -> Literal:
    key = spki(certificate.public_key())
    return Literal(What.CERTIFICATE, where, certificate=certificate, spki=key)


def read_private_key(text: str | None, where: str) -> Literal:
    """Read the private key of Option 1 as the firmware imports it.

    Args:
        text: the literal's value; None or blank for none.
        where: its name.

    Returns:
        The content, with the public key only.
    """
    if not text or not text.strip():
        return Literal(What.MISSING, where)
    block = next(iter(pem.blocks(text)), None)
    if block is None:
        return Literal(What.NO_PEM, where, "it has no BEGIN line")
    if block.label not in pem.LABELS["private key"] or block.is_encrypted:
        return Literal(What.DAMAGED, where, "its BEGIN line is not that of a plain private key")
    if not _LINE_END.match(block.body):
        return Literal(What.DAMAGED, where, "no \\n follows its BEGIN line")
    return _private_key(block, where)


def _private_key(block: pem.Block, where: str) -> Literal:
    try:
        public = serialization.load_der_private_key(_der(block), None).public_key()
    except _UNREADABLE:
        # The error's message may quote the key.
        return Literal(What.DAMAGED, where, "its bytes are not a private key's")
    if not _is_supported(public):
        return Literal(What.UNSUPPORTED, where, f"it is {key_algorithm(public)}")
    return Literal(What.PRIVATE_KEY, where, spki=spki(public))


def _is_supported(key: PublicKeyTypes) -> bool:
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size <= _RSA_BITS
    return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)


def _der(block: pem.Block) -> bytes:
    if not block.is_whole:
        raise CertificateError("The block has no END line. Copy it again.")
    return block.der(CertificateError)
