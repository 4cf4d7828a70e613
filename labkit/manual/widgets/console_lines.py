"""The lines of a console, as text and as a table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markupsafe import Markup

from labkit.console import Kind
from labkit.manual.widgets.html import cell, joined, paragraph, row, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from labkit.console.view import LogLine, Window

_LONGEST = 400
"""How many characters of a line are shown."""

_TONES = {None: "", True: "good", False: "bad"}


def text_lines(window: Window) -> list[str]:
    """Return a window as lines of text, with their numbers and notes."""
    width = len(str(window.lines[-1].line)) if window.lines else 0
    lines = [
        f"{line.line:>{width}}  {_cut(line.text)}{f'   <- {line.note}' * bool(line.note)}"
        for line in window.lines
    ]
    before, after = _left_out(window.before, "before"), _left_out(window.after, "after")
    return [line for line in (before, *lines, after) if line]


def draw_lines(
    window: Window, search: str, current: LogLine | None, time_of: Callable[[LogLine], str] | None
) -> Markup:
    """Return a window as a table.

    Args:
        window: the lines.
        search: the text to mark wherever it occurs.
        current: the line of the current hit, or None.
        time_of: returns when a line was captured; None for a table without times.
    """
    columns = ["line", *(["time (UTC)"] if time_of else []), "console", "what it is"]
    rows = (
        row(
            cell(line.line, "quiet"),
            *([cell(time_of(line), "quiet")] if time_of else []),
            cell(_marked(_cut(line.text), search), "mono"),
            cell(line.note, _TONES[line.is_whole]),
            css="lk-dump" if line.kind in {Kind.HEADER, Kind.ROW} else "",
            aria_current="true" if line is current else None,
        )
        for line in window.lines
    )
    return Markup(
        '<div class="lk-console" role="region" aria-label="lines of the console" tabindex="0" '
        'data-scroll data-key="lines">{}{}{}</div>'
    ).format(
        paragraph(_left_out(window.before, "before"), "quiet"),
        table(columns, rows),
        paragraph(_left_out(window.after, "after"), "quiet"),
    )


def _marked(text: str, search: str) -> Markup:
    """Return a text with each occurrence of the searched text marked."""
    if not search:
        return Markup("{}").format(text)
    pieces = re.split(f"({re.escape(search)})", text, flags=re.IGNORECASE)
    mark = Markup("<mark>{}</mark>")
    return joined(mark.format(piece) if n % 2 else piece for n, piece in enumerate(pieces))


def _cut(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}… ({len(text) - _LONGEST:,} more characters)"


def _left_out(count: int, where: str) -> str:
    if not count:
        return ""
    return f"({count:,} line{'s' * (count != 1)} {where} these left out)"
