"""Read and write DER elements with low tag numbers and definite, minimal lengths.

A certificate has no others. Used to build version 1 certificates, which `cryptography` cannot.

Source: X.690, sections 8.1 and 10.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BIT_STRING = 0x03
SEQUENCE = 0x30

_LONG_FORM = 0x80
_HIGH_TAG = 0x1F


class DerError(ValueError):
    """Bytes are not DER, or have a high tag number or an indefinite length."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element: tag, content and the whole encoding.

    Attributes:
        tag: the identifier octet, such as 0x30 for a SEQUENCE.
        content: the content octets.
        encoded: identifier, length and content octets.
    """

    tag: int
    content: bytes
    encoded: bytes


def encode(tag: int, content: bytes) -> bytes:
    """Return identifier, length and content octets of an element.

    Args:
        tag: the identifier octet; low tag numbers only.
        content: the content octets.
    """
    size = len(content)
    if size < _LONG_FORM:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, _LONG_FORM | len(length))) + length + content


def read(der: bytes) -> Element:
    """Return the one element in the bytes.

    Raises:
        DerError: the bytes are not an element, or bytes follow the element.
    """
    element, end = _read_at(der, 0)
    if end != len(der):
        raise DerError(f"offset {end}: expected the end, {len(der) - end} bytes follow")
    return element


def children(element: Element) -> Iterator[Element]:
    """Yield the elements of a constructed element in order.

    Raises:
        DerError: the content is not a sequence of elements.
    """
    offset = 0
    while offset < len(element.content):
        child, offset = _read_at(element.content, offset)
        yield child


def _read_at(der: bytes, start: int) -> tuple[Element, int]:
    if len(der) < start + 2:
        raise DerError(f"offset {start}: expected a tag and a length, the bytes end")
    tag = der[start]
    if tag & _HIGH_TAG == _HIGH_TAG:
        raise DerError(f"offset {start}: tag {tag:#x} has a number above 30")
    size, begin = _read_length(der, start + 1)
    end = begin + size
    if end > len(der):
        missing = end - len(der)
        raise DerError(f"offset {start}: {size} bytes declared, {missing} of them are missing")
    return Element(tag, der[begin:end], der[start:end]), end


def _read_length(der: bytes, offset: int) -> tuple[int, int]:
    """Return the declared size and the offset of the first content octet."""
    first = der[offset]
    if first < _LONG_FORM:
        return first, offset + 1
    begin = offset + 1 + (first & ~_LONG_FORM)
    octets = der[offset + 1 : begin]
    size = int.from_bytes(octets)
    if begin > len(der) or not octets or octets[0] == 0 or size < _LONG_FORM:
        raise DerError(f"offset {offset}: the length is not in its shortest definite form")
    return size, begin
