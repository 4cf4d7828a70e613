"""The error of each step that failed last, until it succeeds.

It is in `failed.json` in the device's folder, next to the journal, which has only performed steps.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from labkit.workspace import write

if TYPE_CHECKING:
    from pathlib import Path

    from labkit.errors import LabError
    from labkit.workspace import Workspace


def failed(workspace: Workspace) -> dict[str, str]:
    """Return the first line of the last error of each step that has not succeeded since."""
    try:
        errors = json.loads(_file(workspace).read_bytes())
        return {str(step): str(error) for step, error in errors.items()}
    except (OSError, ValueError, AttributeError, RecursionError):
        return {}


def note_failure(workspace: Workspace, step: str, error: LabError) -> None:
    """Note a step's error; a failure to write the note is ignored."""
    text = f"{type(error).__name__}: {error}".partition("\n")[0]
    _write(workspace, failed(workspace) | {step: text})


def note_success(workspace: Workspace, step: str) -> None:
    """Delete a step's error after it has succeeded."""
    known = failed(workspace)
    if known.pop(step, None) is not None:
        _write(workspace, known)


def _write(workspace: Workspace, known: dict[str, str]) -> None:
    with suppress(OSError):
        if known:
            write(_file(workspace), json.dumps(known, indent=1) + "\n")
        else:
            _file(workspace).unlink(missing_ok=True)


def _file(workspace: Workspace) -> Path:
    return workspace.device / "failed.json"
