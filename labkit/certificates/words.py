"""A certificate's fields explained, its validity at a time, and two certificates compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from labkit.certificates.description import Description


@dataclass(frozen=True, slots=True)
class ExplainedField:
    """A field of a certificate and its meaning.

    Attributes:
        name: such as "issuer", or the name of an extension.
        value: the field's value, printable.
        meaning: one sentence.
    """

    name: str
    value: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Validity:
    """Whether a certificate is valid at a time.

    Attributes:
        word: "not yet valid", "valid" or "expired".
        days: whole days until the validity begins, until it ends, or since it ended.
    """

    word: str
    days: int

    def __str__(self) -> str:
        """Return the word and the days, such as "valid, 499 days left"."""
        days = "1 day" if self.days == 1 else f"{self.days} days"
        return {
            "not yet valid": f"not yet valid, begins in {days}",
            "valid": f"valid, {days} left",
            "expired": f"expired {days} ago",
        }[self.word]


@dataclass(frozen=True, slots=True)
class Difference:
    """A field of two certificates, side by side.

    Attributes:
        name: the field's name.
        values: the values in the first and the second; empty if the field is missing.
        meaning: one sentence.
    """

    name: str
    values: tuple[str, str]
    meaning: str

    @property
    def word(self) -> str:
        """Return "same", "differs", "only in the first" or "only in the second"."""
        first, second = self.values
        if first == second:
            return "same"
        if first and second:
            return "differs"
        return "only in the first" if first else "only in the second"


def validity(certificate: Description, now: datetime) -> Validity:
    """Return whether a certificate is valid at a time, and for how long.

    Start and end are included. Source: RFC 5280, section 4.1.2.5.
    """
    if now < certificate.not_before:
        return Validity("not yet valid", (certificate.not_before - now).days)
    if now > certificate.not_after:
        return Validity("expired", (now - certificate.not_after).days)
    return Validity("valid", (certificate.not_after - now).days)


_MEANINGS = {
    "subject": "The name of the key's owner.",
    "issuer": "The name of the certificate authority that signed it.",
    "serial number": "The authority's number for it, different for each certificate.",
    "valid from": "Before this time it must not be accepted.",
    "valid until": "After this time it must not be accepted.",
    "public key": "The device proves in the TLS handshake that it has this key's private key.",
    "signature": "The signature algorithm; if any bit changes, the signature does not verify.",
    "version": "Version 3 has extensions; version 1 cannot state a purpose.",
    "certificate id": "SHA-256 of all its bytes: AWS IoT identifies the certificate by it.",
}
_EXTENSIONS = {
    "basicConstraints": "Whether its key may sign certificates; CA:TRUE is for an authority.",
    "keyUsage": "The operations that its key may be used for.",
    "extendedKeyUsage": "Its purpose in TLS; clientAuth is a device that connects.",
    "subjectKeyIdentifier": "A short identifier of its key; it proves nothing.",
    "authorityKeyIdentifier": "A short identifier of the key that signed it; it proves nothing.",
}
_UNKNOWN = "An extension that this manual does not explain."


def explained(certificate: Description) -> tuple[ExplainedField, ...]:
    """Return every field of a certificate with its meaning, in the certificate's order."""
    basic = {
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "serial number": certificate.serial_number,
        "valid from": f"{certificate.not_before:%Y-%m-%d %H:%M:%S} UTC",
        "valid until": f"{certificate.not_after:%Y-%m-%d %H:%M:%S} UTC",
        "public key": f"{certificate.key_algorithm}, SHA-256 {certificate.key_short} …",
        "signature": certificate.signature_algorithm,
        "version": str(certificate.version),
    }
    fields = [
        ExplainedField(name, printable(text), _MEANINGS[name]) for name, text in basic.items()
    ]
    for each in certificate.extensions:
        value = f"{each.text or 'present'}{' (critical)' if each.critical else ''}"
        meaning = _EXTENSIONS.get(each.name, _UNKNOWN)
        fields.append(ExplainedField(each.name, printable(value), meaning))
    last = ExplainedField("certificate id", certificate.certificate_id, _MEANINGS["certificate id"])
    return (*fields, last)


def differences(first: Description, second: Description) -> tuple[Difference, ...]:
    """Compare two certificates field by field, in the order of the first."""
    one, other = (_by_name(each) for each in (first, second))
    names = [*one, *(name for name in other if name not in one)]
    return tuple(
        Difference(
            name,
            (one[name].value if name in one else "", other[name].value if name in other else ""),
            (one.get(name) or other[name]).meaning,
        )
        for name in names
    )


def _by_name(certificate: Description) -> dict[str, ExplainedField]:
    return {field.name: field for field in explained(certificate)}


def printable(text: str) -> str:
    r"""Return a text with unprintable characters as escapes, such as `\x1b` or `\u202e`."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
