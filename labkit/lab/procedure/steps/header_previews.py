"""A step's edit of a header: shown before it is written, and undone afterwards."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labkit import firmware
from labkit.errors import WorkspaceError
from labkit.lab.procedure.steps.headers import plan
from labkit.workspace import write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labkit.lab.procedure.steps.workbench import Workbench

_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


@dataclass(frozen=True, slots=True, repr=False)
class Preview:
    """One step's edit of one file.

    Attributes:
        step: the step's name.
        file: the file.
        old: its bytes now.
        new: its bytes after the step.
        diff: the difference; empty where there is none. Private keys are not in it.
    """

    step: str
    file: Path
    old: bytes
    new: bytes
    diff: str

    @property
    def is_written(self) -> bool:
        """Whether the file is, byte for byte, as the step writes it."""
        return self.file.read_bytes() == self.new


def preview(workbench: Workbench, step: str) -> Preview:
    """Return what a step would write; nothing is written.

    Raises:
        WorkspaceError: a file that the step reads is not made yet.
        FirmwareError: the header cannot take it, as the step itself would say.
    """
    try:
        planned = plan(workbench, step)
    except FileNotFoundError as error:
        raise WorkspaceError(
            f"{Path(error.filename).name} does not exist yet. An earlier step makes it: run the "
            "steps that lab.procedure lists first."
        ) from error
    old, new = firmware.encode(planned.old), firmware.encode(planned.new)
    return Preview(step, planned.file, old, new, planned.diff)


def numbered(diff: str) -> Iterator[tuple[int | None, str]]:
    """Yield each line of a unified diff with its number in the file.

    A removed line has its number before the edit, any other the number after it; the diff's own
    lines have none.
    """
    before = after = 0
    for line in diff.splitlines():
        if hunk := _HUNK.match(line):
            before, after = int(hunk[1]), int(hunk[2])
            yield None, line
        elif not (before or after) or line.startswith("\\"):
            yield None, line
        else:
            yield (before if line.startswith("-") else after), line
            before, after = before + (line[:1] != "+"), after + (line[:1] != "-")


def take_back(written: Preview) -> None:
    """Put a file back as it was before the step, byte for byte.

    The journal still has the step: for the procedure this is an edit by hand.

    Raises:
        WorkspaceError: the file has been changed since.
    """
    if not written.is_written:
        raise WorkspaceError(
            f"{written.file.name} was changed after {written.step} wrote it; taking the step back "
            "would lose that change, so nothing was done. Edit the file by hand."
        )
    write(written.file, written.old)
