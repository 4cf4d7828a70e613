"""Load certificates, requests and private keys from PEM or DER, and write them as PEM.

Messages name what was found, and never quote the input.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from labkit import pem
from labkit.certificates.der import DerError, children
from labkit.certificates.der import read as read_der
from labkit.certificates.subjects import ignore_name_warnings
from labkit.errors import CertificateError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SigningKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
"""A private key of a CA or CSR signer; `Issuer` checks size and curve."""

_Loaded = TypeVar("_Loaded", x509.Certificate, x509.CertificateSigningRequest)

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

_DER_LOADERS: Mapping[str, Callable[[bytes], object]] = {
    "certificate": x509.load_der_x509_certificate,
    "certificate request": x509.load_der_x509_csr,
    "public key": serialization.load_der_public_key,
    "private key": lambda der: serialization.load_der_private_key(der, None),
}


def load_certificate(source: str | bytes) -> x509.Certificate:
    """Load the one certificate in a PEM text or DER bytes.

    Text around the PEM block, as `openssl x509 -text` writes it, and blocks of other types are
    skipped.

    Args:
        source: the content of a file such as `deviceCert.pem`.

    Raises:
        CertificateError: the source does not have exactly one certificate, or it is damaged.
    """
    return _load(source, x509.load_der_x509_certificate, "certificate")


def load_request(source: str | bytes) -> x509.CertificateSigningRequest:
    """Load the one certificate signing request (CSR) in a PEM text or DER bytes.

    Not checked: its signature, which `Issuer.issue` verifies.

    Args:
        source: the content of a file such as `deviceCert.csr`.

    Raises:
        CertificateError: the source does not have exactly one request, or it is damaged.
    """
    return _load(source, x509.load_der_x509_csr, "certificate request")


def load_private_key(source: str | bytes, passphrase: str | bytes | None = None) -> SigningKey:
    """Load the one private key in a PEM text: PKCS #8, or openssl's older RSA and EC formats.

    Args:
        source: the content of a file such as `rootCA.key`.
        passphrase: the key's passphrase; None if it is not encrypted.

    Raises:
        CertificateError: the source does not have exactly one private key; the passphrase is
            missing, wrong or not needed; or the key is neither RSA nor EC.
    """
    octets = _as_bytes(source)
    if not pem.blocks(octets):
        raise _unexpected("private key", octets)
    block = pem.one(octets, "private key", _error)
    password = passphrase.encode() if isinstance(passphrase, str) else passphrase
    encrypted = block.is_encrypted
    if encrypted and not password:
        raise CertificateError("The private key is encrypted: give its passphrase.")
    if password and not encrypted:
        raise CertificateError(
            "A passphrase was given, but the private key is not encrypted: "
            "leave the passphrase out, or check that this is the right file."
        )
    try:
        key = serialization.load_pem_private_key(block.text.encode(), password or None)
    except _UNREADABLE:
        # The cause is dropped, because its message may quote the key.
        raise CertificateError(_why_no_key(encrypted=encrypted)) from None
    if isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        return key
    raise CertificateError(
        f"Expected an RSA or EC private key, got a key of another type ({type(key).__name__}). "
        "Make the key again: openssl ecparam -name prime256v1 -genkey, or openssl genrsa 2048."
    )


def to_pem(document: x509.Certificate | x509.CertificateSigningRequest) -> str:
    """Return a certificate or a request as PEM text, ending in a newline."""
    return document.public_bytes(serialization.Encoding.PEM).decode("ascii")


def private_key_to_pem(key: SigningKey, passphrase: str | bytes | None = None) -> bytes:
    """Return a private key as PKCS #8 PEM, as `openssl genrsa` writes it since 3.0.

    Args:
        key: the key.
        passphrase: encrypts the key; None leaves it unencrypted.

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
            "Expected a passphrase of 1 to 1,023 bytes. Choose another passphrase, or none."
        ) from None


def _why_no_key(*, encrypted: bool) -> str:
    if encrypted:
        return (
            "The passphrase does not open the private key, or the file is damaged. "
            "Check the passphrase and try again."
        )
    return (
        "Expected a private key in PEM, and the content of the block cannot be read. "
        "The file is damaged: copy it again from where it was made."
    )


def _as_bytes(source: str | bytes) -> bytes:
    return source.encode() if isinstance(source, str) else bytes(source)


def _load(source: str | bytes, loader: Callable[[bytes], _Loaded], kind: str) -> _Loaded:
    """Read a document of a kind from PEM or DER."""
    der = octets = _as_bytes(source)
    if pem.blocks(octets):
        der = pem.one(octets, kind, _error).der(_error)
    elif not octets.startswith(_DER_SEQUENCE):
        raise _unexpected(kind, octets)
    try:
        with ignore_name_warnings():
            document = loader(der)
            _read_fields(document)
        _refuse_unused_bits(der)
    except _UNREADABLE as error:
        if der is octets and _kind_of_der(der) not in (None, kind):
            raise _unexpected(kind, octets) from None
        raise CertificateError(
            f"Expected a {kind}, and the content of the block or file cannot be read as one. "
            "It is damaged: copy it again from where it was made."
        ) from error
    return document


def _read_fields(document: x509.Certificate | x509.CertificateSigningRequest) -> None:
    """Read all fields now, because `cryptography` parses each field only on access."""
    document.public_key()
    _ = document.subject, document.extensions
    if isinstance(document, x509.Certificate):
        _ = document.issuer, document.not_valid_before_utc, document.not_valid_after_utc


def _refuse_unused_bits(octets: bytes) -> None:
    """Refuse a signature with unused bits, which every verifier ignores.

    The same certificate would have a second encoding, and so a second certificate id.
    """
    *_, signature = children(read_der(octets))
    if signature.content[:1] != b"\0":
        raise DerError("the signature's bit string does not end on a whole byte")


def _error(text: str) -> CertificateError:
    return CertificateError(f"{text[0].upper()}{text[1:]}")


def _unexpected(kind: str, octets: bytes) -> CertificateError:
    return CertificateError(f"Expected a {kind}, found {_found(octets)}. {pem.ADVICE[kind]}")


def _found(octets: bytes) -> str:
    """Return what bytes without a PEM block are, without any of their content."""
    if not octets.strip():
        return "nothing: the file is empty"
    if octets.startswith(_UTF16_MARKS):
        return "UTF-16 text, as Windows PowerShell writes it; save it as ASCII or UTF-8"
    kind = _kind_of_der(octets)
    return f"a {kind} in DER" if kind else f"{len(octets)} bytes that are neither PEM nor DER"


def _kind_of_der(der: bytes) -> str | None:
    for kind, loader in _DER_LOADERS.items():
        with suppress(*_UNREADABLE), ignore_name_warnings():
            loader(der)
            return kind
    return None
