"""The index of a folder of records: a cache that no change, damage, crowd or kill makes wrong."""

from __future__ import annotations

import os
import sqlite3
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from record_folders import TEN, facts, fill, listed, record

from labkit.record.listing import glance, index
from labkit.record.listing.index import INDEX, records

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytest_plugins = ("record_fixtures",)


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file was changed just now."""
    monkeypatch.setattr(index, "_SETTLED_NS", -(10**18))


@pytest.mark.usefixtures("settled")
def test_unchanged_files_are_not_read_again(ten: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second list opens no record but the new one."""
    assert listed(ten) == TEN
    read: list[Path] = []
    monkeypatch.setattr(index, "glance", lambda path: read.append(path) or glance.glance(path))
    assert listed(ten) == TEN
    assert read == []
    (ten / "new.eln").write_bytes(record(facts(20)))
    assert listed(ten) == [*TEN, "new.eln"]
    assert read == [ten / "new.eln"]
    assert listed(ten, rebuild=True) == [*TEN, "new.eln"]
    assert len(read) == 12


@pytest.mark.usefixtures("settled")
def test_a_file_changed_in_place_is_seen(ten: Path) -> None:
    """Also with its size and its time of change kept; one that is removed leaves the list."""
    assert listed(ten, thing="device-3") == [TEN[3]]
    path = ten / TEN[3]
    before = path.stat()
    path.write_bytes(record(facts(3, thing="device-X")))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert listed(ten, thing="device-X") == [TEN[3]]
    path.unlink()
    assert listed(ten) == [*TEN[:3], *TEN[4:]]


def test_a_file_that_was_changed_just_now_is_read_again(
    ten: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its times may be too coarse to show the next change: here they show none at all."""
    monkeypatch.setattr(index, "_stamp", _blind(index._stamp))  # noqa: SLF001 what is looked at
    assert listed(ten, thing="device-3") == [TEN[3]]
    (ten / TEN[3]).write_bytes(record(facts(3, thing="device-X")))
    assert listed(ten, thing="device-X") == [TEN[3]]


@pytest.mark.usefixtures("settled")
def test_times_too_coarse_hide_a_change(ten: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: without reading again what was changed just now, it is missed."""
    monkeypatch.setattr(index, "_stamp", _blind(index._stamp))  # noqa: SLF001 what is looked at
    assert listed(ten, thing="device-3") == [TEN[3]]
    (ten / TEN[3]).write_bytes(record(facts(3, thing="device-X")))
    assert listed(ten, thing="device-X") == []


def _blind(stamp: Callable[..., str]) -> Callable[..., str]:
    return lambda *given: "the same" if stamp(*given) else ""


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
    assert listed(ten) == TEN
    assert ((ten / INDEX).stat().st_ino, (ten / INDEX).read_bytes()) != changed
    _is_whole(ten)


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("raw", [b"", b"no database" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_index_is_made_anew(ten: Path, raw: bytes) -> None:
    """Whatever stands in its place."""
    (ten / INDEX).write_bytes(raw)
    assert listed(ten) == TEN
    _is_whole(ten)


@pytest.mark.usefixtures("settled")
def test_an_index_with_any_page_lost_lists_the_same(tmp_path: Path) -> None:
    """A page of it overwritten, each in turn: the list is right, and the index whole again."""
    fill(tmp_path, 40)
    expected = listed(tmp_path)
    whole = (tmp_path / INDEX).read_bytes()
    (size,) = struct.unpack(">H", whole[16:18])
    for start in range(0, len(whole), size):
        (tmp_path / INDEX).write_bytes(whole[:start] + b"\xa5" * size + whole[start + size :])
        assert listed(tmp_path) == expected, start
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
    assert listed(ten, operator="Eve") == [TEN[4]]
    assert listed(ten, operator="Eve", rebuild=True) == []
    assert listed(ten) == TEN


def test_a_folder_that_cannot_be_written_is_listed_from_memory(ten: Path) -> None:
    """Here a folder stands where the index should."""
    (ten / INDEX).mkdir()
    assert listed(ten, thing="device-3") == [TEN[3]]
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
        assert listed(ten) == [*TEN, "new.eln"]
        assert (ten / INDEX).stat().st_ino == before


@pytest.mark.usefixtures("settled")
def test_several_at_once_list_the_same(tmp_path: Path) -> None:
    """Eight lists of a new folder, while records come and go."""
    fill(tmp_path, 60)
    expected = listed(tmp_path)
    (tmp_path / INDEX).unlink()
    with ThreadPoolExecutor(8) as pool:
        lists = [pool.submit(listed, tmp_path) for _ in range(24)]
        for number in range(20):
            (tmp_path / f"more-{number}.eln").write_bytes(record(facts(100 + number)))
            (tmp_path / f"more-{number}.eln").unlink()
        for each in lists:
            assert [n for n in each.result() if not n.startswith("more")] == expected
    assert listed(tmp_path) == expected
    _is_whole(tmp_path)


KILLED = """
import os, sys
from labkit.record.listing import index
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
    assert listed(ten) == TEN
    _is_whole(ten)
