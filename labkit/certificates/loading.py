"""Certificates, requests and private keys, from PEM or DER and back to PEM.

Whatever is wrong with an input, the message says what was found instead. Nothing of the input's
content gets into a message.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from labkit.certificates.der import DerError, children
from labkit.certificates.der import read as read_der
from labkit.certificates.subjects import names_as_they_are
from labkit.errors import CertificateError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SigningKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
"""A key that a lab's CA or CSR signer may have; `Issuer` says of which size and curve."""

_Loaded = TypeVar("_Loaded", x509.Certificate, x509.CertificateSigningRequest)

_LABEL = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_CERTIFICATE = ("CERTIFICATE", "X509 CERTIFICATE")
_REQUEST = ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")
_PRIVATE = ("PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY")
_DER_SEQUENCE = b"\x30"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)

_KIND_OF_LABEL = {
    **dict.fromkeys(_CERTIFICATE, "certificate"),
    **dict.fromkeys(_REQUEST, "certificate request"),
    **dict.fromkeys(_PRIVATE, "private key"),
}
_DER_LOADERS: Mapping[str, Callable[[bytes], object]] = {
    "a certificate": x509.load_der_x509_certificate,
    "a certificate request": x509.load_der_x509_csr,
    "a public key": serialization.load_der_public_key,
    "a private key": lambda der: serialization.load_der_private_key(der, None),
}
_ADVICE = {
    "a certificate": "Give the certificate's own file, such as deviceCert.pem or rootCA.pem.",
    "a certificate request": "Give the request's own file, such as deviceCert.csr, "
    "made by: openssl req -new -key tempCsrSigner.key -out deviceCert.csr.",
    "a private key": "Give the private key's own file in PEM, such as rootCA.key.",
}


def load_certificate(source: str | bytes) -> x509.Certificate:
    """Read the one certificate in a PEM text or DER bytes.

    Text round the PEM block, as `openssl x509 -text` writes it, is left alone; so is a block of EC
    parameters.

    Args:
        source: the content of a file such as `deviceCert.pem`.

    Raises:
        CertificateError: something else stands there, or more than one certificate.
    """
    octets = _as_bytes(source)
    der = _der_of(octets, _CERTIFICATE, "a certificate")
    return _parse(octets, der, x509.load_der_x509_certificate, "a certificate")


def load_request(source: str | bytes) -> x509.CertificateSigningRequest:
    """Read the one certificate signing request (CSR) in a PEM text or DER bytes.

    Its signature is checked when a certificate is issued, not here.

    Args:
        source: the content of a file such as `deviceCert.csr`.

    Raises:
        CertificateError: something else stands there, or more than one request.
    """
    octets = _as_bytes(source)
    der = _der_of(octets, _REQUEST, "a certificate request")
    return _parse(octets, der, x509.load_der_x509_csr, "a certificate request")


def load_private_key(source: str | bytes, passphrase: str | bytes | None = None) -> SigningKey:
    """Read the one private key in a PEM text: PKCS #8, or openssl's older RSA and EC forms.

    Args:
        source: the content of a file such as `rootCA.key`.
        passphrase: what it is encrypted with; None for a key that is not encrypted.

    Raises:
        CertificateError: something else stands there, the passphrase is missing, wrong or not
            needed, or the key is neither RSA nor EC.
    """
    octets = _as_bytes(source)
    block = _pem_block(octets, _PRIVATE, "a private key")
    if block is None:
        raise _unexpected("a private key", octets)
    password = passphrase.encode() if isinstance(passphrase, str) else passphrase
    encrypted = b"ENCRYPTED" in block
    if encrypted and not password:
        raise CertificateError("The private key is encrypted: give its passphrase.")
    if password and not encrypted:
        raise CertificateError(
            "A passphrase was given, but the private key is not encrypted: "
            "leave the passphrase out, or check that this is the right file."
        )
    try:
        key = serialization.load_pem_private_key(block, password or None)
    except _UNREADABLE:
        # No cause is kept: whatever it says was made from the key's bytes.
        raise CertificateError(_why_no_key(encrypted=encrypted)) from None
    if isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        return key
    raise CertificateError(
        f"Expected an RSA or EC private key, came one of another kind ({type(key).__name__}). "
        "Make the key again: openssl ecparam -name prime256v1 -genkey, or openssl genrsa 2048."
    )


def to_pem(document: x509.Certificate | x509.CertificateSigningRequest) -> str:
    """Return a certificate or a request as PEM text, ending in a newline."""
    return document.public_bytes(serialization.Encoding.PEM).decode("ascii")


