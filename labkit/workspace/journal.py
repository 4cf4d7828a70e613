"""The journal: every step that was performed with a device, in order. Lines are only appended.

It also has notes about resources that a run creates in the account: `labkit.workspace.ledger`.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import IO, TYPE_CHECKING, Any

from labkit.errors import WorkspaceError
from labkit.workspace.files import locked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NOTE = "resource"
"""The member that only notes about the account have."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One step that was performed, as the journal records it.

    Attributes:
        step: the step's name.
        at: when it was performed, ISO 8601, UTC.
        read: the SHA-256 of each file that it read; of a log, of its bytes at that time.
        made: the SHA-256 of each file that it wrote; of a C macro, of its value.
        facts: other results, such as an ARN.
    """

    step: str
    at: str
    read: dict[str, str] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)
    facts: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Note:
    """A note about a resource in the account.

    Attributes:
        event: "begun", "made" or "unmade" (deleted).
        resource: its kind, such as "thing".
        name: its name or id.
        at: when, ISO 8601, UTC.
        proof: what distinguishes it from another of the same name; empty if nothing does.
        begun_as: its name in the first note, if AWS chose the name later.
        cloud: "sim" or "aws", the account that has it; empty in notes of older versions.
    """

    event: str
    resource: str
    name: str
    at: str
    proof: str = ""
    begun_as: str = ""
    cloud: str = ""


class Journal:
    """The steps that were performed, one JSON object a line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __iter__(self) -> Iterator[Entry]:
        """Yield the steps' entries, oldest first; an incomplete last line is skipped.

        Raises:
            WorkspaceError: another line is not an entry.
        """
        return (line for line in self.lines() if isinstance(line, Entry))

    @property
    def notes(self) -> Iterator[Note]:
        """The notes about the account, oldest first; errors as for the entries."""
        return (line for line in self.lines() if isinstance(line, Note))

    def lines(self) -> Iterator[Entry | Note]:
        """Yield entries and notes, oldest first; errors as for the entries."""
        with suppress(FileNotFoundError):
            yield from read_journal(self.path.read_bytes(), str(self.path))

    @property
    def size(self) -> int:
        """The file's size in bytes; 0 if there is none."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def newest(self, step: str) -> Entry | None:
        """Return a step's newest entry, or None if it was never performed."""
        return next((entry for entry in reversed(list(self)) if entry.step == step), None)

    def add(self, entry: Entry | Note) -> None:
        """Append an entry or a note; it is on the disk when this returns."""
        line = json.dumps(asdict(entry)).encode() + b"\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Other programs append to the same journal: their unfinished lines must not be cut off.
        with self.path.open("a+b") as file, locked(file):
            file.truncate(_end_of_last_line(file))
            file.write(line)
            file.flush()
            os.fsync(file.fileno())


def read_journal(raw: bytes, where: str) -> Iterator[Entry | Note]:
    """Yield the lines of a journal, oldest first; an incomplete last line is skipped.

    Args:
        raw: the file's content.
        where: the file's path, for a message.

    Raises:
        WorkspaceError: another line is not an entry.
    """
    *lines, _cut_off = raw.split(b"\n")
    for number, line in enumerate(lines, 1):
        try:
            yield _line(json.loads(line))
        except (ValueError, TypeError, RecursionError) as error:
            raise WorkspaceError(
                f"{where}, line {number}: expected a journal entry, got something else "
                f"({error}). Restore the file, or move the device's folder away to start over."
            ) from None


def _line(values: Any) -> Entry | Note:  # noqa: ANN401 whatever a line of JSON holds
    if isinstance(values, dict) and _NOTE in values:
        note = Note(**values)
        if not all(isinstance(text, str) for text in asdict(note).values()):
            raise TypeError("a value is of another type")
        return note
    entry = Entry(**values)
    texts = (entry.step, entry.at, *entry.read.values(), *entry.made.values())
    if not all(isinstance(text, str) for text in texts) or not isinstance(entry.facts, dict):
        raise TypeError("a value is of another type")
    return entry


def _end_of_last_line(file: IO[bytes]) -> int:
    """Return where a journal's last whole line ends, leaving the file at its end."""
    end = file.seek(0, os.SEEK_END)
    if end == 0:
        return 0
    file.seek(end - 1)
    if file.read(1) == b"\n":
        return end
    file.seek(0)
    return file.read().rfind(b"\n") + 1
