"""What runs of digits in a text stand for: base64, hex and decimal numbers.

Digits are joined over lines, whatever stands before and behind them: quotes, a console's prefix, a
dump's addresses. Where a run of digits begins is not known, so each phase is decoded.
"""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Run: TypeAlias = "tuple[bytes, list[tuple[int, int]]]"
"""What digits stand for, and at which of its bytes each row begins, and where that stands."""

_SHORTEST_BASE64, _LONG_BASE64, _SHORTEST_HEX = 16, 40, 12
"""Digits of a row that is joined to others; several long ones may stand on a line."""

_LARGEST_GAP = 600
"""Bytes between two rows of the same dump: other tasks may log in between."""

_DUMP_ROW = 32
"""Digits of a dump's row, behind which its characters may stand."""

_HALVES_GAP = 2
"""Blanks that may part the halves of a dump's row; more part its bytes from its characters."""


# Base64

_BASE64_ROW = re.compile(rb"[A-Za-z0-9+/_-]{%d,}" % _SHORTEST_BASE64)
_STANDARD = bytes.maketrans(b"-_", b"+/")
_PHASES = 4


def base64_runs(data: bytes) -> Iterator[Run]:
    """Yield what a text's base64 stands for, standard or for URLs, with padding or without."""
    for rows in _joined(_longest_of_each_line(data)):
        digits = b"".join(row for _, row in rows).translate(_STANDARD)
        for phase in range(_PHASES):
            part = digits[phase:]
            # One digit too many has no meaning; two or three are a last group without padding.
            part = part[: len(part) - (len(part) % 4 == 1)]
            plain = binascii.a2b_base64(part + b"=" * (-len(part) % 4))
            yield plain, _starts(rows, phase, 3, 4)


def _longest_of_each_line(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the rows of base64 digits: of a line the longest, all as long as it, all long ones."""
    kept: tuple[int, bytes] | None = None
    end = 0
    for match in _BASE64_ROW.finditer(data):
        start, row = match.start(), match[0]
        gap = data[end:start] if kept and start - end < _LARGEST_GAP else b"\n"
        end = match.end()
        if kept is not None:
            one_is_a_word = len(row) != len(kept[1]) and min(len(kept[1]), len(row)) < _LONG_BASE64
            if one_is_a_word and b"\n" not in gap and b"\r" not in gap:
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


def hex_runs(data: bytes) -> Iterator[Run]:
    """Yield what hex digits stand for: in one run, in pairs, as an array, in a dump's rows."""
    data = _CHARACTERS.sub(lambda column: b"|" * len(column[0]), data)
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
                yield plain, _starts(group, phase, 1, 2)


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


def number_runs(data: bytes) -> Iterator[Run]:
    """Yield what an array such as [48, 119, 2] holds."""
    for match in _DECIMALS.finditer(data):
        numbers = [int(each) for each in match[0].split(b",")]
        if max(numbers) <= 0xFF:  # noqa: PLR2004 a byte
            yield bytes(numbers), [(0, match.start())]
