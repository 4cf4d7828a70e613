"""Run the manual's pages unattended, and make a record however the run ends."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.errors import RecordError
from labkit.lab.lab import open_lab
from labkit.manual.parameters import read_parameters
from labkit.manual.running import pages_of, run_pages
from labkit.record.making import SUFFIX, make
from labkit.record.seal.signing_keys import signing_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from labkit.lab.lab import Lab
    from labkit.manual.running import PagesRun
    from labkit.record.making import Made

_KILLED_BY = 128
"""A shell adds this to the number of the signal that ended a program."""

_ACCEPTED_BEFORE = (
    "\nThe device had been accepted before, and the pages expect a new device. Start over with "
    "--fresh, or record its current state with `labkit record make`."
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A run of the pages and its record; its repr says how the run ended and where the record is.

    Attributes:
        run: the run.
        made: its record.
        was_accepted: whether the device had been accepted before the run.
    """

    run: PagesRun
    made: Made
    was_accepted: bool = False

    @property
    def exit_code(self) -> int:
        """0 only if every page ran to its end and the device was accepted."""
        if self.run.signal:
            return _KILLED_BY + self.run.signal
        return 0 if self.run.failed is None and self.made.outcome == "accepted" else 1

    def __repr__(self) -> str:
        """Return how the run ended, and the record's lines."""
        if self.run.signal:
            ended = f"Ended early by {signal.Signals(self.run.signal).name}."
        elif self.run.failed:
            ended = f"Failed: {self.run.failed}{_ACCEPTED_BEFORE if self.was_accepted else ''}"
        else:
            ended = f"{len(self.run.executed)} pages ran to their end."
        return f"{ended}\n{self.made}"


def run_and_record(
    lab: Lab, to: Path, assignments: Iterable[str], show: Callable[[str, float], object]
) -> Recorded:
    """Run the pages of a device's route and make a record of it: accepted, failed or unfinished.

    Args:
        lab: the lab; a real account must have been confirmed.
        to: the folder for the record, or a file that ends in `.eln`.
        assignments: parameters for the pages, each `name=value`; `operator` and `board` are also
            stored in the record.
        show: called with each page that has ended, and how many seconds it took.

    Raises:
        RecordError: the record cannot be made. Where possible this is raised before the first page
            runs.
    """
    parameters = read_parameters(assignments)
    pages = pages_of(lab.workspace)
    _refuse_target(to)
    signing_key(lab.workspace.root)
    last = lab.procedure.steps[-1]
    was_accepted = lab.workspace.journal.newest(last.name) is not None
    run = run_pages(lab.workspace, pages, parameters, show)
    made = make(
        _reopened(lab),
        operator=str(parameters.get("operator", "")),
        board=str(parameters.get("board", "")),
        pages=run.executed,
        failed=str(run.failed or ""),
        cut_off=bool(run.signal),
        parameters=parameters,
        to=to,
    )
    return Recorded(run, made, was_accepted)


def _refuse_target(to: Path) -> None:
    """Refuse a path that no record can be written to, before the run."""
    folder = to.parent if to.suffix == SUFFIX else to
    try:
        folder.mkdir(parents=True, exist_ok=True)
        why = "" if os.access(folder, os.W_OK) else "the folder is write-protected"
    except OSError as error:
        why = str(error.strerror)
    if folder != to and to.exists():
        why = "the file exists already, and a record is never overwritten"
    if why:
        raise RecordError(f"{to}: the record cannot be written: {why}. Choose another path.")


def _reopened(lab: Lab) -> Lab:
    """Open the lab again, because its bench can have stopped during a long page."""
    settings = lab.workspace.settings
    return open_lab(
        lab.workspace.root,
        thing_name=settings.chosen_name,
        route=settings.route,
        release=settings.release,
        device=settings.device_url,
        cloud=settings.cloud,
        seed=settings.seed or "",
    )
