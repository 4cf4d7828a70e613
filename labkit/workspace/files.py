"""Files that are written whole or not at all, and their fingerprints."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["copy_tree", "locked", "sha256_file", "write"]

LEFTOVER_S = 60.0
"""No write takes so long: an older temporary file is one that a kill left behind."""


def write(path: Path, content: str | bytes, *, private: bool = False) -> None:
    """Write a file whole or not at all; a private one is readable by its owner only (0600).

    A file that holds the same content already is left alone. A link is followed: what it points
    to is replaced, the link stays.
    """
    raw = content.encode() if isinstance(content, str) else content
    path = path.resolve()
    if path.is_file() and path.read_bytes() == raw:
        if private and path.stat().st_mode & 0o077:
            path.chmod(0o600)
        return
    if path.exists() and not path.is_file():
        raise FileExistsError(errno.EEXIST, "is no file, and is not replaced", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path.parent, f".{path.name}.")
    mode = 0o600 if private else (path.stat().st_mode & 0o777 if path.exists() else 0o644)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder whole or not at all; one that is there already is left alone."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target.parent, f".{target.name}.")
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        shutil.copytree(source, temporary / "copy")
        with contextlib.suppress(FileExistsError):
            (temporary / "copy").rename(target)
    except OSError:
        if not target.exists():
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sha256_file(path: Path, size: int | None = None) -> str | None:
    """Return the SHA-256 of a file, or of its first `size` bytes; None where it is not there."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    if size is not None and len(content) < size:
        return None
    return hashlib.sha256(content[:size]).hexdigest()


@contextlib.contextmanager
def locked(file: IO[bytes]) -> Iterator[None]:
    """Hold a file against others who ask for it this way; a killed holder holds it no longer."""
    _lock(file)
    try:
        yield
    finally:
        _unlock(file)


def _sweep(folder: Path, prefix: str) -> None:
    """Remove what killed writes left behind: it may be a private key."""
    for leftover in folder.iterdir():
        if not leftover.name.startswith(prefix):
            continue
        with contextlib.suppress(OSError):
            if time.time() - leftover.lstat().st_mtime > LEFTOVER_S:
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()


if sys.platform == "win32":
    import msvcrt

    _LOCKED_BYTE = 1 << 30
    """Windows locks bytes against reading, too: so one far behind the text."""

    def _lock(file: IO[bytes]) -> None:
        file.seek(_LOCKED_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)

    def _unlock(file: IO[bytes]) -> None:
        file.seek(_LOCKED_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)

    def _unlock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
