"""A unified diff of one edit, without private keys and passwords."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from labkit.errors import FirmwareError
from labkit.firmware import literals
from labkit.firmware.key_blocks import NOT_SHOWN, KeyBlocks
from labkit.firmware.macros import secret_definitions, written
from labkit.firmware.preprocessor import parse
from labkit.firmware.values import is_placeholder

if TYPE_CHECKING:
    from labkit.firmware.source import Definition, Source

_CONTEXT = 3
_PASSWORD = re.compile(r'(.*\bclientcredentialWIFI_PASSWORD\b[^"]*)"(.+)"')


def unified_diff(old: str, new: str, path: str, *, secrets_are_out: bool = False) -> str:
    """Return the difference as one hunk, in linear time.

    Args:
        old: the text before.
        new: the text after, not equal to `old`.
        path: the file's name for the head.
        secrets_are_out: whether both texts have placeholders instead of secrets. Then all lines
            are shown, so that the difference can be applied.
    """
    before, after = _lines(old), _lines(new)
    first = _common(before, after)
    most = min(len(before), len(after)) - first
    same = min(_common(before[::-1], after[::-1]), most)
    start = max(first - _CONTEXT, 0)
    removed, added = before[first : len(before) - same], after[first : len(after) - same]
    tail = before[len(before) - same :][:_CONTEXT]
    rows = [
        *(" " + line for line in before[start:first]),
        *("-" + line for line in removed),
        *("+" + line for line in added),
        *(" " + line for line in tail),
    ]
    around = first - start + len(tail)
    head = f"@@ -{_range(start, len(removed) + around)} +{_range(start, len(added) + around)} @@"
    hidden = {} if secrets_are_out else _hidden_lines(old) | _hidden_lines(new)
    body = "".join(_row(row, hidden) for row in rows)
    return f"--- a/{path}\n+++ b/{path}\n{head}\n{body}"


def _lines(text: str) -> list[str]:
    """Split at LF only: str.splitlines would also split at characters that C does not."""
    lines = text.split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _common(before: list[str], after: list[str]) -> int:
    """Return the number of equal lines at the beginning."""
    pairs = enumerate(zip(before, after, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(before), len(after)))


def _range(start: int, count: int) -> str:
    """Return a hunk's range as diff(1) writes it: without a count of 1; before an empty range."""
    if count == 1:
        return str(start + 1)
    return f"{start + 1 if count else start},{count}"


def _row(row: str, hidden: dict[str, str]) -> str:
    row = row[0] + hidden.get(row[1:], row[1:])
    return row if row.endswith("\n") else row + "\n\\ No newline at end of file\n"


def _hidden_lines(text: str) -> dict[str, str]:
    """Return each line with part of a secret, and the text to show instead."""
    lines = _lines(text)
    return _passwords(lines) | _key_blocks(lines) | _secret_macros(text)


def _passwords(lines: list[str]) -> dict[str, str]:
    """Hide passwords in comments and under #if 0."""
    found = ((line, _PASSWORD.match(line)) for line in lines if "WIFI_PASSWORD" in line)
    return {
        line: f"{match[1]}{NOT_SHOWN}\n"
        for line, match in found
        if match and not is_placeholder(match[2])
    }


def _key_blocks(lines: list[str]) -> dict[str, str]:
    """Hide the lines between BEGIN and END of private keys."""
    blocks = KeyBlocks()
    return {line: shown for line in lines if (shown := blocks.hide(line)) != line}


def _secret_macros(text: str) -> dict[str, str]:
    source = parse(text)
    hidden: dict[str, str] = {}
    for definition in secret_definitions(source):
        if _is_secret(source, definition):
            hidden |= _value_lines(source, definition)
    return hidden


def _is_secret(source: Source, definition: Definition) -> bool:
    """Return whether to hide a value: it is not NULL, empty or a placeholder."""
    how = written(source, definition)
    if how.what != "string":
        return how.what == "expression"
    try:
        content = literals.unescape(how.code, line=definition.line)
    except FirmwareError:
        return True
    return bool(content) and not is_placeholder(content)


def _value_lines(source: Source, definition: Definition) -> dict[str, str]:
    how = written(source, definition)
    start, stop = source.place(how.start), source.place(how.stop - 1) + 1
    head = source.text.rfind("\n", 0, start) + 1
    end = source.text.find("\n", stop)
    rows = _lines(source.text[head : len(source.text) if end < 0 else end + 1])
    # A value on a separate line hides that line; otherwise the part after the name is hidden.
    hidden = dict.fromkeys(rows, f"    {NOT_SHOWN}\n")
    hidden[rows[0]] = f"{source.text[head:start]}{NOT_SHOWN}\n"
    return hidden
