"""Notes about the resources that a run creates in the account, so that they can be deleted.

The note before the call records that a creation has begun, the note after it that it succeeded. If
the program is killed in between, the resource may exist. What existed before is never noted, and so
never touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.workspace.journal import Journal, Note

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from pathlib import Path

_BEGUN, _MADE, DELETED = "begun", "made", "unmade"


@dataclass(frozen=True, slots=True)
class Made:
    """A resource that a run created in the account, or began to create.

    Attributes:
        kind: such as "thing".
        name: its name or id.
        proof: what distinguishes it from another of the same name; empty if nothing does.
        is_certain: whether AWS confirmed its creation.
    """

    kind: str
    name: str
    proof: str
    is_certain: bool


class Ledger:
    """A run's notes about the account.

    Args:
        journal: the run's journal.
        others: the journals of the workspace's other runs.
        now: returns the time.
        cloud: "sim" or "aws"; notes about the other account are ignored.
    """

    def __init__(
        self,
        journal: Journal,
        others: Iterable[Journal],
        now: Callable[[], datetime],
        cloud: str = "",
    ) -> None:
        self._cloud = cloud
        self._journal = journal
        self._others = tuple(others)
        self._now = now
        self._known: dict[Path, tuple[int, dict[tuple[str, str], Made]]] = {}

    def begin(self, kind: str, name: str) -> None:
        """Note that a resource is about to be created."""
        self._note(_BEGUN, kind, name)

    def made(self, kind: str, name: str, proof: str = "", *, begun_as: str = "") -> None:
        """Note that it was created.

        Args:
            kind: such as "thing".
            name: its name or id.
            proof: what distinguishes it from another of the same name.
            begun_as: its name in the first note, if that was another.
        """
        self._note(_MADE, kind, name, proof, begun_as)

    def deleted(self, kind: str, name: str) -> None:
        """Note that it was deleted, or never existed."""
        self._note(DELETED, kind, name)

    def there(self) -> tuple[Made, ...]:
        """Return what this run created, or began to, and has not deleted, oldest first."""
        return tuple(self._all(self._journal).values())

    def is_begun(self, kind: str, name: str) -> bool:
        """Return whether this run has noted its creation and not its success."""
        made = self._all(self._journal).get((kind, name))
        return made is not None and not made.is_certain

    def is_this_runs(self, kind: str, name: str) -> bool:
        """Return whether this run created it, or began to."""
        return (kind, name) in self._all(self._journal)

    def is_this_labs(self, kind: str, name: str) -> bool:
        """Return whether any run of the workspace created it, or began to."""
        return any((kind, name) in self._all(journal) for journal in (self._journal, *self._others))

    def _note(self, event: str, kind: str, name: str, proof: str = "", begun_as: str = "") -> None:
        self._journal.add(
            Note(event, kind, name, self._now().isoformat(), proof, begun_as, self._cloud)
        )

    def _all(self, journal: Journal) -> dict[tuple[str, str], Made]:
        """Return the resources in a journal's notes; read again only if it has grown."""
        size = journal.size
        known_size, known = self._known.get(journal.path, (-1, {}))
        if size != known_size:
            known = _there(note for note in journal.notes if note.cloud in ("", self._cloud))
            self._known[journal.path] = size, known
        return known


def _there(notes: Iterable[Note]) -> dict[tuple[str, str], Made]:
    there: dict[tuple[str, str], Made] = {}
    for note in notes:
        key = (note.resource, note.name)
        there.pop((note.resource, note.begun_as), None)
        if note.event == DELETED:
            there.pop(key, None)
        elif note.event == _MADE or key not in there:
            there[key] = Made(note.resource, note.name, note.proof, note.event == _MADE)
    return there
