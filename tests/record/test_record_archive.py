"""A record's file is a ZIP whose bytes depend only on its name, its files and its time."""

from __future__ import annotations

import io
import re
import struct
import subprocess
import tracemalloc
import zipfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.errors import RecordError
from labkit.record.seal.archive import (
    FACTS,
    FOLDER,
    LARGEST_FACTS,
    METADATA,
    MOST_FILES,
    SIGNATURE,
    facts_in,
    read_archive,
    write_archive,
)

WHEN = datetime(2026, 11, 25, 12, 34, 56, tzinfo=UTC)
FILES = {
    "run/b.txt": b"two",
    "run/a/one.bin": bytes(range(256)),
    SIGNATURE: b"signature",
    METADATA: b"{}",
    "run/empty": b"",
}
ORDER = [METADATA, SIGNATURE, "run/a/one.bin", "run/b.txt", "run/empty"]
SMALL = write_archive("r", {"a": b"one", "b": b"two"}, WHEN)
CENTRAL = SMALL.index(b"PK\1\2")


def packed(files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """Return a ZIP of another program."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as opened:
        for name, raw in files.items():
            opened.writestr(zipfile.ZipInfo(name, WHEN.timetuple()[:6]), raw, method)
    return made.getvalue()


def at(offset: int, raw: bytes) -> bytes:
    """Return the small record with other bytes at an offset."""
    return SMALL[:offset] + raw + SMALL[offset + len(raw) :]


def shared(count: int, content: bytes) -> bytes:
    """Return a ZIP whose entries all share the bytes of the first one."""
    one = packed({"r/00000": content})
    begin = one.rindex(b"PK\1\2")
    entry = one[begin : begin + 46]
    entries = b"".join(entry + b"r/%05d" % number for number in range(count))
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(entries), begin, 0)
    return one[:begin] + entries + end


def test_file_is_a_function_of_name_files_and_time() -> None:
    """The order in which files are given, and the time zone of the time, change nothing."""
    one = write_archive("record-1", FILES, WHEN)
    there = WHEN.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert one == write_archive("record-1", dict(reversed(FILES.items())), there)
    assert one != write_archive("record-2", FILES, WHEN)
    assert one != write_archive("record-1", FILES, WHEN + timedelta(seconds=2))
    assert one != write_archive("record-1", FILES | {"run/empty": b"x"}, WHEN)


def test_written_bytes_never_change() -> None:
    """The stored record of the first release, written again, is the same byte for byte."""
    stored = Path(__file__).resolve().parents[1] / "records" / "first-release.eln"
    archive = read_archive(stored.read_bytes())
    assert write_archive(archive.name, archive.files, archive.when) == stored.read_bytes()


@pytest.mark.parametrize("year", [1980, 2026, 2107])
def test_archive_is_read_back(year: int) -> None:
    """Reading gives name, files in order, and time, also in the first and last year."""
    when = WHEN.replace(year=year)
    archive = read_archive(write_archive("record-1", FILES, when))
    assert (archive.name, archive.files, archive.when) == ("record-1", FILES, when)
    assert list(archive.files) == ORDER


@pytest.mark.needs("unzip")
def test_unzip_lists_tests_and_unpacks_it(tmp_path: Path) -> None:
    """Info-ZIP tests it without a warning, and fails where a content's bit was flipped."""

    def unzip(*words: str) -> subprocess.CompletedProcess[str]:
        command = ["unzip", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    data = write_archive("r", FILES, WHEN)
    (tmp_path / "whole.eln").write_bytes(data)
    damaged = bytearray(data)
    damaged[data.index(b"two")] ^= 1
    (tmp_path / "damaged.eln").write_bytes(damaged)
    whole = unzip("-tq", "whole.eln")
    assert (whole.returncode, whole.stderr) == (0, "")
    assert unzip("-tq", "damaged.eln").returncode == 2
    assert unzip("-q", "whole.eln").returncode == 0
    assert {path: (tmp_path / "r" / path).read_bytes() for path in ORDER} == FILES


PATHS = ["../x", "a/../x", "/x", "a//x", "a/", "", ".", "./x", "a\\x", "C:x", "a b", "ü", "a\0",
         "a\n", "x" * 201]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_name_that_climbs_out_or_is_not_plain_is_refused(path: str) -> None:
    """It is not written, and not read if another program wrote it."""
    with pytest.raises(RecordError, match="stays inside"):
        write_archive("r", {path: b""}, WHEN)
    with pytest.raises(RecordError):
        read_archive(packed({f"r/{path}": b""}))
    read_archive(write_archive("r", {"x" * 200: b""}, WHEN))


@pytest.mark.parametrize("name", ["..", "a/b", "", "r/"])
def test_root_folder_is_one_plain_name(name: str) -> None:
    """A path or an empty name is refused."""
    with pytest.raises(RecordError):
        write_archive(name, FILES, WHEN)


@pytest.mark.parametrize(
    "other", [{"tzinfo": None}, {"microsecond": 1}, {"second": 1}, {"year": 1979}, {"year": 2108}]
)
def test_time_that_a_zip_cannot_hold_is_refused(other: dict[str, int]) -> None:
    """No time zone, odd or fractional seconds, before 1980 or after 2107."""
    with pytest.raises(RecordError, match="a ZIP cannot hold this time"):
        write_archive("r", FILES, WHEN.replace(**other))


A, B = {"r/a": b"one"}, {"r/b": b"two"}
EDITS = {
    "nothing": ("without the end record of a ZIP", b""),
    "other": ("without the end record of a ZIP", b"%PDF-1.7" * 9),
    "cut": ("without the end record of a ZIP", SMALL[:-1]),
    "behind": ("without the end record of a ZIP", SMALL + b"\0"),
    "in front": ("offset 0, a: expected", b"#!/bin/sh\n" + SMALL),
    "note": ("without the end record of a ZIP", at(len(SMALL) - 2, b"\4\0note")),
    "no entries": ("expected a ZIP of 1 to 1000 files, got 0", packed({})),
    "empty directory": ("of 2 files, got 0", at(len(SMALL) - 10, b"\0" * 4)),
    "other count": ("of 3 files, got 2", at(len(SMALL) - 14, b"\3\0\3")),
    "ZIP64": ("or a ZIP64", SMALL[:-22] + b"PK\6\7".ljust(20, b"\0") + SMALL[-22:]),
    "deflated": ("'r/a': expected it stored, got it", packed(A | B, zipfile.ZIP_DEFLATED)),
    "bzip2": ("'r/a': expected it stored, got it", packed(A, zipfile.ZIP_BZIP2)),
    "encrypted": ("the ZIP is damaged: .*encrypted", at(CENTRAL + 8, b"\1")),
    "order": ("a: expected", packed(B | A)),
    "twice": ("offset 14, a: expected", SMALL.replace(b"r/b", b"r/a")),
    "roots": ("offset 4, a: expected", packed(A | {"s/c": b""})),
    "no root": ("offset 4, a: expected", packed({"a": b""})),
    "climbs": ("stays inside", packed({"r/../../etc/passwd": b""})),
    "folder": ("expected a path", packed({"r/": b""} | A)),
    "local name": ("the ZIP is damaged: ", at(30, b"s/a")),
    "local extra": ("the ZIP is damaged: |offset", at(28, b"\1")),
    "local version": ("offset 4, a: expected 0a", at(4, b"\x14")),
    "flags": ("the ZIP's directory: expected", at(CENTRAL + 9, b"\x08")),
    "attributes": ("the ZIP's directory: expected", at(CENTRAL + 41, b"\xff")),
    "CRC": ("the ZIP is damaged: Bad CRC-32 for file 'r/b'", SMALL.replace(b"two", b"twO")),
    "month": ("the ZIP is damaged: month must be", at(CENTRAL + 14, b"\0\0")),
    "shared bytes": ("expected files of at most", shared(3, b"x" * 1000)),
}  # fmt: skip


@pytest.mark.parametrize("what", EDITS)
def test_other_zip_is_refused_with_what_and_where(what: str) -> None:
    """The message has the place and what to do; the unchanged ZIP is read."""
    message, data = EDITS[what]
    with pytest.raises(RecordError, match=message) as refused:
        read_archive(data)
    assert re.search("another copy|Rename the file", str(refused.value))
    assert read_archive(SMALL).files == {"a": b"one", "b": b"two"}


def test_ten_thousand_entries_are_refused_before_the_first_is_read() -> None:
    """The largest allowed number is read."""
    many = {f"f{n:05}": b"" for n in range(10_000)}
    with pytest.raises(RecordError, match="at most 1000 files"):
        write_archive("r", many, WHEN)
    hostile = packed({f"r/{path}": b"" for path in many})
    assert peak(hostile, "1 to 1000 files, got 10000") < 1 << 20
    few = struct.pack("<2H", 1, 1)
    assert peak(hostile[:-14] + few + hostile[-10:], "a directory of") < 1 << 20
    allowed = dict(list(many.items())[:MOST_FILES])
    assert len(read_archive(write_archive("r", allowed, WHEN)).files) == MOST_FILES


def peak(data: bytes, message: str) -> int:
    """Return the peak memory of refusing a file, in bytes."""
    tracemalloc.start()
    try:
        for read in (read_archive, lambda raw: facts_in(io.BytesIO(raw))):
            with pytest.raises(RecordError, match=message):
                read(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


PLACE = f"r/{FOLDER}{FACTS}"
ZEROS = packed({PLACE: b"\0" * (64 << 20)}, zipfile.ZIP_DEFLATED)
LYING = ZEROS.replace(struct.pack("<I", 64 << 20), struct.pack("<I", 10))


def test_zip_bomb_is_refused_before_it_is_inflated() -> None:
    """With its true size, with a false size, and with many entries that share bytes."""
    assert peak(ZEROS, "files of at most|at most 2097152 bytes") < 2 << 20
    assert peak(LYING, "expected it stored") < 2 << 20
    many = shared(MOST_FILES, b"\0" * (4 << 20))
    with pytest.raises(RecordError, match="expected files of at most"):
        read_archive(many)


def test_only_a_record_s_facts_are_read() -> None:
    """They are found in a record; if they are too large or missing, it is refused."""
    whole = write_archive("r", {f"{FOLDER}{FACTS}": b"{}", METADATA: b"x"}, WHEN)
    assert facts_in(io.BytesIO(whole)) == b"{}"
    for files, message in (
        ({PLACE: b" " * (LARGEST_FACTS + 1)}, "at most 2097152 bytes"),
        ({f"r/{METADATA}": b"{}", "r/a.csv": b""}, "the ZIP has no file run/record.json"),
    ):
        with pytest.raises(RecordError, match=f"{message}.*Open it with the program that did"):
            facts_in(io.BytesIO(packed(files)))


@settings(deadline=None)
@given(st.binary(max_size=400) | st.binary(max_size=200).map(lambda raw: raw + SMALL[-22:]))
def test_any_bytes_are_refused_without_another_error(raw: bytes) -> None:
    """Reading other bytes gives a RecordError."""
    for read in (read_archive, lambda raw: facts_in(io.BytesIO(raw))):
        with pytest.raises(RecordError):
            read(raw)


NAMES = st.from_regex(r"[a-z0-9._-]{1,8}(/[a-z0-9._-]{1,8}){0,3}", fullmatch=True)


@settings(deadline=None)
@given(st.dictionaries(NAMES, st.binary(max_size=64), min_size=1, max_size=8), st.data())
def test_every_archive_reads_back_or_is_refused(
    files: dict[str, bytes], data: st.DataObject
) -> None:
    """A written record reads back the same; cut or edited anywhere, it is refused."""
    try:
        whole = write_archive("r", files, WHEN)
    except RecordError:
        return
    assert read_archive(whole).files == files
    place = st.integers(0, len(whole) - 1)
    edited = bytearray(whole)
    for offset, byte in data.draw(st.dictionaries(place, st.integers(0, 255), max_size=6)).items():
        edited[offset] = byte
    for other in (whole[: data.draw(place)], bytes(edited)):
        if other != whole:
            with pytest.raises(RecordError):
                read_archive(other)
        with suppress(RecordError):
            facts_in(io.BytesIO(other))
