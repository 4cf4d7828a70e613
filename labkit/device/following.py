"""Following console.log while something writes to it."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from labkit.device.capture import clock, time_told

if TYPE_CHECKING:
    from pathlib import Path

    from labkit.device.capture import ConsoleLog


class Following:
    """Reads a log and its times on from where they were read to.

    Args:
        log: the log; it need not be there yet.
    """

    def __init__(self, log: ConsoleLog) -> None:
        self._log = log
        self._read = self._times_read = 0
        self._offsets: list[int] = []
        self._seconds: list[float] = []

    @property
    def is_another(self) -> bool:
        """Whether the file is shorter than what was read: it was begun anew."""
        return _size(self._log.path) < self._read

    def more(self) -> bytes:
        """Return what has come since."""
        chunk = _from(self._log.path, self._read)
        self._read += len(chunk)
        return chunk

    def time_of(self, offset: int) -> str:
        """Return when a byte came, UTC, such as `14:03:59.120`; blanks where nobody knows.

        Args:
            offset: where the byte stands in the log, counted from 0.
        """
        self._more_times()
        found = bisect_right(self._offsets, offset) - 1
        return clock(self._seconds[found] if found >= 0 else 0)

    def _more_times(self) -> None:
        chunk = _from(self._log.times_path, self._times_read)
        whole = chunk[: chunk.rfind(b"\n") + 1]
        self._times_read += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            for offset, seconds in time_told(line):
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
