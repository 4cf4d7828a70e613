"""A list of records: each filter finds what it should, in Python and in a terminal."""

from __future__ import annotations

import json
import os
import zipfile
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cli_runner import assert_refused, labkit
from hypothesis import given, settings
from hypothesis import strategies as st
from lab_bench import THREADS_OF_PYSERIAL
from record_folders import NOON, TEN, facts, fill, listed, record

from labkit.errors import RecordError
from labkit.record.listing.filtering import facts_of, records
from labkit.record.listing.overview import to_html
from labkit.record.making import make

if TYPE_CHECKING:
    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures",)
pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)


@pytest.fixture
def ten(tmp_path: Path) -> Path:
    """Return a folder of ten records, one for each hour before noon."""
    fill(tmp_path, 10)
    return tmp_path


def test_all_are_listed_newest_first(ten: Path) -> None:
    """The order is that of the records' own dates, not of the files' names or times."""
    (ten / "a.eln").write_bytes(record(facts(made_at="2026-11-25T13:30:00+02:00")))
    assert listed(ten) == [TEN[0], "a.eln", *TEN[1:]]


@pytest.mark.parametrize(
    ("asked", "there", "not_there"),
    [
        ("device", "device-3", "device-33"),
        ("device", "SHELF 3, LEFT", "shelf 3"),
        ("device", "a50285bi", "a50285b"),
        ("thing", "device-3", "Device-3"),
        ("fingerprint", facts(3)["fingerprint"], facts(33)["fingerprint"]),
        ("fingerprint", facts(3)["fingerprint"][:6].upper(), facts(33)["fingerprint"][:6]),
        ("fingerprint", "3d:3e:e1", "3e:e1"),
        ("certificate", facts(3)["certificate"]["id"][:10], facts(33)["certificate"]["id"][:10]),
        ("operator", "MÜLLER-ΣΑΣ", "Müller"),
    ],
)
def test_filter_finds_one_record(ten: Path, asked: str, there: str, not_there: str) -> None:
    """The value of this field finds it; free text is case-insensitive."""
    port = {"device": "/dev/ttyUSB0", "vid_pid": "0403:6001", "serial_number": "A50285BI"}
    written = facts(3, port=port, operator="Mu\u0308ller-Σας")
    (ten / TEN[3]).write_bytes(record(written))
    assert listed(ten, **{asked: there}) == [TEN[3]]
    assert listed(ten, **{asked: not_there}) == []


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"outcome": "failed"}, [2, 6]),
        ({"outcome": "accepted"}, [0, 1, 4, 5, 8, 9]),
        ({"operator": ""}, [3, 7]),
        ({"since": "2026-11-25"}, range(10)),
        ({"since": "2026-11-26"}, []),
        ({"until": "2026-11-24"}, []),
        ({"until": "2026-11-25"}, range(10)),
        ({"since": "2026-11-25T10:00:00Z"}, [0, 1, 2]),
        ({"until": "2026-11-25T05:00:00+01:00"}, [8, 9]),
        ({"since": "2026-11-25T06:00", "until": "2026-11-25T10:00", "outcome": "failed"}, [2, 6]),
        ({"operator": "jane", "outcome": "failed"}, []),
    ],
)
def test_filters_find_several_records(ten: Path, asked: dict[str, str], found: list[int]) -> None:
    """Days are inclusive and in UTC; with several filters a record must match all."""
    assert listed(ten, **asked) == [TEN[number] for number in found]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"fingerprint": ""}, "hexadecimal digits"),
        ({"fingerprint": "::"}, "hexadecimal digits"),
        ({"fingerprint": "0x12"}, "hexadecimal digits"),
        ({"certificate": "a" * 65}, "hexadecimal digits"),
        ({"outcome": "fine"}, "accepted, failed, unfinished"),
        ({"since": "yesterday"}, "2026-11-25"),
        ({"until": "0001-01-01T00:00:00+23:00"}, "2026-11-25"),
    ],
)
def test_invalid_filter_is_refused(ten: Path, asked: dict[str, str], message: str) -> None:
    """Text that is not digits, a day or an outcome is refused."""
    with pytest.raises(RecordError, match=message):
        records(ten, **asked)


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    """A missing folder is an error; an empty one, or hidden files, are a short list."""
    with pytest.raises(RecordError, match="the folder cannot be read"):
        records(tmp_path / "none")
    (tmp_path / "._device-0.eln").write_bytes(b"written by macOS")
    assert repr(records(tmp_path)) == f"There is no record in {tmp_path}."


def test_the_command_lists(ten: Path) -> None:
    """A table and exit code 0; 1 if no record matches a filter; an empty folder is allowed."""
    listed = labkit("record", "list", ten)
    assert (listed.code, listed.err) == (0, "")
    assert listed.out == f"{records(ten)}\n"
    assert labkit("record", "list", ten, "--fingerprint", facts(3)["fingerprint"][:9]).code == 0
    nothing = labkit("record", "list", ten, "--fingerprint", "ffffff")
    assert (nothing.code, nothing.out) == (
        1,
        f"None of the 10 records in {ten} matches fingerprint ffffff.\n",
    )
    assert_refused(labkit("record", "list", ten, "--since", "soon"), "expected a day")
    (ten / "empty").mkdir()
    assert labkit("record", "list", ten / "empty").code == 0


