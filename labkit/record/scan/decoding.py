r"""The views of a file that are searched: its bytes, and what they decode to, two levels deep.

A view is the file itself, its text with escapes undone (JSON, C, percent, HTML), what its base64
or hex digits decode to, or UTF-16 as ASCII. Digits are joined over lines: quotes, commas, the
console's prefix and the addresses of a dump may be between them. Archives are not searched.
"""

from __future__ import annotations

import binascii
import re
import sys
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

DEPTH = 2
"""Decodings inside each other; undoing escapes does not count."""

LEAST_WORK, WORK_PER_BYTE = 32_000_000, 24
"""Bytes that the views of a file can have in total: a minimum, and a factor of its size."""

_ARCHIVE = re.compile(
    rb"\x1f\x8b\x08[\x00-\x1f].{4}[\x00\x02\x04][\x00-\x0d\xff]|PK\x03\x04.{2}[\x00-\x0f]",
    re.DOTALL,
)
"""The header of a gzip or ZIP file (RFC 1952, 2.3; APPNOTE.TXT, 4.3.7)."""

_ROUNDS = 4
"""Escapes inside escapes: a page's JSON holds a journal's JSON, which holds a diff with C."""

_READABLE = re.compile(rb"[\t\n\r -~]{16}")
"""Text, which random bytes do not contain: only views with text are decoded further."""


class UnsearchableError(Exception):
    """A file that cannot be searched; the message is the reason."""


@dataclass(frozen=True, slots=True)
class View:
    """Bytes to search, and where they are in the file.

    Attributes:
        data: the bytes.
        via: the decodings that led here, such as ("base64",).
        parent: the view that was decoded; None for the file itself.
        starts: for each run of digits, where its bytes begin here and where it begins in the
            parent; empty if both have the same lines.
        depth: how many of the decodings count.
    """

    data: bytes
    via: tuple[str, ...] = ()
    parent: View | None = None
    starts: Sequence[tuple[int, int]] = ()
    depth: int = 0

    @property
    def readable(self) -> bool:
        """Whether the view contains text."""
        return not self.depth or _READABLE.search(self.data) is not None

    def decoded(self, data: bytes, via: str, starts: Sequence[tuple[int, int]] = ()) -> View:
        """Return what this view, or its runs of digits, decode to."""
        return View(data, (*self.via, via), self, starts, self.depth + bool(starts))

    def where(self, offset: int) -> str:
        """Return the place in the file: a line, or the byte of a binary file."""
        view, offset = self._outermost(offset)
        is_binary = view.parent is None and b"\0" in view.data
        return f"byte {offset}" if is_binary else f"line {view.line(offset)}"

    def line(self, offset: int) -> int:
        """Return the line of the file, from 1; for a run of digits, where the run begins."""
        view, offset = self._outermost(offset)
        return view.data.count(b"\n", 0, offset) + 1

    def _outermost(self, offset: int) -> tuple[View, int]:
        """Return the view whose lines are those of the file, and the offset in it."""
        view = self
        while view.depth and view.parent is not None:
            if view.starts:
                offset = view.starts[bisect_right(view.starts, (offset, sys.maxsize)) - 1][1]
            view = view.parent
        return view, offset


def views(data: bytes) -> Iterator[View]:
    """Yield the file's bytes, then every view of them, each once.

    Raises:
        UnsearchableError: the views are too large, or one of them contains an archive.
    """
    left = LEAST_WORK + WORK_PER_BYTE * len(data)
    seen: set[int] = set()
    waiting = [View(data)]
    while waiting:
        view = waiting.pop(0)
        if hash(view.data) in seen:
            continue
        seen.add(hash(view.data))
        yield view
        if _ARCHIVE.search(view.data):
            raise UnsearchableError("archive (gzip or ZIP), which cannot be searched")
        for inner in _decoded(view):
            left -= len(inner.data)
            if left < 0:
                raise UnsearchableError("more data, decoded, than can be searched")
            waiting.append(inner)


def _decoded(view: View) -> Iterator[View]:
    if not view.readable:
        return
    yield from _unescaped(view)
    if view.data.count(0) > len(view.data) // 8:
        yield view.decoded(view.data.translate(None, b"\0"), "UTF-16")
    if view.depth < DEPTH:
        text = _CONSOLE_PREFIX.sub(_blanks, view.data)
        yield from _from_base64(view, text)
        yield from _from_hex(view, text)


