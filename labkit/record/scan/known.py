r"""Secrets that the lab knows it has: its keys, passphrases, passwords and credentials.

They need no shape to be recognised. A key is looked for by its private numbers, a text by itself;
what is decoded (`decoding`) is searched for the bytes, and a text also for how it is written
where too few digits stand together to be decoded. A piece of a long secret is a secret too.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
from dataclasses import dataclass
from functools import cache
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
"""Bytes of a piece, and from one to the next: one is in every 47 bytes, as in a line of PEM."""

SHORTEST = 6
"""Characters below which a text stands everywhere by chance, and counts only where it is named."""

_DIGITS = 40
"""Decimal digits of a number's piece: its first line, however it is wrapped."""


@dataclass(frozen=True, slots=True, repr=False)
class Known:
    """One secret of the lab; its repr shows nothing of it.

    Attributes:
        kind: what it is, such as "CA key", for messages and for the text in its place.
        written: forms that a text can have in a file, the whole secret each; replaceable.
        pieces: bytes, each of which gives it away, wherever they are found.
        short: a text that is too short to count where nothing names it.
    """

    kind: str
    written: tuple[bytes, ...] = ()
    pieces: tuple[bytes, ...] = ()
    short: bytes = b""

    def __repr__(self) -> str:
        """Return its kind."""
        return f"Known({self.kind})"

    @classmethod
    def text(cls, kind: str, secret: str) -> Known:
        """Return a password, passphrase, PIN or token; an empty one is never found.

        Args:
            kind: what it is.
            secret: the text; of fewer than six characters, it is found in quotes or behind a word
                such as "pin" alone.
        """
        raw = secret.encode()
        if len(secret) < SHORTEST:
            return cls(kind, short=raw)
        return cls(kind, tuple(_escaped(secret)), tuple(dict.fromkeys(_encoded(secret))))

    @classmethod
    def key(cls, kind: str, key: SigningKey) -> Known:
        """Return a private key: its scalar, or of an RSA key all its private numbers."""
        pieces: dict[bytes, None] = {}
        for number in _private_numbers(key):
            pieces |= dict.fromkeys(_pieces(number.to_bytes(-(-number.bit_length() // 8))))
            pieces[str(number)[:_DIGITS].encode()] = None
        return cls(kind, pieces=tuple(pieces))


def known_in(data: bytes, known: Iterable[Known]) -> Iterator[Hit]:
    """Yield where known secrets stand in some bytes."""
    for each in known:
        for form in each.written:
            if form in data:
                word = placeholder(each.kind)
                yield from (Hit(each.kind, *span, word) for span in _places(data, form))
        for piece in each.pieces:
            if piece in data:
                yield from (Hit(each.kind, *span) for span in _places(data, piece))
        if each.short and each.short in data:
            for match in _named(each.short).finditer(data):
                yield Hit(each.kind, *match.span("secret"), placeholder(each.kind))


def _places(data: bytes, needle: bytes) -> Iterator[tuple[int, int]]:
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
    """Return how a text may be written with escapes, one inside the other too, longest first."""
    once = {secret, *_escapes(secret)}
    twice = once.union(*map(_escapes, once))
    return sorted((form.encode() for form in twice), key=len, reverse=True)


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
    """Yield a text's base64 and hex, and how it stands in UTF-16."""
    raw = secret.encode()
    if len(raw) > PIECE + STEP:
        yield from _pieces(raw)
    for ahead in range(3):
        # Of the base64 of a text somewhere in another, the first and last digits hang on that.
        digits = base64.b64encode(bytes(ahead) + raw)
        inner = digits[-(-ahead * 4 // 3) : (ahead + len(raw)) * 4 // 3]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    if not secret.isascii():
        yield secret.encode("utf-16-le")
        yield secret.encode("utf-16-be")


@cache
def _named(raw: bytes) -> re.Pattern[bytes]:
    text = re.escape(raw)
    return re.compile(
        rb"(?:(?:\bpin|[-_]pin|pass\w{0,12}|secret)[\"'\s:=,\\]{1,12}"
        rb"|(?P<quote>[\"'])(?=%b(?P=quote)))(?P<secret>%b)(?![A-Za-z0-9])" % (text, text),
        re.IGNORECASE,
    )


# Those of a lab

_PASSPHRASE = "LABKIT_RECORD_PASSPHRASE"  # noqa: S105 a variable's name


def known_secrets(lab: Lab) -> tuple[Known, ...]:
    """Return the CA's key, an imported key, the Wi-Fi password, AWS credentials, a passphrase."""
    return tuple(_known(lab))


def _known(lab: Lab) -> Iterator[Known]:
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
    """Yield a private key; an encrypted one is found by its shape, which needs no passphrase."""
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