def private_key_to_pem(key: SigningKey, passphrase: str | bytes | None = None) -> bytes:
    """Return a private key as PKCS #8 PEM, the form that `openssl genrsa` writes since 3.0.

    Args:
        key: the key.
        passphrase: what to encrypt it with; None leaves it in the clear.

    Raises:
        CertificateError: the passphrase is empty or longer than 1,023 bytes.
    """
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    try:
        if passphrase is not None:
            password = passphrase.encode() if isinstance(passphrase, str) else passphrase
            encryption = serialization.BestAvailableEncryption(password)
        return key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        )
    except ValueError:
        raise CertificateError(
            "Expected a passphrase of 1 to 1,023 bytes; choose another, or none."
        ) from None


def _why_no_key(*, encrypted: bool) -> str:
    if encrypted:
        return "The passphrase does not open the private key, or the file is damaged."
    return (
        "Expected a private key in PEM, and the block that says it is one cannot be read. "
        "The file is damaged; copy it again from where it was made."
    )


def _as_bytes(source: str | bytes) -> bytes:
    return source.encode() if isinstance(source, str) else bytes(source)


def _der_of(octets: bytes, labels: tuple[str, ...], expected: str) -> bytes:
    """Return the DER inside the one PEM block with such a label, or the bytes if they are DER."""
    block = _pem_block(octets, labels, expected)
    if block is None:
        if octets.startswith(_DER_SEQUENCE):
            return octets
        raise _unexpected(expected, octets)
    body = b"".join(block.split(b"-----")[2].split())
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise _damaged(expected) from error


def _pem_block(octets: bytes, labels: tuple[str, ...], expected: str) -> bytes | None:
    """Return the one PEM block with one of the labels, or None if there is none."""
    starts = [match for match in _LABEL.finditer(octets) if match[1].decode() in labels]
    if not starts:
        return None
    if len(starts) > 1:
        raise _unexpected(expected, octets)
    last_line = b"-----END " + starts[0][1] + b"-----"
    end = octets.find(last_line, starts[0].end())
    if end < 0:
        raise CertificateError(
            f"Expected {expected}: the PEM block begins, and its last line "
            f'"{last_line.decode()}" is missing. The copy was cut off; copy it again.'
        )
    return octets[starts[0].start() : end + len(last_line)]


def _parse(octets: bytes, der: bytes, loader: Callable[[bytes], _Loaded], expected: str) -> _Loaded:
    try:
        with names_as_they_are():
            document = loader(der)
            _read_fields(document)
        _refuse_unused_bits(der)
    except _UNREADABLE as error:
        found = _found_in_der(der)
        if found in {None, f"{expected} in DER"} or der is not octets:
            raise _damaged(expected) from error
        raise _unexpected(expected, octets) from None
    return document


def _read_fields(document: x509.Certificate | x509.CertificateSigningRequest) -> None:
    """Read the fields now: `cryptography` reads each when it is asked for, and raises then."""
    document.public_key()
    _ = document.subject, document.extensions
    if isinstance(document, x509.Certificate):
        _ = document.issuer, document.not_valid_before_utc, document.not_valid_after_utc


def _refuse_unused_bits(octets: bytes) -> None:
    """Refuse a signature of which not all bits count, which every verifier ignores.

    The same certificate would have a second encoding, and with it a second certificate id.
    """
    *_, signature = children(read_der(octets))
    if signature.content[:1] != b"\0":
        raise DerError("the signature's bit string does not end on a whole byte")


def _damaged(expected: str) -> CertificateError:
    return CertificateError(
        f"Expected {expected}, and what the block or file holds cannot be read as one. "
        "It is damaged; copy it again from where it was made."
    )


def _unexpected(expected: str, octets: bytes) -> CertificateError:
    return CertificateError(f"Expected {expected}, found {_found(octets)}. {_ADVICE[expected]}")


def _found(octets: bytes) -> str:
    """Say what kind of thing the bytes are, without any of their content."""
    labels = [match[1].decode() for match in _LABEL.finditer(octets)]
    if labels:
        return _found_in_pem(labels)
    if not octets.strip():
        return "nothing: the file is empty"
    if octets.startswith(_UTF16_MARKS):
        return "UTF-16 text, as Windows PowerShell writes it; save it as ASCII or UTF-8"
    return _found_in_der(octets) or f"{len(octets)} bytes that are neither PEM nor DER"


def _found_in_pem(labels: list[str]) -> str:
    kinds = Counter(_KIND_OF_LABEL.get(label, f"{label} block") for label in labels)
    return " and ".join(
        f"{count} {kind}s" if count > 1 else f"{_article(kind)} {kind}"
        for kind, count in kinds.items()
    )


def _article(noun: str) -> str:
    return "an" if noun[0] in "AEFHILMNORSX" or noun[0] in "aeio" else "a"


def _found_in_der(der: bytes) -> str | None:
    for kind, loader in _DER_LOADERS.items():
        with suppress(*_UNREADABLE), names_as_they_are():
            loader(der)
            return f"{kind} in DER"
    return None
