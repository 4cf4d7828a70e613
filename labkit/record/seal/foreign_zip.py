"""Unpacking a ZIP of anybody's in memory, in bounded time and memory.

Nothing is written to a disk. What a ZIP says of itself is believed only where the bytes agree:
sizes before anything is inflated, names and sizes in both places, no file over another.

Source: PKWARE, .ZIP File Format Specification (APPNOTE.TXT) 6.3.10, 4.3, 4.4, appendix D; RFC 1951.
"""

from __future__ import annotations

import re
import zlib
from itertools import pairwise
from typing import NamedTuple

from labkit.errors import RecordError
from labkit.record.seal.zip_form import (
    CENTRAL,
    CENTRAL_MARK,
    END,
    END_MARK,
    LOCAL,
    LOCAL_MARK,
    Entry,
    shown,
)

__all__ = ["LARGEST_UNPACKED", "LONGEST_PATH", "MOST_ENTRIES", "MOST_FOLDERS", "unpack"]

LARGEST_UNPACKED = 256 << 20
"""Bytes of all files together, at most; they are held in memory."""

MOST_ENTRIES = 5000
LONGEST_PATH = 1000
MOST_FOLDERS = 64
"""Folders inside of each other, at most."""

_LONGEST_COMMENT = 0xFFFF
_ZIP64 = {0xFFFF, 0xFFFFFFFF}
_ENCRYPTED, _SIZES_BEHIND, _UTF_8 = 1 << 0, 1 << 3, 1 << 11
_STORED, _DEFLATED = 0, 8
_CLIMBS = re.compile(r"/|[A-Za-z]:/|(.*/)?\.\.(/|$)|.*[\\\x00-\x1f\x7f]", re.DOTALL)


class _File(NamedTuple):
    path: str
    raw_name: bytes
    told: Entry
    start: int


def unpack(data: bytes) -> dict[str, bytes]:
    """Return the files of a ZIP by path; folders' own entries are left out.

    Args:
        data: the whole ZIP.

    Raises:
        RecordError: it is none, says of itself what is not so, has a path that climbs out, is
            encrypted, or is larger than it may be.
    """
    entries, end = _directory(data)
    files = [_located(data, path, raw_name, told) for path, raw_name, told in entries]
    _refuse_overlaps(files, end)
    _refuse_too_much(files)
    return {file.path: _content(data, file) for file in files if not file.path.endswith("/")}


def _directory(data: bytes) -> tuple[list[tuple[str, bytes, Entry]], int]:
    """Return a ZIP's entries, and where its directory begins."""
    end = _end(data)
    _, disk, other_disk, here, count, size, begin, _ = END.unpack_from(data, end)
    if {count, size, begin} & _ZIP64:
        raise RecordError("expected a plain ZIP, got a ZIP64, which is for more than 4 GiB.")
    if count > MOST_ENTRIES:
        raise RecordError(f"expected a ZIP of at most {MOST_ENTRIES} entries, got {count}.")
    if (disk, other_disk, here, begin + size) != (0, 0, count, end):
        raise RecordError(
            f"offset {end}: expected a ZIP in one piece whose directory ends here, got {size} "
            f"bytes of it from offset {begin}. The file is damaged, or was cut out of another."
        )
    entries: dict[str, tuple[bytes, Entry]] = {}
    position = begin
    for number in range(1, count + 1):
        if position + CENTRAL.size > end or data[position : position + 4] != CENTRAL_MARK:
            raise RecordError(f"offset {position}: expected directory entry {number} of {count}.")
        told = Entry._make(CENTRAL.unpack_from(data, position))
        start = position + CENTRAL.size
        raw_name = data[start : start + told.name_length]
        path = _path(raw_name, told)
        if path in entries:
            raise RecordError(f"{shown(path)}: this name is in the ZIP's directory twice.")
        entries[path] = raw_name, told
        position = start + told.name_length + told.extra_length + told.comment_length
    if position != end:
        raise RecordError(
            f"offset {position}: expected the end of the ZIP's directory at offset {end}."
        )
    return [(path, *entry) for path, entry in entries.items()], begin


