"""What a board printed: the log of raw bytes, when they came, and one boot's part of it.

`console.log` holds the bytes that were read from the port, unchanged. labkit adds a line feed only
before a capture or a pasted text, if the log does not end with one. The times of reading are in
`console.times.jsonl` next to it: `{"offset": 4096, "seconds": 1767225600.123}` says that the
bytes from 4096 on were read at that time, seconds since 1970 on this computer's clock.
"""

from __future__ import annotations

import json
import time
from bisect import bisect_right
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_SHORTEST_STEP_S = 0.01
"""Bytes that come within this time of each other share a time: a few hundred lines a second."""


@dataclass(frozen=True, slots=True)
class Capture:
    """What one boot printed.

    Attributes:
        text: the console text, decoded as it came.
        start: where it starts in console.log, in bytes.
        end: where it ends there.
    """

    text: str
    start: int
    end: int

    def __repr__(self) -> str:
        """Return the text without carriage returns and empty lines, as a terminal shows it."""
        lines = (line.rstrip() for line in self.text.replace("\r", "").splitlines())
        return "\n".join(line for line in lines if line)

    def __contains__(self, text: str) -> bool:
        """Return whether the board printed a text."""
        return text in self.text


@dataclass(frozen=True, slots=True)
class ConsoleLog:
    """The raw bytes of every capture, and when they came.

    Attributes:
        path: console.log.
    """

    path: Path

    @property
    def times_path(self) -> Path:
        """The file of times: `console.times.jsonl` for `console.log`."""
        return self.path.with_suffix(".times.jsonl")

    def capture(self, start: int, end: int | None = None) -> Capture:
        """Return a part of the log as a capture; to its end where no end is given."""
        with self.path.open("rb") as log:
            log.seek(start)
            raw = log.read() if end is None else log.read(end - start)
        return Capture(raw.decode(errors="replace"), start, start + len(raw))

    def times(self) -> list[tuple[int, float]]:
        """Return from which byte on what came when, oldest first.

        A line that a kill cut off is left out: its bytes then count to the time before.
        """
        times: list[tuple[int, float]] = []
        if self.times_path.exists():
            for line in self.times_path.read_text("utf-8", errors="replace").splitlines():
                times += time_told(line)
        return times

    def with_times(self, capture: Capture) -> str:
        """Return a capture with the time of each line before it, UTC.

        A line's time is when its first byte was read. Lines from before times were kept, or
        pasted ones, have none.
        """
        times = self.times()
        offsets = [offset for offset, _ in times]
        shown = []
        at = capture.start
        for line in self.path.read_bytes()[capture.start : capture.end].splitlines(keepends=True):
            found = bisect_right(offsets, at) - 1
            at += len(line)
            if text := line.decode(errors="replace").strip():
                shown.append(f"{clock(times[found][1] if found >= 0 else 0)}  {text}")
        return "\n".join(shown)

    def append(self, raw: bytes) -> Capture:
        """Add text that did not come from a port, on a line of its own; it has no times."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        starts_line = _ends_line(self.path)
        with self.path.open("ab") as log:
            if not starts_line:
                log.write(b"\n")
            start = log.tell()
            log.write(raw)
        with self.times_path.open("a", encoding="utf-8") as times:
            times.write(_time_line(start, 0))
        return self.capture(start, start + len(raw))


class LogWriter:
    """Adds to a log what comes from a port, at once: a kill loses nothing that was read.

    Args:
        log: where to.
    """

    def __init__(self, log: ConsoleLog) -> None:
        self._log = log
        self._files = ExitStack()
        self._last = 0.0

    def __enter__(self) -> Self:
        """Open both files."""
        self._log.path.parent.mkdir(parents=True, exist_ok=True)
        # Unbuffered: what is read is in the file before it is looked at.
        self._bytes: IO[bytes] = self._files.enter_context(self._log.path.open("ab", buffering=0))
        self._times: IO[str] = self._files.enter_context(
            self._log.times_path.open("a", encoding="utf-8")
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close them."""
        self._files.close()

    @property
    def offset(self) -> int:
        """Where the next byte will stand."""
        return self._bytes.tell()

    def start_line(self) -> None:
        """Start a new line if an earlier capture, or the boot before the reset, ended within one.

        Otherwise the first line of the boot is glued to the rest of the old one, and whatever reads
        the whole log misses where the boot begins.
        """
        if not _ends_line(self._log.path):
            self._bytes.write(b"\n")

    def write(self, chunk: bytes) -> None:
        """Add bytes that were just read."""
        now = time.time()
        if chunk and not 0 <= now - self._last < _SHORTEST_STEP_S:
            self._times.write(_time_line(self.offset, now))
            self._times.flush()
            self._last = now
        self._bytes.write(chunk)


def time_told(line: str) -> list[tuple[int, float]]:
    """Read a line of the times: from which byte on what came when; nothing where it was cut off."""
    try:
        told = json.loads(line)
        return [(int(told["offset"]), float(told["seconds"]))]
    except (ValueError, KeyError, TypeError):
        return []


def _ends_line(log: Path) -> bool:
    """Return whether a log is missing, empty, or ends with a line feed."""
    return not log.exists() or log.read_bytes()[-1:] in (b"", b"\n")


def _time_line(offset: int, seconds: float) -> str:
    return json.dumps({"offset": offset, "seconds": round(seconds, 3)}) + "\n"


def clock(seconds: float) -> str:
    """Return a time of day, UTC, to the millisecond; blanks for 0, which is no time."""
    if not seconds:
        return " " * len("00:00:00.000")
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S.%f")[:-3]
