r"""Secrets that the lab knows: its keys, passphrases, passwords and credentials.

They are found whatever they look like. A key is searched for by its private numbers, a text by
itself, in every view of a file (`decoding`). A text is also searched for in the encodings that are
too short to be decoded there. A piece of a long secret is enough.
"""

from __future__ import annotations

import base64
import html
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric import ec

from labkit import certificates, firmware
from labkit.cloud.session import session_secrets
from labkit.errors import CertificateError, DeviceError, FirmwareError
from labkit.firmware import literals
from labkit.firmware.kinds import Kind, kind_of
from labkit.firmware.macros import secret_definitions, written
from labkit.firmware.preprocessor import parse
from labkit.firmware.tree import find_sources
from labkit.record.scan.shapes import Hit
from labkit.record.scan.words import WIFI_PASSWORD, is_no_secret, placeholder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from labkit.certificates import SigningKey
    from labkit.lab.lab import Lab

PIECE, STEP = 16, 32
"""Bytes of a piece, and from one to the next: any 47 bytes, such as a PEM line, contain one."""

SHORTEST = 6
"""Characters of the shortest text that is searched for; shorter ones occur by chance."""

_DIGITS = 40
"""Decimal digits of a number's piece: its first line, however it is wrapped."""


@dataclass(frozen=True, slots=True, repr=False)
class Known:
    """One secret of the lab; its repr does not contain it.

    Attributes:
        kind: what it is, such as "CA key", for messages and for the text that replaces it.
        written: the whole secret as it can be written in a text; replaceable.
        pieces: bytes that are enough to give it away, wherever they are found.
    """

    kind: str
    written: tuple[bytes, ...] = ()
    pieces: tuple[bytes, ...] = ()

    def __repr__(self) -> str:
        """Return its kind."""
        return f"Known({self.kind})"

    @classmethod
    def text(cls, kind: str, secret: str) -> Known:
        """Return a password, passphrase or token; one shorter than `SHORTEST` is never found."""
        if len(secret) < SHORTEST:
            return cls(kind)
        return cls(kind, tuple(_escaped(secret)), tuple(dict.fromkeys(_encoded(secret))))

    @classmethod
    def key(cls, kind: str, key: SigningKey) -> Known:
        """Return a private key: its scalar, or all private numbers of an RSA key."""
        pieces: dict[bytes, None] = {}
        for number in _private_numbers(key):
            pieces |= dict.fromkeys(_pieces(number.to_bytes(-(-number.bit_length() // 8))))
            pieces[str(number)[:_DIGITS].encode()] = None
        return cls(kind, pieces=tuple(pieces))


def known_in(data: bytes, known: Iterable[Known]) -> Iterator[Hit]:
    """Yield where known secrets are in some bytes."""
    for each in known:
        for text in each.written:
            yield from (Hit(each.kind, *at, placeholder(each.kind)) for at in _spans(data, text))
        for piece in each.pieces:
            yield from (Hit(each.kind, *at) for at in _spans(data, piece))


def _spans(data: bytes, needle: bytes) -> Iterator[tuple[int, int]]:
    at = data.find(needle)
    while at >= 0:
        yield at, at + len(needle)
        at = data.find(needle, at + len(needle))


def _private_numbers(key: SigningKey) -> list[int]:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return [key.private_numbers().private_value]
    rsa = key.private_numbers()
    return [rsa.d, rsa.p, rsa.q, rsa.dmp1, rsa.dmq1, rsa.iqmp]


def _pieces(raw: bytes) -> Iterator[bytes]:
    for start in range(0, len(raw) - PIECE + 1, STEP):
        yield raw[start : start + PIECE]
    yield raw[-PIECE:]


def _escaped(secret: str) -> list[bytes]:
    """Return a text with and without escapes, also one inside the other, longest first."""
    once = {secret, *_escapes(secret)}
    twice = once.union(*map(_escapes, once))
    return sorted((text.encode() for text in twice), key=len, reverse=True)


def _escapes(text: str) -> set[str]:
    return {
        literals.escape(text)[1:-1],
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        json.dumps(text).replace("/", "\\/")[1:-1],
        repr(text)[1:-1],
        repr(text.encode())[2:-1],
        html.escape(text),
        html.escape(text, quote=False),
        quote(text),
        quote(text, safe=""),
    }


def _encoded(secret: str) -> Iterator[bytes]:
    """Yield a text in base64, hex and UTF-16."""
    raw = secret.encode()
    if len(raw) > PIECE + STEP:
        yield from _pieces(raw)
    for ahead in range(3):
        # The first and last base64 digits depend on the bytes before and after the text.
        digits = base64.b64encode(bytes(ahead) + raw)
        inner = digits[-(-ahead * 4 // 3) : (ahead + len(raw)) * 4 // 3]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    if not secret.isascii():
        yield secret.encode("utf-16-le")
        yield secret.encode("utf-16-be")


# The secrets of a lab

_PASSPHRASE = "LABKIT_RECORD_PASSPHRASE"  # noqa: S105 a variable's name


def known_secrets(lab: Lab) -> Iterator[Known]:
    """Yield the CA's key, an imported key, the Wi-Fi password, AWS credentials, a passphrase."""
    file = lab.workspace.ca / "rootCA.key"
    if file.is_file():
        yield from _key("the CA's private key", file.read_bytes())
    for macro, value in _in_headers(lab):
        if kind_of(macro) is Kind.PEM:
            yield from _key("the device's private key", value.encode())
        elif not is_no_secret(value):
            yield Known.text(WIFI_PASSWORD, value)
    if not lab.workspace.settings.account_is_simulated:
        for kind, secret in session_secrets():
            yield Known.text(kind, secret)
    if passphrase := os.environ.get(_PASSPHRASE):
        yield Known.text("passphrase of the signing key", passphrase)


def _key(kind: str, pem: bytes) -> Iterator[Known]:
    """Yield a private key; an encrypted one is found by its shape and needs no passphrase."""
    try:
        yield Known.key(kind, certificates.load_private_key(pem))
    except CertificateError:
        return


def _in_headers(lab: Lab) -> Iterator[tuple[str, str]]:
    """Yield each macro that holds a secret, with every text that it is defined as."""
    try:
        sources = find_sources(lab.workspace.firmware)
        for file in (sources.keys, sources.credentials):
            source = parse(firmware.decode(file.read_bytes()))
            for definition in secret_definitions(source):
                how = written(source, definition)
                if how.what == "string":
                    yield definition.name, literals.unescape(how.code, line=definition.line)
    except (DeviceError, FirmwareError):
        return
