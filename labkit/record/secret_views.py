r"""The bytes of a file as they stand, and all that they come to when they are decoded.

A view is the file itself, its text with escapes undone (JSON, C, percent, HTML), what its base64
or hex digits stand for, UTF-16 as ASCII, or what an archive in it holds; and so on inwards.
Digits are joined over lines, whatever stands before and behind them: quotes, a console's
prefix, a dump's addresses. Where a run of digits begins is not known, so each phase is decoded.
"""

from __future__ import annotations

import binascii
import re
import sys
import zlib
from bisect import bisect_left, bisect_right
from itertools import chain
from typing import TYPE_CHECKING

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

_SHORTEST_BASE64, _LONG_BASE64, _SHORTEST_HEX = 16, 40, 12
"""Digits of a row that is joined to others; several long ones may stand on a line."""

_LARGEST_GAP = 600
"""Bytes between two rows of the same dump: other tasks may log in between."""

_DUMP_ROW = 32
"""Digits of a dump's row, behind which its characters may stand."""

_HALVES_GAP = 2
"""Blanks that may part the halves of a dump's row; more part its bytes from its characters."""

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
    yield from _base64(view)
    yield from _hex(view)
    yield from _decimal(view)


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


# Base64

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BASE64_ROW = re.compile(rb"[A-Za-z0-9+/_-]{%d,}" % _SHORTEST_BASE64)
_STANDARD = bytes.maketrans(b"-_", b"+/")
_PHASES = 4


def _base64(view: View) -> Iterator[View]:
    for rows in _joined(_longest_of_each_line(view.data)):
        digits = b"".join(row for _, row in rows).translate(_STANDARD)
        for phase in range(_PHASES):
            part = digits[phase:]
            # One digit too many has no meaning; two or three are a last group without padding.
            part = part[: len(part) - (len(part) % 4 == 1)]
            plain = binascii.a2b_base64(part + b"=" * (-len(part) % 4))
            yield View(plain, view, "base64", _starts(rows, phase, 3, 4))


def _longest_of_each_line(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the rows of base64 digits; of several on a line the longest, and all long ones."""
    kept: tuple[int, bytes] | None = None
    end = 0
    for match in _BASE64_ROW.finditer(data):
        start, row = match.start(), match[0]
        gap = data[end:start] if kept and start - end < _LARGEST_GAP else b"\n"
        end = match.end()
        if kept is not None:
            shorter = min(len(kept[1]), len(row)) < _LONG_BASE64
            if shorter and b"\n" not in gap and b"\r" not in gap:
                kept = (start, row) if len(row) > len(kept[1]) else kept
                continue
            yield kept
        kept = (start, row)
    if kept is not None:
        yield kept


def _joined(rows: Iterator[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    """Yield the rows that stand near each other, as they may belong together."""
    group: list[tuple[int, bytes]] = []
    end = 0
    for start, row in rows:
        if group and start - end > _LARGEST_GAP:
            yield group
            group = []
        group.append((start, row))
        end = start + len(row)
    if group:
        yield group


def _starts(
    rows: list[tuple[int, bytes]], phase: int, octets: int, digits: int
) -> list[tuple[int, int]]:
    """Return for each row at which decoded byte it begins, and where it stands."""
    starts, count = [], -phase
    for start, row in rows:
        starts.append((max(count * octets // digits, 0), start))
        count += len(row)
    return starts


# Hex and decimal digits

_HEX_BLANKS = bytes.maketrans(b":,-_.;\t{}()\"'\\+xX", b" " * 17)
_HEX_ROW = re.compile(
    rb"(?<![0-9A-Za-z])[0-9A-Fa-f][0-9A-Fa-f ]{%d,}(?![0-9A-Za-z])|[0-9A-Fa-f]{32,}"
    % (_SHORTEST_HEX - 1)
)
_LAST_ROW = re.compile(
    rb"[^\n]{0,80}\n[^\n]{0,80}?(?<![0-9A-Za-z])"
    rb"((?:[0-9A-Fa-f]{4,16} +)?[0-9A-Fa-f]{2}(?: *[0-9A-Fa-f]{2}){0,4})(?= *(?:[|\r\n]|   |\Z))"
)
_ADDRESS = re.compile(rb"[0-9A-Fa-f]{4,16} +(?=[0-9A-Fa-f]{2})")
_CHARACTERS = re.compile(rb"  \|[^\n]{1,32}\|(?=[\r\n]|\Z)")
_ZERO_X = re.compile(rb"(?<![0-9A-Za-z])0[xX](?=[0-9A-Fa-f])")
_DECIMALS = re.compile(rb"\d{1,3}(?:\s{0,8},\s{0,8}\d{1,3}){15,}")


def _hex(view: View) -> Iterator[View]:
    data = _CHARACTERS.sub(lambda column: b"|" * len(column[0]), view.data)
    data = _ZERO_X.sub(b"  ", data).translate(_HEX_BLANKS)
    rows = list(_hex_rows(data))
    whole = [(start, row.replace(b" ", b"")) for start, row in rows]
    without = [(start, _without_address(row)) for start, row in rows]
    for kept in (whole, without) if whole != without else (whole,):
        for group in _joined(_not_empty(kept)):
            digits = b"".join(row for _, row in group)
            for phase in range(2):
                part = digits[phase:]
                plain = bytes.fromhex(part[: len(part) & ~1].decode())
                yield View(plain, view, "hex", _starts(group, phase, 1, 2))


def _hex_rows(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the rows of hex digits, and the short one that may end a dump."""
    end = 0
    for match in _HEX_ROW.finditer(data):
        if len(match[0]) - match[0].count(b" ") < _SHORTEST_HEX:
            continue
        if end and (tail := _LAST_ROW.match(data, end, match.start())):
            yield tail.start(1), tail[1]
        yield match.start(), match[0]
        end = match.end()
    if end and (tail := _LAST_ROW.match(data, end)):
        yield tail.start(1), tail[1]


def _not_empty(rows: list[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    return ((start, row) for start, row in rows if row)


def _without_address(row: bytes) -> bytes:
    """Return a dump's row without the address before its bytes and the characters behind."""
    address = _ADDRESS.match(row)
    row = row[address.end() :] if address else row
    gaps = [match.span() for match in re.finditer(rb" +", row)]
    usual = max(_HALVES_GAP, gaps[0][1] - gaps[0][0]) if gaps else 0
    digits = end = 0
    for start, stop in gaps:
        digits += start - end
        if stop - start > usual or (stop - start > 1 and digits >= _DUMP_ROW):
            return row[:start].replace(b" ", b"")
        end = stop
    return row.replace(b" ", b"")


def _decimal(view: View) -> Iterator[View]:
    """Yield what an array such as [48, 119, 2] holds."""
    for match in _DECIMALS.finditer(view.data):
        numbers = [int(each) for each in match[0].split(b",")]
        if max(numbers) <= 0xFF:  # noqa: PLR2004 a byte
            yield View(bytes(numbers), view, "numbers", [(0, match.start())])


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
