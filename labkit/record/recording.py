"""A run of the manual's pages with nobody before them, which leaves a record however it ends."""

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
"""A shell gives a program that a signal ended this and the signal's number."""

_ANEW = (
    "\nThe device had been accepted before, and the pages tell of a first time: --fresh begins it "
    "anew, `labkit record make` records it as it stands."
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A run of the pages and its record; the repr says how it ended and where the record is.

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
        """0 only where every page came to its end and the device was accepted."""
        if self.run.signal:
            return _KILLED_BY + self.run.signal
        return 0 if self.run.failed is None and self.made.outcome == "accepted" else 1

    def __repr__(self) -> str:
        """Return how the run ended, and the record's lines."""
        if self.run.signal:
            ended = f"Ended by {signal.Signals(self.run.signal).name}, before its end."
        elif self.run.failed:
            ended = f"Failed: {self.run.failed}{_ANEW if self.was_accepted else ''}"
        else:
            ended = f"Pages that were run to their end: {len(self.run.executed)}."
        return f"{ended}\n{self.made}"


def run_and_record(
    lab: Lab, to: Path, told: Iterable[str], show: Callable[[str, float], object]
) -> Recorded:
    """Run the pages of a device's route and make a record of it: accepted, failed or unfinished.

    Args:
        lab: the lab; a real account has to be confirmed.
        to: the folder for the record, or a file that ends in `.eln`.
        told: parameters for the pages, each `name=value`; `operator` and `board` are the record's.
        show: told each page that has ended, and how many seconds it took.

    Raises:
        RecordError: the record cannot be made; what can be told of that is told before the first
            page is run.
    """
    parameters = read_parameters(told)
    pages = pages_of(lab.workspace)
    _refuse_place(to)
    signing_key(lab.workspace.root)
    last = lab.procedure.steps[-1]
    was_accepted = lab.workspace.journal.newest(last.name) is not None
    run = run_pages(lab.workspace, pages, parameters, show)
    made = make(
        _again(lab),
        operator=str(parameters.get("operator", "")),
        board=str(parameters.get("board", "")),
        pages=run.executed,
        failed=str(run.failed or ""),
        cut_off=bool(run.signal),
        parameters=parameters,
        to=to,
    )
    return Recorded(run, made, was_accepted)


def _refuse_place(to: Path) -> None:
    """Refuse where no record can be written, before there is one."""
    folder = to.parent if to.suffix == SUFFIX else to
    try:
        folder.mkdir(parents=True, exist_ok=True)
        why = "" if os.access(folder, os.W_OK) else "it may not be written to"
    except OSError as error:
        why = str(error.strerror)
    if folder != to and to.exists():
        why = "the file is there already, and a record is never overwritten"
    if why:
        raise RecordError(f"{to}: no record can be written there: {why}. Name another place.")


def _again(lab: Lab) -> Lab:
    """Open the lab again: its bench may have ended while a long page was run."""
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
