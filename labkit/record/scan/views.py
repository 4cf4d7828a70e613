r"""The bytes of a file as they stand, and all that they come to when they are decoded.

A view is the file itself, its text with escapes undone (JSON, C, percent, HTML), what its base64
or hex digits stand for (`secret_digits`), UTF-16 as ASCII, or what an archive in it holds; and so
on inwards.
"""

from __future__ import annotations

import re
import sys
import zlib
from bisect import bisect_left, bisect_right
from itertools import chain
from typing import TYPE_CHECKING

from labkit.record.scan.digits import base64_runs, hex_runs, number_runs

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Budget", "TooMuchError", "View", "views"]

DEPTH = 4
"""Decodings one inside the other; what is deeper is refused, not passed."""

LEAST_WORK, WORK_PER_BYTE = 32_000_000, 24
"""Bytes of views that a file may come to, however small it is, and for each of its bytes."""

MOST_INFLATED = 8_000_000
"""Bytes that one compressed member may come to."""

_ROUNDS = 4
"""Escapes inside escapes: a page's JSON holds a journal's JSON, which holds a diff with C."""

_READABLE = re.compile(rb"[\t\n\r -~]{16}")
"""What random bytes do not have: only such views are decoded once more."""


class TooMuchError(Exception):
    """A file comes to more, decoded, than is looked through; says why."""


class Budget:
    """The work that one file may cost."""

    def __init__(self, size: int) -> None:
        self._left = LEAST_WORK + WORK_PER_BYTE * size

    def spend(self, size: int) -> None:
        """Take a view's size from it, or raise `TooMuchError`."""
        self._left -= size
        if self._left < 0:
            raise TooMuchError("more data, decoded, than is looked through")


class View:
    """Bytes to search, and the way back to the line of the file that they stand on.

    Attributes:
        data: the bytes.
        via: the decodings that led here, such as ("base64",).
        depth: how many of them count.
        readable: whether any text is in it.
        parent: the view that was decoded, None for the file itself.
        starts: its rows: at which byte of this view each begins, and where it stands in the parent.
        counts: whether its lines are the file's.
    """

    def __init__(
        self,
        data: bytes,
        parent: View | None = None,
        via: str = "",
        starts: list[tuple[int, int]] | None = None,
        *,
        same_lines: bool = False,
    ) -> None:
        self.data = data
        self.via: tuple[str, ...] = (*(parent.via if parent else ()), *([via] if via else ()))
        self.depth: int = parent.depth + (not same_lines) if parent else 0
        self.readable = not self.depth or _READABLE.search(data) is not None
        self.parent = parent
        self.starts = starts or [(0, 0)]
        self.same_lines = same_lines
        self.counts: bool = parent is None or (same_lines and parent.counts)
        self.is_binary = parent is None and b"\0" in data
        self.ends: list[int] | None = None

    def where(self, offset: int) -> str:
        """Return where in the file something in this view stands: its line, or its byte."""
        view, offset = self._outermost(offset)
        return f"byte {offset}" if view.is_binary else f"line {view.line(offset)}"

    def line(self, offset: int) -> int:
        """Return the line of the file, counted from 1, on which something in this view stands."""
        view, offset = self._outermost(offset)
        if view.ends is None:
            view.ends = [match.start() for match in re.finditer(b"\n", view.data)]
        return bisect_left(view.ends, offset) + 1

    def _outermost(self, offset: int) -> tuple[View, int]:
        """Return the view whose lines are the file's, and the place there."""
        view = self
        while view.parent is not None and not view.counts:
            if not view.same_lines:
                at = bisect_right(view.starts, (offset, sys.maxsize)) - 1
                offset = view.starts[max(at, 0)][1]
            view = view.parent
        return view, offset


def views(data: bytes, budget: Budget) -> Iterator[View]:
    """Yield the file's bytes, then every view of them, each once.

    Raises:
        TooMuchError: the file comes to more, or is nested deeper, than is looked through.
    """
    seen: set[int] = set()
    waiting = [View(data)]
    while waiting:
        view = waiting.pop(0)
        same = hash(view.data)
        if same in seen:
            continue
        seen.add(same)
        if view.depth > DEPTH:
            if view.readable:
                raise TooMuchError(f"data inside more than {DEPTH} encodings")
            continue
        yield view
        for inner in chain(_inflated(view, budget), _decoded(view) if view.readable else ()):
            # Paid for before the next is made, so that a bomb is not unpacked first.
            budget.spend(len(inner.data))
            waiting.append(inner)


def _decoded(view: View) -> Iterator[View]:
    yield from _unescaped(view)
    yield from _narrowed(view)
    for via, runs in (("base64", base64_runs), ("hex", hex_runs), ("numbers", number_runs)):
        for plain, starts in runs(view.data):
            yield View(plain, view, via, starts)


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
        yield View(plain, view, "unescaped", same_lines=True)
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


def _narrowed(view: View) -> Iterator[View]:
    """Yield UTF-16 text as ASCII."""
    if view.data.count(0) > len(view.data) // 8:
        yield View(view.data.translate(None, b"\0"), view, "UTF-16", same_lines=True)


# Archives

_GZIP = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]")
_ZIP = re.compile(rb"PK\x03\x04.{2}(.)\x00(.)\x00.{16}(..)(..)", re.DOTALL)
_DEFLATED = b"\x08"
_GZIP_WINDOW, _RAW_WINDOW = 31, -15
"""zlib's words for a gzip header, and for none."""

_PIECE, _COST_OF_A_TRY = 65_536, 4_096


def _inflated(view: View, budget: Budget) -> Iterator[View]:
    for match in _GZIP.finditer(view.data):
        budget.spend(_COST_OF_A_TRY)
        yield from _inflate(view, match.start(), _GZIP_WINDOW, "gzip")
    for match in _ZIP.finditer(view.data):
        budget.spend(_COST_OF_A_TRY)
        flags, method, name, extra = match.groups()
        if flags[0] & 1:
            raise TooMuchError("an encrypted archive, which cannot be looked into")
        if method == _DEFLATED:
            begin = match.end() + int.from_bytes(name, "little") + int.from_bytes(extra, "little")
            yield from _inflate(view, begin, _RAW_WINDOW, "zip")


def _inflate(view: View, start: int, window: int, via: str) -> Iterator[View]:
    inflating = zlib.decompressobj(window)
    packed = memoryview(view.data)
    plain = b""
    try:
        for at in range(start, len(packed), _PIECE):
            plain += inflating.decompress(packed[at : at + _PIECE], MOST_INFLATED - len(plain) + 1)
            if len(plain) > MOST_INFLATED:
                raise TooMuchError("more data, decompressed, than is looked through")
            if inflating.eof:
                break
    except zlib.error:
        pass  # what came before the damage is looked at
    if plain:
        yield View(plain, view, via, [(0, start)])
