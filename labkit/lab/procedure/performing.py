"""Doing a step: what has to be done before it, whether it is done, and its journal entry."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from labkit.errors import LabError, NotReadyError
from labkit.lab.procedure.failing import note_failure, note_success
from labkit.lab.procedure.routes import route_of
from labkit.lab.procedure.steps import headers
from labkit.workspace import Entry, sha256_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labkit.lab.procedure.step import Step
    from labkit.lab.procedure.steps.workbench import Workbench

__all__ = ["is_done", "missing", "not_ready", "perform"]


def missing(workbench: Workbench, step: Step) -> Iterator[Step]:
    """Yield the earlier steps that a step needs and that are not done, first ones first."""
    return (
        each for each in route_of(workbench.workspace).before(step) if not is_done(workbench, each)
    )


def is_done(workbench: Workbench, step: Step) -> bool:
    """Return whether the journal says that a step was done and what it made is still there.

    What the account holds is taken from the journal here; `Step.is_asked_again` tells where that
    is not enough.
    """
    journal = list(workbench.workspace.journal)
    entry = _newest(journal, step.name)
    if entry is None:
        return False
    kept = {item: value for item, value in entry.made.items() if _is_last(journal, entry, item)}
    untouched = all(_state(workbench, item, value) == value for item, value in kept.items())
    made = {item: value for each in journal for item, value in each.made.items()}
    up_to_date = all(
        item.endswith(".log") or made.get(item, value) == value
        for item, value in entry.read.items()
    )
    return untouched and up_to_date and not (step.is_on_board and _made_since(journal, entry))


def perform(workbench: Workbench, step: Step) -> object:
    """Do a step, write it into the journal if it changed anything, and return its value.

    Raises:
        NotReadyError: an earlier step has to be done first.
        LabError: the step says what went wrong; nothing is journalled then.
    """
    for earlier in missing(workbench, step):
        raise not_ready(step.name, earlier)
    try:
        value = _do(workbench, step)
    except LabError as error:
        note_failure(workbench.workspace, step.name, error)
        raise
    note_success(workbench.workspace, step.name)
    return value


def _do(workbench: Workbench, step: Step) -> object:
    journal = workbench.workspace.journal
    done = journal.newest(step.name) if is_done(workbench, step) else None
    read = done.read if done else _states(workbench, step.needs)
    outcome = step.do(workbench, done)
    made = _remade(workbench, done) if done else _states(workbench, step.makes)
    if done is None or (done.made, done.facts) != (made, outcome.facts):
        journal.add(Entry(step.name, workbench.now.isoformat(), read, made, outcome.facts))
    return outcome.value


def _remade(workbench: Workbench, done: Entry) -> dict[str, str]:
    """Return the states of what a done step made, those that a later step replaced as recorded."""
    entries = list(workbench.workspace.journal)
    return {
        item: (_state(workbench, item, state) or state) if _is_last(entries, done, item) else state
        for item, state in done.made.items()
    }


def not_ready(wanted: str, earlier: Step) -> NotReadyError:
    """Return the error that says which step, on which page, has to be done first."""
    return NotReadyError(
        f"{wanted} is not ready: expected {', '.join(earlier.makes)} to be there. Page "
        f"{earlier.page} does that: lab.{earlier.name}().",
        step=earlier.name,
        page=earlier.page,
    )


def _newest(journal: list[Entry], name: str) -> Entry | None:
    return next((entry for entry in reversed(journal) if entry.step == name), None)


def _made_since(journal: list[Entry], entry: Entry) -> bool:
    """Return whether anything that an entry read was made again later, be it the same again.

    It was something else in between, which may have been built and flashed.
    """
    later = _after(journal, entry)
    names = {_name(item) for item in entry.read}
    return any(_name(item) in names for each in later for item in each.made)


def _after(journal: list[Entry], entry: Entry) -> list[Entry]:
    """Return what came after an entry; of several that say the same, after the last one.

    A step that was done again within the same second, or on a seeded bench, says the same again.
    """
    return journal[len(journal) - journal[::-1].index(entry) :]


def _is_last(journal: list[Entry], entry: Entry, item: str) -> bool:
    """Return whether no later entry made the same item, or another value of the same macro."""
    later = _after(journal, entry)
    return not any(_name(item) == _name(made) for each in later for made in each.made)


def _name(item: str) -> str:
    """Return an item without the value that a step gives it."""
    return item.partition("=")[0]


def _states(workbench: Workbench, items: tuple[str, ...]) -> dict[str, str]:
    states = {item: _state(workbench, item) for item in items}
    return {item: state for item, state in states.items() if state is not None}


def _state(workbench: Workbench, item: str, recorded: str | None = None) -> str | None:
    """Return an item's SHA-256 now; of a log `<bytes>:<SHA-256>` of what was there when recorded.

    None where the item is missing, or is of the account.
    """
    if ": " in item:
        return None
    if item.endswith(".log"):
        path = workbench.workspace.path(item)
        if recorded is None and not path.exists():
            return None
        size = int(recorded.partition(":")[0]) if recorded else path.stat().st_size
        return f"{size}:{sha256_file(path, size)}"
    if "." in item:
        return sha256_file(workbench.workspace.path(item))
    value = headers.value_now(workbench, item.partition("=")[0])
    return None if value is None else hashlib.sha256(value.encode()).hexdigest()
