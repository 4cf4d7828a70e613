"""Which records a folder has: by device, key, thing, certificate, operator, outcome and date.

The files are what counts. Beside them a SQLite database keeps what a glance at each has told, so
that a list opens only the files that are new or changed; it looks at the state of every one (size,
times, inode). The database is a cache: it is made by itself, may be deleted at any time, and proves
nothing. Where it is damaged or of another form it is made anew; where it cannot be written, the
list is made in memory.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.errors import RecordError
from labkit.record.listing.conditions import conditions, folded
from labkit.record.listing.glance import Facts, glance
from labkit.record.listing.listed import Listed, NoRecord
from labkit.record.listing.records import Records

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["INDEX", "records"]

INDEX = ".labkit-records.sqlite"

_SUFFIX = b".eln"
_FORM = 1
"""To be raised whenever a glance tells something else of the same file."""
_COLUMNS = ("file BLOB PRIMARY KEY", "stamp", "why", *Facts._fields)
_TABLE = f"CREATE TABLE record ({', '.join(_COLUMNS)}) WITHOUT ROWID"
_INSERT = f"INSERT OR REPLACE INTO record VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 ours
_ORDERED = "ORDER BY made_at DESC, file"
_SELECT = f"SELECT file, {', '.join(Facts._fields)} FROM record WHERE {{}} {_ORDERED}"  # noqa: S608 ours

_WAIT_S = 10
"""For another list of the same folder, which may have thousands of new records to read."""
_SETTLED_NS = 2_000_000_000
"""A file that was changed so short a time ago can change again without its times showing it, and is
read again by the next list. FAT counts time in steps of two seconds."""
_UNWRITABLE = {
    *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM),
    *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_AUTH),
}
_KIND = 0xFF
"""The bits of SQLite's error code that tell its kind."""


def records(
    folder: str | Path,
    *,
    device: str | None = None,
    thing: str | None = None,
    fingerprint: str | None = None,
    certificate: str | None = None,
    operator: str | None = None,
    outcome: str | None = None,
    since: str | None = None,
    until: str | None = None,
    rebuild: bool = False,
) -> Records:
    """List the records of a folder, newest first. They are not verified.

    Args:
        folder: where the `.eln` files are; folders in it and hidden files are not looked at.
        device: a thing's name, a board's label or the serial number of its USB port.
        thing: the thing's name, exactly.
        fingerprint: the first digits of the SHA-256 of the device's public key; colons may stand
            between them.
        certificate: the first digits of the certificate's id.
        operator: who did it, in capitals or not.
        outcome: "accepted", "failed" or "unfinished".
        since: a day or a time, UTC where it names no zone.
        until: a day, which counts whole, or a time.
        rebuild: read every file again, also those that look unchanged.

    Raises:
        RecordError: there is no such folder, or what is asked for is no digits, day or outcome.
    """
    told = {
        "device": device, "thing": thing, "fingerprint": fingerprint, "certificate": certificate,
        "operator": operator, "outcome": outcome, "since": since, "until": until,
    }  # fmt: skip
    asked = {what: value for what, value in told.items() if value is not None}
    where, values = conditions(asked)
    folder = Path(folder)
    found = _found(folder)

    def answer(database: sqlite3.Connection) -> Records:
        _refresh(database, folder, found, everything=rebuild)
        listed, others, of = _ask(database, where, values)
        database.execute("COMMIT")
        words = ", ".join(f"{what} {value}" for what, value in asked.items())
        return Records(folder, listed, others, of, words)

    return _answered(folder / INDEX, answer)


def _answered(index: Path, answer: Callable[[sqlite3.Connection], Records]) -> Records:
    """Answer from the index as it is, or else from a new one, or else from memory."""
    try:
        with closing(_opened(index)) as database:
            return answer(database)
    except sqlite3.Error as error:
        writable = getattr(error, "sqlite_errorcode", 0) & _KIND not in _UNWRITABLE
    if writable:
        with suppress(sqlite3.Error, OSError):
            index.unlink(missing_ok=True)
            with closing(_opened(index)) as database:
                return answer(database)
    with closing(_opened(":memory:")) as database:
        return answer(database)


