"""What a board printed: the log of raw bytes, the times at which they were read, and captures.

`console.log` holds the bytes that were read from the port, unchanged. labkit adds a line feed only
before a capture or a pasted text, if the log does not end with one. The times of reading are in
`console.times.jsonl` next to it: `{"offset": 4096, "seconds": 1767225600.123}` states that the
bytes from 4096 on were read at that time, in seconds since 1970 on this computer's clock.
"""

from __future__ import annotations

import json
import time
from bisect import bisect_right
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_SHORTEST_STEP_S = 0.01
"""Bytes that are read within this time of each other share one time."""


@dataclass(frozen=True, slots=True)
class Capture:
    """What one boot printed.

    Attributes:
        text: the console text, decoded as UTF-8 and otherwise unchanged.
        start: the offset in console.log of its first byte.
        end: the offset after its last byte.
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
    """The raw bytes of every capture, and when they were read.

    Attributes:
        path: console.log.
    """

    path: Path

    @property
    def times_path(self) -> Path:
        """The file of times: `console.times.jsonl` for `console.log`."""
        return self.path.with_suffix(".times.jsonl")

    def capture(self, start: int, end: int | None = None) -> Capture:
        """Return a part of the log as a capture; without an end, the rest of the log."""
        with self.path.open("rb") as log:
            log.seek(start)
            raw = log.read() if end is None else log.read(end - start)
        return Capture(raw.decode(errors="replace"), start, start + len(raw))

    def append(self, raw: bytes) -> Capture:
        """Add text that was not read from a port, on a line of its own; it has no time."""
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
    """Adds bytes to a log at once, so that a killed program loses nothing that was read.

    Args:
        log: the log.
    """

    def __init__(self, log: ConsoleLog) -> None:
        self._log = log
        self._files = ExitStack()
        self._last = 0.0

    def __enter__(self) -> Self:
        """Open both files."""
        self._log.path.parent.mkdir(parents=True, exist_ok=True)
        # Unbuffered: bytes are in the file before they are examined.
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
        """The offset of the next byte."""
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


def _ends_line(log: Path) -> bool:
    """Return whether a log is missing, empty, or ends with a line feed."""
    return not log.exists() or log.read_bytes()[-1:] in (b"", b"\n")


def _time_line(offset: int, seconds: float) -> str:
    return json.dumps({"offset": offset, "seconds": round(seconds, 3)}) + "\n"


class LogFollower:
    """Reads on in a log, and in its times, from where the last call stopped.

    Args:
        log: the log; it need not exist yet.
    """

    def __init__(self, log: ConsoleLog) -> None:
        self._log = log
        self._read = self._times_read = 0
        self._offsets: list[int] = []
        self._seconds: list[float] = []

    @property
    def is_replaced(self) -> bool:
        """Whether the file is shorter than what was read: another one has replaced it."""
        return _size(self._log.path) < self._read

    def more(self) -> bytes:
        """Return the bytes that were added since the last call."""
        chunk = _from(self._log.path, self._read)
        self._read += len(chunk)
        return chunk

    def time_of(self, offset: int) -> str:
        """Return when a byte was read, UTC, such as `14:03:59.120`; blanks if it is not known.

        Args:
            offset: the byte's offset in the log, counted from 0.
        """
        self._read_times()
        found = bisect_right(self._offsets, offset) - 1
        seconds = self._seconds[found] if found >= 0 else 0
        if not seconds:
            return " " * len("00:00:00.000")
        return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S.%f")[:-3]

    def _read_times(self) -> None:
        """Read the new lines of the times; one that a killed program left incomplete is skipped."""
        chunk = _from(self._log.times_path, self._times_read)
        whole = chunk[: chunk.rfind(b"\n") + 1]
        self._times_read += len(whole)
        for line in whole.splitlines():
            with suppress(ValueError, KeyError, TypeError):
                entry = json.loads(line)
                offset, seconds = int(entry["offset"]), float(entry["seconds"])
                self._offsets.append(offset)
                self._seconds.append(seconds)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _from(path: Path, start: int) -> bytes:
    if _size(path) <= start:
        return b""
    with path.open("rb") as file:
        file.seek(start)
        return file.read()
