"""A record's file is a ZIP that is a function of its name, its files and its time."""

from __future__ import annotations

import io
import re
import subprocess
import tracemalloc
import zipfile
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.errors import RecordError
from labkit.record.seal.archive import (
    METADATA,
    MOST_FILES,
    SIGNATURE,
    read_archive,
    refuse_difference,
    write_archive,
)
from labkit.record.seal.zip_form import END

if TYPE_CHECKING:
    from pathlib import Path

WHEN = datetime(2026, 11, 25, 12, 34, 56, tzinfo=UTC)
FILES = {
    "run/b.txt": b"two",
    "run/a/one.bin": bytes(range(256)),
    SIGNATURE: b"signature",
    METADATA: b"{}",
    "run/empty": b"",
}
ORDER = [METADATA, SIGNATURE, "run/a/one.bin", "run/b.txt", "run/empty"]


def _zip(entries: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as opened:
        for number, (name, raw) in enumerate(entries):
            info = zipfile.ZipInfo(f"placeholder{number:06}", (2026, 11, 25, 12, 34, 56))
            info.filename, info.compress_type = name, method
            if name in opened.NameToInfo:
                opened.NameToInfo.pop(name)
            opened.writestr(info, raw)
    return made.getvalue()


def _shifted(whole: bytes) -> bytes:
    """Return a ZIP with a byte between its first file and its second."""
    second = whole.index(b"PK\3\4", 4)
    end = END.unpack_from(whole, len(whole) - END.size)
    shifted = whole[:second] + b"\0" + whole[second : -END.size]
    moved = shifted.replace(
        second.to_bytes(4, "little") + b"r/b", (second + 1).to_bytes(4, "little") + b"r/b"
    )
    return moved + END.pack(*end[:6], end[6] + 1, 0)


def _at(whole: bytes, offset: int, raw: bytes) -> bytes:
    return whole[:offset] + raw + whole[offset + len(raw) :]


def _end(count: int) -> bytes:
    """Return what a ZIP of no bytes ends with, telling a number of entries."""
    return b"PK\3\4" + END.pack(b"PK\5\6", 0, 0, count, count, 0, 4, 0)


def strictly(data: bytes) -> dict[str, bytes]:
    """Read a record's ZIP and prove that there is nothing else in it."""
    archive = read_archive(data)
    refuse_difference(data, archive.name, archive.files, archive.when)
    return dict(archive.files)


def test_file_is_a_function_of_name_files_and_time() -> None:
    """The order in which files are given, and the time zone of the time, change nothing."""
    one = write_archive("record-1", FILES, WHEN)
    backwards = dict(reversed(FILES.items()))
    there = WHEN.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert one == write_archive("record-1", backwards, there)
    assert one != write_archive("record-2", FILES, WHEN)
    assert one != write_archive("record-1", FILES, WHEN + timedelta(seconds=2))
    assert one != write_archive("record-1", FILES | {"run/empty": b"x"}, WHEN)


def test_what_is_written_is_read() -> None:
    """Reading gives name, files in the file's order, and time."""
    archive = read_archive(write_archive("record-1", FILES, WHEN))
    assert (archive.name, archive.when) == ("record-1", WHEN)
    assert archive.files == FILES
    assert list(archive.files) == ORDER


def test_python_reads_it_as_stored_regular_files_of_one_time() -> None:
    """`zipfile` finds nothing wrong, nothing deflated, no extras, and the time in every entry."""
    with zipfile.ZipFile(io.BytesIO(write_archive("r", FILES, WHEN))) as opened:
        assert opened.testzip() is None
        told = opened.infolist()
        assert [each.filename for each in told] == [f"r/{path}" for path in ORDER]
        assert {each.compress_type for each in told} == {zipfile.ZIP_STORED}
        assert {each.date_time for each in told} == {(2026, 11, 25, 12, 34, 56)}
        assert {each.external_attr >> 16 for each in told} == {0o100644}
        assert {(each.extra, each.comment, each.flag_bits) for each in told} == {(b"", b"", 0)}
        assert {path: opened.read(f"r/{path}") for path in ORDER} == FILES


@pytest.mark.needs("unzip")
def test_unzip_lists_tests_and_unpacks_it(tmp_path: Path) -> None:
    """Info-ZIP tests it without a warning, and fails where a content's bit was flipped."""
    data = write_archive("r", FILES, WHEN)
    (tmp_path / "whole.eln").write_bytes(data)
    damaged = bytearray(data)
    damaged[data.index(b"two")] ^= 1
    (tmp_path / "damaged.eln").write_bytes(damaged)
    whole = _run(tmp_path, "unzip", "-tq", "whole.eln")
    assert (whole.returncode, whole.stderr) == (0, "")
    assert "No errors detected" in whole.stdout
    assert _run(tmp_path, "unzip", "-tq", "damaged.eln").returncode == 2
    assert "r/run/a/one.bin" in _run(tmp_path, "unzip", "-l", "whole.eln").stdout
    assert _run(tmp_path, "unzip", "-q", "whole.eln").returncode == 0
    assert {path: (tmp_path / "r" / path).read_bytes() for path in ORDER} == FILES


@pytest.mark.parametrize(
    "path",
    [
        "../x", "a/../x", "/x", "a//x", "a/", "", ".", "./x", "a\\x", "C:x", "a b", "ü", "a\0",
        "a\n", "x" * 201,
    ],
)  # fmt: skip
def test_name_that_climbs_out_or_is_not_plain_is_refused(path: str) -> None:
    """It is neither written nor, written by another program, read."""
    with pytest.raises(RecordError, match="stays inside"):
        write_archive("r", {path: b""}, WHEN)
    with pytest.raises(RecordError):
        strictly(_zip([(f"r/{path}", b"")]))
    strictly(write_archive("r", {"x" * 200: b""}, WHEN))


@pytest.mark.parametrize("name", ["..", "a/b", "", "r/"])
def test_root_folder_is_one_plain_name(name: str) -> None:
    """A root folder that is a path, or none, is refused."""
    with pytest.raises(RecordError):
        write_archive(name, FILES, WHEN)


def test_names_that_some_systems_take_for_one_are_refused() -> None:
    """Capitals, and a file that has to be a folder too."""
    with pytest.raises(RecordError, match="run/A: is the same file as run/a"):
        write_archive("r", {"run/a": b"", "run/A": b""}, WHEN)
    with pytest.raises(RecordError, match="run/a is a file, and no folder"):
        write_archive("r", {"run/a": b"", "run/a/b": b""}, WHEN)


@pytest.mark.parametrize(
    "when",
    [
        WHEN.replace(tzinfo=None),
        WHEN.replace(microsecond=1),
        WHEN.replace(second=1),
        WHEN.replace(year=1979),
        WHEN.replace(year=2108),
    ],
)
def test_time_that_a_zip_cannot_tell_is_refused(when: datetime) -> None:
    """No time zone, odd or broken seconds, before 1980 or after 2107."""
    with pytest.raises(RecordError, match="time that a ZIP can hold"):
        write_archive("r", FILES, when)


@pytest.mark.parametrize("year", [1980, 2107])
def test_first_and_last_year_are_read_back(year: int) -> None:
    """The ends of what DOS time can tell are told."""
    when = WHEN.replace(year=year)
    assert read_archive(write_archive("r", FILES, when)).when == when


def _edits() -> dict[str, tuple[str, bytes]]:
    """Return what can be done to a ZIP, each with what the refusal says."""
    entries = [("r/a", b"one"), ("r/b", b"two")]
    whole = write_archive("r", {"a": b"one", "b": b"two"}, WHEN)
    with_note = io.BytesIO(whole)
    with zipfile.ZipFile(with_note, "a") as opened:
        opened.comment = b"note"
    central = whole.index(b"PK\1\2")
    return {
        "nothing": ("expected a ZIP", b""),
        "other": ("expected a ZIP", b"%PDF-1.7" * 9),
        "cut": ("expected a ZIP", whole[:-1]),
        "in front": ("expected a ZIP", b"#!/bin/sh\n" + whole),
        "behind": ("expected a ZIP", whole + b"\0"),
        "note": ("expected a ZIP", with_note.getvalue()),
        "no entries": ("1 to 1000 entries", _end(0)),
        "deflated": ("no packing method, got 8", _zip(entries, zipfile.ZIP_DEFLATED)),
        "order": ("entry 1: expected a, got b: out of order", _zip(entries[::-1])),
        "twice": ("twice", _zip([entries[0], ("r/a", b"")])),
        "roots": ("expected one root folder, 'r'", _zip([*entries, ("s/c", b"")])),
        "no root": ("expected one root folder", _zip([("a", b"")])),
        "climbs": ("stays inside", _zip([("r/../../etc/passwd", b"")])),
        "folder": ("expected one root folder", _zip([("r/", b""), *entries])),
        "between": ("expected its file at offset", _shifted(whole)),
        "local name": ("offset 30, a's name: expected 72 2f 61", _at(whole, 30, b"s/a")),
        "local extra": ("a's header, extra's length", _at(whole, 28, b"\1")),
        "flags": ("expected no flags, got 2048", _at(whole, central + 9, b"\x08")),
        "attributes": ("a's directory entry, attributes", _at(whole, central + 41, b"\xff")),
        "CRC": ("a's header, CRC-32", _at(whole, 14, b"\0\0\0\0")),
        "month": ("expected a date and a time", _at(whole, central + 14, b"\0\0")),
    }


EDITS = _edits()


@pytest.mark.parametrize("what", EDITS)
def test_other_zip_is_refused_with_what_and_where(what: str) -> None:
    """Whatever is done to the ZIP itself is told; the ZIP as it was is read."""
    said, data = EDITS[what]
    with pytest.raises(RecordError, match=re.escape(said)):
        strictly(data)
    assert strictly(write_archive("r", {"a": b"one"}, WHEN)) == {"a": b"one"}


def test_ten_thousand_entries_are_refused_before_the_first_is_read() -> None:
    """As many as a record may have are read."""
    many = {f"f{n:05}": b"" for n in range(10_000)}
    with pytest.raises(RecordError, match="1 to 1000 entries that ends here, got 10000"):
        strictly(_zip([(f"r/{path}", b"") for path in many]))
    with pytest.raises(RecordError, match="at most 1000 files"):
        write_archive("r", many, WHEN)
    hostile = _zip([(f"r/{path}", b"") for path in many])
    tracemalloc.start()
    with pytest.raises(RecordError):
        read_archive(hostile)
    assert tracemalloc.get_traced_memory()[1] < 1 << 18
    tracemalloc.stop()
    allowed = dict(list(many.items())[:MOST_FILES])
    assert len(strictly(write_archive("r", allowed, WHEN))) == MOST_FILES


def test_every_flipped_bit_is_told_with_its_offset() -> None:
    """A flipped bit in content shows in its CRC-32, one elsewhere in itself or in what it moves."""
    whole = write_archive("r", {"a": b"one", "b/c": b"\xff"}, WHEN)
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(RecordError, match=r"offset|entry|expected"):
            strictly(bytes(damaged))


@given(st.binary(max_size=400) | st.binary(max_size=200).map(lambda raw: b"PK\3\4" + raw))
def test_any_bytes_are_refused_without_another_error(raw: bytes) -> None:
    """Reading what is no record gives a RecordError."""
    with pytest.raises(RecordError):
        strictly(raw)


NAMES = st.from_regex(r"[a-z0-9._-]{1,8}(/[a-z0-9._-]{1,8}){0,3}", fullmatch=True)


@given(st.dictionaries(NAMES, st.binary(max_size=64), min_size=1, max_size=8), st.data())
def test_every_archive_reads_back_or_is_refused(
    files: dict[str, bytes], data: st.DataObject
) -> None:
    """What can be written reads back the same; cut or edited at any byte, it is refused."""
    try:
        whole = write_archive("r", files, WHEN)
    except RecordError:
        return
    assert strictly(whole) == files
    at = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(RecordError):
        strictly(whole[:at])
    with pytest.raises(RecordError):
        strictly(_at(whole, at, bytes([whole[at] ^ data.draw(st.integers(1, 255))])))


def _run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
