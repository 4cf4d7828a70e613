"""Where a device stands on its route: each step done, failed, next or open, and what it made."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from labkit.lab.procedure.failing import failed
from labkit.lab.procedure.performing import is_done
from labkit.lab.procedure.routes import route_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labkit.lab.procedure.step import Step
    from labkit.lab.procedure.steps.workbench import Workbench
    from labkit.workspace import Entry, Workspace

__all__ = ["Stage", "stages"]

_SHORT = 8


@dataclass(frozen=True, slots=True)
class Stage:
    """A step as it stands.

    Attributes:
        step: the step.
        state: "done", "failed", "next" or "open".
        made: what it made, each with the first 8 digits of its SHA-256 where the journal has it.
        said: what it said where it failed.
    """

    step: Step
    state: str
    made: tuple[str, ...] = ()
    said: str = ""


def stages(workspace: Workspace) -> tuple[Stage, ...]:
    """Return every step of the device's route as it stands; nobody is asked, nothing is started.

    What the account holds is taken from the journal. The next step is the first one that is not
    done; where that one failed, it says so instead.

    Raises:
        WorkspaceError: the journal cannot be read.
    """
    return tuple(_stages(workspace))


def _stages(workspace: Workspace) -> Iterator[Stage]:
    # Whether a step is done is told from the workspace alone.
    workbench = cast("Workbench", SimpleNamespace(workspace=workspace))
    newest = {entry.step: entry for entry in workspace.journal}
    said = failed(workspace)
    is_next = True
    for step in route_of(workspace).steps:
        done = is_done(workbench, step)
        if step.name in said and (step.is_asked_again or not done):
            yield Stage(step, "failed", said=said[step.name])
        elif done:
            yield Stage(step, "done", tuple(_made(step, newest[step.name])))
            continue
        else:
            yield Stage(step, "next" if is_next else "open")
        is_next = False


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
