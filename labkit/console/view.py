"""A console log as lines to show: filtered, searched, and cut to what fits.

Private keys are hidden and control characters are made visible before a line is stored, so every
stored line can be searched and drawn.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from labkit.console.dump import ROW_BYTES, ROW_SIZES, wrong_size
from labkit.console.reader import Reader
from labkit.console.shapes import HEADER, Kind
from labkit.errors import ConsoleError, NoDumpError
from labkit.firmware.key_blocks import KeyBlocks
from labkit.keys import DER_BYTES

if TYPE_CHECKING:
    from labkit.console.lines import Event

ABOUT_KEYS = "about keys"

_HEX = re.compile(r"[0-9a-f]*", re.IGNORECASE)
_LINE_END = re.compile(rb"\r\n?|\n")

# C0 characters become control pictures; C1 and direction marks, the replacement character.
_VISIBLE = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}
_VISIBLE |= dict.fromkeys([*range(0x80, 0xA0), 0x200E, 0x200F], 0xFFFD)
_VISIBLE |= dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)], 0xFFFD)


class LogLine(NamedTuple):
    """A message, a row of a dump, or what is left of a line.

    Attributes:
        line: the line number, counted from 1.
        text: the text with its prefix, without private keys.
        kind: what it is.
        note: a remark on a header or row of a dump; empty for other lines.
        is_whole: whether a row has all of its bytes; None if it is not a row.
    """

    line: int
    text: str
    kind: Kind
    note: str
    is_whole: bool | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of the device's public key in a log.

    Attributes:
        word: "whole", "damaged" or "no dump".
        text: the key's fingerprint, or what is wrong and what to do.
    """

    word: str
    text: str


class LogView:
    """The lines of a log that is read piece by piece.

    Attributes:
        lines: the lines so far, without empty ones.
        size: the number of bytes read.
    """

    def __init__(self) -> None:
        self.lines: list[LogLine] = []
        self.size = 0
        self._reader, self._keys = Reader(), KeyBlocks()
        self._starts = array("Q", [0])
        self._after_cr = False

    def feed(self, chunk: bytes) -> None:
        """Read a piece of the log, cut anywhere."""
        self._note_starts(chunk)
        self.size += len(chunk)
        for event in self._reader.feed(chunk):
            self.lines.append(self._line(event))

    def offset(self, line: int) -> int:
        """Return the offset of a line in bytes; lines are counted from 1."""
        return self._starts[min(line, len(self._starts)) - 1]

    def verdict(self) -> Verdict:
        """Return the state of the device's public key in the log so far."""
        console = self._reader.so_far()
        try:
            key = console.public_key()
        except NoDumpError as error:
            return Verdict("no dump", str(error))
        except ConsoleError as error:
            return Verdict("damaged", str(error))
        line = console.newest.line if console.newest else 0
        text = f"line {line}, {len(key.der)} of {DER_BYTES} bytes, SHA-256 {key.short} …"
        return Verdict("whole", "; ".join([text, *console.notes]))

    def _note_starts(self, chunk: bytes) -> None:
        if self._after_cr and chunk.startswith(b"\n"):
            self._starts[-1] += 1
        skipped = self._after_cr and chunk.startswith(b"\n")
        ends = _LINE_END.finditer(chunk, int(skipped))
        self._starts.extend(self.size + end.end() for end in ends)
        if chunk:
            self._after_cr = chunk.endswith(b"\r")

    def _line(self, event: Event) -> LogLine:
        shown = self._keys.hide(event.text).translate(_VISIBLE)
        prefix = f"{event.number} {event.tick} [{event.task}] " if event.number is not None else ""
        note, is_whole = _note(event)
        return LogLine(event.line, prefix + shown, event.kind, note, is_whole)


def _note(event: Event) -> tuple[str, bool | None]:
    """Return the bytes that a header declares, or a row's number and whether it is whole."""
    if event.kind is Kind.HEADER:
        found = HEADER.search(event.text)
        declared = int((found and found["declared"]) or DER_BYTES)
        expected = "" if declared == DER_BYTES else f", expected {DER_BYTES}"
        return f"declares {declared} bytes{expected}", None
    if event.kind is not Kind.ROW:
        return "", None
    if not event.row:
        return "a row outside a dump", None
    return _row_note(event.row, "".join(event.text.split()))


def _row_note(number: int, digits: str) -> tuple[str, bool]:
    if len(digits) > 4 * ROW_BYTES:
        return f"{len(digits) // 2} bytes without blanks", len(digits) == 2 * DER_BYTES
    size = ROW_SIZES[min(number, len(ROW_SIZES)) - 1]
    row = f"row {number} of {len(ROW_SIZES)}"
    if not _HEX.fullmatch(digits):
        return f"{row}: not all hex", False
    if len(digits) == 2 * size:
        return f"{row}: whole", True
    return f"{row}: {wrong_size(len(digits), size)}", False


@dataclass(frozen=True, slots=True)
class Filter:
    """The lines to show, and a text to find in them; an empty field accepts all lines.

    Attributes:
        kind: a Kind's value, or ABOUT_KEYS for every kind except plain text.
        search: a text to find, case-insensitive.
    """

    kind: str = ""
    search: str = ""

    def accepts(self, line: LogLine) -> bool:
        """Return whether to show a line; the search does not matter."""
        if self.kind == ABOUT_KEYS:
            return line.kind is not Kind.TEXT
        return self.kind in ("", line.kind)


class Window(NamedTuple):
    """The lines that are drawn.

    Attributes:
        lines: the lines.
        before: the number of accepted lines before them.
        after: the number of accepted lines after them.
    """

    lines: list[LogLine]
    before: int
    after: int


@dataclass(slots=True)
class FilteredLog:
    """The lines of a growing log that a filter accepts; each line is checked once.

    Attributes:
        view: the log.
        filter: the filter.
    """

    view: LogView
    filter: Filter
    _seen: int = 0
    _chosen: list[int] = field(default_factory=list)
    _hits: list[int] = field(default_factory=list)

    def update(self) -> None:
        """Filter and search the lines that were added since the last call."""
        lines, accepts = self.view.lines, self.filter.accepts
        new, self._seen = range(self._seen, len(lines)), len(lines)
        everything = not self.filter.kind
        first = len(self._chosen)
        self._chosen += new if everything else [at for at in new if accepts(lines[at])]
        if needle := self.filter.search.lower():
            self._hits += [
                place
                for place in range(first, len(self._chosen))
                if needle in lines[self._chosen[place]].text.lower()
            ]

    @property
    def count(self) -> int:
        """The number of accepted lines."""
        return len(self._chosen)

    @property
    def hits(self) -> int:
        """The number of accepted lines that contain the searched text."""
        return len(self._hits)

    def place_of_hit(self, number: int) -> int:
        """Return a hit's index among the accepted lines; both are counted from 0."""
        return self._hits[number]

    def window(self, size: int, *, middle: int | None) -> Window:
        """Return the lines around an index, or the last ones if it is None."""
        count = self.count
        last = count - size if middle is None else middle - size // 2
        first = max(0, min(last, count - size))
        shown = self._chosen[first : first + size]
        return Window(
            [self.view.lines[at] for at in shown], first, max(count - first - len(shown), 0)
        )
