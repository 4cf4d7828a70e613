"""The three structures of a ZIP without extras, field by field.

Source: PKWARE, .ZIP File Format Specification (APPNOTE.TXT) 6.3.10, 4.3.7, 4.3.12, 4.3.16, 4.4.6.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from labkit.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "CENTRAL",
    "CENTRAL_MARK",
    "END",
    "END_MARK",
    "LOCAL",
    "LOCAL_MARK",
    "Entry",
    "fields",
    "from_dos",
    "shown",
    "to_dos",
]

LOCAL_MARK, CENTRAL_MARK, END_MARK = b"PK\3\4", b"PK\1\2", b"PK\5\6"

_SHARED = (
    "version H, flags H, method H, time H, date H, CRC-32 I, packed size I, size I, "
    "name's length H, extra's length H"
)
_LOCAL_FIELDS = f"mark 4s, {_SHARED}"
_CENTRAL_FIELDS = (
    f"mark 4s, maker H, {_SHARED}, comment's length H, disk H, internal attributes H, "
    "attributes I, offset I"
)
_END_FIELDS = (
    "mark 4s, disk H, directory's disk H, entries on the disk H, entries H, directory's size I, "
    "directory's offset I, comment's length H"
)


def _struct(told: str) -> struct.Struct:
    return struct.Struct("<" + "".join(field.rpartition(" ")[2] for field in told.split(", ")))


LOCAL, CENTRAL, END = _struct(_LOCAL_FIELDS), _struct(_CENTRAL_FIELDS), _struct(_END_FIELDS)
_FIELDS = {LOCAL_MARK: _LOCAL_FIELDS, CENTRAL_MARK: _CENTRAL_FIELDS, END_MARK: _END_FIELDS}

_EARLIEST, _LATEST = 1980, 2107

_SHOWN = 60
"""Characters of a hostile name that a message shows."""


class Entry(NamedTuple):
    """One line of a ZIP's directory, as it stands there."""

    mark: bytes
    made_by: int
    needs: int
    flags: int
    method: int
    time: int
    date: int
    crc: int
    packed_size: int
    size: int
    name_length: int
    extra_length: int
    comment_length: int
    disk: int
    internal_attributes: int
    attributes: int
    offset: int


def fields(where: str, mark: bytes, *values: int) -> Iterator[tuple[str, bytes]]:
    """Yield each field of a structure as it is written, with where it is and what it is called."""
    for told, value in zip(_FIELDS[mark].split(", "), (mark, *values), strict=True):
        name, _, form = told.rpartition(" ")
        yield f"{where}, {name}", struct.pack(f"<{form}", value)


def shown(name: str) -> str:
    """Return a name as a message may show it, hostile as it may be."""
    return repr(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}...")


def to_dos(when: datetime) -> tuple[int, int]:
    """Return a time of day and a date as a ZIP has them.

    Raises:
        RecordError: a ZIP cannot tell it.
    """
    told = when.astimezone(UTC) if when.tzinfo else None
    if not told or told.microsecond or told.second % 2 or not _EARLIEST <= told.year <= _LATEST:
        raise RecordError(
            f"{when.isoformat()}: expected a time that a ZIP can hold: with its time zone, in even "
            f"seconds, {_EARLIEST} to {_LATEST}."
        )
    time = told.hour << 11 | told.minute << 5 | told.second >> 1
    return time, (told.year - _EARLIEST) << 9 | told.month << 5 | told.day


def from_dos(entry: Entry) -> datetime:
    """Return an entry's date and time, taken as UTC.

    Raises:
        RecordError: there is no such date or time.
    """
    date, time = entry.date, entry.time
    try:
        return datetime(
            _EARLIEST + (date >> 9), date >> 5 & 15, date & 31,
            time >> 11, time >> 5 & 63, (time & 31) << 1, tzinfo=UTC,
        )  # fmt: skip
    except ValueError:
        raise RecordError(
            f"directory entry 1: expected a date and a time, got {date:#06x} and {time:#06x}. Take "
            "another copy of the record."
        ) from None
