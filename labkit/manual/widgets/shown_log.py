"""The console log that a panel shows: which log, its filter and search, and the position in it."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from labkit.console.view import Filter, FilteredLog, LogView
from labkit.device.capture import LogFollower

if TYPE_CHECKING:
    from labkit.console.view import LogLine, Verdict, Window
    from labkit.device.capture import Capture, ConsoleLog

_LOG = "console.log"
_DRAWN = 200
_STORED = 40
_AROUND_A_HIT = 15
"""The number of lines that are drawn, stored on a page, and drawn around a hit."""


class ShownLog:
    """The lab's console.log while it grows, one run of it, or a log that is not in the lab.

    Args:
        log: the lab's log.
        run: a capture that is shown first, instead of the whole log.

    Attributes:
        other: the bytes of a log that is not in the lab, or None.
    """

    other: bytes | None
    _name: str
    _start: int | None
    _view: LogView
    _filtered: FilteredLog
    _middle: int | None

    def __init__(self, log: ConsoleLog, run: Capture | None = None) -> None:
        self._of_lab = log
        self._reading = Lock()
        self._hit = 0
        self._begin()
        if run is not None:
            self._name, self._start = "this run", run.start
            self._view.feed(run.text.encode())

    # Which log

    @property
    def is_log_of_lab(self) -> bool:
        """Whether it is all of console.log."""
        return self._name == _LOG

    def show_log_of_lab(self) -> None:
        """Show all of console.log."""
        with self._reading:
            self._begin()

    def show_other(self, raw: bytes, view: LogView) -> None:
        """Show a log that is not in the lab."""
        with self._reading:
            self.other, self._view = raw, view
            self._name, self._start = "a log that is not in the lab", None
            self._ask_for_all()

    def catch_up(self) -> bool:
        """Read what was added since; return whether there was anything."""
        with self._reading:
            before = self._view.size
            if self.is_log_of_lab:
                if self._log.is_replaced:
                    self._begin()
                self._view.feed(self._log.more())
            self._filtered.update()
            return self._view.size != before

    def _begin(self) -> None:
        self._name, self._start = _LOG, 0
        self.other = None
        self._log = LogFollower(self._of_lab)
        self._view = LogView()
        self._ask_for_all()

    def _ask_for_all(self) -> None:
        self._middle = None
        self._filtered = FilteredLog(self._view, Filter())

    # Its filter and search, and the position in it

    @property
    def filter(self) -> Filter:
        """The filter and the search."""
        return self._filtered.filter

    def apply(self, new: Filter) -> None:
        """Show only the lines that a filter accepts, and go to the last hit of its search."""
        if new == self.filter:
            return
        with self._reading:
            self._filtered, self._middle = FilteredLog(self._view, new), None
            self._filtered.update()
        if hits := self._filtered.hits:
            self._move_to_hit(hits - 1)

    def move_by_hits(self, step: int) -> None:
        """Move to the next hit, or to the previous one with -1."""
        self._move_to_hit(self._hit + step)

    def move_by_windows(self, step: int) -> None:
        """Move to newer lines, or to older ones with -1."""
        lines = self.window()
        middle = lines.before + len(lines.lines) // 2 + step * self._size
        self._middle = None if middle >= self._filtered.count else max(middle, 0)

    def move_to_end(self) -> None:
        """Move to the last lines."""
        self._middle = None

    def _move_to_hit(self, number: int) -> None:
        if hits := self._filtered.hits:
            self._hit = number % hits
            self._middle = self._filtered.place_of_hit(self._hit)

    @property
    def _size(self) -> int:
        return _AROUND_A_HIT if self.filter.search else _DRAWN

    # The lines that are shown

    def window(self, *, stored: bool = False) -> Window:
        """Return the lines to draw; fewer for a stored page."""
        size = min(self._size, _STORED) if stored else self._size
        return self._filtered.window(size, middle=self._middle)

    def current(self, window: Window) -> LogLine | None:
        """Return the line of the current hit, if it is in the window."""
        if self._middle is None or self._hit >= self._filtered.hits:
            return None
        at = self._filtered.place_of_hit(self._hit) - window.before
        return window.lines[at] if 0 <= at < len(window.lines) else None

    def time_of(self, line: LogLine) -> str:
        """Return when a line was captured, UTC; empty for a log that is not in the lab."""
        if self._start is None:
            return ""
        return self._log.time_of(self._start + self._view.offset(line.line))

    def verdict(self) -> Verdict:
        """Return whether the log has the whole public key."""
        return self._view.verdict()

    def summary(self) -> str:
        """Return which log it is, and how many of its lines match filter and search."""
        count, total = self._filtered.count, len(self._view.lines)
        text = f"{self._name}: {count:,} line{'s' * (count != 1)}"
        if self.filter.kind:
            text += f" of {total:,}"
        if self.filter.search:
            text += f"; {self.filter.search!r} is in {self._filtered.hits:,} of them"
        return text
