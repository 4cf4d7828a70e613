"""A certificate's fields as text, for a page and for the command line."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import SignatureAlgorithmOID

from labkit.certificates.rules import key_algorithm, spki
from labkit.certificates.subjects import ignore_name_warnings, subject_text
from labkit.keys import PublicKey, short_fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class ExtensionText:
    """One extension as text.

    Attributes:
        name: its name as in RFC 5280, or its object identifier.
        text: its content; the size and the fingerprint if it has no text form.
        critical: whether software that does not know it must refuse the certificate.
    """

    name: str
    text: str
    critical: bool


@dataclass(frozen=True, slots=True, repr=False)
class Description:
    """A certificate's fields; its repr has one line for each.

    Attributes:
        version: 1 or 3.
        subject: the owner's name, in the form of RFC 4514.
        issuer: the name of the CA that signed it.
        serial_number: in hexadecimal.
        not_before: start of validity, UTC.
        not_after: end of validity, UTC.
        key_algorithm: such as "EC P-256" or "RSA-2048".
        key_short: the first 16 digits of the SHA-256 of the key's DER SubjectPublicKeyInfo, in
            groups, as on a label.
        signature_algorithm: such as "ecdsa-with-SHA256".
        extensions: in the certificate's order.
        certificate_id: SHA-256 of the certificate's DER: AWS IoT's certificateId.
    """

    version: int
    subject: str
    issuer: str
    serial_number: str
    not_before: datetime
    not_after: datetime
    key_algorithm: str
    key_short: str
    signature_algorithm: str
    extensions: tuple[ExtensionText, ...]
    certificate_id: str

    def __repr__(self) -> str:
        """Return one line for each field, with the names in a column."""
        return "\n".join(f"{name:<15} {text}".rstrip() for name, text in self._lines())

    def _lines(self) -> Iterator[tuple[str, str]]:
        yield "subject", self.subject
        yield "issuer", f"{self.issuer}{' (itself)' if self.issuer == self.subject else ''}"
        yield "serial number", self.serial_number
        days = (self.not_after - self.not_before).days
        yield "valid", f"{_moment(self.not_before)} to {_moment(self.not_after)}, {days} days"
        yield "public key", f"{self.key_algorithm}, SHA-256 {self.key_short} …"
        yield "signature", self.signature_algorithm
        yield "version", str(self.version)
        for extension in self.extensions:
            critical = " (critical)" if extension.critical else ""
            yield "extension", f"{extension.name}: {extension.text}{critical}"
        yield "certificate id", self.certificate_id


def describe(certificate: x509.Certificate) -> Description:
    """Return a certificate's fields as text."""
    key = certificate.public_key()
    with ignore_name_warnings():
        subject, issuer = certificate.subject, certificate.issuer
    return Description(
        version=certificate.version.value + 1,
        subject=subject_text(subject),
        issuer=subject_text(issuer),
        serial_number=f"{certificate.serial_number:x}",
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        key_algorithm=key_algorithm(key),
        key_short=short_fingerprint(spki(key)),
        signature_algorithm=_signature_algorithm(certificate),
        extensions=tuple(_extension_text(item) for item in certificate.extensions),
        certificate_id=certificate_id(certificate),
    )


def certificate_id(certificate: x509.Certificate) -> str:
    """Return the id that AWS IoT gives a certificate: SHA-256 of its DER, 64 hexadecimal digits.

    Source: AWS IoT API reference, `RegisterCertificate`.
    """
    return hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


def public_key(document: x509.Certificate | x509.CertificateSigningRequest) -> PublicKey:
    """Return the key in a certificate or request.

    Raises:
        PublicKeyError: it is not an EC P-256 key.
    """
    return PublicKey.from_der(spki(document.public_key()))


_SIGNATURES = {
    SignatureAlgorithmOID.RSA_WITH_SHA256: "sha256WithRSAEncryption",
    SignatureAlgorithmOID.RSA_WITH_SHA384: "sha384WithRSAEncryption",
    SignatureAlgorithmOID.RSA_WITH_SHA512: "sha512WithRSAEncryption",
    SignatureAlgorithmOID.ECDSA_WITH_SHA256: "ecdsa-with-SHA256",
    SignatureAlgorithmOID.ECDSA_WITH_SHA384: "ecdsa-with-SHA384",
    SignatureAlgorithmOID.ECDSA_WITH_SHA512: "ecdsa-with-SHA512",
}


def _signature_algorithm(certificate: x509.Certificate) -> str:
    oid = certificate.signature_algorithm_oid
    return _SIGNATURES.get(oid, oid.dotted_string)


def _extension_text(extension: x509.Extension[x509.ExtensionType]) -> ExtensionText:
    value = extension.value
    name, text = extension.oid.dotted_string, ""
    match value:
        case x509.BasicConstraints():
            name, text = "basicConstraints", f"CA:{str(value.ca).upper()}"
            if value.path_length is not None:
                text += f", pathlen:{value.path_length}"
        case x509.KeyUsage():
            name, text = "keyUsage", ", ".join(_usages(value))
        case x509.ExtendedKeyUsage():
            name = "extendedKeyUsage"
            text = ", ".join(_PURPOSES.get(oid.dotted_string, oid.dotted_string) for oid in value)
        case x509.SubjectKeyIdentifier():
            name, text = "subjectKeyIdentifier", value.digest.hex()
        case x509.AuthorityKeyIdentifier():
            name, text = "authorityKeyIdentifier", (value.key_identifier or b"").hex()
            if value.authority_cert_issuer:
                text += f" with the issuer's name and serial number, {_content(value)}"
        case _:
            text = _content(value)
    return ExtensionText(name, text, extension.critical)


def _content(value: x509.ExtensionType) -> str:
    """Return size and fingerprint of an extension that has no text form."""
    der = value.public_bytes()
    return f"{len(der)} bytes, SHA-256 {short_fingerprint(der)} …"


_PURPOSES = {"1.3.6.1.5.5.7.3.1": "serverAuth", "1.3.6.1.5.5.7.3.2": "clientAuth"}

_USAGES = {
    "digital_signature": "digitalSignature",
    "content_commitment": "nonRepudiation",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
}


def _usages(usage: x509.KeyUsage) -> Iterator[str]:
    return (name for attribute, name in _USAGES.items() if getattr(usage, attribute))


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