# Digits

_LINE = rb"(?:\A|(?<=[\r\n]))"
_CONSOLE_PREFIX = re.compile(_LINE + rb"[ \t\"'+-]{0,16}\d{1,10} \d{1,10} \[[^\]\r\n]{1,40}\] ")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}(?:[^A-Za-z0-9+/_-]{1,99}[A-Za-z0-9+/_-]{16,})*")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_FOR_URLS = bytes.maketrans(b"-_", b"+/")

_ZERO_X = re.compile(rb"0[xX](?=[0-9A-Fa-f])")
_HEX = re.compile(rb"[0-9A-Fa-f](?:[0-9A-Fa-f]|[^0-9A-Za-z]){11,}")
_NOT_HEX = re.compile(rb"[^0-9A-Fa-f]+")
_DUMP = re.compile(
    _LINE + rb"[ \t\"']{0,80}[0-9A-Fa-f]{8}:?  ?(?=[0-9A-Fa-f]{2})|  [^\r\n]{1,18}(?=[\r\n]|\Z)"
)
"""What xxd and hexdump write before and after the bytes of a row: an address, the characters."""


def _from_base64(view: View, text: bytes) -> Iterator[View]:
    """Decode base64, standard or for URLs. Where it begins in a run is not known: four phases."""
    runs = [
        (match.start(), _NOT_BASE64.sub(b"", match[0].translate(_FOR_URLS)))
        for match in _BASE64.finditer(text)
    ]
    for phase in range(4):
        yield from _joined(view, "base64", ((at, _base64(run[phase:])) for at, run in runs))


def _base64(digits: bytes) -> bytes:
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]  # one digit alone has no meaning
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))


def _from_hex(view: View, text: bytes) -> Iterator[View]:
    """Decode hex: a run, pairs, a C array, the rows of a dump. Either digit can come first."""
    text = _ZERO_X.sub(_blanks, text)
    for each in dict.fromkeys((text, _DUMP.sub(_blanks, text))):
        runs = [(m.start(), _NOT_HEX.sub(b"", m[0]).decode()) for m in _HEX.finditer(each)]
        for phase in range(2):
            parts = ((at, run[phase : phase + (len(run) - phase & ~1)]) for at, run in runs)
            yield from _joined(view, "hex", ((at, bytes.fromhex(part)) for at, part in parts))


def _joined(view: View, via: str, runs: Iterable[tuple[int, bytes]]) -> Iterator[View]:
    """Yield one view of all runs, which is searched faster than one view of each."""
    data, starts = bytearray(), []
    for at, plain in runs:
        starts.append((len(data), at))
        data += plain + b"\0\0"
    if starts:
        yield view.decoded(bytes(data), via, starts)


def _blanks(match: re.Match[bytes]) -> bytes:
    return b" " * len(match[0])


# Escapes

_ESCAPE = re.compile(
    rb"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([0-7]{1,3})|([^\r\n]))|%([0-9a-fA-F]{2})"
    rb"|&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|(amp|lt|gt|quot|apos));"
)
_SIMPLE = {b"n": b"\r", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b", b"f": b"\f"}
_NAMED = {b"amp": b"&", b"lt": b"<", b"gt": b">", b"quot": b'"', b"apos": b"'"}


def _unescaped(view: View) -> Iterator[View]:
    """Yield the text with one layer of escapes less, then two, until there are none.

    An escaped line end becomes CR, so that lines can still be counted as in the file.
    """
    if view.via and view.via[-1] == "unescaped":
        return
    text = view.data
    for _ in range(_ROUNDS):
        plain, count = _ESCAPE.subn(_plain, text)
        if not count or plain == text:
            return
        yield view.decoded(plain, "unescaped")
        text = plain


def _plain(match: re.Match[bytes]) -> bytes:
    wide, byte, octal, simple, percent, decimal, hexadecimal, named = match.groups()
    if simple is not None:
        return _SIMPLE.get(simple, simple)
    if named is not None:
        return _NAMED[named]
    digits = wide or byte or percent or hexadecimal
    code = int(octal, 8) if octal else int(decimal) if decimal else int(digits, 16)
    if wide or decimal or hexadecimal:
        plain = chr(min(code, 0x10FFFF)).encode("utf-8", "replace")
    else:
        plain = bytes([code & 0xFF])
    return b"\r" if plain == b"\n" else plain
