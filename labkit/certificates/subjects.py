"""Subject names: the two ways people write them, and how they read on a page."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509
from cryptography.x509.oid import NameOID

from labkit.errors import CertificateError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["common_name", "names_as_they_are", "parse_subject", "policy_variables", "subject_text"]

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
"""The first name of each, which is its short one."""

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

_EXAMPLES = 'write it as "CN=my-thing,O=My Lab" or, as for openssl, "/O=My Lab/CN=my-thing"'


class _Piece(NamedTuple):
    """One `name=value` as written, escapes still in it, and what ended it."""

    text: str
    end: str


def parse_subject(text: str) -> x509.Name:
    r"""Return the subject that a text names.

    Two forms are read: RFC 4514, most specific first, and that of openssl's `-subj`, which starts
    with a slash and goes the other way round. Both of these give the same name::

        CN=my-thing,O=My Lab
        /O=My Lab/CN=my-thing

    A backslash takes the special meaning from the next character (`O=Lab\, Ltd`); in the first
    form two hexadecimal digits after it are a byte of UTF-8 (`O=Caf\C3\A9`). `+` joins the
    attributes of a multi-valued part. Blanks round a part are left out. Attribute names are read
    in any case.

    Args:
        text: the subject as written.

    Returns:
        The name, with the most general part first, as it stands in a certificate.

    Raises:
        CertificateError: a part is not `name=value`, its name is unknown, or its value cannot be
            one of that kind (a country has two letters, a common name at most 64).

    Source: RFC 4514, sections 2 and 3; openssl-req(1), `-subj`.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise CertificateError(f"subject {text!a}: cannot be written as UTF-8") from error
    slashes = text.startswith("/")
    separator = "/" if slashes else ","
    body = text[1:] if slashes else text
    parts = [_attributes(part, text, slashes=slashes) for part in _parts(body, separator)]
    return x509.Name(parts if slashes else parts[::-1])


@contextmanager
def names_as_they_are() -> Iterator[None]:
    """Read names in certificates and requests without a warning on standard error.

    `cryptography` warns about what RFC 5280 forbids, such as a length or a serial number; what
    matters here is refused in words, by the rules.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def subject_text(name: x509.Name) -> str:
    """Return a name as RFC 4514 writes it, most specific part first: `CN=my-thing,O=My Lab`.

    `parse_subject` reads it back, so attributes that the RFC leaves to their number have names.
    """
    return name.rfc4514_string(_NAMES)


def common_name(name: x509.Name) -> str:
    """Return the one common name in a subject.

    Raises:
        CertificateError: there is none, or several, or it is empty, longer than 64 characters, or
            holds characters that cannot be printed.
    """
    values = [str(item.value) for item in name.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if len(values) != 1:
        came = f"{len(values)} of them" if values else f'the subject "{subject_text(name)}"'
        raise CertificateError(
            f"common name: expected one, came {came}. "
            "AWS and the console list a certificate by it; make the request again with one CN: "
            "-subj /CN=<thing name>."
        )
    value = values[0]
    if not value.strip():
        raise CertificateError(
            "common name: expected 1 to 64 characters, came an empty one. "
            "Make the request again with -subj /CN=<thing name>."
        )
    if len(value) > COMMON_NAME_MAX:
        raise CertificateError(
            f"common name: expected at most {COMMON_NAME_MAX} characters (RFC 5280), came "
            f"{len(value)}. Make the request again with a shorter one."
        )
    if not value.isprintable():
        raise CertificateError(
            f"common name: expected printable characters, came {value!r}. "
            "Make the request again with a plain one."
        )
    return value


def policy_variables(certificate: x509.Certificate) -> dict[str, str]:
    """Return what a certificate gives to AWS IoT policy variables.

    The variable of an attribute with several values is the first of them; each has its own with
    an index, such as `iot:Certificate.Subject.Organization.1`.

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


def _parts(body: str, separator: str) -> Iterator[list[str]]:
    """Yield the parts of a subject, each a list of its `name=value` texts."""
    part: list[str] = []
    for piece in _pieces(body, separator):
        part.append(piece.text)
        if piece.end != "+":
            yield part
            part = []


def _pieces(body: str, separator: str) -> Iterator[_Piece]:
    start = position = 0
    while position < len(body):
        if body[position] == "\\":
            position += 2
            continue
        if body[position] in (separator, "+"):
            yield _Piece(body[start:position], body[position])
            start = position + 1
        position += 1
    yield _Piece(body[start:], "")


def _attributes(part: list[str], text: str, *, slashes: bool) -> x509.RelativeDistinguishedName:
    try:
        return x509.RelativeDistinguishedName(
            [_attribute(piece, text, slashes=slashes) for piece in part]
        )
    except ValueError as error:
        raise CertificateError(f'subject "{text}": {error}; {_EXAMPLES}') from error


def _attribute(piece: str, text: str, *, slashes: bool) -> x509.NameAttribute[str]:
    name, equals, written = piece.partition("=")
    if not equals:
        raise CertificateError(
            f'subject "{text}": expected name=value, came "{piece.strip()}"; {_EXAMPLES}'
        )
    oid = _BY_LOWER_NAME.get(name.strip().lower())
    if oid is None:
        raise CertificateError(
            f'subject "{text}": "{name.strip()}" is not a known attribute. '
            f"Use one of {', '.join(_TYPES)}."
        )
    try:
        return x509.NameAttribute(oid, _unescape(written, text, hex_pairs=not slashes))
    except ValueError as error:
        raise CertificateError(f'subject "{text}", {name.strip()}: {error}.') from error


def _unescape(written: str, text: str, *, hex_pairs: bool) -> str:
    """Return a value without its escapes and without the blanks that are not escaped."""
    written = written.lstrip(" ")
    octets = bytearray()
    kept = 0
    position = 0
    while position < len(written):
        character = written[position]
        if character != "\\":
            octets += character.encode()
            kept = kept if character == " " else len(octets)
            position += 1
            continue
        octet, position = _escaped(written, position + 1, text, hex_pairs=hex_pairs)
        octets += octet
        kept = len(octets)
    try:
        return octets[:kept].decode()
    except UnicodeDecodeError as error:
        raise CertificateError(
            f'subject "{text}": the escaped bytes are not UTF-8; write the letters as they are'
        ) from error


def _escaped(written: str, position: int, text: str, *, hex_pairs: bool) -> tuple[bytes, int]:
    """Return the bytes that an escape stands for and where the text goes on."""
    pair = written[position : position + 2]
    if hex_pairs and len(pair) == 2 and all(c in "0123456789abcdefABCDEF" for c in pair):  # noqa: PLR2004 a pair is two
        return bytes.fromhex(pair), position + 2
    if not pair:
        raise CertificateError(f'subject "{text}": nothing follows the last backslash')
    return pair[0].encode(), position + 1
