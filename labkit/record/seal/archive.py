"""A record's file: a ZIP that is a function of its name, its files and its time.

Entries are stored, never deflated, since what deflating gives differs between versions; they stand
in one order, with fixed attributes, one time, and nothing between or behind them. So whoever
knows what is in a record can write it again and compare.

Source: PKWARE, .ZIP File Format Specification (APPNOTE.TXT) 6.3.10, 4.3; The ELN Consortium,
Specification for the ELN file format, "Structure of the archive".
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.errors import RecordError
from labkit.record.seal.zip_form import (
    CENTRAL,
    CENTRAL_MARK,
    END,
    END_MARK,
    LOCAL,
    LOCAL_MARK,
    Entry,
    fields,
    from_dos,
    shown,
    to_dos,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime

__all__ = [
    "LARGEST",
    "METADATA",
    "MOST_FILES",
    "SIGNATURE",
    "Archive",
    "read_archive",
    "refuse_difference",
    "write_archive",
]

METADATA = "ro-crate-metadata.json"
SIGNATURE = "ro-crate-metadata.json.minisig"

LARGEST = 256 << 20
"""Bytes of a whole record, at most."""

MOST_FILES = 1000
LONGEST_NAME = 200

_NAME = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")
_CHANGED = (
    "The file is not as labkit wrote it: take another copy. `labkit record show` shows what an "
    ".eln file of others holds."
)

_NEEDS = 10
"""ZIP 1.0 is all that a stored file needs."""
_MADE_BY = 3 << 8 | 20
_ATTRIBUTES = 0o100644 << 16
"""Made on Unix: a file that its owner writes and everybody reads."""


@dataclass(frozen=True, slots=True)
class Archive:
    """What a record's ZIP holds.

    Attributes:
        name: its one root folder.
        files: contents by path inside of the root folder, in the file's order.
        when: the one time of all entries, UTC.
    """

    name: str
    files: Mapping[str, bytes]
    when: datetime


def write_archive(name: str, files: Mapping[str, bytes], when: datetime) -> bytes:
    """Return the ZIP of a record: the same bytes for the same input, always.

    Args:
        name: the root folder's.
        files: contents by path inside of the root folder, metadata and signature among them.
        when: UTC, even seconds, the only time in it.

    Raises:
        RecordError: a name, the time or the size is none that a record can have.
    """
    _refuse_names([name])
    if "/" in name:
        raise RecordError(f"{name!r}: expected the name of one folder, got a path.")
    _refuse_names(files)
    if len(files) > MOST_FILES:
        raise RecordError(f"expected at most {MOST_FILES} files in a record, got {len(files)}.")
    if (size := sum(map(len, files.values()))) > LARGEST:
        raise RecordError(f"expected a record of at most {LARGEST} bytes, got files of {size}.")
    return b"".join(part for _, part in _parts(name, files, when))


def read_archive(data: bytes) -> Archive:
    """Read what a record's ZIP holds, refusing what no record's ZIP has.

    What is returned is proven to be all that stands in `data` only by `refuse_difference`.

    Args:
        data: the whole file.

    Raises:
        RecordError: it is no such ZIP; what, where, expected and got are told.
    """
    files: dict[str, bytes] = {}
    position = 0
    directory = list(_directory(data))
    for number, (entry, name, place) in enumerate(directory, 1):
        where = f"directory entry {number} at offset {place}, {shown(name)}"
        _refuse_foreign(entry, where)
        if entry.offset != position:
            raise RecordError(
                f"{where}: expected its file at offset {position}, got {entry.offset}. {_CHANGED}"
            )
        start = position + LOCAL.size + entry.name_length
        position = start + entry.size
        if name in files:
            raise RecordError(f"{where}: this name is there twice. {_CHANGED}")
        files[name] = data[start:position]
    root, inside = _one_folder(files)
    _refuse_order(list(inside))
    return Archive(root, inside, from_dos(directory[0][0]))


def refuse_difference(data: bytes, name: str, files: Mapping[str, bytes], when: datetime) -> None:
    """Write a record's ZIP again and compare it with the file, byte for byte.

    Raises:
        RecordError: they differ; the first difference is told, with its offset and what is there.
    """
    if data == write_archive(name, files, when):
        return
    position = 0
    for where, part in _parts(name, files, when):
        got = data[position : position + len(part)]
        if got != part:
            at = next((i for i, (a, b) in enumerate(zip(got, part, strict=False)) if a != b), 0)
            raise RecordError(
                f"offset {position + at}, {where}: expected {_hex(part, at)}, "
                f"got {_hex(got, at)}. {_CHANGED}"
            )
        position += len(part)
    raise RecordError(
        f"offset {position}: expected the file's end, got {len(data) - position} bytes more. "
        f"{_CHANGED}"
    )


def _parts(name: str, files: Mapping[str, bytes], when: datetime) -> Iterator[tuple[str, bytes]]:
    """Yield the parts of a record's ZIP, each with what it is."""
    time, date = to_dos(when)
    directory: list[tuple[str, bytes]] = []
    position = 0
    for path in sorted(files, key=_place):
        raw, full = files[path], f"{name}/{path}".encode()
        shared = (0, 0, time, date, zlib.crc32(raw), len(raw), len(raw), len(full), 0)
        yield from fields(f"{path}'s header", LOCAL_MARK, _NEEDS, *shared)
        yield f"{path}'s name", full
        yield path, raw
        entry = (_MADE_BY, _NEEDS, *shared, 0, 0, 0, _ATTRIBUTES, position)
        directory += fields(f"{path}'s directory entry", CENTRAL_MARK, *entry)
        directory += [(f"{path}'s name in the directory", full)]
        position += LOCAL.size + len(full) + len(raw)
    yield from directory
    size = sum(len(part) for _, part in directory)
    end = (0, 0, len(files), len(files), size, position, 0)
    yield from fields("the directory's end", END_MARK, *end)


