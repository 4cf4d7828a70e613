"""A record's file: a ZIP that is a function of its name, its files and its time.

Entries are stored, never deflated, since what deflating gives differs between versions. They have
one order, fixed attributes and one time. So anyone who has read a record can write it again and
compare: a file that differs in one bit is not the record.

Source: PKWARE, .ZIP File Format Specification (APPNOTE.TXT) 6.3.10, 4.3; The ELN Consortium,
Specification for the ELN file format, "Structure of the archive".
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from labkit.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from typing import IO

METADATA = "ro-crate-metadata.json"
SIGNATURE = "ro-crate-metadata.json.minisig"

FOLDER = "run/"
"""The folder of the one Dataset; every file but the metadata and its signature is in it."""

FACTS = "record.json"
"""The facts of a run, in `FOLDER`."""

LARGEST = 256 << 20
"""Bytes of a whole record, at most."""

LARGEST_FACTS = 2 << 20
"""Bytes of a `record.json`; a finished run's has some 40,000."""

MOST_FILES = 1000
LONGEST_NAME = 200

_NAME = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")
_SHOWN = 60
"""Characters of a hostile name that a message shows."""

_EARLIEST, _LATEST = 1980, 2107
_NEEDS, _MADE_BY, _UNIX = 10, 20, 3
"""ZIP 1.0 is all that a stored file needs; it is written by ZIP 2.0, on Unix."""
_ATTRIBUTES = 0o100644 << 16
"""A file that its owner writes and everyone reads."""

_END = struct.Struct("<4s4H2LH")
_ZIP64_LOCATOR = 20
_LARGEST_DIRECTORY = MOST_FILES * (46 + 2 * LONGEST_NAME + 1)
_NO_ZIP = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OverflowError,
    ValueError,
    struct.error,
)
"""What `zipfile` raises for a file that it cannot read, and for an encrypted one."""

_CHANGED = "The file is not as labkit wrote it: take another copy of the record."
_FOREIGN = (
    "It is not a record that labkit made. Open it with the program that wrote it, or take another "
    "copy."
)


@dataclass(frozen=True, slots=True)
class Archive:
    """What a record's ZIP holds.

    Attributes:
        name: its one root folder.
        files: contents by path inside of the root folder, in the file's order.
        when: the one time of all entries, UTC.
        key_id: the id of the key that signed it; empty where no signature was checked.
    """

    name: str
    files: Mapping[str, bytes]
    when: datetime
    key_id: str = ""


def write_archive(name: str, files: Mapping[str, bytes], when: datetime) -> bytes:
    """Return the ZIP of a record: always the same bytes for the same input.

    Args:
        name: the root folder's.
        files: contents by path inside of the root folder, metadata and signature among them.
        when: with its time zone, in even seconds: the only time in it.

    Raises:
        RecordError: a record cannot have this name, time or size.
    """
    _refuse_names([name])
    if "/" in name:
        raise RecordError(f"{name!r}: expected the name of one folder, got a path.")
    _refuse_names(files)
    if len(files) > MOST_FILES:
        raise RecordError(f"expected at most {MOST_FILES} files in a record, got {len(files)}.")
    if (size := sum(map(len, files.values()))) > LARGEST:
        raise RecordError(f"expected a record of at most {LARGEST} bytes, got files of {size}.")
    moment = _zip_time(when)
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for path in sorted(files, key=_place):
            entry = zipfile.ZipInfo(f"{name}/{path}", moment)
            entry.create_system, entry.create_version = _UNIX, _MADE_BY
            entry.extract_version, entry.external_attr = _NEEDS, _ATTRIBUTES
            archive.writestr(entry, files[path])
    return whole.getvalue()


def read_archive(data: bytes) -> Archive:
    """Read a record's ZIP, and prove that it holds nothing else: it is written again and compared.

    Args:
        data: the whole file.

    Raises:
        RecordError: it is not, byte for byte, what `write_archive` writes.
    """
    if len(data) > LARGEST:
        raise RecordError(f"expected a record of at most {LARGEST} bytes, got {len(data)}.")
    files: dict[str, bytes] = {}
    with _opened(io.BytesIO(data), len(data)) as archive:
        entries = archive.infolist()
        if (size := sum(entry.file_size for entry in entries)) > len(data):
            raise RecordError(
                f"expected files of at most {len(data)} bytes, got {size}. {_CHANGED}"
            )
        for entry in entries:
            if entry.filename in files:
                raise RecordError(f"{shown(entry.filename)}: is in the ZIP twice. {_CHANGED}")
            files[entry.filename] = _content(archive, entry)
    root, inside = _one_folder(files)
    try:
        when = datetime(*entries[0].date_time, tzinfo=UTC)
    except ValueError:
        name = shown(entries[0].filename)
        raise RecordError(f"{name}: expected a date and a time. {_CHANGED}") from None
    _refuse_difference(data, write_archive(root, inside, when))
    return Archive(root, inside, when)


