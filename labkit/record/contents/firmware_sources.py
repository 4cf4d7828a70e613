"""The firmware's sources in a record: as they were, and what was changed, secrets taken out."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from labkit import firmware
from labkit.errors import DeviceError, FirmwareError
from labkit.firmware.diffs import unified_diff
from labkit.firmware.tree import find_sources
from labkit.lab.procedure.steps.headers import backup_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labkit.workspace import Workspace

__all__ = ["NOW", "ORIGINAL", "differences", "sources"]

ORIGINAL = "firmware/original/"
NOW = "firmware/now/"


def sources(workspace: Workspace) -> dict[str, bytes]:
    """Return the three sources of the demo as they were before the lab, and as they are now.

    Secrets are still in them.

    Returns:
        Bytes by path, below `ORIGINAL` and `NOW`; empty where there is no firmware tree.
    """
    try:
        found = find_sources(workspace.firmware)
    except DeviceError:
        return {}
    files: dict[str, bytes] = {}
    for file in (found.credentials, found.keys, found.provisioning):
        now, backup = file.read_bytes(), backup_of(workspace, file.name)
        files[NOW + file.name] = now
        files[ORIGINAL + file.name] = backup.read_bytes() if backup.exists() else now
    return files


def differences(files: Mapping[str, bytes]) -> tuple[dict[str, bytes], dict[str, str]]:
    """Put a difference in the place of each source as it is now.

    Args:
        files: the files of a record, their secrets taken out.

    Returns:
        The files, and the SHA-256 of each source as it was now, by name.
    """
    kept = {path: raw for path, raw in files.items() if not path.startswith(NOW)}
    states = {}
    for path, now in files.items():
        if path.startswith(NOW):
            name = path.removeprefix(NOW)
            states[name] = hashlib.sha256(now).hexdigest()
            kept[f"firmware/{name}.diff"] = _difference(name, files[ORIGINAL + name], now)
    return kept, states


def _difference(name: str, original: bytes, now: bytes) -> bytes:
    try:
        old, new = firmware.decode(original), firmware.decode(now)
        return firmware.encode(
            unified_diff(old, new, name, secrets_are_out=True) if old != new else ""
        )
    except FirmwareError as error:
        return f"{name}: no difference can be told: {error}\n".encode()
