r"""The bytes of a file as they stand, and what they come to when they are decoded, twice at most.

A view is the file itself, its text with escapes undone (JSON, C, percent, HTML), what its base64,
hex or decimal digits stand for (`digits`), UTF-16 as ASCII, or what an archive in it holds; and
each of these once more.
"""

from __future__ import annotations

import re
import sys
import zlib
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.record.scan.digits import base64_runs, hex_runs, number_runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DEPTH = 2
"""Decodings one inside the other; undoing escapes is none."""

LEAST_WORK, WORK_PER_BYTE = 32_000_000, 24
"""Bytes of views that a file may come to, however small it is, and for each of its bytes."""

MOST_INFLATED = 8_000_000
"""Bytes that one compressed member may come to."""

_ROUNDS = 4
"""Escapes inside escapes: a page's JSON holds a journal's JSON, which holds a diff with C."""

_READABLE = re.compile(rb"[\t\n\r -~]{16}")
"""What random bytes do not have: only such views are decoded once more."""


class TooMuchError(Exception):
    """A file comes to more, decoded, than is searched; the message says why."""


@dataclass(frozen=True, slots=True)
class View:
    """Bytes to search, and the way back to the line of the file that they stand on.

    Attributes:
        data: the bytes.
        via: the decodings that led here, such as ("base64",).
        parent: the view that was decoded, None for the file itself.
        starts: its rows: at which byte of this view each begins, and where it stands in the parent;
            empty where its lines are the parent's.
        depth: how many of the decodings count.
    """

    data: bytes
    via: tuple[str, ...] = ()
    parent: View | None = None
    starts: Sequence[tuple[int, int]] = ()
    depth: int = 0

    @property
    def readable(self) -> bool:
        """Whether any text is in it."""
        return not self.depth or _READABLE.search(self.data) is not None

    def decoded(self, data: bytes, via: str, starts: Sequence[tuple[int, int]] = ()) -> View:
        """Return what this view comes to; without starts, its lines are this view's."""
        return View(data, (*self.via, via), self, starts, self.depth + bool(starts))

    def where(self, offset: int) -> str:
        """Return where in the file something in this view stands: its line, or its byte."""
        view, offset = self._outermost(offset)
        is_binary = view.parent is None and b"\0" in view.data
        return f"byte {offset}" if is_binary else f"line {view.line(offset)}"

    def line(self, offset: int) -> int:
        """Return the line of the file, counted from 1, on which something in this view stands."""
        view, offset = self._outermost(offset)
        return view.data.count(b"\n", 0, offset) + 1

    def _outermost(self, offset: int) -> tuple[View, int]:
        """Return the view whose lines are the file's, and the place there."""
        view = self
        while view.depth and view.parent is not None:
            if view.starts:
                at = bisect_right(view.starts, (offset, sys.maxsize)) - 1
                offset = view.starts[max(at, 0)][1]
            view = view.parent
        return view, offset


def views(data: bytes) -> Iterator[View]:
    """Yield the file's bytes, then every view of them, each once.

    Raises:
        TooMuchError: the file comes to more, decoded, than is searched.
    """
    left = LEAST_WORK + WORK_PER_BYTE * len(data)
    seen: set[int] = set()
    waiting = [View(data)]
    while waiting:
        view = waiting.pop(0)
        same = hash(view.data)
        if same in seen:
            continue
        seen.add(same)
        yield view
        for inner in _decoded(view):
            # Counted before the next is made, so that a bomb is not unpacked first.
            left -= len(inner.data) + (_COST_OF_A_TRY if inner.via[-1] in _ARCHIVES else 0)
            if left < 0:
                raise TooMuchError("more data, decoded, than is searched")
            waiting.append(inner)


def _decoded(view: View) -> Iterator[View]:
    if view.depth < DEPTH:
        yield from _inflated(view)
    if not view.readable:
        return
    yield from _unescaped(view)
    if view.data.count(0) > len(view.data) // 8:
        yield view.decoded(view.data.translate(None, b"\0"), "UTF-16")
    if view.depth < DEPTH:
        for via, runs in (("base64", base64_runs), ("hex", hex_runs), ("numbers", number_runs)):
            for plain, starts in runs(view.data):
                yield view.decoded(plain, via, starts)


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


# Archives

_GZIP = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]")
_ZIP = re.compile(rb"PK\x03\x04.{2}(.)\x00(.)\x00.{16}(..)(..)", re.DOTALL)
_DEFLATED = b"\x08"
_GZIP_WINDOW, _RAW_WINDOW = 31, -15
"""zlib's words for a gzip header, and for none."""

_ARCHIVES = ("gzip", "zip")
_PIECE, _COST_OF_A_TRY = 65_536, 4_096


def _inflated(view: View) -> Iterator[View]:
    for match in _GZIP.finditer(view.data):
        yield _inflate(view, match.start(), _GZIP_WINDOW, "gzip")
    for match in _ZIP.finditer(view.data):
        flags, method, name, extra = match.groups()
        if flags[0] & 1:
            raise TooMuchError("an encrypted archive, which cannot be searched")
        if method == _DEFLATED:
            begin = match.end() + int.from_bytes(name, "little") + int.from_bytes(extra, "little")
            yield _inflate(view, begin, _RAW_WINDOW, "zip")


def _inflate(view: View, start: int, window: int, via: str) -> View:
    """Return what a member comes to; of a damaged one, what comes before the damage."""
    inflating = zlib.decompressobj(window)
    packed = memoryview(view.data)
    plain = b""
    try:
        for at in range(start, len(packed), _PIECE):
            plain += inflating.decompress(packed[at : at + _PIECE], MOST_INFLATED - len(plain) + 1)
            if len(plain) > MOST_INFLATED:
                raise TooMuchError("more data, decompressed, than is searched")
            if inflating.eof:
                break
    except zlib.error:
        pass
    return view.decoded(plain, via, [(0, start)])
