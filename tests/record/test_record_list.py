"""A list of records: each question finds what it should, in Python and in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cli_runner import assert_refused, labkit
from record_folders import TEN, facts, listed, record

from labkit.errors import RecordError
from labkit.record.listing.index import records

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ("record_fixtures",)


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
def test_a_question_finds_one_record(ten: Path, asked: str, there: str, not_there: str) -> None:
    """What it has in this field finds it, in capitals or not where it is a person's word."""
    port = {"device": "/dev/ttyUSB0", "vid_pid": "0403:6001", "serial_number": "A50285BI"}
    told = facts(3, port=port, operator="Mu\u0308ller-Σας")
    (ten / TEN[3]).write_bytes(record(told))
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
def test_questions_that_find_several(ten: Path, asked: dict[str, str], found: list[int]) -> None:
    """Days count whole and in UTC; several questions all have to be answered."""
    assert listed(ten, **asked) == [TEN[number] for number in found]


@pytest.mark.parametrize(
    ("asked", "said"),
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
def test_no_question(ten: Path, asked: dict[str, str], said: str) -> None:
    """What is no digits, day or outcome is refused, and never taken for a question for all."""
    with pytest.raises(RecordError, match=said):
        records(ten, **asked)


def test_no_folder(tmp_path: Path) -> None:
    """A folder that is not there is an error; an empty one, or hidden files, are a short list."""
    with pytest.raises(RecordError, match="expected a folder"):
        records(tmp_path / "none")
    (tmp_path / "._device-0.eln").write_bytes(b"what a Mac leaves on a share")
    assert repr(records(tmp_path)) == f"There is no record in {tmp_path}."


def test_the_command_lists(ten: Path) -> None:
    """A table, and exit code 0; 1 where what was asked for is in no record; an error is said."""
    listed = labkit("record", "list", ten)
    assert (listed.code, listed.err) == (0, "")
    assert listed.out == f"{records(ten)}\n"
    assert labkit("record", "list", ten, "--fingerprint", facts(3)["fingerprint"][:9]).code == 0
    nothing = labkit("record", "list", ten, "--fingerprint", "ffffff")
    assert (nothing.code, nothing.out) == (
        1,
        f"None of the 10 records in {ten} is one with fingerprint ffffff.\n",
    )
    assert_refused(labkit("record", "list", ten, "--since", "soon"), "expected a day")


def test_the_command_lists_an_empty_folder(tmp_path: Path) -> None:
    """Nothing was asked for, and nothing is there: no failure."""
    listed = labkit("record", "list", tmp_path)
    assert (listed.code, listed.out) == (0, f"There is no record in {tmp_path}.\n")


def test_the_command_writes_a_spreadsheet_and_a_page(ten: Path, tmp_path: Path) -> None:
    """Files of a spreadsheet are marked as UTF-8, its output is not; one file cannot be both."""
    csv, html = tmp_path / "list.csv", tmp_path / "pages" / "list.html"
    ended = labkit("record", "list", ten, "--csv", csv, "--html", html)
    assert (ended.code, ended.out) == (0, "")
    assert csv.read_bytes() == records(ten).csv().encode("utf-8-sig")
    assert 'href="../device-3.eln"' in html.read_text()
    assert labkit("record", "list", ten, "--csv", "-").raw == records(ten).csv().encode()
    same = labkit("record", "list", ten, "--csv", csv, "--html", csv)
    assert_refused(same, "overwritten")
