"""The progress of a device on its route, from one snapshot of its journal, files and headers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from labkit.lab.procedure.failures import failed
from labkit.lab.procedure.routes import route_of
from labkit.lab.procedure.steps.headers import Macros
from labkit.workspace import Entry, sha256_file
from labkit.workspace.journal import Note
from labkit.workspace.ledger import DELETED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labkit.lab.procedure.step import Step
    from labkit.workspace import Workspace

_SHORT = 8


@dataclass(frozen=True, slots=True)
class Stage:
    """A step with its present state.

    Attributes:
        step: the step.
        state: "done", "failed", "next" or "open".
        made: what it made, each with the first 8 digits of its SHA-256 if the journal has it.
        error: the first line of the error if the step failed.
    """

    step: Step
    state: str
    made: tuple[str, ...] = ()
    error: str = ""


class Status:
    """Which steps of a device's route are done: a snapshot of its journal, files and headers.

    What the account holds is taken from the journal; `Step.is_asked_again` marks the steps for
    which that is not enough. Make a new snapshot after the journal has changed.

    Args:
        workspace: the device's workspace. Nothing is started, and the account is not asked.

    Raises:
        WorkspaceError: the journal cannot be read.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.route = route_of(workspace)
        self._workspace = workspace
        self._lines = list(workspace.journal.lines())
        self._journal = [line for line in self._lines if isinstance(line, Entry)]
        self._states = States(workspace)

    def entry(self, step: Step) -> Entry | None:
        """Return a step's newest entry if the step is done and what it made is still there."""
        entry = next((each for each in reversed(self._journal) if each.step == step.name), None)
        return entry if entry is not None and self._holds(step, entry) else None

    def is_done(self, step: Step) -> bool:
        """Return whether a step is done."""
        return self.entry(step) is not None

    def missing(self, step: Step) -> Iterator[Step]:
        """Yield the earlier steps that a step needs and that are not done, in order."""
        return (each for each in self.route.before(step) if not self.is_done(each))

    def states_of(self, done: Entry, states: States) -> dict[str, str]:
        """Return the states of what a done step made; recorded ones if a later step replaced it."""
        return {
            item: (states.of(item, state) or state) if self._is_last(done, item) else state
            for item, state in done.made.items()
        }

    def stages(self) -> tuple[Stage, ...]:
        """Return every step of the route with its present state.

        The first step that is not done is "next", unless it failed.
        """
        return tuple(self._stages())

    def _stages(self) -> Iterator[Stage]:
        errors = failed(self._workspace)
        is_next = True
        for step in self.route.steps:
            entry = self.entry(step)
            if step.name in errors and (step.is_asked_again or entry is None):
                yield Stage(step, "failed", error=errors[step.name])
            elif entry is not None:
                yield Stage(step, "done", tuple(_made(step, entry)))
                continue
            else:
                yield Stage(step, "next" if is_next else "open")
            is_next = False

    def _holds(self, step: Step, entry: Entry) -> bool:
        """Return whether what a step read and made is still as its entry records it."""
        later = self._after(entry)
        made = {item: value for each in self._journal for item, value in each.made.items()}
        up_to_date = all(
            item.endswith(".log") or made.get(item, value) == value
            for item, value in entry.read.items()
        )
        names = {_name(item) for item in entry.read}
        made_since = any(_name(item) in names for each in later for item in each.made)
        if not up_to_date or (step.is_on_board and made_since):
            return False
        if self._is_undone(step, entry) or self._needs_are_new(step, later):
            return False
        return all(
            self._states.of(item, value) == value
            for item, value in entry.made.items()
            if self._is_last(entry, item)
        )

    def _needs_are_new(self, step: Step, later: list[Entry]) -> bool:
        """Return whether the account has another resource now than the one that the step used."""
        again = {each.step for each in later}
        return any(
            maker.name in again and maker.resources and set(maker.makes) & set(step.needs)
            for maker in self.route.steps
        )

    def _is_undone(self, step: Step, entry: Entry) -> bool:
        """Return whether this lab has removed from the account what the step made there."""
        since = self._lines[len(self._lines) - self._lines[::-1].index(entry) :]
        return any(
            isinstance(line, Note) and line.event == DELETED and line.resource in step.resources
            for line in since
        )

    def _after(self, entry: Entry) -> list[Entry]:
        """Return the entries after an entry; of several equal ones, after the last one.

        A step that was done again within the same second, or on a seeded bench, adds an equal one.
        """
        return self._journal[len(self._journal) - self._journal[::-1].index(entry) :]

    def _is_last(self, entry: Entry, item: str) -> bool:
        """Return whether no later entry made the same item, or another value of the same macro."""
        return not any(
            _name(item) == _name(made) for each in self._after(entry) for made in each.made
        )


class States:
    """The states of files, logs and macros as they are now; each header is read once."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def of_all(self, items: tuple[str, ...]) -> dict[str, str]:
        """Return the state of each item that exists."""
        states = {item: self.of(item) for item in items}
        return {item: state for item, state in states.items() if state is not None}

    def of(self, item: str, recorded: str | None = None) -> str | None:
        """Return an item's SHA-256; of a log `<bytes>:<SHA-256>` of what it held when recorded.

        None if the item is missing, or is in the account.
        """
        if ": " in item:
            return None
        path = self._workspace.path(item)
        if item.endswith(".log"):
            if recorded is None and not path.exists():
                return None
            size = int(recorded.partition(":")[0]) if recorded else path.stat().st_size
            return f"{size}:{sha256_file(path, size)}"
        if "." in item:
            return sha256_file(path)
        value = self._macros.value(_name(item))
        return None if value is None else hashlib.sha256(value.encode()).hexdigest()

    @cached_property
    def _macros(self) -> Macros:
        return Macros(self._workspace.firmware)


def stages(workspace: Workspace) -> tuple[Stage, ...]:
    """Return every step of the device's route with its present state; see `Status.stages`."""
    return Status(workspace).stages()


def _name(item: str) -> str:
    """Return an item without the value that a step gives it."""
    return item.partition("=")[0]


def _made(step: Step, entry: Entry) -> Iterator[str]:
    for item in step.makes:
        state = entry.made.get(item, "")
        size, _, digest = state.rpartition(":")
        if size:
            yield f"{item}, {size} bytes"
        elif digest and "=" not in item:
            yield f"{item} {digest[:_SHORT]}"
        else:
            yield item
