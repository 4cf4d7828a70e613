"""Split console lines into messages and rows, and process them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from labkit.console.boots import MessageNumbers
from labkit.console.dump import Collector, Dump
from labkit.console.history import DEVICE_TITLE, History
from labkit.console.shapes import (
    ANOTHER_OWNER,
    BARE_START,
    CONTINUOUS_START,
    HEADER,
    LONGEST_TITLE,
    LOOSE_ROW,
    OFFSET,
    PREFIX,
    START_WORDS,
    Kind,
    kind_of,
    leading_numbers,
)
from labkit.keys import DER_BYTES

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Hashable, Iterator

_MOST_OTHER_LINES = 1000
"""A dump ends after this many lines of other tasks without a row."""

_ENDS_A_DUMP = {Kind.PRINTING, Kind.WAITING, Kind.WARNING, Kind.SUBJECT, Kind.NO_PRIVATE_KEY}


@dataclass(frozen=True, slots=True)
class Event:
    """A piece of console text: a message, a row of a dump, or the rest of a line.

    Attributes:
        line: the line number, counted from 1.
        kind: what it is.
        text: the text, without the prefix.
        number: the message number in the prefix, or None without a prefix.
        tick: the tick count in the prefix, or None.
        task: the task in the prefix, or None; empty where the board prints `[]`.
        dump: the dump that this event ended, complete or damaged, or None.
        row: the row's number in its dump, counted from 1; 0 if it is not a row of a dump.
        boot: the boot that printed it, counted from 1; 0 before the first message number.
    """

    line: int
    kind: Kind
    text: str
    number: int | None = None
    tick: int | None = None
    task: str | None = None
    dump: Dump | None = None
    row: int = 0
    boot: int = 0

    def __str__(self) -> str:
        """Return the text with its prefix, as the console shows it."""
        if self.number is None:
            return self.text
        return f"{self.number} {self.tick} [{self.task}] {self.text}"


class _Mark(NamedTuple):
    """The position and type of a new piece of the line."""

    start: int
    end: int
    what: str
    match: re.Match[str] | None = None


_UNKNOWN = _Mark(-1, -1, "unknown")


def _mark(what: str, match: re.Match[str] | None) -> _Mark | None:
    return _Mark(*match.span(), what, match) if match else None


class _LineSearch:
    """Searches one line and stores what it found ahead, so that a long line is searched once.

    Words that a pattern needs are searched first, which takes a tenth of the pattern's time.
    """

    def __init__(self, text: str) -> None:
        lower = text.lower()
        self.text = text
        self._found: dict[Hashable, _Mark | None] = {}
        if "key," not in lower and "91 bytes" not in lower:
            self._found["header"] = None
        if " [" not in lower:
            self._found["prefix"] = None
        if not any(words in lower for words in START_WORDS):
            self._found["start"] = None

    def header(self, position: int) -> _Mark | None:
        """Return the next header line; positions never go back, here and below."""
        return self._find("header", position, lambda text: HEADER.search(text, position))

    def prefix(self, position: int) -> _Mark | None:
        """Return the next prefix."""
        return self._find("prefix", position, lambda text: PREFIX.search(text, position))

    def start(self, position: int) -> _Mark | None:
        """Return the next beginning of a key's bytes."""
        return self._find("start", position, lambda text: BARE_START.search(text, position))

    def loose_row(self, position: int) -> _Mark | None:
        """Return the next row of any dump."""
        return self._find("row", position, lambda text: LOOSE_ROW.search(text, position))

    def row(self, position: int, collector: Collector) -> _Mark | None:
        """Return the next row of a dump that is being collected."""
        key = (collector.line, collector.continuous, collector.count)
        found = self._found.get(key, _UNKNOWN)
        if found is not None and found.start < position:
            span = collector.find(self.text, position)
            found = self._found[key] = _Mark(*span, "row") if span else None
        return found

    def _find(
        self, what: str, position: int, search: Callable[[str], re.Match[str] | None]
    ) -> _Mark | None:
        found = self._found.get(what, _UNKNOWN)
        if found is not None and found.start < position:
            found = self._found[what] = _mark(what, search(self.text))
        return found


