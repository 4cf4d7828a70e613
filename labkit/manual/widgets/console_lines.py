"""The lines of a console, as text and as a table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markupsafe import Markup

from labkit.console import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from labkit.console.view import LogLine, Window

_LONGEST = 400
"""Characters of one line that are shown."""

_WHOLE = {None: "", True: "good", False: "bad"}


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
    window: Window, search: str, here: LogLine | None, time_of: Callable[[LogLine], str] | None
) -> Markup:
    """Return a window as a table.

    Args:
        window: the lines.
        search: what is marked wherever it stands.
        here: the line where one is, or None.
        time_of: tells when a line came; without it there is no column of times.
    """
    head = Markup("<th scope='col'>{}</th>")
    columns = ["line", *(["time (UTC)"] if time_of else []), "console", "what it is"]
    return Markup(
        "<div class='lk-console' role='region' aria-label='lines of the console' tabindex='0' "
        "data-scroll data-key='lines'>{}<table><thead><tr>{}</tr></thead><tbody>{}</tbody>"
        "</table>{}</div>"
    ).format(
        _paragraph(_left_out(window.before, "before")),
        Markup().join(head.format(column) for column in columns),
        Markup().join(
            _row(line, search, is_here=line is here, time_of=time_of) for line in window.lines
        ),
        _paragraph(_left_out(window.after, "after")),
    )


def _row(
    line: LogLine, search: str, *, is_here: bool, time_of: Callable[[LogLine], str] | None
) -> Markup:
    time = Markup("<td class='quiet'>{}</td>").format(time_of(line)) if time_of else ""
    return Markup(
        "<tr class='{}'{}><td class='quiet'>{}</td>{}<td class='mono'>{}</td>"
        "<td class='{}'>{}</td></tr>"
    ).format(
        "lk-dump" if line.kind in {Kind.HEADER, Kind.ROW} else "",
        Markup(" aria-current='true'") if is_here else "",
        line.line,
        time,
        _marked(_cut(line.text), search),
        _WHOLE[line.is_whole],
        line.note,
    )


def _marked(text: str, search: str) -> Markup:
    """Return a text with each place of the searched text marked."""
    if not search:
        return Markup("{}").format(text)
    pieces = re.split(f"({re.escape(search)})", text, flags=re.IGNORECASE)
    mark = Markup("<mark>{}</mark>")
    return Markup().join(mark.format(piece) if n % 2 else piece for n, piece in enumerate(pieces))


def _cut(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}… ({len(text) - _LONGEST:,} more characters)"


def _left_out(count: int, where: str) -> str:
    if not count:
        return ""
    return f"({count:,} line{'s' * (count != 1)} {where} these left out)"


def _paragraph(text: str) -> Markup:
    return Markup("<p class='quiet'>{}</p>").format(text) if text else Markup()
