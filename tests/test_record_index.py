"""A list of records: each question finds what it should; no file and no index stops it."""

from __future__ import annotations

import json
import os
import sqlite3
import struct
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cli_runner import assert_refused, labkit
from hypothesis import given, settings
from hypothesis import strategies as st
from lab_bench import THREADS_OF_PYSERIAL
from record_folders import NOON, facts, fill, record

from labkit.errors import RecordError
from labkit.record import crate, glance, index
from labkit.record import facts as of_a_run
from labkit.record.glance import PLACE
from labkit.record.index import INDEX, records
from labkit.record.making import make

if TYPE_CHECKING:
    from collections.abc import Callable

    from labkit.lab import Lab

pytest_plugins = ("bench_fixtures",)
pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)

TEN = [f"device-{number}.eln" for number in range(10)]


@pytest.fixture
def ten(tmp_path: Path) -> Path:
    """A folder of ten records, one each hour back from noon."""
    fill(tmp_path, 10)
    return tmp_path


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file was changed just now."""
    monkeypatch.setattr(index, "_SETTLED_NS", -(10**18))


def names(folder: Path, **asked: Any) -> list[str]:  # noqa: ANN401 what records takes
    """Return the files that are listed."""
    return [each.file for each in records(folder, **asked)]


def test_all_are_listed_newest_first(ten: Path) -> None:
    """The order is that of the records' own dates, not of the files' names or times."""
    (ten / "a.eln").write_bytes(record(facts(made_at="2026-11-25T13:30:00+02:00")))
    assert names(ten) == [TEN[0], "a.eln", *TEN[1:]]


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
    assert names(ten, **{asked: there}) == [TEN[3]]
    assert names(ten, **{asked: not_there}) == []


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
    assert names(ten, **asked) == [TEN[number] for number in found]


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


@pytest.mark.usefixtures("settled")
def test_unchanged_files_are_not_read_again(ten: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second list opens no record but the new one."""
    assert names(ten) == TEN
    read: list[Path] = []
    monkeypatch.setattr(index, "glance", lambda path: read.append(path) or glance.glance(path))
    assert names(ten) == TEN
    assert read == []
    (ten / "new.eln").write_bytes(record(facts(20)))
    assert names(ten) == [*TEN, "new.eln"]
    assert read == [ten / "new.eln"]
    assert names(ten, rebuild=True) == [*TEN, "new.eln"]
    assert len(read) == 12


@pytest.mark.usefixtures("settled")
def test_a_file_changed_in_place_is_seen(ten: Path) -> None:
    """Also with its size and its time of change kept; one that is removed leaves the list."""
    assert names(ten, thing="device-3") == [TEN[3]]
    path = ten / TEN[3]
    before = path.stat()
    path.write_bytes(record(facts(3, thing="device-X")))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert names(ten, thing="device-X") == [TEN[3]]
    path.unlink()
    assert names(ten) == [*TEN[:3], *TEN[4:]]


