"""Resetting a board through its port's lines, where they are wired to its reset."""

from __future__ import annotations

import errno
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import serial

_PULSE_S = 0.05
"""How long the reset line is held."""

_NO_LINES = (errno.EINVAL, errno.ENOTTY)
"""What the system says of a port without DTR and RTS, such as a pseudo terminal."""


@contextmanager
def held_in_reset(port: serial.Serial, pulse_s: float = _PULSE_S) -> Iterator[bool]:
    """Hold the board in reset, and let it go at the end.

    RTS resets and DTR stays released, so that an ESP32 boots from its flash. Whether a board's
    reset is wired to RTS at all cannot be asked: ST-Link's port has the line, and it leads
    nowhere.

    Args:
        port: the open port.
        pulse_s: how long the reset line is held at least; a simulated board needs no time.

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
