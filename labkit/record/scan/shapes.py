r"""Private keys, found by their shape: DER, PEM and the key files of other programs.

Source: RFC 8017, appendix A.1.2 (RSA); RFC 5915 (EC, also called SEC 1); RFC 5958 and RFC 5208
(PKCS #8, plain and encrypted); RFC 7292 (PKCS #12); OpenSSH's PROTOCOL.key; PuTTY's manual,
appendix C; minisign's manual, "Secret key format".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Hit(NamedTuple):
    """A secret in some bytes. The secret itself is not in it.

    Attributes:
        kind: what it is.
        start: where it begins.
        stop: where it ends, or the end of the part that identifies it.
        placeholder: the text that can replace it; None if it cannot be redacted.
    """

    kind: str
    start: int
    stop: int
    placeholder: str | None = None


def keys_in(data: bytes) -> Iterator[Hit]:
    """Yield the private keys in some bytes, encrypted ones too. Linear in the bytes."""
    for kind, sign, sure in _SHAPES:
        for match in sign.finditer(data):
            if sure is None or sure(data, match):
                yield Hit(kind, match.start(), match.end())


# PEM

_BEGIN = rb"-{4,5} ?BEGIN [A-Z0-9 ]{0,40}PRIVATE" + rb" KEY(?: BLOCK)? ?-{4,5}"
_NEXT_MARKER = re.compile(rb"-----(?:BEGIN|END) ")
_BODY_WORD = re.compile(rb"[A-Za-z0-9+/]{16,}")
_LONGEST_HEADER = 2000
"""Bytes after BEGIN within which a key begins, including any prefixes of its lines."""


def _has_body(data: bytes, begin: re.Match[bytes]) -> bool:
    """Return whether base64 follows; a manual shows the marker without a key."""
    end = _NEXT_MARKER.search(data, begin.end(), begin.end() + _LONGEST_HEADER)
    stop = end.start() if end else begin.end() + _LONGEST_HEADER
    return any(_is_mixed(word[0]) for word in _BODY_WORD.finditer(data, begin.end(), stop))


def _is_mixed(word: bytes) -> bool:
    """Return whether a word has both cases and digits, as base64 does and a name does not."""
    return all(re.search(kind, word) for kind in (rb"[A-Z]", rb"[a-z]", rb"[0-9+/]"))


# DER

_LENGTH = rb"([\x0e-\x7f]|\x81[\x80-\xff]|\x82[\x01-\x7f].)"
_SEQUENCE = rb"\x30" + _LENGTH
_NUMBER = rb"\x02([\x20-\x7f]|\x81[\x80-\xff]|\x82[\x01-\x08].)\x00[\x80-\xff]"
_SCALAR_SIZES = {*range(14, 33), 36, 48, 49, 50, 52, 64, 65, 66, 71, 72}
"""Bytes of an EC private key on the named curves."""

_PBES = (
    rb"\x06(?:\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05[\x01-\x0d]"
    rb"|\x0a\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01[\x01-\x06])"
)
_CONTENT_TYPE = rb"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07[\x01-\x06]"


def _is_scalar(data: bytes, match: re.Match[bytes]) -> bool:
    """Return whether a scalar of a curve's size fills the sequence, or the curve follows it."""
    size, rest = match[2][0], match.end() + match[2][0]
    fills = _size(match[1]) == match.end() - match.end(1) + size
    return size in _SCALAR_SIZES and (fills or data[rest : rest + 1] in (b"", b"\xa0", b"\xa1"))


def _is_rsa(_: bytes, match: re.Match[bytes]) -> bool:
    """Return whether the sequence has room for the private numbers after the modulus."""
    return _size(match[1]) > 2 * _size(match[2])


def _size(length: bytes) -> int:
    """Return the number in DER's length octets."""
    return int.from_bytes(length[1:] or length)


def _is_jwk(_: bytes, match: re.Match[bytes]) -> bool:
    return _is_mixed(match[1])


def _has_octets(data: bytes, match: re.Match[bytes]) -> bool:
    """Return whether an OCTET STRING follows the algorithm; in a certificate a name follows."""
    after = match.end() + match[2][0]
    return data[after : after + 1] == b"\x04"


_SHAPES: tuple[tuple[str, re.Pattern[bytes], Callable[[bytes, re.Match[bytes]], bool] | None], ...]
_SHAPES = tuple(
    (kind, re.compile(sign, re.DOTALL), sure)
    for kind, sign, sure in (
        ("private key (PEM)", _BEGIN, _has_body),
        ("private key (EC)", _SEQUENCE + rb"\x02\x01\x01\x04([\x0e-\x48])", _is_scalar),
        (
            "private key (PKCS #8)",
            _SEQUENCE + rb"\x02\x01[\x00\x01]\x30([\x05-\x7f])(?=\x06[\x03-\x0b])",
            _has_octets,
        ),
        (
            "private key (RSA or DSA)",
            _SEQUENCE + rb"\x02\x01[\x00\x01]" + _NUMBER,
            _is_rsa,
        ),
        ("private key (encrypted PKCS #8)", _SEQUENCE + _SEQUENCE + _PBES, None),
        ("key store (PKCS #12)", _SEQUENCE + rb"\x02\x01\x03" + _SEQUENCE + _CONTENT_TYPE, None),
        ("private key (OpenSSH)", rb"openssh-key-v1\x00", None),
        ("private key (PuTTY)", rb"PuTTY-User-Key-File-\d", None),
        ("secret key (minisign)", rb"Ed(?:Sc|\x00\x00)B2", None),
        (
            "private key (numbers)",
            rb"(?:priv|privateExponent|prime[12]):\s{1,40}(?:[0-9a-f]{2}:){8}",
            None,
        ),
        (
            "private key (JWK)",
            rb"\"d\"\s{0,8}:\s{0,8}\"([A-Za-z0-9_-]{40,})",
            _is_jwk,
        ),
    )
)
