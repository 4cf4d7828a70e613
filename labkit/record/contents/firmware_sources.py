r"""The firmware's sources in a record: the originals and the differences, without secrets.

A difference has one hunk, as `labkit.firmware` writes it. Lines end in LF; a line without it is
followed by `\ No newline at end of file`.

Source: POSIX.1-2024, diff, "Diff -u or -U Output Format"; GNU diffutils manual, "Detailed
Description of Unified Format".
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from labkit import firmware
from labkit.errors import DeviceError, FirmwareError
from labkit.firmware.diffs import unified_diff
from labkit.firmware.tree import find_sources
from labkit.lab.procedure.steps.headers import backup_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labkit.workspace import Workspace

ORIGINAL = "firmware/original/"
NOW = "firmware/now/"

_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
"""A line that ends in LF: C does not know the other line ends of `bytes.splitlines`."""
_HUNK = re.compile(rb"@@ -(\d{1,9})(?:,(\d{1,9}))? \+\d{1,9}(?:,\d{1,9})? @@\n")
_NO_LINE_END = b"\\ No newline at end of file\n"


def sources(workspace: Workspace) -> dict[str, bytes]:
    """Return the three sources of the demo, before the lab and now, with their secrets.

    Returns:
        Content by path, below `ORIGINAL` and `NOW`; empty if there is no firmware tree.
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
    """Replace each source in `NOW` by its difference from the original.

    Args:
        files: the files of a record, without secrets.

    Returns:
        The files, and the SHA-256 of each source in `NOW`, by name.
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
        return f"{name}: no difference can be made: {error}\n".encode()


def patched(original: bytes, difference: bytes) -> bytes:
    """Return a source with a difference applied.

    It is not checked that the difference fits: compare the result's SHA-256 with the record's.

    Args:
        original: the source before.
        difference: a unified difference of one hunk; empty if nothing was changed.
    """
    before = _LINE.findall(original)
    _, _, head, *rows = [*_LINE.findall(difference), b"", b"", b""]
    if not (hunk := _HUNK.fullmatch(head)):
        return original
    after = [
        row[1:-1] if following == _NO_LINE_END else row[1:]
        for row, following in zip(rows, [*rows[1:], b""], strict=True)
        if row[:1] in (b" ", b"+")
    ]
    start, count = int(hunk[1]), int(hunk[2] or 1)
    first = start - 1 if count else start
    return b"".join([*before[:first], *after, *before[first + count :]])
