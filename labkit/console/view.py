"""A console log as lines to look at: filtered, searched, and never more of them than fit.

What is kept of a line may be shown: private keys are hidden, and control characters are made
visible, before anything is searched or drawn.
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

# C0 become their pictures; C1 and what turns the direction of writing, a mark.
_VISIBLE = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}
_VISIBLE |= dict.fromkeys([*range(0x80, 0xA0), 0x200E, 0x200F], 0xFFFD)
_VISIBLE |= dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)], 0xFFFD)


class LogLine(NamedTuple):
    """A message, a row of a dump, or what is left of a line.

    Attributes:
        line: the line it stands in, counted from 1.
        text: the text with its prefix, as it may be shown.
        kind: what it is.
        note: what there is to say of a dump's header or row; empty for others.
        is_whole: whether a row has all of its bytes; None for what is no row.
    """

    line: int
    text: str
    kind: Kind
    note: str
    is_whole: bool | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a log says of the device's public key.

    Attributes:
        word: "whole", "damaged" or "no dump".
        said: which key, or what is wrong and what to do.
    """

    word: str
    said: str


class LogView:
    """The lines of a log, read as it comes.

    Attributes:
        lines: the lines so far, empty ones left out.
        size: bytes that were read.
    """

    def __init__(self) -> None:
        self.lines: list[LogLine] = []
        self.size = 0
        self._reader, self._keys = Reader(), KeyBlocks()
        self._starts = array("Q", [0])
        self._after_cr = False

    def feed(self, chunk: bytes) -> None:
        """Read on; pieces may be cut anywhere."""
        self._note_starts(chunk)
        self.size += len(chunk)
        for event in self._reader.feed(chunk):
            self.lines.append(self._line(event))

    def offset(self, line: int) -> int:
        """Return where a line begins, in bytes; lines are counted from 1."""
        return self._starts[min(line, len(self._starts)) - 1]

    def verdict(self) -> Verdict:
        """Say what the log, as far as it came, tells of the device's public key."""
        console = self._reader.so_far()
        try:
            key = console.public_key()
        except NoDumpError as error:
            return Verdict("no dump", str(error))
        except ConsoleError as error:
            return Verdict("damaged", str(error))
        line = console.newest.line if console.newest else 0
        said = [f"line {line}, {len(key.der)} of {DER_BYTES} bytes, SHA-256 {key.short} …"]
        return Verdict("whole", "; ".join([*said, *console.notes]))

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
    """Say how many bytes a header declares, or which row this is and whether it is whole."""
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
class Asked:
    """Which lines are asked for; what is empty asks for all.

    Attributes:
        kind: a Kind's value, or ABOUT_KEYS for every kind but plain text.
        search: a text to find; capital letters count as small ones.
    """

    kind: str = ""
    search: str = ""

    def takes(self, line: LogLine) -> bool:
        """Return whether a line is one of those asked for; the search leaves none out."""
        if self.kind == ABOUT_KEYS:
            return line.kind is not Kind.TEXT
        return self.kind in ("", line.kind)


class Window(NamedTuple):
    """The lines that are drawn.

    Attributes:
        lines: the lines.
        before: how many of those asked for come before them.
        after: how many come after.
    """

    lines: list[LogLine]
    before: int
    after: int


@dataclass(slots=True)
class Found:
    """What was asked for in a log that may still grow; each line is looked at once.

    Attributes:
        view: the log.
        asked: what is asked for.
    """

    view: LogView
    asked: Asked
    _seen: int = 0
    _chosen: list[int] = field(default_factory=list)
    _hits: list[int] = field(default_factory=list)

    def look(self) -> None:
        """Look at the lines that have come since."""
        lines, takes = self.view.lines, self.asked.takes
        new, self._seen = range(self._seen, len(lines)), len(lines)
        everything = self.asked == Asked(search=self.asked.search)
        first = len(self._chosen)
        self._chosen += new if everything else [at for at in new if takes(lines[at])]
        if needle := self.asked.search.lower():
            self._hits += [
                place
                for place in range(first, len(self._chosen))
                if needle in lines[self._chosen[place]].text.lower()
            ]

    @property
    def count(self) -> int:
        """How many lines there are."""
        return len(self._chosen)

    @property
    def hits(self) -> int:
        """How many of them contain the searched text."""
        return len(self._hits)

    def place_of_hit(self, number: int) -> int:
        """Return a hit's place among the lines; both are counted from 0."""
        return self._hits[number]

    def window(self, size: int, *, middle: int | None) -> Window:
        """Return lines around a place, or the last ones where it is None."""
        count = self.count
        last = count - size if middle is None else middle - size // 2
        first = max(0, min(last, count - size))
        shown = self._chosen[first : first + size]
        return Window(
            [self.view.lines[at] for at in shown], first, max(count - first - len(shown), 0)
        )