class Lines:
    """Processes console lines, one after the other.

    Args:
        every_line: return events for text that is not about keys, too.

    Attributes:
        numbers: the message numbers so far.
        history: the dumps and announcements so far.
    """

    def __init__(self, *, every_line: bool) -> None:
        self.numbers = MessageNumbers()
        self.history = History()
        self._every_line = every_line
        self._collector: Collector | None = None
        self._lines_left = 0
        self._foreign_title = ""
        self._ended: Dump | None = None
        self._line = 0

    @property
    def collecting(self) -> bool:
        """Whether a dump is not complete yet."""
        return self._collector is not None

    def skip(self, span: bytes) -> None:
        """Skip lines that are not about keys, except for their message numbers."""
        if self.numbers.see_all(leading_numbers(span)):
            self.history.boot()

    def read(self, text: str, line: int) -> Iterator[Event]:
        """Process a line: messages and rows, which may be glued together."""
        self._line = line
        self._count_line()
        if not text:
            return
        if self._collector and self._collector.is_row(text) and START_WORDS[0] not in text:
            yield self._row(text)
            return
        position, prefix, ahead = 0, None, _LineSearch(text)
        while True:
            mark = self._next_mark(ahead, position)
            if mark is None:
                yield from self._message(text[position:], prefix)
                return
            if mark.what == "header" and mark.match:
                yield self._begin_by_header(text[position : mark.end], prefix, mark.match)
            else:
                yield from self._message(text[position : mark.start], prefix)
            prefix = mark.match if mark.what == "prefix" else None
            if prefix:
                self._see_prefix(prefix)
            elif mark.what == "start":
                self._begin_bare(text[mark.start :], text[: mark.start])
            elif mark.what == "row":
                yield self._row(text[mark.start : mark.end])
            # A dump begins at its first row, which is still to be read.
            position = mark.start if mark.what == "start" else mark.end

    def close(self) -> None:
        """Process the end of the text."""
        self._end_dump(log_ended=True)

    def _next_mark(self, ahead: _LineSearch, position: int) -> _Mark | None:
        """Find the next position where a new piece begins; a row counts before other pieces."""
        first = self._next_row(ahead, position)
        for mark in (ahead.header(position), ahead.prefix(position)):
            if mark and (first is None or mark.start < first.start):
                first = mark
        return first

    def _next_row(self, ahead: _LineSearch, position: int) -> _Mark | None:
        start = ahead.start(position)
        collector = self._collector
        if collector is None:
            loose = ahead.loose_row(position)
            return start if start and (loose is None or start.start <= loose.start) else loose
        fresh = collector.count or (start and start.match and start.match["continuous"])
        if start and fresh and not collector.continuous:
            return start
        return ahead.row(position, collector)

    def _see_prefix(self, prefix: re.Match[str]) -> None:
        if self.numbers.see(prefix["number"], int(prefix["tick"])):
            if self.numbers.boots > 1:
                self._end_dump()
            self.history.boot()
        # A task's messages stay in order, so its next message comes after all its rows.
        if self._collector and self._collector.task and self._collector.task == prefix["task"]:
            self._end_dump()

    def _begin_by_header(
        self, text: str, prefix: re.Match[str] | None, header: re.Match[str]
    ) -> Event:
        self._begin(
            task=prefix["task"] if prefix else None,
            declared=int(header["declared"] or DER_BYTES),
            title=_title(header),
        )
        return self._event(Kind.HEADER, text, prefix)

    def _begin_bare(self, text: str, before: str) -> None:
        """Begin a dump at its first row, unless its header has just begun it."""
        continuous = text.startswith(CONTINUOUS_START)
        if self._collector and not self._collector.count:
            self._collector.continuous = continuous
        else:
            by_a_tool = continuous or OFFSET.search(before) is not None
            self._begin(
                task=None,
                declared=DER_BYTES,
                title="",
                continuous=continuous,
                by_a_tool=by_a_tool,
            )

    def _begin(
        self,
        *,
        task: str | None,
        declared: int,
        title: str,
        continuous: bool = False,
        by_a_tool: bool = False,
    ) -> None:
        self._end_dump()
        complete = self.numbers.complete
        self._foreign_title = title if _is_foreign(title) else ""
        self._collector = Collector(
            line=self._line,
            boot=self.numbers.boots,
            task=task,
            declared=declared,
            generated=None
            if self._foreign_title
            else self.history.begin_dump(
                numbers_complete=complete, title=title, by_a_tool=by_a_tool
            ),
            continuous=continuous,
        )
        self._lines_left = _MOST_OTHER_LINES

    def _row(self, text: str) -> Event:
        if self._collector is None:
            self.history.loose_row(text, self._line, self.numbers.boots)
            return self._event(Kind.ROW, text)
        self._collector.take(text)
        self._lines_left = _MOST_OTHER_LINES
        number = self._collector.count
        if self._collector.full:
            self._end_dump()
        return replace(self._event(Kind.ROW, text), row=number)

    def _message(self, text: str, prefix: re.Match[str] | None) -> Iterator[Event]:
        if not text.strip() and prefix is None:
            return
        kind, match = kind_of(text)
        if kind in _ENDS_A_DUMP:
            self._end_dump()
        if match and kind is Kind.SUBJECT:
            self.history.recommended_subject = match["subject"]
        self.history.announce(kind, self._line)
        if self._every_line or self._ended or kind is not Kind.TEXT:
            yield self._event(kind, text, prefix)

    def _event(self, kind: Kind, text: str, prefix: re.Match[str] | None = None) -> Event:
        ended, self._ended = self._ended, None
        boot = self.numbers.boots
        if prefix is None:
            return Event(self._line, kind, text.strip(), dump=ended, boot=boot)
        number, tick, task = int(prefix["number"]), int(prefix["tick"]), prefix["task"]
        return Event(self._line, kind, text.strip(), number, tick, task, ended, boot=boot)

    def _count_line(self) -> None:
        self._lines_left -= 1
        if self._collector and not self._lines_left:
            self._end_dump()

    def _end_dump(self, *, log_ended: bool = False) -> None:
        if self._collector:
            self._ended = self._collector.finish(log_ended=log_ended)
            self._collector = None
            if self._foreign_title:
                self.history.skip_dump(self._ended.line, self._foreign_title)
            else:
                self.history.end_dump(self._ended)


def _title(header: re.Match[str]) -> str:
    """Return the title in a header line, with the words before what the pattern matches."""
    if header[0].lower().startswith(DEVICE_TITLE):
        return header[0]
    before = header.string[: header.start()].rpartition("]")[2]
    return (before + header[0])[-LONGEST_TITLE:].strip()


def _is_foreign(title: str) -> bool:
    return not title.lower().startswith(DEVICE_TITLE) and bool(ANOTHER_OWNER.search(title))
