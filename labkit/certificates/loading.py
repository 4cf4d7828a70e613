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
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

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
_EXPLICIT_CURVE = bytes.fromhex("06072a8648ce3d0101")
"""The object identifier prime-field (X9.62), which only explicit curve parameters contain."""

_PKCS12_VERSION = bytes.fromhex("020103")
_PKCS12 = "PKCS #12 file"
_PKCS7_LABELS = ("PKCS7", "CMS")
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
    "PKCS #7 bundle": pkcs7.load_der_pkcs7_certificates,
}


def load_certificate(source: str | bytes) -> x509.Certificate:
    """Load the one certificate in a PEM text, DER or PKCS #7 bytes.

    Text around the PEM block, as `openssl x509 -text` writes it, and blocks of other types are
    skipped. `pem.plain` lists the texts that may contain the block.

    Args:
        source: the content of a file such as `deviceCert.pem`.

    Raises:
        CertificateError: the source does not have exactly one certificate, or it is damaged.
    """
    certificates = _pkcs7_certificates(source)
    if certificates is None:
        return _load(source, x509.load_der_x509_certificate, "certificate")
    if len(certificates) != 1:
        raise CertificateError(
            f"Expected a certificate, found {len(certificates)} certificates in a PKCS #7 bundle. "
            "Write them one by one: openssl pkcs7 -print_certs -in FILE -out certificates.pem."
        )
    return certificates[0]


def load_certificates(source: str | bytes) -> list[x509.Certificate]:
    """Load every certificate in a source, in order; at least one.

    Raises:
        CertificateError: as `load_certificate`.
    """
    found = [
        block
        for block in pem.blocks(pem.plain(source))
        if block.is_whole and block.label in pem.LABELS["certificate"]
    ]
    if len(found) > 1:
        return [load_certificate(block.text) for block in found]
    return _pkcs7_certificates(source) or [load_certificate(source)]


def _pkcs7_certificates(source: str | bytes) -> list[x509.Certificate] | None:
    """Return the certificates in a PKCS #7 bundle; None if the source is not one."""
    der = _as_bytes(source)
    found = pem.blocks(pem.plain(source))
    if found:
        if len(found) != 1 or found[0].label not in _PKCS7_LABELS:
            return None
        der = found[0].der(_error)
    elif not der.startswith(_DER_SEQUENCE):
        return None
    with suppress(*_UNREADABLE):
        return pkcs7.load_der_pkcs7_certificates(der)
    return None


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
    """Load the one private key in a file: PEM, DER or PKCS #12.

    PEM and DER may be PKCS #8, or openssl's older RSA and EC formats.

    Args:
        source: the content of a file such as `rootCA.key`.
        passphrase: the key's passphrase; None if it is not encrypted.

    Raises:
        CertificateError: the source does not have exactly one private key; the passphrase is
            missing, wrong or not needed; or the key is neither RSA nor EC.
    """
    octets = _as_bytes(source)
    password = passphrase.encode() if isinstance(passphrase, str) else passphrase
    block = None
    if pem.blocks(pem.plain(source)):
        block = pem.one(source, "private key", _error)
    elif _kind_of_der(octets) not in ("private key", _PKCS12):
        raise _unexpected("private key", octets)
    encrypted = needs_passphrase(source)
    if encrypted and not password:
        what = "private key" if block else _PKCS12
        raise CertificateError(f"The {what} is encrypted: give its passphrase.")
    if password and not encrypted:
        raise CertificateError(
            "A passphrase was given, but the private key is not encrypted: "
            "leave the passphrase out, or check that this is the right file."
        )
    try:
        key = _private_key(block, octets, password or None)
    except _UNREADABLE:
        # The cause is dropped, because its message may quote the key.
        raise CertificateError(_why_no_key(encrypted=encrypted)) from None
    if isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        return key
    raise CertificateError(
        f"Expected an RSA or EC private key, got a key of another type ({type(key).__name__}). "
        "Make the key again: openssl ecparam -name prime256v1 -genkey, or openssl genrsa 2048."
    )


def needs_passphrase(source: str | bytes) -> bool:
    """Return whether the private key in a file is encrypted."""
    found = pem.blocks(pem.plain(source))
    octets = _as_bytes(source)
    return any(block.is_encrypted for block in found) or (
        not found and _kind_of_der(octets) == _PKCS12 and not _opens(octets)
    )


def _opens(octets: bytes) -> bool:
    with suppress(*_UNREADABLE):
        pkcs12.load_key_and_certificates(octets, None)
        return True
    return False


def _private_key(block: pem.Block | None, octets: bytes, password: bytes | None) -> object:
    """Read a private key, by the bytes and not by the label, which may name another format."""
    if block and block.is_encrypted:
        return serialization.load_pem_private_key(block.text.encode(), password)
    if block is None and _kind_of_der(octets) == _PKCS12:
        return pkcs12.load_key_and_certificates(octets, password)[0]
    return serialization.load_der_private_key(block.der(_error) if block else octets, None)


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
    if pem.blocks(pem.plain(source)):
        der = pem.one(source, kind, _error).der(_error)
    elif not octets.startswith(_DER_SEQUENCE):
        raise _unexpected(kind, octets)
    try:
        with ignore_name_warnings():
            document = loader(der)
            _read_fields(document)
        _refuse_unused_bits(der)
        _refuse_explicit_curve(der)
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


def _refuse_explicit_curve(der: bytes) -> None:
    if _EXPLICIT_CURVE in der:
        raise CertificateError(
            "Expected a key on a named curve, got one with explicit curve parameters, which "
            "RFC 5480 (section 2.1.1) forbids and OpenSSL rejects. Make a new key and certificate: "
            "openssl ecparam -name prime256v1 -param_enc named_curve -genkey."
        )


def _error(text: str) -> CertificateError:
    return CertificateError(f"{text[0].upper()}{text[1:]}")


def _unexpected(kind: str, octets: bytes) -> CertificateError:
    return CertificateError(f"Expected a {kind}, found {_found(octets)}. {pem.ADVICE[kind]}")


def _found(octets: bytes) -> str:
    """Return what bytes without a PEM block are, without any of their content."""
    if not octets.strip():
        return "nothing: the file is empty"
    kind = _kind_of_der(octets)
    if kind == _PKCS12:
        return (
            "a PKCS #12 file (.p12 or .pfx). Take the certificate out: "
            "openssl pkcs12 -in FILE -clcerts -nokeys -out certificate.pem"
        )
    return f"a {kind} in DER" if kind else f"{len(octets)} bytes that are neither PEM nor DER"


def _kind_of_der(der: bytes) -> str | None:
    if _is_pkcs12(der):
        return _PKCS12
    for kind, loader in _DER_LOADERS.items():
        with suppress(*_UNREADABLE), ignore_name_warnings():
            loader(der)
            return kind
    return None


def _is_pkcs12(der: bytes) -> bool:
    with suppress(DerError):
        first = next(children(read_der(der)), None)
        return first is not None and first.encoded == _PKCS12_VERSION
    return der.startswith(b"\x30\x80" + _PKCS12_VERSION)
