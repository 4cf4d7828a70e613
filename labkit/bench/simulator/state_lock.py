"""One service per state directory: a lock that the operating system releases at process end."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_NAME = "service.lock"
_PID_BYTES = 20


class StateInUseError(Exception):
    """Another service uses this state directory."""


class StateDamagedError(Exception):
    """A file in the state directory was not written by a service."""


class StateLock:
    """Reserves a state directory for this process until the process ends.

    Args:
        state_dir: an existing directory.

    Raises:
        StateInUseError: another process uses it.
    """

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / _NAME
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        if not _try_lock(self._handle):
            pid = os.read(self._handle, _PID_BYTES).decode("ascii", "replace").strip()
            os.close(self._handle)
            raise StateInUseError(
                f"the state directory {state_dir} is in use by a running simulator"
                f" (process {pid or 'unknown'}). Stop it, or choose another directory with --state."
            )
        os.truncate(self._handle, 0)
        os.write(self._handle, f"{os.getpid()}\n".encode())

    @property
    def directory_exists(self) -> bool:
        """Whether the directory is still the one that was locked."""
        try:
            return os.path.samestat(os.fstat(self._handle), self._path.stat())
        except OSError:
            return False

    def release(self) -> None:
        """Release the directory."""
        os.close(self._handle)


if sys.platform == "win32":
    import msvcrt

    _LOCKED_BYTE = 1 << 20
    """Windows also locks bytes against reading: use one far behind the process id."""

    def _try_lock(handle: int) -> bool:
        os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(handle, 0, os.SEEK_SET)
        return True

else:
    import fcntl

    def _try_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
