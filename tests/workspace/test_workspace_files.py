"""Files that are written whole or not at all, and the journal."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from labkit.errors import WorkspaceError
from labkit.workspace import Entry, Journal, sha256_file, write
from labkit.workspace import files as files_module

if TYPE_CHECKING:
    from pathlib import Path


# Files


def test_private_files_are_the_owners_alone(tmp_path: Path) -> None:
    """A private file is 0600 from its first byte on, also where it was there, readable by all."""
    file = tmp_path / "key"
    write(file, "secret", private=True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)
    write(file, "secret", private=True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    write(tmp_path / "open", "text")
    assert stat.S_IMODE((tmp_path / "open").stat().st_mode) == 0o644


def test_modes_and_links_are_kept(tmp_path: Path) -> None:
    """A file that is written again keeps its mode; a link stays one and its target is written."""
    script = tmp_path / "script"
    write(script, "one")
    script.chmod(0o750)
    link = tmp_path / "link"
    link.symlink_to(script)
    write(link, "two")
    assert link.is_symlink()
    assert script.read_text() == "two"
    assert stat.S_IMODE(script.stat().st_mode) == 0o750


def test_only_files_are_replaced(tmp_path: Path) -> None:
    """A pipe, a device or a folder is never replaced by a file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(FileExistsError, match="is not a file, and is not replaced"):
        write(pipe, "text")
    assert pipe.is_fifo()
    with pytest.raises(FileExistsError):
        write(tmp_path, "text")


def test_the_same_content_is_not_written_again(tmp_path: Path) -> None:
    """A file that says so already keeps its time of change."""
    file = tmp_path / "file"
    write(file, "text")
    os.utime(file, (1, 1))
    write(file, "text")
    assert file.stat().st_mtime == 1
    write(file, "other")
    assert file.stat().st_mtime > 1


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full in the middle leaves the old file and nothing else."""
    file = tmp_path / "file"
    write(file, "old")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files_module.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write(file, "new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert file.read_text() == "old"


KILLED_IN_THE_MIDDLE = """
import os, pathlib, signal, sys
from labkit.workspace import write
os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
write(pathlib.Path(sys.argv[1]), "new", private=True)
"""


def test_a_killed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """A kill leaves the old file, and what it left beside it goes with the next write."""
    file = tmp_path / "file"
    write(file, "old")
    done = subprocess.run([sys.executable, "-c", KILLED_IN_THE_MIDDLE, str(file)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert file.read_text() == "old"
    (leftover,) = [path for path in tmp_path.iterdir() if path != file]
    assert stat.S_IMODE(leftover.stat().st_mode) == 0o600
    write(file, "newer")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_another_writer_holds_is_left_alone(tmp_path: Path) -> None:
    """A file that a living program writes, or an editor keeps, is not a leftover."""
    held, swap = tmp_path / ".file.abcdefgh", tmp_path / ".file.swp"
    swap.touch()
    with held.open("wb") as writer, files_module.locked(writer):
        write(tmp_path / "file", "text")
        assert held.exists()
    write(tmp_path / "file", "other text")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".file.swp", "file"]


def test_a_killed_copy_of_a_folder_goes_with_the_next(tmp_path: Path) -> None:
    """A folder that was half copied is cleared away; one that is being copied is not."""
    source, half = tmp_path / "source", tmp_path / ".target.abcdefgh"
    (half / "copy").mkdir(parents=True)
    source.mkdir()
    (source / "file").write_text("text")
    handle = os.open(half, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    files_module.copy_tree(source, tmp_path / "target")
    assert half.exists()
    os.close(handle)
    shutil.rmtree(tmp_path / "target")
    files_module.copy_tree(source, tmp_path / "target")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "target"]
    assert (tmp_path / "target" / "file").read_text() == "text"


def test_sha256_of_a_beginning(tmp_path: Path) -> None:
    """The digest of a log's beginning stays while the log grows; a cut log has none."""
    log = tmp_path / "log"
    assert sha256_file(log) is None
    log.write_bytes(b"12345")
    whole = sha256_file(log)
    log.write_bytes(b"12345678")
    assert sha256_file(log, 5) == whole
    assert sha256_file(log) != whole
    assert sha256_file(log, 9) is None


