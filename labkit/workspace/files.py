"""Files that are written whole or not at all, and their fingerprints."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LEFTOVER = re.compile(r"[a-z0-9_]{8}")
"""What `tempfile` puts behind a prefix; an editor's swap file has another ending."""


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
        raise FileExistsError(errno.EEXIST, "is not a file, and is not replaced", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    mode = 0o600 if private else (path.stat().st_mode & 0o777 if path.exists() else 0o644)
    with _temporary_file(path) as (file, temporary):
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
        if not _REPLACES_OPEN_FILES:
            file.close()
        temporary.chmod(mode)
        temporary.replace(path)


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder whole or not at all; one that is there already is left alone."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target)
    with _temporary_folder(target) as temporary:
        try:
            shutil.copytree(source, temporary / "copy")
            with contextlib.suppress(FileExistsError):
                (temporary / "copy").rename(target)
        except OSError:
            if not target.exists():
                raise


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


@contextlib.contextmanager
def _temporary_file(path: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """Open a new file beside a path, held while this program lives; gone at the end."""
    while True:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            if not _hold(handle):
                continue
            try:
                yield file, Path(name)
            finally:
                Path(name).unlink(missing_ok=True)
            return


@contextlib.contextmanager
def _temporary_folder(path: Path) -> Iterator[Path]:
    """Make a new folder beside a path, held while this program lives; gone at the end."""
    while True:
        folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        try:
            let_go = _hold_folder(folder)
        except FileNotFoundError:
            continue
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            let_go()
        return


def _sweep(path: Path) -> None:
    """Remove what killed writes of a file left behind: it may be a private key."""
    prefix = f".{path.name}."
    for leftover in path.parent.iterdir():
        name = leftover.name
        if name.startswith(prefix) and _LEFTOVER.fullmatch(name, len(prefix)):
            with contextlib.suppress(OSError):
                _remove_abandoned(leftover)


def _remove(leftover: Path) -> None:
    shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()


if sys.platform == "win32":
    import msvcrt

    _REPLACES_OPEN_FILES = False

    _LOCKED_BYTE = 1 << 30
    """Windows locks bytes against reading, too: so one far behind the text."""

    _LONGEST_WRITE_S = 60.0
    """An older temporary file is one that a kill left behind."""

    def _lock(file: IO[bytes]) -> None:
        file.seek(_LOCKED_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)

    def _unlock(file: IO[bytes]) -> None:
        file.seek(_LOCKED_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

    def _hold(_handle: int) -> bool:
        return True

    def _hold_folder(_folder: Path) -> Callable[[], None]:
        return lambda: None

    def _remove_abandoned(leftover: Path) -> None:
        if time.time() - leftover.lstat().st_mtime > _LONGEST_WRITE_S:
            _remove(leftover)

else:
    import fcntl

    _REPLACES_OPEN_FILES = True

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)

    def _unlock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)

    def _hold(handle: int) -> bool:
        """Hold what was just made; return whether it is still there.

        Between making and holding it, another program may have taken it for a leftover.
        """
        fcntl.flock(handle, fcntl.LOCK_EX)
        status = os.fstat(handle)
        return status.st_nlink > 0

    def _hold_folder(folder: Path) -> Callable[[], None]:
        """Hold a folder as `_hold` does; return what lets it go.

        Raises:
            FileNotFoundError: it is there no more.
        """
        handle = os.open(folder, os.O_RDONLY)
        if not _hold(handle):
            os.close(handle)
            raise FileNotFoundError(errno.ENOENT, "was taken for a leftover", str(folder))
        return lambda: os.close(handle)

    def _remove_abandoned(leftover: Path) -> None:
        """Remove a temporary file whose program was killed, so that no one holds it."""
        handle = os.open(leftover, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(leftover)
        finally:
            os.close(handle)