def _end(data: bytes) -> int:
    """Return where the record at a ZIP's end is; a comment may come behind it."""
    lowest = max(0, len(data) - END.size - _LONGEST_COMMENT)
    at = len(data)
    while (at := data.rfind(END_MARK, lowest, at)) >= 0:
        rest = len(data) - at - END.size
        if rest >= 0 and END.unpack_from(data, at)[-1] == rest:
            return at
    raise RecordError("expected a ZIP, got a file that is none, is cut short or has a tail.")


def _path(raw: bytes, told: Entry) -> str:
    try:
        path = raw.decode()
    except UnicodeDecodeError:
        path = raw.decode("latin-1" if told.flags & _UTF_8 else "cp437")
    if not path or len(path) > LONGEST_PATH or path.count("/") > MOST_FOLDERS:
        raise RecordError(
            f"{shown(path)}: expected a path of 1 to {LONGEST_PATH} characters, in at most "
            f"{MOST_FOLDERS} folders."
        )
    if _CLIMBS.match(path):
        raise RecordError(
            f"{shown(path)}: this path would climb out of the folder that the file is unpacked in. "
            "Do not unpack it."
        )
    return path


def _located(data: bytes, path: str, raw_name: bytes, told: Entry) -> _File:
    """Return a file with where its bytes begin, having compared what is said in both places."""
    at = told.offset
    if at + LOCAL.size > len(data) or data[at : at + 4] != LOCAL_MARK:
        raise RecordError(f"{shown(path)}: expected its header at offset {at}; it is not there.")
    _, _, flags, method, _, _, _, packed, size, name_length, extra_length = LOCAL.unpack_from(
        data, at
    )
    if (told.flags | flags) & _ENCRYPTED:
        raise RecordError(
            f"{shown(path)}: is encrypted. Unpack the file with its password, and pack it again."
        )
    if told.method not in (_STORED, _DEFLATED):
        raise RecordError(
            f"{shown(path)}: expected a file that is stored or deflated, got packing method "
            f"{told.method}. Unpack the file with another program, and pack it again."
        )
    start = at + LOCAL.size + name_length
    here = (method, data[at + LOCAL.size : start])
    sizes_agree = flags & _SIZES_BEHIND or (packed, size) == (told.packed_size, told.size)
    if here != (told.method, raw_name) or not sizes_agree:
        raise RecordError(
            f"{shown(path)}: its header at offset {at} and the ZIP's directory do not agree on "
            "name, packing method or size."
        )
    return _File(path, raw_name, told, start + extra_length)


def _refuse_overlaps(files: list[_File], end: int) -> None:
    spans = sorted((f.told.offset, f.start + f.told.packed_size, f.path) for f in files)
    for (_, over, path), (begin, _, other) in pairwise([*spans, (end, end, "the directory")]):
        if over > begin:
            raise RecordError(
                f"{shown(path)}: reaches to offset {over}, over {shown(other)} at offset {begin}."
            )


def _refuse_too_much(files: list[_File]) -> None:
    size = sum(file.told.size for file in files)
    if size > LARGEST_UNPACKED:
        raise RecordError(
            f"expected files of at most {LARGEST_UNPACKED} bytes together, got {size}."
        )


def _content(data: bytes, file: _File) -> bytes:
    told = file.told
    packed = data[file.start : file.start + told.packed_size]
    raw, whole = packed, True
    if told.method == _DEFLATED:
        inflating = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            raw = inflating.decompress(packed, told.size + 1)
        except zlib.error:
            raise RecordError(f"{shown(file.path)}: is damaged: it cannot be inflated.") from None
        whole = inflating.eof and not inflating.unused_data
    if len(raw) != told.size or not whole:
        raise RecordError(
            f"{shown(file.path)}: expected {told.size} bytes, as the ZIP says, got "
            f"{'more' if len(raw) > told.size or whole is False else len(raw)}."
        )
    if zlib.crc32(raw) != told.crc:
        raise RecordError(
            f"{shown(file.path)}: expected the CRC-32 {told.crc:08x}, got {zlib.crc32(raw):08x}. "
            "The file is damaged: take another copy."
        )
    return raw
