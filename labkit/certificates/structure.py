"""The ASN.1 structure of a public document in DER: a certificate, a request, a public key.

Only these three: anything else may hold a private key, which no output may show.

Source: X.690 (the encoding); RFC 5280, section 4.1 (certificates); RFC 2986, section 4 (requests).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from labkit.certificates.der import DerError, Element, children, read
from labkit.certificates.loading import PUBLIC_LOADERS
from labkit.errors import CertificateError
from labkit.keys import DER_BYTES, SPKI_HEADER, Annotation, Field, annotate

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONSTRUCTED = 0x20
_TAG_CLASS = 0xC0
_CONTEXT = 0x80
_NUMBER = 0x1F
_SHORT_INTEGER = 8
_OID_TAG, _BIT_STRING_TAG, _INTEGER_TAG, _BOOLEAN_TAG = 0x06, 0x03, 0x02, 0x01

_UNIVERSAL = {
    0x01: "BOOLEAN", 0x02: "INTEGER", 0x03: "BIT STRING", 0x04: "OCTET STRING", 0x05: "NULL",
    0x06: "OBJECT", 0x0A: "ENUMERATED", 0x0C: "UTF8String", 0x10: "SEQUENCE", 0x11: "SET",
    0x13: "PrintableString", 0x14: "T61String", 0x16: "IA5String", 0x17: "UTCTime",
    0x18: "GeneralizedTime", 0x1C: "UniversalString", 0x1E: "BMPString",
}  # fmt: skip
_TEXTS = {"UTF8String": "utf-8", "PrintableString": "ascii", "IA5String": "ascii"} | {
    "UTCTime": "ascii",
    "GeneralizedTime": "ascii",
}
_NAMES_OF_OIDS = {
    "1.2.840.10045.2.1": "id-ecPublicKey",
    "1.2.840.10045.3.1.7": "prime256v1 (P-256)",
    "1.2.840.10045.4.3.2": "ecdsa-with-SHA256",
    "1.2.840.10045.4.3.3": "ecdsa-with-SHA384",
    "1.2.840.113549.1.1.1": "rsaEncryption",
    "1.2.840.113549.1.1.11": "sha256WithRSAEncryption",
    "1.3.132.0.34": "secp384r1 (P-384)",
    "2.5.4.3": "commonName",
    "2.5.4.6": "countryName",
    "2.5.4.7": "localityName",
    "2.5.4.8": "stateOrProvinceName",
    "2.5.4.10": "organizationName",
    "2.5.4.11": "organizationalUnitName",
    "2.5.29.14": "subjectKeyIdentifier",
    "2.5.29.15": "keyUsage",
    "2.5.29.17": "subjectAltName",
    "2.5.29.19": "basicConstraints",
    "2.5.29.35": "authorityKeyIdentifier",
    "2.5.29.37": "extendedKeyUsage",
}

_ALIKE_LEAST = 20
"""Header bytes of 26 that make 91 bytes a damaged P-256 key and not something else."""


def annotate_document(der: bytes) -> Annotation:
    """Say which byte of a public key, a certificate or a request is what.

    Args:
        der: 91 bytes of a device's public key, also with digits changed, or the DER of another
            public key, a certificate or a request.

    Returns:
        The fields, covering each byte once. A device's key has the names of RFC 5480; others
        have ASN.1's, indented as deep as they stand. Bit and octet strings are not looked into.

    Raises:
        CertificateError: it is none of these, or damaged.
        PublicKeyError: it begins as a device's key does, and has not 91 bytes.
    """
    if der.startswith(SPKI_HEADER) or _is_nearly_a_key(der):
        return annotate(der)
    kind_of_document(der)
    try:
        return Annotation(_fields(read(der), 0, 0))
    except DerError as error:
        raise CertificateError(f"The bytes are not DER all through: {error}. {_GIVE}") from error


def kind_of_document(der: bytes) -> str:
    """Return what DER bytes are: "a certificate", "a certificate request" or "a public key".

    Raises:
        CertificateError: none of these; private keys are refused like everything else.
    """
    if der.startswith(SPKI_HEADER) or _is_nearly_a_key(der):
        return "a public key"
    for kind, load in PUBLIC_LOADERS.items():
        try:
            load(der)
        except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion):
            continue
        return kind
    raise CertificateError(
        "Expected the DER bytes of a public key, a certificate or a request, came "
        f"{len(der)} bytes that are none of these. {_GIVE}"
    )


_GIVE = (
    "Give a file such as DevicePublicKeyDer.bin; of a PEM file, what is between its lines, "
    "decoded. Private keys are never shown."
)


def _is_nearly_a_key(der: bytes) -> bool:
    alike = sum(a == b for a, b in zip(SPKI_HEADER, der, strict=False))
    return len(der) == DER_BYTES and alike >= _ALIKE_LEAST


def _fields(element: Element, offset: int, depth: int) -> Iterator[Field]:
    """Yield the element's fields: of a constructed one its start, then what is in it."""
    name = "  " * depth + _name(element.tag)
    if not element.tag & _CONSTRUCTED:
        yield _field(offset, element.encoded, name, _meaning(element))
        return
    begin = len(element.encoded) - len(element.content)
    yield _field(offset, element.encoded[:begin], name, f"{len(element.content)} bytes follow")
    offset += begin
    for child in children(element):
        yield from _fields(child, offset, depth + 1)
        offset += len(child.encoded)


def _field(offset: int, data: bytes, name: str, meaning: str) -> Field:
    return Field(offset, len(data), data.hex(" ", -2), name, meaning)


def _name(tag: int) -> str:
    if tag & _TAG_CLASS == 0:
        return _UNIVERSAL.get(tag & _NUMBER, f"tag {tag & _NUMBER}")
    return f"[{tag & _NUMBER}]" if tag & _TAG_CLASS == _CONTEXT else f"tag {tag:#04x}"


def _meaning(element: Element) -> str:
    """Return what a primitive element says, as short as it can be."""
    content, name = element.content, _name(element.tag)
    size = f"{len(content)} bytes"
    if element.tag == _OID_TAG:
        dotted = _dotted(content)
        return ", ".join(filter(None, [f"OID {dotted}", _NAMES_OF_OIDS.get(dotted)]))
    if element.tag == _BOOLEAN_TAG:
        return str(content != b"\0").upper()
    if element.tag == _INTEGER_TAG and len(content) <= _SHORT_INTEGER:
        return str(int.from_bytes(content, signed=True))
    if element.tag == _BIT_STRING_TAG and content:
        return f"{len(content) - 1} bytes, {content[0]} unused bits"
    if name in _TEXTS:
        text = content.decode(_TEXTS[name], "replace")
        return text if text.isprintable() else ascii(text)
    return size


def _dotted(content: bytes) -> str:
    """Return an object identifier's numbers (X.690, section 8.19)."""
    arcs, value = [], 0
    for octet in content:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2) if arcs else 0
    return ".".join(str(arc) for arc in (first, *[arc - 40 * first for arc in arcs[:1]], *arcs[1:]))
