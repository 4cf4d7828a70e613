"""What a run makes in the account: noted before it is made, so that it can be undone.

A note before the call says that something is begun, a note after it that it is made; a kill in
between leaves what was begun and may be there. What was in the account before is never noted, and
so never touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.workspace.journal import Journal, Note

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from pathlib import Path

_BEGUN, _MADE, UNMADE = "begun", "made", "unmade"


@dataclass(frozen=True, slots=True)
class Made:
    """Something that a run made in the account, or began to make.

    Attributes:
        kind: such as "thing".
        name: its name or id.
        proof: what tells it from another of the same name; empty where nothing does.
        is_certain: whether AWS answered that it is made.
    """

    kind: str
    name: str
    proof: str
    is_certain: bool


class Ledger:
    """A run's notes about the account.

    Args:
        journal: the run's journal.
        others: the journals of the workspace's other runs, whose things are not strangers'.
        now: tells the time.
        cloud: "sim" or "aws": what was made in the other is not there, and none of this run's.
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
        """Note that something is about to be made."""
        self._note(_BEGUN, kind, name)

    def made(self, kind: str, name: str, proof: str = "", *, begun_as: str = "") -> None:
        """Note that it is made.

        Args:
            kind: such as "thing".
            name: its name or id.
            proof: what tells it from another of the same name.
            begun_as: the name under which it was begun, where that was another; one note for both,
                so that no kill can come between.
        """
        self._note(_MADE, kind, name, proof, begun_as)

    def unmade(self, kind: str, name: str) -> None:
        """Note that it is gone, or was never there."""
        self._note(UNMADE, kind, name)

    def there(self) -> tuple[Made, ...]:
        """Return what this run made or began and has not unmade, oldest first."""
        return tuple(self._all(self._journal).values())

    def is_begun(self, kind: str, name: str) -> bool:
        """Return whether this run began to make something and does not know that it is made."""
        made = self._all(self._journal).get((kind, name))
        return made is not None and not made.is_certain

    def is_this_runs(self, kind: str, name: str) -> bool:
        """Return whether this run made something, or began to."""
        return (kind, name) in self._all(self._journal)

    def is_this_labs(self, kind: str, name: str) -> bool:
        """Return whether any run of the workspace made something, or began to."""
        return any((kind, name) in self._all(journal) for journal in (self._journal, *self._others))

    def _note(self, event: str, kind: str, name: str, proof: str = "", begun_as: str = "") -> None:
        self._journal.add(
            Note(event, kind, name, self._now().isoformat(), proof, begun_as, self._cloud)
        )

    def _all(self, journal: Journal) -> dict[tuple[str, str], Made]:
        """Return what a journal's run made. The file is read again only if it has grown."""
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
        if note.event == UNMADE:
            there.pop(key, None)
        elif note.event == _MADE or key not in there:
            there[key] = Made(note.resource, note.name, note.proof, note.event == _MADE)
    return there
