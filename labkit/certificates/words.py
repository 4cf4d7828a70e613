"""A certificate's fields in plain words, how long it is valid still, and two of them compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from labkit.certificates.description import Description


@dataclass(frozen=True, slots=True)
class FieldInWords:
    """A field of a certificate, with what it means.

    Attributes:
        name: such as "issuer"; an extension's own name.
        value: what the certificate says, printable.
        meaning: one sentence.
    """

    name: str
    value: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Validity:
    """How a certificate stands to a moment.

    Attributes:
        word: "not yet valid", "valid" or "expired".
        days: whole days until it begins, until it ends, or since it ended.
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
        values: what the one and the other say; empty where it is not there.
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
    """Say whether a certificate is valid at a moment, and for how long.

    Both ends belong to it. Source: RFC 5280, section 4.1.2.5.
    """
    if now < certificate.not_before:
        return Validity("not yet valid", (certificate.not_before - now).days)
    if now > certificate.not_after:
        return Validity("expired", (now - certificate.not_after).days)
    return Validity("valid", (certificate.not_after - now).days)


_MEANINGS = {
    "subject": "Whose certificate it is: the name that the key belongs to.",
    "issuer": "Who vouches for it: the name of the authority that signed it.",
    "serial number": "The authority's own number for it; no other certificate of it has the same.",
    "valid from": "Before this moment nobody should accept it.",
    "valid until": "After this moment nobody should accept it.",
    "public key": "Whoever shows the certificate must prove to hold this key's private half.",
    "signature": "How the authority signed; one changed bit anywhere, and it does not verify.",
    "version": "Version 3 can carry extensions; version 1 cannot say what it is for.",
    "certificate id": "SHA-256 of all its bytes: AWS IoT calls the certificate by this number.",
}
_EXTENSIONS = {
    "basicConstraints": "Whether its key may sign certificates; CA:TRUE is for an authority.",
    "keyUsage": "What its key may be used for.",
    "extendedKeyUsage": "In which role it may be shown; clientAuth is a device that connects.",
    "subjectKeyIdentifier": "A short number of its own key, to find it by; it proves nothing.",
    "authorityKeyIdentifier": "The number of the key that signed it, to find it by; it proves "
    "nothing.",
}
_UNKNOWN = "An extension that this lab has no words for."


def in_words(certificate: Description) -> tuple[FieldInWords, ...]:
    """Return every field of a certificate with what it means, in the certificate's order."""
    plain = {
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "serial number": certificate.serial_number,
        "valid from": f"{certificate.not_before:%Y-%m-%d %H:%M:%S} UTC",
        "valid until": f"{certificate.not_after:%Y-%m-%d %H:%M:%S} UTC",
        "public key": f"{certificate.key_algorithm}, SHA-256 {certificate.key_short} …",
        "signature": certificate.signature_algorithm,
        "version": str(certificate.version),
    }
    fields = [FieldInWords(name, printable(text), _MEANINGS[name]) for name, text in plain.items()]
    for each in certificate.extensions:
        value = f"{each.text or 'present'}{' (critical)' if each.critical else ''}"
        meaning = _EXTENSIONS.get(each.name, _UNKNOWN)
        fields.append(FieldInWords(each.name, printable(value), meaning))
    last = FieldInWords("certificate id", certificate.certificate_id, _MEANINGS["certificate id"])
    return (*fields, last)


def differences(first: Description, second: Description) -> tuple[Difference, ...]:
    """Return two certificates field by field, those of the first in its order."""
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


def _by_name(certificate: Description) -> dict[str, FieldInWords]:
    return {field.name: field for field in in_words(certificate)}


def printable(text: str) -> str:
    r"""Return a text with whatever cannot be seen written out, as `\x1b` or `\u202e`."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