def _directory(data: bytes) -> Iterator[tuple[Entry, str, int]]:
    """Yield each entry of the directory, its name, and its offset."""
    if len(data) > LARGEST:
        raise RecordError(f"expected a record of at most {LARGEST} bytes, got {len(data)}.")
    end = len(data) - END.size
    if not data.startswith(LOCAL_MARK) or end < 0 or data[end : end + 4] != END_MARK:
        raise RecordError(
            f"expected a ZIP from {LOCAL_MARK.hex()} to its end mark at offset {max(end, 0)}, got "
            f"{len(data)} bytes that are none, or are cut short, or have something behind. "
            f"{_CHANGED}"
        )
    _, _, _, _, count, size, position, _ = END.unpack_from(data, end)
    if not 0 < count <= MOST_FILES or position + size != end:
        raise RecordError(
            f"offset {end}: expected a directory of 1 to {MOST_FILES} entries that ends here, got "
            f"{count} entries, {size} bytes from offset {position}. {_CHANGED}"
        )
    for number in range(1, count + 1):
        raw = data[position : min(position + CENTRAL.size, end)]
        if len(raw) < CENTRAL.size or raw[:4] != CENTRAL_MARK:
            raise RecordError(f"offset {position}: expected directory entry {number}. {_CHANGED}")
        entry = Entry._make(CENTRAL.unpack(raw))
        start = position + CENTRAL.size
        name = data[start : min(start + entry.name_length, end)].decode("latin-1")
        yield entry, name, position
        position = start + entry.name_length
    if position != end:
        raise RecordError(
            f"offset {position}: expected the directory's end after {count} entries, got "
            f"{end - position} bytes more. {_CHANGED}"
        )


def _refuse_foreign(entry: Entry, where: str) -> None:
    told = {
        "packing method": entry.method,
        "flags": entry.flags,
        "extra bytes": entry.extra_length,
        "comment bytes": entry.comment_length,
        "bytes saved by packing": entry.size - entry.packed_size,
    }
    for what, got in told.items():
        if got:
            raise RecordError(f"{where}: expected no {what}, got {got}. {_CHANGED}")


def _one_folder(files: Mapping[str, bytes]) -> tuple[str, dict[str, bytes]]:
    """Return the one root folder and what is in it, by path inside of it."""
    root = next(iter(files)).partition("/")[0]
    inside = {}
    for name, raw in files.items():
        folder, _, path = name.partition("/")
        if folder != root or not path:
            raise RecordError(
                f"{shown(name)}: expected one root folder, {shown(root)}, that holds everything. "
                f"{_CHANGED}"
            )
        inside[path] = raw
    _refuse_names([root])
    _refuse_names(inside)
    return root, inside


def _refuse_order(paths: list[str]) -> None:
    for number, (got, expected) in enumerate(zip(paths, sorted(paths, key=_place), strict=True), 1):
        if got != expected:
            raise RecordError(
                f"entry {number}: expected {expected}, got {got}: out of order. {_CHANGED}"
            )


def _place(path: str) -> tuple[int, str]:
    return {METADATA: 0, SIGNATURE: 1}.get(path, 2), path


def _refuse_names(names: Collection[str]) -> None:
    """Refuse names that climb out, or that some system cannot hold or takes for another."""
    seen: dict[str, str] = {}
    for name in names:
        if (
            not _NAME.fullmatch(name)
            or len(name) > LONGEST_NAME
            or {".", ".."} & set(name.split("/"))
        ):
            raise RecordError(
                f"{shown(name)}: expected a path of at most {LONGEST_NAME} letters, digits, `.`, "
                "`_`, `-` and `/` that stays inside of the record."
            )
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise RecordError(f"{name}: is the same file as {other} where capitals do not count.")
    for name in names:
        parts = name.lower().split("/")
        if clash := [p for n in range(1, len(parts)) if (p := "/".join(parts[:n])) in seen]:
            raise RecordError(f"{name}: {seen[clash[0]]} is a file, and no folder that holds it.")


def _hex(raw: bytes, at: int) -> str:
    return raw[at : at + 8].hex(" ") or "the file's end"