def test_the_command_writes_a_spreadsheet_and_a_page(ten: Path, tmp_path: Path) -> None:
    """A CSV file has a UTF-8 mark, its output has none; one file cannot be both."""
    csv, html = tmp_path / "list.csv", tmp_path / "pages" / "list.html"
    ended = labkit("record", "list", ten, "--csv", csv, "--html", html)
    assert (ended.code, ended.out) == (0, "")
    assert csv.read_bytes() == records(ten).csv().encode("utf-8-sig")
    assert 'href="../device-3.eln"' in html.read_text()
    assert labkit("record", "list", ten, "--csv", "-").raw == records(ten).csv().encode()
    same = labkit("record", "list", ten, "--csv", csv, "--html", csv)
    assert_refused(same, "overwritten")


# Files that are not records


def test_a_run_s_record_is_listed(finished: Lab, tmp_path: Path) -> None:
    """What `record.make` writes is what a list reads."""
    made = make(finished, operator="Jane", board="shelf 3", to=tmp_path, now=NOON)
    (listed,) = records(tmp_path, device="Shelf 3", operator="jane", until="2026-11-25")
    assert listed.file == made.path.name
    row = listed.facts
    assert (row.outcome, row.bench, row.made_at) == (
        "accepted",
        "SIMULATED",
        "2026-11-25T12:00:00Z",
    )
    assert len(row.fingerprint) == len(row.certificate_id) == 64


def _zip(written: bytes, **how: Any) -> bytes:  # noqa: ANN401 what ZipFile takes
    raw = BytesIO()
    with zipfile.ZipFile(raw, "w", **how) as file:
        file.writestr("r/run/record.json", written)
    return raw.getvalue()


FINE = json.dumps(facts()).encode()
NOT_RECORDS = {
    "empty": (b"", "end record of a ZIP"),
    "half written": (record(facts())[:-30], "end record of a ZIP"),
    "text": (b"This is a text, not a ZIP, and it is long enough.", "end record of a ZIP"),
    "without facts": (record(facts(), place="run/other.json"), "run/record.json"),
    "packed": (_zip(FINE, compression=zipfile.ZIP_DEFLATED), "compressed"),
    "a bomb": (_zip(b" " * (3 << 20)), "at most 2097152 bytes"),
    "flipped": (record(facts()).replace(b"shelf 0", b"shelf 1"), "damaged: bad CRC-32"),
    "no JSON": (record(b"{"), "a format and a version"),
    "another's": (record({"format": "lab", "version": 1}), "expected labkit-record"),
    "newer": (record(facts(version=2)), "newer"),
    "deep": (record(b"[" * 100_000), "a format and a version"),
    "a long number": (record(b'{"format": ' + b"9" * 10_000 + b"}"), "a format and a version"),
    "no outcome": (record(facts(outcome="fine")), "not as labkit writes it"),
    "no text": (record(facts(operator={"a": 1})), "not as labkit writes it"),
    "no digits": (record(facts(fingerprint="DROP TABLE")), "not as labkit writes it"),
    "no time": (record(facts(made_at="soon")), "not as labkit writes it"),
    "no zone": (record(facts(made_at="2026-11-25T12:00:00")), "not as labkit writes it"),
    "no year": (record(facts(made_at="0001-01-01T00:00:00+01:00")), "not as labkit writes it"),
    "a list": (record(facts(mode=["board", "account"])), "not as labkit writes it"),
}


@pytest.mark.parametrize("what", NOT_RECORDS)
def test_file_that_is_not_a_record_is_reported(ten: Path, what: str) -> None:
    """The records are listed; without filters the file is listed with its reason."""
    raw, why = NOT_RECORDS[what]
    (ten / "odd.eln").write_bytes(raw)
    found = records(ten)
    assert [each.file for each in found] == TEN
    assert [each.file for each in found.others] == ["odd.eln"]
    assert why in found.others[0].why
    assert f"not a record: odd.eln: {found.others[0].why}" in repr(found)
    assert "1 more files are not records" in repr(records(ten, thing="device-3"))


def test_folder_pipe_and_link_are_reported(ten: Path) -> None:
    """A folder, a pipe or a broken link with the name of a record does not stop a list."""
    (ten / "folder.eln").mkdir()
    os.mkfifo(ten / "pipe.eln")
    (ten / "link.eln").symlink_to(ten / "none")
    found = records(ten)
    assert [each.file for each in found] == TEN
    assert [each.file for each in found.others] == ["folder.eln", "link.eln", "pipe.eln"]


def test_names_and_values_of_any_characters(ten: Path) -> None:
    """Control characters are escaped; surrogates and names that are not UTF-8 are allowed."""
    odd = "\x1b[2J\u202e\n"
    (ten / "odd\x1b[2J.eln").write_bytes(record(facts(30, operator=odd + "\ud800")))
    Path(os.fsdecode(os.fsencode(ten) + b"/\xff.eln")).write_bytes(record(facts(31, board=odd)))
    found = records(ten)
    assert [each.file for each in found][-2:] == ["odd\x1b[2J.eln", "\udcff.eln"]
    assert len(str(found).splitlines()) == 16
    assert all(line.isprintable() for line in str(found).splitlines())
    for text in (found.csv(), to_html(found)):
        text.encode()
        assert "\x1b" not in text
    assert listed(ten, operator=odd + "\ud800") == ["odd\x1b[2J.eln"]


@given(
    raw=st.binary(max_size=60), at=st.integers(0, 3000), written=st.none() | st.binary(max_size=40)
)
@settings(max_examples=150, deadline=None)
def test_any_file_has_facts_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes, at: int, written: bytes | None
) -> None:
    """Any bytes in a record's file, or in its facts, cause no other error."""
    path = tmp_path_factory.getbasetemp() / "any.eln"
    whole = bytearray(record(facts() if written is None else written))
    whole[at % len(whole) : at % len(whole) + len(raw)] = raw
    path.write_bytes(whole)
    with suppress(RecordError):
        assert all(isinstance(value, str) for value in facts_of(path))