def _opened(index: Path | str) -> sqlite3.Connection:
    """Return an index of our form.

    Raises:
        sqlite3.Error: it cannot be opened, or is something else.
    """
    database = sqlite3.connect(index, timeout=_WAIT_S, isolation_level=None)
    try:
        _shape(database)
    except BaseException:
        database.close()
        raise
    database.create_function("folded", 1, folded, deterministic=True)
    return database


def _shape(database: sqlite3.Connection) -> None:
    """Make the table where there is none; refuse another's, and views and triggers."""
    if not _form(database):
        database.executescript(
            f"BEGIN IMMEDIATE; {_TABLE.replace('TABLE', 'TABLE IF NOT EXISTS')};"
            f"PRAGMA user_version = {_FORM}; COMMIT"
        )
    if (form := _form(database)) != [(_TABLE, _FORM)]:
        raise sqlite3.DatabaseError(f"expected an index of form {_FORM}, got {form}")


def _form(database: sqlite3.Connection) -> list[tuple[str, int]]:
    return database.execute(
        "SELECT sql, user_version FROM sqlite_master, pragma_user_version"
    ).fetchall()


def _found(folder: Path) -> dict[bytes, str]:
    """Return the files that should be records, each with its state."""
    now = time.time_ns()
    try:
        with os.scandir(os.fsencode(folder)) as entries:
            return {
                entry.name: _stamp(entry, now)
                for entry in entries
                if entry.name.endswith(_SUFFIX) and not entry.name.startswith(b".")
            }
    except OSError as error:
        raise RecordError(
            f"{folder}: expected a folder of records: {error.strerror}. `labkit record make` makes "
            "a record."
        ) from None


def _stamp(entry: os.DirEntry[bytes], now: int) -> str:
    """Return a file's state, empty where nothing can be concluded from it."""
    try:
        state = entry.stat()
    except OSError:
        return ""
    if now - max(state.st_mtime_ns, state.st_ctime_ns) < _SETTLED_NS:
        return ""
    return f"{state.st_size} {state.st_mtime_ns} {state.st_ctime_ns} {state.st_ino}"


def _refresh(
    database: sqlite3.Connection, folder: Path, found: Mapping[bytes, str], *, everything: bool
) -> None:
    """Bring the index up to the files, and leave its transaction open for a question."""
    database.execute("BEGIN")
    if not everything and not any(_differences(database, found)):
        return
    database.execute("ROLLBACK")
    database.execute("BEGIN IMMEDIATE")
    if everything:
        database.execute("DELETE FROM record")
    new, gone = _differences(database, found)
    rows = [(name, found[name] or None, *_glanced(folder, name)) for name in new]
    database.executemany("DELETE FROM record WHERE file = ?", [(name,) for name in gone])
    database.executemany(_INSERT, rows)


def _differences(
    database: sqlite3.Connection, found: Mapping[bytes, str]
) -> tuple[list[bytes], list[bytes]]:
    """Return which files have to be read, and which are no longer there."""
    known = dict(database.execute("SELECT file, stamp FROM record"))
    new = [name for name, stamp in found.items() if known.get(name) != stamp]
    return new, [name for name in known if name not in found]


def _glanced(folder: Path, name: bytes) -> tuple[str | None, ...]:
    nothing = (None,) * len(Facts._fields)
    try:
        return None, *glance(folder / os.fsdecode(name))
    except RecordError as error:
        return str(error), *nothing
    except OSError as error:
        return f"cannot be read: {error.strerror}", *nothing


def _ask(
    database: sqlite3.Connection, where: str, values: tuple[str, ...]
) -> tuple[tuple[Listed, ...], tuple[NoRecord, ...], int]:
    rows = database.execute(_SELECT.format(where), values)
    listed = tuple(Listed(os.fsdecode(file), Facts._make(told)) for file, *told in rows)
    others = database.execute("SELECT file, why FROM record WHERE why IS NOT NULL ORDER BY file")
    (of,) = database.execute("SELECT count(*) FROM record WHERE why IS NULL").fetchone()
    return listed, tuple(NoRecord(os.fsdecode(file), why) for file, why in others), of
