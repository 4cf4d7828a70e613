"""A record's file: a ZIP whose bytes are a function of its name, its files and its time.

Entries are stored, not deflated, because deflated bytes differ between versions of zlib. Order,
attributes and time are fixed. A reader can therefore write a record again and compare: a file that
differs in one bit is not the record.

Source: PKWARE, .ZIP File Format Specification (APPNOTE.TXT) 6.3.10, 4.3; The ELN Consortium,
Specification for the ELN file format, "Structure of the archive".
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from labkit.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import IO

METADATA = "ro-crate-metadata.json"
SIGNATURE = "ro-crate-metadata.json.minisig"

FOLDER = "run/"
"""The folder of the one Dataset. It holds every file except the metadata and its signature."""

FACTS = "record.json"
"""The facts of a run, in `FOLDER`."""

LARGEST = 256 << 20
"""The largest record, in bytes."""

LARGEST_FACTS = 2 << 20
"""The largest `record.json`, in bytes; that of a finished run has about 40,000."""

MOST_FILES = 1000
LONGEST_NAME = 200

_NAME = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")
_SHOWN = 60
"""Characters of an untrusted name that a message shows."""

_EARLIEST, _LATEST = 1980, 2107
_NEEDS, _MADE_BY, _UNIX = 10, 20, 3
"""A stored file needs ZIP 1.0; it is written by ZIP 2.0 on Unix."""
_ATTRIBUTES = 0o100644 << 16
"""The mode of a regular file, 0644, where Unix puts it."""

_FACTS = FOLDER + FACTS
_LOCAL_HEADER = 30
"""Bytes of an entry's local header before its name (APPNOTE.TXT, 4.3.7)."""
_END = struct.Struct("<4s4H2LH")
_ZIP64_LOCATOR = 20
_LARGEST_DIRECTORY = MOST_FILES * (46 + 2 * LONGEST_NAME + 1)
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OverflowError,
    ValueError,
    struct.error,
)
"""What `zipfile` raises for a file that it cannot read, or that is encrypted."""

_CHANGED = "The file is not as labkit wrote it: get another copy of the record."
_NOT_OURS = "labkit did not make this file. Open it with the program that did, or get another copy."


@dataclass(frozen=True, slots=True)
class Archive:
    """The content of a record's ZIP.

    Attributes:
        name: the name of its one root folder.
        files: content by path inside the root folder, in the order of the ZIP.
        when: the one time of all entries, UTC.
        key_id: the id of the key that signed it; empty if the signature was not verified.
    """

    name: str
    files: Mapping[str, bytes]
    when: datetime
    key_id: str = ""


def write_archive(name: str, files: Mapping[str, bytes], when: datetime) -> bytes:
    """Return the ZIP of a record: always the same bytes for the same input.

    Args:
        name: the name of the root folder.
        files: content by path inside the root folder, including metadata and signature.
        when: with its time zone, in even seconds; the only time in the ZIP.

    Raises:
        RecordError: a record cannot have this name, time or size.
    """
    _refuse_names([name, *files])
    if "/" in name:
        raise RecordError(f"{name!r}: expected a folder's name, got a path. Choose another name.")
    if len(files) > MOST_FILES:
        raise RecordError(
            f"expected at most {MOST_FILES} files in a record, got {len(files)}. Remove files that "
            "are not part of the run from the device's folder."
        )
    if (size := sum(map(len, files.values()))) > LARGEST:
        raise RecordError(
            f"expected files of at most {LARGEST} bytes in total, got {size}. Remove large files "
            "from the device's folder."
        )
    moment = _zip_time(when)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for path in sorted(files, key=_position):
            entry = zipfile.ZipInfo(f"{name}/{path}", moment)
            entry.create_system, entry.create_version = _UNIX, _MADE_BY
            entry.extract_version, entry.external_attr = _NEEDS, _ATTRIBUTES
            archive.writestr(entry, files[path])
    return written.getvalue()


def read_archive(data: bytes) -> Archive:
    """Read a record's ZIP and compare it, byte for byte, with what `write_archive` writes.

    Args:
        data: the whole file.

    Raises:
        RecordError: the file differs, or is not a ZIP.
    """
    if len(data) > LARGEST:
        raise RecordError(f"expected at most {LARGEST} bytes, got {len(data)}. {_NOT_OURS}")
    with _opened(io.BytesIO(data), len(data)) as archive:
        entries = archive.infolist()
        if (size := sum(entry.file_size for entry in entries)) > len(data):
            raise RecordError(
                f"expected files of at most {len(data)} bytes, got {size}. {_CHANGED}"
            )
        try:
            files = {entry.filename: archive.read(_stored(entry)) for entry in entries}
            when = datetime(*entries[0].date_time, tzinfo=UTC)
        except _ZIP_ERRORS as error:
            raise RecordError(f"the ZIP is damaged: {error}. {_CHANGED}") from None
    root = entries[0].filename.partition("/")[0]
    inside = {name.removeprefix(f"{root}/"): raw for name, raw in files.items()}
    # Any other defect, such as a second root folder or a name that occurs twice, is a difference.
    _refuse_difference(data, write_archive(root, inside, when))
    return Archive(root, inside, when)


