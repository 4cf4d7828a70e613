"""What a step said when it was last tried and refused, until it succeeds.

It stands beside the journal, in `failed.json` in the device's folder: the journal holds what was
done, and nothing else.
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
    """Return the first line of what each step said that failed last and was not done since."""
    try:
        told = json.loads(_file(workspace).read_bytes())
        return {str(step): str(said) for step, said in told.items()}
    except (OSError, ValueError, AttributeError, RecursionError):
        return {}


def note_failure(workspace: Workspace, step: str, error: LabError) -> None:
    """Note what a step says; that it cannot be noted is not what went wrong."""
    said = f"{type(error).__name__}: {error}".partition("\n")[0]
    _write(workspace, failed(workspace) | {step: said})


def note_success(workspace: Workspace, step: str) -> None:
    """Forget what a step said, now that it is done."""
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