def test_a_file_that_was_changed_just_now_is_read_again(
    ten: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its times may be too coarse to show the next change: here they show none at all."""
    monkeypatch.setattr(index, "_stamp", _blind(index._stamp))  # noqa: SLF001 what is looked at
    assert names(ten, thing="device-3") == [TEN[3]]
    (ten / TEN[3]).write_bytes(record(facts(3, thing="device-X")))
    assert names(ten, thing="device-X") == [TEN[3]]


@pytest.mark.usefixtures("settled")
def test_times_too_coarse_hide_a_change(ten: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: without reading again what was changed just now, it is missed."""
    monkeypatch.setattr(index, "_stamp", _blind(index._stamp))  # noqa: SLF001 what is looked at
    assert names(ten, thing="device-3") == [TEN[3]]
    (ten / TEN[3]).write_bytes(record(facts(3, thing="device-X")))
    assert names(ten, thing="device-X") == []


def _blind(stamp: Callable[..., str]) -> Callable[..., str]:
    return lambda *given: "the same" if stamp(*given) else ""


def _zip(told: bytes, **how: Any) -> bytes:  # noqa: ANN401 what ZipFile takes
    raw = BytesIO()
    with zipfile.ZipFile(raw, "w", **how) as file:
        file.writestr(f"r/{PLACE}", told)
    return raw.getvalue()


FINE = json.dumps(facts()).encode()
NO_RECORDS = {
    "empty": (b"", "expected 22 to"),
    "half written": (record(facts())[:-30], "directory"),
    "text": (b"This is no ZIP, but a text that is long enough.", "directory"),
    "without facts": (record(facts(), place="run/other.json"), "run/record.json"),
    "packed": (_zip(FINE, compression=zipfile.ZIP_DEFLATED), "packed"),
    "a bomb": (_zip(b" " * (3 << 20)), "at most 2097152 bytes"),
    "flipped": (record(facts()).replace(b"shelf 0", b"shelf 1"), "CRC-32"),
    "no JSON": (record(b"{"), "a record's facts"),
    "another's": (record({"format": "lab", "version": 1}), "expected labkit-record"),
    "newer": (record(facts(version=2)), "newer"),
    "deep": (record(b"[" * 100_000), "a record's facts"),
    "a long number": (record(b'{"format": ' + b"9" * 10_000 + b"}"), "a record's facts"),
    "no outcome": (record(facts(outcome="fine")), "not as labkit writes it"),
    "no text": (record(facts(operator={"a": 1})), "not as labkit writes it"),
    "no digits": (record(facts(fingerprint="DROP TABLE")), "not as labkit writes it"),
    "no time": (record(facts(made_at="soon")), "not as labkit writes it"),
    "no zone": (record(facts(made_at="2026-11-25T12:00:00")), "not as labkit writes it"),
    "no year": (record(facts(made_at="0001-01-01T00:00:00+01:00")), "not as labkit writes it"),
    "a list": (record(facts(mode=["board", "account"])), "not as labkit writes it"),
}


@pytest.mark.parametrize("what", NO_RECORDS)
def test_what_is_no_record_is_named_and_stops_nothing(ten: Path, what: str) -> None:
    """The others are listed; it is named, with why, in a list of all, and counted in others."""
    raw, why = NO_RECORDS[what]
    (ten / "odd.eln").write_bytes(raw)
    found = records(ten)
    assert [each.file for each in found] == TEN
    assert [each.file for each in found.others] == ["odd.eln"]
    assert why in found.others[0].why
    assert f"not a record: odd.eln: {found.others[0].why}" in repr(found)
    assert "1 more file" in repr(records(ten, thing="device-3"))


def test_what_is_no_file_is_named(ten: Path) -> None:
    """Nor does a folder, a pipe that nobody writes to or a link to nothing stop a list."""
    (ten / "folder.eln").mkdir()
    os.mkfifo(ten / "pipe.eln")
    (ten / "link.eln").symlink_to(ten / "none")
    found = records(ten)
    assert [each.file for each in found] == TEN
    assert [each.file for each in found.others] == ["folder.eln", "link.eln", "pipe.eln"]


def test_names_and_values_of_any_characters(ten: Path) -> None:
    """What could move a cursor is escaped; half a character and a name that is no UTF-8 go."""
    odd = "\x1b[2J\u202e\n"
    (ten / "odd\x1b[2J.eln").write_bytes(record(facts(30, operator=odd + "\ud800")))
    Path(os.fsdecode(os.fsencode(ten) + b"/\xff.eln")).write_bytes(record(facts(31, board=odd)))
    found = records(ten)
    assert [each.file for each in found][-2:] == ["odd\x1b[2J.eln", "\udcff.eln"]
    assert len(str(found).splitlines()) == 16
    assert all(line.isprintable() for line in str(found).splitlines())
    for text in (found.csv(), found.html()):
        text.encode()
        assert "\x1b" not in text
    assert names(ten, operator=odd + "\ud800") == ["odd\x1b[2J.eln"]


@given(raw=st.binary(max_size=60), at=st.integers(0, 3000), told=st.none() | st.binary(max_size=40))
@settings(max_examples=150, deadline=None)
def test_a_glance_at_anything_tells_facts_or_why_not(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes, at: int, told: bytes | None
) -> None:
    """Whatever bytes stand in a record's file, or in its facts, no other error comes of it."""
    path = tmp_path_factory.getbasetemp() / "any.eln"
    whole = bytearray(record(facts() if told is None else told))
    whole[at % len(whole) : at % len(whole) + len(raw)] = raw
    path.write_bytes(whole)
    with suppress(RecordError):
        assert all(isinstance(value, str) for value in glance.glance(path))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(member=st.sampled_from(sorted(facts())), value=JSON)
@settings(max_examples=150, deadline=None)
def test_facts_of_any_kind_tell_text_or_why_not(
    tmp_path_factory: pytest.TempPathFactory, member: str, value: object
) -> None:
    """Any value in place of any fact is listed as text, or refused as none of labkit's."""
    path = tmp_path_factory.getbasetemp() / "any.eln"
    path.write_bytes(record(facts(**{member: value})))
    with suppress(RecordError):
        assert all(isinstance(each, str) for each in glance.glance(path))


def _other_form(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA user_version = 0")


def _trigger(database: sqlite3.Connection) -> None:
    database.execute("CREATE TRIGGER t AFTER INSERT ON record BEGIN DELETE FROM record; END")


def _no_text(database: sqlite3.Connection) -> None:
    database.execute("UPDATE record SET thing = CAST(x'ff' AS TEXT)")


def _another(database: sqlite3.Connection) -> None:
    database.execute("ALTER TABLE record RENAME COLUMN thing TO device")


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("change", [_other_form, _trigger, _no_text, _another])
def test_an_index_of_another_form_is_made_anew(
    ten: Path, change: Callable[[sqlite3.Connection], None]
) -> None:
    """An older one, one with a program in it, one with text that is none: thrown away."""
    records(ten)
    with closing(sqlite3.connect(ten / INDEX)) as database, database:
        change(database)
    changed = (ten / INDEX).stat().st_ino, (ten / INDEX).read_bytes()
    assert names(ten) == TEN
    assert ((ten / INDEX).stat().st_ino, (ten / INDEX).read_bytes()) != changed
    _is_whole(ten)


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("raw", [b"", b"no database" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_index_is_made_anew(ten: Path, raw: bytes) -> None:
    """Whatever stands in its place."""
    (ten / INDEX).write_bytes(raw)
    assert names(ten) == TEN
    _is_whole(ten)


@pytest.mark.usefixtures("settled")
def test_an_index_with_any_page_lost_lists_the_same(tmp_path: Path) -> None:
    """A page of it overwritten, each in turn: the list is right, and the index whole again."""
    fill(tmp_path, 40)
    expected = names(tmp_path)
    whole = (tmp_path / INDEX).read_bytes()
    (size,) = struct.unpack(">H", whole[16:18])
    for start in range(0, len(whole), size):
        (tmp_path / INDEX).write_bytes(whole[:start] + b"\xa5" * size + whole[start + size :])
        assert names(tmp_path) == expected, start
        _is_whole(tmp_path)


def _is_whole(folder: Path) -> None:
    with closing(sqlite3.connect(folder / INDEX)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        (count,) = database.execute("SELECT count(*) FROM record").fetchone()
    assert count == len(list(folder.glob("*.eln")))


@pytest.mark.usefixtures("settled")
def test_an_index_is_believed_only_where_the_files_look_unchanged(ten: Path) -> None:
    """A line about another state is read again; one about this state is not: a list is no proof."""
    records(ten)
    with closing(sqlite3.connect(ten / INDEX)) as database, database:
        database.execute("UPDATE record SET operator = 'Eve', stamp = '1' WHERE thing = 'device-3'")
        database.execute("UPDATE record SET operator = 'Eve' WHERE thing = 'device-4'")
        database.execute("INSERT INTO record (file, stamp, thing) VALUES (x'61', '1', 'device-9')")
    assert names(ten, operator="Eve") == [TEN[4]]
    assert names(ten, operator="Eve", rebuild=True) == []
    assert names(ten) == TEN


def test_a_folder_that_cannot_be_written_is_listed_from_memory(ten: Path) -> None:
    """Here a folder stands where the index should."""
    (ten / INDEX).mkdir()
    assert names(ten, thing="device-3") == [TEN[3]]
    assert list((ten / INDEX).iterdir()) == []


def test_an_index_that_another_holds_is_not_waited_for_forever(
    ten: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list is made in memory, and the index left as it is."""
    monkeypatch.setattr(index, "_WAIT_S", 0.05)
    records(ten)
    (ten / "new.eln").write_bytes(record(facts(20)))
    with closing(sqlite3.connect(ten / INDEX, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        before = (ten / INDEX).stat().st_ino
        assert names(ten) == [*TEN, "new.eln"]
        assert (ten / INDEX).stat().st_ino == before


@pytest.mark.usefixtures("settled")
def test_several_at_once_list_the_same(tmp_path: Path) -> None:
    """Eight lists of a new folder, while records come and go."""
    fill(tmp_path, 60)
    expected = names(tmp_path)
    (tmp_path / INDEX).unlink()
    with ThreadPoolExecutor(8) as pool:
        lists = [pool.submit(names, tmp_path) for _ in range(24)]
        for number in range(20):
            (tmp_path / f"more-{number}.eln").write_bytes(record(facts(100 + number)))
            (tmp_path / f"more-{number}.eln").unlink()
        for each in lists:
            assert [n for n in each.result() if not n.startswith("more")] == expected
    assert names(tmp_path) == expected
    _is_whole(tmp_path)


KILLED = """
import os, sys
from labkit.record import index
seen = []
def glance(path):
    seen.append(path)
    if len(seen) == 5:
        os._exit(9)
    return real(path)
real, index.glance = index.glance, glance
index.records(sys.argv[1])
"""


def test_killed_on_the_way(ten: Path) -> None:
    """The next list is right."""
    ended = subprocess.run([sys.executable, "-c", KILLED, ten], check=False)
    assert ended.returncode == 9
    assert names(ten) == TEN
    _is_whole(ten)


def test_a_run_s_record_is_listed(finished: Lab, tmp_path: Path) -> None:
    """What `record.make` writes is where a glance looks, in the form that it knows."""
    assert (glance.FORMAT, glance.VERSION) == (of_a_run.FORMAT, of_a_run.VERSION)
    assert f"{crate.FOLDER}record.json" == PLACE
    made = make(finished, operator="Jane", board="shelf 3", to=tmp_path, now=NOON)
    (listed,) = records(tmp_path, device="Shelf 3", operator="jane", until="2026-11-25")
    assert listed.file == made.path.name
    told = listed.facts
    assert (told.outcome, told.bench, told.made_at) == (
        "accepted",
        "SIMULATED",
        "2026-11-25T12:00:00Z",
    )
    assert len(told.fingerprint) == len(told.certificate_id) == 64


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