def facts_in(file: IO[bytes]) -> bytes:
    """Return a record's `record.json`, reading only the ZIP's directory and that file.

    Only the CRC-32 is checked.

    Args:
        file: an open file, which can hold anything.

    Raises:
        RecordError: it is not a record's ZIP.
    """
    with _opened(file, file.seek(0, io.SEEK_END)) as archive:
        inside = (each for each in archive.infolist() if each.filename.partition("/")[2] == _FACTS)
        entry = next(inside, None)
        if entry is None:
            raise RecordError(f"the ZIP has no file {_FACTS}. {_NOT_OURS}")
        if entry.file_size > LARGEST_FACTS:
            raise RecordError(
                f"{_FACTS}: expected at most {LARGEST_FACTS} bytes, got {entry.file_size}. "
                f"{_NOT_OURS}"
            )
        # A record's local headers have no extra field. `ZipFile.open` takes five times as long.
        file.seek(max(0, _stored(entry).header_offset) + _LOCAL_HEADER + len(entry.filename))
        raw = file.read(entry.file_size)
    if zlib.crc32(raw) != entry.CRC:
        raise RecordError(f"{_FACTS}: the ZIP is damaged: bad CRC-32. {_CHANGED}")
    return raw


def shown(name: str) -> str:
    """Return an untrusted name as a message can show it: quoted, escaped and shortened."""
    return repr(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}...")


def _opened(file: IO[bytes], size: int) -> zipfile.ZipFile:
    """Open a ZIP after checking that its directory is small enough to be read."""
    file.seek(max(0, size - _END.size - _ZIP64_LOCATOR))
    end = file.read()
    if len(end) < _END.size or not end[-_END.size :].startswith(b"PK\5\6"):
        raise RecordError(
            f"expected a ZIP, got {size} bytes without the end record of a ZIP. The file is cut "
            "short, has something appended, or is of another kind: get another copy."
        )
    _, _, _, _, count, length, _, _ = _END.unpack(end[-_END.size :])
    if not 0 < count <= MOST_FILES or length > _LARGEST_DIRECTORY or end.startswith(b"PK\6\7"):
        raise RecordError(
            f"expected a ZIP of 1 to {MOST_FILES} files, got {count} files and a directory of "
            f"{length} bytes, or a ZIP64. {_NOT_OURS}"
        )
    try:
        archive = zipfile.ZipFile(file)
    except _ZIP_ERRORS as error:
        raise RecordError(f"the ZIP's directory is damaged: {error}. {_CHANGED}") from None
    if (got := len(archive.infolist())) != count:
        raise RecordError(f"expected a directory of {count} files, got {got}. {_CHANGED}")
    return archive


def _stored(entry: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """Refuse a compressed entry before it is read, since it could be a bomb."""
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        raise RecordError(
            f"{shown(entry.filename)}: expected it stored, got it compressed. {_NOT_OURS}"
        )
    return entry


def _refuse_difference(data: bytes, written: bytes) -> None:
    """Refuse a file that differs from the record written again; report the file and the offset."""
    if data == written:
        return
    same = min(len(data), len(written))
    at = next((at for at in range(same) if data[at] != written[at]), same)
    with zipfile.ZipFile(io.BytesIO(written)) as archive:
        names = [each.filename for each in archive.infolist() if each.header_offset <= at]
        where = names[-1].partition("/")[2] if at < archive.start_dir else "the ZIP's directory"
    raise RecordError(
        f"offset {at}, {where}: expected {written[at : at + 1].hex() or 'the end'}, got "
        f"{data[at : at + 1].hex() or 'the end'}. {_CHANGED}"
    )


def _zip_time(when: datetime) -> tuple[int, int, int, int, int, int]:
    utc = when.astimezone(UTC) if when.tzinfo else None
    if not utc or utc.microsecond or utc.second % 2 or not _EARLIEST <= utc.year <= _LATEST:
        raise RecordError(
            f"{when.isoformat()}: a ZIP cannot hold this time. Give a time with its time zone, in "
            f"even seconds, from {_EARLIEST} to {_LATEST}."
        )
    return utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second


def _position(path: str) -> tuple[int, str]:
    return {METADATA: 0, SIGNATURE: 1}.get(path, 2), path


def _refuse_names(names: Collection[str]) -> None:
    """Refuse a path that leads out of the record, or that some system cannot hold."""
    for name in names:
        parts = set(name.split("/"))
        if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME or {".", ".."} & parts:
            raise RecordError(
                f"{shown(name)}: expected a path of at most {LONGEST_NAME} letters, digits, `.`, "
                "`_`, `-` and `/` that stays inside the record. Rename the file."
            )
