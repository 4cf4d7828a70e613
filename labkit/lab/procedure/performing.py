"""Performing a step: what must be done before it, its journal entry, and what it changed."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.cloud.changes import Change, watched
from labkit.errors import LabError, NotReadyError
from labkit.lab.procedure.failures import note_failure, note_success
from labkit.lab.procedure.status import States
from labkit.workspace import Entry

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from labkit.lab.procedure.status import Status
    from labkit.lab.procedure.step import Step
    from labkit.lab.procedure.steps.workbench import Workbench


@dataclass(frozen=True, slots=True)
class Performed:
    """The result of performing a step.

    Attributes:
        step: the step.
        value: the value that a page shows.
        was_done: whether it was done before, so that it was only checked or repeated.
        is_recorded: whether the journal has a new entry.
        changes: what a step that was done before had to change in the account.
    """

    step: Step
    value: object
    was_done: bool
    is_recorded: bool
    changes: tuple[Change, ...]


def perform(workbench: Workbench, step: Step, status: Status) -> Performed:
    """Perform a step, and add it to the journal if it changed anything.

    Args:
        workbench: what the step works with.
        step: the step.
        status: a snapshot that was made after the newest journal entry.

    Raises:
        NotReadyError: an earlier step has to be done first.
        LabError: the step failed; nothing is added to the journal then.
    """
    for earlier in status.missing(step):
        raise not_ready(step.name, earlier)
    done = status.entry(step)
    read = done.read if done else States(workbench.workspace).of_all(step.needs)
    changes: list[Change] = []
    try:
        with _watched(workbench, step, changes) if done else nullcontext():
            outcome = step.do(workbench, done)
    except LabError as error:
        note_failure(workbench.workspace, step.name, error)
        raise
    states = States(workbench.workspace)
    made = status.states_of(done, states) if done else states.of_all(step.makes)
    is_recorded = done is None or (done.made, done.facts) != (made, outcome.facts)
    if is_recorded:
        entry = Entry(step.name, workbench.now.isoformat(), read, made, outcome.facts)
        workbench.workspace.journal.add(entry)
    note_success(workbench.workspace, step.name)
    return Performed(step, outcome.value, done is not None, is_recorded, tuple(changes))


def _watched(
    workbench: Workbench, step: Step, changes: list[Change]
) -> AbstractContextManager[None]:
    """Collect what a step that is done changes in the account; ask before each such change."""
    if not step.is_in_account:
        return nullcontext()

    def about_to(change: Change) -> None:
        if workbench.allow is not None:
            workbench.allow(step.name, change)
        changes.append(change)

    return watched(workbench.account.client, about_to)


def not_ready(wanted: str, earlier: Step) -> NotReadyError:
    """Return the error that names the step, and its page, that has to be done first."""
    return NotReadyError(
        f"{wanted} is not ready: expected {', '.join(earlier.makes)} to exist. Run "
        f"lab.{earlier.name}() first, on page {earlier.page}.",
        step=earlier.name,
        page=earlier.page,
    )
