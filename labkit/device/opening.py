"""Opening a port, and saying what is wrong with one that cannot be opened."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.device.ports import ports
from labkit.errors import PortError
from labkit.support.seams import quick_rfc2217_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serial import Serial

_READ_S = 0.02
"""A read waits so long for a byte, and then the listener looks at the time."""

_GROUP = "dialout"
"""Owns serial ports on Debian, Ubuntu and Fedora; Arch calls it uucp."""

_BUSY = {errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK}
_DENIED = {errno.EACCES, errno.EPERM}
_MISSING = {errno.ENOENT, errno.ENODEV, errno.ENXIO}


@contextmanager
def opened(url: str, baud_rate: int, *, is_simulated: bool = False) -> Iterator[Serial]:
    """Open a port for this program alone, and close it at the end.

    Args:
        url: a pySerial URL, such as `/dev/ttyUSB0`, `COM3` or `rfc2217://host:port`.
        baud_rate: the console's baud rate.
        is_simulated: whether it is a board of the simulated bench, which answers at once.

    Raises:
        PortError: the port is missing, in use, not permitted, or cannot be opened otherwise;
            `cause` tells these apart.
    """
    import serial  # noqa: PLC0415 only a board needs it

    client = quick_rfc2217_client() if is_simulated else serial.serial_for_url
    try:
        # Exclusive: two readers of a port would each get some of the bytes.
        port = client(url, baudrate=baud_rate, timeout=_READ_S, exclusive=True)
    except (OSError, ValueError) as error:  # SerialException is an OSError
        raise _explained(url, error) from None
    try:
        yield port
    finally:
        # Closing one that was unplugged may fail, and the error that matters is another.
        with suppress(OSError):
            port.close()


def _explained(url: str, error: Exception) -> PortError:
    cause = _cause(error)
    what = f"the serial port {url} cannot be opened"
    if cause == "missing":
        there = ", ".join(each.url for each in ports()) or "no serial port at all"
        return PortError(
            f"{what}: there is no such port; this computer has {there}. Plug the board in, with a "
            "cable that carries data, and choose its port: `labkit ports`.",
            cause=cause,
        )
    if cause == "busy":
        return PortError(
            f"{what}: another program is using it. Close the terminal, IDE monitor or debugger "
            f"that has it open{_whose(url)}, and run the step again.",
            cause=cause,
        )
    if cause == "denied":
        return PortError(f"{what}: you have no permission. {_permission(url)}", cause=cause)
    return PortError(
        f"{what}: {error}. Is the board plugged in, its URL in lab.toml right, and no other "
        "program (a terminal) using its port?",
        cause=cause,
    )


def _cause(error: Exception) -> str:
    """Tell why a port cannot be opened; pySerial says it in different places.

    Source: pySerial 3.5, `serialposix.py` and `serialwin32.py`. On Windows, where a port is
    always exclusive, access is denied where another program has it.
    """
    said, number = str(error), getattr(error, "errno", None)
    if "PermissionError(13" in said and number is None:
        return "busy"
    if "FileNotFoundError(2" in said or number in _MISSING:
        return "missing"
    if number in _BUSY:
        return "busy"
    return "denied" if number in _DENIED else "other"


def _whose(url: str) -> str:
    """Name the program that tells who has a port open, where there is one."""
    return f" (`fuser -v {url}` names it)" if sys.platform.startswith("linux") else ""


def _permission(url: str) -> str:
    group = _group(url)
    return (
        f"Ports belong to the group {group} here: `sudo usermod -a -G {group} $USER`, then log "
        "out and in again, which a running JupyterLab needs, too."
    )


def _group(url: str) -> str:
    """Return the group to be in: the port's own, unless that is root's or cannot be told."""
    if sys.platform == "win32":
        return _GROUP
    import grp  # noqa: PLC0415 there is none on Windows

    with suppress(OSError, KeyError):
        status = Path(url).stat()
        if status.st_gid not in (0, os.getgid()):
            return grp.getgrgid(status.st_gid).gr_name
    return _GROUP
