"""Open a port, explain why one cannot be opened, and reset the board through the port's lines."""

from __future__ import annotations

import errno
import os
import sys
import time
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
"""How long a read waits for a byte before the listener checks the time."""

_PULSE_S = 0.05
"""How long the reset line is held."""

_NO_LINES = (errno.EINVAL, errno.ENOTTY)
"""The system's errors for a port without DTR and RTS, such as a pseudo terminal."""

_GROUP = "dialout"
"""The group of serial ports on Debian, Ubuntu and Fedora; on Arch it is uucp."""

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
        PortError: the port is missing, in use, not permitted, or cannot be opened for another
            reason; `cause` is "missing", "busy", "denied" or "other".
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
        # Closing an unplugged port can fail; the first error is the one that matters.
        with suppress(OSError):
            port.close()


@contextmanager
def held_in_reset(port: Serial, pulse_s: float = _PULSE_S) -> Iterator[bool]:
    """Hold the board in reset, and release it at the end.

    RTS resets and DTR stays released, so that an ESP32 boots from its flash. A program cannot find
    out whether a board's reset is wired to RTS: on ST-Link's port the line exists and is not
    connected.

    Args:
        port: the open port.
        pulse_s: the shortest time for which the line is held; a simulated board needs none.

    Yields:
        Whether the port has the lines.

    Source: esptool, `reset.py`, HardReset: RTS is the chip's enable pin, inverted.
    """
    has_lines = True
    try:
        port.dtr = False
        if not port.rts:
            port.rts = True
    except OSError as error:
        if error.errno not in _NO_LINES:
            raise
        has_lines = False
    if has_lines:
        time.sleep(pulse_s)
    yield has_lines
    if has_lines:
        port.rts = False


def _explained(url: str, error: Exception) -> PortError:
    cause = _cause(error)
    what = f"the serial port {url} cannot be opened"
    if cause == "missing":
        found = ", ".join(each.url for each in ports()) or "none"
        reason = (
            f"the port does not exist. Ports of this computer: {found}. Plug the board in with a "
            "data cable, and choose its port with `labkit ports --choose`."
        )
    elif cause == "busy":
        names = f" (`fuser -v {url}` names it)" if sys.platform.startswith("linux") else ""
        reason = (
            "another program is using it. Close the terminal, IDE monitor or debugger that has it "
            f"open{names}, and run the step again."
        )
    elif cause == "denied":
        group = _group(url)
        reason = (
            f"you have no permission. The port belongs to the group {group}: run `sudo usermod -a "
            f"-G {group} $USER`, then log out and in again, and restart JupyterLab."
        )
    else:
        reason = (
            f"{error}. Check that the board is plugged in, that device.url in lab.toml is right, "
            "and that no other program, such as a terminal, is using the port."
        )
    return PortError(f"{what}: {reason}", cause=cause)


def _cause(error: Exception) -> str:
    """Return why a port cannot be opened; pySerial reports it in different places.

    Source: pySerial 3.5, `serialposix.py` and `serialwin32.py`. On Windows a port is always
    exclusive, and access is denied if another program has it open.
    """
    text, number = str(error), getattr(error, "errno", None)
    if "PermissionError(13" in text and number is None:
        return "busy"
    if "FileNotFoundError(2" in text or number in _MISSING:
        return "missing"
    if number in _BUSY:
        return "busy"
    return "denied" if number in _DENIED else "other"


def _group(url: str) -> str:
    """Return the group of the port, or the usual one if the port is root's or not found."""
    if sys.platform == "win32":
        return _GROUP
    import grp  # noqa: PLC0415 not available on Windows

    with suppress(OSError, KeyError):
        status = Path(url).stat()
        if status.st_gid not in (0, os.getgid()):
            return grp.getgrgid(status.st_gid).gr_name
    return _GROUP