def facts_in(file: IO[bytes]) -> bytes:
    """Return a record's `record.json`, reading the ZIP's directory and that file; proves nothing.

    Args:
        file: an open file, which may be anyone's.

    Raises:
        RecordError: it is not a record's ZIP.
    """
    size = file.seek(0, io.SEEK_END)
    with _opened(file, size) as archive:
        for entry in archive.infolist():
            if entry.filename.partition("/")[2] == FOLDER + FACTS:
                if entry.file_size > LARGEST_FACTS:
                    raise RecordError(
                        f"{FOLDER}{FACTS}: expected at most {LARGEST_FACTS} bytes, got "
                        f"{entry.file_size}. {_FOREIGN}"
                    )
                return _content(archive, entry)
        crate = any(each.endswith(METADATA) for each in archive.namelist())
    what = "an RO-Crate of another program" if crate else "a ZIP without it"
    raise RecordError(f"expected a record with the file {FOLDER}{FACTS}, got {what}. {_FOREIGN}")


def shown(name: str) -> str:
    """Return a name as a message may show it, hostile as it may be."""
    return repr(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}...")


def _opened(file: IO[bytes], size: int) -> zipfile.ZipFile:
    """Return a ZIP whose directory was found small enough to be read."""
    file.seek(max(0, size - _END.size - _ZIP64_LOCATOR))
    end = file.read()
    if len(end) < _END.size or not end[-_END.size :].startswith(b"PK\5\6"):
        raise RecordError(
            f"expected a ZIP up to its end mark, got {size} bytes that are not a ZIP, are cut "
            f"short, or have something behind. {_FOREIGN}"
        )
    _, _, _, _, count, length, _, _ = _END.unpack(end[-_END.size :])
    if not 0 < count <= MOST_FILES or length > _LARGEST_DIRECTORY or end.startswith(b"PK\6\7"):
        raise RecordError(
            f"expected a ZIP of 1 to {MOST_FILES} files, got {count} files and a directory of "
            f"{length} bytes, or a ZIP64. {_FOREIGN}"
        )
    try:
        archive = zipfile.ZipFile(file)
    except _NO_ZIP as error:
        raise RecordError(f"expected the directory of a ZIP: {error}. {_FOREIGN}") from None
    if (got := len(archive.infolist())) != count:
        raise RecordError(f"expected a directory of {count} files, got {got}. {_CHANGED}")
    return archive


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Return a file of a ZIP; a packed one, which could be a bomb, is refused before it is read."""
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        raise RecordError(f"{shown(entry.filename)}: expected it stored, got it packed. {_FOREIGN}")
    try:
        return archive.read(entry)
    except _NO_ZIP as error:
        raise RecordError(f"{shown(entry.filename)}: is damaged: {error}. {_CHANGED}") from None


def _refuse_difference(data: bytes, written: bytes) -> None:
    """Refuse a file that differs from the record written again: in which file of it, and where."""
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


def _one_folder(files: Mapping[str, bytes]) -> tuple[str, dict[str, bytes]]:
    """Return the one root folder and what is in it, by path inside of it."""
    root = next(iter(files)).partition("/")[0]
    inside = {name.removeprefix(f"{root}/"): raw for name, raw in files.items()}
    outside = [name for name in files if not name.startswith(f"{root}/")]
    if outside:
        raise RecordError(
            f"{shown(outside[0])}: expected one root folder, {shown(root)}, that holds everything. "
            f"{_CHANGED}"
        )
    return root, inside


def _zip_time(when: datetime) -> tuple[int, int, int, int, int, int]:
    utc = when.astimezone(UTC) if when.tzinfo else None
    if not utc or utc.microsecond or utc.second % 2 or not _EARLIEST <= utc.year <= _LATEST:
        raise RecordError(
            f"{when.isoformat()}: expected a time that a ZIP can hold: with its time zone, in even "
            f"seconds, {_EARLIEST} to {_LATEST}."
        )
    return utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second


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
            raise RecordError(f"{name}: is the same file as {other} in a case-insensitive system.")
    for name in names:
        for folder in _folders(name.lower()):
            if folder in seen:
                raise RecordError(f"{name}: {seen[folder]} is a file, not a folder that holds it.")


def _folders(name: str) -> Iterator[str]:
    parts = name.split("/")
    return ("/".join(parts[:depth]) for depth in range(1, len(parts)))
