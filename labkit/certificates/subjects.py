"""Subject names: read in the forms of RFC 4514 and openssl, written as RFC 4514."""

from __future__ import annotations

import re
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import NameOID

from labkit.errors import CertificateError

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMON_NAME_MAX = 64
"""ub-common-name: RFC 5280, appendix A.1."""

_TYPES = {
    "CN": NameOID.COMMON_NAME,
    "C": NameOID.COUNTRY_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "L": NameOID.LOCALITY_NAME,
    "STREET": NameOID.STREET_ADDRESS,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "DC": NameOID.DOMAIN_COMPONENT,
    "UID": NameOID.USER_ID,
    "SN": NameOID.SURNAME,
    "GN": NameOID.GIVEN_NAME,
    "initials": NameOID.INITIALS,
    "generationQualifier": NameOID.GENERATION_QUALIFIER,
    "pseudonym": NameOID.PSEUDONYM,
    "title": NameOID.TITLE,
    "serialNumber": NameOID.SERIAL_NUMBER,
    "dnQualifier": NameOID.DN_QUALIFIER,
    "emailAddress": NameOID.EMAIL_ADDRESS,
    "commonName": NameOID.COMMON_NAME,
}
_BY_LOWER_NAME = {name.lower(): oid for name, oid in _TYPES.items()}
_NAMES = {oid: name for name, oid in reversed(_TYPES.items())}
"""The first name of each attribute, which is its short one."""

_AWS_NAMES = {
    NameOID.DN_QUALIFIER: "DistinguishedNameQualifier",
    NameOID.COUNTRY_NAME: "Country",
    NameOID.ORGANIZATION_NAME: "Organization",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OrganizationalUnit",
    NameOID.STATE_OR_PROVINCE_NAME: "State",
    NameOID.COMMON_NAME: "CommonName",
    NameOID.SERIAL_NUMBER: "SerialNumber",
    NameOID.TITLE: "Title",
    NameOID.SURNAME: "Surname",
    NameOID.GIVEN_NAME: "GivenName",
    NameOID.INITIALS: "Initials",
    NameOID.PSEUDONYM: "Pseudonym",
    NameOID.GENERATION_QUALIFIER: "GenerationQualifier",
}

_RFC_4514_UNITS = re.compile(r"\\[0-9a-fA-F]{2}|\\.|.", re.DOTALL)
_OPENSSL_UNITS = re.compile(r"\\.|.", re.DOTALL)
"""A character, or an escape with all its characters."""

_EXAMPLES = 'Write it as "CN=my-thing,O=My Lab" or, as for openssl, "/O=My Lab/CN=my-thing".'


def parse_subject(text: str) -> x509.Name:
    r"""Parse a subject name.

    Two forms are accepted: RFC 4514, most specific attribute first, and that of openssl's `-subj`,
    which starts with a slash and has the reverse order. These two texts give the same name::

        CN=my-thing,O=My Lab
        /O=My Lab/CN=my-thing

    A backslash escapes the next character (`O=Lab\, Ltd`); in the first form two hexadecimal
    digits after it are a byte of UTF-8 (`O=Caf\C3\A9`). `+` joins the attributes of a multi-valued
    part. Blanks around a part are ignored. Attribute names are case-insensitive.

    Args:
        text: the subject.

    Returns:
        The name, with the most general attribute first, as a certificate has it.

    Raises:
        CertificateError: a part is not `name=value`, the attribute is unknown, or its value is not
            allowed (a country has two letters, a common name at most 64).

    Source: RFC 4514, sections 2 and 3; openssl-req(1), `-subj`.
    """
    slashes = text.startswith("/")
    units = (_OPENSSL_UNITS if slashes else _RFC_4514_UNITS).findall(text, int(slashes))
    try:
        parts = [
            x509.RelativeDistinguishedName(_attribute(each) for each in _split(part, "+"))
            for part in _split(units, "/" if slashes else ",")
        ]
    except UnicodeEncodeError as error:
        raise CertificateError(
            f"Subject {text!a}: a character has no UTF-8 form. Remove it."
        ) from error
    except ValueError as error:  # bytes that are not UTF-8 are a ValueError, too
        raise CertificateError(f'Subject "{text}": {error}. {_EXAMPLES}') from error
    return x509.Name(parts if slashes else parts[::-1])


