"""A console log as somebody looks at it: which log, what is asked of it, and where one is in it."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from labkit.console.view import Asked, Found, LogView
from labkit.device.capture import LogFollower

if TYPE_CHECKING:
    from labkit.console.view import LogLine, Verdict, Window
    from labkit.device.capture import Capture, ConsoleLog

_LOG = "console.log"
_DRAWN = 200
_STORED = 40
_AROUND_A_HIT = 15
"""Lines that are drawn, stored on a page, and drawn around a hit."""


class ShownLog:
    """The lab's console.log while it grows, one run of it, or a log that is not in the lab.

    Args:
        log: the lab's.
        run: a capture that is shown first, in place of the whole log.

    Attributes:
        other: the bytes that are looked at and are not in the lab, or None.
    """

    other: bytes | None
    _name: str
    _start: int | None
    _view: LogView
    _found: Found
    _held: int | None
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
            self._look_at_all()

    def catch_up(self) -> bool:
        """Read what came since; return whether anything did."""
        with self._reading:
            before = self._view.size
            if self.is_log_of_lab:
                if self._log.is_replaced:
                    self._begin()
                self._view.feed(self._log.more())
            self._found.look()
            return self._view.size != before

    def _begin(self) -> None:
        self._name, self._start = _LOG, 0
        self.other = None
        self._log = LogFollower(self._of_lab)
        self._view = LogView()
        self._look_at_all()

    def _look_at_all(self) -> None:
        self._held = self._middle = None
        self._found = Found(self._view, Asked())

    # What is asked of it, and where one is

    @property
    def asked(self) -> Asked:
        """What is asked of it."""
        return self._found.asked

    @property
    def is_held(self) -> bool:
        """Whether what comes now is not shown."""
        return self._held is not None

    @property
    def tasks(self) -> list[str]:
        """The tasks that have printed something."""
        return list(self._view.tasks)

    def hold(self) -> None:
        """Show no more of what comes; or, held, go on."""
        self.catch_up()
        self._held = None if self.is_held else len(self._view.lines)

    def ask(self, asked: Asked) -> None:
        """Show only what is asked for, and go to the last hit of what is searched."""
        if asked == self.asked:
            return
        with self._reading:
            self._found, self._middle = Found(self._view, asked), None
            self._found.look()
        if hits := self._found.hits(self._held):
            self._go_to_hit(hits - 1)

    def go_on_by_hits(self, step: int) -> None:
        """Go to a hit after or before the one where one is."""
        self._go_to_hit(self._hit + step)

    def go_on_by_windows(self, step: int) -> None:
        """Go to newer lines, or to older ones."""
        lines = self.window()
        middle = lines.before + len(lines.lines) // 2 + step * self._size
        is_end = middle >= self._found.count(self._held)
        self._middle = None if is_end else max(middle, 0)

    def go_to_end(self) -> None:
        """Go to the last lines."""
        self._middle = None

    def _go_to_hit(self, number: int) -> None:
        if hits := self._found.hits(self._held):
            self._hit = number % hits
            self._middle = self._found.place_of_hit(self._hit)

    @property
    def _size(self) -> int:
        return _AROUND_A_HIT if self.asked.search else _DRAWN

    # What is seen of it

    def window(self, *, stored: bool = False) -> Window:
        """Return the lines that are seen; fewer where they are stored on a page."""
        size = min(self._size, _STORED) if stored else self._size
        return self._found.window(size, middle=self._middle, held=self._held)

    def here(self, window: Window) -> LogLine | None:
        """Return the line of the hit that one is at, where it is seen."""
        if self._middle is None or self._hit >= self._found.hits(self._held):
            return None
        at = self._found.place_of_hit(self._hit) - window.before
        return window.lines[at] if 0 <= at < len(window.lines) else None

    def time_of(self, line: LogLine) -> str:
        """Return when a line came, UTC; empty for a log that is not in the lab."""
        if self._start is None:
            return ""
        return self._log.time_of(self._start + self._view.offset(line.line))

    def verdict(self) -> Verdict:
        """Return what the log says of the key."""
        return self._view.verdict()

    def what(self) -> str:
        """Return which log it is, how many of its lines are seen, and what they were asked."""
        count, came = self._found.count(self._held), len(self._view.lines)
        told = f"{self._name}: {count:,} line{'s' * (count != 1)}"
        if self.asked != Asked(search=self.asked.search):
            told += f" of {came if self._held is None else self._held:,}"
        if self.asked.search:
            hits = self._found.hits(self._held)
            told += f"; {self.asked.search!r} stands in {hits:,} of them"
        if self._held is not None:
            told += f"; paused, {came - self._held:,} more have come"
        return told
