r"""The firmware's sources in a record: as they were, and what was changed, secrets taken out.

A difference has one hunk, as `labkit.firmware` writes it; lines end in LF, and what does not end
in one is followed by `\ No newline at end of file`.

Source: POSIX.1-2024, diff, "Diff -u or -U Output Format"; GNU diffutils manual, "Detailed
Description of Unified Format".
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from labkit import firmware
from labkit.errors import DeviceError, FirmwareError, RecordError
from labkit.firmware.diffs import unified_diff
from labkit.firmware.tree import find_sources
from labkit.lab.procedure.steps.headers import backup_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from labkit.workspace import Workspace

ORIGINAL = "firmware/original/"
NOW = "firmware/now/"

_HUNK = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@\n")
_NO_LINE_END = "\\ No newline at end of file\n"


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


# Applying a difference: strictly, and nothing else


def patched(original: bytes, difference: bytes, name: str) -> bytes:
    """Return a file as a difference makes it of its original.

    Args:
        original: the file before.
        difference: the unified difference, of one hunk; empty where nothing was changed.
        name: the file's name, as the difference has to tell it.

    Raises:
        RecordError: it is no such difference, or does not fit: at which line, expected and got.
    """
    if not difference:
        return original
    before = _lines(original.decode("latin-1"))
    head, *rows = _lines(difference.decode("latin-1"))
    hunk = _HUNK.fullmatch(rows[1]) if len(rows) > 1 else None
    if head != f"--- a/{name}\n" or rows[0] != f"+++ b/{name}\n" or hunk is None:
        raise RecordError(
            f"{name}.diff: expected the head of a unified difference of {name}, got "
            f"{difference[:80]!r}."
        )
    removed, added = _sides(list(_whole(rows[2:], name)), name)
    start, count = int(hunk[1]), _count(hunk[2])
    if (count, _count(hunk[4])) != (len(removed), len(added)):
        raise RecordError(
            f"{name}.diff: its head says {count} lines before and {_count(hunk[4])} after, it has "
            f"{len(removed)} and {len(added)}."
        )
    first = start - 1 if count else start
    for number, line in enumerate(removed, first):
        got = before[number] if 0 <= number < len(before) else None
        if got != line:
            raise RecordError(
                f"{name}.diff: expected line {number + 1} of the original to be {line!r}, got "
                f"{'the end of the file' if got is None else repr(got)}."
            )
    return "".join([*before[:first], *added, *before[first + count :]]).encode("latin-1")


def _lines(text: str) -> list[str]:
    """Split at LF only: str.splitlines would also split at characters that C does not."""
    lines = text.split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _count(told: str | None) -> int:
    return 1 if told is None else int(told)


def _whole(rows: list[str], name: str) -> Iterator[str]:
    """Yield the hunk's rows, without the line end where the difference says that there is none."""
    for row, following in zip(rows, [*rows[1:], ""], strict=True):
        if row == _NO_LINE_END:
            continue
        if row[0] not in " -+" or not row.endswith("\n"):
            raise RecordError(
                f"{name}.diff: expected a line that begins with ` `, `-` or `+`, got {row[:80]!r}."
            )
        yield row[:-1] if following == _NO_LINE_END else row


def _sides(rows: list[str], name: str) -> tuple[list[str], list[str]]:
    sides = [row[1:] for row in rows if row[0] in " -"], [row[1:] for row in rows if row[0] in " +"]
    for side in sides:
        if any(not line.endswith("\n") for line in side[:-1]):
            raise RecordError(f"{name}.diff: a line without its end stands before others.")
    return sides