@contextmanager
def ignore_name_warnings() -> Iterator[None]:
    """Read names in certificates and requests without a warning on standard error.

    `cryptography` warns about violations of RFC 5280, such as a length or a serial number. The
    rules refuse those that matter.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def subject_text(name: x509.Name) -> str:
    """Return a name as RFC 4514 writes it, most specific part first: `CN=my-thing,O=My Lab`.

    Attributes without a name in the RFC have names too, so that `parse_subject` can read them.
    """
    return name.rfc4514_string(_NAMES)


def common_name(name: x509.Name) -> str:
    """Return the one common name in a subject.

    Raises:
        CertificateError: the number of common names is not one, or it is empty, longer than 64
            characters, or has unprintable characters.
    """
    values = [str(item.value) for item in name.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if len(values) != 1:
        got = f"{len(values)} of them" if values else f'the subject "{subject_text(name)}"'
        raise CertificateError(
            f"Common name: expected one, got {got}. "
            "AWS lists certificates by their common name. Make the request again with one CN: "
            "-subj /CN=<thing name>."
        )
    value = values[0]
    if not value.strip():
        raise CertificateError(
            "Common name: expected 1 to 64 characters, got none. "
            "Make the request again with -subj /CN=<thing name>."
        )
    if len(value) > COMMON_NAME_MAX:
        raise CertificateError(
            f"Common name: expected at most {COMMON_NAME_MAX} characters (RFC 5280), got "
            f"{len(value)}. Make the request again with a shorter name."
        )
    if not value.isprintable():
        raise CertificateError(
            f"Common name: expected printable characters, got {value!r}. "
            "Make the request again with letters, digits and punctuation."
        )
    return value


def policy_variables(certificate: x509.Certificate) -> dict[str, str]:
    """Return the AWS IoT policy variables of a certificate.

    An attribute with several values has a variable for each, with an index such as
    `iot:Certificate.Subject.Organization.1`; the variable without an index is the first value.

    Returns:
        `iot:Certificate.Subject.…` and `iot:Certificate.Issuer.…` by name.

    Source: AWS IoT Core developer guide, X.509 certificate policy variables. The alternative-name
    variables and the serial number are not given.
    """
    variables: dict[str, str] = {}
    for side, name in (("Subject", certificate.subject), ("Issuer", certificate.issuer)):
        for oid, aws_name in _AWS_NAMES.items():
            values = [str(item.value) for item in name.get_attributes_for_oid(oid)]
            variable = f"iot:Certificate.{side}.{aws_name}"
            if values:
                variables[variable] = values[0]
            variables |= {f"{variable}.{index}": value for index, value in enumerate(values)}
    return variables


def _split(units: list[str], separator: str) -> Iterator[list[str]]:
    """Yield the units between separators; an escaped separator is not one."""
    piece: list[str] = []
    for unit in units:
        if unit == separator:
            yield piece
            piece = []
        else:
            piece.append(unit)
    yield piece


def _attribute(units: list[str]) -> x509.NameAttribute[str]:
    """Return one `name=value`.

    Raises:
        ValueError: it is malformed, the attribute is unknown, or the value is not allowed.
    """
    if "=" not in units:
        raise ValueError(f'expected name=value, got "{"".join(units).strip()}"')
    at = units.index("=")
    name = "".join(units[:at]).strip()
    oid = _BY_LOWER_NAME.get(name.lower())
    if oid is None:
        raise ValueError(f'"{name}" is not a known attribute; use one of {", ".join(_TYPES)}')
    try:
        return x509.NameAttribute(oid, _value(units[at + 1 :]))
    except UnicodeDecodeError:
        raise ValueError(
            f"{name}: the escaped bytes are not UTF-8; write the letters without escapes"
        ) from None
    except UnicodeEncodeError:
        raise
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _value(units: list[str]) -> str:
    """Return a value without escapes, and without unescaped blanks around it."""
    first, last = 0, len(units)
    while first < last and units[first] == " ":
        first += 1
    while first < last and units[last - 1] == " ":
        last -= 1
    return b"".join(map(_octets, units[first:last])).decode()


def _octets(unit: str) -> bytes:
    if unit == "\\":
        raise ValueError("nothing follows the last backslash")
    if not unit.startswith("\\"):
        return unit.encode()
    escaped = unit[1:]
    return escaped.encode() if len(escaped) == 1 else bytes.fromhex(escaped)