# The journal


def entry(step: str, **facts: object) -> Entry:
    """Return an entry."""
    return Entry(step, "2026-01-01T09:00:00+00:00", {"in": "a"}, {"out": "b"}, dict(facts))


def test_journal_gives_back_what_was_added(tmp_path: Path) -> None:
    """Entries come back in order and whole; the newest of a step is the last one."""
    journal = Journal(tmp_path / "deep" / "journal.jsonl")
    assert list(journal) == []
    assert journal.newest("one") is None
    added = [entry("one", n=1), entry("two", text="é\u2028\n"), entry("one", n=2)]
    for each in added:
        journal.add(each)
    assert list(journal) == added
    assert journal.newest("one") == added[2]


@given(st.data())
@hypothesis_settings(max_examples=50, deadline=None)
def test_journal_survives_a_cut_off_last_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Cut anywhere in its last line, a journal has the lines before, and takes new ones."""
    journal = Journal(tmp_path_factory.mktemp("journal") / "journal.jsonl")
    journal.add(entry("one"))
    whole = journal.path.stat().st_size
    journal.add(entry("two", text=data.draw(st.text(max_size=20))))
    cut = data.draw(st.integers(whole, journal.path.stat().st_size - 1))
    os.truncate(journal.path, cut)
    assert [each.step for each in journal] == ["one"]
    journal.add(entry("three"))
    assert [each.step for each in journal] == ["one", "three"]
    assert [json.loads(line)["step"] for line in journal.path.read_text().splitlines()] == [
        "one",
        "three",
    ]


@pytest.mark.parametrize(
    "damage",
    [
        *("", "{", "5", "null", "[]", "\x00\x00", "[" * 99999),
        *('{"step": "x"}', '{"step": 1, "at": "x"}', '{"step": "x", "at": "y", "of": "later"}'),
        *('{"step": "x", "at": "y", "made": {"a": 1}}', '{"step": "x", "at": "y", "facts": []}'),
    ],
    ids=lambda text: text[:20] or "empty",
)
def test_a_damaged_line_is_an_error(tmp_path: Path, damage: str) -> None:
    """A damaged line that is not the last one is an error that names it and what to do."""
    journal = Journal(tmp_path / "journal.jsonl")
    journal.add(entry("one"))
    journal.path.write_bytes(journal.path.read_bytes() + damage.encode() + b"\n")
    journal.add(entry("three"))
    with pytest.raises(WorkspaceError) as caught:
        list(journal)
    assert f"{journal.path}, line 2: expected a journal entry" in str(caught.value)
    assert "Restore the file, or move the device's folder away" in str(caught.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are damage like any other."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b"\xff\xfe\n")
    with pytest.raises(WorkspaceError, match="line 1: expected a journal entry"):
        list(Journal(path))


ADDS = """
import pathlib, sys
from labkit.workspace import Entry, Journal
journal = Journal(pathlib.Path(sys.argv[1]))
for number in range(40):
    journal.add(Entry(sys.argv[2], "", {}, {}, {"number": number, "long": "x" * 20000}))
"""


def test_concurrent_appends(tmp_path: Path) -> None:
    """Three processes that add long lines at once lose none and mix none."""
    path = tmp_path / "journal.jsonl"
    processes = [
        subprocess.Popen([sys.executable, "-c", ADDS, str(path), name]) for name in ("a", "b", "c")
    ]
    assert [process.wait() for process in processes] == [0, 0, 0]
    entries = list(Journal(path))
    for name in ("a", "b", "c"):
        numbers = [each.facts["number"] for each in entries if each.step == name]
        assert numbers == list(range(40))
